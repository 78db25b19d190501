/* Triplets: how often is the positive nearer to the anchor than the negative? A tie is a loss (strict >), as in
 * sentence-transformers' TripletEvaluator. Keys {name}_{function}_accuracy. Anchors get the model's query prompt,
 * positives and negatives its document prompt. */
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "eval/evaluators/evaluator_parts.h"

/* Texts of this many rows are in memory at once. */
#define BLOCK_ROWS 4096

typedef struct triplet_task {
    const eval_file_options *options;
    eval_similarities similarities;
    data_set *set;
    int64_t slots[3]; /* anchor, positive, negative */
} triplet_task;

typedef struct triplet_run {
    const triplet_task *task;
    const eval_embedder *embedder;
    eval_similarities functions;
    eval_text_block anchors, others;
    data_row row;
    float *vectors; /* (3 BLOCK_ROWS, width): anchors, then positive and negative of each row */
    double *scores; /* (functions, n_rows, 2): of the positive and of the negative */
} triplet_run;

static const data_role roles[] = {
    {.name = "anchor", .kind = DATA_ROLE_TEXT},
    {.name = "positive", .kind = DATA_ROLE_TEXT, .expands = true},
    {.name = "negative", .kind = DATA_ROLE_TEXT},
};

static void triplet_free(void *task) {
    triplet_task *t = task;
    if (t == NULL) return;
    data_set_close(t->set);
    free(t);
}

static bool triplet_load(const void *options, void **task, senc_error *err) {
    triplet_task *t = senc_alloc_zero(1, sizeof(*t));
    *task = t;
    if (t == NULL) return senc_fail_memory(err, sizeof(*t), "an evaluation");
    t->options = options;
    bool positional;
    if (!eval_similarities_parse(&t->options->similarity, "evaluator \"triplet\"", &t->similarities, err)) return false;
    if (!eval_file_open(t->options, roles, 3, "evaluator \"triplet\"", false, &t->set, &positional, err)) return false;
    for (int i = 0; i < 3; i++) t->slots[i] = data_set_find_slot(t->set, roles[i].name);
    if (data_set_n_rows(t->set) > 0) return true;
    return senc_fail(err, SENC_BAD_INPUT, "%s: expected at least one triplet, found none", t->options->path);
}

static bool count_block(triplet_run *run, int64_t first, int64_t n, senc_error *err) {
    const triplet_task *t = run->task;
    const int64_t width = run->embedder->width;
    for (int64_t i = 0; i < n; i++) {
        if (!data_set_row(t->set, first + i, &run->row, err)) return false;
        for (int k = 0; k < 3; k++) {
            const data_value *v = &run->row.values[t->slots[k]];
            if (!eval_text_block_add(k == 0 ? &run->anchors : &run->others, v->text, v->n_bytes, err)) return false;
        }
    }
    float *anchors = run->vectors, *others = run->vectors + n * width;
    if (!eval_text_block_embed(&run->anchors, run->embedder, EVAL_QUERY, anchors, err) ||
        !eval_text_block_embed(&run->others, run->embedder, EVAL_DOCUMENT, others, err))
        return false;
    const int64_t n_rows = data_set_n_rows(t->set);
    for (int f = 0; f < run->functions.n; f++) {
        double *scores = run->scores + 2 * (f * n_rows + first);
        for (int64_t i = 0; i < n; i++)
            for (int k = 0; k < 2; k++)
                scores[2 * i + k] = eval_similarity_of(run->functions.items[f], anchors + i * width,
                                                       others + (2 * i + k) * width, width);
    }
    return true;
}

/* The headline's scores: who came first, and samples. */
static bool add_scores(const triplet_run *run, const double *scores, eval_detail *d, senc_error *err) {
    const triplet_task *t = run->task;
    const int64_t step = (d->n_units + EVAL_DETAIL_SAMPLE - 1) / EVAL_DETAIL_SAMPLE;
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < d->n_units; i++) {
        const double *pair = scores + 2 * i;
        d->units[i].rank = pair[0] > pair[1] ? 1 : 2;
        ok = data_set_row(t->set, i, &row, err);
        for (int place = 0; ok && place < 2; place++) {
            const int k = place == 0 ? pair[0] <= pair[1] : pair[0] > pair[1];
            const data_value *v = &row.values[t->slots[1 + k]];
            ok = eval_detail_add_found(d, i, k == 0 ? "positive" : "negative", v->text, (int64_t)v->n_bytes, pair[k],
                                       k == 0, err) &&
                 (i % step != 0 || eval_detail_add_sample(d, k == 0, pair[k], err));
        }
    }
    data_row_free(&row);
    return ok;
}

