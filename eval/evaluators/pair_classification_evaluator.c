/* Pairs that belong together or not (duplicates, paraphrases): how well does the similarity tell them apart? Keys
 * {name}_{function}_{metric} and formulas as sentence-transformers' BinaryClassificationEvaluator: the best accuracy
 * and F1 over all thresholds with these thresholds (of distances: the distance), precision, recall and MCC where F1 is
 * best, and average precision, the headline. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/evaluators/evaluator_parts.h"
#include "eval/metrics/classification.h"

#define WANTED_BY "evaluator \"pair_classification\""

enum { MCC_AT_F1, MCC_BEST };

typedef struct pair_options {
    eval_file_options file; /* first: EVAL_FILE_ROWS */
    int mcc;
} pair_options;

static const senc_option option_rows[] = {
    EVAL_FILE_ROWS,
    EVAL_LABEL_ROWS,
    SENC_OPTION_STRINGS(eval_file_options, similarity, NULL,
                        "cosine, dot, euclidean, manhattan; default: the model's own"),
    SENC_OPTION_CHOICE(pair_options, mcc, "f1_threshold", "f1_threshold|best",
                       "Matthews' correlation where F1 is best (sentence-transformers), or at its own best threshold"),
    {0},
};

typedef struct pair_task {
    const pair_options *options;
    eval_similarities similarities;
    data_set *set;
    int64_t slots[3]; /* sentence1, sentence2, label */
    bool positional;
    double *labels; /* (n_rows) 0, 1 */
    int64_t n_positives;
} pair_task;

static const data_role roles[] = {
    {.name = "sentence1", .kind = DATA_ROLE_TEXT},
    {.name = "sentence2", .kind = DATA_ROLE_TEXT},
    {.name = "label", .kind = DATA_ROLE_BINARY},
};

static void pair_free(void *task) {
    pair_task *t = task;
    if (t == NULL) return;
    data_set_close(t->set);
    free(t->labels);
    free(t);
}

static bool read_labels(pair_task *t, senc_error *err) {
    const int64_t n = data_set_n_rows(t->set);
    t->labels = senc_alloc((size_t)n, sizeof *t->labels);
    if (t->labels == NULL) return senc_fail_memory(err, (size_t)n * sizeof *t->labels, "labels");
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        ok = data_set_row(t->set, i, &row, err);
        if (!ok) break;
        t->labels[i] = row.values[t->slots[2]].number;
        t->n_positives += t->labels[i] == 1;
    }
    data_row_free(&row);
    if (ok && (t->n_positives == 0 || t->n_positives == n))
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected pairs of both labels, 0 and 1, found %lld of label %d",
                         t->options->file.path, (long long)n, t->n_positives > 0);
    return ok;
}

static bool pair_load(const void *options, void **task, senc_error *err) {
    pair_task *t = senc_alloc_zero(1, sizeof *t);
    *task = t;
    if (t == NULL) return senc_fail_memory(err, sizeof *t, "an evaluation");
    t->options = options;
    const eval_file_options *file = &t->options->file;
    if (!eval_similarities_parse(&file->similarity, WANTED_BY, &t->similarities, err) ||
        !eval_file_open(file, roles, 3, WANTED_BY, true, &t->set, &t->positional, err))
        return false;
    for (int i = 0; i < 3; i++) t->slots[i] = data_set_find_slot(t->set, roles[i].name);
    return read_labels(t, err);
}

