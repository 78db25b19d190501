/* Pearson, Spearman, and the similarities of two vectors. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "eval/metrics/correlation.h"
#include "eval/metrics/similarity.h"

static void near(double got, double want, double tolerance) {
    ck_assert_msg(fabs(got - want) <= tolerance, "got %.15g, want %.15g", got, want);
}

static double spearman(const double *x, const double *y, int64_t n) {
    senc_error err = {0};
    double rho = 7;
    ck_assert(eval_spearman(x, y, n, &rho, &err));
    return rho;
}

START_TEST(pearson_by_hand) {
    const double x[] = {1, 2, 3}, y[] = {2, 4, 9}, down[] = {3, 2, 1};
    /* deviations -1 0 1 and -3 -1 4: 7 / sqrt(2 * 26) */
    near(eval_pearson(x, y, 3), 7 / sqrt(52), 1e-15);
    near(eval_pearson(x, down, 3), -1, 1e-15);
    near(eval_pearson(x, x, 3), 1, 1e-15);
}
END_TEST

START_TEST(ranks_by_hand) {
    const double x[] = {5, 1, 5, 3, 5, 1};
    double ranks[6];
    senc_error err = {0};
    ck_assert(eval_average_ranks(x, 6, ranks, &err));
    const double want[] = {5, 1.5, 5, 3, 5, 1.5};
    for (int i = 0; i < 6; i++) near(ranks[i], want[i], 0);
}
END_TEST

/* scipy 1.x: pearsonr(x, y)[0], spearmanr(x, y)[0] for
 * x = ((i*37 + 11) % 29) / 7, y = ((i*i*5 + 3) % 9) / 2 (many ties), and y2 = x + ((i*i*5 + 3) % 9) / 9; i = 0 .. 24.
 */
START_TEST(equals_scipy) {
    double x[25], y[25], y2[25];
    for (int i = 0; i < 25; i++) {
        x[i] = (i * 37 + 11) % 29 / 7.0;
        y[i] = (i * i * 5 + 3) % 9 / 2.0;
        y2[i] = x[i] + (i * i * 5 + 3) % 9 / 9.0;
    }
    near(eval_pearson(x, y, 25), -0.050053409555, 1e-12);
    near(spearman(x, y, 25), -0.080780614978, 1e-12);
    near(eval_pearson(x, y2, 25), 0.980170302295, 1e-12);
    near(spearman(x, y2, 25), 0.971538461538, 1e-12);
    const double large[] = {1e9 + 1, 1e9 + 2, 1e9 + 4}, small[] = {3, 1, 2};
    near(eval_pearson(large, small, 3), -0.32732683535398843, 1e-12);
}
END_TEST

/* Rounding never leads beyond 1 and -1. */
START_TEST(lines_correlate_exactly) {
    enum { N = 7 };
    senc_rng rng;
    senc_rng_init(&rng, 4);
    int n_beyond = 0;
    for (int k = 0; k < 2000; k++) {
        double x[N], up[N], down[N], xx = 0, yy = 0, xy = 0, mx = 0, my = 0;
        for (int i = 0; i < N; i++) {
            x[i] = senc_rng_normal(&rng);
            up[i] = 3 * x[i] + 0.1;
            down[i] = -up[i];
            mx += x[i];
            my += up[i];
        }
        for (int i = 0; i < N; i++) {
            const double a = x[i] - mx / N, b = up[i] - my / N;
            xx += a * a;
            yy += b * b;
            xy += a * b;
        }
        n_beyond += xy / (sqrt(xx) * sqrt(yy)) > 1;
        const double r = eval_pearson(x, up, N);
        ck_assert_msg(r <= 1 && r > 1 - 1e-12, "%.17g", r);
        ck_assert(eval_pearson(x, down, N) == -r);
    }
    ck_assert_int_gt(n_beyond, 10); /* the formula alone would */
}
END_TEST

