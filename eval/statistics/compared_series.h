/* One metric of two models (each of one or more seeds) on the same units in the same order. */
#ifndef EVAL_COMPARED_SERIES_H
#define EVAL_COMPARED_SERIES_H

#include "eval/statistics/comparison.h"
#include "eval/statistics/pairing.h"

/* The results of all runs for one data set, with their units in the order of the base's first run. */
typedef struct eval_pairing {
    const eval_result **results; /* (n_base + n_candidate) base's runs first */
    int64_t **orders;            /* (n_base + n_candidate, n_units) */
    int64_t n_base, n_candidate, n_units;
} eval_pairing;

bool eval_pairing_open(eval_pairing *p, const eval_compared_model *base, const eval_compared_model *candidate,
                       const char *data, senc_error *err);
void eval_pairing_close(eval_pairing *p);

typedef struct eval_compared_series {
    const char *base_key, *candidate_key;
    int64_t n_base, n_candidate, n_units;
    eval_series_plan *base, *candidate;     /* (n_base), (n_candidate) */
    double *base_scores, *candidate_scores; /* (n_units) of single units, averages over the seeds */
    double *differences;                    /* (n_units) candidate - base, oriented as the scores: larger is better */
    double *base_values, *candidate_values; /* (n_units) averages over the seeds */
    double *scratch, *block, *gold;
} eval_compared_series;

/* candidate_key is NULL when a run lacks the metric; then there is nothing to close. */
bool eval_compared_series_open(eval_compared_series *s, const eval_pairing *pairing, const eval_series *series,
                               senc_error *err);
void eval_compared_series_close(eval_compared_series *s);

#endif
