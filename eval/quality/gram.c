/* See gram.h. */
#include "eval/quality/gram.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "eval/solvers/eigen.h"

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

double eval_rows_centre(float *rows, int64_t n, int64_t k) {
    double square = 0;
    for (int64_t j = 0; j < k; j++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) sum += (double)rows[i * k + j];
        for (int64_t i = 0; i < n; i++) {
            const float x = (float)((double)rows[i * k + j] - sum / (double)n);
            rows[i * k + j] = x;
            square += (double)x * (double)x;
        }
    }
    return square;
}

/* ---- singular values ---- */

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
