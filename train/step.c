/* Forward and backward of one batch: see step.h. */
#include "train/step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

/* Large enough for nearly full speed (every chunk adds to all gradients of parameters once more: half as many tokens
 * cost 2 % on a CPU without bf16), small enough to be a fine measure of what fits and to keep the gradients that are
 * alive at once small. Many threads want more rows to share. */
#define CHUNK_TOKENS        8192
#define CHUNK_THREAD_TOKENS 256

/* The budget's share that is planned with: free pieces between blocks are the rest. */
#define PLANNED_SHARE 0.97

bool train_stepper_init(train_stepper *s, const kern_table *kernels, nn_model *model, const loss_spec *loss,
                        const void *loss_options, uint64_t seed, kern_storage storage, int64_t budget_bytes,
                        senc_error *err) {
    const int64_t by_threads = (int64_t)CHUNK_THREAD_TOKENS * senc_threads_count();
    *s = (train_stepper){.model = model,
                         .loss = loss,
                         .loss_options = loss_options,
                         .seed = seed,
                         .storage = storage,
                         .budget_bytes = budget_bytes,
                         .cut_bytes = budget_bytes,
                         .largest_chunk = by_threads > CHUNK_TOKENS ? by_threads : CHUNK_TOKENS};
    if (!ag_tape_init(&s->tape, kernels, true, budget_bytes, err)) return false;
    ag_tape_init_beside(&s->embed_tape, &s->tape, false);
    return true;
}

void train_stepper_free(train_stepper *s) {
    for (int64_t i = 0; i < s->n_chunk_tapes; i++) ag_tape_free(&s->chunk_tapes[i]);
    free(s->chunk_tapes);
    if (s->tape.memory) {
        ag_tape_free(&s->embed_tape);
        ag_tape_free(&s->tape);
    }
    free(s->chunks);
    free(s->chunk_offsets);
    free(s->embeddings);
    *s = (train_stepper){0};
}

int64_t train_stepper_peak_bytes(const train_stepper *s) {
    return ag_tape_peak_bytes(&s->tape);
}

static void reset_tapes(train_stepper *s) {
    for (int64_t i = 0; i < s->n_chunk_tapes; i++) ag_tape_reset(&s->chunk_tapes[i]);
    ag_tape_reset(&s->embed_tape);
    ag_tape_reset(&s->tape);
}

void train_stepper_trim(train_stepper *s) {
    reset_tapes(s);
    ag_memory_trim(s->tape.memory);
}

/* ---- what fits ---- */

/* Embeddings, normalised ones, and the gradients of both; the loss's own copy of one; a block of scores (losses never
 * hold more: 16 MiB); ranks and the like of each row. */
static int64_t loss_bytes(const train_stepper *s, int64_t n_sequences) {
    const int64_t matrix = n_sequences * nn_model_width(s->model) * (int64_t)sizeof(real);
    const int64_t most_scores = (int64_t)16 << 20, scores = n_sequences * n_sequences * (int64_t)sizeof(real);
    return 5 * matrix + (scores < most_scores ? scores : most_scores) + 64 * n_sequences +
           16 * (int64_t)sizeof(ag_node);
}

/* Bytes for activations beside the loss; negative when not even that fits. */
static int64_t room_beside_loss(const train_stepper *s, int64_t budget_bytes, int64_t n_sequences) {
    if (budget_bytes == 0) return INT64_MAX / 4;
    return (int64_t)((double)budget_bytes * PLANNED_SHARE) - loss_bytes(s, n_sequences);
}

/* A chunk on a tape, from forward to backward. */
static int64_t kept_bytes(const train_stepper *s, int64_t n_tokens, int64_t n_sequences) {
    const nn_activation_bytes bytes = nn_model_activation_bytes(s->model, s->storage);
    return n_tokens * bytes.kept + n_sequences * bytes.sequence + bytes.nodes;
}

static int64_t passing_bytes(const train_stepper *s, int64_t n_tokens) {
    return n_tokens * nn_model_activation_bytes(s->model, s->storage).passing;
}

