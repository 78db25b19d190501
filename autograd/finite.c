/* Where a NaN or Inf came from: see finite.h. */
#include "autograd/finite.h"

#include <math.h>

static double number_at(kern_storage storage, const kern_stored *x, int64_t i) {
    return storage == KERN_BF16 ? (double)kern_from_bf16(((const kern_bf16 *)x)[i]) : (double)((const real *)x)[i];
}

static bool all_finite(const ag_tape *t, const ag_node *node, const real *x) {
    const int64_t n = node->rows * node->cols;
    if (node->storage == KERN_REAL) return t->kernels->is_finite(n, x);
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(number_at(node->storage, x, i))) return false;
    }
    return true;
}

static void check(ag_tape *t, const ag_node *node, const real *x, bool is_grad) {
    const int64_t n = node->rows * node->cols;
    if (t->first_bad || !x || all_finite(t, node, x)) return;
    int64_t i = 0;
    while (i < n - 1 && isfinite(number_at(node->storage, x, i))) i++;
    t->first_bad = node;
    t->first_bad_is_grad = is_grad;
    t->first_bad_index = i;
    t->first_bad_value = number_at(node->storage, x, i);
}

void ag_finite_check_value(ag_tape *t, const ag_node *node) {
    check(t, node, node->value, false);
}

void ag_finite_check_grads(ag_tape *t, const ag_node *node) {
    for (int i = 0; i < node->n_in; i++) {
        if (node->in[i] && node->in[i]->needs_grad) check(t, node->in[i], node->in[i]->grad, true);
    }
}

bool ag_finite_report(const ag_tape *t, senc_error *err) {
    const ag_node *node = t->first_bad;
    const int64_t row = t->first_bad_index / node->cols, col = t->first_bad_index % node->cols;
    return senc_fail(err, SENC_FAILED, "first non-finite tensor: %s%s (%s, %lld x %lld): %g at row %lld, column %lld",
                     t->first_bad_is_grad ? "gradient of " : "", ag_node_name(node), node->op ? node->op->name : "leaf",
                     (long long)node->rows, (long long)node->cols, t->first_bad_value, (long long)row, (long long)col);
}

const ag_node *ag_tape_find_non_finite(ag_tape *t) {
    const ag_node *first = NULL;
    for (ag_node *node = t->last; node; node = node->previous) {
        /* a view: what it shows is found in the node it looks at */
        if (node->op && !node->owns_value && !node->dropped) continue;
        const real *value = ag_value_take(t, node);
        if (value && !all_finite(t, node, value)) first = node;
        ag_value_give(t, node);
    }
    return first;
}
