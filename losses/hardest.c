/* Batch-hard mining (Hermans, Beyer, Leibe 2017, equation 5). Every distance is computed exactly as the loss computes
 * it, so that the choice never disagrees with the loss: N^2 D operations, little beside the encoder for the batches
 * that a class sampler makes. */
#include "losses/hardest.h"

#include "autograd/base/threads.h"

typedef struct hardest_search {
    const ag_node *x;
    const int64_t *labels;
    loss_measure_rule rule;
    loss_pair *chosen; /* a: farthest of the class, b: nearest of another; -1: none */
} hardest_search;

static void choose(void *context, int64_t row, int thread) {
    (void)thread;
    const hardest_search *s = context;
    const int64_t d = s->x->cols;
    double far = 0, near = 0;
    loss_pair best = {-1, -1};
    for (int64_t j = 0; j < s->x->rows; j++) {
        if (j == row) continue;
        const double distance = loss_measure_rows(s->rule, s->x->value + row * d, s->x->value + j * d, d);
        const bool same = s->labels[j] == s->labels[row];
        if (same && (best.a < 0 || distance > far)) {
            far = distance;
            best.a = j;
        } else if (!same && (best.b < 0 || distance < near)) {
            near = distance;
            best.b = j;
        }
    }
    s->chosen[row] = best;
}

int64_t loss_hardest_pairs(ag_tape *t, const ag_node *x, const int64_t *labels, loss_measure_rule rule,
                           loss_pair *pairs) {
    const int64_t n = x->rows;
    loss_pair *chosen = ag_node_alloc(t, (size_t)n, sizeof(*chosen));
    if (chosen == NULL || x->value == NULL) return 0;
    hardest_search search = {.x = x, .labels = labels, .rule = rule, .chosen = chosen};
    senc_parallel(n, choose, &search);
    int64_t n_anchors = 0, at = 0;
    for (int64_t i = 0; i < n; i++) n_anchors += chosen[i].a >= 0 && chosen[i].b >= 0;
    for (int64_t i = 0; i < n; i++) {
        if (chosen[i].a < 0 || chosen[i].b < 0) continue;
        pairs[at] = (loss_pair){i, chosen[i].a};
        pairs[n_anchors + at++] = (loss_pair){i, chosen[i].b};
    }
    return n_anchors;
}