/* The largest chunk that fits alone. Its sequences are taken as those of an average chunk. */
static int64_t chunk_tokens(const train_stepper *s, int64_t n_tokens, int64_t n_sequences) {
    const nn_activation_bytes bytes = nn_model_activation_bytes(s->model, s->storage);
    const int64_t sequence = n_tokens > 0 ? bytes.sequence * n_sequences / n_tokens + 1 : 0;
    const int64_t room = room_beside_loss(s, s->cut_bytes, n_sequences) - bytes.nodes;
    const int64_t fits = room > 0 ? room / (bytes.kept + bytes.passing + sequence) : 0;
    return fits < s->largest_chunk ? fits : s->largest_chunk;
}

int64_t train_stepper_smallest_budget(const train_stepper *s, int64_t n_sequences, int64_t longest_tokens) {
    const int64_t bytes =
        loss_bytes(s, n_sequences) + kept_bytes(s, longest_tokens, 1) + passing_bytes(s, longest_tokens);
    return (int64_t)((double)bytes / PLANNED_SHARE) + 1;
}

/* Into how many chunks: with texts of up to `longest` tokens one is up to half of that larger or smaller than the
 * average. */
static int64_t count_chunks(int64_t n_tokens, int64_t largest_chunk, int64_t longest) {
    const int64_t average = largest_chunk > longest ? largest_chunk - longest / 2 : largest_chunk;
    return n_tokens > largest_chunk ? (n_tokens + average - 1) / average : 1;
}

train_step_plan train_stepper_plan(const train_stepper *s, int64_t n_tokens, int64_t n_sequences,
                                   int64_t longest_tokens) {
    train_step_plan p = {.chunk_tokens = chunk_tokens(s, n_tokens, n_sequences),
                         .loss_bytes = loss_bytes(s, n_sequences)};
    if (p.chunk_tokens == 0 || n_tokens == 0) return p;
    p.n_chunks = count_chunks(n_tokens, p.chunk_tokens, longest_tokens);
    const int64_t each = (n_tokens + p.n_chunks - 1) / p.n_chunks;
    const int64_t kept = kept_bytes(s, each, n_sequences / p.n_chunks + 1), passing = passing_bytes(s, each);
    const int64_t fit = (room_beside_loss(s, s->budget_bytes, n_sequences) - passing) / kept;
    p.n_kept = fit < 1 ? 1 : fit < p.n_chunks ? fit : p.n_chunks;
    p.activations_bytes = p.n_kept * kept + passing;
    return p;
}

/* ---- chunks ---- */

static bool reserve(train_stepper *s, int64_t n_sequences, senc_error *err) {
    if (n_sequences <= s->sequences_capacity) return true;
    const int64_t width = nn_model_width(s->model);
    free(s->embeddings);
    free(s->chunks);
    free(s->chunk_offsets);
    s->sequences_capacity = 0;
    s->embeddings = senc_alloc_aligned((size_t)(n_sequences * width), sizeof *s->embeddings);
    ag_memory_count_beside(s->tape.memory, -s->embeddings_bytes);
    s->embeddings_bytes = n_sequences * width * (int64_t)sizeof *s->embeddings;
    ag_memory_count_beside(s->tape.memory, s->embeddings_bytes);
    s->chunks = senc_alloc((size_t)n_sequences, sizeof *s->chunks);
    s->chunk_offsets = senc_alloc((size_t)(2 * n_sequences), sizeof *s->chunk_offsets);
    if (!s->embeddings || !s->chunks || !s->chunk_offsets)
        return senc_fail_memory(err, (size_t)s->embeddings_bytes, "a batch's embeddings");
    s->sequences_capacity = n_sequences;
    return true;
}

/* Cuts the batch into runs of about equally many tokens, none above the largest that fits unless it is one sequence:
 * each ends where it is nearest to its share of the batch. */
