/* See logistic.h. Rows of x go through in blocks: linear scores, their loss and derivatives r = p - y, and the gradient
 * r^T x from the transposed block, both by the kernels' products of doubles with floats. Blocks belong to a fixed
 * number of slices, each with a gradient of its own; these are added in order. */
#include "eval/solvers/logistic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "autograd/kernels/kernels.h"
#include "eval/solvers/lbfgs.h"

#define BLOCK       256                  /* rows; with its scores it stays in the cache */
#define MOST_SLICES 16                   /* enough for the threads of most machines */
#define SLICE_BYTES (INT64_C(256) << 20) /* of all slices' gradients */

/* What a thread works with. */
typedef struct fit_scratch {
    double *scores;     /* (n_rows, BLOCK) */
    float *transposed;  /* (width, BLOCK) */
    const float **rows; /* (max(BLOCK, width)) */
    double *products;   /* (width) */
} fit_scratch;

typedef struct logistic_fit {
    const kern_scan *kernels;
    const float *x;
    const int64_t *classes;
    int64_t n, width, n_rows;
    double penalty;           /* 1 / (C n) */
    const double *parameters; /* (n_rows, width + 1): weights, intercept */
    int64_t n_slices;
    double *gradients; /* (n_slices, n_rows, width + 1) */
    double losses[MOST_SLICES];
    fit_scratch *scratch; /* one a thread */
    int n_threads;
} logistic_fit;

/* scores (n_rows, BLOCK) of n rows of x. */
static void score_block(const kern_scan *kernels, const double *parameters, int64_t n_rows, int64_t width,
                        const float *x, int64_t n, const float **rows, double *scores) {
    for (int64_t i = 0; i < n; i++) rows[i] = x + i * width;
    for (int64_t k = 0; k < n_rows; k++) {
        const double *w = parameters + k * (width + 1);
        kernels->dots(width, w, n, rows, scores + k * BLOCK);
        for (int64_t i = 0; i < n; i++) scores[k * BLOCK + i] += w[width];
    }
}

/* log(1 + exp(z)) */
static double log_one_plus(double z) {
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

/* Scores become their derivatives; returns the loss. */
static double differentiate(double *scores, int64_t n_rows, const int64_t *classes, int64_t n) {
    double loss = 0;
    for (int64_t i = 0; i < n; i++) {
        double *z = scores + i;
        if (n_rows == 1) {
            loss += classes[i] == 1 ? log_one_plus(-*z) : log_one_plus(*z);
            *z = 1 / (1 + exp(-*z)) - (double)(classes[i] == 1);
            continue;
        }
        double most = z[0], sum = 0;
        for (int64_t k = 1; k < n_rows; k++) most = fmax(most, z[k * BLOCK]);
        loss += most - z[classes[i] * BLOCK];
        for (int64_t k = 0; k < n_rows; k++) sum += z[k * BLOCK] = exp(z[k * BLOCK] - most);
        loss += log(sum);
        for (int64_t k = 0; k < n_rows; k++) z[k * BLOCK] /= sum;
        z[classes[i] * BLOCK] -= 1;
    }
    return loss;
}

static void add_gradient(const logistic_fit *f, const fit_scratch *t, const float *x, int64_t n, double *gradient) {
    const int64_t width = f->width;
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < width; c++) t->transposed[c * BLOCK + i] = x[i * width + c];
    for (int64_t c = 0; c < width; c++) t->rows[c] = t->transposed + c * BLOCK;
    for (int64_t k = 0; k < f->n_rows; k++) {
        const double *r = t->scores + k * BLOCK;
        double *g = gradient + k * (width + 1), sum = 0;
        f->kernels->dots(n, r, width, t->rows, t->products);
        for (int64_t c = 0; c < width; c++) g[c] += t->products[c];
        for (int64_t i = 0; i < n; i++) sum += r[i];
        g[width] += sum;
    }
}

static void slice_task(void *context, int64_t slice, int thread) {
    logistic_fit *f = context;
    const fit_scratch *t = &f->scratch[thread];
    const int64_t n_blocks = (f->n + BLOCK - 1) / BLOCK, size = f->n_rows * (f->width + 1);
    double *gradient = f->gradients + slice * size;
    memset(gradient, 0, (size_t)size * sizeof *gradient);
    f->losses[slice] = 0;
    for (int64_t b = slice * n_blocks / f->n_slices; b < (slice + 1) * n_blocks / f->n_slices; b++) {
        const int64_t first = b * BLOCK, n = f->n - first < BLOCK ? f->n - first : BLOCK;
        const float *x = f->x + first * f->width;
        score_block(f->kernels, f->parameters, f->n_rows, f->width, x, n, t->rows, t->scores);
        f->losses[slice] += differentiate(t->scores, f->n_rows, f->classes + first, n);
        add_gradient(f, t, x, n, gradient);
    }
}

static double objective(void *context, const double *parameters, double *gradient) {
    logistic_fit *f = context;
    const int64_t size = f->n_rows * (f->width + 1);
    f->parameters = parameters;
    senc_parallel(f->n_slices, slice_task, f);
    double loss = 0, squares = 0;
    for (int64_t s = 0; s < f->n_slices; s++) loss += f->losses[s];
    for (int64_t i = 0; i < size; i++) {
        double sum = 0;
        for (int64_t s = 0; s < f->n_slices; s++) sum += f->gradients[s * size + i];
        gradient[i] = sum / (double)f->n;
        if (i % (f->width + 1) == f->width) continue; /* the intercept */
        gradient[i] += f->penalty * parameters[i];
        squares += parameters[i] * parameters[i];
    }
    return loss / (double)f->n + 0.5 * f->penalty * squares;
}

