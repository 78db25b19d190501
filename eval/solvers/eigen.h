/* Eigenvalues and eigenvectors of a symmetric matrix: Householder's reduction to tridiagonal form, then the QL
 * iteration with implicit shifts (Bowdler, Martin, Reinsch, Wilkinson 1968: tred2 and tql2; Golub and Van Loan, Matrix
 * Computations, 8.3). Both fail when memory runs out, or (never seen) when a value needs more than 60 steps. */
#ifndef EVAL_EIGEN_H
#define EVAL_EIGEN_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

/* a (n, n), symmetric, is overwritten: row i becomes the eigenvector of values[i], of length 1, its largest number
 * positive; values (n) from the largest to the smallest. */
bool eval_eigen_symmetric(double *a, int64_t n, double *values, senc_error *err);

/* The values alone, from the largest to the smallest, in 4/3 n^3 operations; a is destroyed. */
bool eval_eigenvalues(double *a, int64_t n, double *values, senc_error *err);

#endif
