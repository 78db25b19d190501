/* The linear layer of int8 inference (formulas: kern_int8 in kernels.h): rows of activations are quantised as they are
 * read, activation function included, and multiplied with weights that were packed once, panel by panel. Sums are
 * integers, so results depend neither on the number of threads nor on how the work is cut. */
#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/scratch.h"
#include "autograd/kernels/cpu/simd/simd_fill.h"
#include "autograd/kernels/cpu/simd/simd_int8_linear.h"
#include "autograd/kernels/cpu/simd/simd_math.h"

#define BLOCK_BYTES (160 << 10)     /* quantised rows of a task: they stay in the second-level cache */
#define BLOCK_ROWS  (8 * INT8_ROWS) /* more reuse of a panel gains nothing */
#define LEAST_ROWS  (4 * INT8_ROWS) /* fewer make reading the weights expensive */
#define GRAIN_OPS   400000.0        /* a smaller task is not worth waking a thread */
#define ROUND       12582912.0f     /* 1.5 * 2^23: adding it rounds to an integer, found in the low bits */

typedef struct linear {
    int64_t n;
    kern_activation act;
    const stored *x;
    const kern_int8 *w;
    const float *bias;
    stored *y;
    int64_t groups, stride; /* of depth; from one quantised row to the next */
    int64_t block_rows, n_row_blocks, block_columns;
    /* all rows quantised beforehand, with their factors; NULL: every task does its own */
    quant *quants;
    float *factors;
} linear;

/* ---- activations ---- */

static inline __attribute__((always_inline)) float convert_row(kern_activation act, int64_t n, const stored *x,
                                                               float *values, float *lowest, float *highest) {
    vf low = v_set(0.0f), high = v_set(0.0f), check = v_set(0.0f);
    for (int64_t j = 0; j < n; j += LANES) {
        /* act(0) = 0: what lies beyond the row changes nothing */
        const vf v = v_activate(act, n - j >= LANES ? v_load_stored(x + j) : v_load_stored_part(x + j, n - j));
        v_store(values + j, v);
        low = v_min(low, v);
        high = v_max(high, v);
        check += v * v_set(0.0f);
    }
    *lowest = -v_highest(-low);
    *highest = v_highest(high);
    return v_sum(check);
}

/* act(x) to `values`, its range with zero in it, and 0, or NaN when a value is not finite. */
static float activate_row(kern_activation act, int64_t n, const stored *x, float *values, float *low, float *high) {
    switch (act) {
    case KERN_GELU:
        return convert_row(KERN_GELU, n, x, values, low, high);
    case KERN_TANH:
        return convert_row(KERN_TANH, n, x, values, low, high);
    case KERN_RELU:
        return convert_row(KERN_RELU, n, x, values, low, high);
    case KERN_NONE:
        break;
    }
    return convert_row(KERN_NONE, n, x, values, low, high);
}

/* factors: the row's scale and the value of quant 0. */
static void quantize_row(const linear *l, int64_t row, float *values, quant *q, float *scale, float *low) {
    const int64_t in = l->w->in;
    float lowest, highest;
    const float check = activate_row(l->act, in, l->x + row * in, values, &lowest, &highest);
    const kern_int8_range range = kern_int8_range_of(lowest, highest);
    *scale = range.scale + check;
    *low = range.low + check;
    const vf inverse = v_set(range.inverse), shift = v_set(ROUND + range.zero);
    for (int64_t j = 0; j < in; j += LANES) v_store_quants(q + j, (vi)(v_load(values + j) * inverse + shift));
}

typedef struct rows {
    quant *quants;
    float *scale, *low;
} rows;

static rows quantize_rows(const linear *l, int64_t row, int64_t n, quant *quants, float *factors, int64_t all,
                          float *values) {
    const rows r = {quants, factors, factors + all};
    for (int64_t i = 0; i < n; i++) quantize_row(l, row + i, values, quants + i * l->stride, r.scale + i, r.low + i);
    return r;
}

/* ---- products ---- */

/* An odd number of cache lines, so that the rows of a tile do not fall into one set of the cache. */
static int64_t row_stride(int64_t in) {
    const int64_t line = 64 / (int64_t)sizeof(quant);
    return ((in + line - 1) / line | 1) * line;
}

/* Cuts n rows into tiles of nearly equal height instead of full ones and a thin rest. */
static int64_t tile_rows(int64_t n) {
    const int64_t tiles = (n + INT8_ROWS - 1) / INT8_ROWS;
    return (n + tiles - 1) / tiles;
}

/* The panel as the tile reads it; widened ones go to `words` and stay in the first cache for all tiles of the task. */
static const weight *prepare_panel(int64_t groups, const int8_t *panel, weight *words) {
#if INT8_PAIRS
    weight *to = words;
    for (int64_t g = 0; g < groups; g++, panel += INT8_GROUP * INT8_COLUMNS) {
        const vi w0 = *(const vi_unaligned *)panel, w1 = *(const vi_unaligned *)(panel + 4 * LANES);
        for (int half = 0; half < 2; half++, to += 4 * LANES) {
            *(vi_unaligned *)to = v_words(w0, half);
            *(vi_unaligned *)(to + 2 * LANES) = v_words(w1, half);
        }
    }
    return words;
#else
    (void)groups, (void)words;
    return panel;
#endif
}

static int64_t panel_bytes(const linear *l) {
    return INT8_PAIRS ? l->groups * INT8_GROUP * INT8_COLUMNS * (int64_t)sizeof(weight) : 0;
}

