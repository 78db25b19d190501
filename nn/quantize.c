/* Weights in int8: see quantize.h. */
#include "nn/quantize.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "nn/model_struct.h"

#define PADDED(n) (((n) + 63) / 64 * 64)

/* The struct and its arrays in one block, so that a parameter frees it without knowing it. */
static kern_int8 *allocate(int64_t in, int64_t out, senc_error *err) {
    const size_t head = PADDED(sizeof(kern_int8)), packed = (size_t)PADDED(kern_int8_bytes(in, out));
    const size_t n_bytes = head + packed + 2 * (size_t)PADDED(out) * sizeof(float);
    char *block = senc_alloc_aligned(n_bytes, 1);
    if (!block) {
        senc_fail_memory(err, n_bytes, "weights in int8");
        return NULL;
    }
    kern_int8 *q = (kern_int8 *)block;
    *q = (kern_int8){
        .in = in, .out = out, .packed = (int8_t *)(block + head), .scale = (float *)(block + head + packed)};
    q->sum = q->scale + PADDED(out);
    memset(q->scale, 0, 2 * (size_t)PADDED(out) * sizeof(float));
    return q;
}

/* q = round(w / scale), with 127 for the largest sum of magnitudes of two neighbours of the same sign (kern_int8), or
 * of one alone. Costs a quarter more rounding error than 127 for the largest magnitude. */
static void quantize_output(int64_t in, const real *w, int8_t *q, float *scale, float *sum) {
    float largest = 0.0f;
    for (int64_t p = 0; p < in; p += 2) {
        const float a = w[p], b = p + 1 < in ? w[p + 1] : 0.0f;
        largest = fmaxf(largest, fmaxf(fabsf(a + b), fmaxf(fabsf(a), fabsf(b)))); /* |a + b| wins with equal signs */
    }
    const float inverse = largest > 1e-36f ? 127.0f / largest : 0.0f;
    int32_t total = 0;
    for (int64_t p = 0; p < in; p++) {
        q[p] = (int8_t)lrintf(w[p] * inverse);
        total += q[p];
    }
    *scale = largest / 127.0f;
    *sum = *scale * (float)total;
}

typedef struct quantize_work {
    ag_param **params;
    int8_t *rows; /* as the parameters lie in their block */
} quantize_work;

static void quantize_task(void *context, int64_t i, int thread) {
    (void)thread;
    const quantize_work *work = context;
    const ag_param *p = work->params[i];
    kern_int8 *q = p->int8;
    if (!q) return;
    int8_t *rows = work->rows + p->offset;
    for (int64_t j = 0; j < p->rows; j++)
        quantize_output(p->cols, p->value + j * p->cols, rows + j * p->cols, q->scale + j, q->sum + j);
    q->pack(p->cols, p->rows, rows, q->packed);
}

bool nn_quantize(nn_model *m, const kern_table *kernels, senc_error *err) {
    if (!kern_int8_is_fast()) senc_warn("int8 is slower than fp32 on this CPU: it has no instructions for it");
    ag_params *ps = &m->params;
    for (int64_t i = 0; i < ps->n; i++) {
        ag_param *p = ps->items[i];
        if (!p->linear || p->cols > KERN_INT8_DEPTH) continue;
        p->int8 = allocate(p->cols, p->rows, err);
        if (!p->int8) return false;
        p->int8->pack = kernels->int8_pack;
    }
    quantize_work work = {ps->items, senc_alloc((size_t)ps->n_numbers, 1)};
    if (!work.rows) return senc_fail_memory(err, (size_t)ps->n_numbers, "weights in int8");
    senc_parallel(ps->n, quantize_task, &work);
    free(work.rows);
    return true;
}
