/* Layer normalisation (Ba, Kiros, Hinton 2016), fused with the residual connection, and L2 normalisation.
 *   xhat = (x - mean) rstd,  y = xhat gamma + shift
 *   g = dy gamma,  dx = rstd (g - mean(g) - xhat mean(g xhat)) */
#include "autograd/kernels/ref/ref.h"

#include <stddef.h>

#include "autograd/kernels/scalar.h"

void kern_ref_layer_norm_forward(int64_t n, int64_t d, const kern_stored *stored_x, const real *gamma,
                                 const real *shift, double eps, kern_stored *stored_y, real *mean, real *rstd) {
    const real *x = stored_x;
    real *y = stored_y;
    for (int64_t i = 0; i < n; i++) {
        const real *row = x + i * d;
        double sum = 0.0, squares = 0.0;
        for (int64_t j = 0; j < d; j++) sum += (double)row[j];
        const double m = sum / (double)d;
        for (int64_t j = 0; j < d; j++) squares += ((double)row[j] - m) * ((double)row[j] - m);
        const double r = 1.0 / sqrt(squares / (double)d + eps);
        for (int64_t j = 0; j < d; j++)
            y[i * d + j] = (real)(((double)row[j] - m) * r * (double)gamma[j] + (double)shift[j]);
        mean[i] = (real)m;
        rstd[i] = (real)r;
    }
}

/* mean(g) and mean(g xhat) of one row. */
static void row_means(int64_t d, const real *x, const real *gamma, double mean, double rstd, const real *dy,
                      double *mean_g, double *mean_g_xhat) {
    double sum = 0.0, sum_xhat = 0.0;
    for (int64_t j = 0; j < d; j++) {
        const double g = (double)dy[j] * (double)gamma[j];
        sum += g;
        sum_xhat += g * ((double)x[j] - mean) * rstd;
    }
    *mean_g = sum / (double)d;
    *mean_g_xhat = sum_xhat / (double)d;
}

void kern_ref_layer_norm_backward(int64_t n, int64_t d, const kern_stored *stored_x, const real *gamma,
                                  const real *mean, const real *rstd, const kern_stored *stored_dy, real beta,
                                  kern_stored *stored_dx, real *dgamma, real *dshift) {
    const real *x = stored_x;
    const real *dy = stored_dy;
    real *dx = stored_dx;
    const kern_dropout none = {0};
    kern_ref_add_norm_backward(n, d, none, x, gamma, mean, rstd, dy, beta, dx, 0, NULL, dgamma, dshift);
}

void kern_ref_add_norm_forward(int64_t n, int64_t d, kern_dropout dropout, kern_stored *stored_sum,
                               const kern_stored *stored_residual, const real *gamma, const real *shift, double eps,
                               kern_stored *stored_y, real *mean, real *rstd) {
    real *sum = stored_sum;
    const real *residual = stored_residual;
    real *y = stored_y;
    kern_ref_dropout_forward(n, d, dropout, sum, sum);
    for (int64_t i = 0; i < n * d; i++) sum[i] += residual[i];
    kern_ref_layer_norm_forward(n, d, sum, gamma, shift, eps, y, mean, rstd);
}

void kern_ref_add_norm_backward(int64_t n, int64_t d, kern_dropout dropout, const kern_stored *stored_sum,
                                const real *gamma, const real *mean, const real *rstd, const kern_stored *stored_dy,
                                real beta_x, kern_stored *stored_dx, real beta_residual, kern_stored *stored_dresidual,
                                real *dgamma, real *dshift) {
    const real *sum = stored_sum;
    const real *dy = stored_dy;
    real *dx = stored_dx;
    real *dresidual = stored_dresidual;
    for (int64_t i = 0; i < n; i++) {
        const uint64_t row_key = senc_rng_row_key(dropout.key, (uint64_t)(dropout.first_row + i));
        const real *x_row = sum + i * d, *dy_row = dy + i * d;
        const double m = (double)mean[i], r = (double)rstd[i];
        double mean_g, mean_g_xhat;
        row_means(d, x_row, gamma, m, r, dy_row, &mean_g, &mean_g_xhat);
        for (int64_t j = 0; j < d; j++) {
            const double xhat = ((double)x_row[j] - m) * r;
            const double dsum = r * ((double)dy_row[j] * (double)gamma[j] - mean_g - xhat * mean_g_xhat);
            const double kept = dsum * kern_dropout_factor(dropout, row_key, j);
            if (dx) dx[i * d + j] = kern_blend(beta_x, dx[i * d + j], kept);
            if (dresidual) dresidual[i * d + j] = kern_blend(beta_residual, dresidual[i * d + j], dsum);
        }
    }
    for (int64_t j = 0; j < d; j++) {
        double gamma_sum = 0.0, shift_sum = 0.0;
        for (int64_t i = 0; i < n; i++) {
            gamma_sum += (double)dy[i * d + j] * ((double)sum[i * d + j] - (double)mean[i]) * (double)rstd[i];
            shift_sum += (double)dy[i * d + j];
        }
        if (dgamma) dgamma[j] += (real)gamma_sum;
        if (dshift) dshift[j] += (real)shift_sum;
    }
}

void kern_ref_normalize_forward(int64_t n, int64_t d, double eps, const real *x, real *y, real *norm) {
    for (int64_t i = 0; i < n; i++) {
        double squares = 0.0;
        for (int64_t j = 0; j < d; j++) squares += (double)x[i * d + j] * (double)x[i * d + j];
        const double length = sqrt(squares), divisor = length < eps ? eps : length;
        for (int64_t j = 0; j < d; j++) y[i * d + j] = (real)((double)x[i * d + j] / divisor);
        norm[i] = (real)length;
    }
}

/* dx = (dy - y (y . dy)) / |x|; below eps the divisor is a constant: dx = dy / eps. */
void kern_ref_normalize_backward(int64_t n, int64_t d, double eps, const real *y, const real *norm, const real *dy,
                                 real beta, real *dx) {
    for (int64_t i = 0; i < n; i++) {
        const bool clamped = (double)norm[i] < eps;
        double dot = 0.0;
        if (!clamped) {
            for (int64_t j = 0; j < d; j++) dot += (double)y[i * d + j] * (double)dy[i * d + j];
        }
        const double divisor = clamped ? eps : (double)norm[i];
        for (int64_t j = 0; j < d; j++) {
            const double slope = ((double)dy[i * d + j] - (double)y[i * d + j] * dot) / divisor;
            dx[i * d + j] = kern_blend(beta, dx[i * d + j], slope);
        }
    }
}
