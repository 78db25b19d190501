/* Forward and backward of one batch: see step.h. */
#include "train/step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

bool train_stepper_init(train_stepper *s, const kern_table *kernels, nn_model *model, const loss_spec *loss,
                        const void *loss_options, uint64_t seed, kern_storage storage, int64_t memory_limit,
                        senc_error *err) {
    *s = (train_stepper){.model = model,
                         .loss = loss,
                         .loss_options = loss_options,
                         .seed = seed,
                         .storage = storage,
                         .memory_limit = memory_limit};
    return ag_tape_init(&s->tape, kernels, true, memory_limit, err) &&
           ag_tape_init(&s->embed_tape, kernels, false, memory_limit, err) &&
           ag_tape_init(&s->loss_tape, kernels, true, 0, err);
}

void train_stepper_free(train_stepper *s) {
    ag_tape_free(&s->tape);
    ag_tape_free(&s->embed_tape);
    ag_tape_free(&s->loss_tape);
    free(s->embeddings);
    *s = (train_stepper){0};
}

int64_t train_stepper_chunk_tokens(const train_stepper *s) {
    if (s->memory_limit == 0) return INT64_MAX;
    /* a tenth is left for what does not grow with the tokens */
    const nn_activation_bytes bytes = nn_model_activation_bytes(s->model, s->storage);
    return (s->memory_limit / 10 * 9 - 2 * bytes.nodes) / (bytes.kept + bytes.passing);
}

int64_t train_stepper_peak_bytes(const train_stepper *s) {
    return ag_tape_peak_bytes(&s->tape) + ag_tape_peak_bytes(&s->embed_tape) + ag_tape_peak_bytes(&s->loss_tape) +
           s->embeddings_capacity * (int64_t)sizeof(real);
}

static bool fail_non_finite(ag_tape *tape, double loss, senc_error *err) {
    const ag_node *bad = ag_tape_find_non_finite(tape);
    return senc_fail(err, SENC_FAILED, "loss is %s; first non-finite tensor: %s", isnan(loss) ? "nan" : "infinite",
                     bad ? ag_node_name(bad) : "the loss itself");
}

static nn_pass pass_of(const train_stepper *s, const train_batch *batch, int64_t dropout_step, int64_t first_sequence) {
    return (nn_pass){.training = true,
                     .seed = s->seed,
                     .step = dropout_step,
                     .first_token = batch->offsets[first_sequence],
                     .prompt_tokens = batch->prompt_tokens ? batch->prompt_tokens + first_sequence : NULL,
                     .storage = s->storage};
}

/* Checks the tape and the loss, then runs backward from weight * loss. */
static bool finish_loss(ag_tape *tape, ag_node *node, double weight, double *loss, senc_error *err) {
    if (!ag_tape_check(tape, err)) return false;
    *loss = (double)node->value[0];
    if (!isfinite(*loss)) return fail_non_finite(tape, *loss, err);
    const real seed = (real)weight;
    ag_tape_backward(tape, node, &seed);
    return ag_tape_check(tape, err);
}

static bool run_whole(train_stepper *s, const train_batch *batch, int64_t dropout_step, double weight, double *loss,
                      senc_error *err) {
    const nn_pass pass = pass_of(s, batch, dropout_step, 0);
    ag_tape_reset(&s->tape);
    ag_node *e = nn_model_encode(s->model, &s->tape, batch->ids.items, train_batch_sequences(batch), &pass);
    return finish_loss(&s->tape, s->loss->build(&s->tape, e, &batch->loss, s->loss_options), weight, loss, err);
}

/* A run of sequences [first, first + n) with offsets counted from its own first token. */
typedef struct chunk {
    int64_t first, n, first_token;
    int64_t *offsets;
} chunk;

/* The longest run from `first` that stays within max_tokens (at least one sequence). */
static void chunk_cut(chunk *c, const int64_t *offsets, int64_t n_sequences, int64_t first, int64_t max_tokens) {
    int64_t end = first + 1;
    while (end < n_sequences && offsets[end + 1] - offsets[first] <= max_tokens) end++;
    c->first = first;
    c->n = end - first;
    c->first_token = offsets[first];
    for (int64_t i = 0; i <= c->n; i++) c->offsets[i] = offsets[first + i] - offsets[first];
}

static ag_node *encode_chunk(train_stepper *s, ag_tape *tape, const train_batch *batch, const chunk *c,
                             int64_t dropout_step) {
    const nn_pass pass = pass_of(s, batch, dropout_step, c->first);
    const kern_sequences sequences = {.offsets = c->offsets, .n = c->n};
    ag_tape_reset(tape);
    return nn_model_encode(s->model, tape, batch->ids.items + c->first_token, sequences, &pass);
}

