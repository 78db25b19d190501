/* Layer normalisation, alone and fused with residual and dropout; formulas in ref/ref_norm.c. One
 * task takes ROWS rows whatever the number of threads; the gradients of gamma and shift are summed per task, then over
 * the tasks in order. */
#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/scratch.h"
#include "autograd/kernels/cpu/simd/simd_dropout.h"
#include "autograd/kernels/cpu/simd/simd_fill.h"

#define ROWS 64

typedef struct norm {
    int64_t n, d;
    double eps;
    kern_dropout dropout;
    const stored *x, *residual, *dy;
    const float *gamma, *shift;
    stored *sum; /* add_norm: branch in, sum out; else NULL */
    stored *y;
    float *mean, *rstd;
    float beta_x, beta_residual;
    stored *dx, *dresidual;
    float *partial; /* (tasks, 2 d): sums for dgamma, then dshift */
} norm;

/* Loads and stores of a vector that may stick out of the row by the end. */
static inline vf load_at(const float *p, int64_t j, int64_t d) {
    return j + LANES <= d ? v_load(p + j) : v_load_part(p + j, d - j);
}

static inline vf load_stored_at(const stored *p, int64_t j, int64_t d) {
    return j + LANES <= d ? v_load_stored(p + j) : v_load_stored_part(p + j, d - j);
}

/* Returns what was stored; zeros beyond the row. */
static inline vf store_stored_at(stored *p, int64_t j, int64_t d, vf v) {
    return j + LANES <= d ? v_store_stored(p + j, v) : v_store_stored_part(p + j, v, d - j);
}

static inline void blend_at(float beta, stored *p, int64_t j, int64_t d, vf v) {
    store_stored_at(p, j, d, beta == 0.0f ? v : v_set(beta) * load_stored_at(p, j, d) + v);
}

/* Lanes of the vector at j that lie inside the row: 1, else 0. */
static inline vf inside(int64_t j, int64_t d) {
    if (j + LANES <= d) return v_set(1.0f);
    vf v = v_set(0.0f);
    for (int64_t l = 0; l < d - j; l++) v[l] = 1.0f;
    return v;
}

/* sum = residual + dropout(sum); returns the sum of the row as it is stored. */
static float add_row(const norm *w, const mask *m, int64_t row) {
    const int64_t d = w->d;
    mask_place place = mask_row(senc_rng_row_key(w->dropout.key, (uint64_t)(w->dropout.first_row + row)));
    const stored *residual = w->residual + row * d;
    stored *sum = w->sum + row * d;
    vf total = v_set(0.0f);
    for (int64_t j = 0; j < d; j += LANES) {
        vf v = load_stored_at(sum, j, d);
        if (m->on) v = v_drop(m, &place, v);
        total += store_stored_at(sum, j, d, v + load_stored_at(residual, j, d));
    }
    return v_sum(total);
}

static float sum_row(const stored *x, int64_t d) {
    vf total = v_set(0.0f);
    for (int64_t j = 0; j < d; j += LANES) total += load_stored_at(x, j, d);
    return v_sum(total);
}

static void forward_task(void *context, int64_t i, int thread) {
    (void)thread;
    const norm *w = context;
    const int64_t d = w->d, last = min_of((i + 1) * ROWS, w->n);
    const mask m = mask_of(w->dropout);
    for (int64_t row = i * ROWS; row < last; row++) {
        const stored *x = (w->sum ? w->sum : w->x) + row * d;
        const float mean = (w->sum ? add_row(w, &m, row) : sum_row(x, d)) / (float)d;
        vf squares = v_set(0.0f);
        for (int64_t j = 0; j < d; j += LANES) {
            const vf v = (load_stored_at(x, j, d) - v_set(mean)) * inside(j, d);
            squares += v * v;
        }
        const float rstd = (float)(1.0 / sqrt((double)v_sum(squares) / (double)d + w->eps));
        for (int64_t j = 0; j < d; j += LANES) {
            const vf v = (load_stored_at(x, j, d) - v_set(mean)) * v_set(rstd);
            store_stored_at(w->y + row * d, j, d, v * load_at(w->gamma, j, d) + load_at(w->shift, j, d));
        }
        w->mean[row] = mean;
        w->rstd[row] = rstd;
    }
}

static void run_rows(norm *w, senc_task *task) {
    senc_parallel((w->n + ROWS - 1) / ROWS, task, w);
}

static void layer_norm_forward(int64_t n, int64_t d, const kern_stored *x, const float *gamma, const float *shift,
                               double eps, kern_stored *y, float *mean, float *rstd) {
    norm w = {.n = n, .d = d, .eps = eps, .x = x, .gamma = gamma, .shift = shift, .y = y, .mean = mean, .rstd = rstd};
    run_rows(&w, forward_task);
}

