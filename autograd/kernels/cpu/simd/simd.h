/* Vectors of floats at the width of the instruction set that this file is compiled for, through the vector extensions
 * of GCC and clang: the kernels are written once and compiled per instruction set (cmake/kernels.cmake). KERN_ISA is
 * the name of the set; only what the vector extensions lack (max, sqrt) is spelled in intrinsics, with a plain
 * fallback. With KERN_HALF the same files make the kernels of the bf16 table: `stored` is what activations are stored
 * as. */
#ifndef KERN_SIMD_H
#define KERN_SIMD_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "autograd/kernels/kernels.h"

#define KERN_JOIN_TOKENS(a, b) a##_##b
#define KERN_JOIN(a, b)        KERN_JOIN_TOKENS(a, b)
/* name_avx2, name_avx512, ...: for the few functions that one file of a set calls in another. */
#define KERN_NAME(name) KERN_JOIN(name, KERN_ISA)

#if defined(KERN_WIDE) || defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));
typedef uint32_t vu __attribute__((vector_size(LANES * 4)));
typedef float vf_unaligned __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

static inline vf v_load(const float *p) {
    return *(const vf_unaligned *)p;
}

static inline void v_store(float *p, vf v) {
    *(vf_unaligned *)p = v;
}

static inline vf v_set(float x) {
#if LANES == 16
    return (vf){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
#elif LANES == 8
    return (vf){x, x, x, x, x, x, x, x};
#else
    return (vf){x, x, x, x};
#endif
}

/* The first n < LANES elements; the rest are 0 / not written. */
static inline vf v_load_part(const float *p, int64_t n) {
    float buffer[LANES] = {0};
    for (int64_t i = 0; i < n; i++) buffer[i] = p[i];
    return v_load(buffer);
}

static inline void v_store_part(float *p, vf v, int64_t n) {
    float buffer[LANES];
    v_store(buffer, v);
    for (int64_t i = 0; i < n; i++) p[i] = buffer[i];
}

/* mask ? a : b; mask is all ones or all zeros per lane, as comparisons give it. */
static inline vf v_select(vi mask, vf a, vf b) {
    return (vf)((mask & (vi)a) | (~mask & (vi)b));
}

static inline vf v_absolute(vf v) {
    return (vf)((vu)v & 0x7fffffff);
}

/* a > b ? a : b, so a NaN in b is kept. */
static inline vf v_max(vf a, vf b) {
#if defined(__AVX512F__)
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__) && LANES == 8
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__x86_64__) && LANES == 4
    return (vf)_mm_max_ps((__m128)a, (__m128)b);
#else
    return v_select(a > b, a, b);
#endif
}

static inline vf v_min(vf a, vf b) {
#if defined(__AVX512F__)
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__) && LANES == 8
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#elif defined(__x86_64__) && LANES == 4
    return (vf)_mm_min_ps((__m128)a, (__m128)b);
#else
    return v_select(a < b, a, b);
#endif
}

static inline vf v_sqrt(vf a) {
#if defined(__AVX512F__)
    return (vf)_mm512_sqrt_ps((__m512)a);
#elif defined(__AVX2__) && LANES == 8
    return (vf)_mm256_sqrt_ps((__m256)a);
#elif defined(__x86_64__) && LANES == 4
    return (vf)_mm_sqrt_ps((__m128)a);
#else
    for (int i = 0; i < LANES; i++) a[i] = sqrtf(a[i]);
    return a;
#endif
}

/* ---- activations as they are stored: floats, or bf16 widened and rounded on the way ---- */

#if defined(KERN_HALF)
typedef kern_bf16 stored;
typedef uint16_t vh __attribute__((vector_size(LANES * 2)));
typedef uint16_t vh_unaligned __attribute__((vector_size(LANES * 2), aligned(2), may_alias));

/* __builtin_convertvector, in one instruction where GCC needs five. */
static inline vu v_widen(vh half) {
#if defined(__AVX512F__)
    return (vu)_mm512_cvtepu16_epi32((__m256i)half);
#elif defined(__AVX2__) && LANES == 8
    return (vu)_mm256_cvtepu16_epi32((__m128i)half);
#else
    return __builtin_convertvector(half, vu);
#endif
}

static inline vf v_load_stored(const stored *p) {
    return (vf)(v_widen(*(const vh_unaligned *)p) << 16);
}

/* The upper half of every lane; the lower half is dropped. */
static inline vh v_upper_half(vu v) {
#if defined(__AVX2__) && LANES == 8
    const __m256i wide = _mm256_srli_epi32((__m256i)v, 16);
    return (vh)_mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
#else
    return __builtin_convertvector(v >> 16, vh);
#endif
}

/* Round to nearest even, a NaN stays one: as kern_to_bf16. The instruction of AVX512-BF16 also takes numbers below
 * 1.2e-38 for zero. */
static inline vh v_to_bf16(vf v) {
#if defined(__AVX512BF16__)
    return (vh)_mm512_cvtneps_pbh((__m512)v);
#else
    const vu bits = (vu)v, rounded = bits + 0x7fff + (bits >> 16 & 1);
    return v_upper_half((vu)v_select((vi)(v != v), (vf)(bits | 0x400000), (vf)rounded));
#endif
}

/* Stores and returns what was stored. */
static inline vf v_store_stored(stored *p, vf v) {
    const vh half = v_to_bf16(v);
    *(vh_unaligned *)p = half;
    return (vf)(v_widen(half) << 16);
}

static inline float load_stored(const stored *p) {
    return kern_from_bf16(*p);
}

static inline void store_stored(stored *p, float x) {
    *p = kern_to_bf16(x);
}
#else
typedef float stored;

static inline vf v_load_stored(const stored *p) {
    return v_load(p);
}

static inline vf v_store_stored(stored *p, vf v) {
    v_store(p, v);
    return v;
}

static inline float load_stored(const stored *p) {
    return *p;
}

static inline void store_stored(stored *p, float x) {
    *p = x;
}
#endif

/* As v_load_part and v_store_part; the store returns what was stored. */
static inline vf v_load_stored_part(const stored *p, int64_t n) {
    float buffer[LANES] = {0};
    for (int64_t i = 0; i < n; i++) buffer[i] = load_stored(p + i);
    return v_load(buffer);
}

static inline vf v_store_stored_part(stored *p, vf v, int64_t n) {
    float buffer[LANES];
    v_store(buffer, v);
    for (int64_t i = 0; i < n; i++) store_stored(p + i, buffer[i]);
    return v_load_stored_part(p, n);
}

/* Sum of the lanes, in pairs: a fixed order. */
static inline float v_sum(vf v) {
    float x[LANES];
    v_store(x, v);
    for (int width = LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) x[i] += x[i + width];
    }
    return x[0];
}

/* The largest lane; blind to NaNs. */
static inline float v_highest(vf v) {
    float x[LANES];
    v_store(x, v);
    for (int width = LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) x[i] = x[i] > x[i + width] ? x[i] : x[i + width];
    }
    return x[0];
}

static inline int64_t round_up(int64_t n, int64_t step) {
    return (n + step - 1) / step * step;
}

static inline int64_t min_of(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t max_of(int64_t a, int64_t b) {
    return a > b ? a : b;
}

#endif
