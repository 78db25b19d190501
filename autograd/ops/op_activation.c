/* y = act(x), elementwise. Backward: dx += dy * act'(x); x is kept, y is not needed. */
#include "autograd/ops/ops.h"

static void forward(ag_tape *t, ag_node *node) {
    const ag_node *x = node->in[0];
    const kern_activation *act = node->attr;
    t->kernels->activation_forward(*act, x->rows * x->cols, x->value, node->value);
}

static void backward(ag_tape *t, ag_node *node) {
    ag_node *x = node->in[0];
    const kern_activation *act = node->attr;
    real beta;
    real *dx = ag_grad(t, x, &beta);
    if (dx) t->kernels->activation_backward(*act, x->rows * x->cols, x->value, node->grad, beta, dx);
}

ag_node *ag_activation(ag_tape *t, ag_node *x, kern_activation act) {
    ag_node *node = ag_node_create(t, &ag_op_activation, x->rows, x->cols, &x, 1, sizeof act);
    if (!node->attr) return node;
    *(kern_activation *)node->attr = act;
    return ag_run(t, node);
}

static ag_node *gelu(ag_tape *t, ag_node **in) {
    return ag_activation(t, in[0], KERN_GELU);
}

static ag_node *tanh_example(ag_tape *t, ag_node **in) {
    return ag_activation(t, in[0], KERN_TANH);
}

static ag_node *relu(ag_tape *t, ag_node **in) {
    return ag_activation(t, in[0], KERN_RELU);
}

static ag_node *none(ag_tape *t, ag_node **in) {
    return ag_activation(t, in[0], KERN_NONE);
}

static const ag_example examples[] = {
    {.name = "gelu", .n_inputs = 1, .shapes = {{5, 7}}, .low = -4, .high = 4, .build = gelu},
    {.name = "gelu, one number", .n_inputs = 1, .shapes = {{1, 1}}, .low = -2, .high = 2, .build = gelu},
    {.name = "tanh", .n_inputs = 1, .shapes = {{3, 17}}, .low = -2, .high = 2, .build = tanh_example},
    {.name = "relu", .n_inputs = 1, .shapes = {{3, 17}}, .low = -1, .high = 1, .build = relu},
    {.name = "none", .n_inputs = 1, .shapes = {{2, 3}}, .low = -1, .high = 1, .build = none},
    {0},
};

const ag_op ag_op_activation = {
    .name = "activation",
    .forward = forward,
    .backward = backward,
    .examples = examples,
};
