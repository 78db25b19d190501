/* Self-attention forward: see kernels.h. For one head the keys are packed by rows and the values by columns; then tiles
 * of QUERIES queries go through scores (one product), softmax in place, and the product with the values. A tile of
 * scores with the longest sequence fits the second-level cache, so softmax needs no running maximum. */
#include <stdlib.h>

#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/scratch.h"
#include "autograd/kernels/cpu/simd/simd_attention.h"
#include "autograd/kernels/cpu/simd/simd_fill.h"
#include "autograd/kernels/cpu/simd/simd_math.h"

#define QUERIES      (TILE_ROWS * (LANES == 16 ? 2 : 4)) /* rows in a tile of scores */
#define SHORT_TOKENS 48                                  /* sequences up to this length are one task */

/* Longest first; equal ones in order. */
static int compare_tasks(const void *left, const void *right, void *context) {
    const attention_task *x = left, *y = right;
    const int64_t *offsets = context;
    const int64_t x_length = offsets[x->sequence + 1] - offsets[x->sequence];
    const int64_t y_length = offsets[y->sequence + 1] - offsets[y->sequence];
    if (x_length != y_length) return x_length > y_length ? -1 : 1;
    if (x->sequence != y->sequence) return x->sequence < y->sequence ? -1 : 1;
    return (x->first_head > y->first_head) - (x->first_head < y->first_head);
}

int64_t kern_attention_plan(attention *a, attention_task *tasks) {
    const int64_t *offsets = a->sequences.offsets;
    int64_t n = 0;
    a->longest = 0;
    for (int64_t s = 0; s < a->sequences.n; s++) {
        const int64_t length = offsets[s + 1] - offsets[s];
        a->longest = max_of(a->longest, length);
        if (length == 0) continue;
        const bool whole = length <= SHORT_TOKENS && a->sequences.n >= 4 * senc_threads_count();
        for (int64_t h = 0; h < a->heads; h += whole ? a->heads : 1)
            tasks[n++] = (attention_task){s, h, whole ? a->heads : 1};
    }
    qsort_r(tasks, (size_t)n, sizeof *tasks, compare_tasks, (void *)offsets);
    return n;
}

/* One row of scores -> unnormalised probabilities with dropout; returns 1 / their sum (before dropout). */
static float softmax_row(const attention *a, const mask *m, uint64_t row_key, int64_t keys, float *scores,
                         float *log_sum) {
    const int64_t whole = keys / LANES * LANES, padded = round_up(keys, LANES);
    for (int64_t j = keys; j < padded; j++) scores[j] = -INFINITY;
    vf highest = v_load(scores);
    for (int64_t j = LANES; j < padded; j += LANES) highest = v_max(highest, v_load(scores + j));
    const float top = v_highest(highest) * a->scale;
    const vf scale2 = v_set(a->scale * LOG2_E), top2 = v_set(top * LOG2_E), least = v_set(-126.0f);
    vf sum = v_set(0.0f);
    for (int64_t j = 0; j < whole; j += LANES) {
        const vf p = v_exp2(v_max(least, v_load(scores + j) * scale2 - top2));
        sum += p;
        v_store(scores + j, m->on ? v_drop(m, row_key, j, p) : p);
    }
    if (whole < keys) {
        vf p = v_exp2(v_max(least, v_load(scores + whole) * scale2 - top2));
        for (int64_t l = keys - whole; l < LANES; l++) p[l] = 0.0f;
        sum += p;
        v_store(scores + whole, m->on ? v_drop(m, row_key, whole, p) : p);
    }
    const float total = v_sum(sum);
    *log_sum = top + logf(total);
    return 1.0f / total;
}

static void store_row(int64_t n, float factor, const float *x, stored *y) {
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) v_store_stored(y + j, v_set(factor) * v_load(x + j));
    for (; j < n; j++) store_stored(y + j, factor * x[j]);
}

static void attend_head(const attention *a, const mask *m, int64_t first, int64_t keys, int64_t head, float *scratch) {
    const int64_t width = a->width, ld = 3 * a->d, stride = score_stride(keys), wide = round_up(width, TILE_COLUMNS);
    const stored *rows_q = a->qkv + first * ld + head * width;
    float *key_panels = scratch, *value_panels = key_panels + round_up(keys, TILE_COLUMNS) * width;
    float *scores = value_panels + wide * keys, *mixed = scores + QUERIES * stride, *floats = mixed + QUERIES * wide;
    int64_t ld_q = ld, ld_k = ld, ld_v = ld;
    const float *k = head_floats(keys, width, rows_q + a->d, &ld_k, floats);
    panels_by_row(keys, width, k, ld_k, key_panels);
    const float *v = head_floats(keys, width, rows_q + 2 * a->d, &ld_v, floats);
    panels_by_column(keys, width, v, ld_v, value_panels);
    const float *q = head_floats(keys, width, rows_q, &ld_q, floats);
    for (int64_t i = 0; i < keys; i += QUERIES) {
        const int64_t rows = min_of(QUERIES, keys - i);
        multiply_panels(rows, round_up(keys, TILE_COLUMNS), width, q + i * ld_q, ld_q, 1, key_panels, false, scores,
                        stride);
        float factors[QUERIES];
        for (int64_t r = 0; r < rows; r++) {
            const int64_t row = first + i + r;
            const uint64_t row_key = m->on ? attention_row_key(a, row, head) : 0;
            factors[r] = softmax_row(a, m, row_key, keys, scores + r * stride, a->log_sum + row * a->heads + head);
        }
        multiply_panels(rows, width, keys, scores, stride, 1, value_panels, false, mixed, wide);
        stored *out = a->result + (first + i) * a->d + head * width;
        for (int64_t r = 0; r < rows; r++) store_row(width, factors[r], mixed + r * wide, out + r * a->d);
    }
}

static void forward_task(void *context, int64_t i, int thread) {
    (void)thread;
    const attention *a = context;
    const attention_task t = a->tasks[i];
    const int64_t first = a->sequences.offsets[t.sequence], keys = a->sequences.offsets[t.sequence + 1] - first;
    const int64_t padded = round_up(a->longest, TILE_COLUMNS), wide = round_up(a->width, TILE_COLUMNS);
    float *scratch =
        kern_scratch_take(KERN_SCRATCH_TASK, (3 * padded * wide + QUERIES * (wide + score_stride(padded))) * 4);
    const mask m = mask_of(a->dropout);
    for (int64_t h = t.first_head; h < t.first_head + t.n_heads; h++) attend_head(a, &m, first, keys, h, scratch);
}

static void attention_forward(kern_sequences sequences, int64_t heads, int64_t d, double scale, kern_dropout dropout,
                              const kern_stored *qkv, kern_stored *out, float *log_sum) {
    attention_task *tasks = kern_scratch_take(KERN_SCRATCH_CALL, sequences.n * heads * (int64_t)sizeof(attention_task));
    attention a = {.sequences = sequences,
                   .heads = heads,
                   .d = d,
                   .width = d / heads,
                   .scale = (float)scale,
                   .dropout = dropout,
                   .qkv = qkv,
                   .result = out,
                   .log_sum = log_sum,
                   .tasks = tasks};
    senc_parallel(kern_attention_plan(&a, tasks), forward_task, &a);
}

void KERN_NAME(kern_fill_attention)(kern_table *table) {
    table->attention_forward = attention_forward;
}
