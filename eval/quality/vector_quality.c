/* Sound vectors: see vector_quality.h. */
#include "eval/quality/vector_quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "eval/metrics/similarity.h"
#include "eval/solvers/eigen.h"
#include "eval/quality/gram.h"

#define BLOCK_ROWS      1024
#define LEAST_SAMPLE    4096 /* and four rows a dimension, so that the covariance's rank is not the sample's */
#define UNIFORMITY_ROWS 2000 /* 2 million pairs */
#define UNIT_TOLERANCE  5e-3 /* int8 stays below it */

/* ---- one pass ---- */

typedef struct row_hash {
    uint64_t hash;
    int64_t row;
} row_hash;

typedef struct pass {
    const data_vectors *v;
    eval_quality *q;
    float *rows;         /* (BLOCK_ROWS, width) */
    float *least, *most; /* (width) of the finite rows */
    double *unit_sum;    /* (width) */
    row_hash *hashes;    /* (n_rows) */
    int64_t n_finite, n_unit;
    double norm_sum;
} pass;

static void note_row(eval_quality_rows *rows, int64_t row) {
    if (rows->n < EVAL_QUALITY_SHOWN) rows->shown[rows->n] = row;
    rows->n++;
}

static uint64_t hash_row(const float *x, int64_t width) {
    uint64_t hash = 0;
    for (int64_t i = 0; i < width; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        hash = senc_rng_mix(hash ^ bits);
    }
    return hash;
}

static void look_at_row(pass *p, const float *x, int64_t row) {
    eval_quality *q = p->q;
    double square = 0;
    for (int64_t i = 0; i < q->width; i++) square += (double)x[i] * (double)x[i];
    if (!isfinite(square)) {
        note_row(&q->not_finite, row);
        return;
    }
    const double norm = sqrt(square);
    for (int64_t i = 0; i < q->width; i++) {
        p->least[i] = p->n_finite == 0 || x[i] < p->least[i] ? x[i] : p->least[i];
        p->most[i] = p->n_finite == 0 || x[i] > p->most[i] ? x[i] : p->most[i];
    }
    p->hashes[p->n_finite++] = (row_hash){hash_row(x, q->width), row};
    p->norm_sum += norm;
    q->norm_least = p->n_finite == 1 || norm < q->norm_least ? norm : q->norm_least;
    q->norm_largest = norm > q->norm_largest ? norm : q->norm_largest;
    if (!(fabs(norm - 1) <= UNIT_TOLERANCE)) note_row(&q->not_unit, row);
    if (norm == 0) {
        note_row(&q->zero, row);
        return;
    }
    p->n_unit++;
    for (int64_t i = 0; i < q->width; i++) p->unit_sum[i] += (double)x[i] / norm;
}

static bool look_at_all(pass *p, senc_error *err) {
    const int64_t width = p->v->width;
    for (int64_t i = 0; i < p->v->n_rows; i += BLOCK_ROWS) {
        const int64_t n = p->v->n_rows - i < BLOCK_ROWS ? p->v->n_rows - i : BLOCK_ROWS;
        if (!data_vectors_read(p->v, i, n, p->rows, err)) return false;
        for (int64_t k = 0; k < n; k++) look_at_row(p, p->rows + k * width, i + k);
        data_vectors_forget(p->v, i + n);
    }
    return true;
}

