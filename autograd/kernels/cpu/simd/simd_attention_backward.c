/* Self-attention backward by recomputation (formulas in ref/ref_attention.c). For a block of queries, scores and their
 * gradients are made in two products and turned into P (with dropout) and dS; three more products give dv, dk and dq.
 * Short sequences are one block; in longer ones dk and dv are summed over the blocks in order. */
#include "autograd/kernels/cpu/scratch.h"
#include "autograd/kernels/cpu/simd/simd_attention.h"
#include "autograd/kernels/cpu/simd/simd_fill.h"
#include "autograd/kernels/cpu/simd/simd_math.h"

#define BLOCK_SCORES 36864 /* in a block: its two arrays stay in the second-level cache */
#define QUERIES      48    /* the least in a block */

/* Queries of a block; sequences that fit are one. */
static int64_t block_queries(int64_t keys) {
    if (keys * lane_stride(keys) <= BLOCK_SCORES) return keys;
    return max_of(1, BLOCK_SCORES / keys / QUERIES) * QUERIES;
}

#if WORD_DEPTH == 2
#define KEYS 32 /* whose scores are floats at a time, before they are rounded */
#endif

/* Scratch of one head, cut from one block. */
typedef struct buffers {
    word *k_rows, *v_rows, *k_stack; /* (keys, wide) */
    word *q_across, *dout_across;    /* (wide, stride) */
    word *q_stack, *dout_stack;      /* (queries, wide) */
    float *scores, *gradients;       /* (keys, stride), or (KEYS, stride) where words are pairs */
    word *p, *ds, *ds_down;          /* words along the queries; along the keys */
    float *dk, *dv;                  /* (keys, wide), sums over the blocks */
    float *log_sums, *deltas;        /* (stride), in the units of 2^x; of the dropped gradients */
    uint32_t *low, *high;            /* (stride), keys of the mask */
    int64_t stride, row;             /* row: of p and ds in words */
} buffers;

static buffers take_buffers(int64_t keys, int64_t queries, int64_t wide) {
    buffers b = {.stride = lane_stride(queries)};
    b.row = b.stride / WORD_DEPTH;
    const int64_t head = keys * wide, across = wide * b.stride, stack = queries * wide;
#if WORD_DEPTH == 2
    const int64_t scores = KEYS * b.stride, pairs = words_of(keys) * b.stride;
#else
    const int64_t scores = keys * b.stride, pairs = 0;
#endif
    word *next =
        kern_scratch_take(KERN_SCRATCH_TASK, (5 * head + 2 * (across + stack + scores) + 3 * pairs + 4 * b.stride) * 4);
    b.k_rows = next;
    b.v_rows = b.k_rows + head;
    b.k_stack = b.v_rows + head;
    b.dk = (float *)(b.k_stack + head);
    b.dv = b.dk + head;
    b.q_across = (word *)(b.dv + head);
    b.dout_across = b.q_across + across;
    b.q_stack = b.dout_across + across;
    b.dout_stack = b.q_stack + stack;
    b.scores = (float *)(b.dout_stack + stack);
    b.gradients = b.scores + scores;
    b.p = WORD_DEPTH == 2 ? (word *)(b.gradients + scores) : (word *)b.scores;
    b.ds = WORD_DEPTH == 2 ? b.p + pairs : (word *)b.gradients;
    b.ds_down = WORD_DEPTH == 2 ? b.ds + pairs : b.ds;
    b.log_sums = b.gradients + scores + 3 * pairs;
    b.deltas = b.log_sums + b.stride;
    b.low = (uint32_t *)(b.deltas + b.stride);
    b.high = b.low + b.stride;
    return b;
}

/* sums[i] = row i of x times row i of y, up to the next multiple of LANES. */
static void row_dots(int64_t n, int64_t width, const stored *x, const stored *y, int64_t ld, float *sums) {
    for (int64_t first = 0; first < n; first += LANES) {
        vu lanes[LANES] = {{0}};
        for (int64_t i = first; i < min_of(n, first + LANES); i++) {
            const stored *xi = x + i * ld, *yi = y + i * ld;
            vf sum = v_set(0.0f);
            int64_t j = 0;
            for (; j + LANES <= width; j += LANES) sum += v_load_stored(xi + j) * v_load_stored(yi + j);
            if (j < width) sum += v_load_stored_part(xi + j, width - j) * v_load_stored_part(yi + j, width - j);
            lanes[i - first] = (vu)sum;
        }
        v_transpose(lanes);
        for (int width_left = LANES / 2; width_left > 0; width_left /= 2) {
            for (int l = 0; l < width_left; l++) lanes[l] = (vu)((vf)lanes[l] + (vf)lanes[l + width_left]);
        }
        v_store(sums + first, (vf)lanes[0]);
    }
}

