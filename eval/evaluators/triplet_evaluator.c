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
    int64_t wins[EVAL_N_SIMILARITIES], ties[EVAL_N_SIMILARITIES];
} triplet_run;

static const data_role roles[] = {
    {.name = "anchor", .kind = DATA_ROLE_TEXT},
    {.name = "positive", .kind = DATA_ROLE_TEXT},
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
    for (int f = 0; f < run->functions.n; f++) {
        for (int64_t i = 0; i < n; i++) {
            const float *anchor = anchors + i * width, *positive = others + 2 * i * width;
            const double p = eval_similarity_of(run->functions.items[f], anchor, positive, width);
            const double q = eval_similarity_of(run->functions.items[f], anchor, positive + width, width);
            run->wins[f] += p > q;
            run->ties[f] += p == q;
        }
    }
    return true;
}

/* The model's own similarity if it is measured, else the first. */
static bool name_primary(const triplet_run *run, eval_result *result, senc_error *err) {
    eval_similarity own = run->functions.items[0], model = own;
    if (run->embedder->similarity != NULL) eval_similarity_find(run->embedder->similarity, &model);
    for (int f = 0; f < run->functions.n; f++)
        if (run->functions.items[f] == model) own = model;
    senc_buffer key = {0};
    senc_buffer_printf(&key, "%s_%s_accuracy", result->name, eval_similarity_name(own));
    result->primary = senc_buffer_take(&key);
    return result->primary != NULL || senc_fail_memory(err, 1, "an evaluation result");
}

static bool add_accuracies(const triplet_run *run, eval_result *result, senc_error *err) {
    const int64_t n = data_set_n_rows(run->task->set);
    if (!eval_result_add_count(result, err, "triplets: %lld", (long long)n)) return false;
    for (int f = 0; f < run->functions.n; f++) {
        const char *function = eval_similarity_name(run->functions.items[f]);
        if (!eval_result_add(result, (double)run->wins[f] / (double)n, err, "%s_%s_accuracy", result->name, function))
            return false;
        if (run->ties[f] > 0 &&
            !eval_result_add_count(result, err, "%s: %lld ties, counted as losses", function, (long long)run->ties[f]))
            return false;
    }
    return eval_result_add_rule(result, err, "accuracy: the positive must be strictly nearer; a tie is a loss");
}

static bool count_all(triplet_run *run, eval_result *result, senc_error *err) {
    const int64_t n = data_set_n_rows(run->task->set);
    const int64_t block = n < BLOCK_ROWS ? n : BLOCK_ROWS;
    run->vectors = eval_vectors_alloc(run->embedder, 3 * block, err);
    if (run->vectors == NULL) return false;
    for (int64_t first = 0; first < n; first += block)
        if (!count_block(run, first, n - first < block ? n - first : block, err)) return false;
    return add_accuracies(run, result, err) && name_primary(run, result, err);
}

static bool triplet_evaluate(void *task, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const triplet_task *t = task;
    triplet_run run = {.task = t, .embedder = embedder};
    result->name = eval_data_name(t->options->name, t->options->path);
    if (result->name == NULL) return senc_fail_memory(err, 1, "an evaluation result");
    const bool ok =
        eval_similarities_resolve(&t->similarities, embedder, &run.functions, err) && count_all(&run, result, err);
    data_row_free(&run.row);
    eval_text_block_free(&run.anchors);
    eval_text_block_free(&run.others);
    free(run.vectors);
    return ok || senc_error_prefix(err, "evaluation \"%s\": ", result->name);
}

const eval_spec eval_triplet_spec = {
    .name = "triplet",
    .help = "anchor, positive, negative: how often the positive is nearer",
    .options = eval_file_option_rows,
    .options_bytes = sizeof(eval_file_options),
    .load = triplet_load,
    .run = triplet_evaluate,
    .free_task = triplet_free,
};