static bool embed_chunks(train_stepper *s, const train_batch *batch, chunk *c, int64_t max_tokens, int64_t dropout_step,
                         senc_error *err) {
    const int64_t n = batch->n_rows * batch->n_columns, width = nn_model_width(s->model);
    for (int64_t first = 0; first < n; first += c->n) {
        chunk_cut(c, batch->offsets, n, first, max_tokens);
        const ag_node *e = encode_chunk(s, &s->embed_tape, batch, c, dropout_step);
        if (!ag_tape_check(&s->embed_tape, err)) return false;
        memcpy(s->embeddings + first * width, e->value, (size_t)(c->n * width) * sizeof(real));
    }
    return true;
}

/* Finds the culprit of a non-finite loss by running the chunks again on the tape. */
static bool fail_non_finite_chunk(train_stepper *s, const train_batch *batch, chunk *c, int64_t max_tokens,
                                  int64_t dropout_step, double loss, senc_error *err) {
    const int64_t n = batch->n_rows * batch->n_columns;
    for (int64_t first = 0; first < n; first += c->n) {
        chunk_cut(c, batch->offsets, n, first, max_tokens);
        encode_chunk(s, &s->tape, batch, c, dropout_step);
        if (ag_tape_find_non_finite(&s->tape)) return fail_non_finite(&s->tape, loss, err);
    }
    return fail_non_finite(&s->loss_tape, loss, err);
}

static bool backward_chunks(train_stepper *s, const train_batch *batch, chunk *c, int64_t max_tokens,
                            int64_t dropout_step, const real *gradient, senc_error *err) {
    const int64_t n = batch->n_rows * batch->n_columns, width = nn_model_width(s->model);
    for (int64_t first = 0; first < n; first += c->n) {
        chunk_cut(c, batch->offsets, n, first, max_tokens);
        ag_node *e = encode_chunk(s, &s->tape, batch, c, dropout_step);
        if (!ag_tape_check(&s->tape, err)) return false;
        ag_tape_backward(&s->tape, e, gradient + first * width);
        if (!ag_tape_check(&s->tape, err)) return false;
    }
    return true;
}

static bool run_chunked(train_stepper *s, const train_batch *batch, int64_t dropout_step, double weight, double *loss,
                        chunk *c, senc_error *err) {
    const int64_t n = batch->n_rows * batch->n_columns, width = nn_model_width(s->model);
    const int64_t max_tokens = train_stepper_chunk_tokens(s);
    if (s->embeddings_capacity < n * width) {
        free(s->embeddings);
        s->embeddings_capacity = 0;
        s->embeddings = senc_alloc_aligned((size_t)(n * width), sizeof(real));
        if (!s->embeddings) return senc_fail_memory(err, (size_t)(n * width) * sizeof(real), "a batch's embeddings");
        s->embeddings_capacity = n * width;
    }
    if (!embed_chunks(s, batch, c, max_tokens, dropout_step, err)) return false;
    ag_tape_reset(&s->loss_tape);
    ag_node *e = ag_input(&s->loss_tape, s->embeddings, n, width);
    ag_node *node = s->loss->build(&s->loss_tape, e, &batch->loss, s->loss_options);
    if (!ag_tape_check(&s->loss_tape, err)) return false;
    if (!isfinite((double)node->value[0]))
        return fail_non_finite_chunk(s, batch, c, max_tokens, dropout_step, (double)node->value[0], err);
    if (!finish_loss(&s->loss_tape, node, weight, loss, err)) return false;
    if (!e->grad) return true; /* nothing to learn from this batch (no valid triplet) */
    s->n_chunked++;
    return backward_chunks(s, batch, c, max_tokens, dropout_step, e->grad, err);
}

bool train_stepper_run(train_stepper *s, const train_batch *batch, int64_t dropout_step, double weight, double *loss,
                       senc_error *err) {
    const kern_sequences sequences = train_batch_sequences(batch);
    s->flops += 3.0 * nn_model_forward_flops(s->model, sequences); /* backward costs twice the forward pass */
    if (batch->ids.n <= train_stepper_chunk_tokens(s)) return run_whole(s, batch, dropout_step, weight, loss, err);
    chunk c = {.offsets = senc_alloc((size_t)sequences.n + 1, sizeof *c.offsets)};
    if (!c.offsets) return senc_fail_memory(err, ((size_t)sequences.n + 1) * sizeof *c.offsets, "a chunk's offsets");
    const bool ok = run_chunked(s, batch, dropout_step, weight, loss, &c, err);
    free(c.offsets);
    return ok;
}
