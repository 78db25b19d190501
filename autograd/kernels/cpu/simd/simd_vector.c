/* Elementwise kernels: activations, dropout, the optimizer and its reductions. Long arrays are cut into pieces of fixed
 * length, so that sums do not depend on the number of threads. */
#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/scratch.h"
#include "autograd/kernels/cpu/simd/simd_dropout.h"
#include "autograd/kernels/cpu/simd/simd_fill.h"
#include "autograd/kernels/cpu/simd/simd_math.h"

#define PIECE 32768 /* elements in a task */

/* Half as many lanes, so that one vector of doubles fits a register. */
#define HALF (LANES / 2)
typedef double vd __attribute__((vector_size(HALF * 8)));
typedef float v_half __attribute__((vector_size(HALF * 4), aligned(4), may_alias));

static int64_t n_pieces(int64_t n) {
    return (n + PIECE - 1) / PIECE;
}

/* dx = beta * dx + value */
static inline vf v_blend(float beta, const float *dx, vf value) {
    return beta == 0.0f ? value : v_set(beta) * v_load(dx) + value;
}

static inline __attribute__((always_inline)) void activate(kern_activation act, int64_t n, const float *x, float *y) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) v_store(y + i, v_activate(act, v_load(x + i)));
    if (i < n) v_store_part(y + i, v_activate(act, v_load_part(x + i, n - i)), n - i);
}

void kern_activate_row(kern_activation act, int64_t n, const float *x, float *y) {
    switch (act) {
    case KERN_GELU:
        activate(KERN_GELU, n, x, y);
        return;
    case KERN_TANH:
        activate(KERN_TANH, n, x, y);
        return;
    case KERN_RELU:
        activate(KERN_RELU, n, x, y);
        return;
    case KERN_NONE:
        memmove(y, x, (size_t)n * sizeof *y);
        return;
    }
}

static inline __attribute__((always_inline)) void activate_backward(kern_activation act, int64_t n, const float *x,
                                                                    const float *dy, float beta, float *dx) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const vf slope = act == KERN_NONE ? v_set(1.0f) : v_activate_slope(act, v_load(x + i));
        v_store(dx + i, v_blend(beta, dx + i, v_load(dy + i) * slope));
    }
    if (i == n) return;
    const vf slope = act == KERN_NONE ? v_set(1.0f) : v_activate_slope(act, v_load_part(x + i, n - i));
    const vf value = v_load_part(dy + i, n - i) * slope;
    const vf old = beta == 0.0f ? v_set(0.0f) : v_set(beta) * v_load_part(dx + i, n - i);
    v_store_part(dx + i, old + value, n - i);
}

void kern_activate_row_backward(kern_activation act, int64_t n, const float *x, const float *dy, float beta,
                                float *dx) {
    switch (act) {
    case KERN_GELU:
        activate_backward(KERN_GELU, n, x, dy, beta, dx);
        return;
    case KERN_TANH:
        activate_backward(KERN_TANH, n, x, dy, beta, dx);
        return;
    case KERN_RELU:
        activate_backward(KERN_RELU, n, x, dy, beta, dx);
        return;
    case KERN_NONE:
        activate_backward(KERN_NONE, n, x, dy, beta, dx);
        return;
    }
}

/* One context for all kernels of this file; each uses what it needs. */
typedef struct work {
    int64_t n, d;
    kern_activation act;
    kern_dropout dropout;
    kern_adamw step;
    float a;
    const float *x, *g;
    float *y, *m, *v;
    const stored *stored_x;
    stored *stored_y;
    double *sums;
    bool *flags;
} work;

static void activation_forward_task(void *context, int64_t i, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t first = i * PIECE;
    kern_activate_row(w->act, min_of(PIECE, w->n - first), w->x + first, w->y + first);
}

static void activation_forward(kern_activation act, int64_t n, const float *x, float *y) {
    work w = {.act = act, .n = n, .x = x, .y = y};
    senc_parallel(n_pieces(n), activation_forward_task, &w);
}

static void activation_backward_task(void *context, int64_t i, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t first = i * PIECE;
    kern_activate_row_backward(w->act, min_of(PIECE, w->n - first), w->x + first, w->g + first, w->a, w->y + first);
}

static void activation_backward(kern_activation act, int64_t n, const float *x, const float *dy, float beta,
                                float *dx) {
    work w = {.act = act, .n = n, .x = x, .g = dy, .a = beta, .y = dx};
    senc_parallel(n_pieces(n), activation_backward_task, &w);
}

