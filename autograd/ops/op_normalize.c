/* y = x / max(|x|, 1e-12) per row. Backward: dx += (dy - y (y . dy)) / |x|; a row at the floor is only scaled: dx += dy
 * / 1e-12. */
#include "autograd/ops/ops.h"

#define EPS 1e-12 /* torch.nn.functional.normalize's default */

static void forward(ag_tape *t, ag_node *node) {
    t->kernels->normalize_forward(node->rows, node->cols, EPS, node->in[0]->value, node->value, *(real **)node->attr);
}

static void backward(ag_tape *t, ag_node *node) {
    real beta;
    real *dx = ag_grad(t, node->in[0], &beta);
    if (!dx) return;
    t->kernels->normalize_backward(node->rows, node->cols, EPS, node->value, *(real **)node->attr, node->grad, beta,
                                   dx);
}

ag_node *ag_normalize(ag_tape *t, ag_node *x) {
    ag_node *node = ag_node_create(t, &ag_op_normalize, x->rows, x->cols, &x, 1, sizeof(real *));
    if (!node->attr) return node;
    *(real **)node->attr = ag_node_alloc(t, (size_t)x->rows, sizeof(real));
    return ag_run(t, node);
}

static ag_node *build(ag_tape *t, ag_node **in) {
    return ag_normalize(t, in[0]);
}

static const ag_example examples[] = {
    {.name = "odd shape", .n_inputs = 1, .shapes = {{4, 7}}, .low = -1, .high = 1, .build = build},
    {.name = "one row", .n_inputs = 1, .shapes = {{1, 3}}, .low = -3, .high = 3, .build = build},
    {0},
};

const ag_op ag_op_normalize = {
    .name = "normalize",
    .forward = forward,
    .backward = backward,
    .backward_reads_output = true,
    .examples = examples,
};
