/* What a metric is on a resample of its units. A resample says how often every unit was drawn, so that what is sorted
 * once for all units (ranks, thresholds) is walked in O(n) afterwards: 10,000 resamples of thousands of units are a
 * matter of seconds. */
#ifndef EVAL_SERIES_VALUE_H
#define EVAL_SERIES_VALUE_H

#include "eval/detail.h"

/* The value of a series on the chosen units (n_chosen indices, repetitions count; NULL: all n_units). gold is needed by
 * every statistic but EVAL_MEAN. *value is NaN where it is undefined (no positives, equal numbers). False: out of
 * memory. For many resamples use a plan. */
bool eval_series_value(const eval_series *series, const double *gold, int64_t n_units, const int64_t *chosen,
                       int64_t n_chosen, double *value, senc_error *err);

/* A statistic made ready for many resamples of the same units. */
typedef struct eval_series_plan {
    eval_statistic statistic;
    int64_t n_units;
    const double *values, *gold; /* borrowed */
    int64_t *by_value, *by_gold; /* (n_units) units in ascending order; NULL where the statistic needs none */
    int64_t n_classes;           /* F1_MACRO: distinct classes in values and gold */
    int32_t *value_class, *gold_class;
} eval_series_plan;

bool eval_series_plan_init(eval_series_plan *plan, eval_statistic statistic, const double *values, const double *gold,
                           int64_t n_units, senc_error *err);
void eval_series_plan_free(eval_series_plan *plan);
/* Doubles of scratch that eval_series_plan_value wants. */
int64_t eval_series_plan_scratch(const eval_series_plan *plan);
/* counts (n_units): how often every unit was drawn; NULL: once each. */
double eval_series_plan_value(const eval_series_plan *plan, const int32_t *counts, double *scratch);

/* How well every single unit does, larger is better, comparable between models: the value itself for EVAL_MEAN; for
 * correlations minus the distance of the two ranks, as a share of n; for the others the share of units that the score
 * ranks below (positives) or above (negatives) this one, ties half; for F1_MACRO 1 when the class is right. out
 * (n_units), scratch as above. */
void eval_series_unit_scores(const eval_series_plan *plan, double *out, double *scratch);
/* Average ranks of the values from 1 (correlations only). */
void eval_series_ranks(const eval_series_plan *plan, bool of_gold, double *ranks);

/* "mean", "spearman", ... */
const char *eval_statistic_name(eval_statistic statistic);
bool eval_statistic_find(const char *name, eval_statistic *statistic);

#endif
