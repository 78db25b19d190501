/* Distributions, values of resamples, intervals and tests against known numbers. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "eval/metrics/correlation.h"
#include "eval/statistics/bootstrap.h"
#include "eval/statistics/distributions.h"
#include "eval/statistics/paired_tests.h"

#define ck_near(found, expected, tolerance)                                                                            \
    ck_assert_msg(fabs((found) - (expected)) <= (tolerance), "found %.17g, expected %.17g", (double)(found),           \
                  (double)(expected))

/* However clear the difference, the found sum is one of those that could have been drawn: p is never 0. */
START_TEST(test_p_of_drawn_signs) {
    enum { MANY = 60, FLIPS = 999 };
    double d[MANY];
    for (int i = 0; i < MANY; i++) d[i] = 1 + 0.01 * i;
    eval_flip_result r;
    senc_error err = {0};
    ck_assert_msg(eval_sign_flip_test(d, MANY, FLIPS, 3, &r, &err), "%s", err.text);
    ck_assert(!r.is_exact && r.n_flips == FLIPS);
    ck_assert_msg(r.p == 1.0 / (FLIPS + 1), "%.17g", r.p);
}
END_TEST

START_TEST(test_normal_and_t) {
    /* scipy.stats: norm.ppf, norm.cdf, t.ppf, t.cdf */
    ck_near(eval_normal_quantile(0.975), 1.959963984540054, 1e-12);
    ck_near(eval_normal_quantile(1e-10), -6.361340902404056, 1e-9);
    ck_near(eval_normal_quantile(0.5), 0, 1e-12);
    ck_near(eval_normal_cdf(-3), 0.001349898031630095, 1e-15);
    ck_near(eval_t_quantile(0.975, 1), 12.706204736174698, 1e-9);
    ck_near(eval_t_quantile(0.975, 5), 2.5705818356363141, 1e-10);
    ck_near(eval_t_quantile(0.025, 29), -2.0452296421327034, 1e-10);
    ck_near(eval_t_cdf(2, 7.5), 0.9585515023509168, 1e-12);
    for (double p = 0.001; p < 1; p += 0.037) ck_near(eval_t_cdf(eval_t_quantile(p, 12), 12), p, 1e-12);
}
END_TEST

/* A statistic of units that count c times is that of the list in which they stand c times. */
START_TEST(test_counts_are_repetitions) {
    enum { N = 40 };
    double values[N], gold[N], long_values[N], long_gold[N];
    int64_t chosen[N];
    senc_rng rng;
    senc_rng_init(&rng, 5);
    for (int s = EVAL_MEAN; s <= EVAL_F1_MACRO; s++) {
        for (int round = 0; round < 20; round++) {
            for (int i = 0; i < N; i++) {
                gold[i] = (double)senc_rng_below(&rng, s == EVAL_SPEARMAN ? 6 : s == EVAL_F1_MACRO ? 3 : 2);
                values[i] = s == EVAL_F1_MACRO ? (double)senc_rng_below(&rng, 3)
                                               : floor(10 * (gold[i] + 2 * senc_rng_uniform(&rng))) / 10;
            }
            for (int i = 0; i < N; i++) {
                chosen[i] = (int64_t)senc_rng_below(&rng, N);
                long_values[i] = values[chosen[i]];
                long_gold[i] = gold[chosen[i]];
            }
            const eval_series series = {.statistic = (eval_statistic)s, .values = values};
            const eval_series repeated = {.statistic = (eval_statistic)s, .values = long_values};
            double found, expected;
            ck_assert(eval_series_value(&series, gold, N, chosen, N, &found, NULL));
            ck_assert(eval_series_value(&repeated, long_gold, N, NULL, 0, &expected, NULL));
            ck_near(found, expected, 1e-12);
        }
    }
}
END_TEST

