/* Self-attention backward by recomputation (formulas in ref/ref_attention.c). Tiles of QUERIES queries: scores and
 * their gradients are made in two products and turned in place into P (with dropout) and dS; three more products add to
 * dv, dk and give dq. dk and dv of the head are summed in scratch over the tiles in order. */
#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/scratch.h"
#include "autograd/kernels/cpu/simd/simd_attention.h"
#include "autograd/kernels/cpu/simd/simd_fill.h"
#include "autograd/kernels/cpu/simd/simd_math.h"

#define QUERIES                                                                                                        \
    (TILE_ROWS * (LANES == 16 ? 4 : 8)) /* more than forward: dk and dv are loaded and stored once a tile              \
                                         */

/* Scratch of one head, cut from one block. */
typedef struct buffers {
    float *keys_by_row, *keys_by_column, *values_by_row; /* panels of the whole head */
    float *queries, *gradients;                          /* panels of one tile of q and dout */
    float *scores, *score_gradients;                     /* (QUERIES, stride) */
    float *dk, *dv;                                      /* (keys, wide) */
    float *floats;                                       /* (2 QUERIES + keys, wide): rows of bf16 */
} buffers;

static int64_t buffer_floats(int64_t keys, int64_t wide) {
    return 6 * round_up(keys, TILE_COLUMNS) * wide + 2 * QUERIES * (2 * wide + score_stride(keys));
}

static buffers cut_buffers(int64_t keys, int64_t wide, float *block) {
    const int64_t panels = round_up(keys, TILE_COLUMNS) * wide, tile = QUERIES * wide;
    buffers b = {.keys_by_row = block, .keys_by_column = block + panels, .values_by_row = block + 2 * panels};
    b.dk = block + 3 * panels;
    b.dv = block + 4 * panels;
    b.queries = block + 5 * panels;
    b.gradients = b.queries + tile;
    b.scores = b.gradients + tile;
    b.score_gradients = b.scores + QUERIES * score_stride(keys);
    b.floats = b.score_gradients + QUERIES * score_stride(keys);
    return b;
}

static float dot(int64_t n, const stored *x, const stored *y) {
    vf sum = v_set(0.0f);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) sum += v_load_stored(x + i) * v_load_stored(y + i);
    float total = v_sum(sum);
    for (; i < n; i++) total += load_stored(x + i) * load_stored(y + i);
    return total;
}

/* One query: scores s -> dropped probabilities m p, gradients dp (before the mask) -> ds times the scale. */
static void score_row(const attention *a, const mask *m, uint64_t row_key, int64_t keys, float log_sum, float delta,
                      float *scores, float *gradients) {
    const vf scale = v_set(a->scale), delta_v = v_set(delta), least = v_set(-126.0f);
    const vf scale2 = v_set(a->scale * LOG2_E), log_sum2 = v_set(log_sum * LOG2_E);
    for (int64_t j = 0; j < keys; j += LANES) {
        const vf p = v_exp2(v_max(least, v_load(scores + j) * scale2 - log_sum2));
        vf dp = v_load(gradients + j);
        if (m->on) dp = v_drop(m, row_key, j, dp);
        v_store(gradients + j, p * (dp - delta_v) * scale);
        v_store(scores + j, m->on ? v_drop(m, row_key, j, p) : p);
    }
}

static void blend_row(int64_t n, float beta, const float *value, stored *dx) {
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        const vf v = v_load(value + j);
        v_store_stored(dx + j, beta == 0.0f ? v : v_set(beta) * v_load_stored(dx + j) + v);
    }
    for (; j < n; j++) store_stored(dx + j, (beta == 0.0f ? 0.0f : beta * load_stored(dx + j)) + value[j]);
}

