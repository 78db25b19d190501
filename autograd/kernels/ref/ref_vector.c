/* Elementwise kernels: activations, dropout, the optimizer and its few reductions. */
#include "autograd/kernels/ref/ref.h"

#include "autograd/kernels/scalar.h"

void kern_ref_activation_forward(kern_activation act, int64_t n, const real *x, real *y) {
    for (int64_t i = 0; i < n; i++) y[i] = (real)kern_activate(act, (double)x[i]);
}

void kern_ref_activation_backward(kern_activation act, int64_t n, const real *x, const real *dy, real beta, real *dx) {
    for (int64_t i = 0; i < n; i++)
        dx[i] = kern_blend(beta, dx[i], (double)dy[i] * kern_activate_slope(act, (double)x[i]));
}

void kern_ref_dropout_forward(int64_t n, int64_t d, kern_dropout dropout, const kern_stored *stored_x,
                              kern_stored *stored_y) {
    const real *x = stored_x;
    real *y = stored_y;
    for (int64_t i = 0; i < n; i++) {
        const uint64_t row_key = senc_rng_row_key(dropout.key, (uint64_t)(dropout.first_row + i));
        for (int64_t j = 0; j < d; j++)
            y[i * d + j] = (real)((double)x[i * d + j] * kern_dropout_factor(dropout, row_key, j));
    }
}

void kern_ref_dropout_backward(int64_t n, int64_t d, kern_dropout dropout, const kern_stored *stored_dy, real beta,
                               kern_stored *stored_dx) {
    const real *dy = stored_dy;
    real *dx = stored_dx;
    for (int64_t i = 0; i < n; i++) {
        const uint64_t row_key = senc_rng_row_key(dropout.key, (uint64_t)(dropout.first_row + i));
        for (int64_t j = 0; j < d; j++)
            dx[i * d + j] =
                kern_blend(beta, dx[i * d + j], (double)dy[i * d + j] * kern_dropout_factor(dropout, row_key, j));
    }
}

void kern_ref_axpy(int64_t n, real a, const real *x, real *y) {
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

void kern_ref_scale(int64_t n, real a, real *x) {
    for (int64_t i = 0; i < n; i++) x[i] *= a;
}

double kern_ref_sum_of_squares(int64_t n, const real *x) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

bool kern_ref_is_finite(int64_t n, const real *x) {
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return false;
    }
    return true;
}

bool kern_ref_is_finite_stored(int64_t n, const kern_stored *x) {
    return kern_ref_is_finite(n, x);
}

void kern_ref_adamw(int64_t n, kern_adamw step, real *w, const real *g, real *m, real *v) {
    for (int64_t i = 0; i < n; i++) {
        const double gradient = (double)g[i] * step.gradient_scale;
        const double mi = step.beta1 * (double)m[i] + (1.0 - step.beta1) * gradient;
        const double vi = step.beta2 * (double)v[i] + (1.0 - step.beta2) * gradient * gradient;
        const double update = mi / step.bias_correction1 / (sqrt(vi / step.bias_correction2) + step.epsilon);
        m[i] = (real)mi;
        v[i] = (real)vi;
        w[i] = (real)((double)w[i] - step.learning_rate * (update + step.weight_decay * (double)w[i]));
    }
}
