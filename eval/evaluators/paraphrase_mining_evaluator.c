/* Paraphrase mining: of all pairs of texts, are the most similar ones those that say the same? Keys {name}_{metric} and
 * formulas as sentence-transformers' ParaphraseMiningEvaluator. What belongs together is said by a second file of pairs
 * of ids, or by a label that such texts share. Also, for each text that has a counterpart: is it the nearest of all
 * (accuracy@1), and where does it stand (mrr@10)?
 *
 * Memory: the vectors, 16 bytes for each of a text's nearest ones, and for each pair that is kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/evaluators/evaluator_parts.h"
#include "eval/evaluators/paraphrase_pairs.h"
#include "eval/search.h"

#define WANTED_BY  "evaluator \"paraphrase_mining\""
#define BLOCK_ROWS 8192 /* texts handed to the search at once */
#define MRR_AT     10

typedef struct paraphrase_options {
    eval_file_options file; /* first: EVAL_FILE_ROWS */
    char *duplicates, *similarity;
    bool transitive;
    int64_t top_k, max_pairs;
} paraphrase_options;

static const senc_option option_rows[] = {
    EVAL_FILE_ROWS,
    SENC_OPTION_PATH(paraphrase_options, duplicates, NULL,
                     "a file with id1, id2 of texts that say the same; unset: texts of equal `label` do"),
    SENC_OPTION_BOOLEAN(paraphrase_options, transitive, "false", "a = b and b = c make a = c"),
    SENC_OPTION_STRING(paraphrase_options, similarity, "cosine", "cosine, dot, euclidean or manhattan"),
    SENC_OPTION_INTEGER(paraphrase_options, top_k, "100", 1, 100000, "pairs are looked for among so many neighbours"),
    SENC_OPTION_INTEGER(paraphrase_options, max_pairs, "500000", 1, 1e9, "the most similar pairs that are judged"),
    {0},
};

typedef struct paraphrase_task {
    const paraphrase_options *options;
    eval_similarity similarity;
    data_set *set;
    int64_t text_slot;
    eval_duplicates duplicates;
    int64_t *judged; /* (n_judged) rows with a counterpart */
    int64_t n_judged;
} paraphrase_task;

static const data_role label_roles[] = {
    {.name = "text", .kind = DATA_ROLE_TEXT},
    {.name = "label", .kind = DATA_ROLE_CLASS},
};
static const data_role id_roles[] = {
    {.name = "text", .kind = DATA_ROLE_TEXT},
    {.name = "id", .kind = DATA_ROLE_CLASS},
};
static const data_role pair_roles[] = {
    {.name = "id1", .kind = DATA_ROLE_CLASS},
    {.name = "id2", .kind = DATA_ROLE_CLASS},
};

static void paraphrase_free(void *task) {
    paraphrase_task *t = task;
    if (t == NULL) return;
    data_set_close(t->set);
    eval_duplicates_free(&t->duplicates);
    free(t->judged);
    free(t);
}

static bool read_duplicates(paraphrase_task *t, senc_error *err) {
    const paraphrase_options *o = t->options;
    if (o->duplicates == NULL)
        return eval_duplicates_of_labels(t->set, data_set_find_slot(t->set, "label"), &t->duplicates, err);
    const eval_file_options file = {.path = o->duplicates, .on_bad_utf8 = o->file.on_bad_utf8};
    data_set *pairs;
    bool positional;
    if (!eval_file_open(&file, pair_roles, 2, WANTED_BY, false, &pairs, &positional, err)) return false;
    const bool ok =
        eval_duplicates_of_pairs(t->set, data_set_find_slot(t->set, "id"), pairs, data_set_find_slot(pairs, "id1"),
                                 data_set_find_slot(pairs, "id2"), o->transitive, &t->duplicates, err);
    data_set_close(pairs);
    return ok;
}

static bool find_judged(paraphrase_task *t, senc_error *err) {
    const int64_t n = data_set_n_rows(t->set);
    t->judged = senc_alloc((size_t)n, sizeof *t->judged);
    if (t->judged == NULL) return senc_fail_memory(err, (size_t)n * sizeof *t->judged, "rows");
    for (int64_t i = 0; i < n; i++)
        if (t->duplicates.has_one[i]) t->judged[t->n_judged++] = i;
    if (t->n_judged > 0) return true;
    if (t->options->duplicates == NULL)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected texts that share a label, found none",
                         t->options->file.path);
    return senc_fail(err, SENC_BAD_INPUT, "%s: expected pairs of ids of two texts in %s, found none",
                     t->options->duplicates, t->options->file.path);
}

static bool paraphrase_load(const void *options, void **task, senc_error *err) {
    paraphrase_task *t = senc_alloc_zero(1, sizeof *t);
    *task = t;
    if (t == NULL) return senc_fail_memory(err, sizeof *t, "an evaluation");
    const paraphrase_options *o = t->options = options;
    bool positional;
    if (!eval_similarity_parse(o->similarity, WANTED_BY, &t->similarity, err) ||
        !eval_file_open(&o->file, o->duplicates != NULL ? id_roles : label_roles, 2, WANTED_BY, false, &t->set,
                        &positional, err))
        return false;
    t->text_slot = data_set_find_slot(t->set, "text");
    return read_duplicates(t, err) && find_judged(t, err);
}

