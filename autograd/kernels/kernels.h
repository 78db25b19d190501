/* The table of numeric kernels. Kernels compute on arrays and know nothing else. Every entry has a plain reference
 * implementation (ref/, readable, compiled for float and double); the CPU table (cpu/) replaces entries by tuned ones.
 * The table is chosen once from the CPU's features; SENC_KERNELS=ref forces the reference.
 *
 * Shapes: B sequences, N packed tokens, T longest sequence, D width, H heads, F feed-forward width, V vocabulary.
 * Matrices are row-major. Kernels are parallel inside (senc_parallel), allocate nothing after warm-up beyond per-thread
 * scratch, and are deterministic for a given thread count. Unless told otherwise outputs must not overlap inputs.
 *
 * beta: gradients of activations are written as  dx = beta * dx + ...  with beta 0 (overwrite, even NaN) or 1
 * (accumulate). Gradients of parameters (dw, db, dgamma, ...) are always accumulated. */
#ifndef KERNELS_H
#define KERNELS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "autograd/base/real.h"
#include "autograd/kernels/scan.h"

typedef enum kern_activation { KERN_NONE, KERN_GELU /* exact, erf */, KERN_TANH, KERN_RELU } kern_activation;

/* Inverted dropout: element (row, column) is dropped iff senc_rng_cell(senc_rng_row_key(key, first_row + row), column)
 * < round(p * 2^32); the kept ones are multiplied by 1/(1-p). p = 0: none. first_row is the row's place in the whole
 * batch, so that a batch cut into chunks draws the same mask. */
typedef struct kern_dropout {
    double p;
    uint64_t key;
    int64_t first_row;
} kern_dropout;

/* Packed sequences: sequence s owns the token rows offsets[s] .. offsets[s+1]-1; offsets[0] = 0. */
typedef struct kern_sequences {
    const int64_t *offsets; /* (n + 1) */
    int64_t n;
} kern_sequences;

typedef enum kern_pooling {
    KERN_POOL_MEAN,
    KERN_POOL_CLS,
    KERN_POOL_MAX,
    KERN_POOL_MEAN_SQRT_LEN,
    KERN_POOL_WEIGHTED_MEAN, /* weights 1, 2, ..., T (SGPT, Muennighoff 2022) */
    KERN_POOL_LAST,
} kern_pooling;

typedef struct kern_adamw {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    double bias_correction1, bias_correction2; /* 1 - beta^t */
    double gradient_scale;                     /* from clipping; multiplies the gradient first */
} kern_adamw;

/* How activations and their gradients are stored. bf16 is the upper half of a float (Kalamkar et al. 2019); kernels
 * compute and sum in float whatever the storage and round to nearest even when they store. Parameters, their gradients,
 * statistics and sentence vectors are always `real`. */
typedef enum kern_storage { KERN_REAL, KERN_BF16 } kern_storage;
typedef uint16_t kern_bf16;
/* An array of activations in the storage of its table. */
typedef void kern_stored;

/* A linear layer's weights in int8, one scale per output: w[j] = scale[j] * packed[j], packed in [-127, 127]. Inputs
 * are quantised per row as they come, to 0 .. 255 over the range of their values (with zero in it): act(x) = scale_x *
 * q + low_x. Of two neighbours packed[2i], packed[2i + 1] of the same sign the sum is in [-128, 128], so that 16 bits
 * hold the sum of their products. The sums of q * packed are exact integers, and
 *
 *     y[j] = scale_x * scale[j] * sum_p q[p] packed[j][p] + low_x * sum[j] + bias[j],  sum[j] = scale[j] * sum_p
 * packed[j][p]
 *
 * A row with a NaN or Inf gives NaN. in <= KERN_INT8_DEPTH. */
typedef struct kern_int8 {
    int64_t in, out;
    int8_t *packed;     /* kern_int8_bytes, by the table's int8_pack; aligned to 64 */
    float *scale, *sum; /* (out), zero-padded to a multiple of 64 */
    void (*pack)(int64_t in, int64_t out, const int8_t *w, int8_t *packed); /* who packed it */
} kern_int8;
#define KERN_INT8_DEPTH 65536 /* 255 * 127 * depth < 2^31 */

/* Bytes that int8_pack may write. */
static inline int64_t kern_int8_bytes(int64_t in, int64_t out) {
    return (in + 3) / 4 * 4 * ((out + 63) / 64 * 64);
}

/* How a row with values in [lowest, highest] (lowest <= 0 <= highest) is quantised: q = round(v * inverse + zero), in
 * [0, 255] whatever way that is rounded; v = q * scale + low. Zero is met exactly. */
typedef struct kern_int8_range {
    float inverse, zero, scale, low;
} kern_int8_range;

