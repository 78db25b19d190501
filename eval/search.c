/* Exact search: cosine, dot and euclidean by a scan in bytes (search_scan.h); manhattan scores every pair. */
#include "eval/search.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "eval/search_scan.h"

struct eval_search {
    eval_search_options options;
    const float *queries;
    int64_t n_queries, width;
    int64_t n_documents;  /* added so far */
    double *query_square; /* of the lengths */
    eval_nearest nearest;
    eval_scan *scan; /* NULL: every pair is scored */
};

/* Documents that all queries go through while they are in the cache. */
#define BLOCK_DOCUMENTS 256

typedef struct all_pairs {
    eval_search *search;
    const float *documents;
    int64_t first_document, n;
} all_pairs;

static void score_all(void *context, int64_t query, int thread) {
    (void)thread;
    const all_pairs *t = context;
    eval_search *s = t->search;
    const float *q = s->queries + query * s->width;
    for (int64_t j = 0; j < t->n; j++) {
        const double score = eval_similarity_of(s->options.similarity, q, t->documents + j * s->width, s->width);
        eval_nearest_offer(&s->nearest, query, (eval_hit){t->first_document + j, (float)score});
    }
}

static bool add_all_pairs(eval_search *s, const float *block, int64_t n, senc_error *err) {
    for (int64_t first = 0; first < n; first += BLOCK_DOCUMENTS) {
        all_pairs t = {s, block + first * s->width, s->n_documents + first, 0};
        t.n = n - first < BLOCK_DOCUMENTS ? n - first : BLOCK_DOCUMENTS;
        for (int64_t j = 0; j < t.n; j++) {
            if (!isfinite(eval_vector_length(t.documents + j * s->width, s->width)))
                return senc_fail(err, SENC_FAILED, "search: the vector of document %lld holds a NaN or infinite number",
                                 (long long)(t.first_document + j) + 1);
        }
        senc_parallel(s->n_queries, score_all, &t);
    }
    return true;
}

bool eval_search_add(eval_search *s, const float *block, int64_t n, senc_error *err) {
    const bool ok = s->scan ? eval_scan_add(s->scan, block, n, s->n_documents, err) : add_all_pairs(s, block, n, err);
    s->n_documents += n;
    return ok;
}

void eval_search_finish(eval_search *s) {
    eval_nearest_sort(&s->nearest);
}

const eval_hit *eval_search_hits(const eval_search *s, int64_t query, int64_t *n) {
    SENC_ASSERT(query >= 0 && query < s->n_queries, "query %lld of %lld", (long long)query, (long long)s->n_queries);
    *n = s->nearest.n_hits[query];
    return s->nearest.hits + query * s->options.k;
}

static bool measure_queries(eval_search *s, senc_error *err) {
    s->query_square = senc_alloc((size_t)s->n_queries, sizeof *s->query_square);
    if (!s->query_square) return senc_fail_memory(err, (size_t)s->n_queries * sizeof *s->query_square, "the search");
    for (int64_t q = 0; q < s->n_queries; q++) {
        s->query_square[q] = eval_vector_square(s->queries + q * s->width, s->width);
        if (!isfinite(s->query_square[q]))
            return senc_fail(err, SENC_FAILED, "search: the vector of query %lld holds a NaN or infinite number",
                             (long long)q + 1);
    }
    return true;
}

static bool open_parts(eval_search *s, senc_error *err) {
    const eval_search_options *o = &s->options;
    s->nearest = (eval_nearest){
        .n_queries = s->n_queries, .k = o->k, .tie_rank = o->tie_rank, .tie_descending = o->tie_descending};
    if (!eval_nearest_init(&s->nearest))
        return senc_fail_memory(err, (size_t)s->n_queries * (size_t)o->k * sizeof(eval_hit),
                                "the nearest documents of every query");
    if (!measure_queries(s, err)) return false;
    if (o->similarity == EVAL_MANHATTAN) return true;
    return eval_scan_open(o->kernels->scan, o->similarity, s->queries, s->query_square, s->width, &s->nearest, &s->scan,
                          err);
}

bool eval_search_open(const eval_search_options *options, const float *queries, int64_t n_queries, int64_t width,
                      eval_search **out, senc_error *err) {
    SENC_ASSERT(options->k >= 1 && width >= 1, "k %lld, width %lld", (long long)options->k, (long long)width);
    *out = NULL;
    eval_search *s = senc_alloc_zero(1, sizeof *s);
    if (s == NULL) return senc_fail_memory(err, sizeof *s, "the search");
    s->options = *options;
    s->queries = queries;
    s->n_queries = n_queries;
    s->width = width;
    if (!open_parts(s, err)) {
        eval_search_close(s);
        return false;
    }
    *out = s;
    return true;
}

void eval_search_close(eval_search *s) {
    if (s == NULL) return;
    eval_scan_close(s->scan);
    eval_nearest_free(&s->nearest);
    free(s->query_square);
    free(s);
}
