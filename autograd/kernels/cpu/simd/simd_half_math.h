/* GELU and its slope where both ends are rounded to bf16: shorter than in simd_math.h and without a division. The
 * coefficients are minimax fits in double (Lawson's method). NaN stays NaN. */
#ifndef KERN_SIMD_HALF_MATH_H
#define KERN_SIMD_HALF_MATH_H

#include "autograd/kernels/cpu/simd/simd_math.h"

/* The upper tail 1 - Phi(|x|) of the normal distribution, relative error 1e-4; *magnitude = min(|x|, 5.5), and tails
 * from there on (2e-8) count as that one. The logarithm of the tail to base 2 is a polynomial of |x|, 2^t one of the
 * fraction of t. */
static inline vf v_normal_tail_half(vf x, vf *magnitude) {
    const vf a = v_min(v_set(5.5f), v_absolute(x));
    vf t = v_set(2.61537389e-05f);
    t = t * a + v_set(-0.000660981168f);
    t = t * a + v_set(0.00748831034f);
    t = t * a + v_set(-0.0519704111f);
    t = t * a + v_set(-0.460329473f);
    t = t * a + v_set(-1.15058398f);
    t = t * a + v_set(-1.00003612f);
    const vf round = v_set(12582912.0f + 127.0f); /* 1.5 * 2^23 rounds to an integer; 127 is the exponent's offset */
    const vf shifted = t + round, f = t - (shifted - round);
    vf p = v_set(0.0551703423f);
    p = p * f + v_set(0.242611215f);
    p = p * f + v_set(0.693261147f);
    p = p * f + v_set(0.999928057f);
    *magnitude = a;
    return p * (vf)((vi)shifted << 23);
}

/* x Phi(x) = max(x, 0) - |x| tail; within 0.03 units of bf16's last place, or 1e-7 below x = -5. */
static inline vf v_gelu_half(vf x) {
    vf a;
    const vf tail = v_normal_tail_half(x, &a);
    return v_max(v_set(0.0f), x) - a * tail;
}

/* Phi(x) + x phi(x), absolute error 7e-5. At -a that is tail(a) (1 - a h(a)) with the hazard h of the normal
 * distribution, a polynomial; at a it is one minus that. */
static inline vf v_gelu_slope_half(vf x) {
    vf a;
    const vf tail = v_normal_tail_half(x, &a);
    vf r = v_set(-0.00105788559f);
    r = r * a + v_set(0.0160811469f);
    r = r * a + v_set(-0.100891374f);
    r = r * a + v_set(-0.642614961f);
    r = r * a + v_set(-0.79653126f);
    r = r * a + v_set(0.999956012f);
    const vf from_half = v_set(0.5f) - tail * r;
    return v_set(0.5f) + (vf)((vi)from_half ^ ((vi)x & INT32_MIN));
}

#endif
