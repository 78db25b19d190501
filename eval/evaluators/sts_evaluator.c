/* Semantic textual similarity: do the similarities of pairs follow the scores that people gave them? Pearson's r and
 * Spearman's rho (average ranks on ties) of similarity and score, for each similarity. Keys
 * {name}_{pearson|spearman}_{function}, as sentence-transformers' EmbeddingSimilarityEvaluator has them. Scores may
 * have any range, because neither depends on it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/evaluators/evaluator_parts.h"
#include "eval/metrics/correlation.h"

typedef struct sts_task {
    const eval_file_options *options;
    eval_similarities similarities;
    data_set *set;
    int64_t slots[3]; /* sentence1, sentence2, score */
    bool positional;
    double *scores; /* (n_rows) */
} sts_task;

/* The numbers of one run. */
typedef struct sts_run {
    const sts_task *task;
    const eval_embedder *embedder;
    eval_similarities functions;
    double *measured; /* (functions, n_rows) */
} sts_run;

static const data_role roles[] = {
    {.name = "sentence1", .kind = DATA_ROLE_TEXT},
    {.name = "sentence2", .kind = DATA_ROLE_TEXT},
    {.name = "score", .kind = DATA_ROLE_NUMBER},
};

static void sts_free(void *task) {
    sts_task *t = task;
    if (t == NULL) return;
    data_set_close(t->set);
    free(t->scores);
    free(t);
}

static bool read_scores(sts_task *t, senc_error *err) {
    const int64_t n = data_set_n_rows(t->set);
    if (n < 2)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected at least 2 rows for a correlation, found %lld",
                         t->options->path, (long long)n);
    t->scores = senc_alloc((size_t)n, sizeof(*t->scores));
    if (t->scores == NULL) return senc_fail_memory(err, (size_t)n * sizeof(*t->scores), "scores");
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        ok = data_set_row(t->set, i, &row, err);
        if (ok) t->scores[i] = row.values[t->slots[2]].number;
    }
    data_row_free(&row);
    return ok;
}

static bool sts_load(const void *options, void **task, senc_error *err) {
    sts_task *t = senc_alloc_zero(1, sizeof(*t));
    *task = t;
    if (t == NULL) return senc_fail_memory(err, sizeof(*t), "an evaluation");
    t->options = options;
    if (!eval_similarities_parse(&t->options->similarity, "evaluator \"sts\"", &t->similarities, err)) return false;
    if (!eval_file_open(t->options, roles, 3, "evaluator \"sts\"", true, &t->set, &t->positional, err)) return false;
    for (int i = 0; i < 3; i++) t->slots[i] = data_set_find_slot(t->set, roles[i].name);
    return read_scores(t, err);
}

static bool all_equal(const double *x, int64_t n) {
    for (int64_t i = 1; i < n; i++)
        if (x[i] != x[0]) return false;
    return true;
}

/* r and rho have no value. */
static bool add_undefined(const sts_run *run, const char *function, const double *measured, eval_result *result,
                          senc_error *err) {
    const int64_t n = data_set_n_rows(run->task->set);
    char reason[128];
    if (all_equal(run->task->scores, n))
        snprintf(reason, sizeof reason, "all %lld scores of the data are %g", (long long)n, run->task->scores[0]);
    else if (all_equal(measured, n))
        snprintf(reason, sizeof reason, "all %lld %s similarities are %.6g", (long long)n, function, measured[0]);
    else
        snprintf(reason, sizeof reason, "the scores or the %s similarities are not finite", function);
    return eval_result_add_undefined(result, reason, err, "%s_pearson_%s", result->name, function) &&
           eval_result_add_undefined(result, reason, err, "%s_spearman_%s", result->name, function) &&
           eval_result_add_count(result, err, "%s: undefined, because %s", function, reason);
}

