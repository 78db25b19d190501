/* How well a partition into clusters matches one into classes. Formulas as scikit-learn's. */
#ifndef EVAL_CLUSTERING_H
#define EVAL_CLUSTERING_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

typedef struct eval_partition {
    double homogeneity;   /* 1 - H(class | cluster) / H(class); 1 where H(class) is 0 (Rosenberg, Hirschberg 2007) */
    double completeness;  /* 1 - H(cluster | class) / H(cluster); 1 where H(cluster) is 0 */
    double v_measure;     /* their harmonic mean; also mutual information / mean of the two entropies (NMI) */
    double adjusted_rand; /* pairs on which both agree, corrected for chance (Hubert, Arabie 1985) */
    double purity;        /* share of items whose class is the most frequent of their cluster */
} eval_partition;

/* classes, clusters (n): from 0 to their number - 1. majority (n_clusters) or NULL: the most frequent class of each
 * cluster, the smallest of several, -1 for an empty one. False: out of memory. */
bool eval_partition_measure(const int64_t *classes, int64_t n_classes, const int64_t *clusters, int64_t n_clusters,
                            int64_t n, int64_t *majority, eval_partition *out, senc_error *err);

#endif