/* LANES queries against keys [first, end): scores s -> probabilities P, 0 where dropped; gradients of P before the mask
 * -> P (gradient - delta), 0 for the gradient where dropped. The constant factors of both are left out. */
static void score_lanes(const attention *a, const mask *m, const buffers *b, int64_t first, int64_t end, int64_t c) {
    const vf scale2 = v_set(a->scale * LOG2_E), log_sum = v_load(b->log_sums + c), delta = v_load(b->deltas + c);
    const vf least = v_set(-126.0f);
    const vu key_high = v_load_words(b->high + c);
    vu place = v_load_words(b->low + c) + (uint32_t)first * MASK_COLUMN;
    const int64_t stride = b->stride;
#if WORD_DEPTH == 2
    stored *p_out = (stored *)b->p + first * stride + c, *ds_out = (stored *)b->ds + first * stride + c;
    word *down_out = b->ds_down + first / 2 * stride + c;
    const float *s = b->scores + c, *g = b->gradients + c;
#else
    float *s = b->scores + first * stride + c, *g = b->gradients + first * stride + c;
#endif
    for (int64_t j = first; j < end; j += WORD_DEPTH) {
        vf ds[2] = {{0}};
        for (int e = 0; e < WORD_DEPTH && j + e < end; e++, s += stride, g += stride) {
            vf p = v_exp2(v_max(least, v_load(s) * scale2 - log_sum)), dp = v_load(g);
            vi dropped = {0};
            if (m->on) {
                dropped = v_dropped(m, place, key_high);
                dp = (vf)(~dropped & (vi)dp);
                place += MASK_COLUMN;
            }
            ds[e] = p * (dp - delta);
            if (m->on) p = (vf)(~dropped & (vi)p);
#if WORD_DEPTH == 2
            v_store_stored(p_out, p);
            v_store_stored(ds_out, ds[e]);
            p_out += stride;
            ds_out += stride;
        }
        v_store_words(down_out, v_join(ds[0], ds[1]));
        down_out += stride;
#else
            v_store(s, p);
            v_store(g, ds[e]);
        }
#endif
    }
}

/* Scores and their gradients for all keys against the block's queries. */
static void score_block(const attention *a, const mask *m, const buffers *b, int64_t keys, int64_t n, words k, words v,
                        ahead *next) {
    const int64_t columns = round_up(n, LANES), depth = words_of(a->width);
#if WORD_DEPTH == 2
    const int64_t step = KEYS;
#else
    const int64_t step = keys;
#endif
    for (int64_t first = 0; first < keys; first += step) {
        const int64_t rows = min_of(step, keys - first);
        const word_product qk = {.rows = rows,
                                 .columns = columns,
                                 .depth = depth,
                                 .a = k.at + first * k.row,
                                 .a_row = k.row,
                                 .a_step = 1,
                                 .b = {b->q_across, b->stride},
                                 .next = next};
        word_product dov = qk;
        dov.a = v.at + first * v.row;
        dov.a_row = v.row;
        dov.b.at = b->dout_across;
        kern_multiply_words(&qk, false, b->scores, b->stride);
        kern_multiply_words(&dov, false, b->gradients, b->stride);
        for (int64_t c = 0; c < n; c += LANES) score_lanes(a, m, b, first, first + rows, c);
    }
}

