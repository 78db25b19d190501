/* k-means (Lloyd 1982) from greedy k-means++ starts (Arthur, Vassilvitskii 2007), the best of several. Not in
 * mini-batches: the same vectors, seed and number of starts give the same clusters. */
#ifndef EVAL_KMEANS_H
#define EVAL_KMEANS_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

typedef struct eval_kmeans_options {
    int64_t n_clusters; /* 1 .. n */
    int64_t n_starts, max_iterations;
    uint64_t seed;
} eval_kmeans_options;

typedef struct eval_kmeans_outcome {
    double inertia;       /* sum of squared distances to the centres, of the best start */
    int64_t n_iterations; /* of the best start */
    bool converged;       /* no vector changed its cluster any more */
} eval_kmeans_outcome;

/* x (n, width) -> clusters (n). Uses all threads; the result does not depend on their number. False: out of memory. */
bool eval_kmeans(const eval_kmeans_options *options, const float *x, int64_t n, int64_t width, int64_t *clusters,
                 eval_kmeans_outcome *outcome, senc_error *err);

#endif