static void add_norm_forward(int64_t n, int64_t d, kern_dropout dropout, kern_stored *sum, const kern_stored *residual,
                             const float *gamma, const float *shift, double eps, kern_stored *y, float *mean,
                             float *rstd) {
    norm w = {.n = n,
              .d = d,
              .eps = eps,
              .dropout = dropout,
              .sum = sum,
              .residual = residual,
              .gamma = gamma,
              .shift = shift,
              .y = y,
              .mean = mean,
              .rstd = rstd};
    run_rows(&w, forward_task);
}

static void backward_row(const norm *w, const mask *m, int64_t row, float *dgamma, float *dshift) {
    const int64_t d = w->d;
    const stored *x = w->x + row * d, *dy = w->dy + row * d;
    const vf mean = v_set(w->mean[row]), rstd = v_set(w->rstd[row]);
    vf sum_g = v_set(0.0f), sum_g_xhat = v_set(0.0f);
    for (int64_t j = 0; j < d; j += LANES) {
        const vf dyj = load_stored_at(dy, j, d), xhat = (load_stored_at(x, j, d) - mean) * rstd;
        const vf g = dyj * load_at(w->gamma, j, d);
        sum_g += g;
        sum_g_xhat += g * xhat;
        v_store(dgamma + j, v_load(dgamma + j) + dyj * xhat);
        v_store(dshift + j, v_load(dshift + j) + dyj);
    }
    const vf mean_g = v_set(v_sum(sum_g) / (float)d), mean_g_xhat = v_set(v_sum(sum_g_xhat) / (float)d);
    mask_place place = mask_row(senc_rng_row_key(w->dropout.key, (uint64_t)(w->dropout.first_row + row)));
    for (int64_t j = 0; j < d; j += LANES) {
        const vf xhat = (load_stored_at(x, j, d) - mean) * rstd;
        const vf dsum = rstd * (load_stored_at(dy, j, d) * load_at(w->gamma, j, d) - mean_g - xhat * mean_g_xhat);
        if (w->dresidual) blend_at(w->beta_residual, w->dresidual + row * d, j, d, dsum);
        if (w->dx) blend_at(w->beta_x, w->dx + row * d, j, d, m->on ? v_drop(m, &place, dsum) : dsum);
    }
}

static void backward_task(void *context, int64_t i, int thread) {
    (void)thread;
    const norm *w = context;
    const int64_t last = min_of((i + 1) * ROWS, w->n), padded = round_up(w->d, LANES);
    const mask m = mask_of(w->dropout);
    float *dgamma = w->partial + i * 2 * padded, *dshift = dgamma + padded;
    memset(dgamma, 0, (size_t)padded * 2 * sizeof *dgamma);
    for (int64_t row = i * ROWS; row < last; row++) backward_row(w, &m, row, dgamma, dshift);
}

/* total += partial[0] + partial[1] + ..., in order. */
static void add_partials(int64_t tasks, int64_t stride, int64_t d, const float *partial, float *total) {
    for (int64_t i = 0; total && i < tasks; i++) {
        for (int64_t j = 0; j < d; j++) total[j] += partial[i * stride + j];
    }
}

static void add_norm_backward(int64_t n, int64_t d, kern_dropout dropout, const kern_stored *sum, const float *gamma,
                              const float *mean, const float *rstd, const kern_stored *dy, float beta_x,
                              kern_stored *dx, float beta_residual, kern_stored *dresidual, float *dgamma,
                              float *dshift) {
    const int64_t tasks = (n + ROWS - 1) / ROWS, padded = round_up(d, LANES);
    norm w = {.n = n,
              .d = d,
              .dropout = dropout,
              .x = sum,
              .gamma = gamma,
              .mean = (float *)mean,
              .rstd = (float *)rstd,
              .dy = dy,
              .beta_x = beta_x,
              .dx = dx,
              .beta_residual = beta_residual,
              .dresidual = dresidual,
              .partial = kern_scratch_take(KERN_SCRATCH_CALL, tasks * 2 * padded * 4)};
    run_rows(&w, backward_task);
    add_partials(tasks, 2 * padded, d, w.partial, dgamma);
    add_partials(tasks, 2 * padded, d, w.partial + padded, dshift);
}

static void layer_norm_backward(int64_t n, int64_t d, const kern_stored *x, const float *gamma, const float *mean,
                                const float *rstd, const kern_stored *dy, float beta, kern_stored *dx, float *dgamma,
                                float *dshift) {
    const kern_dropout none = {0};
    add_norm_backward(n, d, none, x, gamma, mean, rstd, dy, beta, dx, 0.0f, NULL, dgamma, dshift);
}

void KERN_NAME(kern_fill_norm)(kern_table *table) {
    table->layer_norm_forward = layer_norm_forward;
    table->layer_norm_backward = layer_norm_backward;
    table->add_norm_forward = add_norm_forward;
    table->add_norm_backward = add_norm_backward;
}
