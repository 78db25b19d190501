/* Tests of the difference between two models on the same units, what the difference is worth, and what could have been
 * seen. */
#ifndef EVAL_PAIRED_TESTS_H
#define EVAL_PAIRED_TESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

typedef struct eval_flip_result {
    double p;      /* two-sided */
    bool is_exact; /* all sign patterns were counted */
    int64_t n_flips;
} eval_flip_result;

/* Paired permutation test (Fisher 1935): were the two models alike, every difference could as well have the other sign.
 * p is the share of sign patterns whose sum is at least as far from 0 as the one found. All 2^m patterns are counted
 * when m <= 20 differences are not 0; else n_flips (0: 100,000, fewer for very many units) are drawn and the one found
 * is added to them ((k + 1) / (n + 1), Phipson, Smyth 2010). Drawn sums that are exactly as far count half (mid-p,
 * Lancaster 1961): differences of -1, 0, 1 have few distinct sums, and counting all would see too little. */
bool eval_sign_flip_test(const double *differences, int64_t n, int64_t n_flips, uint64_t seed, eval_flip_result *out,
                         senc_error *err);

/* Williams' test (1959; Steiger 1980, (7)): do b and a correlate differently with the same gold scores? r_bg, r_ag:
 * their correlations with gold; r_ab: with each other. Two-sided p by Student's t with n - 3 degrees of freedom, which
 * assumes normal scores (with ranks, about). NaN for n < 4 or where it is undefined. */
double eval_williams_test(double r_bg, double r_ag, double r_ab, int64_t n);

/* Holm (1979): p (n) becomes p such that those below 0.05 are false alarms with 5 % in all. NaN stays and does not
 * count. False: out of memory. */
bool eval_holm(double *p, int64_t n, senc_error *err);

typedef struct eval_effect {
    int64_t wins, ties, losses; /* differences above, at and below 0 */
    double d_z;                 /* Cohen: mean / standard deviation of the differences; 0 when all are 0 */
    double delta;               /* (wins - losses) / n: Cliff's delta within pairs (1993) */
} eval_effect;
/* Differences within `tie` of 0 are ties. */
eval_effect eval_effect_of(const double *differences, int64_t n, double tie);

/* The chance that a two-sided paired test at level alpha sees a true difference. error: standard error of the
 * difference found on n units. */
double eval_power(double difference, double error, int64_t n, double alpha);
/* The smallest difference that is seen with that chance. */
double eval_detectable_effect(double error, int64_t n, double alpha, double power);
/* Units with which `difference` would be seen with that chance, if they are like these. INT64_MAX: never. */
int64_t eval_units_needed(double difference, double error, int64_t n, double alpha, double power);

#endif
