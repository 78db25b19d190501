/* Drift between two sets of vectors of the same texts: see vector_drift.h. */
#include "eval/quality/vector_drift.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "eval/metrics/similarity.h"
#include "eval/quality/gram.h"
#include "eval/search.h"

#define SEARCHED_ROWS 20000
#define QUERY_ROWS    1000
#define FITTED_ROWS   4096

/* ---- text by text ---- */

typedef struct pair_pass {
    const data_vectors *a, *b;
    float *x, *y, *cosines;
    double ratio_sum;
} pair_pass;

static void note_moved(eval_drift *d, int64_t row, double cosine) {
    int64_t i = d->n_moved < EVAL_QUALITY_SHOWN ? d->n_moved++ : EVAL_QUALITY_SHOWN;
    if (i == EVAL_QUALITY_SHOWN && !(cosine < d->moved[i - 1].score)) return;
    if (i == EVAL_QUALITY_SHOWN) i--;
    for (; i > 0 && d->moved[i - 1].score > cosine; i--) d->moved[i] = d->moved[i - 1];
    d->moved[i] = (eval_quality_pair){row, row, cosine};
}

static bool compare_row(pair_pass *p, int64_t row, eval_drift *d, senc_error *err) {
    if (!data_vectors_read(p->a, row, 1, p->x, err) || !data_vectors_read(p->b, row, 1, p->y, err)) return false;
    const double na = eval_vector_length(p->x, p->a->width), nb = eval_vector_length(p->y, p->b->width);
    if (!isfinite(na) || !isfinite(nb) || na <= 1e-12 || nb <= 1e-12) return true;
    p->ratio_sum += nb / na;
    if (d->same_width) {
        const double cosine = eval_similarity_of(EVAL_COSINE, p->x, p->y, p->a->width);
        note_moved(d, row, cosine);
        p->cosines[d->n_compared] = (float)cosine;
    }
    d->n_compared++;
    return true;
}

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void summarize(const pair_pass *p, eval_drift *d) {
    d->norm_ratio = d->n_compared ? p->ratio_sum / (double)d->n_compared : NAN;
    d->cosine_mean = d->cosine_p5 = d->cosine_least = NAN;
    if (!d->same_width || d->n_compared == 0) return;
    double sum = 0;
    for (int64_t i = 0; i < d->n_compared; i++) sum += (double)p->cosines[i];
    qsort(p->cosines, (size_t)d->n_compared, sizeof *p->cosines, ascending);
    d->cosine_mean = sum / (double)d->n_compared;
    d->cosine_p5 = (double)p->cosines[d->n_compared / 20];
    d->cosine_least = (double)p->cosines[0];
}

static bool compare_rows(const data_vectors *a, const data_vectors *b, eval_drift *d, senc_error *err) {
    pair_pass p = {.a = a, .b = b};
    p.x = senc_alloc((size_t)a->width, sizeof *p.x);
    p.y = senc_alloc((size_t)b->width, sizeof *p.y);
    p.cosines = senc_alloc((size_t)a->n_rows, sizeof *p.cosines);
    bool ok = p.x && p.y && p.cosines;
    if (!ok) senc_fail_memory(err, (size_t)a->n_rows * 4, "cosines");
    for (int64_t i = 0; ok && i < a->n_rows; i++) {
        ok = compare_row(&p, i, d, err);
        if (i % 4096 == 0) {
            data_vectors_forget(a, i);
            data_vectors_forget(b, i);
        }
    }
    if (ok) summarize(&p, d);
    free(p.x);
    free(p.y);
    free(p.cosines);
    return ok;
}

/* ---- samples of rows that are sound in both ---- */

typedef struct drift_sample {
    float *a, *b;
    int64_t n;
} drift_sample;

static void free_sample(drift_sample *s) {
    free(s->a);
    free(s->b);
}

static bool take_sample(const data_vectors *a, const data_vectors *b, int64_t most, drift_sample *s, senc_error *err) {
    const int64_t wanted = a->n_rows < most ? a->n_rows : most;
    *s = (drift_sample){0};
    s->a = senc_alloc((size_t)(wanted * a->width), sizeof *s->a);
    s->b = senc_alloc((size_t)(wanted * b->width), sizeof *s->b);
    if (!s->a || !s->b) return senc_fail_memory(err, (size_t)(wanted * (a->width + b->width)) * 4, "a sample");
    for (int64_t i = 0; i < wanted; i++) {
        const int64_t row = (int64_t)((double)i * ((double)a->n_rows / (double)wanted));
        float *x = s->a + s->n * a->width, *y = s->b + s->n * b->width;
        if (!data_vectors_read(a, row, 1, x, err) || !data_vectors_read(b, row, 1, y, err)) return false;
        s->n += isfinite(eval_vector_length(x, a->width)) && isfinite(eval_vector_length(y, b->width));
    }
    return true;
}

/* ---- neighbours ---- */