static void cut(train_stepper *s, const train_batch *batch) {
    const kern_sequences all = train_batch_sequences(batch);
    const int64_t n_tokens = batch->ids.n;
    int64_t most = chunk_tokens(s, n_tokens, all.n), longest = 0;
    if (most < 1) most = 1;
    for (int64_t i = 0; i < all.n; i++) {
        const int64_t length = all.offsets[i + 1] - all.offsets[i];
        longest = length > longest ? length : longest;
    }
    const int64_t wanted = count_chunks(n_tokens, most, longest);
    int64_t *offsets = s->chunk_offsets;
    s->n_chunks = 0;
    for (int64_t first = 0, end; first < all.n; first = end) {
        const int64_t start = all.offsets[first], share = (s->n_chunks + 1) * n_tokens / wanted;
        for (end = first + 1; end < all.n; end++) {
            const int64_t here = all.offsets[end], next = all.offsets[end + 1];
            /* an absent text is never a chunk of its own */
            if (next > here && (next - start > most || share - here < next - share)) break;
        }
        for (int64_t i = 0; i <= end - first; i++) offsets[i] = all.offsets[first + i] - start;
        s->chunks[s->n_chunks++] = (train_chunk){first, end - first, start, all.offsets[end] - start, offsets};
        offsets += end - first + 1;
    }
}

/* How many of the last chunks stay on their tapes: they leave room for the loss, and for the gradients of the largest
 * of them. The last one always stays: it has the memory that chunks before it run in a second time. */
static void choose_kept(train_stepper *s, int64_t n_sequences) {
    const int64_t room = room_beside_loss(s, s->budget_bytes, n_sequences);
    int64_t bytes = 0, largest = 0;
    s->n_kept = 0;
    for (int64_t i = s->n_chunks - 1; i >= 0; i--) {
        const train_chunk *c = &s->chunks[i];
        bytes += kept_bytes(s, c->n_tokens, c->n);
        largest = c->n_tokens > largest ? c->n_tokens : largest;
        if (s->n_kept > 0 && bytes + passing_bytes(s, largest) > room) break;
        s->n_kept++;
    }
}

static bool reserve_tapes(train_stepper *s, senc_error *err) {
    if (s->n_kept <= s->n_chunk_tapes) return true;
    ag_tape *grown = senc_realloc(s->chunk_tapes, (size_t)s->n_kept, sizeof *grown);
    if (!grown) return senc_fail_memory(err, (size_t)s->n_kept * sizeof *grown, "the chunks of a batch");
    s->chunk_tapes = grown;
    while (s->n_chunk_tapes < s->n_kept) ag_tape_init_beside(&grown[s->n_chunk_tapes++], &s->tape, true);
    return true;
}

/* ---- the two passes ---- */

typedef struct step_run {
    const train_batch *batch;
    int64_t dropout_step, width;
} step_run;

static ag_node *encode(train_stepper *s, ag_tape *tape, const step_run *run, const train_chunk *c) {
    const train_batch *batch = run->batch;
    const nn_pass pass = {.training = true,
                          .seed = s->seed,
                          .step = run->dropout_step,
                          .first_token = c->first_token,
                          .prompt_tokens = batch->prompt_tokens ? batch->prompt_tokens + c->first : NULL,
                          .storage = s->storage};
    const kern_sequences sequences = {.offsets = c->offsets, .n = c->n};
    ag_tape_reset(tape);
    return nn_model_encode(s->model, tape, batch->ids.items + c->first_token, sequences, &pass);
}

/* Forward of all chunks into s->embeddings; outputs (n_kept): the last nodes of those that are kept. */
static bool embed_all(train_stepper *s, const step_run *run, ag_node **outputs, senc_error *err) {
    const int64_t first_kept = s->n_chunks - s->n_kept;
    for (int64_t i = 0; i < s->n_chunks; i++) {
        const train_chunk *c = &s->chunks[i];
        ag_tape *tape = i < first_kept ? &s->embed_tape : &s->chunk_tapes[i - first_kept];
        if (i == first_kept) ag_tape_reset(&s->embed_tape);
        ag_node *e = encode(s, tape, run, c);
        if (!ag_tape_check(tape, err)) return false;
        memcpy(s->embeddings + c->first * run->width, e->value, (size_t)(c->n * run->width) * sizeof(real));
        if (i < first_kept)
            s->n_tokens_twice += c->n_tokens;
        else
            outputs[i - first_kept] = e;
    }
    return true;
}