static inline kern_int8_range kern_int8_range_of(float lowest, float highest) {
    const float scale = highest / 254.0f - lowest / 254.0f; /* one step is left for the rounding of zero */
    if (!(scale > 1e-36f) || scale > 1e37f) return (kern_int8_range){0.0f, 0.0f, 0.0f, 0.0f};
    const float inverse = 1.0f / scale, zero = (float)(int32_t)(-lowest * inverse + 0.999f);
    return (kern_int8_range){inverse, zero, scale, -zero * scale};
}

typedef struct kern_table {
    const char *name; /* "ref", "avx2", "avx512", "generic" */
    kern_storage storage;
    /* The same machine's table for activations in bf16; NULL: it has none. Entries without a kern_stored argument are
     * the same in both. */
    const struct kern_table *bf16;

    /* c (m,n) = alpha * op(a) op(b) + beta * c. op(a) is (m,k); a is stored (m,k), or (k,m) when transpose_a. lda etc.
     * are the stored row lengths. beta 0 overwrites. Parallel. */
    void (*gemm)(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, real alpha, const real *a,
                 int64_t lda, const real *b, int64_t ldb, real beta, real *c, int64_t ldc);

    /* y (N,out) = act(x) (N,in) * w^T + bias; w (out,in) as in PyTorch, bias (out) or NULL. The activation is applied
     * to the INPUT on the fly, so that only x is kept for backward. */
    void (*linear_forward)(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x, const real *w,
                           const real *bias, kern_stored *y);
    /* dx (N,in) = beta*dx + (dy w) . act'(x). x may be NULL when act is KERN_NONE. */
    void (*linear_backward_input)(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x,
                                  const real *w, const kern_stored *dy, real beta, kern_stored *dx);
    /* dw (out,in) += dy^T act(x); dbias (out) += column sums of dy (NULL: skip). */
    void (*linear_backward_weight)(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x,
                                   const kern_stored *dy, real *dw, real *dbias);

    /* (out,in) numbers, as kern_int8 has them, in the layout that linear_int8 of this table and of its bf16 partner
     * reads. */
    void (*int8_pack)(int64_t in, int64_t out, const int8_t *w, int8_t *packed);
    /* linear_forward with products of int8: see kern_int8. Inference only. */
    void (*linear_int8)(int64_t n, kern_activation act, const kern_stored *x, const kern_int8 *w, const real *bias,
                        kern_stored *y);

    /* y = act(x) elementwise (n); dx = beta*dx + dy * act'(x). */
    void (*activation_forward)(kern_activation act, int64_t n, const real *x, real *y);
    void (*activation_backward)(kern_activation act, int64_t n, const real *x, const real *dy, real beta, real *dx);

    /* y (N,D) = (x - mean) * rstd * gamma + beta_, rstd = 1/sqrt(var + eps), biased variance. mean, rstd (N) are saved.
     */
    void (*layer_norm_forward)(int64_t n, int64_t d, const kern_stored *x, const real *gamma, const real *shift,
                               double eps, kern_stored *y, real *mean, real *rstd);
    void (*layer_norm_backward)(int64_t n, int64_t d, const kern_stored *x, const real *gamma, const real *mean,
                                const real *rstd, const kern_stored *dy, real beta, kern_stored *dx, real *dgamma,
                                real *dshift);

    /* sum (N,D) = residual + dropout(sum)  [in place: `sum` comes in as the branch x], y = layer_norm(sum). */
    void (*add_norm_forward)(int64_t n, int64_t d, kern_dropout dropout, kern_stored *sum, const kern_stored *residual,
                             const real *gamma, const real *shift, double eps, kern_stored *y, real *mean, real *rstd);
    /* dsum from layer norm; dresidual = beta_residual*dresidual + dsum; dx = beta_x*dx + dropout mask of dsum.
     * dx or dresidual may be NULL; neither overlaps dy. */
    void (*add_norm_backward)(int64_t n, int64_t d, kern_dropout dropout, const kern_stored *sum, const real *gamma,
                              const real *mean, const real *rstd, const kern_stored *dy, real beta_x, kern_stored *dx,
                              real beta_residual, kern_stored *dresidual, real *dgamma, real *dshift);

    /* y (N,D) = dropout(x); dx = beta*dx + mask/(1-p) * dy. y may be x. */
    void (*dropout_forward)(int64_t n, int64_t d, kern_dropout dropout, const kern_stored *x, kern_stored *y);
    void (*dropout_backward)(int64_t n, int64_t d, kern_dropout dropout, const kern_stored *dy, real beta,
                             kern_stored *dx);

    /* Self-attention on packed qkv (N, 3D): columns q [0,D), k [D,2D), v [2D,3D); head h owns columns h*D/H of each.
     * out (N,D) = dropout(softmax(scale * q k^T)) v per sequence and head; log_sum (N,H) = log-sum-exp of the scaled
     * scores, saved. Dropout of probability (i, j) of head h: row = (token row of i) * H + h with first_row counted in
     * TOKENS (so the row key is (first_row + i) * H + h), column = position of j in its sequence. The T x T scores are
     * never stored whole. */
    void (*attention_forward)(kern_sequences sequences, int64_t heads, int64_t d, double scale, kern_dropout dropout,
                              const kern_stored *qkv, kern_stored *out, real *log_sum);
    /* Recomputes the probabilities from qkv and log_sum (FlashAttention, Dao et al. 2022, section 3.1).
     * dqkv (N, 3D) = beta*dqkv + gradient. */
    void (*attention_backward)(kern_sequences sequences, int64_t heads, int64_t d, double scale, kern_dropout dropout,
                               const kern_stored *qkv, const kern_stored *out, const real *log_sum,
                               const kern_stored *dout, real beta, kern_stored *dqkv);

    /* out (N,D) = word[ids[i]] + position[position_of(i) + first_position] + type[0]; position, type may be NULL. */
    void (*embed_forward)(kern_sequences sequences, int64_t d, const int32_t *ids, int64_t first_position,
                          const real *word, const real *position, const real *type, kern_stored *out);
    /* dword[ids[i]] += dout[i] etc.; rows in a fixed order, no atomics. Any of the three may be NULL. */
    void (*embed_backward)(kern_sequences sequences, int64_t d, const int32_t *ids, int64_t first_position,
                           const kern_stored *dout, real *dword, real *dposition, real *dtype);

    /* y (B,D) from x (N,D). argmax (B,D): token row of the maximum, for KERN_POOL_MAX only, else NULL. An empty
     * sequence gives zeros. */
    void (*pool_forward)(kern_pooling mode, kern_sequences sequences, int64_t d, const kern_stored *x, real *y,
                         int64_t *argmax);
    void (*pool_backward)(kern_pooling mode, kern_sequences sequences, int64_t d, const int64_t *argmax, const real *dy,
                          real beta, kern_stored *dx);

    /* y = x / max(|x|, eps) per row, norm (N) saved; PyTorch's F.normalize has eps 1e-12. */
    void (*normalize_forward)(int64_t n, int64_t d, double eps, const real *x, real *y, real *norm);
    void (*normalize_backward)(int64_t n, int64_t d, double eps, const real *y, const real *norm, const real *dy,
                               real beta, real *dx);

    /* y += a*x; x *= a; sum of squares in double, fixed order; true when every element is finite. */
    void (*axpy)(int64_t n, real a, const real *x, real *y);
    void (*scale)(int64_t n, real a, real *x);
    double (*sum_of_squares)(int64_t n, const real *x);
    bool (*is_finite)(int64_t n, const real *x);
    bool (*is_finite_stored)(int64_t n, const kern_stored *x);

    /* AdamW (Loshchilov, Hutter 2019, algorithm 2, with decoupled decay lr*weight_decay): w, m, v updated, g read. */
    void (*adamw)(int64_t n, kern_adamw step, real *w, const real *g, real *m, real *v);

    /* The first pass of a search. */
    const kern_scan *scan;
} kern_table;