START_TEST(test_values_by_hand) {
    /* scikit-learn: average_precision_score([0, 0, 1, 1], [.1, .4, .35, .8]) = 0.8333 */
    double scores[] = {0.1, 0.4, 0.35, 0.8}, labels[] = {0, 0, 1, 1}, value;
    eval_series s = {.statistic = EVAL_AVERAGE_PRECISION, .values = scores};
    ck_assert(eval_series_value(&s, labels, 4, NULL, 0, &value, NULL));
    ck_near(value, 5.0 / 6, 1e-12);
    s.statistic = EVAL_ACCURACY_BEST; /* from 0.8 on, or from 0.35 on: 3 of 4 */
    ck_assert(eval_series_value(&s, labels, 4, NULL, 0, &value, NULL));
    ck_near(value, 0.75, 1e-12);
    s.statistic = EVAL_F1_BEST; /* from 0.35 on: P = 2/3, R = 1 */
    ck_assert(eval_series_value(&s, labels, 4, NULL, 0, &value, NULL));
    ck_near(value, 0.8, 1e-12);
    s.statistic = EVAL_MCC_BEST; /* tp 2 fp 1 tn 1 fn 0: 2 / sqrt(12) */
    ck_assert(eval_series_value(&s, labels, 4, NULL, 0, &value, NULL));
    ck_near(value, 2 / sqrt(12), 1e-12);
    double predicted[] = {0, 0, 1, 2}, truth[] = {0, 1, 1, 1};
    s = (eval_series){.statistic = EVAL_F1_MACRO, .values = predicted}; /* F1 of 0: 2/3, of 1: 1/2, of 2: 0 */
    ck_assert(eval_series_value(&s, truth, 4, NULL, 0, &value, NULL));
    ck_near(value, (2.0 / 3 + 0.5) / 3, 1e-12);
    double flat[] = {1, 1, 1, 1};
    s = (eval_series){.statistic = EVAL_SPEARMAN, .values = flat};
    ck_assert(eval_series_value(&s, scores, 4, NULL, 0, &value, NULL));
    ck_assert(isnan(value));
}
END_TEST

START_TEST(test_sign_flips) {
    const double d[] = {1, 2, 3, -0.5, 0, 0};
    eval_flip_result r;
    ck_assert(eval_sign_flip_test(d, 6, 0, 1, &r, NULL));
    ck_assert(r.is_exact);
    ck_near(r.p, 4.0 / 16, 0); /* 6.5 and 5.5, and both with the other sign */
    const double none[] = {0, 0};
    ck_assert(eval_sign_flip_test(none, 2, 0, 1, &r, NULL));
    ck_near(r.p, 1, 0);
    double many[60]; /* scipy.stats.permutation_test, 200,000 resamples: 0.00937 */
    for (int i = 0; i < 60; i++) many[i] = sin(i * 1.7) + 0.25;
    ck_assert(eval_sign_flip_test(many, 60, 0, 1, &r, NULL));
    ck_assert(!r.is_exact && r.n_flips == 100000);
    ck_near(r.p, 0.00937, 0.0012);
    double wins[30]; /* 20 of 30: the binomial distribution beyond, and half of the two sums that are as far */
    for (int i = 0; i < 30; i++) wins[i] = i % 3 < 2 ? 1 : -1;
    ck_assert(eval_sign_flip_test(wins, 30, 0, 1, &r, NULL));
    ck_near(r.p, 0.07075554598122835, 0.004);
}
END_TEST

START_TEST(test_williams) {
    /* psych::r.test(n = 103, r12 = .4, r13 = .5, r23 = .1): t = -0.89, p = 0.37 (its documentation's example) */
    ck_near(eval_williams_test(0.4, 0.5, 0.1, 103), 0.37, 0.006);
    ck_near(eval_williams_test(0.8, 0.7, 0.6, 30), 0.3064382800254001, 1e-12); /* Steiger's (7) and scipy's t */
    ck_near(eval_williams_test(0.5, 0.5, 0.3, 50), 1, 1e-12);
    ck_assert(isnan(eval_williams_test(0.5, 0.4, 0.3, 3)));
}
END_TEST

START_TEST(test_holm) {
    double p[] = {0.01, 0.04, NAN, 0.03, 0.005}; /* R: p.adjust(c(.01, .04, .03, .005), "holm") */
    ck_assert(eval_holm(p, 5, NULL));
    ck_near(p[0], 0.03, 1e-15);
    ck_near(p[1], 0.06, 1e-15);
    ck_assert(isnan(p[2]));
    ck_near(p[3], 0.06, 1e-15);
    ck_near(p[4], 0.02, 1e-15);
}
END_TEST

START_TEST(test_effect_and_power) {
    const double d[] = {1, 2, 0, -1};
    const eval_effect e = eval_effect_of(d, 4, 0);
    ck_assert_int_eq(e.wins, 2);
    ck_assert_int_eq(e.ties, 1);
    ck_assert_int_eq(e.losses, 1);
    ck_near(e.d_z, 0.5 / sqrt(5.0 / 3), 1e-12);
    ck_near(e.delta, 0.25, 1e-12);
    /* scipy.stats.nct: power 0.80778 with d_z = 0.5 and 34 pairs, which is the smallest n above 0.8 */
    ck_near(eval_power(0.5, 1 / sqrt(34), 34, 0.05), 0.80778, 0.002);
    ck_assert_int_eq(eval_units_needed(0.5, 1 / sqrt(100), 100, 0.05, 0.8), 34);
    ck_near(eval_power(eval_detectable_effect(0.01, 50, 0.05, 0.8), 0.01, 50, 0.05), 0.8, 1e-9);
}
END_TEST

