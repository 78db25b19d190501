/* One vector a sequence from its token vectors: mean, first token, maximum, ... (kern_pooling). Backward spreads dy
 * over the tokens by the weights of the mode; of the maximum only the token that won gets it. */
#include "autograd/ops/ops.h"

typedef struct pool_attr {
    kern_pooling mode;
    kern_sequences sequences;
    int64_t *argmax; /* (B,D), for KERN_POOL_MAX */
} pool_attr;

static void forward(ag_tape *t, ag_node *node) {
    const pool_attr *a = node->attr;
    ag_kernels(t, node->in[0])
        ->pool_forward(a->mode, a->sequences, node->cols, node->in[0]->value, node->value, a->argmax);
}

static void backward(ag_tape *t, ag_node *node) {
    const pool_attr *a = node->attr;
    real beta;
    real *dx = ag_grad(t, node->in[0], &beta);
    if (dx)
        ag_kernels(t, node->in[0])->pool_backward(a->mode, a->sequences, node->cols, a->argmax, node->grad, beta, dx);
}

ag_node *ag_pool(ag_tape *t, ag_node *x, kern_sequences sequences, kern_pooling mode) {
    AG_CHECK(t, sequences.offsets[sequences.n] == x->rows, "pool: %lld rows, the sequences hold %lld",
             (long long)x->rows, (long long)sequences.offsets[sequences.n]);
    ag_node *node = ag_node_create(t, &ag_op_pool, sequences.n, x->cols, &x, 1, sizeof(pool_attr));
    if (!node->attr) return node;
    pool_attr *a = node->attr;
    *a = (pool_attr){.mode = mode, .sequences = sequences};
    if (mode == KERN_POOL_MAX) a->argmax = ag_node_alloc(t, (size_t)(sequences.n * x->cols), sizeof *a->argmax);
    return ag_run(t, node);
}

static const int64_t example_offsets[] = {0, 3, 4, 9};

static ag_node *build(ag_tape *t, ag_node **in, kern_pooling mode) {
    return ag_pool(t, in[0], (kern_sequences){example_offsets, 3}, mode);
}

static ag_node *mean(ag_tape *t, ag_node **in) {
    return build(t, in, KERN_POOL_MEAN);
}

static ag_node *cls(ag_tape *t, ag_node **in) {
    return build(t, in, KERN_POOL_CLS);
}

static ag_node *max(ag_tape *t, ag_node **in) {
    return build(t, in, KERN_POOL_MAX);
}

static ag_node *mean_sqrt_len(ag_tape *t, ag_node **in) {
    return build(t, in, KERN_POOL_MEAN_SQRT_LEN);
}

static ag_node *weighted_mean(ag_tape *t, ag_node **in) {
    return build(t, in, KERN_POOL_WEIGHTED_MEAN);
}

static ag_node *last(ag_tape *t, ag_node **in) {
    return build(t, in, KERN_POOL_LAST);
}

static const ag_example examples[] = {
    {.name = "mean", .n_inputs = 1, .shapes = {{9, 5}}, .low = -1, .high = 1, .build = mean},
    {.name = "cls", .n_inputs = 1, .shapes = {{9, 3}}, .low = -1, .high = 1, .build = cls},
    {.name = "max", .n_inputs = 1, .shapes = {{9, 7}}, .low = -1, .high = 1, .build = max},
    {.name = "mean_sqrt_len", .n_inputs = 1, .shapes = {{9, 1}}, .low = -1, .high = 1, .build = mean_sqrt_len},
    {.name = "weighted_mean", .n_inputs = 1, .shapes = {{9, 5}}, .low = -1, .high = 1, .build = weighted_mean},
    {.name = "last", .n_inputs = 1, .shapes = {{9, 5}}, .low = -1, .high = 1, .build = last},
    {0},
};

const ag_op ag_op_pool = {
    .name = "pool",
    .forward = forward,
    .backward = backward,
    .restores_inputs = true,
    .reads_bf16 = true,
    .examples = examples,
};
