/* k-means on vectors whose clusters are known, in hard cases, and on several threads. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "eval/solvers/kmeans.h"

static eval_kmeans_outcome cluster(const float *x, int64_t n, int64_t width, int64_t k, int64_t *clusters) {
    const eval_kmeans_options options = {.n_clusters = k, .n_starts = 3, .max_iterations = 100, .seed = 1};
    eval_kmeans_outcome outcome;
    senc_error err = {0};
    ck_assert_msg(eval_kmeans(&options, x, n, width, clusters, &outcome, &err), "%s", err.text);
    for (int64_t i = 0; i < n; i++) ck_assert(clusters[i] >= 0 && clusters[i] < k);
    return outcome;
}

START_TEST(finds_two_groups) {
    const float x[] = {0, 0, 0, 2, 10, 0, 10, 1, 10, 2};
    int64_t clusters[5];
    const eval_kmeans_outcome outcome = cluster(x, 5, 2, 2, clusters);
    ck_assert(clusters[0] == clusters[1] && clusters[2] == clusters[3] && clusters[3] == clusters[4]);
    ck_assert(clusters[0] != clusters[2]);
    ck_assert(fabs(outcome.inertia - (2 + 2)) < 1e-12); /* centres (0, 1) and (10, 1) */
    ck_assert(outcome.converged);
}
END_TEST

START_TEST(hard_cases) {
    const float x[] = {1, 1, 1, 1, 2, 2};
    int64_t clusters[6];
    const eval_kmeans_outcome many = cluster(x, 6, 1, 6, clusters); /* more clusters than different vectors */
    ck_assert(many.inertia == 0 && many.converged);
    ck_assert(cluster(x, 6, 1, 2, clusters).inertia == 0);
    ck_assert(fabs(cluster(x, 6, 1, 1, clusters).inertia - (4.0 / 9 * 2 + 1.0 / 9 * 4)) < 1e-12);
    ck_assert(cluster(x, 1, 1, 1, clusters).inertia == 0);
}
END_TEST

START_TEST(does_not_depend_on_threads) {
    enum { N = 1000, WIDTH = 13, K = 17 };
    static float x[N * WIDTH];
    static int64_t first[N], other[N];
    senc_rng rng;
    senc_rng_init(&rng, 3);
    for (int i = 0; i < N * WIDTH; i++) x[i] = (float)senc_rng_normal(&rng);
    const double inertia = cluster(x, N, WIDTH, K, first).inertia;
    senc_error err = {0};
    ck_assert(senc_threads_init(4, &err));
    ck_assert(cluster(x, N, WIDTH, K, other).inertia == inertia);
    ck_assert(memcmp(first, other, sizeof first) == 0);
    senc_threads_free();
}
END_TEST

int main(void) {
    Suite *s = suite_create("kmeans");
    TCase *t = tcase_create("all");
    tcase_add_test(t, finds_two_groups);
    tcase_add_test(t, hard_cases);
    tcase_add_test(t, does_not_depend_on_threads);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