static bool add_metrics(const pair_task *t, eval_similarity f, const double *measured, eval_result *result,
                        senc_error *err) {
    eval_binary b;
    if (!eval_binary_measure(measured, t->labels, data_set_n_rows(t->set), &b, err)) return false;
    const double sign = f == EVAL_EUCLIDEAN || f == EVAL_MANHATTAN ? -1 : 1; /* a threshold of the distance */
    const bool best = t->options->mcc == MCC_BEST;
    const char *name = result->name, *function = eval_similarity_name(f);
    return eval_result_add(result, b.accuracy, err, "%s_%s_accuracy", name, function) &&
           eval_result_add(result, sign * b.accuracy_threshold, err, "%s_%s_accuracy_threshold", name, function) &&
           eval_result_add(result, b.f1, err, "%s_%s_f1", name, function) &&
           eval_result_add(result, sign * b.f1_threshold, err, "%s_%s_f1_threshold", name, function) &&
           eval_result_add(result, b.precision, err, "%s_%s_precision", name, function) &&
           eval_result_add(result, b.recall, err, "%s_%s_recall", name, function) &&
           eval_result_add(result, b.average_precision, err, "%s_%s_ap", name, function) &&
           eval_result_add(result, best ? b.best_mcc : b.mcc, err, "%s_%s_mcc", name, function) &&
           eval_detail_put_series(result, EVAL_AVERAGE_PRECISION, measured, err, "%s_ap", function) &&
           eval_detail_put_series(result, EVAL_ACCURACY_BEST, measured, err, "%s_accuracy", function) &&
           eval_detail_put_series(result, EVAL_F1_BEST, measured, err, "%s_f1", function) &&
           (!best || eval_detail_put_series(result, EVAL_MCC_BEST, measured, err, "%s_mcc", function));
}

static bool describe(const pair_task *t, eval_result *result, senc_error *err) {
    return eval_result_add_count(result, err, "pairs: %lld (%lld positive)", (long long)data_set_n_rows(t->set),
                                 (long long)t->n_positives) &&
           eval_result_add_left_out(result, t->set, err) &&
           (!t->positional ||
            eval_result_add_rule(result, err, "columns: sentence1, sentence2, label (the file has no header)")) &&
           eval_result_add_rule(result, err, "accuracy, f1: at the threshold of these pairs where they are best") &&
           eval_result_add_rule(result, err, "precision, recall: at f1's threshold") &&
           eval_result_add_rule(result, err,
                                t->options->mcc == MCC_BEST ? "mcc: at its own best threshold"
                                                            : "mcc: at f1's threshold") &&
           eval_result_add_rule(result, err, "ap: steps of recall, equal similarities together (scikit-learn)");
}

static bool measure_all(const pair_task *t, const eval_embedder *embedder, const eval_similarities *functions,
                        double *measured, eval_result *result, senc_error *err) {
    const int64_t n = data_set_n_rows(t->set);
    const eval_similarity main = eval_similarities_main(functions, embedder);
    eval_detail *d = &result->detail;
    if (!eval_pairs_measure(t->set, t->slots[0], t->slots[1], embedder, functions, measured, err) ||
        !eval_detail_set_rows(d, "pair", t->set, t->slots[0], t->slots[1], true, err))
        return false;
    memcpy(d->gold, t->labels, (size_t)n * sizeof *d->gold);
    for (int f = 0; f < functions->n; f++) {
        const double *scores = measured + f * n;
        if (!add_metrics(t, functions->items[f], scores, result, err) ||
            (functions->items[f] == main && !eval_detail_sample_scores(d, scores, t->labels, n, err)))
            return false;
    }
    return eval_result_set_primary(result, err, "%s_ap", eval_similarity_name(main)) && describe(t, result, err);
}

static bool pair_evaluate(void *task, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const pair_task *t = task;
    if (!eval_result_name(result, &t->options->file, err)) return false;
    eval_similarities functions;
    bool ok = eval_similarities_resolve(&t->similarities, embedder, &functions, err);
    if (ok) {
        const size_t room = (size_t)data_set_n_rows(t->set) * (size_t)functions.n;
        double *measured = senc_alloc(room, sizeof *measured);
        ok = measured != NULL ? measure_all(t, embedder, &functions, measured, result, err)
                              : senc_fail_memory(err, room * sizeof *measured, "similarities");
        free(measured);
    }
    return ok || senc_error_prefix(err, "evaluation \"%s\": ", result->name);
}

static bool pair_units(void *task, eval_unit_visit visit, void *context, senc_error *err) {
    const pair_task *t = task;
    return eval_rows_visit(t->set, "pair", t->slots[0], t->slots[1], NULL, 0, visit, context, err);
}

const eval_spec eval_pair_classification_spec = {
    .name = "pair_classification",
    .help = "pairs with labels 0 and 1: average precision, F1, accuracy and MCC of the similarity",
    .options = option_rows,
    .options_bytes = sizeof(pair_options),
    .load = pair_load,
    .run = pair_evaluate,
    .free_task = pair_free,
    .units = pair_units,
};
