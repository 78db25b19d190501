/* What stands behind a retrieval's metrics, query by query: texts, the first documents of each list, and scores of
 * relevant and other pairs. Only texts of documents that were found or are shown as the right answer are read, after
 * the search. Pairs whose scores are kept are chosen before it, because no vector outlives its block. */
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "eval/evaluators/retrieval_parts.h"

/* Most scores of each kind (detail.h). */
#define MOST_SCORES 20000

static bool is_relevant(const retrieval_task *t, int64_t i, int64_t document) {
    const data_beir_relevance *r = data_beir_get_relevance(t->beir);
    const int64_t query = t->queries[i];
    for (int64_t p = r->offsets[query]; p < r->offsets[query + 1]; p++)
        if (r->documents[p] == document) return true;
    return false;
}

/* ---- scores ---- */

/* Evenly spread over all relevant pairs. */
static void choose_positives(retrieval_run *run, int64_t n_all, int64_t n) {
    const retrieval_task *t = run->task;
    const data_beir_relevance *r = data_beir_get_relevance(t->beir);
    int64_t seen = 0, chosen = 0;
    for (int64_t i = 0; i < t->n_queries; i++) {
        for (int64_t p = r->offsets[t->queries[i]]; p < r->offsets[t->queries[i] + 1]; p++, seen++) {
            if (chosen == n || seen != chosen * n_all / n) continue;
            run->pairs[run->n_pairs++] = (retrieval_pair){r->documents[p], i, true, 0};
            chosen++;
        }
    }
}

/* Any query with any document; few are relevant, and those are passed over. */
static void choose_negatives(retrieval_run *run, int64_t n) {
    const retrieval_task *t = run->task;
    const int64_t n_documents = data_beir_n_documents(t->beir);
    senc_rng rng;
    senc_rng_init(&rng, 1); /* every model sees the same pairs */
    for (int64_t k = 0; k < n; k++) {
        const int64_t i = k * t->n_queries / n, document = (int64_t)senc_rng_below(&rng, (uint64_t)n_documents);
        if (!is_relevant(t, i, document)) run->pairs[run->n_pairs++] = (retrieval_pair){document, i, false, 0};
    }
}

static int by_document(const void *a, const void *b) {
    const retrieval_pair *x = a, *y = b;
    if (x->document != y->document) return x->document < y->document ? -1 : 1;
    if (x->query != y->query) return x->query < y->query ? -1 : 1;
    return (int)y->positive - (int)x->positive;
}

bool eval_retrieval_start_detail(retrieval_run *run, eval_detail *d, senc_error *err) {
    const retrieval_task *t = run->task;
    if (!eval_detail_init(d, "query", t->n_queries, false, err)) return false;
    if (run->ranker) return true;
    const int64_t n_all = data_beir_get_relevance(t->beir)->n_pairs, n_documents = data_beir_n_documents(t->beir);
    const int64_t n_positives = n_all < MOST_SCORES ? n_all : MOST_SCORES;
    const int64_t n_negatives = t->n_queries * n_documents < MOST_SCORES ? t->n_queries * n_documents : MOST_SCORES;
    run->pairs = senc_alloc((size_t)(n_positives + n_negatives), sizeof *run->pairs);
    if (!run->pairs)
        return senc_fail_memory(err, (size_t)(n_positives + n_negatives) * sizeof *run->pairs, "pairs of a retrieval");
    choose_positives(run, n_all, n_positives);
    choose_negatives(run, n_negatives);
    qsort(run->pairs, (size_t)run->n_pairs, sizeof *run->pairs, by_document);
    return true;
}

void eval_retrieval_see_block(void *context, const float *queries, int64_t first, int64_t n, const float *block) {
    retrieval_run *run = context;
    const int64_t width = run->embedder->width;
    for (; run->next_pair < run->n_pairs && run->pairs[run->next_pair].document < first + n; run->next_pair++) {
        retrieval_pair *p = &run->pairs[run->next_pair];
        p->score = eval_similarity_of(run->functions.items[0], queries + p->query * width,
                                      block + (p->document - first) * width, width);
    }
}

static bool take_scores(eval_detail *d, senc_error *err) {
    d->positives = senc_alloc(MOST_SCORES, sizeof *d->positives);
    d->negatives = senc_alloc(MOST_SCORES, sizeof *d->negatives);
    return (d->positives && d->negatives) || senc_fail_memory(err, MOST_SCORES * sizeof *d->positives, "scores");
}

