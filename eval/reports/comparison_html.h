/* A comparison as one HTML file: the verdicts on top with what switching costs, differences with their intervals, wins
 * and losses, the units that changed most side by side, curves of all models. */
#ifndef EVAL_COMPARISON_HTML_H
#define EVAL_COMPARISON_HTML_H

#include "autograd/base/buffer.h"
#include "eval/statistics/comparison_report.h"

typedef struct eval_comparison_page {
    const char *title, *note;         /* title NULL: "May BASE be replaced?"; note: below it, NULL: none */
    const char *base_words;           /* what the base is; NULL: "what runs today" */
    const char *old, *new;            /* heads of columns; NULL: "today", "candidate" */
    const eval_switching_cost *costs; /* (n_costs) as in eval_comparison_print */
    int64_t n_costs, n_documents;
    const eval_standings *standings; /* of three models and more, which then stand first; or NULL */
} eval_comparison_page;

/* models (n_models): those that were compared, for their curves. False: out of memory. */
bool eval_comparison_html(const eval_comparison *c, const eval_compared_model *models, int64_t n_models,
                          const eval_comparison_page *page, senc_buffer *out, senc_error *err);

#endif
