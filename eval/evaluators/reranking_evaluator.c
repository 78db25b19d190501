/* Reranking: every row has a query and its own candidates, relevant and not; the similarity orders them. MAP, MRR@k and
 * nDCG@k with keys {name}_{metric} and rules as sentence-transformers' RerankingEvaluator. Candidates are the positives
 * and the negatives; or a list `documents`, in which the texts equal to a positive are relevant, and positives that it
 * lacks are ranked too. Rows go through in blocks: memory is a block of texts and vectors. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/evaluators/evaluator_parts.h"
#include "eval/metrics/classification.h"
#include "eval/metrics/ranking.h"

#define WANTED_BY   "evaluator \"reranking\""
#define BLOCK_TEXTS 8192 /* documents in memory at once, or a row's */

enum { TIES_SHARED, TIES_LAST };
enum { QUERY, POSITIVE, NEGATIVE, DOCUMENTS, N_ROLES };

typedef struct reranking_options {
    eval_file_options file; /* first: EVAL_FILE_ROWS */
    char *similarity;
    int64_t at;
    int ties;
} reranking_options;

static const senc_option option_rows[] = {
    EVAL_FILE_ROWS,
    SENC_OPTION_STRING(reranking_options, similarity, "cosine", "cosine, dot, euclidean or manhattan"),
    SENC_OPTION_INTEGER(reranking_options, at, "10", 1, 1e9, "k of MRR@k and nDCG@k"),
    SENC_OPTION_CHOICE(reranking_options, ties, "shared", "shared|last",
                       "equal scores: share their places (scikit-learn), or relevant documents come last"),
    {0},
};

/* A document of a row. */
typedef struct candidate {
    const char *text;
    size_t n_bytes;
    bool relevant;
    double score;
} candidate;

typedef struct reranking_task {
    const reranking_options *options;
    eval_similarity similarity;
    data_set *set;
    int64_t query_slot, slice_slot;
    int64_t *rows; /* (n_rows) those with documents of both kinds */
    int64_t n_rows, n_left_out, n_documents, n_relevant;
} reranking_task;

typedef struct reranking_run {
    const reranking_task *task;
    const eval_embedder *embedder;
    eval_text_block queries, documents;
    data_row row;
    candidate *candidates; /* (capacity) of the row at work */
    int64_t n_candidates, capacity;
    double *scores, *grades, *best; /* (capacity) */
    float *vectors;                 /* queries, then documents */
    int64_t vectors_capacity;
    double *map, *mrr, *ndcg; /* series */
    double sums[3];
} reranking_run;

static const data_role roles[N_ROLES] = {
    {.name = "query", .kind = DATA_ROLE_TEXT},
    {.name = "positive", .kind = DATA_ROLE_TEXT, .numbered = true},
    {.name = "negative", .kind = DATA_ROLE_TEXT, .numbered = true, .optional = true},
    {.name = "documents", .kind = DATA_ROLE_TEXT, .numbered = true, .optional = true},
};

/* ---- candidates ---- */

static bool add_candidate(reranking_run *run, const data_value *v, bool relevant, senc_error *err) {
    if (run->n_candidates == run->capacity) {
        const int64_t capacity = run->capacity > 0 ? 2 * run->capacity : 64;
        candidate *grown = senc_realloc(run->candidates, (size_t)capacity, sizeof *grown);
        if (grown == NULL) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "documents");
        run->candidates = grown;
        run->capacity = capacity;
    }
    run->candidates[run->n_candidates++] = (candidate){v->text, v->n_bytes, relevant, 0};
    return true;
}

static bool is_same(const candidate *c, const data_value *v) {
    return c->n_bytes == v->n_bytes && memcmp(c->text, v->text, v->n_bytes) == 0;
}

/* The present values of a role. */
static bool add_role(const data_set *set, reranking_run *run, int64_t role, bool relevant, senc_error *err) {
    for (int64_t s = 0; s < run->row.n_values; s++)
        if (run->row.values[s].present && data_set_slot(set, s)->role == role &&
            !add_candidate(run, &run->row.values[s], relevant, err))
            return false;
    return true;
}