static int by_hash(const void *a, const void *b) {
    const row_hash *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static void count_duplicates(pass *p) {
    if (p->n_finite > 0) qsort(p->hashes, (size_t)p->n_finite, sizeof *p->hashes, by_hash);
    int64_t n = 0;
    uint64_t last = 0;
    for (int64_t i = 0; i < p->n_finite; i++) { /* those that repeat move to the front */
        const row_hash h = p->hashes[i];
        if (i > 0 && h.hash == last) p->hashes[n++] = (row_hash){0, h.row};
        last = h.hash;
    }
    if (n > 0) qsort(p->hashes, (size_t)n, sizeof *p->hashes, by_hash);
    for (int64_t i = 0; i < n; i++) note_row(&p->q->duplicate, p->hashes[i].row);
}

static void finish_pass(pass *p) {
    eval_quality *q = p->q;
    q->norm_mean = p->n_finite ? p->norm_sum / (double)p->n_finite : NAN;
    for (int64_t i = 0; p->n_finite > 1 && i < q->width; i++) {
        if (p->least[i] == p->most[i]) note_row(&q->constant, i);
    }
    double square = 0;
    for (int64_t i = 0; i < q->width; i++) square += p->unit_sum[i] * p->unit_sum[i];
    const double n = (double)p->n_unit;
    q->mean_cosine = n > 1 ? (square - n) / (n * (n - 1)) : NAN;
    count_duplicates(p);
}

static bool run_pass(const data_vectors *v, eval_quality *q, senc_error *err) {
    const size_t width = (size_t)v->width;
    pass p = {.v = v, .q = q};
    p.rows = senc_alloc(BLOCK_ROWS * width, sizeof *p.rows);
    p.least = senc_alloc(2 * width, sizeof *p.least);
    p.unit_sum = senc_alloc_zero(width, sizeof *p.unit_sum);
    p.hashes = senc_alloc((size_t)v->n_rows, sizeof *p.hashes);
    bool ok = p.rows && p.least && p.unit_sum && p.hashes;
    if (!ok) senc_fail_memory(err, (size_t)v->n_rows * sizeof *p.hashes, "the check of vectors");
    if (ok) p.most = p.least + width;
    ok = ok && look_at_all(&p, err);
    if (ok) finish_pass(&p);
    free(p.rows);
    free(p.least);
    free(p.unit_sum);
    free(p.hashes);
    return ok;
}

/* ---- the sample ---- */

static bool keep_row(float *x, int64_t width, bool unit) {
    const double norm = eval_vector_length(x, width); /* at least 1e-12 */
    if (!isfinite(norm) || (unit && norm <= 1e-12)) return false;
    for (int64_t i = 0; unit && i < width; i++) x[i] = (float)((double)x[i] / norm);
    return true;
}

bool eval_quality_sample(const data_vectors *v, int64_t most, bool unit, float **rows, int64_t **places, int64_t *n,
                         senc_error *err) {
    const int64_t wanted = v->n_rows < most ? v->n_rows : most;
    *n = 0;
    *rows = senc_alloc((size_t)wanted * (size_t)v->width, sizeof **rows);
    if (places) *places = senc_alloc((size_t)wanted, sizeof **places);
    if (!*rows || (places && !*places)) return senc_fail_memory(err, (size_t)wanted * (size_t)v->width * 4, "a sample");
    for (int64_t i = 0; i < wanted; i++) {
        const int64_t row = (int64_t)((double)i * ((double)v->n_rows / (double)wanted));
        if (!data_vectors_read(v, row, 1, *rows + *n * v->width, err)) return false;
        if (!keep_row(*rows + *n * v->width, v->width, unit)) continue;
        if (places) (*places)[*n] = row;
        ++*n;
    }
    return true;
}

/* ---- effective rank ---- */

static void rank_of(const double *eigenvalues, int64_t width, eval_quality *q) {
    double sum = 0, entropy = 0, held = 0;
    for (int64_t i = 0; i < width; i++) sum += eigenvalues[i] > 0 ? eigenvalues[i] : 0;
    for (int64_t i = 0; sum > 0 && i < width; i++) {
        const double p = eigenvalues[i] > 0 ? eigenvalues[i] / sum : 0;
        if (p > 0) entropy -= p * log(p);
    }
    q->effective_rank = sum > 0 ? exp(entropy) : 0;
    for (int64_t i = 0; sum > 0 && i < width && held < 0.9 * sum; i++) {
        held += eigenvalues[i];
        q->rank_90++;
    }
}

/* rows are centred in place. */
static bool measure_rank(float *rows, int64_t n, int64_t width, eval_quality *q, senc_error *err) {
    double *covariance = senc_alloc_zero((size_t)width * (size_t)width, sizeof *covariance);
    double *eigenvalues = senc_alloc((size_t)width, sizeof *eigenvalues);
    bool ok = covariance && eigenvalues;
    if (!ok) senc_fail_memory(err, (size_t)width * (size_t)width * 8, "a covariance matrix");
    if (ok) (void)eval_rows_centre(rows, n, width);
    for (int64_t i = 0; ok && i < n; i += 256) /* rows that stay in the cache */
        eval_gram_add(rows + i * width, rows + i * width, n - i < 256 ? n - i : 256, width, covariance);
    ok = ok && eval_eigenvalues(covariance, width, eigenvalues, err);
    if (ok) rank_of(eigenvalues, width, q);
    free(covariance);
    free(eigenvalues);
    return ok;
}

/* ---- uniformity ---- */

typedef struct uniformity_task {
    const float *rows;
    int64_t n, width;
    double *sums; /* (n) */
} uniformity_task;

static void sum_row(void *context, int64_t i, int thread) {
    (void)thread;
    const uniformity_task *t = context;
    double sum = 0;
    const float *restrict x = t->rows + i * t->width;
    for (int64_t j = i + 1; j < t->n; j++) {
        const float *restrict y = t->rows + j * t->width;
        double dot = 0;
        for (int64_t k = 0; k < t->width; k++) dot += (double)x[k] * (double)y[k];
        sum += exp(-2 * (2 - 2 * dot)); /* |x - y|^2 = 2 - 2 x.y */
    }
    t->sums[i] = sum;
}

static bool measure_uniformity(const data_vectors *v, eval_quality *q, senc_error *err) {
    float *rows;
    int64_t n;
    bool ok = eval_quality_sample(v, UNIFORMITY_ROWS, true, &rows, NULL, &n, err);
    double *sums = ok ? senc_alloc((size_t)n, sizeof *sums) : NULL;
    if (ok && !sums) ok = senc_fail_memory(err, (size_t)n * 8, "uniformity");
    if (ok) {
        uniformity_task task = {rows, n, v->width, sums};
        senc_parallel(n, sum_row, &task);
        double sum = 0;
        for (int64_t i = 0; i < n; i++) sum += sums[i];
        q->uniformity = n > 1 ? log(sum / ((double)n * (double)(n - 1) / 2)) : NAN;
    }
    free(sums);
    free(rows);
    return ok;
}

bool eval_quality_measure(const data_vectors *v, eval_quality *out, senc_error *err) {
    *out = (eval_quality){.n_rows = v->n_rows, .width = v->width, .alignment = NAN};
    if (!run_pass(v, out, err)) return false;
    float *rows;
    const int64_t most = 4 * v->width > LEAST_SAMPLE ? 4 * v->width : LEAST_SAMPLE;
    const bool ok = eval_quality_sample(v, most, false, &rows, NULL, &out->n_sample, err) &&
                    measure_rank(rows, out->n_sample, v->width, out, err) && measure_uniformity(v, out, err);
    free(rows);
    return ok;
}

bool eval_quality_align(const data_vectors *v, const data_vectors *other, eval_quality *out, senc_error *err) {
    if (other->n_rows != v->n_rows || other->width != v->width)
        return senc_fail(err, SENC_BAD_INPUT,
                         "pairs: expected %lld rows of width %lld, as the vectors have, found %lld of %lld",
                         (long long)v->n_rows, (long long)v->width, (long long)other->n_rows, (long long)other->width);
    float *x = senc_alloc((size_t)v->width * 2, sizeof *x), *y = x ? x + v->width : NULL;
    if (!x) return senc_fail_memory(err, (size_t)v->width * 8, "a pair");
    double sum = 0;
    bool ok = true;
    out->n_aligned = 0;
    for (int64_t i = 0; ok && i < v->n_rows; i++) {
        ok = data_vectors_read(v, i, 1, x, err) && data_vectors_read(other, i, 1, y, err);
        if (!ok || !keep_row(x, v->width, true) || !keep_row(y, v->width, true)) continue;
        for (int64_t k = 0; k < v->width; k++) sum += ((double)x[k] - (double)y[k]) * ((double)x[k] - (double)y[k]);
        out->n_aligned++;
    }
    free(x);
    out->alignment = out->n_aligned ? sum / (double)out->n_aligned : NAN;
    return ok;
}
