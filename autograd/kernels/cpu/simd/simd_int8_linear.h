/* The inner loop of int8 products: u8 activations times s8 weights, four neighbours of the depth at a time, summed
 * exactly in int32. With VNNI that is one instruction (vpdpbusd). AVX2 multiplies bytes and adds pairs of products in
 * 16 bits (vpmaddubsw), which kern_int8's rule for neighbours keeps from saturating, and then adds pairs of those
 * (vpmaddwd). SSE2 widens first; elsewhere, and for tests of the VNNI code on any machine, plain arithmetic. */
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

#if defined(KERN_WIDE) || !defined(__x86_64__)
#define INT8_PLAIN 1
#else
#define INT8_PLAIN 0
#endif

typedef int16_t vs __attribute__((vector_size(LANES * 4)));
typedef int32_t vi_unaligned __attribute__((vector_size(LANES * 4), aligned(1), may_alias));

static inline vi v_broadcast_bytes(const void *p) {
    int32_t bits;
    memcpy(&bits, p, sizeof bits);
    return (vi){0} + bits;
}

/* x in a register from here on. Left alone, compilers make all products of a step before they add the first, and then
 * have no registers left for the sums. */
static inline __attribute__((always_inline)) vi v_held(vi x) {
#if LANES == 16 && !INT8_PLAIN
    __asm__("" : "+v"(x));
#elif !INT8_PLAIN
    __asm__("" : "+x"(x));
#endif
    return x;
}

/* Adds the four products of u8 a and s8 w of every lane. */
static inline __attribute__((always_inline)) vi v_add_fours(vi sum, vi a, vi w) {
#if INT8_PLAIN
    for (int b = 0; b < 4; b++) sum += (a >> 8 * b & 255) * (w << (24 - 8 * b) >> 24);
    return sum;
#elif defined(__AVX512VNNI__)
    return (vi)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)w);
#elif defined(__AVXVNNI__)
    return (vi)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)a, (__m256i)w);
#elif LANES == 16
    const __m512i pairs = _mm512_maddubs_epi16((__m512i)a, (__m512i)w);
    return v_held(sum + (vi)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#elif LANES == 8
    const __m256i pairs = _mm256_maddubs_epi16((__m256i)a, (__m256i)w);
    return v_held(sum + (vi)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#else
    const vs even = (vs)(w << 8) >> 8, odd = (vs)w >> 8;
    sum += (vi)_mm_madd_epi16((__m128i)(a & 0x00ff00ff), (__m128i)even);
    return sum + (vi)_mm_madd_epi16(_mm_srli_epi16((__m128i)a, 8), (__m128i)odd);
#endif
}

/* Stores the low bytes of the lanes. */
static inline void v_store_quants(uint8_t *q, vi t) {
#if defined(__AVX512F__)
    const __m128i narrow = _mm512_cvtepi32_epi8((__m512i)t);
#elif defined(__AVX2__) && LANES == 8
    const __m256i low = (__m256i)(t & 255);
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    const int64_t narrow = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));
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
void KERN_NAME(kern_int8_tile)(int64_t rows, int64_t groups, const uint8_t *a, int64_t stride, const int8_t *panel,
                               const int8_output *out);
#define kern_int8_tile KERN_NAME(kern_int8_tile)

#endif
