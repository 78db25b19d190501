/* Search by products: see search_scan.h.
 *
 * Documents are packed a chunk at a time. A task owns a tile of queries, scans the chunk's panels and keeps what is
 * reported in a list per query; full lists, and all at the end of the chunk, are settled: the candidates are scored in
 * double, best bounds first, and every score raises what the rest has to reach. A query belongs to one task at a time:
 * no locks, and the result does not depend on threads.
 *
 * The mean of the first documents is subtracted from all: q.d = q.(d - mean) + q.mean. Encoders whose vectors share a
 * direction would else spend their bits on it. For euclidean it is subtracted from the queries as well, and
 *     -|q - d| >= T   iff   q.d - |d|^2 / 2 >= (|q|^2 - T^2) / 2. */
#include "eval/search_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

#define CHUNK_BYTES     (INT64_C(3) << 18) /* packed documents at a time: 2,048 of width 384 */
#define TILE_QUERIES    48
#define SAMPLE          1024 /* documents that the mean is taken of */
#define LEAST_LIST      256
#define LONGEST_LIST    2048
#define SCORED_TOGETHER 16

typedef struct candidate {
    float bound;
    int32_t document; /* in the chunk */
} candidate;

/* What a thread works with. */
typedef struct scan_thread {
    kern_scan_hit *hits; /* (tile, panel_documents) */
    candidate *lists;    /* (tile, list_length) */
    int64_t *n_listed;   /* (tile) */
    double *query;       /* (width) */
} scan_thread;

struct eval_scan {
    const kern_scan *kernels;
    eval_similarity similarity;
    const float *queries;
    const double *query_square;
    int64_t n_queries, width;
    eval_nearest *nearest;
    bool is_ready; /* mean and packed queries */
    float *mean;   /* (width) */
    /* What a query adds to every product: q.mean, for cosine divided by |q|; for euclidean |q - mean|^2. */
    double *shift;
    unsigned char *packed_queries;
    kern_scan_query *scan_queries;
    float query_error;
    /* The chunk at work. */
    int64_t chunk, panel_bytes, query_bytes; /* chunk: documents */
    unsigned char *panels;
    double *square; /* (chunk) of the documents' lengths */
    float *scale;   /* (chunk) */
    const float *documents;
    int64_t n, first_document;
    int64_t tile, list_length;
    scan_thread *threads;
    int n_threads;
};

static int64_t round_up_to(int64_t n, int64_t step) {
    return (n + step - 1) / step * step;
}

/* As eval_vector_length. */
static double length_of(double square) {
    const double length = sqrt(square);
    return length < 1e-12 ? 1e-12 : length;
}

/* What brings a vector to the length that the products want. NaN, with which a vector is always reported, where the
 * inverse loses its precision. */
static float scale_of(const eval_scan *s, double length) {
    if (s->similarity != EVAL_COSINE) return 1.0F;
    return length < 1e30 ? (float)(1.0 / length) : NAN;
}

/* ---- candidates ---- */

/* Moves the k largest bounds to the front. */
static void select_largest(candidate *list, int64_t n, int64_t k) {
    for (int64_t first = 0, last = n - 1; first < last;) {
        const float pivot = list[first + (last - first) / 2].bound;
        int64_t i = first, j = last;
        while (i <= j) {
            while (list[i].bound > pivot) i++;
            while (list[j].bound < pivot) j--;
            if (i > j) break;
            const candidate c = list[i];
            list[i++] = list[j];
            list[j--] = c;
        }
        if (k <= j + 1) {
            last = j;
        } else if (k > i) {
            first = i;
        } else {
            return;
        }
    }
}

/* The scan is to report what could reach the query's floor. A document whose score is a little lower can round to it
 * and win by the tie rule. */
static void raise_floor(eval_scan *s, int64_t query) {
    const float floor = eval_nearest_floor(s->nearest, query);
    const double shift = s->shift[query];
    double least = (double)nextafterf(floor, -INFINITY);
    /* The product of a vector with itself counts as 1 and may be a little less (eval_dot_of). */
    if (s->similarity == EVAL_DOT && least >= 1 - EVAL_UNIT_SLACK && least <= 1) least = 1 - EVAL_UNIT_SLACK;
    if (s->similarity != EVAL_EUCLIDEAN) {
        kern_scan_ask(&s->scan_queries[query], least - shift);
    } else {
        const double square = least * least; /* the subtraction below may not round up */
        kern_scan_ask(&s->scan_queries[query], 0.5 * (shift - square) - 0x1p-48 * (shift + square));
    }
}

