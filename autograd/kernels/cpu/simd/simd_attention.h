/* What attention forward and backward share: the tasks, the operands of one head as words (simd_words.h), and products
 * of them.
 *
 * Scores lie with their queries in the lanes: row j holds key j against a block of queries. So softmax runs down the
 * columns without sums across lanes, keys and values are read as they lie in qkv, and the products with P and dS read
 * them element by element in either direction. Only the queries (and dout) are transposed. */
#ifndef KERN_SIMD_ATTENTION_H
#define KERN_SIMD_ATTENTION_H

#include "autograd/kernels/cpu/simd/simd_dropout.h"
#include "autograd/kernels/cpu/simd/simd_tile.h"

/* A task is some heads of one sequence. */
typedef struct attention_task {
    int64_t sequence, first_head;
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
    attention_task *tasks;
} attention;

/* What a thread will probably read next, fetched into the second-level cache while it computes: a head's rows lie too
 * far apart for the hardware to foresee. */
#define MOST_AHEAD 8
typedef struct ahead {
    const char *slices[MOST_AHEAD]; /* of one row */
    int64_t row_bytes[MOST_AHEAD], slice_bytes;
    int n_slices;
    int64_t rows;         /* left */
    int64_t rate, credit; /* rows per tile of a product, in 1/64 */
} ahead;

/* One head of one sequence: tokens [first, first + keys). `next` has the rows of the one after it, without a rate. */
typedef void attention_head(const attention *a, const mask *m, int64_t first, int64_t keys, int64_t head, ahead *next);
/* Runs it for all. */
void KERN_NAME(kern_attention_run)(attention *a, attention_head *head);
#define kern_attention_run KERN_NAME(kern_attention_run)

/* Spreads the rows over so many tiles. */
static inline void ahead_spread(ahead *next, int64_t tiles) {
    next->rate = next->rows * 64 / tiles + 1;
    next->credit = 0;
}

static inline int64_t words_of(int64_t n) {
    return (n + WORD_DEPTH - 1) / WORD_DEPTH;
}

/* The words of WORD_DEPTH neighbours of the depth. */
static inline vu v_words_of(const vf depths[WORD_DEPTH]) {
#if defined(KERN_PAIRS)
    return v_join(depths[0], depths[1]);
#else
    return (vu)depths[0];
#endif
}

/* A matrix of words and its row length. */
typedef struct words {
    const word *at;
    int64_t row;
} words;

/* Rows of a head (n, width) of qkv, out or dout as words along the width, where they lie or in the buffer (n, wide);
 * and as words along the rows, (words_of(n), wide). wide is width rounded up to LANES. */
words KERN_NAME(kern_head_rows)(int64_t n, int64_t width, const stored *x, int64_t ld, word *buffer);
words KERN_NAME(kern_head_stack)(int64_t n, int64_t width, const stored *x, int64_t ld, word *buffer);
/* The transpose of the rows' words: (words_of(width), stride), row j of x in column j; zeros up to the next multiple of
 * LANES. */
void KERN_NAME(kern_head_across)(int64_t n, int64_t width, const stored *x, int64_t ld, word *across, int64_t stride);
#define kern_head_rows   KERN_NAME(kern_head_rows)
#define kern_head_stack  KERN_NAME(kern_head_stack)
#define kern_head_across KERN_NAME(kern_head_across)

/* A product (rows, depth) x (depth, columns), the depth in words: a[i * a_row + p * a_step], one of the two being 1,
 * and b[p * b_row + j]. The rows of b are read up to the next multiple of LANES. */
typedef struct word_product {
    int64_t rows, columns, depth;
    const word *a;
    int64_t a_row, a_step;
    words b;
    ahead *next; /* or NULL */
} word_product;

/* About the number of tiles of a product. */
static inline int64_t n_tiles(int64_t rows, int64_t columns) {
    return (rows / TILE_ROWS + 1) * ((columns + TILE_COLUMNS - 1) / TILE_COLUMNS);
}

/* c (+)= the product; whole vectors are written. */
void KERN_NAME(kern_multiply_words)(const word_product *p, bool accumulate, float *c, int64_t ldc);
/* c = beta * c + factors[i * factor_step] * product */
void KERN_NAME(kern_multiply_words_into)(const word_product *p, const float *factors, int64_t factor_step, float beta,
                                         stored *c, int64_t ldc);
#define kern_multiply_words      KERN_NAME(kern_multiply_words)
#define kern_multiply_words_into KERN_NAME(kern_multiply_words_into)

/* The row length of an array with n queries in its lanes: not a multiple of 1 KiB, so that columns of it do not fall
 * into one set of the cache. */
static inline int64_t lane_stride(int64_t n) {
    const int64_t whole = round_up(n, 16);
    return whole % 64 ? whole : whole + 16;
}

/* The keys of the dropout mask for queries in lanes. */
static inline void attention_row_keys(const attention *a, int64_t first_row, int64_t n, int64_t head, uint32_t *low,
                                      uint32_t *high) {
    for (int64_t r = 0; r < n; r++) {
        const uint64_t row = (uint64_t)((a->dropout.first_row + first_row + r) * a->heads + head);
        const uint64_t key = senc_rng_row_key(a->dropout.key, row);
        low[r] = (uint32_t)key;
        high[r] = (uint32_t)(key >> 32);
    }
}

#endif
