/* The plain C kernels, one function per entry of kern_table (kernels.h says what each computes). Sums run in double,
 * one element after the other, so that the tuned kernels are measured against something more exact than themselves. */
#ifndef KERN_REF_H
#define KERN_REF_H

#include "autograd/kernels/kernels.h"

/* ref_product.c */
void kern_ref_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, real alpha, const real *a,
                   int64_t lda, const real *b, int64_t ldb, real beta, real *c, int64_t ldc);
void kern_ref_linear_forward(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x,
                             const real *w, const real *bias, kern_stored *y);
void kern_ref_linear_backward_input(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x,
                                    const real *w, const kern_stored *dy, real beta, kern_stored *dx);
void kern_ref_linear_backward_weight(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x,
                                     const kern_stored *dy, real *dw, real *dbias);

/* ref_int8.c */
void kern_ref_int8_pack(int64_t in, int64_t out, const int8_t *w, int8_t *packed);
void kern_ref_linear_int8(int64_t n, kern_activation act, const kern_stored *x, const kern_int8 *w, const real *bias,
                          kern_stored *y);

/* ref_vector.c */
void kern_ref_activation_forward(kern_activation act, int64_t n, const real *x, real *y);
void kern_ref_activation_backward(kern_activation act, int64_t n, const real *x, const real *dy, real beta, real *dx);
void kern_ref_dropout_forward(int64_t n, int64_t d, kern_dropout dropout, const kern_stored *x, kern_stored *y);
void kern_ref_dropout_backward(int64_t n, int64_t d, kern_dropout dropout, const kern_stored *dy, real beta,
                               kern_stored *dx);
void kern_ref_axpy(int64_t n, real a, const real *x, real *y);
void kern_ref_scale(int64_t n, real a, real *x);
double kern_ref_sum_of_squares(int64_t n, const real *x);
bool kern_ref_is_finite(int64_t n, const real *x);
bool kern_ref_is_finite_stored(int64_t n, const kern_stored *x);
void kern_ref_adamw(int64_t n, kern_adamw step, real *w, const real *g, real *m, real *v);

/* ref_norm.c */
void kern_ref_layer_norm_forward(int64_t n, int64_t d, const kern_stored *x, const real *gamma, const real *shift,
                                 double eps, kern_stored *y, real *mean, real *rstd);
void kern_ref_layer_norm_backward(int64_t n, int64_t d, const kern_stored *x, const real *gamma, const real *mean,
                                  const real *rstd, const kern_stored *dy, real beta, kern_stored *dx, real *dgamma,
                                  real *dshift);
void kern_ref_add_norm_forward(int64_t n, int64_t d, kern_dropout dropout, kern_stored *sum,
                               const kern_stored *residual, const real *gamma, const real *shift, double eps,
                               kern_stored *y, real *mean, real *rstd);
void kern_ref_add_norm_backward(int64_t n, int64_t d, kern_dropout dropout, const kern_stored *sum, const real *gamma,
                                const real *mean, const real *rstd, const kern_stored *dy, real beta_x, kern_stored *dx,
                                real beta_residual, kern_stored *dresidual, real *dgamma, real *dshift);
void kern_ref_normalize_forward(int64_t n, int64_t d, double eps, const real *x, real *y, real *norm);
void kern_ref_normalize_backward(int64_t n, int64_t d, double eps, const real *y, const real *norm, const real *dy,
                                 real beta, real *dx);

/* ref_attention.c */
void kern_ref_attention_forward(kern_sequences sequences, int64_t heads, int64_t d, double scale, kern_dropout dropout,
                                const kern_stored *qkv, kern_stored *out, real *log_sum);
void kern_ref_attention_backward(kern_sequences sequences, int64_t heads, int64_t d, double scale, kern_dropout dropout,
                                 const kern_stored *qkv, const kern_stored *out, const real *log_sum,
                                 const kern_stored *dout, real beta, kern_stored *dqkv);

/* ref_embed.c */
void kern_ref_embed_forward(kern_sequences sequences, int64_t d, const int32_t *ids, int64_t first_position,
                            const real *word, const real *position, const real *type, kern_stored *out);
void kern_ref_embed_backward(kern_sequences sequences, int64_t d, const int32_t *ids, int64_t first_position,
                             const kern_stored *dout, real *dword, real *dposition, real *dtype);
void kern_ref_pool_forward(kern_pooling mode, kern_sequences sequences, int64_t d, const kern_stored *x, real *y,
                           int64_t *argmax);
void kern_ref_pool_backward(kern_pooling mode, kern_sequences sequences, int64_t d, const int64_t *argmax,
                            const real *dy, real beta, kern_stored *dx);

/* ref_scan.c */
extern const kern_scan kern_ref_scan;

#endif
