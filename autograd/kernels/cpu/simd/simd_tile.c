/* The register tile: see simd_tile.h. */
#include "autograd/kernels/cpu/simd/simd_tile.h"

/* Unrolled early enough that the accumulators become registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 14")
#endif

/* rows is a constant at every call, so the loops over it unroll and acc lives in registers. */
static inline __attribute__((always_inline)) void tile(const int rows, int64_t columns, int64_t k, const float *a,
                                                       int64_t row_stride, int64_t step, const float *panel,
                                                       const float *start, bool accumulate, float *c, int64_t ldc) {
    vf acc[TILE_ROWS][2];
    const vf start0 = start ? v_load(start) : v_set(0.0f), start1 = start ? v_load(start + LANES) : v_set(0.0f);
    UNROLL
    for (int i = 0; i < rows; i++) {
        acc[i][0] = start0;
        acc[i][1] = start1;
    }
    for (int64_t p = 0; p < k; p++) {
        const vf b0 = v_load(panel), b1 = v_load(panel + LANES);
        UNROLL
        for (int i = 0; i < rows; i++) {
            const vf ai = v_set(a[i * row_stride]);
            acc[i][0] += ai * b0;
            acc[i][1] += ai * b1;
        }
        panel += TILE_COLUMNS;
        a += step;
    }
    if (columns == TILE_COLUMNS) {
        UNROLL
        for (int i = 0; i < rows; i++) {
            float *row = c + i * ldc;
            v_store(row, accumulate ? v_load(row) + acc[i][0] : acc[i][0]);
            v_store(row + LANES, accumulate ? v_load(row + LANES) + acc[i][1] : acc[i][1]);
        }
        return;
    }
    float rest[TILE_ROWS][TILE_COLUMNS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        v_store(rest[i], acc[i][0]);
        v_store(rest[i] + LANES, acc[i][1]);
    }
    for (int i = 0; i < rows; i++) {
        float *row = c + i * ldc;
        for (int64_t j = 0; j < columns; j++) row[j] = accumulate ? row[j] + rest[i][j] : rest[i][j];
    }
}

#define TILE_CASE(rows)                                                                                                \
    case rows:                                                                                                         \
        tile(rows, columns, k, a, row_stride, step, panel, start, accumulate, c, ldc);                                 \
        return

void kern_tile(int64_t rows, int64_t columns, int64_t k, const float *a, int64_t row_stride, int64_t step,
               const float *panel, const float *start, bool accumulate, float *c, int64_t ldc) {
    switch (rows) {
        TILE_CASE(1);
        TILE_CASE(2);
        TILE_CASE(3);
        TILE_CASE(4);
        TILE_CASE(5);
        TILE_CASE(6);
#if TILE_ROWS == 14
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

/* LANES x LANES transpose: row j of `in` (stride apart) becomes column j of the panel. */
static void transpose_block(const float *in, int64_t stride, float *panel) {
    for (int64_t j = 0; j < LANES; j++) {
        const vf v = v_load(in + j * stride);
        for (int64_t p = 0; p < LANES; p++) panel[p * TILE_COLUMNS + j] = v[p];
    }
}

void kern_pack_panel(int64_t k, int64_t first, int64_t n, const float *b, int64_t row_stride, int64_t step,
                     float *panel) {
    const int64_t columns = min_of(TILE_COLUMNS, n - first);
    b += first * step;
    if (step == 1 && columns == TILE_COLUMNS) {
        for (int64_t p = 0; p < k; p++) {
            v_store(panel + p * TILE_COLUMNS, v_load(b + p * row_stride));
            v_store(panel + p * TILE_COLUMNS + LANES, v_load(b + p * row_stride + LANES));
        }
        return;
    }
    int64_t p = 0;
    if (row_stride == 1 && columns == TILE_COLUMNS) {
        for (; p + LANES <= k; p += LANES) {
            transpose_block(b + p, step, panel + p * TILE_COLUMNS);
            transpose_block(b + p + LANES * step, step, panel + p * TILE_COLUMNS + LANES);
        }
    }
    for (; p < k; p++) {
        float *row = panel + p * TILE_COLUMNS;
        for (int64_t j = 0; j < columns; j++) row[j] = b[p * row_stride + j * step];
        for (int64_t j = columns; j < TILE_COLUMNS; j++) row[j] = 0.0f;
    }
}
