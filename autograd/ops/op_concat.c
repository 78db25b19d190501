/* Columns side by side: z = [x y]. Backward: dx += left columns of dz, dy += right columns. */
#include "autograd/ops/ops.h"

#include <string.h>

static void forward(ag_tape *t, ag_node *node) {
    (void)t;
    const ag_node *x = node->in[0], *y = node->in[1];
    for (int64_t i = 0; i < node->rows; i++) {
        real *z = node->value + i * node->cols;
        memcpy(z, x->value + i * x->cols, (size_t)x->cols * sizeof *z);
        memcpy(z + x->cols, y->value + i * y->cols, (size_t)y->cols * sizeof *z);
    }
}

static void add_columns(ag_tape *t, ag_node *in, const ag_node *node, int64_t first) {
    real *d = ag_grad_sum(t, in);
    if (!d) return;
    for (int64_t i = 0; i < node->rows; i++) {
        const real *dz = node->grad + i * node->cols + first;
        for (int64_t j = 0; j < in->cols; j++) d[i * in->cols + j] += dz[j];
    }
}

static void backward(ag_tape *t, ag_node *node) {
    add_columns(t, node->in[0], node, 0);
    add_columns(t, node->in[1], node, node->in[0]->cols);
}

ag_node *ag_concat(ag_tape *t, ag_node *x, ag_node *y) {
    AG_CHECK(t, x->rows == y->rows, "concat: %lld rows beside %lld", (long long)x->rows, (long long)y->rows);
    return ag_run(t, ag_node_create(t, &ag_op_concat, x->rows, x->cols + y->cols, (ag_node *[]){x, y}, 2, 0));
}

static ag_node *build(ag_tape *t, ag_node **in) {
    return ag_concat(t, in[0], in[1]);
}

static ag_node *twice(ag_tape *t, ag_node **in) {
    return ag_concat(t, in[0], in[0]);
}

static const ag_example examples[] = {
    {.name = "two widths", .n_inputs = 2, .shapes = {{3, 5}, {3, 2}}, .low = -1, .high = 1, .build = build},
    {.name = "one row", .n_inputs = 2, .shapes = {{1, 1}, {1, 4}}, .low = -1, .high = 1, .build = build},
    {.name = "the same input twice", .n_inputs = 1, .shapes = {{3, 3}}, .low = -1, .high = 1, .build = twice},
    {0},
};

const ag_op ag_op_concat = {
    .name = "concat",
    .forward = forward,
    .backward = backward,
    .examples = examples,
};
