/* Embedding tables and pooling. Gradients of the tables are summed by column slices: every task walks through all
 * tokens in order and owns some columns, so there are no atomics and no sorting, and the sums do not depend on the
 * number of threads. */
#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/simd/simd_fill.h"

typedef struct work {
    kern_sequences sequences;
    int64_t d, first_position;
    const int32_t *ids;
    const float *word, *position, *type; /* forward */
    float *out;
    const float *dout; /* backward */
    float *dword, *dposition, *dtype;
    int64_t slice; /* columns of a task */
    kern_pooling mode;
    float beta;
    int64_t *argmax;
    const int64_t *argmax_in;
} work;

static void add_row(int64_t n, float factor, const float *x, float *y) {
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) v_store(y + j, v_load(y + j) + v_set(factor) * v_load(x + j));
    for (; j < n; j++) y[j] += factor * x[j];
}

static void embed_forward_task(void *context, int64_t s, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t first = w->sequences.offsets[s], last = w->sequences.offsets[s + 1], d = w->d;
    for (int64_t i = first; i < last; i++) {
        float *out = w->out + i * d;
        memcpy(out, w->word + (int64_t)w->ids[i] * d, (size_t)d * sizeof *out);
        if (w->position) add_row(d, 1.0f, w->position + (i - first + w->first_position) * d, out);
        if (w->type) add_row(d, 1.0f, w->type, out);
    }
}

static void embed_forward(kern_sequences sequences, int64_t d, const int32_t *ids, int64_t first_position,
                          const float *word, const float *position, const float *type, kern_stored *stored_out) {
    float *out = stored_out;
    work w = {.sequences = sequences,
              .d = d,
              .ids = ids,
              .first_position = first_position,
              .word = word,
              .position = position,
              .type = type,
              .out = out};
    senc_parallel(sequences.n, embed_forward_task, &w);
}

static void embed_backward_task(void *context, int64_t t, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t column = t * w->slice, n = min_of(w->slice, w->d - column), d = w->d;
    for (int64_t s = 0; s < w->sequences.n; s++) {
        const int64_t first = w->sequences.offsets[s];
        for (int64_t i = first; i < w->sequences.offsets[s + 1]; i++) {
            const float *g = w->dout + i * d + column;
            if (w->dword) add_row(n, 1.0f, g, w->dword + (int64_t)w->ids[i] * d + column);
            if (w->dposition) add_row(n, 1.0f, g, w->dposition + (i - first + w->first_position) * d + column);
            if (w->dtype) add_row(n, 1.0f, g, w->dtype + column);
        }
    }
}

static void embed_backward(kern_sequences sequences, int64_t d, const int32_t *ids, int64_t first_position,
                           const kern_stored *stored_dout, float *dword, float *dposition, float *dtype) {
    const float *dout = stored_dout;
    const int64_t line = 16; /* floats in a cache line */
    const int64_t tasks = 2 * senc_threads_count();
    work w = {.sequences = sequences,
              .d = d,
              .ids = ids,
              .first_position = first_position,
              .dout = dout,
              .dword = dword,
              .dposition = dposition,
              .dtype = dtype,
              .slice = round_up((d + tasks - 1) / tasks, 2 * line)};
    senc_parallel((d + w.slice - 1) / w.slice, embed_backward_task, &w);
}

/* Rows [*first, *last) of a sequence that the mode reads; the weight of row t is *weight, times t + 1 for the weighted
 * mean. */
static void pool_plan(kern_pooling mode, int64_t *first, int64_t *last, float *weight) {
    const double length = (double)(*last - *first);
    *weight = 1.0f;
    switch (mode) {
    case KERN_POOL_MEAN:
        *weight = (float)(1.0 / length);
        break;
    case KERN_POOL_MEAN_SQRT_LEN:
        *weight = (float)(1.0 / sqrt(length));
        break;
    case KERN_POOL_WEIGHTED_MEAN:
        *weight = (float)(2.0 / (length * (length + 1.0)));
        break;
    case KERN_POOL_CLS:
        *last = min_of(*last, *first + 1);
        break;
    case KERN_POOL_LAST:
        *first = max_of(*first, *last - 1);
        break;
    case KERN_POOL_MAX:
        break;
    }
}

