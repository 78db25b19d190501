/* The units that changed most between two models. */
#ifndef EVAL_CHANGED_UNITS_H
#define EVAL_CHANGED_UNITS_H

#include "eval/statistics/compared_series.h"

/* At most n_examples of each kind, the largest change first; the caller frees improved and hurt. */
bool eval_changed_units_find(const eval_pairing *pairing, const eval_compared_series *s, int64_t n_examples,
                             eval_changed_units *out, senc_error *err);

#endif