static void add_score(eval_detail *d, bool positive, double score) {
    if (positive && d->n_positives < MOST_SCORES) d->positives[d->n_positives++] = score;
    if (!positive && d->n_negatives < MOST_SCORES) d->negatives[d->n_negatives++] = score;
}

/* A ranker scores what it found and nothing else. Every stride-th of each kind is taken. */
static void take_list_scores(retrieval_run *run, eval_detail *d) {
    const retrieval_task *t = run->task;
    int64_t n_all = 0, seen[2] = {0};
    for (int64_t i = 0; i < t->n_queries; i++) n_all += run->n_ranked[i];
    const int64_t stride = n_all / MOST_SCORES + 1;
    for (int64_t i = 0; i < t->n_queries; i++) {
        int64_t n;
        const eval_hit *hits = eval_retrieval_list(run, 0, i, &n);
        for (int64_t h = 0; h < n; h++) {
            const bool positive = is_relevant(t, i, hits[h].document);
            if (seen[positive]++ % stride == 0) add_score(d, positive, (double)hits[h].score);
        }
    }
}

/* ---- units ---- */

typedef struct detail_reader {
    const retrieval_task *task;
    data_beir_scratch query, document; /* two: both texts are needed at once */
} detail_reader;

static bool read_document(detail_reader *r, int64_t document, const char **text, size_t *n_bytes, senc_error *err) {
    return data_beir_document_text(r->task->beir, document, &r->document, text, n_bytes, err);
}

/* The relevant document of the highest grade; the first of equals. */
static int64_t best_document(const retrieval_task *t, int64_t query) {
    const data_beir_relevance *r = data_beir_get_relevance(t->beir);
    int64_t best = r->offsets[query];
    for (int64_t p = best; p < r->offsets[query + 1]; p++)
        if (r->grades[p] > r->grades[best]) best = p;
    return r->documents[best];
}

static double grade_of(const retrieval_task *t, int64_t query, int64_t document) {
    const data_beir_relevance *r = data_beir_get_relevance(t->beir);
    for (int64_t p = r->offsets[query]; p < r->offsets[query + 1]; p++)
        if (r->documents[p] == document) return (double)r->grades[p];
    return 0;
}

static bool fill_unit(retrieval_run *run, detail_reader *reader, eval_detail *d, int64_t i, senc_error *err) {
    const retrieval_task *t = run->task;
    const int64_t query = t->queries[i];
    const char *text, *other;
    size_t n_bytes, n_other;
    if (!data_beir_query_text(t->beir, query, &reader->query, &text, &n_bytes, err) ||
        !read_document(reader, best_document(t, query), &other, &n_other, err) ||
        !eval_detail_set_unit(d, i, data_beir_query_id(t->beir, query), text, (int64_t)n_bytes, other, (int64_t)n_other,
                              err))
        return false;
    int64_t n_hits;
    const eval_hit *hits = eval_retrieval_list(run, 0, i, &n_hits);
    for (int64_t h = 0; h < n_hits && d->units[i].n_found < EVAL_DETAIL_FOUND; h++) {
        const int64_t document = hits[h].document;
        if (eval_retrieval_leaves_out(t, i, document)) continue;
        if (!read_document(reader, document, &text, &n_bytes, err) ||
            !eval_detail_add_found(d, i, data_beir_document_id(t->beir, document), text, (int64_t)n_bytes,
                                   (double)hits[h].score, grade_of(t, query, document), err))
            return false;
    }
    return true;
}

bool eval_retrieval_finish_detail(retrieval_run *run, eval_detail *d, senc_error *err) {
    if (!take_scores(d, err)) return false;
    for (int64_t p = 0; p < run->n_pairs; p++) add_score(d, run->pairs[p].positive, run->pairs[p].score);
    if (run->ranker) take_list_scores(run, d);
    detail_reader reader = {.task = run->task};
    bool ok = true;
    for (int64_t i = 0; ok && i < d->n_units; i++) ok = fill_unit(run, &reader, d, i, err);
    data_beir_scratch_free(&reader.query);
    data_beir_scratch_free(&reader.document);
    return ok;
}