static float score_of(const eval_scan *s, int64_t query, int64_t j, double dot) {
    const float *q = s->queries + query * s->width, *d = s->documents + j * s->width;
    if (s->similarity == EVAL_COSINE) return (float)eval_cosine_of(dot, s->query_square[query], s->square[j]);
    if (s->similarity == EVAL_DOT) return (float)eval_dot_of(dot, q, d, s->width);
    return (float)eval_similarity_of(EVAL_EUCLIDEAN, q, d, s->width);
}

/* Scores those of the candidates that can still come in. */
static void score_listed(eval_scan *s, int64_t query, const double *vector, const candidate *list, int64_t n) {
    const float *rows[SCORED_TOGETHER];
    int64_t documents[SCORED_TOGETHER];
    double dots[SCORED_TOGETHER] = {0};
    for (int64_t i = 0; i < n;) {
        const float least = s->scan_queries[query].least;
        int64_t m = 0;
        for (; i < n && m < SCORED_TOGETHER; i++) {
            if (list[i].bound < least) continue;
            documents[m] = list[i].document;
            rows[m++] = s->documents + list[i].document * s->width;
        }
        if (s->similarity != EVAL_EUCLIDEAN) s->kernels->dots(s->width, vector, m, rows, dots);
        for (int64_t c = 0; c < m; c++) {
            const eval_hit hit = {s->first_document + documents[c], score_of(s, query, documents[c], dots[c])};
            eval_nearest_offer(s->nearest, query, hit);
        }
        if (m > 0) raise_floor(s, query);
    }
}

static void settle(eval_scan *s, scan_thread *t, int64_t query, int64_t place) {
    candidate *list = t->lists + place * s->list_length;
    const int64_t n = t->n_listed[place], k = s->nearest->k;
    t->n_listed[place] = 0;
    if (n == 0) return;
    eval_nearest_prefetch(s->nearest, query);
    const float *q = s->queries + query * s->width;
    for (int64_t i = 0; i < s->width; i++) t->query[i] = (double)q[i];
    int64_t best = 0;
    if (n > 2 * k) {
        best = k;
        select_largest(list, n, best);
        score_listed(s, query, t->query, list, best);
    }
    score_listed(s, query, t->query, list + best, n - best);
}

static void scan_task(void *context, int64_t i, int thread) {
    eval_scan *s = context;
    scan_thread *t = &s->threads[thread];
    const int64_t first = i * s->tile, tile = s->n_queries - first < s->tile ? s->n_queries - first : s->tile;
    const int64_t step = s->kernels->panel_documents;
    for (int64_t j = 0, p = 0; j < s->n; j += step, p++) {
        const int64_t n_documents = s->n - j < step ? s->n - j : step;
        const int64_t n_hits =
            s->kernels->scan(s->width, n_documents, s->panels + p * s->panel_bytes, tile,
                             s->packed_queries + first * s->query_bytes, s->scan_queries + first, t->hits);
        for (int64_t h = 0; h < n_hits; h++) {
            const int64_t place = t->hits[h].query;
            const float bound = t->hits[h].bound;
            t->lists[place * s->list_length + t->n_listed[place]++] =
                (candidate){bound == bound ? bound : INFINITY, (int32_t)(j + t->hits[h].document)};
            if (t->n_listed[place] == s->list_length) settle(s, t, first + place, place);
        }
    }
    for (int64_t place = 0; place < tile; place++) settle(s, t, first + place, place);
}

/* ---- packing ---- */

static void pack_task(void *context, int64_t i, int thread) {
    (void)thread;
    eval_scan *s = context;
    const int64_t step = s->kernels->panel_documents, j = i * step, n = s->n - j < step ? s->n - j : step;
    const float *documents = s->documents + j * s->width;
    s->kernels->squares(s->width, n, documents, s->square + j);
    for (int64_t d = 0; d < n; d++) s->scale[j + d] = scale_of(s, length_of(s->square[j + d]));
    s->kernels->pack_panel(n, s->width, documents, s->scale + j, s->mean, s->query_error,
                           s->similarity == EVAL_EUCLIDEAN, s->panels + i * s->panel_bytes);
}

