/* The register tile: see simd_tile.h. */
#include "autograd/kernels/cpu/simd/simd_tile.h"

/* Unrolled early enough that the accumulators become registers. */
#if defined(KERN_WIDE)
#define UNROLL /* they would not: 28 vectors of 16 lanes in AVX2's registers */
#elif defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 14")
#endif

/* The compiler may not see what the pointer was computed from. */
#define HIDE(pointer) __asm__("" : "+r"(pointer))

/* rows is a constant at every call, so the loops over it unroll and acc lives in registers. c is whole: every row has
 * TILE_COLUMNS. onto: the sums begin with what is in c. */
static inline __attribute__((always_inline)) void tile(const bool pairs, const bool onto, const int rows, int64_t k,
                                                       const word *a, int64_t row_stride, int64_t step,
                                                       const word *panel, const float *start, bool accumulate, float *c,
                                                       int64_t ldc) {
    vf acc[TILE_ROWS][2];
    const vf start0 = start ? v_load(start) : v_set(0.0f), start1 = start ? v_load(start + LANES) : v_set(0.0f);
    UNROLL
    for (int i = 0; i < rows; i++) {
        acc[i][0] = onto ? v_load(c + i * ldc) : start0;
        acc[i][1] = onto ? v_load(c + i * ldc + LANES) : start1;
        __builtin_prefetch(c + i * ldc, 1);
        __builtin_prefetch(c + i * ldc + TILE_COLUMNS - 1, 1);
    }
    /* Three pointers to rows instead of one with 13 strides: those would not fit the registers. */
    const word *a5 = a + (rows > 5 ? 5 : 0) * row_stride, *a10 = a + (rows > 10 ? 10 : 0) * row_stride;
    HIDE(a5);
    HIDE(a10);
    for (int64_t p = 0; p < k; p++) {
        const vu b0 = v_load_words(panel), b1 = v_load_words(panel + LANES);
        UNROLL
        for (int i = 0; i < rows; i++) {
            const vu ai = v_set_word((i < 5 ? a : i < 10 ? a5 : a10)[i % 5 * row_stride]);
            acc[i][0] = pairs ? v_add_pair_product(acc[i][0], ai, b0) : v_add_product(acc[i][0], ai, b0);
            acc[i][1] = pairs ? v_add_pair_product(acc[i][1], ai, b1) : v_add_product(acc[i][1], ai, b1);
        }
        panel += TILE_COLUMNS;
        a += step;
        a5 += step;
        a10 += step;
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        float *row = c + i * ldc;
        v_store(row, accumulate ? v_load(row) + acc[i][0] : acc[i][0]);
        v_store(row + LANES, accumulate ? v_load(row + LANES) + acc[i][1] : acc[i][1]);
    }
}

#define TILE_CASE(rows)                                                                                                \
    case rows:                                                                                                         \
        tile(pairs, onto, rows, k, a, row_stride, step, panel, start, accumulate, c, ldc);                             \
        return

static inline __attribute__((always_inline)) void whole_tile(const bool pairs, const bool onto, int64_t rows, int64_t k,
                                                             const word *a, int64_t row_stride, int64_t step,
                                                             const word *panel, const float *start, bool accumulate,
                                                             float *c, int64_t ldc) {
#if defined(KERN_WIDE)
    tile(pairs, onto, (int)rows, k, a, row_stride, step, panel, start, accumulate, c, ldc);
#else
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
#endif
}

/* The first columns of a whole tile to c. */
static void store_part(int64_t rows, int64_t columns, const float *whole, bool accumulate, float *c, int64_t ldc) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) {
            const float x = whole[i * TILE_COLUMNS + j];
            c[i * ldc + j] = accumulate ? c[i * ldc + j] + x : x;
        }
    }
}

void kern_word_tile(int64_t rows, int64_t columns, int64_t k, const word *a, int64_t row_stride, int64_t step,
                    const word *panel, const float *start, bool accumulate, float *c, int64_t ldc) {
    const bool whole = columns == TILE_COLUMNS;
    float part[TILE_ROWS * TILE_COLUMNS];
    whole_tile(WORD_DEPTH == 2, false, rows, k, a, row_stride, step, panel, start, accumulate && whole,
               whole ? c : part, whole ? ldc : TILE_COLUMNS);
    if (!whole) store_part(rows, columns, part, accumulate, c, ldc);
}

#if !defined(KERN_PAIRS)
void kern_tile_onto(int64_t rows, int64_t k, const float *a, int64_t row_stride, int64_t step, const float *panel,
                    float *c, int64_t ldc) {
    whole_tile(false, true, rows, k, (const word *)a, row_stride, step, (const word *)panel, NULL, false, c, ldc);
}

/* Columns of the panel are rows of `in` (stride apart), which are read LANES elements at a time. */
static void transpose_block(const float *in, int64_t stride, float *panel) {
    vu rows[LANES];
    for (int j = 0; j < LANES; j++) rows[j] = (vu)v_load(in + j * stride);
    v_transpose(rows);
    for (int p = 0; p < LANES; p++) v_store(panel + p * TILE_COLUMNS, (vf)rows[p]);
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
#endif
