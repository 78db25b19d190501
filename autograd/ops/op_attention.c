/* Self-attention of packed sequences: per sequence and head, out = dropout(softmax(q k^T / sqrt(D/H))) v (Vaswani et
 * al. 2017, 3.2). Backward recomputes the probabilities from qkv and the saved log-sum-exp (FlashAttention, Dao et al.
 * 2022): nothing of size T x T is kept. */
#include "autograd/ops/ops.h"

#include <math.h>

typedef struct attention_attr {
    kern_sequences sequences;
    int64_t heads;
    double scale;
    kern_dropout dropout;
    real *log_sum; /* (N,H) */
} attention_attr;

static void forward(ag_tape *t, ag_node *node) {
    const attention_attr *a = node->attr;
    ag_kernels(t, node)->attention_forward(a->sequences, a->heads, node->cols, a->scale, a->dropout, node->in[0]->value,
                                           node->value, a->log_sum);
}

static void backward(ag_tape *t, ag_node *node) {
    const attention_attr *a = node->attr;
    real beta;
    real *dqkv = ag_grad(t, node->in[0], &beta);
    if (!dqkv) return;
    ag_kernels(t, node)->attention_backward(a->sequences, a->heads, node->cols, a->scale, a->dropout,
                                            node->in[0]->value, node->value, a->log_sum, node->grad, beta, dqkv);
}

/* Two products of T x T x D a sequence. */
static double flops(const ag_node *node) {
    const attention_attr *a = node->attr;
    double sum = 0;
    for (int64_t s = 0; s < a->sequences.n; s++) {
        const double length = (double)(a->sequences.offsets[s + 1] - a->sequences.offsets[s]);
        sum += 4 * length * length * (double)node->cols;
    }
    return sum;
}

ag_node *ag_attention(ag_tape *t, ag_node *qkv, kern_sequences sequences, int64_t heads, kern_dropout dropout) {
    const int64_t n = qkv->rows, d = qkv->cols / 3;
    AG_CHECK(t, qkv->cols % 3 == 0 && heads > 0 && d % heads == 0, "attention: qkv has %lld columns for %lld heads",
             (long long)qkv->cols, (long long)heads);
    AG_CHECK(t, sequences.offsets[sequences.n] == n, "attention: %lld rows, the sequences hold %lld", (long long)n,
             (long long)sequences.offsets[sequences.n]);
    ag_node *node = ag_node_create(t, &ag_op_attention, n, d, &qkv, 1, sizeof(attention_attr));
    if (!node->attr) return node;
    *(attention_attr *)node->attr = (attention_attr){
        .sequences = sequences,
        .heads = heads,
        .scale = 1 / sqrt((double)(d / heads)),
        .dropout = dropout,
        .log_sum = ag_node_alloc(t, (size_t)(n * heads), sizeof(real)),
    };
    return ag_run(t, node);
}

static const int64_t example_offsets[] = {0, 3, 4, 9}; /* the second sequence has one token */

static ag_node *two_heads(ag_tape *t, ag_node **in) {
    return ag_attention(t, in[0], (kern_sequences){example_offsets, 3}, 2, (kern_dropout){0});
}

static ag_node *odd_head(ag_tape *t, ag_node **in) {
    return ag_attention(t, in[0], (kern_sequences){example_offsets, 3}, 1, (kern_dropout){0});
}

static ag_node *with_dropout(ag_tape *t, ag_node **in) {
    return ag_attention(t, in[0], (kern_sequences){example_offsets, 3}, 2,
                        (kern_dropout){.p = 0.3, .key = 99, .first_row = 40});
}

static ag_node *one_token(ag_tape *t, ag_node **in) {
    static const int64_t offsets[] = {0, 1};
    return ag_attention(t, in[0], (kern_sequences){offsets, 1}, 1, (kern_dropout){0});
}

static const ag_example examples[] = {
    {.name = "two heads", .n_inputs = 1, .shapes = {{9, 12}}, .low = -2, .high = 2, .build = two_heads},
    {.name = "one head, odd width", .n_inputs = 1, .shapes = {{9, 15}}, .low = -2, .high = 2, .build = odd_head},
    {.name = "dropout", .n_inputs = 1, .shapes = {{9, 12}}, .low = -2, .high = 2, .build = with_dropout},
    {.name = "one token", .n_inputs = 1, .shapes = {{1, 9}}, .low = -2, .high = 2, .build = one_token},
    {0},
};

const ag_op ag_op_attention = {
    .name = "attention",
    .forward = forward,
    .backward = backward,
    .flops = flops,
    .reads_bf16 = true,
    .keeps_storage = true,
    .backward_reads_output = true,
    .examples = examples,
};
