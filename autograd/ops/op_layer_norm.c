/* y = (x - mean) rstd gamma + shift per row, rstd = 1/sqrt(var + eps) (Ba, Kiros, Hinton 2016).
 * Backward, with g = gamma dy and h = (x - mean) rstd: dx += rstd (g - mean(g) - h mean(g h)); dgamma += sum of dy h,
 * dshift += sum of dy. */
#include "autograd/ops/ops.h"

#include <string.h>

typedef struct layer_norm_attr {
    double eps;
    real *mean, *rstd; /* (N) */
} layer_norm_attr;

/* The kernels write dgamma and dshift always: for a vector without gradient they get scratch. */
static real *row_grad(ag_tape *t, ag_node *in, int64_t d, bool *is_scratch) {
    *is_scratch = !in->needs_grad;
    real *grad = in->needs_grad ? ag_grad_sum(t, in) : ag_scratch_take(t, d);
    if (grad && *is_scratch) memset(grad, 0, (size_t)d * sizeof *grad);
    return grad;
}

ag_row_grads ag_row_grads_take(ag_tape *t, ag_node *gamma, ag_node *shift, int64_t d) {
    ag_row_grads g = {0};
    g.dgamma = row_grad(t, gamma, d, &g.dgamma_is_scratch);
    g.dshift = row_grad(t, shift, d, &g.dshift_is_scratch);
    return g;
}

void ag_row_grads_give(ag_tape *t, ag_row_grads *g, int64_t d) {
    if (g->dgamma_is_scratch) ag_scratch_give(t, g->dgamma, d);
    if (g->dshift_is_scratch) ag_scratch_give(t, g->dshift, d);
}

static void forward(ag_tape *t, ag_node *node) {
    const layer_norm_attr *a = node->attr;
    const kern_stored *x = ag_value_take(t, node->in[0]);
    if (x)
        ag_kernels(t, node)->layer_norm_forward(node->rows, node->cols, x, node->in[1]->value, node->in[2]->value,
                                                a->eps, node->value, a->mean, a->rstd);
    ag_value_give(t, node->in[0]);
}

static void backward(ag_tape *t, ag_node *node) {
    const layer_norm_attr *a = node->attr;
    const int64_t n = node->rows, d = node->cols;
    ag_node *x = node->in[0];
    real beta = 0;
    const bool wanted = x->needs_grad; /* the kernel writes dx always */
    real *dx = wanted ? ag_grad(t, x, &beta) : ag_scratch_take(t, n * d);
    ag_row_grads rows = ag_row_grads_take(t, node->in[1], node->in[2], d);
    const kern_stored *value = ag_value_take(t, x);
    if (!t->failed) {
        ag_kernels(t, node)->layer_norm_backward(n, d, value, node->in[1]->value, a->mean, a->rstd, node->grad, beta,
                                                 dx, rows.dgamma, rows.dshift);
    }
    ag_value_give(t, x);
    ag_row_grads_give(t, &rows, d);
    if (!wanted) ag_scratch_give(t, dx, n * d);
}

static double flops(const ag_node *node) {
    return 8.0 * (double)node->rows * (double)node->cols; /* mean, variance, scale and shift */
}

ag_node *ag_layer_norm(ag_tape *t, ag_node *x, ag_node *gamma, ag_node *shift, double eps) {
    AG_CHECK(t, gamma->rows * gamma->cols == x->cols && shift->rows * shift->cols == x->cols,
             "layer_norm: %lld columns, gamma %lld, shift %lld", (long long)x->cols,
             (long long)(gamma->rows * gamma->cols), (long long)(shift->rows * shift->cols));
    ag_node *node = ag_node_create(t, &ag_op_layer_norm, x->rows, x->cols, (ag_node *[]){x, gamma, shift}, 3,
                                   sizeof(layer_norm_attr));
    if (!node->attr) return node;
    *(layer_norm_attr *)node->attr = (layer_norm_attr){
        .eps = eps,
        .mean = ag_node_alloc(t, (size_t)x->rows, sizeof(real)),
        .rstd = ag_node_alloc(t, (size_t)x->rows, sizeof(real)),
    };
    return ag_run(t, node);
}

static ag_node *build(ag_tape *t, ag_node **in) {
    return ag_layer_norm(t, in[0], in[1], in[2], 1e-12);
}

static ag_node *large_eps(ag_tape *t, ag_node **in) {
    return ag_layer_norm(t, in[0], in[1], in[2], 0.1);
}

static const ag_example examples[] = {
    {.name = "odd shape", .n_inputs = 3, .shapes = {{5, 7}, {1, 7}, {1, 7}}, .low = -1, .high = 1, .build = build},
    {.name = "one row", .n_inputs = 3, .shapes = {{1, 13}, {1, 13}, {1, 13}}, .low = -1, .high = 1, .build = build},
    {.name = "large eps", .n_inputs = 3, .shapes = {{3, 4}, {1, 4}, {1, 4}}, .low = -1, .high = 1, .build = large_eps},
    {0},
};

const ag_op ag_op_layer_norm = {
    .name = "layer_norm",
    .forward = forward,
    .backward = backward,
    .restore = forward,
    .restores_inputs = true,
    .flops = flops,
    .reads_bf16 = true,
    .keeps_storage = true,
    .examples = examples,
};