/* The same seed gives the same numbers with any number of threads; for normal values the ends are Student's. */
START_TEST(test_bootstrap) {
    enum { N = 200 };
    double values[N], gold[N];
    senc_rng rng;
    senc_rng_init(&rng, 9);
    for (int i = 0; i < N; i++) {
        gold[i] = senc_rng_normal(&rng);
        values[i] = gold[i] + senc_rng_normal(&rng);
    }
    const eval_bootstrap_options options = {.seed = 3};
    eval_estimate mean[2], rho[2];
    for (int k = 0; k < 2; k++) {
        ck_assert(senc_threads_init(1 + 2 * k, NULL));
        ck_assert(eval_bootstrap_mean(values, N, &options, &mean[k], NULL));
        const eval_series s = {.statistic = EVAL_SPEARMAN, .values = values};
        ck_assert(eval_bootstrap_series(&s, gold, N, &options, &rho[k], NULL));
    }
    senc_threads_free();
    ck_assert(mean[0].low == mean[1].low && mean[0].high == mean[1].high);
    ck_assert(rho[0].low == rho[1].low && rho[0].high == rho[1].high && rho[0].p == rho[1].p);
    ck_near(mean[0].high - mean[0].low, 2 * eval_t_quantile(0.975, N - 1) * mean[0].error, 0.1 * mean[0].error);
    double expected;
    ck_assert(eval_spearman(values, gold, N, &expected, NULL));
    ck_near(rho[0].value, expected, 1e-12);
    ck_assert(rho[0].low < expected && expected < rho[0].high && rho[0].p < 0.001);
    /* Fisher's z: 1.06 (1 - rho^2) / sqrt(n - 3) is about rho's standard error */
    ck_near(rho[0].error, 1.06 * (1 - expected * expected) / sqrt(N - 3), 0.01);
}
END_TEST

/* numpy: 400,000 resamples of the same numbers. */
START_TEST(test_studentised_interval) {
    double values[60];
    for (int i = 0; i < 60; i++) values[i] = exp(i / 20.0);
    const eval_bootstrap_options options = {.seed = 3};
    eval_estimate e;
    ck_assert(eval_bootstrap_mean(values, 60, &options, &e, NULL));
    ck_near(e.value, 6.204124829323479, 1e-12);
    ck_near(e.low, 5.00599428663088, 0.03);
    ck_near(e.high, 7.666951527118208, 0.04);
}
END_TEST

/* scipy.stats.bootstrap of the same numbers, with the level that a widened quantile stands for: BCa of a correlation,
 * percentiles of the difference of two average precisions. */
START_TEST(test_intervals_of_other_statistics) {
    enum { N = 40 };
    double gold[N], values[N], label[N], a[N], b[N];
    for (int i = 0; i < N; i++) {
        gold[i] = sin(i * 0.7) + (i % 5 == 0) * 1.5;
        values[i] = gold[i] + exp(sin(i * 2.3)) * 0.6;
        label[i] = i % 3 == 0;
        a[i] = label[i] * 0.8 + sin(i * 1.7);
        b[i] = label[i] * 1.6 + sin(i * 2.9);
    }
    const eval_bootstrap_options options = {.seed = 4, .n_resamples = 40000};
    const eval_series pearson = {.statistic = EVAL_PEARSON, .values = values};
    eval_estimate e;
    ck_assert(eval_bootstrap_series(&pearson, gold, N, &options, &e, NULL));
    ck_near(e.value, 0.8689810892672221, 1e-12);
    ck_near(e.low, 0.77845, 0.003);
    ck_near(e.high, 0.92821, 0.001);

    eval_series_plan plans[2];
    ck_assert(eval_series_plan_init(&plans[0], EVAL_AVERAGE_PRECISION, a, label, N, NULL));
    ck_assert(eval_series_plan_init(&plans[1], EVAL_AVERAGE_PRECISION, b, label, N, NULL));
    const eval_contrast contrast = {.a = plans, .b = plans + 1, .n_a = 1, .n_b = 1};
    ck_assert(eval_bootstrap(&contrast, &options, &e, NULL));
    ck_near(e.value, 0.26109769557383167, 1e-12);
    ck_near(e.low, 0.05932, 0.01);
    ck_near(e.high, 0.49900, 0.01);
    ck_near(e.error, 0.10644, 0.004);

    for (int k = 0; k < 2; k++) plans[k].statistic = EVAL_F1_BEST;
    ck_assert(eval_bootstrap(&contrast, &options, &e, NULL));
    const double t = eval_t_quantile(0.975, N - 1);
    ck_near(e.value - e.low, t * e.error, 1e-12);
    ck_near(e.high - e.value, t * e.error, 1e-12);
    for (int k = 0; k < 2; k++) eval_series_plan_free(&plans[k]);
}
END_TEST