static bool add_correlations(const sts_run *run, eval_result *result, senc_error *err) {
    const int64_t n = data_set_n_rows(run->task->set);
    for (int f = 0; f < run->functions.n; f++) {
        const char *function = eval_similarity_name(run->functions.items[f]);
        const double *measured = run->measured + f * n;
        double rho;
        if (!eval_spearman(run->task->scores, measured, n, &rho, err)) return false;
        const double r = eval_pearson(run->task->scores, measured, n);
        const bool ok = isnan(r) || isnan(rho)
                            ? add_undefined(run, function, measured, result, err)
                            : eval_result_add(result, r, err, "%s_pearson_%s", result->name, function) &&
                                  eval_result_add(result, rho, err, "%s_spearman_%s", result->name, function);
        if (!ok || !eval_detail_put_series(result, EVAL_PEARSON, measured, err, "pearson_%s", function) ||
            !eval_detail_put_series(result, EVAL_SPEARMAN, measured, err, "spearman_%s", function))
            return false;
    }
    return true;
}

/* Cosine's rho if it is measured, else the first function's. */
static bool name_primary(const eval_similarities *functions, eval_result *result, senc_error *err) {
    const char *function = eval_similarity_name(functions->items[0]);
    for (int f = 0; f < functions->n; f++)
        if (functions->items[f] == EVAL_COSINE) function = "cosine";
    return eval_result_set_primary(result, err, "spearman_%s", function);
}

static bool describe(const sts_task *t, eval_result *result, senc_error *err) {
    return eval_result_add_count(result, err, "pairs: %lld", (long long)data_set_n_rows(t->set)) &&
           eval_result_add_left_out(result, t->set, err) &&
           (!t->positional ||
            eval_result_add_rule(result, err, "columns: sentence1, sentence2, score (the file has no header)")) &&
           eval_result_add_rule(result, err, "spearman: equal numbers share the average of their ranks") &&
           eval_result_add_rule(result, err, "euclidean, manhattan: the similarity is minus the distance");
}

/* A pair is a unit; its gold is the score. */
static bool fill_detail(const sts_task *t, eval_detail *d, senc_error *err) {
    if (!eval_detail_set_rows(d, "pair", t->set, t->slots[0], t->slots[1], true, err)) return false;
    memcpy(d->gold, t->scores, (size_t)d->n_units * sizeof *d->gold);
    return true;
}

static bool measure_all(sts_run *run, eval_result *result, senc_error *err) {
    const sts_task *t = run->task;
    const int64_t n = data_set_n_rows(t->set);
    run->measured = senc_alloc((size_t)n * (size_t)run->functions.n, sizeof(double));
    if (run->measured == NULL) return senc_fail_memory(err, (size_t)n * sizeof(double), "similarities");
    return eval_pairs_measure(t->set, t->slots[0], t->slots[1], run->embedder, &run->functions, run->measured, err) &&
           fill_detail(t, &result->detail, err) && add_correlations(run, result, err) &&
           name_primary(&run->functions, result, err) && describe(t, result, err);
}

static bool sts_evaluate(void *task, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const sts_task *t = task;
    sts_run run = {.task = t, .embedder = embedder};
    if (!eval_result_name(result, t->options, err)) return false;
    const bool ok =
        eval_similarities_resolve(&t->similarities, embedder, &run.functions, err) && measure_all(&run, result, err);
    free(run.measured);
    return ok || senc_error_prefix(err, "evaluation \"%s\": ", result->name);
}

static bool sts_units(void *task, eval_unit_visit visit, void *context, senc_error *err) {
    const sts_task *t = task;
    return eval_rows_visit(t->set, "pair", t->slots[0], t->slots[1], NULL, 0, visit, context, err);
}

const eval_spec eval_sts_spec = {
    .name = "sts",
    .help = "sentence pairs with scores: Pearson and Spearman of similarity and score",
    .options = eval_file_option_rows,
    .options_bytes = sizeof(eval_file_options),
    .load = sts_load,
    .run = sts_evaluate,
    .free_task = sts_free,
    .units = sts_units,
};
