/* Gram matrices, singular values by way of them, and centring before both. */
#ifndef EVAL_GRAM_H
#define EVAL_GRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

/* gram (k, k) += rows^T other, with rows (n, k), other (n, k), in double, by all threads. other = rows: a Gram matrix.
 */
void eval_gram_add(const float *rows, const float *other, int64_t n, int64_t k, double *gram);

/* Subtracts the mean row from rows (n, k), in place; returns the sum of the squares that are left. */
double eval_rows_centre(float *rows, int64_t n, int64_t k);

/* Singular values of m (n, n) as the roots of the eigenvalues of m^T m: those below 1e-8 of the largest are noise.
 * values (n), from the largest to the smallest. Fails as eval_eigenvalues does. */
bool eval_singular_values(const double *m, int64_t n, double *values, senc_error *err);

#endif
