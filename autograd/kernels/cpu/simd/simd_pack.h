/* Packs the operands of a product into the words of the register tile (simd_words.h), with the activation of the linear
 * layer on the way. Depths count elements; where they are odd and words are pairs, the last word is filled with zeros.
 */
#ifndef KERN_SIMD_PACK_H
#define KERN_SIMD_PACK_H

#include "autograd/kernels/cpu/simd/simd_tile.h"
#include "autograd/kernels/kernels.h"

static inline int64_t words_of(int64_t depth) {
    return (depth + WORD_DEPTH - 1) / WORD_DEPTH;
}

/* A panel of B whose rows lie as they are: `columns` <= TILE_COLUMNS of n_depth rows, `row` elements apart. */
void KERN_NAME(kern_pack_float_rows)(int64_t n_depth, const float *b, int64_t row, int64_t columns, word *panel);
void KERN_NAME(kern_pack_stored_rows)(kern_activation act, int64_t n_depth, const stored *b, int64_t row,
                                      int64_t columns, word *panel);
/* A panel of B whose columns lie as rows, `step` elements apart. */
void KERN_NAME(kern_pack_float_columns)(int64_t n_depth, const float *b, int64_t step, int64_t columns, word *panel);

/* Rows of A, row-major, into rows of `width` words. */
void KERN_NAME(kern_pack_a_rows)(kern_activation act, int64_t rows, int64_t n_depth, const stored *a, int64_t row,
                                 word *out, int64_t width);

/* One tile of transposed A: columns [0, rows) of n_depth rows of `a`, `step` elements apart, as [word of
 * depth][height]. While `room` columns can be read, whole vectors are copied: what is too much is overwritten by the
 * next depth or falls into the gap of COPY_WORDS behind the tile. */
#define COPY_WORDS ((TILE_ROWS + LANES - 1) / LANES * LANES)
void KERN_NAME(kern_pack_a_tile)(int64_t n_depth, const stored *a, int64_t step, int64_t rows, int64_t room,
                                 int64_t height, word *out);
/* sums (rows) += the sums over the depth of such a tile. */
void KERN_NAME(kern_add_tile_sums)(int64_t n_words, const word *tile, int64_t height, int64_t rows, float *sums);

/* y = act(x) as floats. */
void KERN_NAME(kern_activate_stored)(kern_activation act, int64_t n, const stored *x, float *y);
/* y (rows, columns) = tile * act'(at), or with add y += that, for a tile of floats with rows of TILE_COLUMNS. The rows
 * of y and at are ld apart; `at` is not read when act is KERN_NONE. */
void KERN_NAME(kern_finish_tile)(kern_activation act, int64_t rows, int64_t columns, const float *tile,
                                 const stored *at, bool add, stored *y, int64_t ld);

#define kern_pack_float_rows    KERN_NAME(kern_pack_float_rows)
#define kern_pack_stored_rows   KERN_NAME(kern_pack_stored_rows)
#define kern_pack_float_columns KERN_NAME(kern_pack_float_columns)
#define kern_pack_a_rows        KERN_NAME(kern_pack_a_rows)
#define kern_pack_a_tile        KERN_NAME(kern_pack_a_tile)
#define kern_add_tile_sums      KERN_NAME(kern_add_tile_sums)
#define kern_activate_stored    KERN_NAME(kern_activate_stored)
#define kern_finish_tile        KERN_NAME(kern_finish_tile)

#endif
