/* Near-duplicates: see near_duplicates.h. */
#include "eval/near_duplicates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/search.h"

#define QUERY_ROWS    2048
#define DOCUMENT_ROWS 8192
#define FIRST_K       16 /* most rows have fewer near ones; where all k are near, the search is done again with more */

typedef struct finder {
    const data_vectors *v;
    float threshold;
    bool (*check)(senc_error *err);
    float *queries, *documents; /* (QUERY_ROWS, width), (DOCUMENT_ROWS, width) */
    int64_t *rows;              /* (QUERY_ROWS) of the queries */
    eval_near_duplicates *found;
    int64_t capacity;
} finder;

static bool add_pair(finder *f, int64_t a, int64_t b, float score, senc_error *err) {
    eval_near_duplicates *d = f->found;
    if (d->n_pairs == EVAL_MOST_NEAR_PAIRS)
        return senc_fail(err, SENC_BAD_INPUT, "more than %lld pairs reach %g; expected a higher threshold",
                         (long long)EVAL_MOST_NEAR_PAIRS, (double)f->threshold);
    if (d->n_pairs == f->capacity) {
        const int64_t capacity = f->capacity ? 2 * f->capacity : 1024;
        eval_near_pair *grown = senc_realloc(d->pairs, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "pairs");
        d->pairs = grown;
        f->capacity = capacity;
    }
    d->pairs[d->n_pairs++] = (eval_near_pair){a, b, score};
    return true;
}

static bool check_rows(const finder *f, const float *x, int64_t first, int64_t n, senc_error *err) {
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(eval_vector_length(x + i * f->v->width, f->v->width)))
            return senc_fail(err, SENC_BAD_INPUT, "%s: row %lld: expected finite numbers, found a NaN or an infinity",
                             f->v->path ? f->v->path : "vectors", (long long)(first + i) + 1);
    }
    return true;
}

static bool search_from(finder *f, int64_t first, int64_t n_queries, int64_t k, eval_search **s, senc_error *err) {
    const eval_search_options options = {.kernels = kern_best(), .similarity = EVAL_COSINE, .k = k};
    if (!eval_search_open(&options, f->queries, n_queries, f->v->width, s, err)) return false;
    for (int64_t i = first; i < f->v->n_rows; i += DOCUMENT_ROWS) {
        const int64_t n = f->v->n_rows - i < DOCUMENT_ROWS ? f->v->n_rows - i : DOCUMENT_ROWS;
        if ((f->check && !f->check(err)) || !data_vectors_read(f->v, i, n, f->documents, err) ||
            (first == 0 && !check_rows(f, f->documents, i, n, err)) || !eval_search_add(*s, f->documents, n, err))
            return false;
    }
    eval_search_finish(*s);
    return true;
}

/* Takes the pairs of the queries that are complete; the others move to the front. *n_queries of them are left. */
static bool take_pairs(finder *f, const eval_search *s, int64_t first, int64_t k, int64_t *n_queries, senc_error *err) {
    const int64_t width = f->v->width;
    int64_t left = 0;
    for (int64_t q = 0; q < *n_queries; q++) {
        int64_t n;
        const eval_hit *hits = eval_search_hits(s, q, &n);
        if (n == k && hits[n - 1].score >= f->threshold && first + k < f->v->n_rows) {
            memmove(f->queries + left * width, f->queries + q * width, (size_t)width * sizeof *f->queries);
            f->rows[left++] = f->rows[q];
            continue;
        }
        for (int64_t i = 0; i < n && hits[i].score >= f->threshold; i++) {
            const int64_t b = first + hits[i].document;
            if (b > f->rows[q] && !add_pair(f, f->rows[q], b, hits[i].score, err)) return false;
        }
    }
    *n_queries = left;
    return true;
}

/* Pairs of rows [first, first + n) with themselves and those behind them. */
static bool find_block(finder *f, int64_t first, int64_t n, senc_error *err) {
    if (!data_vectors_read(f->v, first, n, f->queries, err)) return false;
    if (!check_rows(f, f->queries, first, n, err)) return false;
    for (int64_t i = 0; i < n; i++) f->rows[i] = first + i;
    for (int64_t k = FIRST_K; n > 0; k *= 8) {
        eval_search *s = NULL;
        const bool ok = search_from(f, first, n, k, &s, err) && take_pairs(f, s, first, k, &n, err);
        eval_search_close(s);
        if (!ok) return false;
    }
    return true;
}

