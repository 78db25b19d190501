/* What stands behind an evaluation's metrics, unit by unit: a query, a pair, a triplet, a text. Comparisons (paired
 * statistics), reports (worst queries, slices) and saved reports are made from it. An evaluator fills the detail of its
 * result; all of it is optional but the units. */
#ifndef EVAL_DETAIL_H
#define EVAL_DETAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

/* Texts are cut to this many bytes (at a character) when they are kept. */
#define EVAL_DETAIL_TEXT_BYTES 400
#define EVAL_DETAIL_FOUND      5 /* most documents kept of a query's list */

typedef struct eval_found {
    char *id, *text; /* text may be NULL */
    double score, grade;
} eval_found;

typedef struct eval_unit {
    char *id;    /* query id; the row ("1", "2", ...) where rows have no ids. The same unit has the same id for every
                    model: comparisons pair by it */
    char *text;  /* query, first sentence, anchor, ... */
    char *other; /* what belongs to it: second sentence, the best relevant document; NULL: nothing */
    char *slice; /* value of the user's slice column; NULL: none */
    int64_t n_words;
    int64_t rank;      /* of the first relevant document, from 1; 0: not among those looked at; -1: does not apply */
    eval_found *found; /* (n_found) what was found first, nearest first */
    int64_t n_found;
} eval_unit;

/* How a metric comes from the units. */
typedef enum eval_statistic {
    EVAL_MEAN,              /* of values */
    EVAL_PEARSON,           /* of values and gold */
    EVAL_SPEARMAN,          /* of values and gold */
    EVAL_AVERAGE_PRECISION, /* gold > 0: positive; values: scores, larger is more likely positive */
    EVAL_ACCURACY_BEST,
    EVAL_F1_BEST,
    EVAL_MCC_BEST, /* at the best threshold for values; gold as above */
    EVAL_F1_MACRO  /* of classes: values predicted, gold true (small whole numbers) */
} eval_statistic;

typedef struct eval_series {
    char *key; /* the metric's */
    eval_statistic statistic;
    double *values; /* (n_units) */
} eval_series;

typedef struct eval_detail {
    const char *unit_name; /* "query", "pair", ...: static */
    eval_unit *units;
    int64_t n_units;
    double *gold; /* (n_units) or NULL */
    eval_series *series;
    int64_t n_series;
    /* Scores of relevant and other pairs, a sample of at most 20,000 each, for their distributions. */
    double *positives, *negatives;
    int64_t n_positives, n_negatives;
    /* metric over k: curves[c].values[i] at ks[i] */
    int64_t n_curves;
    struct eval_curve {
        char *name; /* "ndcg", "recall" */
        int64_t n;
        int64_t *ks;
        double *values;
    } * curves;
} eval_detail;

/* Takes room for the units (zeroed, rank -1) and with_gold for gold. */
bool eval_detail_init(eval_detail *d, const char *unit_name, int64_t n_units, bool with_gold, senc_error *err);
void eval_detail_free(eval_detail *d);
/* *values (n_units) are zeros and belong to the detail. */
bool eval_detail_add_series(eval_detail *d, const char *key, eval_statistic statistic, double **values,
                            senc_error *err);
const eval_series *eval_detail_find(const eval_detail *d, const char *key); /* NULL: absent */
/* Copies, cut to EVAL_DETAIL_TEXT_BYTES; counts the words. other and slice may be NULL. */
bool eval_detail_set_unit(eval_detail *d, int64_t i, const char *id, const char *text, int64_t n_bytes,
                          const char *other, int64_t n_other_bytes, senc_error *err);
bool eval_detail_add_found(eval_detail *d, int64_t i, const char *id, const char *text, int64_t n_bytes, double score,
                           double grade, senc_error *err);
#endif