/* Rows of d columns, so many to a task that it has about PIECE elements. */
static int64_t rows_per_task(int64_t d) {
    return max_of(1, PIECE / max_of(d, 1));
}

/* y = beta * y + dropout(x) */
static void dropout_task(void *context, int64_t i, int thread) {
    (void)thread;
    const work *w = context;
    const mask m = mask_of(w->dropout);
    const int64_t rows = rows_per_task(w->d), last = min_of((i + 1) * rows, w->n), d = w->d;
    for (int64_t row = i * rows; row < last; row++) {
        mask_place place = mask_row(senc_rng_row_key(w->dropout.key, (uint64_t)(w->dropout.first_row + row)));
        const stored *x = w->stored_x + row * d;
        stored *y = w->stored_y + row * d;
        for (int64_t j = 0; j < d; j += LANES) {
            const bool whole = j + LANES <= d;
            vf v = whole ? v_load_stored(x + j) : v_load_stored_part(x + j, d - j);
            if (m.on) v = v_drop(&m, &place, v);
            if (w->a != 0.0f) v += v_set(w->a) * (whole ? v_load_stored(y + j) : v_load_stored_part(y + j, d - j));
            if (whole)
                v_store_stored(y + j, v);
            else
                v_store_stored_part(y + j, v, d - j);
        }
    }
}

static void dropout_backward(int64_t n, int64_t d, kern_dropout dropout, const kern_stored *dy, float beta,
                             kern_stored *dx) {
    work w = {.n = n, .d = d, .dropout = dropout, .stored_x = dy, .stored_y = dx, .a = beta};
    const int64_t rows = rows_per_task(d);
    senc_parallel((n + rows - 1) / rows, dropout_task, &w);
}

static void dropout_forward(int64_t n, int64_t d, kern_dropout dropout, const kern_stored *x, kern_stored *y) {
    dropout_backward(n, d, dropout, x, 0.0f, y);
}

static void axpy_task(void *context, int64_t i, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t first = i * PIECE, n = min_of(PIECE, w->n - first);
    const float *x = w->x + first;
    float *y = w->y + first;
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) v_store(y + j, v_load(y + j) + v_set(w->a) * v_load(x + j));
    for (; j < n; j++) y[j] += w->a * x[j];
}

static void axpy(int64_t n, float a, const float *x, float *y) {
    work w = {.n = n, .a = a, .x = x, .y = y};
    senc_parallel(n_pieces(n), axpy_task, &w);
}

static void scale_task(void *context, int64_t i, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t last = min_of((i + 1) * PIECE, w->n);
    for (int64_t j = i * PIECE; j < last; j++) w->y[j] *= w->a;
}

static void scale(int64_t n, float a, float *x) {
    work w = {.n = n, .a = a, .y = x};
    senc_parallel(n_pieces(n), scale_task, &w);
}

static void squares_task(void *context, int64_t i, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t first = i * PIECE, n = min_of(PIECE, w->n - first);
    const float *x = w->x + first;
    vd sums[4] = {{0}};
    int64_t j = 0;
    for (; j + 4 * HALF <= n; j += 4 * HALF) {
        for (int part = 0; part < 4; part++) {
            const vd v = __builtin_convertvector(*(const v_half *)(x + j + part * HALF), vd);
            sums[part] += v * v;
        }
    }
    const vd lanes = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    double sum = 0.0;
    for (int l = 0; l < HALF; l++) sum += lanes[l];
    for (; j < n; j++) sum += (double)x[j] * (double)x[j];
    w->sums[i] = sum;
}

static double sum_of_squares(int64_t n, const float *x) {
    const int64_t pieces = n_pieces(n);
    work w = {.n = n, .x = x, .sums = kern_scratch_take(KERN_SCRATCH_CALL, pieces * (int64_t)sizeof(double))};
    senc_parallel(pieces, squares_task, &w);
    double sum = 0.0;
    for (int64_t i = 0; i < pieces; i++) sum += w.sums[i];
    return sum;
}

/* Infinities and NaNs have all exponent bits set. */
static void finite_task(void *context, int64_t i, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t first = i * PIECE, n = min_of(PIECE, w->n - first);
    const float *x = w->x + first;
    vi bad = {0};
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) bad |= ((vi)v_load(x + j) & 0x7f800000) == 0x7f800000;
    bool finite = true;
    for (int l = 0; l < LANES; l++) finite = finite && !bad[l];
    for (; j < n; j++) finite = finite && isfinite(x[j]);
    w->flags[i] = finite;
}

