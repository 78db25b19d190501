/* Operands of the register tile as 32-bit words. A word is a float, or, with KERN_PAIRS, two neighbours of the depth in
 * bf16, the first one in the lower half: what one lane of AVX512-BF16's vdpbf16ps multiplies and adds. */
#ifndef KERN_SIMD_WORDS_H
#define KERN_SIMD_WORDS_H

#include "autograd/kernels/cpu/simd/simd.h"

#if defined(KERN_PAIRS)
#define WORD_DEPTH 2 /* elements of the depth in a word */
#else
#define WORD_DEPTH 1
#endif

/* Also read through this type: rows of floats, and rows of bf16 with an even number of elements. */
typedef uint32_t word __attribute__((may_alias, aligned(2)));
typedef uint32_t vu_unaligned __attribute__((vector_size(LANES * 4), aligned(2), may_alias));

static inline vu v_load_words(const word *p) {
    return *(const vu_unaligned *)p;
}

static inline void v_store_words(word *p, vu v) {
    *(vu_unaligned *)p = v;
}

static inline vu v_set_word(uint32_t x) {
    return (vu){0} + x;
}

/* acc + a * b of every lane. */
static inline vf v_add_product(vf acc, vu a, vu b) {
    return acc + (vf)a * (vf)b;
}

/* acc + the products of both halves of every lane. The instruction takes numbers below 1.2e-38 for zero. */
static inline vf v_add_pair_product(vf acc, vu a, vu b) {
#if defined(__AVX512BF16__)
    return (vf)_mm512_dpbf16_ps((__m512)acc, (__m512bh)a, (__m512bh)b);
#else
    acc += (vf)(a & 0xffff0000) * (vf)(b & 0xffff0000);
    return acc + (vf)(a << 16) * (vf)(b << 16);
#endif
}

/* acc + a * b of words as this set has them. */
static inline vf v_add_words(vf acc, vu a, vu b) {
    return WORD_DEPTH == 2 ? v_add_pair_product(acc, a, b) : v_add_product(acc, a, b);
}

#if defined(KERN_HALF)
/* Two depths that are bf16 already, side by side. */
static inline vu v_join_exact(vf even, vf odd) {
    return (vu)even >> 16 | (vu)odd;
}

/* The same of any floats, rounded to nearest even. */
static inline vu v_join(vf even, vf odd) {
    return v_widen(v_to_bf16(even)) | v_widen(v_to_bf16(odd)) << 16;
}

/* 2 LANES neighbours of the depth, rounded: the words of one row. */
static inline vu v_round_pairs(vf first, vf second) {
#if defined(__AVX512BF16__)
    const __m512i lower = _mm512_castsi256_si512((__m256i)v_to_bf16(first));
    return (vu)_mm512_inserti64x4(lower, (__m256i)v_to_bf16(second), 1);
#else
    union {
        vh halves[2];
        vu words;
    } row = {{v_to_bf16(first), v_to_bf16(second)}};
    return row.words;
#endif
}
#endif

#if LANES == 16
#define LOWER_HALVES 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define UPPER_HALVES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define LOWER_HALVES 0, 8, 1, 9, 2, 10, 3, 11
#define UPPER_HALVES 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LOWER_HALVES 0, 4, 1, 5
#define UPPER_HALVES 2, 6, 3, 7
#endif

/* LANES x LANES transpose in registers: log2(LANES) times row i is shuffled into row i + LANES/2. */
static inline __attribute__((always_inline)) void v_transpose(vu rows[LANES]) {
    for (int round = 1; round < LANES; round *= 2) {
        vu shuffled[LANES];
        for (int i = 0; i < LANES / 2; i++) {
            shuffled[2 * i] = __builtin_shufflevector(rows[i], rows[i + LANES / 2], LOWER_HALVES);
            shuffled[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + LANES / 2], UPPER_HALVES);
        }
        for (int i = 0; i < LANES; i++) rows[i] = shuffled[i];
    }
}

#endif