static int smallest_first(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The mean of documents over all of the block; for cosine of their directions. The others are cut to the median length,
 * so that one long vector does not draw the mean away from the rest. */
static void take_mean(eval_scan *s, const float *block, int64_t n) {
    const int64_t taken = n < SAMPLE ? n : SAMPLE;
    double lengths[SAMPLE], sorted[SAMPLE];
    for (int64_t i = 0; i < taken; i++) {
        double square;
        s->kernels->squares(s->width, 1, block + i * n / taken * s->width, &square);
        lengths[i] = length_of(square);
    }
    memcpy(sorted, lengths, (size_t)taken * sizeof *sorted);
    qsort(sorted, (size_t)taken, sizeof *sorted, smallest_first);
    const double most = s->similarity == EVAL_COSINE ? 0.0 : sorted[taken / 2];
    double *sum = s->threads[0].query;
    for (int64_t c = 0; c < s->width; c++) sum[c] = 0.0;
    for (int64_t i = 0; i < taken; i++) {
        if (!isfinite(lengths[i])) continue; /* an error soon */
        const double weight = s->similarity == EVAL_COSINE ? 1.0 / lengths[i] : fmin(1.0, most / lengths[i]);
        const float *x = block + i * n / taken * s->width;
        for (int64_t c = 0; c < s->width; c++) sum[c] += weight * (double)x[c];
    }
    for (int64_t c = 0; c < s->width; c++) s->mean[c] = (float)(sum[c] / (double)taken);
}

static void pack_query_task(void *context, int64_t query, int thread) {
    eval_scan *s = context;
    const float *q = s->queries + query * s->width;
    double *vector = s->threads[thread].query, shift;
    const bool euclidean = s->similarity == EVAL_EUCLIDEAN;
    if (euclidean) {
        shift = 0.0;
        for (int64_t i = 0; i < s->width; i++) {
            const double x = (double)q[i] - (double)s->mean[i];
            shift += x * x;
        }
    } else {
        for (int64_t i = 0; i < s->width; i++) vector[i] = (double)q[i];
        const float *mean = s->mean;
        s->kernels->dots(s->width, vector, 1, &mean, &shift);
        if (s->similarity == EVAL_COSINE) shift /= length_of(s->query_square[query]);
    }
    s->shift[query] = shift;
    s->kernels->pack_query(s->width, q, scale_of(s, length_of(s->query_square[query])), euclidean ? s->mean : NULL,
                           s->packed_queries + query * s->query_bytes, &s->scan_queries[query]);
}

static void prepare(eval_scan *s, const float *block, int64_t n) {
    take_mean(s, block, n);
    senc_parallel(s->n_queries, pack_query_task, s);
    s->query_error = 0.0F;
    for (int64_t q = 0; q < s->n_queries; q++) s->query_error = fmaxf(s->query_error, s->scan_queries[q].error);
    s->is_ready = true;
}

/* ---- memory ---- */

static void free_threads(eval_scan *s) {
    for (int t = 0; t < s->n_threads; t++) {
        free(s->threads[t].hits);
        free(s->threads[t].lists);
        free(s->threads[t].n_listed);
        free(s->threads[t].query);
    }
    free(s->threads);
    s->threads = NULL;
    s->n_threads = 0;
}

/* The pool may have grown since the last block. */
static bool take_threads(eval_scan *s) {
    const int n = senc_threads_count();
    if (n <= s->n_threads) return true;
    free_threads(s);
    /* Four tasks a thread where there are that many queries. */
    const int64_t fair = round_up_to((s->n_queries + 4 * n - 1) / (4 * n), s->kernels->query_step);
    s->tile = fair < TILE_QUERIES ? fair : TILE_QUERIES;
    s->threads = senc_alloc_zero((size_t)n, sizeof *s->threads);
    if (!s->threads) return false;
    s->n_threads = n;
    for (int i = 0; i < n; i++) {
        scan_thread *t = &s->threads[i];
        t->hits = senc_alloc((size_t)(s->tile * s->kernels->panel_documents), sizeof *t->hits);
        t->lists = senc_alloc((size_t)(s->tile * s->list_length), sizeof *t->lists);
        t->n_listed = senc_alloc_zero((size_t)s->tile, sizeof *t->n_listed);
        t->query = senc_alloc((size_t)s->width, sizeof *t->query);
        if (!t->hits || !t->lists || !t->n_listed || !t->query) return false;
    }
    return true;
}

static bool take_memory(eval_scan *s) {
    const kern_scan *k = s->kernels;
    s->panel_bytes = k->panel_bytes(s->width);
    s->query_bytes = k->query_bytes(s->width);
    const int64_t panels = CHUNK_BYTES / s->panel_bytes > 1 ? CHUNK_BYTES / s->panel_bytes : 1;
    s->chunk = panels * k->panel_documents;
    const int64_t wanted = s->nearest->k < LONGEST_LIST / 4 ? 4 * s->nearest->k : LONGEST_LIST;
    s->list_length = wanted < LEAST_LIST ? LEAST_LIST : wanted;
    const size_t n = (size_t)s->n_queries, width = (size_t)s->width;
    s->mean = senc_alloc(width, sizeof *s->mean);
    s->shift = senc_alloc(n, sizeof *s->shift);
    s->packed_queries = senc_alloc_aligned(n, (size_t)s->query_bytes);
    s->scan_queries = senc_alloc(n, sizeof *s->scan_queries);
    s->panels = senc_alloc_aligned((size_t)panels, (size_t)s->panel_bytes);
    s->square = senc_alloc((size_t)s->chunk, sizeof *s->square);
    s->scale = senc_alloc((size_t)s->chunk, sizeof *s->scale);
    return s->mean && s->shift && s->packed_queries && s->scan_queries && s->panels && s->square && s->scale &&
           take_threads(s);
}

static bool fail_memory(const eval_scan *s, senc_error *err) {
    return senc_fail_memory(err, (size_t)(s->n_queries * s->query_bytes + CHUNK_BYTES), "the search");
}

bool eval_scan_open(const kern_scan *kernels, eval_similarity similarity, const float *queries,
                    const double *query_square, int64_t width, eval_nearest *nearest, eval_scan **out,
                    senc_error *err) {
    *out = NULL;
    eval_scan *s = senc_alloc_zero(1, sizeof *s);
    if (!s) return senc_fail_memory(err, sizeof *s, "the search");
    s->kernels = kernels;
    s->similarity = similarity;
    s->queries = queries;
    s->query_square = query_square;
    s->n_queries = nearest->n_queries;
    s->width = width;
    s->nearest = nearest;
    if (!take_memory(s)) {
        fail_memory(s, err);
        eval_scan_close(s);
        return false;
    }
    *out = s;
    return true;
}

bool eval_scan_add(eval_scan *s, const float *block, int64_t n, int64_t first_document, senc_error *err) {
    if (n == 0 || s->n_queries == 0) return true;
    if (!take_threads(s)) return fail_memory(s, err);
    if (!s->is_ready) prepare(s, block, n);
    for (int64_t first = 0; first < n; first += s->chunk) {
        s->documents = block + first * s->width;
        s->first_document = first_document + first;
        s->n = n - first < s->chunk ? n - first : s->chunk;
        const int64_t step = s->kernels->panel_documents;
        senc_parallel((s->n + step - 1) / step, pack_task, s);
        for (int64_t j = 0; j < s->n; j++) {
            if (!isfinite(s->square[j]))
                return senc_fail(err, SENC_FAILED, "search: the vector of document %lld holds a NaN or infinite number",
                                 (long long)(s->first_document + j) + 1);
        }
        senc_parallel((s->n_queries + s->tile - 1) / s->tile, scan_task, s);
    }
    return true;
}

void eval_scan_close(eval_scan *s) {
    if (!s) return;
    free_threads(s);
    free(s->mean);
    free(s->shift);
    free(s->packed_queries);
    free(s->scan_queries);
    free(s->panels);
    free(s->square);
    free(s->scale);
    free(s);
}
