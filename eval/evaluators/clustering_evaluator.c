/* Clustering: do the clusters of the vectors match the texts' labels? k-means from k-means++ starts (eval/kmeans.h), as
 * many clusters as there are labels, measured by V-measure (Rosenberg, Hirschberg 2007), its two parts, the adjusted
 * Rand index and purity. mteb clusters with mini-batch k-means, whose result depends on the batches; this is the full
 * one. Keys {name}_{metric}. */
#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "eval/evaluators/evaluator_parts.h"
#include "eval/solvers/kmeans.h"
#include "eval/metrics/clustering.h"

#define WANTED_BY "evaluator \"clustering\""

typedef struct clustering_options {
    eval_file_options file; /* first: EVAL_FILE_ROWS */
    int64_t clusters, starts, max_iterations, seed;
} clustering_options;

static const senc_option option_rows[] = {
    EVAL_FILE_ROWS,
    SENC_OPTION_INTEGER(clustering_options, clusters, "0", 0, 1e9, "how many clusters; 0: as many as labels"),
    SENC_OPTION_INTEGER(clustering_options, starts, "5", 1, 1e6, "k-means runs of which the tightest counts"),
    SENC_OPTION_INTEGER(clustering_options, max_iterations, "300", 1, 1e9, "of one run"),
    SENC_OPTION_INTEGER(clustering_options, seed, "1", 0, HUGE_VAL, "of the starts"),
    {0},
};

typedef struct clustering_task {
    const clustering_options *options;
    data_set *set;
    int64_t slots[2]; /* text, label */
    eval_class_names classes;
    int64_t n_clusters;
} clustering_task;

static const data_role roles[] = {
    {.name = "text", .kind = DATA_ROLE_TEXT},
    {.name = "label", .kind = DATA_ROLE_CLASS},
};

static void clustering_free(void *task) {
    clustering_task *t = task;
    if (t == NULL) return;
    data_set_close(t->set);
    eval_class_names_free(&t->classes);
    free(t);
}

static bool clustering_load(const void *options, void **task, senc_error *err) {
    clustering_task *t = senc_alloc_zero(1, sizeof *t);
    *task = t;
    if (t == NULL) return senc_fail_memory(err, sizeof *t, "an evaluation");
    const clustering_options *o = t->options = options;
    bool positional;
    if (!eval_file_open(&o->file, roles, 2, WANTED_BY, false, &t->set, &positional, err)) return false;
    for (int i = 0; i < 2; i++) t->slots[i] = data_set_find_slot(t->set, roles[i].name);
    const data_set *const sets[] = {t->set};
    if (!eval_class_names_collect(sets, &t->slots[1], 1, &t->classes, err)) return false;
    if (t->classes.n < 2)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected texts of at least 2 labels, found %lld", o->file.path,
                         (long long)t->classes.n);
    t->n_clusters = o->clusters > 0 ? o->clusters : t->classes.n;
    if (t->n_clusters <= data_set_n_rows(t->set)) return true;
    return senc_fail(err, SENC_BAD_INPUT, "%s: expected at least as many texts as clusters (%lld), found %lld",
                     o->file.path, (long long)t->n_clusters, (long long)data_set_n_rows(t->set));
}

/* Found: the label that the text's cluster stands for. */
static bool fill_detail(const clustering_task *t, const int64_t *clusters, const int64_t *majority, eval_result *result,
                        senc_error *err) {
    eval_detail *d = &result->detail;
    if (!eval_detail_set_rows(d, "text", t->set, t->slots[0], t->slots[1], false, err)) return false;
    senc_buffer key = {0};
    senc_buffer_printf(&key, "%s_purity", result->name);
    double *right;
    const bool ok = eval_detail_add_series(d, senc_buffer_text(&key), EVAL_MEAN, &right, err);
    senc_buffer_free(&key);
    for (int64_t i = 0; ok && i < d->n_units; i++) {
        const int64_t found = majority[clusters[i]];
        right[i] = found == t->classes.ids[0][i];
        if (!eval_detail_add_found(d, i, t->classes.names[found], NULL, 0, 1, right[i], err)) return false;
    }
    return ok;
}

static bool describe(const clustering_task *t, const eval_kmeans_outcome *outcome, eval_result *result,
                     senc_error *err) {
    const clustering_options *o = t->options;
    return eval_result_add_count(result, err, "texts: %lld, labels: %lld, clusters: %lld",
                                 (long long)data_set_n_rows(t->set), (long long)t->classes.n,
                                 (long long)t->n_clusters) &&
           eval_result_add_left_out(result, t->set, err) &&
           (outcome->converged || eval_result_add_count(result, err, "k-means stopped after %lld iterations",
                                                        (long long)o->max_iterations)) &&
           eval_result_add_rule(
               result, err,
               "clusters: k-means of the vectors as they are, the tightest of %lld k-means++ starts, seed %lld",
               (long long)o->starts, (long long)o->seed) &&
           eval_result_add_rule(result, err, "purity: each cluster stands for its most frequent label");
}

static bool measure(const clustering_task *t, const float *vectors, int64_t width, int64_t *clusters, int64_t *majority,
                    eval_result *result, senc_error *err) {
    const clustering_options *o = t->options;
    const int64_t n = data_set_n_rows(t->set);
    const eval_kmeans_options how = {t->n_clusters, o->starts, o->max_iterations, (uint64_t)o->seed};
    eval_kmeans_outcome outcome;
    eval_partition p;
    const char *name = result->name;
    return eval_kmeans(&how, vectors, n, width, clusters, &outcome, err) &&
           eval_partition_measure(t->classes.ids[0], t->classes.n, clusters, t->n_clusters, n, majority, &p, err) &&
           eval_result_add(result, p.v_measure, err, "%s_v_measure", name) &&
           eval_result_add(result, p.homogeneity, err, "%s_homogeneity", name) &&
           eval_result_add(result, p.completeness, err, "%s_completeness", name) &&
           eval_result_add(result, p.adjusted_rand, err, "%s_adjusted_rand", name) &&
           eval_result_add(result, p.purity, err, "%s_purity", name) &&
           eval_result_set_primary(result, err, "v_measure") && fill_detail(t, clusters, majority, result, err) &&
           describe(t, &outcome, result, err);
}

static bool clustering_evaluate(void *task, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const clustering_task *t = task;
    if (!eval_result_name(result, &t->options->file, err)) return false;
    float *vectors = NULL;
    const int64_t n = data_set_n_rows(t->set);
    int64_t *clusters = senc_alloc((size_t)(n + t->n_clusters), sizeof *clusters);
    bool ok = clusters != NULL || senc_fail_memory(err, (size_t)n * sizeof *clusters, "clusters");
    ok = ok && eval_column_embed(t->set, t->slots[0], embedder, EVAL_TEXT, &vectors, err) &&
         measure(t, vectors, embedder->width, clusters, clusters + n, result, err);
    free(vectors);
    free(clusters);
    return ok || senc_error_prefix(err, "evaluation \"%s\": ", result->name);
}

static bool clustering_units(void *task, eval_unit_visit visit, void *context, senc_error *err) {
    const clustering_task *t = task;
    return eval_rows_visit(t->set, "text", t->slots[0], -1, NULL, 0, visit, context, err);
}

const eval_spec eval_clustering_spec = {
    .name = "clustering",
    .help = "texts with labels: V-measure, adjusted Rand and purity of k-means",
    .options = option_rows,
    .options_bytes = sizeof(clustering_options),
    .load = clustering_load,
    .run = clustering_evaluate,
    .free_task = clustering_free,
    .units = clustering_units,
};