static void backward_head(const attention *a, const mask *m, int64_t first, int64_t keys, int64_t head, float *block) {
    const int64_t width = a->width, wide = round_up(width, TILE_COLUMNS), d = a->d, ld = 3 * d;
    const int64_t stride = score_stride(keys), padded = round_up(keys, TILE_COLUMNS), column = head * width;
    const buffers b = cut_buffers(keys, wide, block);
    const stored *rows_q = a->qkv + first * ld + column;
    stored *dqkv = a->result + first * ld + column;
    int64_t ld_k = ld, ld_v = ld;
    const float *k = head_floats(keys, width, rows_q + d, &ld_k, b.floats);
    panels_by_row(keys, width, k, ld_k, b.keys_by_row);
    panels_by_column(keys, width, k, ld_k, b.keys_by_column);
    const float *v = head_floats(keys, width, rows_q + 2 * d, &ld_v, b.floats);
    panels_by_row(keys, width, v, ld_v, b.values_by_row);
    for (int64_t i = 0; i < keys; i += QUERIES) {
        const int64_t rows = min_of(QUERIES, keys - i);
        const stored *out = a->out + (first + i) * d + column, *rows_dout = a->dout + (first + i) * d + column;
        int64_t ld_q = ld, ld_dout = d;
        const float *q = head_floats(rows, width, rows_q + i * ld, &ld_q, b.floats);
        const float *dout = head_floats(rows, width, rows_dout, &ld_dout, b.floats + QUERIES * wide);
        multiply_panels(rows, padded, width, q, ld_q, 1, b.keys_by_row, false, b.scores, stride);
        multiply_panels(rows, padded, width, dout, ld_dout, 1, b.values_by_row, false, b.score_gradients, stride);
        for (int64_t r = 0; r < rows; r++) {
            const int64_t row = first + i + r;
            score_row(a, m, m->on ? attention_row_key(a, row, head) : 0, keys, a->log_sum[row * a->heads + head],
                      dot(width, out + r * d, rows_dout + r * d), b.scores + r * stride,
                      b.score_gradients + r * stride);
        }
        panels_by_column(rows, width, q, ld_q, b.queries);
        panels_by_column(rows, width, dout, ld_dout, b.gradients);
        multiply_panels(keys, width, rows, b.scores, 1, stride, b.gradients, i > 0, b.dv, wide);
        multiply_panels(keys, width, rows, b.score_gradients, 1, stride, b.queries, i > 0, b.dk, wide);
        /* dq of these rows: where the packed queries were. */
        multiply_panels(rows, width, keys, b.score_gradients, stride, 1, b.keys_by_column, false, b.queries, wide);
        for (int64_t r = 0; r < rows; r++) blend_row(width, a->beta, b.queries + r * wide, dqkv + (i + r) * ld);
    }
    for (int64_t r = 0; r < keys; r++) {
        blend_row(width, a->beta, b.dk + r * wide, dqkv + r * ld + d);
        blend_row(width, a->beta, b.dv + r * wide, dqkv + r * ld + 2 * d);
    }
}

static void backward_task(void *context, int64_t i, int thread) {
    (void)thread;
    const attention *a = context;
    const attention_task t = a->tasks[i];
    const int64_t first = a->sequences.offsets[t.sequence], keys = a->sequences.offsets[t.sequence + 1] - first;
    const int64_t wide = round_up(a->width, TILE_COLUMNS);
    float *block = kern_scratch_take(KERN_SCRATCH_TASK, buffer_floats(a->longest, wide) * 4);
    const mask m = mask_of(a->dropout);
    for (int64_t h = t.first_head; h < t.first_head + t.n_heads; h++) backward_head(a, &m, first, keys, h, block);
}

static void attention_backward(kern_sequences sequences, int64_t heads, int64_t d, double scale, kern_dropout dropout,
                               const kern_stored *qkv, const kern_stored *out, const float *log_sum,
                               const kern_stored *dout, float beta, kern_stored *dqkv) {
    attention_task *tasks = kern_scratch_take(KERN_SCRATCH_CALL, sequences.n * heads * (int64_t)sizeof(attention_task));
    attention a = {.sequences = sequences,
                   .heads = heads,
                   .d = d,
                   .width = d / heads,
                   .scale = (float)scale,
                   .dropout = dropout,
                   .qkv = qkv,
                   .out = out,
                   .dout = dout,
                   .log_sum = (float *)log_sum,
                   .beta = beta,
                   .result = dqkv,
                   .tasks = tasks};
    senc_parallel(kern_attention_plan(&a, tasks), backward_task, &a);
}

void KERN_NAME(kern_fill_attention_backward)(kern_table *table) {
    table->attention_backward = attention_backward;
}
