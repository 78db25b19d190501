/* Eigenvalues of a symmetric matrix: Householder's reduction to tridiagonal form, then the QL iteration with implicit
 * shifts (Golub and Van Loan, Matrix Computations, 8.3; the EISPACK routines tred1 and imtql1). */
#ifndef EVAL_EIGEN_H
#define EVAL_EIGEN_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

/* a (n, n), symmetric; destroyed. values (n), ascending. Fails when memory runs out, or (never seen) when an eigenvalue
 * needs more than 50 iterations. Time: 4/3 n^3. */
bool eval_eigenvalues(double *a, int64_t n, double *values, senc_error *err);

/* Singular values of m (n, n) as the roots of the eigenvalues of m^T m: those below 1e-8 of the largest are noise.
 * values (n), ascending. */
bool eval_singular_values(const double *m, int64_t n, double *values, senc_error *err);

/* gram (k, k) += rows^T other, with rows (n, k), other (n, k), in double, by all threads. other = rows: a Gram matrix.
 */
void eval_gram_add(const float *rows, const float *other, int64_t n, int64_t k, double *gram);

#endif
