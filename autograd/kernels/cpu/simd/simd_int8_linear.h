/* The inner loop of int8 products: u8 activations times s8 weights, four neighbours of the depth at a time, summed
 * exactly in int32. With VNNI that is one instruction (vpdpbusd); x86 without it widens to 16 bits and multiplies pairs
 * (vpmaddwd; vpmaddubsw would saturate); elsewhere, and for tests of the VNNI code on any machine, plain arithmetic. */
#ifndef KERN_SIMD_INT8_LINEAR_H
#define KERN_SIMD_INT8_LINEAR_H

#include "autograd/kernels/cpu/simd/simd.h"

/* A tile of C in registers: its sums, one row of weights and one broadcast. */
#if LANES == 16
#define INT8_ROWS 14
#else
#define INT8_ROWS 6
#endif
#define INT8_COLUMNS (2 * LANES)
#define INT8_GROUP   4

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#define INT8_PAIRS 0
#define INT8_PLAIN 0
typedef uint8_t quant;
#elif defined(KERN_WIDE) || !defined(__x86_64__)
#define INT8_PAIRS 0
#define INT8_PLAIN 1
typedef uint8_t quant;
#else
#define INT8_PAIRS 1
#define INT8_PLAIN 0
typedef int16_t quant; /* a group in the order 0 2 1 3: the pairs that v_words makes of the weights */
#endif
#if INT8_PAIRS
typedef int16_t weight; /* a group as two rows of pairs: bytes 0 and 2 of every output, then 1 and 3 */
#else
typedef int8_t weight;
#endif

typedef int16_t vs __attribute__((vector_size(LANES * 4)));
typedef int32_t vi_unaligned __attribute__((vector_size(LANES * 4), aligned(1), may_alias));

static inline vi v_broadcast_bytes(const void *p) {
    int32_t bits;
    memcpy(&bits, p, sizeof bits);
    return (vi){0} + bits;
}

#if INT8_PAIRS
/* Bytes 0 and 2 (half 0) or 1 and 3 of every lane, widened. */
static inline __attribute__((always_inline)) vi v_words(vi w, int half) {
    return half ? (vi)((vs)w >> 8) : (vi)((vs)(w << 8) >> 8);
}

/* x in a register from here on. Left alone, compilers make all products of a step before they add the first, and read
 * the weights once for every row: half the speed. */
static inline __attribute__((always_inline)) vi v_held(vi x) {
#if LANES == 16
    __asm__("" : "+v"(x));
#else
    __asm__("" : "+x"(x));
#endif
    return x;
}

/* Adds a[0] w[0] + a[1] w[1] of the 16-bit halves of every lane. */
static inline __attribute__((always_inline)) vi v_add_pairs(vi sum, vi a, vi w) {
#if LANES == 16
    return v_held(sum + (vi)_mm512_madd_epi16((__m512i)a, (__m512i)w));
#elif LANES == 8
    return v_held(sum + (vi)_mm256_madd_epi16((__m256i)a, (__m256i)w));
#else
    return v_held(sum + (vi)_mm_madd_epi16((__m128i)a, (__m128i)w));
#endif
}
#else
/* Adds the four products of u8 a and s8 w of every lane. */
static inline vi v_add_fours(vi sum, vi a, vi w) {
#if defined(__AVX512VNNI__)
    return (vi)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)w);
#elif defined(__AVXVNNI__)
    return (vi)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)a, (__m256i)w);
#else
    for (int b = 0; b < 4; b++) sum += (a >> 8 * b & 255) * (w << (24 - 8 * b) >> 24);
    return sum;
#endif
}
#endif

/* Stores the low bytes of the lanes as quants. */
static inline void v_store_quants(quant *q, vi t) {
#if INT8_PAIRS
#if LANES == 16
    t = __builtin_shufflevector(t, t, 0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
#elif LANES == 8
    t = __builtin_shufflevector(t, t, 0, 2, 1, 3, 4, 6, 5, 7);
#else
    t = __builtin_shufflevector(t, t, 0, 2, 1, 3);
#endif
    typedef int16_t words __attribute__((vector_size(LANES * 2)));
    const words narrow = __builtin_convertvector(t & 255, words);
#elif defined(__AVX512F__)
    const __m128i narrow = _mm512_cvtepi32_epi8((__m512i)t);
#else
    typedef uint8_t bytes __attribute__((vector_size(LANES)));
    const bytes narrow = __builtin_convertvector(t, bytes);
#endif
    memcpy(q, &narrow, sizeof narrow);
}

/* What turns sums into outputs: y = row_scale (sum column_scale) + (row_low column_sum + bias). */
typedef struct int8_output {
    const float *row_scale, *row_low;       /* of the tile's rows */
    const float *column_scale, *column_sum; /* of its columns, padded to full vectors */
    const float *bias;                      /* of its columns, or NULL */
    stored *y;
    int64_t ldy, columns;
} int8_output;

/* rows in [1, INT8_ROWS] of quants, `stride` apart, times a panel of weights (groups x INT8_COLUMNS x 4). */
void KERN_NAME(kern_int8_tile)(int64_t rows, int64_t groups, const quant *a, int64_t stride, const weight *panel,
                               const int8_output *out);
#define kern_int8_tile KERN_NAME(kern_int8_tile)

#endif
