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
    uint8_t *quants;
    float *factors;
} linear;

/* ---- activations ---- */

/* GELU for numbers that are rounded to 8 bits next: absolute error 7e-5, relative to |x| 2e-4. x Phi(x) = max(x, 0) -
 * |x| tail(|x|), the tail of the normal distribution as a polynomial (minimax of the result's error, by linear
 * programming), and as that of 4.5 beyond. NaN stays NaN. */
static inline vf v_gelu_coarse(vf x) {
    const vf a = v_min(v_set(4.5f), v_absolute(x));
    vf t = v_set(-1.30013249e-05f);
    t = t * a + v_set(0.000307557901f);
    t = t * a + v_set(-0.00299556204f);
    t = t * a + v_set(0.0150320148f);
    t = t * a + v_set(-0.0380214117f);
    t = t * a + v_set(0.0292921532f);
    t = t * a + v_set(0.0506631024f);
    t = t * a + v_set(0.00291314558f);
    t = t * a + v_set(-0.398363352f);
    t = t * a + v_set(0.49982807f);
    return v_max(v_set(0.0f), x) - a * t;
}

static inline __attribute__((always_inline)) float convert_row(kern_activation act, int64_t n, const stored *x,
                                                               float *values, float *lowest, float *highest) {
    vf low = v_set(0.0f), high = v_set(0.0f);
    vu bits = (vu)low;
    for (int64_t j = 0; j < n; j += LANES) {
        /* act(0) = 0: what lies beyond the row changes nothing */
        const vf in = n - j >= LANES ? v_load_stored(x + j) : v_load_stored_part(x + j, n - j);
        const vf v = act == KERN_GELU ? v_gelu_coarse(in) : v_activate(act, in);
        v_store(values + j, v);
        low = v_min(low, v);
        high = v_max(high, v);
        bits |= (vu)v_absolute(v) + 0x00800000; /* the highest bit: an exponent as Inf and NaN have it */
    }
    *lowest = -v_highest(-low);
    *highest = v_highest(high);
    uint32_t all = 0;
    for (int l = 0; l < LANES; l++) all |= bits[l];
    return all >> 31 ? NAN : 0.0f;
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
static void quantize_row(const linear *l, int64_t row, float *values, uint8_t *q, float *scale, float *low) {
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
    uint8_t *quants;
    float *scale, *low;
} rows;

static rows quantize_rows(const linear *l, int64_t row, int64_t n, uint8_t *quants, float *factors, int64_t all,
                          float *values) {
    const rows r = {quants, factors, factors + all};
    for (int64_t i = 0; i < n; i++) quantize_row(l, row + i, values, quants + i * l->stride, r.scale + i, r.low + i);
    return r;
}

/* ---- products ---- */

/* An odd number of cache lines, so that the rows of a tile do not fall into one set of the cache. */
static int64_t row_stride(int64_t in) {
    return ((in + 63) / 64 | 1) * 64;
}

/* Cuts n rows into tiles of nearly equal height instead of full ones and a thin rest. */
static int64_t tile_rows(int64_t n) {
    const int64_t tiles = (n + INT8_ROWS - 1) / INT8_ROWS;
    return (n + tiles - 1) / tiles;
}

static void multiply_rows(const linear *l, rows r, int64_t row, int64_t n, int64_t column, int64_t last_column) {
    const int64_t height = tile_rows(n), out = l->w->out;
    for (int64_t j = column; j < last_column; j += INT8_COLUMNS) {
        const int8_t *panel = l->w->packed + j * l->groups * INT8_GROUP;
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
    const int64_t values = round_up(l->w->in, LANES), floats = round_up(values + 2 * n, 16);
    if (!l->quants) {
        float *scratch = kern_scratch_take(KERN_SCRATCH_TASK, floats * 4 + n * l->stride);
        r = quantize_rows(l, row, n, (uint8_t *)(scratch + floats), scratch + values, n, scratch);
    }
    multiply_rows(l, r, row, n, column, min_of(column + l->block_columns, l->w->out));
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
    l->quants = kern_scratch_take(KERN_SCRATCH_CALL, l->n * (l->stride + 8));
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
    const int64_t fitting = max_of(INT8_ROWS, BLOCK_BYTES / l.stride);
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