static void multiply_rows(const linear *l, rows r, int64_t row, int64_t n, int64_t column, int64_t last_column,
                          weight *words) {
    const int64_t height = tile_rows(n), out = l->w->out;
    for (int64_t j = column; j < last_column; j += INT8_COLUMNS) {
        const weight *panel = prepare_panel(l->groups, l->w->packed + j * l->groups * INT8_GROUP, words);
        for (int64_t i = 0; i < n; i += height) {
            const int8_output output = {.row_scale = r.scale + i,
                                        .row_low = r.low + i,
                                        .column_scale = l->w->scale + j,
                                        .column_sum = l->w->sum + j,
                                        .bias = l->bias ? l->bias + j : NULL,
                                        .y = l->y + (row + i) * out + j,
                                        .ldy = out,
                                        .columns = out - j};
            kern_int8_tile(min_of(height, n - i), l->groups, r.quants + i * l->stride, l->stride, panel, &output);
        }
    }
}

static void multiply_task(void *context, int64_t i, int thread) {
    (void)thread;
    const linear *l = context;
    const int64_t row = i % l->n_row_blocks * l->block_rows, n = min_of(l->block_rows, l->n - row);
    const int64_t column = i / l->n_row_blocks * l->block_columns;
    rows r = {l->quants + row * l->stride, l->factors + row, l->factors + l->n + row};
    const int64_t values = round_up(l->w->in, LANES), floats = l->quants ? 0 : round_up(values + 2 * n, 16);
    const int64_t quants_bytes = l->quants ? 0 : round_up(n * l->stride * (int64_t)sizeof(quant), 64);
    float *scratch = kern_scratch_take(KERN_SCRATCH_TASK, floats * 4 + quants_bytes + panel_bytes(l));
    quant *quants = (quant *)(scratch + floats);
    if (!l->quants) r = quantize_rows(l, row, n, quants, scratch + values, n, scratch);
    weight *words = (weight *)((char *)quants + quants_bytes);
    multiply_rows(l, r, row, n, column, min_of(column + l->block_columns, l->w->out), words);
}

#define QUANTIZE_ROWS 8

static void quantize_task(void *context, int64_t i, int thread) {
    (void)thread;
    const linear *l = context;
    const int64_t row = i * QUANTIZE_ROWS, n = min_of(QUANTIZE_ROWS, l->n - row);
    float *values = kern_scratch_take(KERN_SCRATCH_TASK, round_up(l->w->in, LANES) * 4);
    quantize_rows(l, row, n, l->quants + row * l->stride, l->factors + row, l->n, values);
}

/* Few rows (one query): they are quantised first, and the tasks share them and cut the columns. */
static void quantize_first(linear *l, int64_t tasks) {
    const int64_t row_bytes = l->stride * (int64_t)sizeof(quant);
    l->quants = kern_scratch_take(KERN_SCRATCH_CALL, l->n * (row_bytes + 8));
    l->factors = (float *)(l->quants + l->n * l->stride);
    const int64_t groups = (tasks + l->n_row_blocks - 1) / l->n_row_blocks;
    l->block_columns = max_of(round_up((l->w->out + groups - 1) / groups, INT8_COLUMNS), 2 * INT8_COLUMNS);
    senc_parallel((l->n + QUANTIZE_ROWS - 1) / QUANTIZE_ROWS, quantize_task, l);
}

static void linear_int8(int64_t n, kern_activation act, const kern_stored *x, const kern_int8 *w, const float *bias,
                        kern_stored *y) {
    if (n <= 0) return;
    linear l = {.n = n, .act = act, .x = x, .w = w, .bias = bias, .y = y, .block_columns = w->out};
    l.groups = (w->in + INT8_GROUP - 1) / INT8_GROUP;
    l.stride = row_stride(w->in);
    const int64_t threads = senc_threads_here();
    const double ops = 2.0 * (double)n * (double)w->in * (double)w->out;
    const int64_t wanted = min_of(threads == 1 ? 1 : 4 * threads, 1 + (int64_t)(ops / GRAIN_OPS));
    const int64_t fitting = max_of(INT8_ROWS, BLOCK_BYTES / (l.stride * (int64_t)sizeof(quant)));
    const int64_t most = min_of(BLOCK_ROWS, fitting / INT8_ROWS * INT8_ROWS);
    l.block_rows = min_of(most, max_of(LEAST_ROWS, (n + wanted - 1) / wanted));
    l.n_row_blocks = (n + l.block_rows - 1) / l.block_rows;
    l.block_rows = (n + l.n_row_blocks - 1) / l.n_row_blocks;
    l.n_row_blocks = (n + l.block_rows - 1) / l.block_rows;
    if (l.n_row_blocks < wanted) quantize_first(&l, wanted);
    senc_parallel(l.n_row_blocks * ((w->out + l.block_columns - 1) / l.block_columns), multiply_task, &l);
}

/* ---- weights ---- */

#if !defined(KERN_HALF)
/* Panels of INT8_COLUMNS outputs: [depth / 4][output][4], zero beyond the matrix. */
static void int8_pack(int64_t in, int64_t out, const int8_t *w, int8_t *packed) {
    const int64_t groups = (in + INT8_GROUP - 1) / INT8_GROUP;
    memset(packed, 0, (size_t)kern_int8_bytes(in, out));
    for (int64_t j = 0; j < out; j++) {
        int8_t *column = packed + j / INT8_COLUMNS * INT8_COLUMNS * groups * INT8_GROUP + j % INT8_COLUMNS * INT8_GROUP;
        const int8_t *row = w + j * in;
        for (int64_t p = 0; p < in; p += INT8_GROUP)
            memcpy(column + p * INT8_COLUMNS, row + p, (size_t)min_of(INT8_GROUP, in - p));
    }
}
#endif

void KERN_NAME(kern_fill_int8)(kern_table *table) {
#if !defined(KERN_HALF) /* the bf16 table reads what its partner packs */
    table->int8_pack = int8_pack;
#endif
    table->linear_int8 = linear_int8;
}
