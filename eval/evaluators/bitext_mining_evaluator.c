/* Translations (or any two texts that belong together, row by row): is a row's other text the nearest one of all?
 * Keys {name}_src2trg_accuracy, trg2src_accuracy, mean_accuracy and their rules as sentence-transformers'
 * TranslationEvaluator; f1, precision and recall of source to target as mteb's BitextMining has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/evaluators/evaluator_parts.h"
#include "eval/metrics/classification.h"
#include "eval/search.h"

#define WANTED_BY  "evaluator \"bitext_mining\""
#define BLOCK_ROWS 8192 /* texts handed to the search at once */
#define LOOKED_AT  10   /* places in which the own text is looked for, for the details */

typedef struct bitext_options {
    eval_file_options file; /* first: EVAL_FILE_ROWS */
    char *similarity;
} bitext_options;

static const senc_option option_rows[] = {
    EVAL_FILE_ROWS,
    SENC_OPTION_STRING(bitext_options, similarity, "cosine", "cosine, dot, euclidean or manhattan"),
    {0},
};

typedef struct bitext_task {
    const bitext_options *options;
    eval_similarity similarity;
    data_set *set;
    int64_t slots[2]; /* sentence1, sentence2 */
    /* Equal texts have equal numbers: finding a copy is right. */
    int64_t *same[2];
} bitext_task;

static const data_role roles[] = {
    {.name = "sentence1", .kind = DATA_ROLE_TEXT},
    {.name = "sentence2", .kind = DATA_ROLE_TEXT},
};

static void bitext_free(void *task) {
    bitext_task *t = task;
    if (t == NULL) return;
    data_set_close(t->set);
    free(t->same[0]);
    free(t->same[1]);
    free(t);
}

static bool bitext_load(const void *options, void **task, senc_error *err) {
    bitext_task *t = senc_alloc_zero(1, sizeof *t);
    *task = t;
    if (t == NULL) return senc_fail_memory(err, sizeof *t, "an evaluation");
    t->options = options;
    bool positional;
    if (!eval_similarity_parse(t->options->similarity, WANTED_BY, &t->similarity, err) ||
        !eval_file_open(&t->options->file, roles, 2, WANTED_BY, false, &t->set, &positional, err))
        return false;
    const int64_t n = data_set_n_rows(t->set);
    for (int k = 0; k < 2; k++) {
        t->slots[k] = data_set_find_slot(t->set, roles[k].name);
        if (!eval_texts_number(t->set, t->slots[k], &t->same[k], err)) return false;
    }
    return n >= 2 || senc_fail(err, SENC_BAD_INPUT, "%s: expected at least 2 rows, found %lld", t->options->file.path,
                               (long long)n);
}

typedef struct bitext_run {
    const bitext_task *task;
    int64_t n, width;
    float *vectors[2];
    eval_search *search;
    int64_t *nearest[2]; /* (n) of each side the row of the nearest text on the other */
} bitext_run;

/* Finds of each text of one side the nearest ones on the other. */
static bool search_side(bitext_run *run, int side, senc_error *err) {
    const eval_search_options options = {
        .kernels = kern_best(), .similarity = run->task->similarity, .k = run->n < LOOKED_AT ? run->n : LOOKED_AT};
    if (!eval_search_open(&options, run->vectors[side], run->n, run->width, &run->search, err)) return false;
    const float *others = run->vectors[1 - side];
    for (int64_t first = 0; first < run->n; first += BLOCK_ROWS) {
        const int64_t n = run->n - first < BLOCK_ROWS ? run->n - first : BLOCK_ROWS;
        if (!eval_search_add(run->search, others + first * run->width, n, err)) return false;
    }
    eval_search_finish(run->search);
    for (int64_t i = 0; i < run->n; i++) {
        int64_t n_hits;
        run->nearest[side][i] = eval_search_hits(run->search, i, &n_hits)[0].document;
    }
    return true;
}

static bool is_right(const bitext_run *run, int side, int64_t i) {
    const int64_t *same = run->task->same[1 - side];
    return same[i] == same[run->nearest[side][i]];
}

/* Ranks, lists and samples of source to target, while that search is open. */
static bool add_lists(const bitext_run *run, eval_detail *d, senc_error *err) {
    const bitext_task *t = run->task;
    const int64_t *same = t->same[1], step = (run->n + EVAL_DETAIL_SAMPLE - 1) / EVAL_DETAIL_SAMPLE;
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < run->n; i++) {
        int64_t n_hits;
        const eval_hit *hits = eval_search_hits(run->search, i, &n_hits);
        bool other_seen = false;
        d->units[i].rank = 0;
        const double own = eval_similarity_of(t->similarity, run->vectors[0] + i * run->width,
                                              run->vectors[1] + i * run->width, run->width);
        if (i % step == 0) ok = eval_detail_add_sample(d, true, own, err);
        for (int64_t h = 0; ok && h < n_hits; h++) {
            const bool right = same[hits[h].document] == same[i];
            if (right && d->units[i].rank == 0) d->units[i].rank = h + 1;
            if (!right && !other_seen && i % step == 0)
                ok = eval_detail_add_sample(d, false, (double)hits[h].score, err);
            other_seen = other_seen || !right;
            if (!ok || h >= EVAL_DETAIL_FOUND) continue;
            char id[24];
            snprintf(id, sizeof id, "%lld", (long long)hits[h].document + 1);
            ok = data_set_row(t->set, hits[h].document, &row, err);
            const data_value *v = ok ? &row.values[t->slots[1]] : NULL;
            ok = ok && eval_detail_add_found(d, i, id, v->text, (int64_t)v->n_bytes, (double)hits[h].score, right, err);
        }
    }
    data_row_free(&row);
    return ok;
}

