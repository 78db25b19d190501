/* Which one? All systems of a comparison, what runs today included, in the order of their headline metric; which of
 * them cannot be told from the best, and which of these is the cheapest.
 *
 * On one data set the best is the system with the best headline metric; another cannot be told from it unless the test
 * of the two (corrected among all tests of headline metrics) finds the best better. Over several data sets the best is
 * the system with the best mean of its headline metrics, each data set counting the same; another is told from it when
 * it is worse than the best on any data set. That needs no further tests: they stay of one family, and no two systems
 * are wrongly told apart with 95 %. A system that was trained on the units
 * is never the best. The cheapest is that of eval_switching_cost_order. */
#ifndef EVAL_STANDINGS_H
#define EVAL_STANDINGS_H

#include "autograd/base/buffer.h"
#include "data/formats/json.h"
#include "eval/statistics/comparison.h"
#include "eval/statistics/switching_cost.h"

typedef enum eval_place {
    EVAL_PLACE_BEST,
    EVAL_PLACE_SAME,    /* cannot be told from the best */
    EVAL_PLACE_TOO_FEW, /* neither, for want of units */
    EVAL_PLACE_WORSE,
    EVAL_PLACE_UNTESTED, /* options.pairs is off */
    EVAL_PLACE_WITHHELD, /* it was trained on these units: never the best */
} eval_place;

typedef struct eval_standing {
    int64_t model;        /* as it was given; 0 runs today */
    double value;         /* over seeds: the mean; over several data sets: the mean of all */
    double low, high;     /* 95 %; NaN over several data sets */
    double p;             /* of the test against the best, corrected; NaN: none, or several */
    eval_reading reading; /* of the first seed */
    eval_place place;
    uint64_t worse_on; /* over several data sets: bit i: worse than the best on the i-th (of the first 64) */
} eval_standing;

typedef struct eval_data_standings {
    const char *data, *unit_name;
    char metric[80];
    int64_t n_units;
    eval_standing *items; /* (n_models) the best first; those that were trained on it stand last */
} eval_data_standings;

typedef struct eval_standings {
    const char **labels; /* (n_models) */
    int64_t n_models, n_sets, n_tests;
    eval_data_standings *sets; /* (n_sets) */
    eval_standing *overall;    /* (n_models) the best first */
    double min_effect;         /* smaller differences do not tell systems apart; 0: any does */
    int64_t cheapest;          /* of those that cannot be told from the best, or the best; -1: no costs are known */
} eval_standings;

/* Of a comparison and the models and options that it was made of; costs (n_models) or NULL. *out borrows from both. */
bool eval_standings_open(const eval_comparison *c, const eval_compared_model *models, int64_t n_models,
                         const eval_switching_cost *costs, const eval_comparison_options *options, eval_standings *out,
                         senc_error *err);
void eval_standings_free(eval_standings *s);

/* "best: hybrid (ndcg@10 0.3411); bm25 (0.3268) cannot be told from it and needs no vectors." */
void eval_standings_answer(const eval_standings *s, const eval_switching_cost *costs, senc_buffer *out);
/* How a system stands over all data sets: "worse on a, b". */
void eval_standings_where(const eval_standings *s, const eval_standing *x, senc_buffer *out);
const char *eval_place_words(eval_place place); /* "best", "not told from the best", ... */

/* "systems": [{"model", "mean", "against_the_best", "data": [{"data", "metric", "value", "interval", "reading",
 * "against_the_best", "p_holm"}]}], "answer": {"best", "cheapest", "text", "tests"} */
void eval_standings_put_json(const eval_standings *s, const eval_switching_cost *costs, data_json *object);

#endif
