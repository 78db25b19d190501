/* s = residual + dropout(x); y = layer_norm(s) * gamma + shift: the end of a transformer's block (BERT, post-norm).
 * Backward: ds from layer norm, dresidual += ds, dx += mask ds. s is written over x, so that one matrix (N,D) a block
 * is saved; y is computed again from it. */
#include "autograd/ops/ops.h"

typedef struct add_norm_attr {
    kern_dropout dropout;
    double eps;
    real *mean, *rstd; /* (N) */
} add_norm_attr;

enum { X, RESIDUAL, GAMMA, SHIFT };

static void forward(ag_tape *t, ag_node *node) {
    const add_norm_attr *a = node->attr;
    ag_kernels(t, node)->add_norm_forward(node->rows, node->cols, a->dropout, node->in[X]->value,
                                          node->in[RESIDUAL]->value, node->in[GAMMA]->value, node->in[SHIFT]->value,
                                          a->eps, node->value, a->mean, a->rstd);
}

/* From the sum, which x's memory holds. */
static void restore(ag_tape *t, ag_node *node) {
    const add_norm_attr *a = node->attr;
    ag_kernels(t, node)->layer_norm_forward(node->rows, node->cols, node->in[X]->value, node->in[GAMMA]->value,
                                            node->in[SHIFT]->value, a->eps, node->value, a->mean, a->rstd);
}

static void backward(ag_tape *t, ag_node *node) {
    const add_norm_attr *a = node->attr;
    const int64_t d = node->cols;
    real beta_x = 0, beta_residual = 0;
    real *dx = ag_grad(t, node->in[X], &beta_x);
    real *dresidual = ag_grad(t, node->in[RESIDUAL], &beta_residual);
    ag_row_grads rows = ag_row_grads_take(t, node->in[GAMMA], node->in[SHIFT], d);
    if (!t->failed) {
        ag_kernels(t, node)->add_norm_backward(node->rows, d, a->dropout, node->in[X]->value, node->in[GAMMA]->value,
                                               a->mean, a->rstd, node->grad, beta_x, dx, beta_residual, dresidual,
                                               rows.dgamma, rows.dshift);
    }
    ag_row_grads_give(t, &rows, d);
}

/* Mean, variance, scale and shift, residual and mask: about ten operations a number. */
static double flops(const ag_node *node) {
    return 10.0 * (double)node->rows * (double)node->cols;
}

ag_node *ag_add_norm(ag_tape *t, ag_node *x, ag_node *residual, ag_node *gamma, ag_node *shift, double eps,
                     kern_dropout dropout) {
    const int64_t n = x->rows, d = x->cols;
    AG_CHECK(t, x != residual, "add_norm: %s is both branch and residual", ag_node_name(x));
    AG_CHECK(t, residual->storage == x->storage, "add_norm: %s is stored unlike %s", ag_node_name(residual),
             ag_node_name(x));
    AG_CHECK(t, residual->rows == n && residual->cols == d, "add_norm: x %lld x %lld, residual %lld x %lld",
             (long long)n, (long long)d, (long long)residual->rows, (long long)residual->cols);
    AG_CHECK(t, gamma->rows * gamma->cols == d && shift->rows * shift->cols == d,
             "add_norm: %lld columns, gamma %lld, shift %lld", (long long)d, (long long)(gamma->rows * gamma->cols),
             (long long)(shift->rows * shift->cols));
    ag_node *node =
        ag_node_create(t, &ag_op_add_norm, n, d, (ag_node *[]){x, residual, gamma, shift}, 4, sizeof(add_norm_attr));
    if (!node->attr) return node;
    ag_consume(t, x);
    *(add_norm_attr *)node->attr = (add_norm_attr){
        .dropout = dropout,
        .eps = eps,
        .mean = ag_node_alloc(t, (size_t)n, sizeof(real)),
        .rstd = ag_node_alloc(t, (size_t)n, sizeof(real)),
    };
    ag_run(t, node);
    ag_release(t, x);
    return node;
}

/* x must be an op's output: one is made of the example's first input. */
static ag_node *build(ag_tape *t, ag_node **in, kern_dropout dropout) {
    ag_node *x = ag_add(t, in[0], 1.5, in[0], -0.25);
    return ag_add_norm(t, x, in[1], in[2], in[3], 1e-5, dropout);
}

static ag_node *plain(ag_tape *t, ag_node **in) {
    return build(t, in, (kern_dropout){0});
}

static ag_node *with_dropout(ag_tape *t, ag_node **in) {
    return build(t, in, (kern_dropout){.p = 0.4, .key = 7, .first_row = 11});
}

/* The residual is x's own source, as in a block: it gets two gradients. */
static ag_node *block(ag_tape *t, ag_node **in) {
    ag_node *inner = ag_activation(t, in[0], KERN_TANH);
    ag_node *x = ag_activation(t, inner, KERN_GELU);
    return ag_add_norm(t, x, inner, in[1], in[2], 1e-5, (kern_dropout){.p = 0.3, .key = 5});
}

static const ag_example examples[] = {
    {.name = "no dropout",
     .n_inputs = 4,
     .shapes = {{5, 7}, {5, 7}, {1, 7}, {1, 7}},
     .low = -1,
     .high = 1,
     .build = plain},
    {.name = "one row",
     .n_inputs = 4,
     .shapes = {{1, 5}, {1, 5}, {1, 5}, {1, 5}},
     .low = -1,
     .high = 1,
     .build = plain},
    {.name = "dropout",
     .n_inputs = 4,
     .shapes = {{4, 9}, {4, 9}, {1, 9}, {1, 9}},
     .low = -1,
     .high = 1,
     .build = with_dropout},
    {.name = "block", .n_inputs = 3, .shapes = {{3, 5}, {1, 5}, {1, 5}}, .low = -1, .high = 1, .build = block},
    {0},
};

const ag_op ag_op_add_norm = {
    .name = "add_norm",
    .forward = forward,
    .backward = backward,
    .restore = restore,
    .restores_inputs = true,
    .flops = flops,
    .reads_bf16 = true,
    .keeps_storage = true,
    .examples = examples,
};