/* As the reference: the first of equal maxima, and a NaN wins. */
static void pool_max(const work *w, int64_t s, int64_t first, int64_t last) {
    const int64_t d = w->d;
    float *y = w->out + s * d;
    int64_t *argmax = w->argmax + s * d;
    for (int64_t j = 0; j < d; j++) argmax[j] = last > first ? first : -1;
    if (last > first) memcpy(y, w->word + first * d, (size_t)d * sizeof *y);
    for (int64_t i = first + 1; i < last; i++) {
        const float *x = w->word + i * d;
        for (int64_t j = 0; j < d; j++) {
            const bool higher = !(x[j] <= y[j]) && !isnan(y[j]);
            argmax[j] = higher ? i : argmax[j];
            y[j] = higher ? x[j] : y[j];
        }
    }
}

static void pool_forward_task(void *context, int64_t s, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t d = w->d;
    int64_t first = w->sequences.offsets[s], last = w->sequences.offsets[s + 1];
    float *y = w->out + s * d, weight;
    memset(y, 0, (size_t)d * sizeof *y);
    if (w->mode == KERN_POOL_MAX) {
        pool_max(w, s, first, last);
        return;
    }
    const int64_t start = first;
    pool_plan(w->mode, &first, &last, &weight);
    for (int64_t i = first; i < last; i++)
        add_row(d, w->mode == KERN_POOL_WEIGHTED_MEAN ? (float)(i - start + 1) : 1.0f, w->word + i * d, y);
    for (int64_t j = 0; last > first && j < d; j++) y[j] *= weight;
}

static void pool_forward(kern_pooling mode, kern_sequences sequences, int64_t d, const kern_stored *stored_x, float *y,
                         int64_t *argmax) {
    const float *x = stored_x;
    work w = {.mode = mode, .sequences = sequences, .d = d, .word = x, .out = y, .argmax = argmax};
    senc_parallel(sequences.n, pool_forward_task, &w);
}

static void scale_row(int64_t n, float beta, float *x) {
    if (beta == 0.0f)
        memset(x, 0, (size_t)n * sizeof *x);
    else if (beta != 1.0f) {
        for (int64_t j = 0; j < n; j++) x[j] *= beta;
    }
}

static void pool_backward_task(void *context, int64_t s, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t d = w->d, start = w->sequences.offsets[s];
    int64_t first = start, last = w->sequences.offsets[s + 1];
    const float *dy = w->dout + s * d;
    for (int64_t i = first; i < last; i++) scale_row(d, w->beta, w->out + i * d);
    if (w->mode == KERN_POOL_MAX) {
        for (int64_t j = 0; last > first && j < d; j++) w->out[w->argmax_in[s * d + j] * d + j] += dy[j];
        return;
    }
    float weight;
    pool_plan(w->mode, &first, &last, &weight);
    for (int64_t i = first; i < last; i++)
        add_row(d, w->mode == KERN_POOL_WEIGHTED_MEAN ? weight * (float)(i - start + 1) : weight, dy, w->out + i * d);
}

static void pool_backward(kern_pooling mode, kern_sequences sequences, int64_t d, const int64_t *argmax,
                          const float *dy, float beta, kern_stored *stored_dx) {
    float *dx = stored_dx;
    work w = {.mode = mode, .sequences = sequences, .d = d, .argmax_in = argmax, .dout = dy, .beta = beta, .out = dx};
    senc_parallel(sequences.n, pool_backward_task, &w);
}

void KERN_NAME(kern_fill_embed)(kern_table *table) {
    table->embed_forward = embed_forward;
    table->embed_backward = embed_backward;
    table->pool_forward = pool_forward;
    table->pool_backward = pool_backward;
}
