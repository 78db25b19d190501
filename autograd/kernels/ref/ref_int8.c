/* The linear layer of int8 inference; the weights stay as they are, (out,in). */
#include "autograd/kernels/ref/ref.h"

#include <stdlib.h>

#include "autograd/kernels/scalar.h"

void kern_ref_int8_pack(int64_t in, int64_t out, const int8_t *w, int8_t *packed) {
    memcpy(packed, w, (size_t)(in * out));
}

/* act(x) as quant * scale + low. */
typedef struct quantized {
    float scale, low, inverse, zero;
    kern_activation act;
    const real *x;
} quantized;

static quantized quantize_row(kern_activation act, int64_t in, const real *x) {
    float lowest = 0.0f, highest = 0.0f;
    double check = 0.0; /* NaN as soon as a value is not finite */
    for (int64_t p = 0; p < in; p++) {
        const float v = (float)kern_activate(act, (double)x[p]);
        if (v < lowest) lowest = v;
        if (v > highest) highest = v;
        check += (double)v * 0.0;
    }
    const kern_int8_range range = kern_int8_range_of(lowest, highest);
    return (quantized){range.scale + (float)check, range.low + (float)check, range.inverse, range.zero, act, x};
}

static int32_t quant_at(const quantized *q, int64_t p) {
    const double v = kern_activate(q->act, (double)q->x[p]);
    return v == v && !isinf(v) ? (int32_t)rint(v * (double)q->inverse + (double)q->zero) : 0;
}

#define TOGETHER 64 /* outputs for which an input is quantised once */

void kern_ref_linear_int8(int64_t n, kern_activation act, const kern_stored *stored_x, const kern_int8 *w,
                          const real *bias, kern_stored *stored_y) {
    const real *x = stored_x;
    real *y = stored_y;
    for (int64_t i = 0; i < n; i++) {
        const quantized q = quantize_row(act, w->in, x + i * w->in);
        for (int64_t first = 0; first < w->out; first += TOGETHER) {
            const int64_t end = first + TOGETHER < w->out ? first + TOGETHER : w->out;
            int32_t sums[TOGETHER] = {0};
            for (int64_t p = 0; p < w->in; p++) {
                const int32_t quant = quant_at(&q, p);
                for (int64_t j = first; j < end; j++) sums[j - first] += quant * w->packed[j * w->in + p];
            }
            for (int64_t j = first; j < end; j++)
                y[i * w->out + j] = (real)((double)q.scale * (sums[j - first] * (double)w->scale[j]) +
                                           ((double)q.low * (double)w->sum[j] + (bias ? (double)bias[j] : 0.0)));
        }
    }
}
