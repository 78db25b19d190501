/* L2 normalisation of rows; formulas in ref/ref_norm.c. */
#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/simd/simd_fill.h"

#define ROWS 64 /* in a task */

typedef struct normalize {
    int64_t n, d;
    double eps;
    const float *x, *dy; /* backward: x is the normalised row */
    float *y, *dx, *length;
    float beta;
} normalize;

/* Loads and stores of a vector that may stick out of the row by the end. */
static inline vf load_at(const float *p, int64_t j, int64_t d) {
    return j + LANES <= d ? v_load(p + j) : v_load_part(p + j, d - j);
}

static inline void store_at(float *p, int64_t j, int64_t d, vf v) {
    if (j + LANES <= d)
        v_store(p + j, v);
    else
        v_store_part(p + j, v, d - j);
}

static inline void blend_at(float beta, float *p, int64_t j, int64_t d, vf v) {
    store_at(p, j, d, beta == 0.0f ? v : v_set(beta) * load_at(p, j, d) + v);
}

static void forward_task(void *context, int64_t i, int thread) {
    (void)thread;
    const normalize *w = context;
    const int64_t d = w->d, last = min_of((i + 1) * ROWS, w->n);
    for (int64_t row = i * ROWS; row < last; row++) {
        const float *x = w->x + row * d;
        vf squares = v_set(0.0f);
        for (int64_t j = 0; j < d; j += LANES) squares += load_at(x, j, d) * load_at(x, j, d);
        const float length = sqrtf(v_sum(squares));
        const float factor = 1.0f / ((double)length < w->eps ? (float)w->eps : length);
        for (int64_t j = 0; j < d; j += LANES) store_at(w->y + row * d, j, d, load_at(x, j, d) * v_set(factor));
        w->length[row] = length;
    }
}

static void normalize_forward(int64_t n, int64_t d, double eps, const float *x, float *y, float *length) {
    normalize w = {.n = n, .d = d, .eps = eps, .x = x, .y = y, .length = length};
    senc_parallel((n + ROWS - 1) / ROWS, forward_task, &w);
}

static void backward_task(void *context, int64_t i, int thread) {
    (void)thread;
    const normalize *w = context;
    const int64_t d = w->d, last = min_of((i + 1) * ROWS, w->n);
    for (int64_t row = i * ROWS; row < last; row++) {
        const float *y = w->x + row * d, *dy = w->dy + row * d;
        const bool clamped = (double)w->length[row] < w->eps;
        vf dots = v_set(0.0f);
        for (int64_t j = 0; j < d && !clamped; j += LANES) dots += load_at(y, j, d) * load_at(dy, j, d);
        const vf dot = v_set(v_sum(dots)), factor = v_set(1.0f / (clamped ? (float)w->eps : w->length[row]));
        for (int64_t j = 0; j < d; j += LANES)
            blend_at(w->beta, w->dx + row * d, j, d, (load_at(dy, j, d) - load_at(y, j, d) * dot) * factor);
    }
}

static void normalize_backward(int64_t n, int64_t d, double eps, const float *y, const float *length, const float *dy,
                               float beta, float *dx) {
    normalize w = {.n = n, .d = d, .eps = eps, .x = y, .length = (float *)length, .dy = dy, .beta = beta, .dx = dx};
    senc_parallel((n + ROWS - 1) / ROWS, backward_task, &w);
}

void KERN_NAME(kern_fill_normalize)(kern_table *table) {
    table->normalize_forward = normalize_forward;
    table->normalize_backward = normalize_backward;
}