/* Reads a row and lists its documents; positives come first. */
static bool list_candidates(const data_set *set, reranking_run *run, int64_t row, senc_error *err) {
    if (!data_set_row(set, row, &run->row, err)) return false;
    run->n_candidates = 0;
    if (!add_role(set, run, POSITIVE, true, err)) return false;
    const int64_t n_positives = run->n_candidates;
    if (!add_role(set, run, NEGATIVE, false, err)) return false;
    for (int64_t s = 0; s < run->row.n_values; s++) {
        const data_value *v = &run->row.values[s];
        if (!v->present || data_set_slot(set, s)->role != DOCUMENTS) continue;
        bool known = false;
        for (int64_t i = 0; i < n_positives && !known; i++) known = is_same(&run->candidates[i], v);
        if (!known && !add_candidate(run, v, false, err)) return false;
    }
    return true;
}

/* ---- loading ---- */

static void free_run(reranking_run *run) {
    eval_text_block_free(&run->queries);
    eval_text_block_free(&run->documents);
    data_row_free(&run->row);
    free(run->candidates);
    free(run->scores);
    free(run->vectors);
}

static void reranking_free(void *task) {
    reranking_task *t = task;
    if (t == NULL) return;
    data_set_close(t->set);
    free(t->rows);
    free(t);
}

static bool fail_row(const data_set *set, int64_t row, senc_error *err) {
    const char *path;
    int64_t line;
    if (!data_set_where(set, row, &path, &line, err)) return false;
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s:%lld: expected other documents beside the positive ones: the fields \"negative\" and "
                     "\"documents\" are missing or empty (" WANTED_BY " needs one of them)",
                     path, (long long)line);
}

static bool has_other(const reranking_run *run) {
    for (int64_t i = 0; i < run->n_candidates; i++)
        if (!run->candidates[i].relevant) return true;
    return false;
}

/* Whether slot s of the row is a text from which the other documents come. */
static bool is_other(const data_set *set, const data_row *row, int64_t s) {
    const int64_t role = data_set_slot(set, s)->role;
    return row->values[s].present && (role == NEGATIVE || role == DOCUMENTS);
}

/* A row whose `documents` are all relevant ranks nothing: it is left out. */
static bool find_rows(reranking_task *t, senc_error *err) {
    const int64_t n = data_set_n_rows(t->set);
    reranking_run run = {0};
    t->rows = senc_alloc((size_t)n, sizeof *t->rows);
    bool ok = t->rows != NULL || senc_fail_memory(err, (size_t)n * sizeof *t->rows, "rows");
    for (int64_t i = 0; ok && i < n; i++) {
        ok = list_candidates(t->set, &run, i, err);
        bool has_documents = false;
        for (int64_t s = 0; ok && s < run.row.n_values; s++)
            has_documents = has_documents || is_other(t->set, &run.row, s);
        if (ok && !has_documents) ok = fail_row(t->set, i, err);
        if (!ok) break;
        if (!has_other(&run)) {
            t->n_left_out++;
            continue;
        }
        t->rows[t->n_rows++] = i;
        t->n_documents += run.n_candidates;
        for (int64_t k = 0; k < run.n_candidates; k++) t->n_relevant += run.candidates[k].relevant;
    }
    free_run(&run);
    return ok && (t->n_rows > 0 || senc_fail(err, SENC_BAD_INPUT, "%s: no row has a document that is not relevant",
                                             t->options->file.path));
}

static bool reranking_load(const void *options, void **task, senc_error *err) {
    reranking_task *t = senc_alloc_zero(1, sizeof *t);
    *task = t;
    if (t == NULL) return senc_fail_memory(err, sizeof *t, "an evaluation");
    t->options = options;
    bool positional;
    if (!eval_similarity_parse(t->options->similarity, WANTED_BY, &t->similarity, err) ||
        !eval_file_open(&t->options->file, roles, N_ROLES, WANTED_BY, false, &t->set, &positional, err))
        return false;
    t->query_slot = data_set_find_slot(t->set, "query");
    t->slice_slot = data_set_find_slot(t->set, "slice");
    return find_rows(t, err);
}

/* ---- measuring ---- */

/* Best first; of equal scores the relevant ones last. */
static int best_first(const void *a, const void *b) {
    const candidate *c = a, *d = b;
    if (c->score != d->score) return c->score < d->score ? 1 : -1;
    return c->relevant - d->relevant;
}