START_TEST(undefined_is_nan) {
    const double x[] = {1, 2, 3, 4}, flat[] = {0.1, 0.1, 0.1, 0.1};
    const double broken[] = {1, NAN, 3, 4}, infinite[] = {1, INFINITY, 3, 4};
    const double *bad[] = {flat, broken, infinite};
    for (int i = 0; i < 3; i++) {
        ck_assert(isnan(eval_pearson(x, bad[i], 4)) && isnan(eval_pearson(bad[i], x, 4)));
        ck_assert(isnan(spearman(x, bad[i], 4)) && isnan(spearman(bad[i], x, 4)));
    }
    ck_assert(isnan(eval_pearson(x, x, 1)) && isnan(spearman(x, x, 1)));
    ck_assert(isnan(eval_pearson(x, x, 0)) && isnan(spearman(x, x, 0)));
}
END_TEST

START_TEST(memory_failure_is_reported) {
    const double x[] = {1, 2, 3};
    int64_t n = 0;
    for (bool ok = false; !ok && n < 20;) {
        senc_error err = {0};
        double rho;
        senc_alloc_fail_at(++n);
        ok = eval_spearman(x, x, 3, &rho, &err);
        senc_alloc_fail_at(0);
        ck_assert(ok || err.kind == SENC_FAILED);
    }
    ck_assert_int_eq(n, 4); /* three allocations, each of which failed once */
}
END_TEST

/* sentence-transformers' pairwise_{cos,dot,euclidean,manhattan} in double on float32 vectors
 * a = ((i*7) % 13 - 6) / 5, b = ((i*i*3 + 2) % 11 - 5) / 4; i = 0 .. 10. */
START_TEST(similarities) {
    float a[11], b[11];
    for (int i = 0; i < 11; i++) {
        a[i] = (float)((i * 7 % 13 - 6) / 5.0);
        b[i] = (float)(((i * i * 3 + 2) % 11 - 5) / 4.0);
    }
    const double want[] = {0.16976600, 0.90000004, -2.97531513, -7.95000008};
    for (int f = 0; f < EVAL_N_SIMILARITIES; f++) near(eval_similarity_of((eval_similarity)f, a, b, 11), want[f], 1e-7);
}
END_TEST

START_TEST(similarities_of_any_width) {
    float a[20], b[20];
    for (int i = 0; i < 20; i++) {
        a[i] = (float)(i + 1);
        b[i] = 1;
    }
    for (int d = 1; d <= 20; d++) { /* sum 1..d, sum 0..d-1 and sum of their squares */
        near(eval_similarity_of(EVAL_DOT, a, b, d), d * (d + 1) / 2.0, 1e-12);
        near(eval_similarity_of(EVAL_MANHATTAN, a, b, d), -d * (d - 1) / 2.0, 1e-12);
        near(eval_similarity_of(EVAL_EUCLIDEAN, a, b, d), -sqrt((d - 1) * d * (2 * d - 1) / 6.0), 1e-12);
    }
}
END_TEST

START_TEST(zero_vector_has_cosine_zero) {
    const float zero[] = {0, 0, 0}, x[] = {1, 2, 3};
    near(eval_similarity_of(EVAL_COSINE, zero, x, 3), 0, 0);
    near(eval_similarity_of(EVAL_COSINE, zero, zero, 3), 0, 0);
}
END_TEST

START_TEST(names) {
    eval_similarity f;
    for (int i = 0; i < EVAL_N_SIMILARITIES; i++) {
        ck_assert(eval_similarity_find(eval_similarity_name((eval_similarity)i), &f));
        ck_assert_int_eq(f, i);
    }
    ck_assert(!eval_similarity_find("hamming", &f));
}
END_TEST

int main(void) {
    Suite *s = suite_create("correlation");
    TCase *t = tcase_create("all");
    tcase_add_test(t, pearson_by_hand);
    tcase_add_test(t, ranks_by_hand);
    tcase_add_test(t, equals_scipy);
    tcase_add_test(t, lines_correlate_exactly);
    tcase_add_test(t, undefined_is_nan);
    tcase_add_test(t, memory_failure_is_reported);
    tcase_add_test(t, similarities);
    tcase_add_test(t, similarities_of_any_width);
    tcase_add_test(t, zero_vector_has_cosine_zero);
    tcase_add_test(t, names);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