/* What is constant per query: log-sum-exps, the sums of P dP, keys of the mask. */
static void prepare_lanes(const attention *a, const mask *m, const buffers *b, int64_t first, int64_t n, int64_t head) {
    const int64_t start = first * a->d + head * a->width;
    row_dots(n, a->width, a->out + start, a->dout + start, a->d, b->deltas);
    /* The gradients are not multiplied by 1/(1-p) when score_lanes subtracts these. */
    const float kept_share = m->on ? 1.0f / m->scale[0] : 1.0f;
    for (int64_t i = 0; i < n; i++) {
        b->log_sums[i] = a->log_sum[(first + i) * a->heads + head] * LOG2_E;
        b->deltas[i] *= kept_share;
    }
    for (int64_t i = n; i < round_up(n, LANES); i++) b->log_sums[i] = 0.0f;
    if (m->on) attention_row_keys(a, first, n, head, b->low, b->high);
}

/* The sums over the blocks to where they belong. */
static void store_sums(int64_t n, int64_t width, const float *sums, int64_t row, float factor, float beta, stored *c,
                       int64_t ld) {
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < width; j++) {
            const float old = beta == 0.0f ? 0.0f : beta * load_stored(c + i * ld + j);
            store_stored(c + i * ld + j, old + factor * sums[i * row + j]);
        }
    }
}

static void backward_head(const attention *a, const mask *m, int64_t first, int64_t keys, int64_t head, ahead *next) {
    const int64_t width = a->width, wide = round_up(width, LANES), d = a->d, ld = 3 * d;
    const int64_t queries = block_queries(keys);
    const buffers b = take_buffers(keys, queries, wide);
    const stored *q = a->qkv + first * ld + head * width, *dout = a->dout + first * d + head * width;
    stored *dq = a->result + first * ld + head * width;
    const float factor_p = m->on ? m->scale[0] : 1.0f, factor_s = a->scale * factor_p;
    const words k = kern_head_rows(keys, width, q + d, ld, b.k_rows);
    const words v = kern_head_rows(keys, width, q + 2 * d, ld, b.v_rows);
    const words k_stack = kern_head_stack(keys, width, q + d, ld, b.k_stack);
    ahead_spread(next, 2 * n_tiles(keys, keys) + 3 * n_tiles(keys, width));
    for (int64_t i = 0; i < keys; i += queries) {
        const int64_t n = min_of(queries, keys - i);
        prepare_lanes(a, m, &b, first + i, n, head);
        kern_head_across(n, width, q + i * ld, ld, b.q_across, b.stride);
        kern_head_across(n, width, dout + i * d, d, b.dout_across, b.stride);
        score_block(a, m, &b, keys, n, k, v, next);
        word_product dv = {.rows = keys,
                           .columns = width,
                           .depth = words_of(n),
                           .a = b.p,
                           .a_row = b.row,
                           .a_step = 1,
                           .b = kern_head_stack(n, width, dout + i * d, d, b.dout_stack),
                           .next = next};
        word_product dk = dv;
        dk.a = b.ds;
        dk.b = kern_head_stack(n, width, q + i * ld, ld, b.q_stack);
        if (queries == keys) {
            kern_multiply_words_into(&dv, &factor_p, 0, a->beta, dq + 2 * d, ld);
            kern_multiply_words_into(&dk, &factor_s, 0, a->beta, dq + d, ld);
        } else {
            dv.columns = dk.columns = wide;
            kern_multiply_words(&dv, i > 0, b.dv, wide);
            kern_multiply_words(&dk, i > 0, b.dk, wide);
        }
        const word_product ds_k = {.rows = n,
                                   .columns = width,
                                   .depth = words_of(keys),
                                   .a = b.ds_down,
                                   .a_row = 1,
                                   .a_step = b.stride,
                                   .b = k_stack,
                                   .next = next};
        kern_multiply_words_into(&ds_k, &factor_s, 0, a->beta, dq + i * ld, ld);
    }
    if (queries == keys) return;
    store_sums(keys, width, b.dv, wide, factor_p, a->beta, dq + 2 * d, ld);
    store_sums(keys, width, b.dk, wide, factor_s, a->beta, dq + d, ld);
}

static void attention_backward(kern_sequences sequences, int64_t heads, int64_t d, double scale, kern_dropout dropout,
                               const kern_stored *qkv, const kern_stored *out, const float *log_sum,
                               const kern_stored *dout, float beta, kern_stored *dqkv) {
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
                   .result = dqkv};
    kern_attention_run(&a, backward_head);
}

void KERN_NAME(kern_fill_attention_backward)(kern_table *table) {
    table->attention_backward = attention_backward;
}