static bool backward_all(train_stepper *s, const step_run *run, ag_node *const *outputs, senc_error *err) {
    const int64_t first_kept = s->n_chunks - s->n_kept;
    for (int64_t i = s->n_chunks - 1; i >= 0; i--) {
        const train_chunk *c = &s->chunks[i];
        ag_tape *tape = &s->chunk_tapes[i < first_kept ? 0 : i - first_kept];
        ag_node *e = i < first_kept ? encode(s, tape, run, c) : outputs[i - first_kept];
        if (!ag_tape_check(tape, err)) return false;
        ag_tape_backward(tape, e, s->embeddings + c->first * run->width);
        if (!ag_tape_check(tape, err)) return false;
        ag_tape_reset(tape);
    }
    return true;
}

static bool fail_non_finite(const ag_node *bad, double loss, senc_error *err) {
    return senc_fail(err, SENC_NOT_FINITE, "loss is %s; first non-finite tensor: %s", isnan(loss) ? "nan" : "infinite",
                     bad ? ag_node_name(bad) : "the loss itself");
}

/* Finds the culprit of a non-finite loss: runs the chunks again, one at a time. */
static bool find_culprit(train_stepper *s, const step_run *run, double loss, senc_error *err) {
    for (int64_t i = 0; i < s->n_kept; i++) ag_tape_reset(&s->chunk_tapes[i]);
    for (int64_t i = 0; i < s->n_chunks; i++) {
        encode(s, &s->chunk_tapes[0], run, &s->chunks[i]);
        const ag_node *bad = ag_tape_find_non_finite(&s->chunk_tapes[0]);
        if (bad) return fail_non_finite(bad, loss, err);
    }
    return fail_non_finite(ag_tape_find_non_finite(&s->tape), loss, err);
}

/* The loss on the embeddings, which its gradient replaces: nothing of the loss is left then, and chunks that run again
 * find the memory empty, in one piece. *learns = false: there is nothing to learn from this batch (no valid triplet).
 */
static bool run_loss(train_stepper *s, const step_run *run, double weight, double *loss, bool *learns,
                     senc_error *err) {
    const kern_sequences all = train_batch_sequences(run->batch);
    const real seed = (real)weight;
    ag_node *e = ag_input(&s->tape, s->embeddings, all.n, run->width);
    ag_node *node = s->loss->build(&s->tape, e, &run->batch->loss, s->loss_options);
    if (!ag_tape_check(&s->tape, err)) return false;
    *loss = (double)node->value[0];
    if (!isfinite(*loss)) return find_culprit(s, run, *loss, err);
    ag_tape_backward(&s->tape, node, &seed);
    if (!ag_tape_check(&s->tape, err)) return false;
    *learns = e->grad != NULL;
    if (*learns) memcpy(s->embeddings, e->grad, (size_t)(all.n * run->width) * sizeof(real));
    ag_tape_reset(&s->tape);
    return true;
}

bool train_stepper_run(train_stepper *s, const train_batch *batch, int64_t dropout_step, double weight, double *loss,
                       senc_error *err) {
    const kern_sequences all = train_batch_sequences(batch);
    const step_run run = {batch, dropout_step, nn_model_width(s->model)};
    s->flops += 3.0 * nn_model_forward_flops(s->model, all); /* backward costs twice the forward pass */
    s->n_tokens += batch->ids.n;
    reset_tapes(s);
    if (!reserve(s, all.n, err)) return false;
    cut(s, batch);
    choose_kept(s, all.n);
    ag_node **outputs = senc_alloc((size_t)s->n_kept, sizeof(ag_node *));
    if (!outputs) return senc_fail_memory(err, (size_t)s->n_kept * sizeof(ag_node *), "the chunks of a batch");
    bool learns = false;
    bool ok =
        reserve_tapes(s, err) && embed_all(s, &run, outputs, err) && run_loss(s, &run, weight, loss, &learns, err);
    if (ok && learns) ok = backward_all(s, &run, outputs, err);
    free(outputs);
    return ok;
}
