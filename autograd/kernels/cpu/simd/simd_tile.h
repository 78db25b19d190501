/* The one inner loop of all matrix products, attention included: a tile of at most TILE_ROWS x TILE_COLUMNS of C in
 * registers, A read element by element through two strides, B from a packed panel (k rows of TILE_COLUMNS floats,
 * zero-padded). BLIS calls this the micro-kernel (Van Zee, van de Geijn 2015). */
#ifndef KERN_SIMD_TILE_H
#define KERN_SIMD_TILE_H

#include "autograd/kernels/cpu/simd/simd_words.h"

/* Accumulators + one row of B + one broadcast must fit the registers: 32 with AVX-512 (and on ARM), else 16. */
#if LANES == 16
#define TILE_ROWS 14
#else
#define TILE_ROWS 6
#endif
#define TILE_COLUMNS (2 * LANES)

/* c (rows, columns) = start (+ c when accumulate) + sum_p a[i * row_stride + p * step] * panel[p * TILE_COLUMNS + j],
 * on words (see simd_words.h); with KERN_PAIRS k counts pairs. start: TILE_COLUMNS floats that every row begins with
 * (zeros or a bias); NULL: zeros. rows in [1, TILE_ROWS], columns in [1, TILE_COLUMNS]. */
void KERN_NAME(kern_word_tile)(int64_t rows, int64_t columns, int64_t k, const word *a, int64_t row_stride,
                               int64_t step, const word *panel, const float *start, bool accumulate, float *c,
                               int64_t ldc);
#define kern_word_tile KERN_NAME(kern_word_tile)

#if !defined(KERN_PAIRS)
/* The same on floats for whole tiles, where the sums begin with what is in c: of every row its own number. */
void KERN_NAME(kern_tile_onto)(int64_t rows, int64_t k, const float *a, int64_t row_stride, int64_t step,
                               const float *panel, float *c, int64_t ldc);
#define kern_tile_onto KERN_NAME(kern_tile_onto)

/* Packs rows [0, k) and columns [first, first + TILE_COLUMNS) of a matrix with n columns into a panel; what lies beyond
 * n is zero. Element (p, j) is b[p * row_stride + j * step], one of the strides being 1. */
void KERN_NAME(kern_pack_panel)(int64_t k, int64_t first, int64_t n, const float *b, int64_t row_stride, int64_t step,
                                float *panel);
#define kern_pack_panel KERN_NAME(kern_pack_panel)
#endif

/* Cuts n rows into tiles of nearly equal height instead of full ones and a thin rest. */
static inline int64_t tile_height(int64_t n) {
    const int64_t tiles = (n + TILE_ROWS - 1) / TILE_ROWS;
    return (n + tiles - 1) / tiles;
}

#endif
