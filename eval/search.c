/* Blocked exact search with one heap a query.
 *
 * cosine and dot: a tile of queries times a tile of documents is one product in float. Its error is at most width * eps
 * * |q| |d| (Higham 2002, section 3.1), so only what lies above the query's k-th best score minus that bound is scored
 * exactly. euclidean and manhattan: every pair is scored exactly; their products would lose the small differences that
 * ranking lives on.
 *
 * A heap's root is the worst of the k best, so most candidates cost one comparison. A query belongs to one task: no
 * locks, and the result does not depend on threads. */
#include "eval/search.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

#define QUERY_TILE    256
#define DOCUMENT_TILE 4096 /* with QUERY_TILE: 4 MB of products */

struct eval_search {
    eval_search_options options;
    const float *queries;
    int64_t n_queries, width;
    int64_t n_documents; /* added so far */
    double *query_length;
    eval_hit *hits;          /* (n_queries, k): heaps, worst first, later sorted */
    int64_t *n_hits;         /* (n_queries) */
    float *products;         /* (QUERY_TILE, DOCUMENT_TILE); NULL for the distances */
    double *document_length; /* (DOCUMENT_TILE) */
};

/* One tile at work. */
typedef struct tile {
    eval_search *search;
    const float *documents; /* (n, width) */
    int64_t first_query, n_queries;
    int64_t first_document, n; /* position of documents[0] */
    double longest;            /* of the documents */
} tile;

static bool worse(const eval_search *s, eval_hit a, eval_hit b) {
    if (a.score != b.score) return a.score < b.score;
    const int64_t *rank = s->options.tie_rank;
    const int64_t x = rank != NULL ? rank[a.document] : a.document;
    const int64_t y = rank != NULL ? rank[b.document] : b.document;
    return s->options.tie_descending ? x < y : x > y;
}

/* Moves heap[i] down until neither child is worse. */
static void sift_down(const eval_search *s, eval_hit *heap, int64_t n, int64_t i) {
    const eval_hit moved = heap[i];
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && worse(s, heap[child + 1], heap[child])) child++;
        if (!worse(s, heap[child], moved)) break;
        heap[i] = heap[child];
    }
    heap[i] = moved;
}

static void sift_up(const eval_search *s, eval_hit *heap, int64_t i) {
    const eval_hit moved = heap[i];
    for (int64_t parent; i > 0; i = parent) {
        parent = (i - 1) / 2;
        if (!worse(s, moved, heap[parent])) break;
        heap[i] = heap[parent];
    }
    heap[i] = moved;
}

static void offer(eval_search *s, int64_t query, eval_hit hit) {
    eval_hit *heap = s->hits + query * s->options.k;
    if (s->n_hits[query] < s->options.k) {
        heap[s->n_hits[query]] = hit;
        sift_up(s, heap, s->n_hits[query]++);
    } else if (worse(s, heap[0], hit)) {
        heap[0] = hit;
        sift_down(s, heap, s->options.k, 0);
    }
}

/* Scores below this cannot enter the query's heap. */
static double floor_of(const eval_search *s, int64_t query) {
    return s->n_hits[query] < s->options.k ? -INFINITY : (double)s->hits[query * s->options.k].score;
}

static float exact_score(const tile *t, int64_t query, int64_t j) {
    const eval_search *s = t->search;
    const float *q = s->queries + query * s->width, *d = t->documents + j * s->width;
    if (s->options.similarity != EVAL_COSINE) return (float)eval_similarity_of(s->options.similarity, q, d, s->width);
    const double dot = eval_similarity_of(EVAL_DOT, q, d, s->width);
    return (float)(dot / (s->query_length[query] * s->document_length[j]));
}

static void score_all(void *context, int64_t i, int thread) {
    (void)thread;
    const tile *t = context;
    const int64_t query = t->first_query + i;
    for (int64_t j = 0; j < t->n; j++)
        offer(t->search, query, (eval_hit){t->first_document + j, exact_score(t, query, j)});
}

/* A product that cannot belong to a score above the threshold. Where float has overflowed it decides nothing.
 * (Underflow is far below the bound: lengths is 1e-24 or more.) */
static bool is_hopeless(float product, double threshold, double lengths) {
    return isfinite(product) && (double)product < threshold * lengths;
}

/* Offers what the float product leaves possible. FLT_EPSILON is twice the rounding unit: the bound holds with room for
 * the rounding of the final score. */
static void score_likely(void *context, int64_t i, int thread) {
    (void)thread;
    const tile *t = context;
    eval_search *s = t->search;
    const int64_t query = t->first_query + i;
    const float *products = s->products + i * t->n;
    const bool cosine = s->options.similarity == EVAL_COSINE;
    const double q_length = s->query_length[query];
    const double bound = (double)(s->width + 2) * (double)FLT_EPSILON * (cosine ? 1.0 : q_length * t->longest);
    double threshold = floor_of(s, query) - bound;
    for (int64_t j = 0; j < t->n; j++) {
        const double lengths = cosine ? q_length * s->document_length[j] : 1.0;
        if (is_hopeless(products[j], threshold, lengths)) continue;
        offer(s, query, (eval_hit){t->first_document + j, exact_score(t, query, j)});
        threshold = floor_of(s, query) - bound;
    }
}

