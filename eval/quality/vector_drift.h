/* How far two sets of vectors are from each other.
 *
 * Of the same texts (row i of one is row i of the other; two models, or a model and its successor):
 *   cosine of the two vectors of a text; norms; the share of common texts among the 10 nearest of each; and what is
 * left when one set is moved, turned and scaled onto the other as well as can be: 1 - (sum of the singular values of
 *   A^T B)^2 with both centred and of Frobenius norm 1 (Schoenemann 1966; scipy.spatial.procrustes's disparity). 0: the
 *   same up to a rotation, 1: nothing in common. A rotation changes no search within one set, but vectors of both must
 *   not be mixed.
 * Of two samples of other texts (two windows of time): the distance of their means, and the energy distance
 *   2 E|X - Y| - E|X - X'| - E|Y - Y'| (Szekely and Rizzo 2013) with the p value of a permutation test. */
#ifndef EVAL_VECTOR_DRIFT_H
#define EVAL_VECTOR_DRIFT_H

#include "data/formats/vector_file.h"
#include "eval/quality/vector_quality.h"

#define EVAL_DRIFT_NEIGHBOURS 10

typedef struct eval_drift {
    int64_t n_rows, n_compared; /* compared: finite and not zero in both */
    bool same_width;            /* else cosine and Procrustes are NaN */
    double cosine_mean, cosine_p5, cosine_least;
    eval_quality_pair moved[EVAL_QUALITY_SHOWN]; /* the lowest cosines; a = b = row */
    int64_t n_moved;
    double norm_ratio; /* mean of |b| / |a| */
    double overlap;    /* of the nearest 10, mean over n_queries texts among n_searched */
    int64_t n_queries, n_searched;
    double disparity; /* Procrustes, over n_fitted rows */
    int64_t n_fitted;
} eval_drift;

/* The numbers of rows must be equal (BAD_INPUT). */
bool eval_drift_measure(const data_vectors *a, const data_vectors *b, eval_drift *out, senc_error *err);

typedef struct eval_shift {
    int64_t n_a, n_b;     /* in the samples */
    double mean_distance; /* |mean a - mean b|, of unit vectors */
    double mean_cosine;   /* of the two means */
    double energy, p;     /* p: share of permutations that are as far apart */
    int64_t n_permutations;
} eval_shift;

/* The widths must be equal (BAD_INPUT). The permutations follow from the seed. */
bool eval_shift_measure(const data_vectors *a, const data_vectors *b, uint64_t seed, eval_shift *out, senc_error *err);

#endif
