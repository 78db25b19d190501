/* y[i] = word[ids[i]] + position[first_position + place of i in its sequence] + type[0]; position and type may be
 * absent. Backward scatters: dword[ids[i]] += dy[i], dposition[...] += dy[i], dtype[0] += sum of dy. */
#include "autograd/ops/ops.h"

typedef struct embed_attr {
    const int32_t *ids;
    kern_sequences sequences;
    int64_t first_position;
} embed_attr;

static const real *value_or_null(const ag_node *node) {
    return node ? node->value : NULL;
}

static void forward(ag_tape *t, ag_node *node) {
    const embed_attr *a = node->attr;
    ag_kernels(t, node)->embed_forward(a->sequences, node->cols, a->ids, a->first_position, node->in[0]->value,
                                       value_or_null(node->in[1]), value_or_null(node->in[2]), node->value);
}

static void backward(ag_tape *t, ag_node *node) {
    const embed_attr *a = node->attr;
    real *dword = ag_grad_sum(t, node->in[0]);
    real *dposition = ag_grad_sum(t, node->in[1]);
    real *dtype = ag_grad_sum(t, node->in[2]);
    if (t->failed) return;
    ag_kernels(t, node)->embed_backward(a->sequences, node->cols, a->ids, a->first_position, node->grad, dword,
                                        dposition, dtype);
}

static void check_inputs(const ag_tape *t, const ag_node *word, const ag_node *position, const ag_node *type,
                         const embed_attr *a) {
    AG_CHECK(t, (!position || position->cols == word->cols) && (!type || type->cols == word->cols),
             "embed: words are %lld wide, positions or types are not", (long long)word->cols);
    for (int64_t s = 0; s < a->sequences.n; s++) {
        const int64_t length = a->sequences.offsets[s + 1] - a->sequences.offsets[s];
        AG_CHECK(t, !position || a->first_position + length <= position->rows,
                 "embed: sequence %lld has %lld tokens, %lld positions", (long long)s, (long long)length,
                 (long long)position->rows);
    }
    for (int64_t i = 0; i < a->sequences.offsets[a->sequences.n]; i++) {
        AG_CHECK(t, a->ids[i] >= 0 && a->ids[i] < word->rows, "embed: id %d at %lld, %lld words", (int)a->ids[i],
                 (long long)i, (long long)word->rows);
    }
}

ag_node *ag_embed(ag_tape *t, ag_node *word, ag_node *position, ag_node *type, const int32_t *ids,
                  kern_sequences sequences, int64_t first_position, kern_storage storage) {
    const embed_attr attr = {ids, sequences, first_position};
    check_inputs(t, word, position, type, &attr);
    ag_node *node = ag_node_create_stored(t, &ag_op_embed, storage, sequences.offsets[sequences.n], word->cols,
                                          (ag_node *[]){word, position, type}, 3, sizeof attr);
    if (!node->attr) return node;
    *(embed_attr *)node->attr = attr;
    return ag_run(t, node);
}

static const int64_t example_offsets[] = {0, 3, 4, 8};
static const int32_t example_ids[] = {2, 0, 2, 4, 1, 3, 3, 3};
static const kern_sequences example_sequences = {example_offsets, 3};

static ag_node *all_three(ag_tape *t, ag_node **in) {
    return ag_embed(t, in[0], in[1], in[2], example_ids, example_sequences, 0, KERN_REAL);
}

static ag_node *words_only(ag_tape *t, ag_node **in) {
    return ag_embed(t, in[0], NULL, NULL, example_ids, example_sequences, 0, KERN_REAL);
}

static ag_node *shifted_positions(ag_tape *t, ag_node **in) {
    return ag_embed(t, in[0], in[1], NULL, example_ids, example_sequences, 2, KERN_REAL);
}

static ag_node *types_only(ag_tape *t, ag_node **in) {
    return ag_embed(t, in[0], NULL, in[1], example_ids, example_sequences, 0, KERN_REAL);
}

static const ag_example examples[] = {
    {.name = "word, position, type",
     .n_inputs = 3,
     .shapes = {{5, 3}, {4, 3}, {2, 3}},
     .low = -1,
     .high = 1,
     .build = all_three},
    {.name = "words only", .n_inputs = 1, .shapes = {{6, 5}}, .low = -1, .high = 1, .build = words_only},
    {.name = "positions from 2",
     .n_inputs = 2,
     .shapes = {{5, 4}, {7, 4}},
     .low = -1,
     .high = 1,
     .build = shifted_positions},
    {.name = "no positions", .n_inputs = 2, .shapes = {{5, 1}, {1, 1}}, .low = -1, .high = 1, .build = types_only},
    {0},
};

const ag_op ag_op_embed = {
    .name = "embed",
    .forward = forward,
    .backward = backward,
    .restore = forward,
    .restores_inputs = true,
    .examples = examples,
};
