/* What attention forward and backward share: the tasks and the packing of one head. */
#ifndef KERN_SIMD_ATTENTION_H
#define KERN_SIMD_ATTENTION_H

#include "autograd/kernels/cpu/simd/simd_dropout.h"
#include "autograd/kernels/cpu/simd/simd_tile.h"

/* A task is one head of one sequence, or all heads of a short sequence. */
typedef struct attention_task {
    int64_t sequence, first_head, n_heads;
} attention_task;

typedef struct attention {
    kern_sequences sequences;
    int64_t heads, d, width; /* width = d / heads */
    float scale;
    kern_dropout dropout;
    const stored *qkv, *out, *dout;
    stored *result; /* forward: out; backward: dqkv */
    float *log_sum; /* backward only reads it */
    float beta;
    int64_t longest;
    const attention_task *tasks;
} attention;

/* Fills tasks (room for sequences.n * heads), the longest sequences first so that no thread is left with one at the
 * end, and returns their number. Sets a->longest. */
int64_t KERN_NAME(kern_attention_plan)(attention *a, attention_task *tasks);
#define kern_attention_plan KERN_NAME(kern_attention_plan)

/* Rows of a matrix (rows, width) with row length ld, packed as a right operand: panels of TILE_COLUMNS of its columns
 * (panels_by_column: the product runs over the rows) or of its rows (panels_by_row: the product runs over the columns).
 */
static inline void panels_by_column(int64_t rows, int64_t width, const float *x, int64_t ld, float *panels) {
    for (int64_t c = 0; c < width; c += TILE_COLUMNS) kern_pack_panel(rows, c, width, x, ld, 1, panels + c * rows);
}

static inline void panels_by_row(int64_t rows, int64_t width, const float *x, int64_t ld, float *panels) {
    for (int64_t r = 0; r < rows; r += TILE_COLUMNS) kern_pack_panel(width, r, rows, x, 1, ld, panels + r * width);
}

/* Rows of a head as floats: in place where that is how they are stored, else converted into the buffer (rows, width).
 * ld becomes their row length. */
static inline const float *head_floats(int64_t rows, int64_t width, const stored *x, int64_t *ld, float *buffer) {
#if defined(KERN_HALF)
    for (int64_t r = 0; r < rows; r++) {
        int64_t j = 0;
        for (; j + LANES <= width; j += LANES) v_store(buffer + r * width + j, v_load_stored(x + r * *ld + j));
        for (; j < width; j++) buffer[r * width + j] = load_stored(x + r * *ld + j);
    }
    *ld = width;
    return buffer;
#else
    (void)rows, (void)width, (void)ld, (void)buffer;
    return x;
#endif
}

/* The row length of a tile of scores: whole panels, and not a multiple of 1 KiB, so that columns of it do not fall into
 * one set of the cache. */
static inline int64_t score_stride(int64_t keys) {
    return round_up(keys, TILE_COLUMNS) + 16;
}

/* c (rows, columns) = a (rows, k) times panels (k, columns), (+ c). */
static inline void multiply_panels(int64_t rows, int64_t columns, int64_t k, const float *a, int64_t a_row,
                                   int64_t a_step, const float *panels, bool accumulate, float *c, int64_t ldc) {
    const int64_t height = tile_height(rows);
    for (int64_t j = 0; j < columns; j += TILE_COLUMNS) {
        for (int64_t i = 0; i < rows; i += height)
            kern_tile(min_of(height, rows - i), min_of(TILE_COLUMNS, columns - j), k, a + i * a_row, a_row, a_step,
                      panels + j * k, NULL, accumulate, c + i * ldc + j, ldc);
    }
}

static inline uint64_t attention_row_key(const attention *a, int64_t row, int64_t head) {
    return senc_rng_row_key(a->dropout.key, (uint64_t)((a->dropout.first_row + row) * a->heads + head));
}

#endif
