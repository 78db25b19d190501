/* Into the encoder and out of it: embedding tables and pooling. */
#include "autograd/kernels/ref/ref.h"

#include "autograd/kernels/scalar.h"

void kern_ref_embed_forward(kern_sequences sequences, int64_t d, const int32_t *ids, int64_t first_position,
                            const real *word, const real *position, const real *type, kern_stored *stored_out) {
    real *out = stored_out;
    for (int64_t s = 0; s < sequences.n; s++) {
        const int64_t first = sequences.offsets[s];
        for (int64_t i = first; i < sequences.offsets[s + 1]; i++) {
            for (int64_t j = 0; j < d; j++) {
                real sum = word[(int64_t)ids[i] * d + j];
                if (position) sum += position[(i - first + first_position) * d + j];
                if (type) sum += type[j];
                out[i * d + j] = sum;
            }
        }
    }
}

void kern_ref_embed_backward(kern_sequences sequences, int64_t d, const int32_t *ids, int64_t first_position,
                             const kern_stored *stored_dout, real *dword, real *dposition, real *dtype) {
    const real *dout = stored_dout;
    for (int64_t s = 0; s < sequences.n; s++) {
        const int64_t first = sequences.offsets[s];
        for (int64_t i = first; i < sequences.offsets[s + 1]; i++) {
            for (int64_t j = 0; j < d; j++) {
                const real g = dout[i * d + j];
                if (dword) dword[(int64_t)ids[i] * d + j] += g;
                if (dposition) dposition[(i - first + first_position) * d + j] += g;
                if (dtype) dtype[j] += g;
            }
        }
    }
}

/* The weight of row t of a sequence of n rows in the weighted poolings. */
static double pool_weight(kern_pooling mode, int64_t t, int64_t n) {
    const double length = (double)n;
    switch (mode) {
    case KERN_POOL_MEAN:
        return 1.0 / length;
    case KERN_POOL_MEAN_SQRT_LEN:
        return 1.0 / sqrt(length);
    case KERN_POOL_WEIGHTED_MEAN:
        return (double)(t + 1) / (0.5 * length * (length + 1.0));
    case KERN_POOL_CLS:
        return t == 0 ? 1.0 : 0.0;
    case KERN_POOL_LAST:
        return t == n - 1 ? 1.0 : 0.0;
    case KERN_POOL_MAX:
        break;
    }
    return 0.0;
}

/* The first row of the maximum; a NaN is larger than everything, so that it is not lost. */
static int64_t row_of_maximum(int64_t first, int64_t last, int64_t d, const real *column) {
    int64_t best = first;
    for (int64_t i = first + 1; i < last; i++) {
        if (!(column[i * d] <= column[best * d]) && !isnan(column[best * d])) best = i;
    }
    return best;
}

void kern_ref_pool_forward(kern_pooling mode, kern_sequences sequences, int64_t d, const kern_stored *stored_x, real *y,
                           int64_t *argmax) {
    const real *x = stored_x;
    for (int64_t s = 0; s < sequences.n; s++) {
        const int64_t first = sequences.offsets[s], last = sequences.offsets[s + 1];
        for (int64_t j = 0; j < d; j++) {
            if (mode == KERN_POOL_MAX) {
                const int64_t best = last > first ? row_of_maximum(first, last, d, x + j) : -1;
                argmax[s * d + j] = best;
                y[s * d + j] = best < 0 ? 0 : x[best * d + j];
                continue;
            }
            double sum = 0.0;
            for (int64_t i = first; i < last; i++) {
                const double weight = pool_weight(mode, i - first, last - first);
                if (weight > 0.0) sum += weight * (double)x[i * d + j]; /* an unread row may hold a NaN */
            }
            y[s * d + j] = (real)sum;
        }
    }
}

void kern_ref_pool_backward(kern_pooling mode, kern_sequences sequences, int64_t d, const int64_t *argmax,
                            const real *dy, real beta, kern_stored *stored_dx) {
    real *dx = stored_dx;
    for (int64_t s = 0; s < sequences.n; s++) {
        const int64_t first = sequences.offsets[s], last = sequences.offsets[s + 1];
        for (int64_t i = first; i < last; i++) {
            const double weight = pool_weight(mode, i - first, last - first);
            for (int64_t j = 0; j < d; j++) {
                const double share = mode == KERN_POOL_MAX ? (argmax[s * d + j] == i ? 1.0 : 0.0) : weight;
                const double slope = share > 0.0 ? share * (double)dy[s * d + j] : 0.0;
                dx[i * d + j] = kern_blend(beta, dx[i * d + j], slope);
            }
        }
    }
}