static void run_tile(const tile *t) {
    eval_search *s = t->search;
    if (s->products == NULL) {
        senc_parallel(t->n_queries, score_all, (void *)t);
        return;
    }
    s->options.kernels->gemm(false, true, t->n_queries, t->n, s->width, 1, s->queries + t->first_query * s->width,
                             s->width, t->documents, s->width, 0, s->products, t->n);
    senc_parallel(t->n_queries, score_likely, (void *)t);
}

bool eval_search_add(eval_search *s, const float *block, int64_t n, senc_error *err) {
    for (int64_t first = 0; first < n; first += DOCUMENT_TILE) {
        tile t = {.search = s, .documents = block + first * s->width, .first_document = s->n_documents};
        t.n = n - first < DOCUMENT_TILE ? n - first : DOCUMENT_TILE;
        for (int64_t j = 0; j < t.n; j++) {
            s->document_length[j] = eval_vector_length(t.documents + j * s->width, s->width);
            if (!isfinite(s->document_length[j]))
                return senc_fail(err, SENC_FAILED, "search: the vector of document %lld holds a NaN or infinite number",
                                 (long long)(s->n_documents + j));
            t.longest = fmax(t.longest, s->document_length[j]);
        }
        for (t.first_query = 0; t.first_query < s->n_queries; t.first_query += QUERY_TILE) {
            t.n_queries = s->n_queries - t.first_query < QUERY_TILE ? s->n_queries - t.first_query : QUERY_TILE;
            run_tile(&t);
        }
        s->n_documents += t.n;
    }
    return true;
}

static void sort_hits(void *context, int64_t query, int thread) {
    (void)thread;
    eval_search *s = context;
    eval_hit *heap = s->hits + query * s->options.k;
    for (int64_t n = s->n_hits[query] - 1; n > 0; n--) { /* the worst goes to the end */
        const eval_hit worst = heap[0];
        heap[0] = heap[n];
        heap[n] = worst;
        sift_down(s, heap, n, 0);
    }
}

void eval_search_finish(eval_search *s) {
    senc_parallel(s->n_queries, sort_hits, s);
}

const eval_hit *eval_search_hits(const eval_search *s, int64_t query, int64_t *n) {
    SENC_ASSERT(query >= 0 && query < s->n_queries, "query %lld of %lld", (long long)query, (long long)s->n_queries);
    *n = s->n_hits[query];
    return s->hits + query * s->options.k;
}

static bool measure_queries(eval_search *s, senc_error *err) {
    for (int64_t q = 0; q < s->n_queries; q++) {
        s->query_length[q] = eval_vector_length(s->queries + q * s->width, s->width);
        if (!isfinite(s->query_length[q]))
            return senc_fail(err, SENC_FAILED, "search: the vector of query %lld holds a NaN or infinite number",
                             (long long)q);
    }
    return true;
}

static bool take_memory(eval_search *s, senc_error *err) {
    const size_t n = (size_t)s->n_queries, k = (size_t)s->options.k;
    const bool products = s->options.similarity == EVAL_COSINE || s->options.similarity == EVAL_DOT;
    s->hits = n == 0 || k <= SIZE_MAX / n ? senc_alloc(n * k, sizeof(*s->hits)) : NULL;
    s->n_hits = senc_alloc_zero(n, sizeof(*s->n_hits));
    s->query_length = senc_alloc(n, sizeof(*s->query_length));
    s->document_length = senc_alloc(DOCUMENT_TILE, sizeof(*s->document_length));
    if (products) s->products = senc_alloc_aligned((size_t)QUERY_TILE * DOCUMENT_TILE, sizeof(float));
    if (s->hits && s->n_hits && s->query_length && s->document_length && (s->products || !products)) return true;
    return senc_fail_memory(err, n * k * sizeof(*s->hits), "the nearest documents of every query");
}

bool eval_search_open(const eval_search_options *options, const float *queries, int64_t n_queries, int64_t width,
                      eval_search **out, senc_error *err) {
    SENC_ASSERT(options->k >= 1 && width >= 1, "k %lld, width %lld", (long long)options->k, (long long)width);
    *out = NULL;
    eval_search *s = senc_alloc_zero(1, sizeof(*s));
    if (s == NULL) return senc_fail_memory(err, sizeof(*s), "the search");
    s->options = *options;
    s->queries = queries;
    s->n_queries = n_queries;
    s->width = width;
    if (!take_memory(s, err) || !measure_queries(s, err)) {
        eval_search_close(s);
        return false;
    }
    *out = s;
    return true;
}

void eval_search_close(eval_search *s) {
    if (s == NULL) return;
    free(s->hits);
    free(s->n_hits);
    free(s->query_length);
    free(s->document_length);
    free(s->products);
    free(s);
}
