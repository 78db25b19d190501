/* Thresholds, partitions: what the numbers of other tools (test_eval_reference) do not reach. */
#include "eval/metrics/classification.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "eval/metrics/clustering.h"

static eval_binary measure(const double *scores, const double *labels, int64_t n) {
    eval_binary b;
    senc_error err = {0};
    ck_assert_msg(eval_binary_measure(scores, labels, n, &b, &err), "%s", err.text);
    return b;
}

/* Halfway between two neighbouring doubles is one of them: the threshold may not be the lower, which it would let in.
 */
START_TEST(a_middle_that_rounds_to_the_next_score) {
    const double low = 1, high = nextafter(1, 2), next = nextafter(high, 2);
    ck_assert((low + high) / 2 == low && (high + next) / 2 == next);
    const double scores[] = {high, low, 0.5}, labels[] = {1, 0, 0};
    eval_binary b = measure(scores, labels, 3);
    ck_assert(b.accuracy == 1 && b.accuracy_threshold == high);
    ck_assert(b.f1 == 1 && b.f1_threshold == high);
    const double above[] = {next, high}; /* rounds up: to the score itself */
    b = measure(above, labels, 2);
    ck_assert(b.accuracy_threshold == next && b.f1_threshold == next);
    const double apart[] = {3, 1};
    b = measure(apart, labels, 2);
    ck_assert(b.accuracy_threshold == 2 && b.f1_threshold == 2);
}
END_TEST

/* All pairs predicted as different is a threshold too: just above the highest score. */
START_TEST(no_pair_is_similar) {
    const double scores[] = {0.9, 0.8, 0.7}, labels[] = {0, 0, 1};
    const eval_binary b = measure(scores, labels, 3);
    ck_assert(b.accuracy == 2.0 / 3 && b.accuracy_threshold == nextafter(0.9, 1));
    ck_assert(b.f1 == 0.5 && b.f1_threshold == 0.7 && b.mcc == 0);
}
END_TEST

/* Of classes that are as frequent the first is the majority; an empty cluster has none. */
START_TEST(majorities) {
    const int64_t classes[] = {2, 1, 1, 2, 0}, clusters[] = {0, 0, 0, 0, 2};
    int64_t majority[3];
    eval_partition p;
    senc_error err = {0};
    ck_assert(eval_partition_measure(classes, 3, clusters, 3, 5, majority, &p, &err));
    ck_assert_int_eq(majority[0], 1);
    ck_assert_int_eq(majority[1], -1);
    ck_assert_int_eq(majority[2], 0);
    ck_assert(p.purity == 3.0 / 5);
}
END_TEST

/* Classes that say nothing about clusters: rounding may not make less than nothing of it. */
START_TEST(independent_partitions) {
    for (int64_t a = 2; a <= 12; a++) {
        for (int64_t b = 2; b <= 12; b++) {
            int64_t classes[144], clusters[144];
            for (int64_t i = 0; i < a * b; i++) {
                classes[i] = i % a;
                clusters[i] = i / a;
            }
            eval_partition p;
            senc_error err = {0};
            ck_assert(eval_partition_measure(classes, a, clusters, b, a * b, NULL, &p, &err));
            ck_assert_msg(p.homogeneity >= 0 && p.completeness >= 0 && p.v_measure >= 0 && p.v_measure < 1e-12,
                          "%lld x %lld: %g, %g, %g", (long long)a, (long long)b, p.homogeneity, p.completeness,
                          p.v_measure);
        }
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("classification");
    TCase *t = tcase_create("classification");
    tcase_add_test(t, a_middle_that_rounds_to_the_next_score);
    tcase_add_test(t, no_pair_is_similar);
    tcase_add_test(t, majorities);
    tcase_add_test(t, independent_partitions);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
