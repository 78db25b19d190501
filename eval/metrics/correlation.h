/* Correlation of two lists of numbers. */
#ifndef EVAL_CORRELATION_H
#define EVAL_CORRELATION_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

/* Pearson's r in [-1, 1], by two passes in double. NaN where it is undefined: fewer than two numbers, a list of equal
 * numbers, or a number that is not finite. */
double eval_pearson(const double *x, const double *y, int64_t n);

/* Spearman's rho: Pearson's r of the ranks, where equal numbers share the average of their ranks. *rho is NaN where it
 * is undefined, as above. False only when memory runs out. */
bool eval_spearman(const double *x, const double *y, int64_t n, double *rho, senc_error *err);

/* ranks (n), from 1; equal numbers share the average of theirs. x is finite. False when memory runs out. */
bool eval_average_ranks(const double *x, int64_t n, double *ranks, senc_error *err);

#endif
