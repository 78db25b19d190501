/* y[i] = x[rows[i]]: rows picked by number, in any order and with repeats. Backward: dx[rows[i]] += dy[i], in order of
 * i. */
#include "autograd/ops/ops.h"

#include <string.h>

static void forward(ag_tape *t, ag_node *node) {
    (void)t;
    const int64_t *const *rows = node->attr;
    const size_t row_bytes = (size_t)node->cols * sizeof(real);
    for (int64_t i = 0; i < node->rows; i++) {
        memcpy(node->value + i * node->cols, node->in[0]->value + (*rows)[i] * node->cols, row_bytes);
    }
}

static void backward(ag_tape *t, ag_node *node) {
    const int64_t *const *rows = node->attr;
    real *dx = ag_grad_sum(t, node->in[0]);
    if (!dx) return;
    for (int64_t i = 0; i < node->rows; i++) {
        real *to = dx + (*rows)[i] * node->cols;
        for (int64_t j = 0; j < node->cols; j++) to[j] += node->grad[i * node->cols + j];
    }
}

ag_node *ag_gather(ag_tape *t, ag_node *x, const int64_t *rows, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        AG_CHECK(t, rows[i] >= 0 && rows[i] < x->rows, "gather: row %lld of %lld", (long long)rows[i],
                 (long long)x->rows);
    }
    ag_node *node = ag_node_create(t, &ag_op_gather, n, x->cols, &x, 1, sizeof rows);
    if (!node->attr) return node;
    *(const int64_t **)node->attr = rows;
    return ag_run(t, node);
}

static ag_node *repeats(ag_tape *t, ag_node **in) {
    static const int64_t rows[] = {3, 0, 0, 4, 1, 3};
    return ag_gather(t, in[0], rows, 6);
}

static ag_node *one(ag_tape *t, ag_node **in) {
    static const int64_t rows[] = {1};
    return ag_gather(t, in[0], rows, 1);
}

static const ag_example examples[] = {
    {.name = "with repeats", .n_inputs = 1, .shapes = {{5, 3}}, .low = -1, .high = 1, .build = repeats},
    {.name = "one row", .n_inputs = 1, .shapes = {{2, 7}}, .low = -1, .high = 1, .build = one},
    {0},
};

const ag_op ag_op_gather = {
    .name = "gather",
    .forward = forward,
    .backward = backward,
    .examples = examples,
};
