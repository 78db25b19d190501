/* The parts of a comparison: see comparison.h. */
#ifndef EVAL_COMPARISON_INNER_H
#define EVAL_COMPARISON_INNER_H

#include "eval/statistics/compared_series.h"
#include "eval/statistics/comparison.h"

/* Some evaluators measure all units at once (clusterings): there is nothing to pair. */
bool eval_result_has_units(const eval_result *r);

/* What is known before anything is measured; r: the base's result. */
eval_change eval_change_of(const eval_result *r, const eval_pairing *pairing, const eval_compared_series *s);
/* Fills all but the corrected p and what follows from it. */
bool eval_change_measure(const eval_compared_series *s, const eval_comparison_options *o, eval_change *c,
                         senc_error *err);
/* The larger share of the change's units that any seed of a model was trained on, where it is larger than what the
 * change has. */
void eval_change_take_leak(const eval_compared_model *m, bool is_base, eval_change *c);
/* The verdict and regression of a change whose p is corrected. */
void eval_change_judge(eval_change *c, const eval_comparison_options *o);

/* Fills c->pairs. All models have been compared with the base, so that they have its units and headline metrics. */
bool eval_comparison_measure_pairs(eval_comparison *c, const eval_compared_model *models, int64_t n_models,
                                   const eval_comparison_options *o, senc_error *err);
/* Fills the metric of every change. */
void eval_comparison_name_metrics(const eval_comparison *c, const eval_compared_model *base);

#endif