static bool measure_row(reranking_run *run, int64_t unit, senc_error *err) {
    const reranking_options *o = run->task->options;
    const int64_t n = run->n_candidates;
    double *grown = senc_realloc(run->scores, (size_t)n, 3 * sizeof *grown);
    if (grown == NULL) return senc_fail_memory(err, (size_t)n * sizeof *grown, "documents");
    run->scores = grown;
    run->grades = grown + n;
    run->best = grown + 2 * n;
    eval_ranking r = {.grades = run->grades, .n = n, .relevant = run->best};
    for (int64_t i = 0; i < n; i++) {
        run->scores[i] = run->candidates[i].score;
        run->grades[i] = run->candidates[i].relevant;
        if (run->candidates[i].relevant) run->best[r.n_relevant++] = 1;
    }
    double ap = eval_average_precision_at(&r, n, EVAL_AP_RELEVANT), ndcg = eval_ndcg_at(&r, o->at, EVAL_GAIN_BINARY);
    if (o->ties == TIES_SHARED) {
        if (!eval_average_precision(run->scores, run->grades, n, &ap, err)) return false;
        ndcg = eval_ndcg_shared_at(&r, run->scores, o->at, EVAL_GAIN_BINARY);
    }
    run->sums[0] += run->map[unit] = ap;
    run->sums[1] += run->mrr[unit] = eval_reciprocal_rank_at(&r, o->at);
    run->sums[2] += run->ndcg[unit] = ndcg;
    return true;
}

/* Query, rank, list and samples of a row, whose candidates are sorted. */
static bool describe_row(reranking_run *run, int64_t unit, eval_detail *d, senc_error *err) {
    const reranking_task *t = run->task;
    const int64_t n = run->n_candidates, row = t->rows[unit];
    const data_value *query = &run->row.values[t->query_slot];
    const candidate *best = run->candidates;
    while (!best->relevant) best++;
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)row + 1);
    if (!eval_detail_set_unit(d, unit, id, query->text, (int64_t)query->n_bytes, best->text, (int64_t)best->n_bytes,
                              err) ||
        (t->slice_slot >= 0 && !eval_detail_set_slice(d, unit, &run->row.values[t->slice_slot], err)))
        return false;
    d->units[unit].rank = best - run->candidates + 1;
    for (int64_t i = 0; i < n && i < EVAL_DETAIL_FOUND; i++) {
        const candidate *c = &run->candidates[i];
        if (!eval_detail_add_found(d, unit, c->relevant ? "positive" : "negative", c->text, (int64_t)c->n_bytes,
                                   c->score, c->relevant, err))
            return false;
    }
    const int64_t n_kind[2] = {t->n_documents - t->n_relevant, t->n_relevant};
    for (int64_t i = 0; i < n; i++) {
        const candidate *c = &run->candidates[i];
        const int64_t step = (n_kind[c->relevant] + EVAL_DETAIL_SAMPLE - 1) / EVAL_DETAIL_SAMPLE;
        if ((unit + i) % step == 0 && !eval_detail_add_sample(d, c->relevant, c->score, err)) return false;
    }
    return true;
}

/* Units first .. end, whose texts have been added. */
static bool measure_block(reranking_run *run, int64_t first, int64_t end, eval_detail *d, senc_error *err) {
    const reranking_task *t = run->task;
    const int64_t width = run->embedder->width, needed = run->queries.n + run->documents.n;
    if (needed > run->vectors_capacity) {
        free(run->vectors);
        run->vectors_capacity = 0;
        run->vectors = eval_vectors_alloc(run->embedder, needed, err);
        if (run->vectors == NULL) return false;
        run->vectors_capacity = needed;
    }
    const float *query = run->vectors, *document = run->vectors + run->queries.n * width;
    if (!eval_text_block_embed(&run->documents, run->embedder, EVAL_DOCUMENT, run->vectors + run->queries.n * width,
                               err) ||
        !eval_text_block_embed(&run->queries, run->embedder, EVAL_QUERY, run->vectors, err))
        return false;
    for (int64_t unit = first; unit < end; unit++, query += width) {
        if (!list_candidates(t->set, run, t->rows[unit], err)) return false;
        for (int64_t i = 0; i < run->n_candidates; i++, document += width)
            run->candidates[i].score = eval_similarity_of(t->similarity, query, document, width);
        qsort(run->candidates, (size_t)run->n_candidates, sizeof *run->candidates, best_first);
        if (!measure_row(run, unit, err) || !describe_row(run, unit, d, err)) return false;
    }
    return true;
}

