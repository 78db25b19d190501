/* y = rows [first, first + n) of x, without a copy. Backward: the same rows of dx += dy. */
#include "autograd/ops/ops.h"

static void forward(ag_tape *t, ag_node *node) {
    (void)t;
    (void)node; /* the value is a part of x's */
}

static void backward(ag_tape *t, ag_node *node) {
    const int64_t first = *(const int64_t *)node->attr;
    real *dx = ag_grad_sum(t, node->in[0]);
    if (dx) t->kernels->axpy(node->rows * node->cols, 1, node->grad, dx + first * node->cols);
}

ag_node *ag_rows(ag_tape *t, ag_node *x, int64_t first, int64_t n) {
    ag_node *node = ag_view_create(t, &ag_op_rows, x, first, n, sizeof first);
    if (!node->attr) return node;
    *(int64_t *)node->attr = first;
    return ag_run(t, node);
}

static ag_node *middle(ag_tape *t, ag_node **in) {
    return ag_rows(t, in[0], 1, 3);
}

static ag_node *overlapping(ag_tape *t, ag_node **in) {
    ag_node *x = ag_activation(t, in[0], KERN_TANH);
    return ag_add(t, ag_rows(t, x, 0, 3), 2, ag_rows(t, x, 1, 3), -1);
}

static const ag_example examples[] = {
    {.name = "middle", .n_inputs = 1, .shapes = {{5, 3}}, .low = -1, .high = 1, .build = middle},
    {.name = "overlapping", .n_inputs = 1, .shapes = {{4, 7}}, .low = -1, .high = 1, .build = overlapping},
    {0},
};

const ag_op ag_op_rows = {
    .name = "rows",
    .forward = forward,
    .backward = backward,
    .examples = examples,
};
