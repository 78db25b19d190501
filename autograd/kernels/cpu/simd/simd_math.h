/* 2^x, GELU and its slope on vectors. NaN stays NaN. */
#ifndef KERN_SIMD_MATH_H
#define KERN_SIMD_MATH_H

#include "autograd/kernels/cpu/simd/simd.h"
#include "autograd/kernels/kernels.h"

/* 2^t for t in [-126, 127], relative error 2e-7. t = n + f, 2^t = 2^n 2^f; 2^f by a polynomial of degree 5, minimax in
 * the relative error on |f| <= 1/2. */
static inline vf v_exp2(vf t) {
    const vf round = v_set(12583039.0f); /* 1.5 * 2^23 + 127: adding it rounds to an integer and leaves n + 127 below */
    const vf shifted = t + round;
    const vf f = t - (shifted - round);
    vf p = v_set(0.00132646994f);
    p = p * f + v_set(0.00967153348f);
    p = p * f + v_set(0.0555073395f);
    p = p * f + v_set(0.240222424f);
    p = p * f + v_set(0.693147004f);
    p = p * f + v_set(1.0f);
    /* A product, not a sum of exponents, so that NaN stays NaN. */
    return p * (vf)((vi)shifted << 23);
}

/* ln x for positive normal x, relative error 1e-7 (absolute near 1); NaN and infinity give NaN. x = 2^n m with m within
 * a factor sqrt 2 of 1, ln m by a polynomial in m - 1 of degree 9, minimax in the relative error. */
static inline vf v_log(vf x) {
    const vi n = ((vi)x - 0x3f3504f3) >> 23; /* the bits of sqrt(1/2) */
    const vf f = (vf)((vi)x - (n << 23)) - v_set(1.0f);
    vf p = v_set(0.08722355f);
    p = p * f + v_set(-0.14366843f);
    p = p * f + v_set(0.14952266f);
    p = p * f + v_set(-0.16562393f);
    p = p * f + v_set(0.19956833f);
    p = p * f + v_set(-0.25002074f);
    p = p * f + v_set(0.33334187f);
    p = p * f + v_set(-0.49999988f);
    p = p * f + v_set(1.0f);
    return p * f + __builtin_convertvector(n, vf) * v_set(0.693147181f) + (x - x);
}

#define LOG2_E 1.44269504f

/* The upper tail 1 - Phi(|x|) of the normal distribution and e^(-x^2/2). The tail is e^(-x^2/2) times Mills' ratio /
 * sqrt(2 pi), which a rational function of degree (3, 4) meets to 4e-8 where it matters: so small tails keep their
 * digits. */
static inline vf v_normal_tail(vf x, vf *magnitude, vf *bell) {
    const vf a = v_min(v_set(13.0f), v_absolute(x)); /* e^(-13^2/2) = 2e-37 is as good as 0 */
    const vf e = v_exp2(v_set(-0.5f * LOG2_E) * (a * a));
    vf p = v_set(0.0130168917f), q = v_set(0.0326534547f);
    p = p * a + v_set(0.101650469f);
    q = q * a + v_set(0.254158944f);
    p = p * a + v_set(0.329236507f);
    q = q * a + v_set(0.865326822f);
    p = p * a + v_set(0.499999970f);
    q = q * a + v_set(1.45635533f);
    q = q * a + v_set(1.0f);
    *magnitude = a;
    *bell = e;
    return e * (p / q);
}

/* x Phi(x) = max(x, 0) - |x| tail(|x|); absolute error 1e-7 max(1, |x|). */
static inline vf v_gelu(vf x) {
    vf a, e;
    const vf tail = v_normal_tail(x, &a, &e);
    return v_max(v_set(0.0f), x) - a * tail;
}

/* Phi(x) + x phi(x); absolute error 2e-7. */
static inline vf v_gelu_slope(vf x) {
    vf a, e;
    const vf tail = v_normal_tail(x, &a, &e);
    const vf phi = a * e * v_set(0.398942280f);
    /* The slope at -a is tail - phi, at a one minus that. */
    const vf below = tail - phi;
    return v_select((vi)(x > v_set(0.0f)), v_set(1.0f) - below, below);
}

static inline vf v_tanh(vf x) {
    for (int i = 0; i < LANES; i++) x[i] = tanhf(x[i]);
    return x;
}

static inline __attribute__((always_inline)) vf v_activate(kern_activation act, vf x) {
    switch (act) {
    case KERN_GELU:
        return v_gelu(x);
    case KERN_TANH:
        return v_tanh(x);
    case KERN_RELU:
        return v_max(v_set(0.0f), x);
    case KERN_NONE:
        break;
    }
    return x;
}

static inline __attribute__((always_inline)) vf v_activate_slope(kern_activation act, vf x) {
    switch (act) {
    case KERN_GELU:
        return v_gelu_slope(x);
    case KERN_TANH: {
        const vf t = v_tanh(x);
        return v_set(1.0f) - t * t;
    }
    case KERN_RELU:
        return v_select((vi)(x > v_set(0.0f)), v_set(1.0f), v_set(0.0f));
    case KERN_NONE:
        break;
    }
    return v_set(1.0f);
}

#endif
