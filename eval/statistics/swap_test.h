/* A paired permutation test of metrics that are no means over units (correlations, average precision, F1 at the best
 * threshold): were the two models alike, they could as well have given each other's answers, unit by unit. */
#ifndef EVAL_SWAP_TEST_H
#define EVAL_SWAP_TEST_H

#include "eval/statistics/series_value.h"

#define EVAL_SWAPS 10000

/* Both models' values are first put on one scale, which their own metric does not see: ranks among the units (for
 * Pearson standard scores; classes stay). Then n_swaps (0: EVAL_SWAPS, fewer for very many units) times every unit's
 * values change sides with chance 1/2. *p is two-sided, counted as in eval_sign_flip_test; NaN where one of the metrics
 * is undefined. a and b: the same units, gold and statistic, which is not EVAL_MEAN. False: out of memory. */
bool eval_swap_test(const eval_series_plan *a, const eval_series_plan *b, int64_t n_swaps, uint64_t seed, double *p,
                    senc_error *err);

#endif
