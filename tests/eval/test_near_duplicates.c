/* Near-duplicates against all pairs one by one; groups and kept rows by hand. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "eval/metrics/similarity.h"
#include "eval/near_duplicates.h"

static void start_threads(void) {
    senc_error err = {0};
    ck_assert(senc_threads_init(2, &err));
}

static eval_near_duplicates find(const float *x, int64_t n, int64_t width, double threshold) {
    const data_vectors v = data_vectors_of_array(x, n, width);
    eval_near_duplicates d;
    senc_error err = {0};
    ck_assert_msg(eval_near_duplicates_find(&v, threshold, NULL, &d, &err), "%s", err.text);
    return d;
}

/* More rows than a block of queries; 200 equal rows, more than the first search looks for; a row of zeros. */
START_TEST(test_all_pairs) {
    enum { N = 2300, WIDTH = 7 };
    float *x = senc_alloc(N * WIDTH, sizeof *x);
    senc_rng rng;
    senc_rng_init(&rng, 3);
    for (int64_t i = 0; i < N * WIDTH; i++) x[i] = (float)((int)senc_rng_below(&rng, 9) - 4);
    for (int64_t i = 0; i < 200; i++) memcpy(x + (i * 11 + 5) * WIDTH, x, WIDTH * sizeof *x);
    memset(x + 8 * WIDTH, 0, WIDTH * sizeof *x);
    const float threshold = 0.97f;
    eval_near_duplicates d = find(x, N, WIDTH, 0.97);
    int64_t at = 0;
    for (int64_t a = 0; a < N; a++) {
        for (int64_t b = a + 1; b < N; b++) {
            const float score = (float)eval_similarity_of(EVAL_COSINE, x + a * WIDTH, x + b * WIDTH, WIDTH);
            if (score < threshold) continue;
            ck_assert_msg(at < d.n_pairs && d.pairs[at].a == a && d.pairs[at].b == b, "pair %d: rows %d, %d", (int)at,
                          (int)a, (int)b);
            ck_assert(d.pairs[at].score == score);
            at++;
        }
    }
    ck_assert_int_eq(at, d.n_pairs);
    ck_assert(at > 20000);
    for (int64_t i = 0; i < d.n_pairs;
         i++) { /* no two kept rows are near; nobody is left out for a row that is not kept */
        ck_assert(d.duplicate_of[d.pairs[i].a] >= 0 || d.duplicate_of[d.pairs[i].b] >= 0);
        ck_assert_int_eq(d.group[d.pairs[i].a], d.group[d.pairs[i].b]);
    }
    for (int64_t i = 0; i < N; i++) ck_assert(d.duplicate_of[i] < 0 || d.duplicate_of[d.duplicate_of[i]] < 0);
    eval_near_duplicates_free(&d);
    free(x);
}
END_TEST

/* Angles 0, 10, 20, 90, 95 and 270 degrees; near is up to 12 degrees. 0-10 and 10-20 are near, 0-20 is not: 20 is kept,
 * because 10 was left out. */
START_TEST(test_by_hand) {
    const float x[] = {1,
                       0,
                       /**/ 0.98480775f,
                       0.17364818f,
                       /**/ 0.93969262f,
                       0.34202014f,
                       /**/ 0,
                       1, /**/
                       -0.08715574f,
                       0.99619470f,
                       /**/ 0,
                       -1};
    eval_near_duplicates d = find(x, 6, 2, 0.9781476 /* cos 12 degrees */);
    ck_assert_int_eq(d.n_pairs, 3);
    ck_assert(d.pairs[0].a == 0 && d.pairs[0].b == 1 && d.pairs[1].a == 1 && d.pairs[1].b == 2);
    ck_assert(d.pairs[2].a == 3 && d.pairs[2].b == 4);
    static const int64_t duplicate_of[] = {-1, 0, -1, -1, 3, -1}, group[] = {0, 0, 0, 1, 1, -1};
    ck_assert_mem_eq(d.duplicate_of, duplicate_of, sizeof duplicate_of);
    ck_assert_mem_eq(d.group, group, sizeof group);
    ck_assert_int_eq(d.n_dropped, 2);
    ck_assert_int_eq(d.n_groups, 2);
    eval_near_duplicates_free(&d);
    /* Two that are kept and a third that is near both: it is left out for the nearer one, wherever that stands. */
    for (int nearer = 0; nearer < 2; nearer++) {
        const double degrees[] = {0, 20, nearer ? 11 : 9};
        float y[6];
        for (int i = 0; i < 6; i++)
            y[i] = (float)(i % 2 ? sin(degrees[i / 2] * 0.017453292519943295)
                                 : cos(degrees[i / 2] * 0.017453292519943295));
        d = find(y, 3, 2, 0.9781476);
        ck_assert_int_eq(d.n_pairs, 2);
        ck_assert_int_eq(d.duplicate_of[2], nearer);
        ck_assert_int_eq(d.n_dropped, 1);
        eval_near_duplicates_free(&d);
    }
    d = find(x, 0, 2, 0.5);
    ck_assert(d.n_pairs == 0 && d.n_groups == 0);
    eval_near_duplicates_free(&d);
}
END_TEST

static bool stop(senc_error *err) {
    return senc_fail(err, SENC_INTERRUPTED, "stopped");
}

START_TEST(test_failures) {
    const float x[] = {1, 0, /**/ __builtin_nanf(""), 1};
    const data_vectors v = data_vectors_of_array(x, 2, 2), good = data_vectors_of_array(x, 1, 2);
    eval_near_duplicates d;
    senc_error err = {0};
    ck_assert(!eval_near_duplicates_find(&v, 0.5, NULL, &d, &err));
    ck_assert_str_eq(err.text, "vectors: row 2: expected finite numbers, found a NaN or an infinity");
    err = (senc_error){0};
    ck_assert(!eval_near_duplicates_find(&good, 0.5, stop, &d, &err));
    ck_assert_int_eq(err.kind, SENC_INTERRUPTED);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("near_duplicates");
    TCase *tc = tcase_create("near_duplicates");
    tcase_add_checked_fixture(tc, start_threads, senc_threads_free);
    tcase_add_test(tc, test_all_pairs);
    tcase_add_test(tc, test_by_hand);
    tcase_add_test(tc, test_failures);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
