/* What the reference and the tuned kernels must agree on to the letter: the dropout mask and the exact activations. */
#ifndef KERN_SCALAR_H
#define KERN_SCALAR_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/rng.h"
#include "autograd/kernels/kernels.h"

/* A cell below this number is dropped. 64 bits wide, so that p near 1 does not wrap around. */
static inline uint64_t kern_dropout_threshold(kern_dropout dropout) {
    return dropout.p > 0.0 ? (uint64_t)llround(dropout.p * 4294967296.0) : 0;
}

static inline double kern_dropout_scale(kern_dropout dropout) {
    return dropout.p > 0.0 ? 1.0 / (1.0 - dropout.p) : 1.0;
}

/* 0 for a dropped element, 1/(1-p) for a kept one; row_key = senc_rng_row_key(dropout.key, dropout.first_row + row). */
static inline double kern_dropout_factor(kern_dropout dropout, uint64_t row_key, int64_t column) {
    if (!(dropout.p > 0.0)) return 1.0;
    return senc_rng_cell(row_key, (uint32_t)column) < kern_dropout_threshold(dropout) ? 0.0
                                                                                      : kern_dropout_scale(dropout);
}

/* beta * old + value; beta 0 overwrites even a NaN. */
static inline real kern_blend(real beta, real old, double value) {
    return beta == 0 ? (real)value : (real)((double)beta * (double)old + value);
}

#define KERN_SQRT_HALF    0.70710678118654752440
#define KERN_INV_SQRT_2PI 0.39894228040143267794

static inline double kern_activate(kern_activation act, double x) {
    switch (act) {
    case KERN_GELU:
        return 0.5 * x * (1.0 + erf(x * KERN_SQRT_HALF));
    case KERN_TANH:
        return tanh(x);
    case KERN_RELU:
        return x < 0.0 ? 0.0 : x; /* this way round a NaN stays a NaN */
    case KERN_NONE:
        break;
    }
    return x;
}

/* The derivative at x. */
static inline double kern_activate_slope(kern_activation act, double x) {
    switch (act) {
    case KERN_GELU:
        return 0.5 * (1.0 + erf(x * KERN_SQRT_HALF)) + x * KERN_INV_SQRT_2PI * exp(-0.5 * x * x);
    case KERN_TANH: {
        const double t = tanh(x);
        return 1.0 - t * t;
    }
    case KERN_RELU:
        return x > 0.0 ? 1.0 : 0.0;
    case KERN_NONE:
        break;
    }
    return 1.0;
}

#endif
