/* z = a x + b y, elementwise. Backward: dx += a dz, dy += b dz. */
#include "autograd/ops/ops.h"

#include <string.h>

typedef struct add_attr {
    real a, b;
} add_attr;

static void forward(ag_tape *t, ag_node *node) {
    const add_attr *attr = node->attr;
    const int64_t n = node->rows * node->cols;
    memcpy(node->value, node->in[0]->value, (size_t)n * sizeof(real));
    if (attr->a != 1) t->kernels->scale(n, attr->a, node->value);
    t->kernels->axpy(n, attr->b, node->in[1]->value, node->value);
}

static void backward(ag_tape *t, ag_node *node) {
    const add_attr *attr = node->attr;
    ag_grad_add(t, node->in[0], attr->a, node->grad);
    ag_grad_add(t, node->in[1], attr->b, node->grad);
}

static double flops(const ag_node *node) {
    return 3.0 * (double)node->rows * (double)node->cols;
}

ag_node *ag_add(ag_tape *t, ag_node *x, double a, ag_node *y, double b) {
    AG_CHECK(t, x->rows == y->rows && x->cols == y->cols, "add: %lld x %lld and %lld x %lld", (long long)x->rows,
             (long long)x->cols, (long long)y->rows, (long long)y->cols);
    ag_node *node = ag_node_create(t, &ag_op_add, x->rows, x->cols, (ag_node *[]){x, y}, 2, sizeof(add_attr));
    if (!node->attr) return node;
    *(add_attr *)node->attr = (add_attr){(real)a, (real)b};
    return ag_run(t, node);
}

static ag_node *plain(ag_tape *t, ag_node **in) {
    return ag_add(t, in[0], 1, in[1], 1);
}

static ag_node *weighted(ag_tape *t, ag_node **in) {
    return ag_add(t, in[0], -0.5, in[1], 3);
}

static ag_node *twice(ag_tape *t, ag_node **in) {
    return ag_add(t, in[0], 0.25, in[0], 2);
}

static const ag_example examples[] = {
    {.name = "sum", .n_inputs = 2, .shapes = {{3, 5}, {3, 5}}, .low = -1, .high = 1, .build = plain},
    {.name = "weighted", .n_inputs = 2, .shapes = {{1, 9}, {1, 9}}, .low = -1, .high = 1, .build = weighted},
    {.name = "the same input twice", .n_inputs = 1, .shapes = {{4, 3}}, .low = -1, .high = 1, .build = twice},
    {0},
};

const ag_op ag_op_add = {
    .name = "add",
    .forward = forward,
    .backward = backward,
    .flops = flops,
    .examples = examples,
};
