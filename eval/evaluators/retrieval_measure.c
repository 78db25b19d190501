/* Metrics of ranked lists, query by query: see retrieval_parts.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/evaluators/retrieval_parts.h"

const char *const eval_measure_names[] = {"accuracy", "precision", "recall", "ndcg", "mrr", "map"};
enum { N_MEASURES = MAP + 1 };

/* Places at which the curves are drawn. */
static const int64_t curve_ks[] = {1, 2, 3, 5, 10, 20, 50, 100};
enum { N_CURVE_KS = sizeof curve_ks / sizeof *curve_ks };

const senc_integers *eval_retrieval_cutoffs(const retrieval_options *o, measure_kind kind) {
    switch (kind) {
    case ACCURACY:
        return &o->accuracy_at;
    case PRECISION:
    case RECALL:
        return &o->precision_recall_at;
    case NDCG:
        return &o->ndcg_at;
    case MRR:
        return &o->mrr_at;
    case MAP:
        return &o->map_at;
    }
    return NULL; /* not reached: all cases return */
}

static int highest_first(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* The list of query i (of the judged ones) as grades; sets grade_of back to zeros. */
static eval_ranking ranking_of(retrieval_run *run, int f, int64_t i) {
    const retrieval_task *t = run->task;
    const data_beir_relevance *relevance = data_beir_get_relevance(t->beir);
    const int64_t query = t->queries[i], first = relevance->offsets[query], end = relevance->offsets[query + 1];
    eval_ranking r = {.grades = run->grades, .relevant = run->best, .n_relevant = end - first};
    for (int64_t p = first; p < end; p++) {
        run->grade_of[relevance->documents[p]] = (double)relevance->grades[p];
        run->best[p - first] = (double)relevance->grades[p];
    }
    qsort(run->best, (size_t)r.n_relevant, sizeof *run->best, highest_first);
    int64_t n_hits;
    const eval_hit *hits = eval_retrieval_list(run, f, i, &n_hits);
    for (int64_t h = 0; h < n_hits; h++)
        if (!eval_retrieval_leaves_out(t, i, hits[h].document)) run->grades[r.n++] = run->grade_of[hits[h].document];
    for (int64_t p = first; p < end; p++) run->grade_of[relevance->documents[p]] = 0;
    return r;
}

static double measure(const retrieval_options *o, const eval_ranking *r, measure_kind kind, int64_t k) {
    switch (kind) {
    case ACCURACY:
        return eval_accuracy_at(r, k);
    case PRECISION:
        return eval_precision_at(r, k);
    case RECALL:
        return eval_recall_at(r, k);
    case NDCG:
        return eval_ndcg_at(r, k, (eval_gain)o->gain);
    case MRR:
        return eval_reciprocal_rank_at(r, k);
    case MAP:
        return eval_average_precision_at(r, k, (eval_ap_denominator)o->ap_denominator);
    }
    return (double)NAN; /* not reached: all cases return */
}

/* A k that is given twice counts once. */
static bool is_repeated(const senc_integers *ks, int64_t i) {
    for (int64_t j = 0; j < i; j++)
        if (ks->items[j] == ks->items[i]) return true;
    return false;
}

/* Appends one metric with value 0 and its series for each kind and k of a function. */
static bool add_metrics(const retrieval_options *o, const char *function, eval_result *result, senc_error *err) {
    for (measure_kind kind = ACCURACY; kind <= MAP; kind++) {
        const senc_integers *ks = eval_retrieval_cutoffs(o, kind);
        for (int64_t i = 0; i < ks->n; i++) {
            if (is_repeated(ks, i)) continue;
            if (!eval_result_add(result, 0, err, "%s_%s_%s@%lld", result->name, function, eval_measure_names[kind],
                                 (long long)ks->items[i]) ||
                !eval_detail_add_series(&result->detail, result->metrics[result->n_metrics - 1].key, EVAL_MEAN, NULL,
                                        err))
                return false;
        }
    }
    return true;
}

/* What the metrics from number `first` on, in the order of add_metrics, are for query i: into the series and sums. */
static void measure_query(const retrieval_options *o, const eval_ranking *r, int64_t i, int64_t first,
                          eval_result *result) {
    for (measure_kind kind = ACCURACY; kind <= MAP; kind++) {
        const senc_integers *ks = eval_retrieval_cutoffs(o, kind);
        for (int64_t j = 0; j < ks->n; j++) {
            if (is_repeated(ks, j)) continue;
            const double value = measure(o, r, kind, ks->items[j]);
            result->detail.series[first].values[i] = value;
            result->metrics[first++].value += value;
        }
    }
}

/* ---- curves ---- */

static bool start_curves(eval_detail *d, int64_t depth, senc_error *err) {
    d->curves = senc_alloc_zero(N_MEASURES, sizeof *d->curves);
    if (!d->curves) return senc_fail_memory(err, N_MEASURES * sizeof *d->curves, "curves");
    for (; d->n_curves < N_MEASURES; d->n_curves++) {
        struct eval_curve *c = &d->curves[d->n_curves];
        c->name = senc_strdup(eval_measure_names[d->n_curves]);
        c->ks = senc_alloc(N_CURVE_KS, sizeof *c->ks);
        c->values = senc_alloc_zero(N_CURVE_KS, sizeof *c->values);
        for (int i = 0; c->ks && i < N_CURVE_KS && curve_ks[i] <= depth; i++) c->ks[c->n++] = curve_ks[i];
        if (c->name && c->ks && c->values) continue;
        d->n_curves++; /* what there is of it is freed with the rest */
        return senc_fail_memory(err, N_CURVE_KS * sizeof *c->values, "curves");
    }
    return true;
}

static void add_to_curves(const retrieval_options *o, const eval_ranking *r, int64_t n_queries, eval_detail *d) {
    for (int64_t c = 0; c < d->n_curves; c++) {
        struct eval_curve *curve = &d->curves[c];
        for (int64_t i = 0; i < curve->n; i++)
            curve->values[i] += measure(o, r, (measure_kind)c, curve->ks[i]) / (double)n_queries;
    }
}

static int64_t first_relevant(const eval_ranking *r) {
    for (int64_t i = 0; i < r->n; i++)
        if (r->grades[i] > 0) return i + 1;
    return 0;
}

bool eval_retrieval_measure(retrieval_run *run, eval_result *result, senc_error *err) {
    const retrieval_task *t = run->task;
    if (!start_curves(&result->detail, t->depth, err)) return false;
    for (int f = 0; f < eval_retrieval_n_functions(run); f++) {
        const int64_t first = result->n_metrics;
        if (!add_metrics(t->options, eval_retrieval_function(run, f), result, err)) return false;
        for (int64_t i = 0; i < t->n_queries; i++) {
            const eval_ranking r = ranking_of(run, f, i);
            measure_query(t->options, &r, i, first, result);
            if (f > 0) continue;
            result->detail.units[i].rank = first_relevant(&r);
            add_to_curves(t->options, &r, t->n_queries, &result->detail);
        }
        for (int64_t m = first; m < result->n_metrics; m++) result->metrics[m].value /= (double)t->n_queries;
    }
    return true;
}