/* ---- running ---- */

static bool search_texts(const paraphrase_task *t, const eval_embedder *embedder, float **vectors, eval_search **search,
                         senc_error *err) {
    const int64_t n = data_set_n_rows(t->set), width = embedder->width, k = t->options->top_k + 1; /* and itself */
    if (!eval_column_embed(t->set, t->text_slot, embedder, EVAL_TEXT, vectors, err)) return false;
    const eval_search_options options = {.kernels = kern_best(), .similarity = t->similarity, .k = k < n ? k : n};
    if (!eval_search_open(&options, *vectors, n, width, search, err)) return false;
    for (int64_t first = 0; first < n; first += BLOCK_ROWS)
        if (!eval_search_add(*search, *vectors + first * width, n - first < BLOCK_ROWS ? n - first : BLOCK_ROWS, err))
            return false;
    eval_search_finish(*search);
    return true;
}

static bool add_mining(const paraphrase_task *t, const eval_pair_list *pairs, eval_result *result, senc_error *err) {
    const eval_mining m = eval_pairs_judge(pairs, &t->duplicates);
    const char *name = result->name;
    return eval_result_add(result, m.average_precision, err, "%s_average_precision", name) &&
           eval_result_add(result, m.f1, err, "%s_f1", name) &&
           eval_result_add(result, m.precision, err, "%s_precision", name) &&
           eval_result_add(result, m.recall, err, "%s_recall", name) &&
           eval_result_add(result, m.threshold, err, "%s_threshold", name) &&
           eval_result_add_count(result, err, "texts: %lld (%lld with a counterpart), pairs that belong together: %lld",
                                 (long long)data_set_n_rows(t->set), (long long)t->n_judged,
                                 (long long)t->duplicates.n_pairs) &&
           eval_result_add_left_out(result, t->set, err) &&
           eval_result_add_count(result, err, "candidate pairs: %lld", (long long)pairs->n);
}

/* One judged text: the rank of its first counterpart and the list. */
static bool add_unit(const paraphrase_task *t, const eval_search *search, int64_t unit, data_row *row, data_row *other,
                     eval_detail *d, senc_error *err) {
    const int64_t i = t->judged[unit], slice = data_set_find_slot(t->set, "slice");
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)i + 1);
    if (!data_set_row(t->set, i, row, err)) return false;
    const data_value *text = &row->values[t->text_slot];
    if (!eval_detail_set_unit(d, unit, id, text->text, (int64_t)text->n_bytes, NULL, 0, err) ||
        (slice >= 0 && !eval_detail_set_slice(d, unit, &row->values[slice], err)))
        return false;
    int64_t n_hits, place = 0;
    const eval_hit *hits = eval_search_hits(search, i, &n_hits);
    d->units[unit].rank = 0;
    for (int64_t h = 0; h < n_hits; h++) {
        const int64_t j = hits[h].document;
        if (j == i) continue;
        const bool right = eval_duplicates_has(&t->duplicates, i, j);
        place++;
        if (right && d->units[unit].rank == 0) d->units[unit].rank = place;
        if (place > EVAL_DETAIL_FOUND) continue;
        snprintf(id, sizeof id, "%lld", (long long)j + 1);
        if (!data_set_row(t->set, j, other, err)) return false;
        const data_value *v = &other->values[t->text_slot];
        if (!eval_detail_add_found(d, unit, id, v->text, (int64_t)v->n_bytes, (double)hits[h].score, right, err))
            return false;
    }
    return true;
}

static bool add_ranks(const paraphrase_task *t, const eval_search *search, eval_result *result, senc_error *err) {
    static const char *const keys[] = {"accuracy@1", "mrr@10"};
    eval_detail *d = &result->detail;
    double *series[2], sums[2] = {0};
    if (!eval_detail_init(d, "text", t->n_judged, false, err)) return false;
    for (int k = 0; k < 2; k++) {
        senc_buffer key = {0};
        senc_buffer_printf(&key, "%s_%s", result->name, keys[k]);
        const bool ok = eval_detail_add_series(d, senc_buffer_text(&key), EVAL_MEAN, &series[k], err);
        senc_buffer_free(&key);
        if (!ok) return false;
    }
    data_row row = {0}, other = {0};
    bool ok = true;
    for (int64_t u = 0; ok && u < t->n_judged; u++) {
        ok = add_unit(t, search, u, &row, &other, d, err);
        const int64_t rank = d->units[u].rank;
        sums[0] += series[0][u] = rank == 1;
        sums[1] += series[1][u] = rank > 0 && rank <= MRR_AT ? 1.0 / (double)rank : 0;
    }
    data_row_free(&row);
    data_row_free(&other);
    for (int k = 0; ok && k < 2; k++)
        ok = eval_result_add(result, sums[k] / (double)t->n_judged, err, "%s_%s", result->name, keys[k]);
    return ok;
}