static bool fill_detail(const triplet_run *run, eval_result *result, senc_error *err) {
    const triplet_task *t = run->task;
    eval_detail *d = &result->detail;
    const eval_similarity main = eval_similarities_main(&run->functions, run->embedder);
    if (!eval_detail_set_rows(d, "triplet", t->set, t->slots[0], t->slots[1], false, err)) return false;
    for (int f = 0; f < run->functions.n; f++) {
        const double *scores = run->scores + 2 * f * d->n_units;
        senc_buffer key = {0};
        senc_buffer_printf(&key, "%s_%s_accuracy", result->name, eval_similarity_name(run->functions.items[f]));
        double *won;
        const bool ok = eval_detail_add_series(d, senc_buffer_text(&key), EVAL_MEAN, &won, err);
        senc_buffer_free(&key);
        if (!ok) return false;
        for (int64_t i = 0; i < d->n_units; i++) won[i] = scores[2 * i] > scores[2 * i + 1];
        if (run->functions.items[f] == main && !add_scores(run, scores, d, err)) return false;
    }
    return true;
}

static bool add_accuracies(const triplet_run *run, eval_result *result, senc_error *err) {
    const int64_t n = data_set_n_rows(run->task->set);
    if (!eval_result_add_count(result, err, "triplets: %lld", (long long)n) ||
        !eval_result_add_left_out(result, run->task->set, err))
        return false;
    for (int f = 0; f < run->functions.n; f++) {
        const char *function = eval_similarity_name(run->functions.items[f]);
        const double *scores = run->scores + 2 * f * n;
        int64_t wins = 0, ties = 0;
        for (int64_t i = 0; i < n; i++) {
            wins += scores[2 * i] > scores[2 * i + 1];
            ties += scores[2 * i] == scores[2 * i + 1];
        }
        if (!eval_result_add(result, (double)wins / (double)n, err, "%s_%s_accuracy", result->name, function))
            return false;
        if (ties > 0 &&
            !eval_result_add_count(result, err, "%s: %lld ties, counted as losses", function, (long long)ties))
            return false;
    }
    return eval_result_add_rule(result, err, "accuracy: the positive must be strictly nearer; a tie is a loss");
}

static bool count_all(triplet_run *run, eval_result *result, senc_error *err) {
    const int64_t n = data_set_n_rows(run->task->set);
    const int64_t block = n < BLOCK_ROWS ? n : BLOCK_ROWS;
    run->vectors = eval_vectors_alloc(run->embedder, 3 * block, err);
    if (run->vectors == NULL) return false;
    run->scores = senc_alloc(2 * (size_t)n * (size_t)run->functions.n, sizeof *run->scores);
    if (run->scores == NULL) return senc_fail_memory(err, 2 * (size_t)n * sizeof *run->scores, "similarities");
    for (int64_t first = 0; first < n; first += block)
        if (!count_block(run, first, n - first < block ? n - first : block, err)) return false;
    const eval_similarity main = eval_similarities_main(&run->functions, run->embedder);
    return add_accuracies(run, result, err) && fill_detail(run, result, err) &&
           eval_result_set_primary(result, err, "%s_accuracy", eval_similarity_name(main));
}

static bool triplet_evaluate(void *task, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const triplet_task *t = task;
    triplet_run run = {.task = t, .embedder = embedder};
    if (!eval_result_name(result, t->options, err)) return false;
    const bool ok =
        eval_similarities_resolve(&t->similarities, embedder, &run.functions, err) && count_all(&run, result, err);
    data_row_free(&run.row);
    eval_text_block_free(&run.anchors);
    eval_text_block_free(&run.others);
    free(run.vectors);
    free(run.scores);
    return ok || senc_error_prefix(err, "evaluation \"%s\": ", result->name);
}

static bool triplet_units(void *task, eval_unit_visit visit, void *context, senc_error *err) {
    const triplet_task *t = task;
    return eval_rows_visit(t->set, "triplet", t->slots[0], t->slots[1], NULL, 0, visit, context, err);
}

const eval_spec eval_triplet_spec = {
    .name = "triplet",
    .help = "anchor, positive, negative: how often the positive is nearer",
    .options = eval_file_option_rows,
    .options_bytes = sizeof(eval_file_options),
    .load = triplet_load,
    .run = triplet_evaluate,
    .free_task = triplet_free,
    .units = triplet_units,
};