static bool add_accuracies(const bitext_run *run, eval_result *result, senc_error *err) {
    static const char *const keys[] = {"src2trg_accuracy", "trg2src_accuracy", "mean_accuracy"};
    double *values[3], sums[3] = {0};
    for (int k = 0; k < 3; k++) {
        senc_buffer key = {0};
        senc_buffer_printf(&key, "%s_%s", result->name, keys[k]);
        const bool ok = eval_detail_add_series(&result->detail, senc_buffer_text(&key), EVAL_MEAN, &values[k], err);
        senc_buffer_free(&key);
        if (!ok) return false;
    }
    for (int64_t i = 0; i < run->n; i++) {
        for (int k = 0; k < 2; k++) sums[k] += values[k][i] = is_right(run, k, i);
        sums[2] += values[2][i] = (values[0][i] + values[1][i]) / 2;
    }
    for (int k = 0; k < 3; k++)
        if (!eval_result_add(result, sums[k] / (double)run->n, err, "%s_%s", result->name, keys[k])) return false;
    return true;
}

/* Every row is a class of its own, and the nearest text's row is what is predicted. */
static bool add_mteb(const bitext_run *run, eval_result *result, senc_error *err) {
    int64_t *gold = senc_alloc((size_t)run->n, sizeof *gold);
    if (gold == NULL) return senc_fail_memory(err, (size_t)run->n * sizeof *gold, "rows");
    for (int64_t i = 0; i < run->n; i++) gold[i] = i;
    eval_classes c;
    const bool ok = eval_classes_measure(gold, run->nearest[0], run->n, run->n, &c, err);
    free(gold);
    return ok && eval_result_add(result, c.f1_weighted, err, "%s_f1", result->name) &&
           eval_result_add(result, c.precision_weighted, err, "%s_precision", result->name) &&
           eval_result_add(result, c.recall_weighted, err, "%s_recall", result->name);
}

static bool describe(const bitext_task *t, eval_result *result, senc_error *err) {
    return eval_result_add_count(result, err, "pairs: %lld", (long long)data_set_n_rows(t->set)) &&
           eval_result_add_left_out(result, t->set, err) &&
           eval_result_add_rule(result, err, "similarity: %s; of equal ones the earlier row is the nearest",
                                eval_similarity_name(t->similarity)) &&
           eval_result_add_rule(result, err, "accuracy: finding an equal text of another row is right") &&
           eval_result_add_rule(result, err,
                                "f1, precision, recall: sentence1 to sentence2, every row a class of its own (mteb)");
}

static bool run_all(bitext_run *run, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const bitext_task *t = run->task;
    eval_detail *d = &result->detail;
    for (int k = 0; k < 2; k++) {
        run->nearest[k] = senc_alloc((size_t)run->n, sizeof *run->nearest[k]);
        if (run->nearest[k] == NULL) return senc_fail_memory(err, (size_t)run->n * sizeof(int64_t), "rows");
        if (!eval_column_embed(t->set, t->slots[k], embedder, EVAL_TEXT, &run->vectors[k], err)) return false;
    }
    if (!search_side(run, 0, err) || !eval_detail_set_rows(d, "pair", t->set, t->slots[0], t->slots[1], false, err) ||
        !add_lists(run, d, err))
        return false;
    eval_search_close(run->search);
    run->search = NULL;
    return search_side(run, 1, err) && add_accuracies(run, result, err) && add_mteb(run, result, err) &&
           eval_result_set_primary(result, err, "mean_accuracy") && describe(t, result, err);
}

static bool bitext_evaluate(void *task, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const bitext_task *t = task;
    bitext_run run = {.task = t, .n = data_set_n_rows(t->set), .width = embedder->width};
    if (!eval_result_name(result, &t->options->file, err)) return false;
    const bool ok = run_all(&run, embedder, result, err);
    eval_search_close(run.search);
    for (int k = 0; k < 2; k++) {
        free(run.vectors[k]);
        free(run.nearest[k]);
    }
    return ok || senc_error_prefix(err, "evaluation \"%s\": ", result->name);
}

static bool bitext_units(void *task, eval_unit_visit visit, void *context, senc_error *err) {
    const bitext_task *t = task;
    return eval_rows_visit(t->set, "pair", t->slots[0], t->slots[1], NULL, 0, visit, context, err);
}

const eval_spec eval_bitext_mining_spec = {
    .name = "bitext_mining",
    .help = "translations row by row: how often a text's own translation is the nearest",
    .options = option_rows,
    .options_bytes = sizeof(bitext_options),
    .load = bitext_load,
    .run = bitext_evaluate,
    .free_task = bitext_free,
    .units = bitext_units,
};
