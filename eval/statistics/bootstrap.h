/* Bootstrap intervals (Efron 1979) of metrics and of the difference between two models on the same units. Units are
 * drawn with replacement; both models see the same draw, so that what is easy or hard for both cancels out.
 *
 * Means: the studentised bootstrap (Efron, Tibshirani 1993, 12.5), which stays at its level for few and skewed values;
 * Student's t where fewer than 30 values differ from the most frequent one (differences of models that mostly agree).
 * Hits and misses of one model: Wilson's interval (1927).
 * Other statistics: BCa (Efron 1987) with its quantiles widened as Student's t widens the normal (Hesterberg 2015,
 * "expanded"), because the percentile interval is too short for few units; without BCa's corrections for differences of
 * average precision; Student's t with the jackknife's standard error for differences of Pearson correlations; and
 * Student's t with the bootstrap's standard error for metrics at their best threshold, whose interval is of what such
 * an evaluation gives on average (more than the best threshold is worth on other pairs). ARCHITECTURE.md has how often
 * they cover. */
#ifndef EVAL_BOOTSTRAP_H
#define EVAL_BOOTSTRAP_H

#include "eval/statistics/series_value.h"

#define EVAL_RESAMPLES 10000

typedef struct eval_bootstrap_options {
    int64_t n_resamples; /* 0: EVAL_RESAMPLES, fewer (at least 1,000) where units are so many that it takes long */
    double level;        /* 0: 0.95 */
    uint64_t seed;
} eval_bootstrap_options;

typedef struct eval_estimate {
    double value, low, high; /* low and high are NaN where fewer than two units or 95 % of the resamples are defined */
    double error;            /* standard error */
    double p;                /* two-sided, of the hypothesis that the value is 0, from the same bootstrap */
    int64_t n_resamples;     /* that were defined; 0 for Student's t and Wilson's interval */
} eval_estimate;

/* What is estimated: the mean of b's series less the mean of a's (several seeds of one recipe each), or with n_a = 0
 * b's alone. All plans have the same units and statistic. */
typedef struct eval_contrast {
    const eval_series_plan *a, *b; /* (n_a), (n_b) */
    int64_t n_a, n_b;
} eval_contrast;

/* Parallel over resamples; the same seed gives the same numbers with any number of threads. False: out of memory. */
bool eval_bootstrap(const eval_contrast *contrast, const eval_bootstrap_options *options, eval_estimate *out,
                    senc_error *err);

/* The same for the mean of n numbers (differences of two models, or one model's values). */
bool eval_bootstrap_mean(const double *values, int64_t n, const eval_bootstrap_options *options, eval_estimate *out,
                         senc_error *err);

/* One metric of one model: what reports show behind a number. */
bool eval_bootstrap_series(const eval_series *series, const double *gold, int64_t n_units,
                           const eval_bootstrap_options *options, eval_estimate *out, senc_error *err);

#endif