/* The first rows of the sample, evenly spaced, are the queries: rows i * step. */
static bool search_sample(const float *rows, int64_t n, int64_t width, int64_t n_queries, float *queries,
                          eval_search **s, senc_error *err) {
    for (int64_t i = 0; i < n_queries; i++) {
        const float *from = rows + i * n / n_queries * width;
        for (int64_t k = 0; k < width; k++) queries[i * width + k] = from[k];
    }
    const eval_search_options options = {
        .kernels = kern_best(), .similarity = EVAL_COSINE, .k = EVAL_DRIFT_NEIGHBOURS + 1};
    if (!eval_search_open(&options, queries, n_queries, width, s, err) || !eval_search_add(*s, rows, n, err))
        return false;
    eval_search_finish(*s);
    return true;
}

/* Hits without the query itself, at most 10. */
static int64_t others(const eval_search *s, int64_t query, int64_t self, int64_t *out) {
    int64_t n, kept = 0;
    const eval_hit *hits = eval_search_hits(s, query, &n);
    for (int64_t i = 0; i < n && kept < EVAL_DRIFT_NEIGHBOURS; i++) {
        if (hits[i].document != self) out[kept++] = hits[i].document;
    }
    return kept;
}

static double overlap_of(const eval_search *a, const eval_search *b, int64_t n_queries, int64_t n) {
    double sum = 0;
    for (int64_t q = 0; q < n_queries; q++) {
        int64_t x[EVAL_DRIFT_NEIGHBOURS], y[EVAL_DRIFT_NEIGHBOURS], common = 0;
        const int64_t self = q * n / n_queries, nx = others(a, q, self, x), ny = others(b, q, self, y);
        for (int64_t i = 0; i < nx; i++) {
            for (int64_t k = 0; k < ny; k++) common += x[i] == y[k];
        }
        sum += nx ? (double)common / (double)nx : 1;
    }
    return sum / (double)n_queries;
}

static bool measure_overlap(const data_vectors *a, const data_vectors *b, eval_drift *d, senc_error *err) {
    drift_sample s;
    eval_search *in_a = NULL, *in_b = NULL;
    bool ok = take_sample(a, b, SEARCHED_ROWS, &s, err);
    d->n_searched = s.n;
    d->n_queries = s.n < QUERY_ROWS ? s.n : QUERY_ROWS;
    d->overlap = NAN;
    const size_t wide = (size_t)(a->width > b->width ? a->width : b->width);
    float *queries = ok ? senc_alloc((size_t)d->n_queries * wide * 2, sizeof *queries) : NULL;
    if (ok && !queries) ok = senc_fail_memory(err, (size_t)d->n_queries * wide * 8, "queries");
    if (ok && s.n > 1) {
        ok = search_sample(s.a, s.n, a->width, d->n_queries, queries, &in_a, err) &&
             search_sample(s.b, s.n, b->width, d->n_queries, queries + (size_t)d->n_queries * wide, &in_b, err);
        if (ok) d->overlap = overlap_of(in_a, in_b, d->n_queries, s.n);
    }
    eval_search_close(in_a);
    eval_search_close(in_b);
    free(queries);
    free_sample(&s);
    return ok;
}

/* ---- Procrustes ---- */

static bool fit(drift_sample *s, int64_t width, eval_drift *d, senc_error *err) {
    const double square = eval_rows_centre(s->a, s->n, width) * eval_rows_centre(s->b, s->n, width);
    double *product = senc_alloc_zero((size_t)width * (size_t)width, sizeof *product);
    double *values = senc_alloc((size_t)width, sizeof *values);
    bool ok = product && values;
    if (!ok) senc_fail_memory(err, (size_t)width * (size_t)width * 8, "a rotation");
    for (int64_t i = 0; ok && i < s->n; i += 256)
        eval_gram_add(s->a + i * width, s->b + i * width, s->n - i < 256 ? s->n - i : 256, width, product);
    ok = ok && eval_singular_values(product, width, values, err);
    double sum = 0;
    for (int64_t i = 0; ok && i < width; i++) sum += values[i];
    if (ok && square > 0) d->disparity = fmax(0, 1 - sum * sum / square);
    free(product);
    free(values);
    return ok;
}

static bool measure_fit(const data_vectors *a, const data_vectors *b, eval_drift *d, senc_error *err) {
    drift_sample s;
    d->disparity = NAN;
    if (!d->same_width) return true;
    const int64_t most = 4 * a->width > FITTED_ROWS ? 4 * a->width : FITTED_ROWS;
    bool ok = take_sample(a, b, most, &s, err);
    d->n_fitted = s.n;
    if (ok && s.n > 1) ok = fit(&s, a->width, d, err);
    free_sample(&s);
    return ok;
}

bool eval_drift_measure(const data_vectors *a, const data_vectors *b, eval_drift *out, senc_error *err) {
    *out = (eval_drift){.n_rows = a->n_rows, .same_width = a->width == b->width};
    if (a->n_rows != b->n_rows)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s and %s: expected vectors of the same texts, found %lld and %lld rows; --unpaired compares "
                         "samples of other texts",
                         a->path ? a->path : "a", b->path ? b->path : "b", (long long)a->n_rows, (long long)b->n_rows);
    return compare_rows(a, b, out, err) && measure_overlap(a, b, out, err) && measure_fit(a, b, out, err);
}