static bool measure_rows(reranking_run *run, eval_detail *d, senc_error *err) {
    const reranking_task *t = run->task;
    int64_t first = 0;
    for (int64_t unit = 0; unit < t->n_rows; unit++) {
        if (!list_candidates(t->set, run, t->rows[unit], err)) return false;
        const data_value *query = &run->row.values[t->query_slot];
        if (!eval_text_block_add(&run->queries, query->text, query->n_bytes, err)) return false;
        for (int64_t i = 0; i < run->n_candidates; i++)
            if (!eval_text_block_add(&run->documents, run->candidates[i].text, run->candidates[i].n_bytes, err))
                return false;
        if (run->documents.n < BLOCK_TEXTS && unit + 1 < t->n_rows) continue;
        if (!measure_block(run, first, unit + 1, d, err)) return false;
        first = unit + 1;
    }
    return true;
}

static bool describe(const reranking_task *t, eval_result *result, senc_error *err) {
    const reranking_options *o = t->options;
    return eval_result_add_count(result, err, "queries: %lld, documents: %lld (%lld relevant)", (long long)t->n_rows,
                                 (long long)t->n_documents, (long long)t->n_relevant) &&
           eval_result_add_left_out(result, t->set, err) &&
           (t->n_left_out == 0 ||
            eval_result_add_count(result, err, "queries without a document that is not relevant, left out: %lld",
                                  (long long)t->n_left_out)) &&
           eval_result_add_rule(result, err, "similarity: %s", eval_similarity_name(t->similarity)) &&
           eval_result_add_rule(result, err,
                                o->ties == TIES_SHARED
                                    ? "ties: equal scores share their places in map and ndcg (scikit-learn); in mrr "
                                      "relevant documents come last"
                                    : "ties: of equal scores relevant documents come last") &&
           eval_result_add_rule(result, err, "map: over all documents of a query");
}

static bool run_all(reranking_run *run, eval_result *result, senc_error *err) {
    const reranking_task *t = run->task;
    const int k = (int)t->options->at;
    eval_detail *d = &result->detail;
    char key[3][32];
    double **series[] = {&run->map, &run->mrr, &run->ndcg};
    snprintf(key[0], sizeof key[0], "map");
    snprintf(key[1], sizeof key[1], "mrr@%d", k);
    snprintf(key[2], sizeof key[2], "ndcg@%d", k);
    if (!eval_detail_init(d, "query", t->n_rows, false, err)) return false;
    for (int i = 0; i < 3; i++) {
        senc_buffer full = {0};
        senc_buffer_printf(&full, "%s_%s", result->name, key[i]);
        const bool ok = eval_detail_add_series(d, senc_buffer_text(&full), EVAL_MEAN, series[i], err);
        senc_buffer_free(&full);
        if (!ok) return false;
    }
    if (!measure_rows(run, d, err)) return false;
    for (int i = 0; i < 3; i++)
        if (!eval_result_add(result, run->sums[i] / (double)t->n_rows, err, "%s_%s", result->name, key[i]))
            return false;
    return eval_result_set_primary(result, err, "%s", key[2]) && describe(t, result, err);
}

static bool reranking_evaluate(void *task, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const reranking_task *t = task;
    reranking_run run = {.task = t, .embedder = embedder};
    if (!eval_result_name(result, &t->options->file, err)) return false;
    const bool ok = run_all(&run, result, err);
    free_run(&run);
    return ok || senc_error_prefix(err, "evaluation \"%s\": ", result->name);
}

static bool reranking_units(void *task, eval_unit_visit visit, void *context, senc_error *err) {
    const reranking_task *t = task;
    return eval_rows_visit(t->set, "question", t->query_slot, -1, t->rows, t->n_rows, visit, context, err);
}

const eval_spec eval_reranking_spec = {
    .name = "reranking",
    .help = "queries with their own positive and negative documents: MAP, MRR and nDCG",
    .options = option_rows,
    .options_bytes = sizeof(reranking_options),
    .load = reranking_load,
    .run = reranking_evaluate,
    .free_task = reranking_free,
    .units = reranking_units,
};
