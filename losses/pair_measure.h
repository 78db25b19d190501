/* One number for each pair of rows of a matrix: the cosine or a distance. Cosine, CoSENT, contrastive and triplet
 * losses start with it. */
#ifndef LOSS_PAIR_MEASURE_H
#define LOSS_PAIR_MEASURE_H

#include "autograd/tape.h"

typedef enum loss_measure {
    LOSS_COSINE_SIMILARITY, /* a.b / (max(|a|,eps) max(|b|,eps)) */
    LOSS_COSINE_DISTANCE,   /* 1 - the cosine */
    LOSS_EUCLIDEAN,         /* |a - b + shift|_2 */
    LOSS_MANHATTAN,         /* |a - b + shift|_1 */
} loss_measure;

typedef struct loss_measure_rule {
    loss_measure measure;
    double eps;   /* smallest length that a cosine divides by: F.normalize 1e-12, F.cosine_similarity 1e-8 */
    double shift; /* added to each coordinate's difference: F.pairwise_distance has 1e-6 */
} loss_measure_rule;

typedef struct loss_pair {
    int64_t a, b; /* rows */
} loss_pair;

/* The measure of two rows of D numbers, as the forward pass of loss_pair_measure has it. */
double loss_measure_rows(loss_measure_rule rule, const real *a, const real *b, int64_t d);

/* x (N,D) -> (1, n_pairs). The pairs are copied; n_pairs >= 1, rows below N.
 * Where a measure has no derivative the gradient is 0: a vector shorter than eps under the cosine (the formula's own
 * 1/eps would be an explosion), two equal vectors under the Euclidean distance, two equal coordinates under the
 * Manhattan distance. */
ag_node *loss_pair_measure(ag_tape *t, ag_node *x, const loss_pair *pairs, int64_t n_pairs, loss_measure_rule rule);

/* The pairs (row i of column 0, row i of column c) for c = 1 .. n_columns - 1, column after column:
 * embeddings (C*B, D) -> (1, (C-1)*B). */
ag_node *loss_column_measure(ag_tape *t, ag_node *embeddings, int64_t n_rows, int64_t n_columns,
                             loss_measure_rule rule);

#endif
