/* y = mask x / (1 - p), the mask a pure function of (key, row, column) (Srivastava et al. 2014). Backward: dx += mask
 * dy / (1 - p). */
#include "autograd/ops/ops.h"

static void forward(ag_tape *t, ag_node *node) {
    const kern_stored *x = ag_value_take(t, node->in[0]);
    if (x)
        ag_kernels(t, node)->dropout_forward(node->rows, node->cols, *(const kern_dropout *)node->attr, x, node->value);
    ag_value_give(t, node->in[0]);
}

static void backward(ag_tape *t, ag_node *node) {
    real beta;
    real *dx = ag_grad(t, node->in[0], &beta);
    if (dx)
        ag_kernels(t, node)->dropout_backward(node->rows, node->cols, *(const kern_dropout *)node->attr, node->grad,
                                              beta, dx);
}

ag_node *ag_dropout(ag_tape *t, ag_node *x, kern_dropout dropout) {
    if (dropout.p == 0) return x;
    ag_node *node = ag_node_create(t, &ag_op_dropout, x->rows, x->cols, &x, 1, sizeof dropout);
    if (!node->attr) return node;
    *(kern_dropout *)node->attr = dropout;
    return ag_run(t, node);
}

static ag_node *some(ag_tape *t, ag_node **in) {
    return ag_dropout(t, in[0], (kern_dropout){.p = 0.3, .key = 12345, .first_row = 3});
}

static ag_node *none(ag_tape *t, ag_node **in) {
    return ag_dropout(t, ag_add(t, in[0], 2, in[0], 1), (kern_dropout){.p = 0, .key = 1});
}

static const ag_example examples[] = {
    {.name = "p = 0.3", .n_inputs = 1, .shapes = {{7, 11}}, .low = -1, .high = 1, .build = some},
    {.name = "one row", .n_inputs = 1, .shapes = {{1, 9}}, .low = -1, .high = 1, .build = some},
    {.name = "p = 0", .n_inputs = 1, .shapes = {{3, 4}}, .low = -1, .high = 1, .build = none},
    {0},
};

const ag_op ag_op_dropout = {
    .name = "dropout",
    .forward = forward,
    .backward = backward,
    .restore = forward,
    .restores_inputs = true,
    .reads_bf16 = true,
    .keeps_storage = true,
    .examples = examples,
};
