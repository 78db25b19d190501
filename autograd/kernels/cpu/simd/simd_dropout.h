/* The dropout mask on vectors: senc_rng_cell (autograd/base/rng.h) for LANES columns at once. */
#ifndef KERN_SIMD_DROPOUT_H
#define KERN_SIMD_DROPOUT_H

#include "autograd/kernels/cpu/simd/simd.h"
#include "autograd/kernels/scalar.h"

/* The comparison of a cell h = a ^ (a >> 16) with the threshold is made without the shift: the upper halves of h and a
 * are the same, and where they equal the threshold's, the lower half of h is the one of a ^ (threshold >> 16). The sign
 * bit is flipped because vectors compare signed numbers. */
typedef struct mask {
    vu flip;      /* threshold >> 16 and the sign bit */
    vi threshold; /* with the sign bit flipped */
    vf scale;
    bool on;
} mask;

static inline vu v_lane_numbers(void) {
    vu v;
    for (unsigned i = 0; i < LANES; i++) v[i] = i;
    return v;
}

static inline mask mask_of(kern_dropout dropout) {
    const uint64_t exact = kern_dropout_threshold(dropout);
    const uint32_t threshold = exact > UINT32_MAX ? UINT32_MAX : (uint32_t)exact, sign = UINT32_C(1) << 31;
    return (mask){.flip = (vu){0} + (threshold >> 16 | sign),
                  .threshold = (vi)((vu){0} + (threshold ^ sign)),
                  .scale = v_set((float)kern_dropout_scale(dropout)),
                  .on = dropout.p > 0.0};
}

#define MASK_COLUMN UINT32_C(0x9e3779b1) /* what a column adds in senc_rng_cell */

/* The rest of senc_rng_cell: all ones where the element is dropped. h: the column's part plus the key's lower half. */
static inline vi v_dropped(const mask *m, vu h, vu key_high) {
    h ^= h >> 16;
    h *= UINT32_C(0x85ebca6b);
    h ^= key_high;
    h ^= h >> 13;
    h *= UINT32_C(0xc2b2ae35);
    return (vi)(h ^ m->flip) < m->threshold;
}

/* A place in a row of the mask that moves on by LANES columns a step. */
typedef struct mask_place {
    vu low, high;
} mask_place;

static inline mask_place mask_row(uint64_t row_key) {
    return (mask_place){.low = v_lane_numbers() * MASK_COLUMN + (uint32_t)row_key,
                        .high = (vu){0} + (uint32_t)(row_key >> 32)};
}

/* x * factor for the next LANES columns. */
static inline vf v_drop(const mask *m, mask_place *place, vf x) {
    const vi dropped = v_dropped(m, place->low, place->high);
    place->low += LANES * MASK_COLUMN;
    /* The dropped ones are multiplied by 0, as the reference does, so that a NaN is not hidden. */
    return x * (vf)(~dropped & (vi)m->scale);
}

#endif