static inline float kern_from_bf16(kern_bf16 x) {
    const uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, sizeof y);
    return y;
}

/* Round to nearest even; a NaN stays one. */
static inline kern_bf16 kern_to_bf16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x) return (kern_bf16)(bits >> 16 | 0x40);
    return (kern_bf16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The plain C table. */
const kern_table *kern_reference(void);

#ifndef SENC_REAL_IS_DOUBLE
/* The best table for this CPU; SENC_KERNELS=ref|generic|avx2|avx512|openblas forces one that the machine has (unknown
 * or impossible: the best, with a warning). "openblas" is the best table with its products on OpenBLAS, which is loaded
 * only for that: by default on CPUs without AVX2. senc_threads_init comes first. */
const kern_table *kern_best(void);
/* Whether the CPU has instructions for products of bf16 and the built-in kernels use them. */
bool kern_bf16_is_fast(void);
/* Whether int8 products are faster than the kernels' others. */
bool kern_int8_is_fast(void);
/* All tables this machine can run, for the tests, the reference first; n entries. */
const kern_table *const *kern_all(int *n);
/* What the fp32 products of kern_best() run on, for `senc info`: "built-in" or "OpenBLAS 0.3.21 Zen
 * (libopenblas.so.0)". */
const char *kern_product_backend(void);
#endif

#endif
