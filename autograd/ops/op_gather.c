/* y[i] = x[rows[i]]: rows picked by number, in any order and with repeats. Backward: dx[rows[i]] += dy[i], in order of
 * i. */
#include "autograd/ops/ops.h"

#include <string.h>

static void forward(ag_tape *t, ag_node *node) {
    (void)t;
    const int64_t *const *rows = node->attr;
    const size_t row_bytes = (size_t)node->cols * ag_storage_bytes(node->storage);
    char *to = (char *)node->value;
    const char *from = (const char *)node->in[0]->value;
    for (int64_t i = 0; i < node->rows; i++)
        memcpy(to + (size_t)i * row_bytes, from + (size_t)(*rows)[i] * row_bytes, row_bytes);
}

static void add_row(int64_t n, const real *from, real *to) {
    for (int64_t j = 0; j < n; j++) to[j] += from[j];
}

static void add_row_bf16(int64_t n, const kern_bf16 *from, kern_bf16 *to) {
    for (int64_t j = 0; j < n; j++) to[j] = kern_to_bf16(kern_from_bf16(to[j]) + kern_from_bf16(from[j]));
}

static void backward(ag_tape *t, ag_node *node) {
    const int64_t *const *rows = node->attr;
    const int64_t cols = node->cols;
    kern_stored *dx = ag_grad_sum(t, node->in[0]);
    for (int64_t i = 0; dx && i < node->rows; i++) {
        if (node->storage == KERN_BF16)
            add_row_bf16(cols, (const kern_bf16 *)node->grad + i * cols, (kern_bf16 *)dx + (*rows)[i] * cols);
        else
            add_row(cols, node->grad + i * cols, (real *)dx + (*rows)[i] * cols);
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
    .restores_inputs = true,
    .reads_bf16 = true,
    .keeps_storage = true,
    .examples = examples,
};
