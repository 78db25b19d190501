/* See clustering.h: every formula stands at its declaration. Counts of (cluster, class) are the runs of the sorted
 * list of pairs: their table would not fit when there are many of both. */
#include "eval/metrics/clustering.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"

static int by_value(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* -sum p log p, p = count / n */
static double entropy_of(const int64_t *counts, int64_t n_counts, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n_counts; i++) {
        const double p = (double)counts[i] / (double)n;
        if (counts[i] > 0) sum -= p * log(p);
    }
    return sum;
}

static double squares_of(const int64_t *counts, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)counts[i] * (double)counts[i];
    return sum;
}

typedef struct table_sums {
    double information; /* mutual, in nats */
    double squares;
    int64_t most; /* sum over clusters of their largest count */
} table_sums;

static table_sums sum_table(const int64_t *pairs, int64_t n, const int64_t *in_class, int64_t n_classes,
                            const int64_t *in_cluster, int64_t n_clusters, int64_t *majority) {
    table_sums s = {0};
    for (int64_t k = 0; majority && k < n_clusters; k++) majority[k] = -1;
    int64_t largest = 0;
    for (int64_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && pairs[end] == pairs[first];) end++;
        const int64_t cluster = pairs[first] / n_classes, class = pairs[first] % n_classes;
        const double count = (double)(end - first);
        s.information +=
            count / (double)n *
            (log(count) + log((double)n) - log((double)in_class[class]) - log((double)in_cluster[cluster]));
        s.squares += count * count;
        const bool is_first = first == 0 || pairs[first - 1] / n_classes != cluster;
        if (is_first) largest = 0;
        if (end - first <= largest) continue;
        s.most += end - first - largest;
        largest = end - first;
        if (majority) majority[cluster] = class;
    }
    return s;
}

bool eval_partition_measure(const int64_t *classes, int64_t n_classes, const int64_t *clusters, int64_t n_clusters,
                            int64_t n, int64_t *majority, eval_partition *out, senc_error *err) {
    const size_t room = (size_t)(n + n_classes + n_clusters);
    int64_t *pairs = senc_alloc_zero(room, sizeof *pairs);
    if (!pairs) return senc_fail_memory(err, room * sizeof *pairs, "clusters");
    int64_t *in_class = pairs + n, *in_cluster = in_class + n_classes;
    for (int64_t i = 0; i < n; i++) {
        pairs[i] = clusters[i] * n_classes + classes[i];
        in_class[classes[i]]++;
        in_cluster[clusters[i]]++;
    }
    qsort(pairs, (size_t)n, sizeof *pairs, by_value);
    const table_sums s = sum_table(pairs, n, in_class, n_classes, in_cluster, n_clusters, majority);
    const double of_classes = entropy_of(in_class, n_classes, n), of_clusters = entropy_of(in_cluster, n_clusters, n);
    const double information = s.information > 0 ? s.information : 0;
    *out = (eval_partition){.homogeneity = of_classes > 0 ? information / of_classes : 1,
                            .completeness = of_clusters > 0 ? information / of_clusters : 1,
                            .purity = (double)s.most / (double)n};
    const double sum = out->homogeneity + out->completeness;
    out->v_measure = sum > 0 ? 2 * out->homogeneity * out->completeness / sum : 0;
    /* Ordered pairs of different items: together in both, in the clusters only, in the classes only, in neither. */
    const double both = s.squares - (double)n, in_clusters = squares_of(in_cluster, n_clusters) - s.squares,
                 in_classes = squares_of(in_class, n_classes) - s.squares,
                 neither = (double)n * (double)n - s.squares - in_clusters - in_classes;
    out->adjusted_rand =
        in_clusters == 0 && in_classes == 0
            ? 1
            : 2 * (both * neither - in_classes * in_clusters) /
                  ((both + in_classes) * (in_classes + neither) + (both + in_clusters) * (in_clusters + neither));
    free(pairs);
    return true;
}
