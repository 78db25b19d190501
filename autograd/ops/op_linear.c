/* y = act(x) w^T + bias, w (out,in) as PyTorch stores it. The activation is applied to the input on the fly, so that
 * only x, not act(x), is kept. Backward: dx += (dy w) act'(x), dw += dy^T act(x), dbias += column sums of dy. */
#include "autograd/ops/ops.h"

#include <string.h>

enum { X, W, BIAS };

static void forward(ag_tape *t, ag_node *node) {
    const ag_node *x = node->in[X], *bias = node->in[BIAS];
    const ag_param *w = node->in[W]->param;
    if (w && w->int8 && !t->gradients) {
        SENC_ASSERT(w->int8->pack == ag_kernels(t, node)->int8_pack, "linear: %s was packed for other kernels",
                    w->name);
        ag_kernels(t, node)->linear_int8(x->rows, *(const kern_activation *)node->attr, x->value, w->int8,
                                         bias ? bias->value : NULL, node->value);
        return;
    }
    ag_kernels(t, node)->linear_forward(x->rows, x->cols, node->cols, *(const kern_activation *)node->attr, x->value,
                                        node->in[W]->value, bias ? bias->value : NULL, node->value);
}

/* A weight that gets no gradient (BitFit) has scratch in its place: the kernel gives dbias with dw only. */
static void backward_weight(ag_tape *t, ag_node *node, real *dw, real *dbias) {
    ag_node *x = node->in[X];
    const kern_activation act = *(const kern_activation *)node->attr;
    const int64_t n_weights = node->cols * x->cols;
    real *unwanted = dw ? NULL : ag_scratch_take(t, n_weights);
    if (unwanted) memset(unwanted, 0, (size_t)n_weights * sizeof *unwanted);
    const kern_stored *value = ag_value_take(t, x);
    if (!t->failed)
        ag_kernels(t, node)->linear_backward_weight(x->rows, x->cols, node->cols, act, value, node->grad,
                                                    dw ? dw : unwanted, dbias);
    if (act == KERN_NONE) ag_value_give(t, x); /* dx does not need it */
    ag_scratch_give(t, unwanted, n_weights);
}

static void backward(ag_tape *t, ag_node *node) {
    ag_node *x = node->in[X], *w = node->in[W];
    const kern_activation act = *(const kern_activation *)node->attr;
    real *dw = ag_grad_sum(t, w);
    real *dbias = ag_grad_sum(t, node->in[BIAS]);
    if (dw || dbias) backward_weight(t, node, dw, dbias);
    real beta;
    real *dx = ag_grad(t, x, &beta);
    if (!dx) return;
    const kern_stored *value = act == KERN_NONE ? NULL : ag_value_take(t, x);
    if (!t->failed)
        ag_kernels(t, node)->linear_backward_input(x->rows, x->cols, node->cols, act, value, w->value, node->grad, beta,
                                                   dx);
    ag_value_give(t, x);
}

static double flops(const ag_node *node) {
    return 2.0 * (double)node->rows * (double)node->cols * (double)node->in[X]->cols;
}

ag_node *ag_linear(ag_tape *t, ag_node *x, ag_node *w, ag_node *bias, kern_activation act) {
    AG_CHECK(t, x->cols == w->cols, "linear: x %lld x %lld, w %lld x %lld", (long long)x->rows, (long long)x->cols,
             (long long)w->rows, (long long)w->cols);
    AG_CHECK(t, !bias || bias->rows * bias->cols == w->rows, "linear: %lld outputs, bias has %lld", (long long)w->rows,
             (long long)(bias->rows * bias->cols));
    ag_node *node = ag_node_create(t, &ag_op_linear, x->rows, w->rows, (ag_node *[]){x, w, bias}, 3, sizeof act);
    if (!node->attr) return node;
    *(kern_activation *)node->attr = act;
    return ag_run(t, node);
}

static ag_node *plain(ag_tape *t, ag_node **in) {
    return ag_linear(t, in[0], in[1], in[2], KERN_NONE);
}

static ag_node *no_bias(ag_tape *t, ag_node **in) {
    return ag_linear(t, in[0], in[1], NULL, KERN_NONE);
}

static ag_node *gelu(ag_tape *t, ag_node **in) {
    return ag_linear(t, in[0], in[1], in[2], KERN_GELU);
}

static ag_node *tanh_no_bias(ag_tape *t, ag_node **in) {
    return ag_linear(t, in[0], in[1], NULL, KERN_TANH);
}

static ag_node *relu(ag_tape *t, ag_node **in) {
    return ag_linear(t, in[0], in[1], in[2], KERN_RELU);
}

/* Two layers, x read twice: its gradient is accumulated from two readers. */
static ag_node *two_readers(ag_tape *t, ag_node **in) {
    ag_node *hidden = ag_linear(t, in[0], in[1], NULL, KERN_NONE);
    ag_node *left = ag_linear(t, hidden, in[2], NULL, KERN_GELU);
    return ag_add(t, left, 1, ag_linear(t, hidden, in[2], in[3], KERN_NONE), -2);
}

static const ag_example examples[] = {
    {.name = "plain", .n_inputs = 3, .shapes = {{5, 7}, {3, 7}, {1, 3}}, .low = -1, .high = 1, .build = plain},
    {.name = "one row, one column",
     .n_inputs = 3,
     .shapes = {{1, 9}, {1, 9}, {1, 1}},
     .low = -1,
     .high = 1,
     .build = plain},
    {.name = "no bias", .n_inputs = 2, .shapes = {{4, 3}, {5, 3}}, .low = -1, .high = 1, .build = no_bias},
    {.name = "gelu", .n_inputs = 3, .shapes = {{5, 7}, {3, 7}, {1, 3}}, .low = -2, .high = 2, .build = gelu},
    {.name = "tanh, no bias", .n_inputs = 2, .shapes = {{3, 5}, {2, 5}}, .low = -2, .high = 2, .build = tanh_no_bias},
    {.name = "relu", .n_inputs = 3, .shapes = {{3, 5}, {4, 5}, {1, 4}}, .low = -1, .high = 1, .build = relu},
    {.name = "two readers",
     .n_inputs = 4,
     .shapes = {{3, 4}, {5, 4}, {2, 5}, {1, 2}},
     .low = -1,
     .high = 1,
     .build = two_readers},
    {0},
};

const ag_op ag_op_linear = {
    .name = "linear",
    .forward = forward,
    .backward = backward,
    .flops = flops,
    .reads_bf16 = true,
    .keeps_storage = true,
    .restores_inputs = true,
    .examples = examples,
};
