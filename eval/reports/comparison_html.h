/* A comparison as one HTML file: the verdicts on top, differences with their intervals, wins and losses, the units that
 * changed most side by side, what switching costs, curves of all models. */
#ifndef EVAL_COMPARISON_HTML_H
#define EVAL_COMPARISON_HTML_H

#include "autograd/base/buffer.h"
#include "eval/statistics/comparison_report.h"

/* models (n_models): those that were compared, for their curves; costs as in eval_comparison_print. False: out of
 * memory. */
bool eval_comparison_html(const eval_comparison *c, const eval_compared_model *models, int64_t n_models,
                          const eval_switching_cost *costs, int64_t n_costs, int64_t n_documents, senc_buffer *out,
                          senc_error *err);

#endif