/* ---- memory ---- */

static bool take_scratch(fit_scratch *t, int64_t n_rows, int64_t width) {
    t->scores = senc_alloc((size_t)n_rows, BLOCK * sizeof *t->scores);
    t->transposed = senc_alloc((size_t)width, BLOCK * sizeof *t->transposed);
    t->rows = senc_alloc((size_t)(width > BLOCK ? width : BLOCK), sizeof *t->rows);
    t->products = senc_alloc((size_t)width, sizeof *t->products);
    return t->scores && t->transposed && t->rows && t->products;
}

static void free_fit(logistic_fit *f) {
    for (int i = 0; f->scratch && i < f->n_threads; i++) {
        free(f->scratch[i].scores);
        free(f->scratch[i].transposed);
        free(f->scratch[i].rows);
        free(f->scratch[i].products);
    }
    free(f->scratch);
    free(f->gradients);
}

static bool take_memory(logistic_fit *f) {
    const int64_t size = f->n_rows * (f->width + 1), fitting = SLICE_BYTES / (size * (int64_t)sizeof(double));
    f->n_slices = fitting < 1 ? 1 : fitting < MOST_SLICES ? fitting : MOST_SLICES;
    f->gradients = senc_alloc((size_t)f->n_slices * (size_t)size, sizeof *f->gradients);
    f->n_threads = senc_threads_count();
    f->scratch = senc_alloc_zero((size_t)f->n_threads, sizeof *f->scratch);
    if (!f->gradients || !f->scratch) return false;
    for (int i = 0; i < f->n_threads; i++)
        if (!take_scratch(&f->scratch[i], f->n_rows, f->width)) return false;
    return true;
}

/* Weights and intercepts out of the parameters. */
static bool take_result(const logistic_fit *f, const double *parameters, eval_logistic *out) {
    out->weights = senc_alloc((size_t)(f->n_rows * f->width), sizeof *out->weights);
    out->intercepts = senc_alloc((size_t)f->n_rows, sizeof *out->intercepts);
    if (!out->weights || !out->intercepts) return false;
    for (int64_t k = 0; k < f->n_rows; k++) {
        const double *w = parameters + k * (f->width + 1);
        memcpy(out->weights + k * f->width, w, (size_t)f->width * sizeof *w);
        out->intercepts[k] = w[f->width];
    }
    return true;
}

bool eval_logistic_fit(const eval_logistic_options *options, const float *x, const int64_t *classes, int64_t n,
                       int64_t width, int64_t n_classes, eval_logistic *out, senc_error *err) {
    SENC_ASSERT(n > 0 && n_classes >= 2, "n %lld, n_classes %lld", (long long)n, (long long)n_classes);
    *out = (eval_logistic){.n_classes = n_classes, .n_rows = n_classes == 2 ? 1 : n_classes, .width = width};
    logistic_fit f = {.kernels = kern_best()->scan,
                      .x = x,
                      .classes = classes,
                      .n = n,
                      .width = width,
                      .n_rows = out->n_rows,
                      .penalty = 1 / (options->c * (double)n)};
    const int64_t size = f.n_rows * (width + 1);
    double *parameters = senc_alloc_zero((size_t)size, sizeof *parameters);
    bool ok = parameters && take_memory(&f);
    if (ok) {
        const eval_lbfgs_options how = {options->max_iterations, options->tolerance};
        eval_lbfgs_outcome outcome;
        ok = eval_lbfgs_minimize(&how, objective, &f, size, parameters, &outcome, err) &&
             take_result(&f, parameters, out);
        out->n_iterations = outcome.n_iterations;
        out->converged = outcome.converged;
    }
    free(parameters);
    free_fit(&f);
    if (ok) return true;
    eval_logistic_free(out);
    return senc_fail_memory(err, (size_t)size * sizeof *parameters, "a logistic regression");
}

void eval_logistic_free(eval_logistic *m) {
    free(m->weights);
    free(m->intercepts);
    *m = (eval_logistic){0};
}

bool eval_logistic_predict(const eval_logistic *m, const float *x, int64_t n, int64_t *predicted, double *decision,
                           senc_error *err) {
    const kern_scan *kernels = kern_best()->scan;
    const float **rows = senc_alloc(BLOCK, sizeof *rows);
    double *scores = senc_alloc((size_t)m->n_rows, BLOCK * sizeof *scores);
    const bool ok = rows && scores;
    for (int64_t first = 0; ok && first < n; first += BLOCK) {
        const int64_t block = n - first < BLOCK ? n - first : BLOCK;
        for (int64_t i = 0; i < block; i++) rows[i] = x + (first + i) * m->width;
        for (int64_t k = 0; k < m->n_rows; k++)
            kernels->dots(m->width, m->weights + k * m->width, block, rows, scores + k * BLOCK);
        for (int64_t i = 0; i < block; i++) {
            int64_t best = 0;
            double most = scores[i] + m->intercepts[0];
            for (int64_t k = 1; k < m->n_rows; k++) {
                const double z = scores[k * BLOCK + i] + m->intercepts[k];
                if (z > most) most = z, best = k;
            }
            predicted[first + i] = m->n_rows == 1 ? most > 0 : best;
            if (decision) decision[first + i] = most;
        }
    }
    free(rows);
    free(scores);
    return ok || senc_fail_memory(err, BLOCK * sizeof *scores, "a logistic regression");
}
