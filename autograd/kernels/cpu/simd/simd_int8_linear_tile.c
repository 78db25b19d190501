/* The register tile of int8 products: see simd_int8_linear.h. */
#include "autograd/kernels/cpu/simd/simd_int8_linear.h"

/* Unrolled early enough that the sums become registers; not where they cannot anyway. */
#if INT8_PLAIN && !defined(__clang__)
#define UNROLL _Pragma("GCC unroll 1")
#elif defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 14")
#endif

/* Columns at the right edge of the matrix. */
static void store_edge(int64_t rows, const float *values, const int8_output *out) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < out->columns; j++)
            store_stored(out->y + i * out->ldy + j, values[i * INT8_COLUMNS + j]);
    }
}

static inline vf v_load_most(const float *p, int64_t n) {
    return n >= LANES ? v_load(p) : v_load_part(p, max_of(n, 0));
}

static inline __attribute__((always_inline)) void store_tile(const int rows, vi sums[][2], const int8_output *out) {
    const vf scale0 = v_load(out->column_scale), scale1 = v_load(out->column_scale + LANES);
    const vf sum0 = v_load(out->column_sum), sum1 = v_load(out->column_sum + LANES);
    vf bias0 = v_set(0.0f), bias1 = bias0;
    if (out->bias) {
        bias0 = v_load_most(out->bias, out->columns);
        bias1 = v_load_most(out->bias + LANES, out->columns - LANES);
    }
    const bool whole = out->columns >= INT8_COLUMNS;
    float edge[INT8_ROWS * INT8_COLUMNS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        const vf row_scale = v_set(out->row_scale[i]), low = v_set(out->row_low[i]);
        const vf y0 = row_scale * (__builtin_convertvector(sums[i][0], vf) * scale0) + (low * sum0 + bias0);
        const vf y1 = row_scale * (__builtin_convertvector(sums[i][1], vf) * scale1) + (low * sum1 + bias1);
        if (whole) {
            v_store_stored(out->y + i * out->ldy, y0);
            v_store_stored(out->y + i * out->ldy + LANES, y1);
        } else {
            v_store(edge + i * INT8_COLUMNS, y0);
            v_store(edge + i * INT8_COLUMNS + LANES, y1);
        }
    }
    if (!whole) store_edge(rows, edge, out);
}

/* rows is a constant at every call, so the loops over it unroll and the sums live in registers. */
static inline __attribute__((always_inline)) void tile(const int rows, int64_t groups, const uint8_t *a, int64_t stride,
                                                       const int8_t *panel, const int8_output *out) {
    vi sums[INT8_ROWS][2];
    UNROLL
    for (int i = 0; i < rows; i++) sums[i][0] = sums[i][1] = (vi){0};
    for (int64_t g = 0; g < groups; g++) {
        const vi w0 = *(const vi_unaligned *)panel, w1 = *(const vi_unaligned *)(panel + 4 * LANES);
        UNROLL
        for (int i = 0; i < rows; i++) {
            const vi ai = v_broadcast_bytes(a + i * stride);
            sums[i][0] = v_add_fours(sums[i][0], ai, w0);
            sums[i][1] = v_add_fours(sums[i][1], ai, w1);
        }
        a += INT8_GROUP;
        panel += INT8_GROUP * INT8_COLUMNS;
    }
    store_tile(rows, sums, out);
}

#define TILE_CASE(rows)                                                                                                \
    case rows:                                                                                                         \
        tile(rows, groups, a, stride, panel, out);                                                                     \
        return

void kern_int8_tile(int64_t rows, int64_t groups, const uint8_t *a, int64_t stride, const int8_t *panel,
                    const int8_output *out) {
    switch (rows) {
        TILE_CASE(1);
        TILE_CASE(2);
        TILE_CASE(3);
        TILE_CASE(4);
        TILE_CASE(5);
        TILE_CASE(6);
#if INT8_ROWS == 14
        TILE_CASE(7);
        TILE_CASE(8);
        TILE_CASE(9);
        TILE_CASE(10);
        TILE_CASE(11);
        TILE_CASE(12);
        TILE_CASE(13);
        TILE_CASE(14);
#endif
    default:
        return;
    }
}
