/* The end of a loss: a row of numbers (cosines, distances) to one number. The formula gives value and slopes together.
 */
#ifndef LOSS_REDUCTION_H
#define LOSS_REDUCTION_H

#include "losses/loss.h"

/* Reads x (n); sets *value and slope[i] = d value / d x_i for all i. May take memory by ag_node_alloc; when that gives
 * NULL it returns at once. */
typedef void loss_formula(ag_tape *t, const real *x, int64_t n, const loss_batch *batch, const void *options,
                          double *value, real *slope);

/* x (1,n) -> (1,1). */
ag_node *loss_reduce(ag_tape *t, ag_node *x, loss_formula *formula, const loss_batch *batch, const void *options);

#endif