/* Few values near an end: the interval of a metric in 0..1 ends there, that of a difference does not. */
START_TEST(test_interval_within_the_range) {
    static const double near_one[] = {1, 1, 1, 0.97, 1, 1, 0.62, 1}, near_nothing[] = {0, 0, 0.04, 0, 0, 0.41, 0, 0};
    const eval_bootstrap_options options = {.seed = 5};
    eval_estimate e, plain;
    const eval_series high = {.statistic = EVAL_MEAN, .values = (double *)(uintptr_t)near_one};
    ck_assert(eval_bootstrap_series(&high, NULL, 8, &options, &e, NULL));
    ck_assert(eval_bootstrap_mean(near_one, 8, &options, &plain, NULL));
    ck_assert(plain.high > 1 && e.high == 1 && e.low == plain.low && e.value == plain.value);
    const eval_series low = {.statistic = EVAL_MEAN, .values = (double *)(uintptr_t)near_nothing};
    ck_assert(eval_bootstrap_series(&low, NULL, 8, &options, &e, NULL));
    ck_assert(eval_bootstrap_mean(near_nothing, 8, &options, &plain, NULL));
    ck_assert(plain.low < 0 && e.low == 0 && e.high == plain.high);
}
END_TEST

/* scipy: binomtest(k, 10).proportion_ci(method="wilson") */
START_TEST(test_intervals_of_hits) {
    static const double expected[][3] = {
        {9, 0.5958499732047615, 0.9821237869049271}, {10, 0.7224672001371107, 1}, {0, 0, 0.27753279986288937}};
    for (int k = 0; k < 3; k++) {
        double values[10];
        for (int i = 0; i < 10; i++) values[i] = i < expected[k][0];
        const eval_series s = {.statistic = EVAL_MEAN, .values = values};
        const eval_bootstrap_options options = {.seed = 1};
        eval_estimate e;
        ck_assert(eval_bootstrap_series(&s, NULL, 10, &options, &e, NULL));
        ck_near(e.value, expected[k][0] / 10, 1e-12);
        ck_near(e.low, expected[k][1], 1e-12);
        ck_near(e.high, expected[k][2], 1e-12);
    }
}
END_TEST

/* Four values that are not 0 say as much of the variance as eight degrees of freedom. */
START_TEST(test_interval_of_few_differences) {
    double values[30] = {0.5, -0.25, 0.125, 0.5};
    const eval_bootstrap_options options = {.seed = 1};
    eval_estimate e;
    ck_assert(eval_bootstrap_mean(values, 30, &options, &e, NULL));
    ck_assert_int_eq(e.n_resamples, 0);
    ck_near(e.value - e.low, eval_t_quantile(0.975, 8) * e.error, 1e-12);
    ck_near(e.high - e.value, eval_t_quantile(0.975, 8) * e.error, 1e-12);
    ck_near(e.p, 2 * eval_t_cdf(-e.value / e.error, 8), 1e-12);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("statistics");
    TCase *tests = tcase_create("statistics");
    tcase_add_test(tests, test_p_of_drawn_signs);
    tcase_add_test(tests, test_normal_and_t);
    tcase_add_test(tests, test_counts_are_repetitions);
    tcase_add_test(tests, test_values_by_hand);
    tcase_add_test(tests, test_sign_flips);
    tcase_add_test(tests, test_williams);
    tcase_add_test(tests, test_holm);
    tcase_add_test(tests, test_effect_and_power);
    tcase_add_test(tests, test_bootstrap);
    tcase_add_test(tests, test_studentised_interval);
    tcase_add_test(tests, test_intervals_of_other_statistics);
    tcase_add_test(tests, test_intervals_of_hits);
    tcase_add_test(tests, test_interval_within_the_range);
    tcase_add_test(tests, test_interval_of_few_differences);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed > 0;
}
