/* The dropout mask on vectors: senc_rng_cell (autograd/base/rng.h) for LANES columns at once. */
#ifndef KERN_SIMD_DROPOUT_H
#define KERN_SIMD_DROPOUT_H

#include "autograd/kernels/cpu/simd/simd.h"
#include "autograd/kernels/scalar.h"

typedef struct mask {
    vu threshold;
    vf scale;
    bool on;
} mask;

static inline vu v_lane_numbers(void) {
    vu v;
    for (unsigned i = 0; i < LANES; i++) v[i] = i;
    return v;
}

static inline mask mask_of(kern_dropout dropout) {
    const uint64_t threshold = kern_dropout_threshold(dropout);
    return (mask){.threshold = (vu){0} + (threshold > UINT32_MAX ? UINT32_MAX : (uint32_t)threshold),
                  .scale = v_set((float)kern_dropout_scale(dropout)),
                  .on = dropout.p > 0.0};
}

/* x * factor for the columns [column, column + LANES) of the row. */
static inline vf v_drop(const mask *m, uint64_t row_key, int64_t column, vf x) {
    vu h = (v_lane_numbers() + (uint32_t)column) * UINT32_C(0x9e3779b1) + (uint32_t)row_key;
    h ^= h >> 16;
    h *= UINT32_C(0x85ebca6b);
    h ^= (uint32_t)(row_key >> 32);
    h ^= h >> 13;
    h *= UINT32_C(0xc2b2ae35);
    h ^= h >> 16;
    /* The dropped ones are multiplied by 0, as the reference does, so that a NaN is not hidden. */
    return x * (vf)((vi)(h >= m->threshold) & (vi)m->scale);
}

#endif