static bool all_flags(int64_t n, senc_task *task, work *w) {
    const int64_t pieces = n_pieces(n);
    w->flags = kern_scratch_take(KERN_SCRATCH_CALL, pieces * (int64_t)sizeof(bool));
    senc_parallel(pieces, task, w);
    for (int64_t i = 0; i < pieces; i++) {
        if (!w->flags[i]) return false;
    }
    return true;
}

static bool is_finite(int64_t n, const float *x) {
    work w = {.n = n, .x = x};
    return all_flags(n, finite_task, &w);
}

static void finite_stored_task(void *context, int64_t i, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t first = i * PIECE, n = min_of(PIECE, w->n - first);
    const stored *x = w->stored_x + first;
    vi bad = {0};
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) bad |= ((vi)v_load_stored(x + j) & 0x7f800000) == 0x7f800000;
    bool finite = true;
    for (int l = 0; l < LANES; l++) finite = finite && !bad[l];
    for (; j < n; j++) finite = finite && isfinite(load_stored(x + j));
    w->flags[i] = finite;
}

static bool is_finite_stored(int64_t n, const kern_stored *x) {
    work w = {.n = n, .stored_x = x};
    return all_flags(n, finite_stored_task, &w);
}

/* The constants of a step, in the form the inner loop wants. */
typedef struct adamw_constants {
    float gradient_scale, beta1, rest1, beta2, rest2, step_size, inv_sqrt_correction2, epsilon, decay;
} adamw_constants;

static inline __attribute__((always_inline)) vf adamw_update(const adamw_constants *c, vf w, vf g, vf *m, vf *v) {
    g *= c->gradient_scale;
    *m = *m * c->beta1 + g * c->rest1;
    *v = *v * c->beta2 + g * g * c->rest2;
    const vf divisor = v_sqrt(*v) * c->inv_sqrt_correction2 + c->epsilon;
    return w - (*m * c->step_size / divisor + w * c->decay);
}

static void adamw_task(void *context, int64_t i, int thread) {
    (void)thread;
    const work *k = context;
    const kern_adamw s = k->step;
    const adamw_constants c = {.gradient_scale = (float)s.gradient_scale,
                               .beta1 = (float)s.beta1,
                               .rest1 = (float)(1.0 - s.beta1),
                               .beta2 = (float)s.beta2,
                               .rest2 = (float)(1.0 - s.beta2),
                               .step_size = (float)(s.learning_rate / s.bias_correction1),
                               .inv_sqrt_correction2 = (float)(1.0 / sqrt(s.bias_correction2)),
                               .epsilon = (float)s.epsilon,
                               .decay = (float)(s.learning_rate * s.weight_decay)};
    const int64_t first = i * PIECE, n = min_of(PIECE, k->n - first);
    const float *g = k->g + first;
    float *w = k->y + first, *m = k->m + first, *v = k->v + first;
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        vf mj = v_load(m + j), vj = v_load(v + j);
        v_store(w + j, adamw_update(&c, v_load(w + j), v_load(g + j), &mj, &vj));
        v_store(m + j, mj);
        v_store(v + j, vj);
    }
    if (j == n) return;
    vf mj = v_load_part(m + j, n - j), vj = v_load_part(v + j, n - j);
    v_store_part(w + j, adamw_update(&c, v_load_part(w + j, n - j), v_load_part(g + j, n - j), &mj, &vj), n - j);
    v_store_part(m + j, mj, n - j);
    v_store_part(v + j, vj, n - j);
}

static void adamw(int64_t n, kern_adamw step, float *w, const float *g, float *m, float *v) {
    work k = {.n = n, .step = step, .y = w, .g = g, .m = m, .v = v};
    senc_parallel(n_pieces(n), adamw_task, &k);
}

void KERN_NAME(kern_fill_vector)(kern_table *table) {
    table->activation_forward = activation_forward;
    table->activation_backward = activation_backward;
    table->dropout_forward = dropout_forward;
    table->dropout_backward = dropout_backward;
    table->axpy = axpy;
    table->scale = scale;
    table->sum_of_squares = sum_of_squares;
    table->is_finite = is_finite;
    table->is_finite_stored = is_finite_stored;
    table->adamw = adamw;
}