static bool add_samples(const paraphrase_task *t, const eval_pair_list *pairs, eval_detail *d, senc_error *err) {
    int64_t all[2] = {0}, seen[2] = {0};
    for (int64_t p = 0; p < pairs->n; p++)
        all[eval_duplicates_has(&t->duplicates, pairs->items[p].a, pairs->items[p].b)]++;
    for (int64_t p = 0; p < pairs->n; p++) {
        const eval_scored_pair *pair = &pairs->items[p];
        const bool right = eval_duplicates_has(&t->duplicates, pair->a, pair->b);
        const int64_t step = (all[right] + EVAL_DETAIL_SAMPLE - 1) / EVAL_DETAIL_SAMPLE;
        if (seen[right]++ % step == 0 && !eval_detail_add_sample(d, right, pair->score, err)) return false;
    }
    return true;
}

static bool describe(const paraphrase_task *t, eval_result *result, senc_error *err) {
    const paraphrase_options *o = t->options;
    return (t->duplicates.n_ignored == 0 ||
            eval_result_add_count(result, err, "pairs of a text with itself or of unknown ids, left out: %lld",
                                  (long long)t->duplicates.n_ignored)) &&
           eval_result_add_rule(result, err, "similarity: %s", eval_similarity_name(t->similarity)) &&
           eval_result_add_rule(result, err,
                                "candidates: the %lld nearest of every text, of these the %lld most similar pairs",
                                (long long)o->top_k, (long long)o->max_pairs) &&
           eval_result_add_rule(result, err,
                                "average_precision, recall: of all pairs that belong together, found or not") &&
           (!o->transitive || eval_result_add_rule(result, err, "a = b and b = c make a = c")) &&
           eval_result_add_rule(result, err, "f1, precision, recall: at the threshold of these pairs where f1 is best");
}

static bool run_all(const paraphrase_task *t, const eval_embedder *embedder, float **vectors, eval_search **search,
                    eval_pair_list *pairs, eval_result *result, senc_error *err) {
    if (!search_texts(t, embedder, vectors, search, err) ||
        !eval_pairs_collect(*search, data_set_n_rows(t->set), t->options->top_k, t->options->max_pairs, pairs, err))
        return false;
    eval_pairs_score(pairs, t->similarity, *vectors, embedder->width);
    return add_mining(t, pairs, result, err) && add_ranks(t, *search, result, err) &&
           add_samples(t, pairs, &result->detail, err) && eval_result_set_primary(result, err, "average_precision") &&
           describe(t, result, err);
}

static bool paraphrase_evaluate(void *task, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const paraphrase_task *t = task;
    if (!eval_result_name(result, &t->options->file, err)) return false;
    float *vectors = NULL;
    eval_search *search = NULL;
    eval_pair_list pairs = {0};
    const bool ok = run_all(t, embedder, &vectors, &search, &pairs, result, err);
    eval_search_close(search);
    free(vectors);
    free(pairs.items);
    return ok || senc_error_prefix(err, "evaluation \"%s\": ", result->name);
}

/* The listed pairs; where labels say what belongs together, the texts: their pairs may be very many. */
static bool paraphrase_units(void *task, eval_unit_visit visit, void *context, senc_error *err) {
    const paraphrase_task *t = task;
    const eval_duplicates *d = &t->duplicates;
    if (d->groups != NULL)
        return eval_rows_visit(t->set, "text", t->text_slot, -1, t->judged, t->n_judged, visit, context, err);
    data_row rows[2] = {{0}};
    bool ok = true;
    for (int64_t p = 0; ok && p < d->n_pairs; p++) {
        const int64_t pair[2] = {d->keys[p] / d->n, d->keys[p] % d->n};
        char id[48];
        snprintf(id, sizeof id, "%lld-%lld", (long long)pair[0] + 1, (long long)pair[1] + 1);
        eval_unit_texts u = {.unit = "pair", .id = id, .n_texts = 2};
        for (int k = 0; ok && k < 2; k++) {
            ok = data_set_row(t->set, pair[k], &rows[k], err);
            const data_value *v = ok ? &rows[k].values[t->text_slot] : NULL;
            if (ok) u.texts[k] = (eval_text){v->text, (int64_t)v->n_bytes};
        }
        ok = ok && visit(context, &u, err);
    }
    for (int k = 0; k < 2; k++) data_row_free(&rows[k]);
    return ok;
}

const eval_spec eval_paraphrase_mining_spec = {
    .name = "paraphrase_mining",
    .help = "texts, and which of them say the same: average precision and F1 of all pairs by similarity",
    .options = option_rows,
    .options_bytes = sizeof(paraphrase_options),
    .load = paraphrase_load,
    .run = paraphrase_evaluate,
    .free_task = paraphrase_free,
    .units = paraphrase_units,
};