static int by_rows(const void *x, const void *y) {
    const eval_near_pair *a = x, *b = y;
    if (a->a != b->a) return a->a < b->a ? -1 : 1;
    return (a->b > b->b) - (a->b < b->b);
}

/* Pairs are in order of a, and every a < b: when a's turn comes, it is known whether it is kept. */
static bool choose_kept(eval_near_duplicates *d, int64_t n_rows, senc_error *err) {
    float *best = senc_alloc((size_t)n_rows, sizeof *best);
    d->duplicate_of = senc_alloc((size_t)n_rows, sizeof *d->duplicate_of);
    if (!best || !d->duplicate_of) {
        free(best);
        return senc_fail_memory(err, (size_t)n_rows * 12, "rows");
    }
    for (int64_t i = 0; i < n_rows; i++) d->duplicate_of[i] = -1;
    for (int64_t i = 0; i < d->n_pairs; i++) {
        const eval_near_pair *p = &d->pairs[i];
        if (d->duplicate_of[p->a] >= 0) continue;
        if (d->duplicate_of[p->b] >= 0 && best[p->b] >= p->score) continue;
        d->n_dropped += d->duplicate_of[p->b] < 0;
        d->duplicate_of[p->b] = p->a;
        best[p->b] = p->score;
    }
    free(best);
    return true;
}

static int64_t root_of(int64_t *parents, int64_t i) {
    while (parents[i] != i) i = parents[i] = parents[parents[i]];
    return i;
}

/* Connected components; the smallest row is the root. */
static bool make_groups(eval_near_duplicates *d, int64_t n_rows, senc_error *err) {
    int64_t *parents = senc_alloc((size_t)n_rows, sizeof *parents);
    d->group = senc_alloc((size_t)n_rows, sizeof *d->group);
    if (!parents || !d->group) {
        free(parents);
        return senc_fail_memory(err, (size_t)n_rows * 16, "groups");
    }
    for (int64_t i = 0; i < n_rows; i++) parents[i] = i;
    for (int64_t i = 0; i < n_rows; i++) d->group[i] = -1;
    for (int64_t i = 0; i < d->n_pairs; i++) {
        const int64_t a = root_of(parents, d->pairs[i].a), b = root_of(parents, d->pairs[i].b);
        if (a < b) parents[b] = a;
        if (b < a) parents[a] = b;
        d->group[d->pairs[i].a] = d->group[d->pairs[i].b] = 0; /* in some group */
    }
    for (int64_t i = 0; i < n_rows; i++) {
        if (d->group[i] < 0) continue;
        const int64_t root = root_of(parents, i);
        d->group[i] = root == i ? d->n_groups++ : d->group[root];
    }
    free(parents);
    return true;
}

bool eval_near_duplicates_find(const data_vectors *v, double threshold, bool (*check)(senc_error *err),
                               eval_near_duplicates *out, senc_error *err) {
    *out = (eval_near_duplicates){0};
    finder f = {.v = v, .threshold = (float)threshold, .check = check, .found = out};
    f.queries = senc_alloc((size_t)(QUERY_ROWS * v->width), sizeof *f.queries);
    f.documents = senc_alloc((size_t)(DOCUMENT_ROWS * v->width), sizeof *f.documents);
    f.rows = senc_alloc(QUERY_ROWS, sizeof *f.rows);
    bool ok = f.queries && f.documents && f.rows;
    if (!ok) senc_fail_memory(err, (size_t)(DOCUMENT_ROWS * v->width) * 4, "vectors");
    for (int64_t i = 0; ok && i < v->n_rows; i += QUERY_ROWS)
        ok = find_block(&f, i, v->n_rows - i < QUERY_ROWS ? v->n_rows - i : QUERY_ROWS, err);
    free(f.queries);
    free(f.documents);
    free(f.rows);
    if (ok && out->n_pairs > 0) qsort(out->pairs, (size_t)out->n_pairs, sizeof *out->pairs, by_rows);
    ok = ok && choose_kept(out, v->n_rows, err) && make_groups(out, v->n_rows, err);
    if (!ok) eval_near_duplicates_free(out);
    return ok;
}

void eval_near_duplicates_free(eval_near_duplicates *d) {
    free(d->pairs);
    free(d->duplicate_of);
    free(d->group);
    *d = (eval_near_duplicates){0};
}
