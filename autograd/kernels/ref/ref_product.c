/* Matrix products, the linear layer: c = alpha op(a) op(b) + beta c. */
#include "autograd/kernels/ref/ref.h"

#include "autograd/kernels/scalar.h"

void kern_ref_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, real alpha, const real *a,
                   int64_t lda, const real *b, int64_t ldb, real beta, real *c, int64_t ldc) {
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            double sum = 0.0;
            for (int64_t p = 0; p < k; p++) {
                const real a_ip = transpose_a ? a[p * lda + i] : a[i * lda + p];
                const real b_pj = transpose_b ? b[j * ldb + p] : b[p * ldb + j];
                sum += (double)a_ip * (double)b_pj;
            }
            c[i * ldc + j] = kern_blend(beta, c[i * ldc + j], (double)alpha * sum);
        }
    }
}

void kern_ref_linear_forward(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *stored_x,
                             const real *w, const real *bias, kern_stored *stored_y) {
    const real *x = stored_x;
    real *y = stored_y;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < out; j++) {
            double sum = bias ? (double)bias[j] : 0.0;
            for (int64_t p = 0; p < in; p++) sum += kern_activate(act, (double)x[i * in + p]) * (double)w[j * in + p];
            y[i * out + j] = (real)sum;
        }
    }
}

void kern_ref_linear_backward_input(int64_t n, int64_t in, int64_t out, kern_activation act,
                                    const kern_stored *stored_x, const real *w, const kern_stored *stored_dy, real beta,
                                    kern_stored *stored_dx) {
    const real *x = stored_x;
    const real *dy = stored_dy;
    real *dx = stored_dx;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t p = 0; p < in; p++) {
            double sum = 0.0;
            for (int64_t j = 0; j < out; j++) sum += (double)dy[i * out + j] * (double)w[j * in + p];
            if (act != KERN_NONE) sum *= kern_activate_slope(act, (double)x[i * in + p]);
            dx[i * in + p] = kern_blend(beta, dx[i * in + p], sum);
        }
    }
}

void kern_ref_linear_backward_weight(int64_t n, int64_t in, int64_t out, kern_activation act,
                                     const kern_stored *stored_x, const kern_stored *stored_dy, real *dw, real *dbias) {
    const real *x = stored_x;
    const real *dy = stored_dy;
    for (int64_t j = 0; j < out; j++) {
        for (int64_t p = 0; p < in; p++) {
            double sum = 0.0;
            for (int64_t i = 0; i < n; i++) sum += (double)dy[i * out + j] * kern_activate(act, (double)x[i * in + p]);
            dw[j * in + p] += (real)sum;
        }
        if (dbias) {
            double sum = 0.0;
            for (int64_t i = 0; i < n; i++) sum += (double)dy[i * out + j];
            dbias[j] += (real)sum;
        }
    }
}
