/* What a report shows of a result beyond its metrics: the worst units, parts of the units (slices), the ranks of the
 * first relevant documents. Computed once, shown as HTML and as Markdown. */
#ifndef EVAL_REPORT_VIEW_H
#define EVAL_REPORT_VIEW_H

#include "eval/evaluator.h"

#define EVAL_VIEW_WORST 12
#define EVAL_VIEW_RANKS 10

typedef struct eval_slice {
    const char *kind; /* "length", "script", "slice" */
    char *label;      /* "1 to 3 words", "Cyrillic", ... */
    int64_t n_units;
    double value, low, high; /* of the headline metric on these units; NaN: undefined */
} eval_slice;

typedef struct eval_rank_count {
    const char *label; /* "1", "2", "3", "≤5" (4 and 5), ..., "none" */
    int64_t n;
} eval_rank_count;

typedef struct eval_report_view {
    const eval_result *result;
    const eval_series *series; /* of the headline metric; NULL: no details, then all is empty */
    eval_slice *slices;
    int64_t n_slices;
    int64_t worst[EVAL_VIEW_WORST]; /* units, worst first; only such as could be better */
    int64_t n_worst;
    eval_rank_count ranks[EVAL_VIEW_RANKS];
    int64_t n_ranks; /* 0: ranks do not apply */
} eval_report_view;

bool eval_report_view_init(eval_report_view *view, const eval_result *result, senc_error *err);
void eval_report_view_free(eval_report_view *view);

/* The writing system of most letters of a text: "Latin", "Cyrillic", "Han", ...; "none" without letters. Says nothing
 * about the language. */
const char *eval_script_of(const char *text);

#endif
