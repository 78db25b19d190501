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
    stored *out;
    const stored *dout; /* backward */
    float *dword, *dposition, *dtype;
    int64_t slice; /* columns of a task */
    kern_pooling mode;
    const stored *x; /* pooling: tokens, gradients of tokens, sentences and their gradients */
    stored *dx;
    float *y;
    const float *dy;
    float beta;
    int64_t *argmax;
    const int64_t *argmax_in;
} work;

/* y += factor * x */
static void add_row(int64_t n, float factor, const stored *x, float *y) {
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) v_store(y + j, v_load(y + j) + v_set(factor) * v_load_stored(x + j));
    for (; j < n; j++) y[j] += factor * load_stored(x + j);
}

/* out = word + position + type, the last two may be NULL. */
static void embed_row(int64_t d, const float *word, const float *position, const float *type, stored *out) {
    int64_t j = 0;
    for (; j + LANES <= d; j += LANES) {
        vf v = v_load(word + j);
        if (position) v += v_load(position + j);
        if (type) v += v_load(type + j);
        v_store_stored(out + j, v);
    }
    for (; j < d; j++) store_stored(out + j, word[j] + (position ? position[j] : 0.0f) + (type ? type[j] : 0.0f));
}

static void embed_forward_task(void *context, int64_t s, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t first = w->sequences.offsets[s], last = w->sequences.offsets[s + 1], d = w->d;
    for (int64_t i = first; i < last; i++) {
        const float *position = w->position ? w->position + (i - first + w->first_position) * d : NULL;
        embed_row(d, w->word + (int64_t)w->ids[i] * d, position, w->type, w->out + i * d);
    }
}

static void embed_forward(kern_sequences sequences, int64_t d, const int32_t *ids, int64_t first_position,
                          const float *word, const float *position, const float *type, kern_stored *out) {
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
            const stored *g = w->dout + i * d + column;
            if (w->dword) add_row(n, 1.0f, g, w->dword + (int64_t)w->ids[i] * d + column);
            if (w->dposition) add_row(n, 1.0f, g, w->dposition + (i - first + w->first_position) * d + column);
            if (w->dtype) add_row(n, 1.0f, g, w->dtype + column);
        }
    }
}

static void embed_backward(kern_sequences sequences, int64_t d, const int32_t *ids, int64_t first_position,
                           const kern_stored *dout, float *dword, float *dposition, float *dtype) {
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
    float *y = w->y + s * d;
    int64_t *argmax = w->argmax + s * d;
    for (int64_t j = 0; j < d; j++) argmax[j] = last > first ? first : -1;
    if (last > first) add_row(d, 1.0f, w->x + first * d, y);
    for (int64_t i = first + 1; i < last; i++) {
        const stored *x = w->x + i * d;
        for (int64_t j = 0; j < d; j++) {
            const float xj = load_stored(x + j);
            const bool higher = !(xj <= y[j]) && !isnan(y[j]);
            argmax[j] = higher ? i : argmax[j];
            y[j] = higher ? xj : y[j];
        }
    }
}

static void pool_forward_task(void *context, int64_t s, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t d = w->d;
    int64_t first = w->sequences.offsets[s], last = w->sequences.offsets[s + 1];
    float *y = w->y + s * d, weight;
    memset(y, 0, (size_t)d * sizeof *y);
    if (w->mode == KERN_POOL_MAX) {
        pool_max(w, s, first, last);
        return;
    }
    const int64_t start = first;
    pool_plan(w->mode, &first, &last, &weight);
    for (int64_t i = first; i < last; i++)
        add_row(d, w->mode == KERN_POOL_WEIGHTED_MEAN ? (float)(i - start + 1) : 1.0f, w->x + i * d, y);
    for (int64_t j = 0; last > first && j < d; j++) y[j] *= weight;
}

static void pool_forward(kern_pooling mode, kern_sequences sequences, int64_t d, const kern_stored *x, float *y,
                         int64_t *argmax) {
    work w = {.mode = mode, .sequences = sequences, .d = d, .x = x, .y = y, .argmax = argmax};
    senc_parallel(sequences.n, pool_forward_task, &w);
}

/* dx = beta * dx + factor * dy, rounded once. */
static void blend_row(int64_t n, float beta, float factor, const float *dy, stored *dx) {
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        const vf v = v_set(factor) * v_load(dy + j);
        v_store_stored(dx + j, beta == 0.0f ? v : v_set(beta) * v_load_stored(dx + j) + v);
    }
    for (; j < n; j++) store_stored(dx + j, (beta == 0.0f ? 0.0f : beta * load_stored(dx + j)) + factor * dy[j]);
}

/* dx = beta * dx */
static void scale_row(int64_t n, float beta, stored *dx) {
    if (beta == 0.0f) memset(dx, 0, (size_t)n * sizeof *dx);
    if (beta == 0.0f || beta == 1.0f) return;
    for (int64_t j = 0; j < n; j++) store_stored(dx + j, beta * load_stored(dx + j));
}

static void pool_max_backward(const work *w, int64_t s, int64_t first, int64_t last) {
    const int64_t d = w->d, *argmax = w->argmax_in + s * d;
    for (int64_t i = first; i < last; i++) {
        stored *dx = w->dx + i * d;
        for (int64_t j = 0; j < d; j++) {
            const float old = w->beta == 0.0f ? 0.0f : w->beta * load_stored(dx + j);
            store_stored(dx + j, argmax[j] == i ? old + w->dy[s * d + j] : old);
        }
    }
}

static void pool_backward_task(void *context, int64_t s, int thread) {
    (void)thread;
    const work *w = context;
    const int64_t d = w->d, start = w->sequences.offsets[s], end = w->sequences.offsets[s + 1];
    if (w->mode == KERN_POOL_MAX) {
        pool_max_backward(w, s, start, end);
        return;
    }
    float weight;
    int64_t first = start, last = end;
    pool_plan(w->mode, &first, &last, &weight);
    for (int64_t i = start; i < end; i++) {
        const float factor = w->mode == KERN_POOL_WEIGHTED_MEAN ? weight * (float)(i - start + 1) : weight;
        if (i >= first && i < last)
            blend_row(d, w->beta, factor, w->dy + s * d, w->dx + i * d);
        else
            scale_row(d, w->beta, w->dx + i * d);
    }
}

static void pool_backward(kern_pooling mode, kern_sequences sequences, int64_t d, const int64_t *argmax,
                          const float *dy, float beta, kern_stored *dx) {
    work w = {.mode = mode, .sequences = sequences, .d = d, .argmax_in = argmax, .dy = dy, .beta = beta, .dx = dx};
    senc_parallel(sequences.n, pool_backward_task, &w);
}

void KERN_NAME(kern_fill_embed)(kern_table *table) {
    table->embed_forward = embed_forward;
    table->embed_backward = embed_backward;
    table->pool_forward = pool_forward;
    table->pool_backward = pool_backward;
}
