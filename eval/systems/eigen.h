/* Eigenvectors of a symmetric matrix. */
#ifndef EVAL_EIGEN_H
#define EVAL_EIGEN_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

/* a (n, n), symmetric, is overwritten: row i becomes the eigenvector of values[i], of length 1, its largest number
 * positive; values (n) from the largest to the smallest. Householder's reduction to a tridiagonal matrix, then QL with
 * implicit shifts (Bowdler, Martin, Reinsch, Wilkinson 1968: tred2 and tql2). */
bool eval_eigen_symmetric(double *a, int64_t n, double *values, senc_error *err);

#endif
