/* Eigenvalues: see eigen.h. */
#include "eval/quality/eigen.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

#define MOST_ITERATIONS 50

/* ---- Gram matrices ---- */

typedef struct gram_task {
    const float *rows, *other;
    int64_t n, k;
    double *gram;
} gram_task;

static void add_gram_row(void *context, int64_t i, int thread) {
    (void)thread;
    const gram_task *t = context;
    double *restrict to = t->gram + i * t->k;
    for (int64_t r = 0; r < t->n; r++) {
        const double x = (double)t->rows[r * t->k + i];
        const float *restrict y = t->other + r * t->k;
        for (int64_t j = 0; j < t->k; j++) to[j] += x * (double)y[j];
    }
}

void eval_gram_add(const float *rows, const float *other, int64_t n, int64_t k, double *gram) {
    gram_task task = {rows, other, n, k, gram};
    senc_parallel(k, add_gram_row, &task);
}

/* ---- tridiagonal form ---- */

typedef struct product_task {
    const double *a, *v;
    int64_t n, m; /* the leading (m, m) block of a matrix of n columns */
    double *out;
} product_task;

static void multiply_row(void *context, int64_t i, int thread) {
    (void)thread;
    const product_task *t = context;
    const double *restrict row = t->a + i * t->n;
    double sum = 0;
    for (int64_t j = 0; j < t->m; j++) sum += row[j] * t->v[j];
    t->out[i] = sum;
}

typedef struct update_task {
    double *a;
    const double *v, *w;
    int64_t n, m;
} update_task;

/* a -= v w^T + w v^T */
static void update_row(void *context, int64_t i, int thread) {
    (void)thread;
    const update_task *t = context;
    double *restrict row = t->a + i * t->n;
    const double vi = t->v[i], wi = t->w[i];
    for (int64_t j = 0; j < t->m; j++) row[j] -= vi * t->w[j] + wi * t->v[j];
}

/* Takes row m (its first m numbers) to (0, ..., 0, beta) by the reflection I - 2 v v^T / v^T v; the leading block
 * becomes H A H. Returns beta. */
static double reflect(double *a, int64_t n, int64_t m, double *v, double *p) {
    const double *row = a + m * n;
    double tail = 0;
    for (int64_t j = 0; j + 1 < m; j++) tail += row[j] * row[j];
    const double last = row[m - 1];
    if (tail == 0) return last;
    const double beta = -copysign(sqrt(tail + last * last), last);
    for (int64_t j = 0; j < m; j++) v[j] = row[j];
    v[m - 1] -= beta;
    const double scale = 2 / (tail + v[m - 1] * v[m - 1]);
    product_task product = {a, v, n, m, p};
    senc_parallel(m, multiply_row, &product);
    double dot = 0;
    for (int64_t j = 0; j < m; j++) dot += p[j] * v[j];
    for (int64_t j = 0; j < m; j++) p[j] = scale * p[j] - scale * scale / 2 * dot * v[j];
    update_task update = {a, v, p, n, m};
    senc_parallel(m, update_row, &update);
    return beta;
}

/* diagonal (n), off (n): off[i] stands between i and i + 1. */
static void make_tridiagonal(double *a, int64_t n, double *diagonal, double *off, double *v, double *p) {
    for (int64_t m = n - 1; m > 0; m--) off[m - 1] = reflect(a, n, m, v, p);
    for (int64_t i = 0; i < n; i++) diagonal[i] = a[i * n + i];
    off[n - 1] = 0;
}

/* ---- QL ---- */

/* One implicit QL step on rows [low, high]. */
static void ql_step(double *d, double *e, int64_t low, int64_t high) {
    double g = (d[low + 1] - d[low]) / (2 * e[low]), r = hypot(g, 1.0);
    g = d[high] - d[low] + e[low] / (g + copysign(r, g));
    double s = 1, c = 1, p = 0;
    int64_t i = high - 1;
    for (; i >= low; i--) {
        const double f = s * e[i], b = c * e[i];
        r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) { /* the matrix splits here */
            d[i + 1] -= p;
            e[high] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
    }
    d[low] -= p;
    e[low] = g;
    e[high] = 0;
}

static bool diagonalize(double *d, double *e, int64_t n) {
    for (int64_t low = 0; low < n; low++) {
        for (int iteration = 0;; iteration++) {
            int64_t high = low;
            for (; high + 1 < n; high++) {
                const double size = fabs(d[high]) + fabs(d[high + 1]);
                if (fabs(e[high]) <= 2.3e-16 * size) break; /* double's rounding */
            }
            if (high == low) break;
            if (iteration == MOST_ITERATIONS) return false;
            ql_step(d, e, low, high);
        }
    }
    return true;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bool eval_eigenvalues(double *a, int64_t n, double *values, senc_error *err) {
    double *work = senc_alloc_zero((size_t)n * 3, sizeof *work);
    if (!work) return senc_fail_memory(err, (size_t)n * 24, "eigenvalues");
    make_tridiagonal(a, n, values, work, work + n, work + 2 * n);
    const bool ok = diagonalize(values, work, n);
    free(work);
    if (!ok) return senc_fail(err, SENC_FAILED, "eigenvalues: no convergence in %d iterations", MOST_ITERATIONS);
    qsort(values, (size_t)n, sizeof *values, ascending);
    return true;
}

typedef struct square_task {
    const double *m;
    int64_t n;
    double *out;
} square_task;

static void add_square_row(void *context, int64_t i, int thread) {
    (void)thread;
    const square_task *t = context;
    double *restrict to = t->out + i * t->n;
    for (int64_t r = 0; r < t->n; r++) {
        const double x = t->m[r * t->n + i];
        const double *restrict y = t->m + r * t->n;
        for (int64_t j = 0; j < t->n; j++) to[j] += x * y[j];
    }
}

bool eval_singular_values(const double *m, int64_t n, double *values, senc_error *err) {
    double *square = senc_alloc_zero((size_t)n * (size_t)n, sizeof *square);
    if (!square) return senc_fail_memory(err, (size_t)n * (size_t)n * 8, "singular values");
    square_task task = {m, n, square};
    senc_parallel(n, add_square_row, &task);
    const bool ok = eval_eigenvalues(square, n, values, err);
    for (int64_t i = 0; ok && i < n; i++) values[i] = values[i] > 0 ? sqrt(values[i]) : 0;
    free(square);
    return ok;
}
