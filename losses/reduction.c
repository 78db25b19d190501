/* forward   y = f(x), saving s_i = df/dx_i
 * backward  dx_i += dy s_i */
#include "losses/reduction.h"

typedef struct reduction_attr {
    loss_formula *formula;
    const loss_batch *batch;
    const void *options; /* read in forward only, which runs while the builder's caller still holds them */
    real *slope;         /* (n) */
} reduction_attr;

static void reduction_forward(ag_tape *t, ag_node *node) {
    reduction_attr *attr = node->attr;
    const ag_node *in = node->in[0];
    double value = 0;
    attr->formula(t, in->value, in->cols, attr->batch, attr->options, &value, attr->slope);
    node->value[0] = (real)value;
}

static void reduction_backward(ag_tape *t, ag_node *node) {
    const reduction_attr *attr = node->attr;
    ag_node *in = node->in[0];
    real beta;
    real *dx = ag_grad(t, in, &beta);
    if (dx == NULL) return;
    const real dy = node->grad[0];
    for (int64_t i = 0; i < in->cols; i++) dx[i] = (beta == 0 ? 0 : dx[i]) + dy * attr->slope[i];
}

/* Checked through the losses that use it. */
static const ag_op reduction_op = {.name = "loss_reduce", .forward = reduction_forward, .backward = reduction_backward};

ag_node *loss_reduce(ag_tape *t, ag_node *x, loss_formula *formula, const loss_batch *batch, const void *options) {
    AG_CHECK(t, x->rows == 1, "rows %lld", (long long)x->rows);
    ag_node *node = ag_node_create(t, &reduction_op, 1, 1, &x, 1, sizeof(reduction_attr));
    real *slope = ag_node_alloc(t, (size_t)x->cols, sizeof(real));
    if (node->attr != NULL && slope != NULL)
        *(reduction_attr *)node->attr =
            (reduction_attr){.formula = formula, .batch = batch, .options = options, .slope = slope};
    return ag_run(t, node);
}
