/* The parts of a comparison's page: see comparison_html.h. Failure is the buffer's. */
#ifndef EVAL_COMPARISON_PARTS_H
#define EVAL_COMPARISON_PARTS_H

#include "eval/reports/comparison_html.h"

/* What stands on top: which candidate is better, then a box a candidate with its reasons and what switching costs. */
void eval_page_put_answer(senc_buffer *out, const eval_comparison *c, const eval_comparison_page *page);
void eval_page_put_verdict(senc_buffer *out, const eval_comparison *c, int64_t k, const eval_comparison_page *page);

/* Of three systems and more, before all else: which one, and the tables of all. */
void eval_page_put_systems(senc_buffer *out, const eval_comparison_page *page);

/* Charts: headline changes with their intervals, and wins and losses; metrics over k of all models. */
void eval_page_put_differences(senc_buffer *out, const eval_comparison *c);
void eval_page_put_curves(senc_buffer *out, const eval_compared_model *models, int64_t n_models);

/* Behind it: all changes of a candidate with its units that changed most, each also alone; the costs as a table; the
 * rules. */
void eval_page_put_changes(senc_buffer *out, const eval_candidate *k, const eval_comparison_page *page);
void eval_page_put_units(senc_buffer *out, const eval_candidate *k, const eval_comparison_page *page);
void eval_page_put_candidate(senc_buffer *out, const eval_comparison *c, const eval_candidate *k,
                             const eval_comparison_page *page);
void eval_page_put_costs(senc_buffer *out, const eval_comparison_page *page);
void eval_page_put_rules(senc_buffer *out, const eval_comparison *c, const eval_comparison_page *page);

#endif
