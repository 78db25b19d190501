/* Forward and backward of one batch, in chunks of a few thousand tokens. The loss sees the embeddings of the whole
 * batch whatever the chunks are (GradCache, Gao et al. 2021, section 3): embed the chunks, build the loss on the
 * embeddings, then walk each chunk back with the gradient of its embeddings as seed.
 *
 * The activations of as many chunks as fit into the memory budget are kept after the first pass, only the others are
 * computed a second time; without a budget all are kept. The kept ones are the last of the batch and go back first:
 *
 *     embed   1 2 3 4 5 6 7 8     1..5 without gradients, 6..8 on a tape each, which fills the budget
 *     loss                        on a tape of its own
 *     back    8 7 6 | 5 4 3 2 1   8..6 as they lie, then 5..1 anew, one at a time in the memory that is free now
 *
 * So the last chunks of a batch never run twice, a batch that fits not at all, and nothing is set aside. Chunks are cut
 * by tokens and walked back in the same order however many are kept: the gradients are the same to the bit for every
 * budget in which a chunk of full size fits. Dropout masks depend on the place in the batch only, so both passes draw
 * the same. */
#ifndef TRAIN_STEP_H
#define TRAIN_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "losses/loss.h"
#include "nn/model.h"
#include "train/feed.h"

/* A run of sequences [first, first + n) with offsets counted from its own first token. */
typedef struct train_chunk {
    int64_t first, n, first_token, n_tokens;
    const int64_t *offsets; /* (n + 1) */
} train_chunk;

typedef struct train_stepper {
    nn_model *model;
    const loss_spec *loss;
    const void *loss_options;
    uint64_t seed;
    kern_storage storage;     /* of activations */
    int64_t budget_bytes;     /* of a step: activations, their gradients, embeddings and loss; 0: no limit */
    int64_t cut_bytes;        /* what chunks are cut for; at most budget_bytes, which it is at first */
    int64_t largest_chunk;    /* tokens of a chunk when cut_bytes allows it */
    ag_tape tape;             /* of the loss; its memory is that of all tapes */
    ag_tape embed_tape;       /* chunks without gradients */
    ag_tape *chunk_tapes;     /* (n_chunk_tapes) one a chunk that is kept; the first is also used for the others */
    train_chunk *chunks;      /* (sequences_capacity) of the batch */
    int64_t *chunk_offsets;   /* (2 * sequences_capacity) */
    real *embeddings;         /* (sequences_capacity, width); after the loss: their gradient */
    int64_t embeddings_bytes; /* counted among those of the tapes */
    int64_t n_chunk_tapes, sequences_capacity;
    int64_t n_chunks, n_kept; /* of the last batch */
    int64_t n_tokens;         /* so far */
    int64_t n_tokens_twice;   /* of these, how many went through the model twice in forward */
    double flops;             /* useful ones so far */
} train_stepper;

bool train_stepper_init(train_stepper *s, const kern_table *kernels, nn_model *model, const loss_spec *loss,
                        const void *loss_options, uint64_t seed, kern_storage storage, int64_t budget_bytes,
                        senc_error *err);
void train_stepper_free(train_stepper *s);

/* Adds the gradients of weight * loss to the model's parameters. dropout_step: which masks are drawn (one number a
 * batch). A loss that is not finite is an error that names the first non-finite tensor ("loss is nan; first non-finite
 * tensor: ..."). */
bool train_stepper_run(train_stepper *s, const train_batch *batch, int64_t dropout_step, double weight, double *loss,
                       senc_error *err);

/* What a batch of so many tokens and sequences, the longest of longest_tokens, will take: an upper bound, close for
 * batches of similar texts. */
typedef struct train_step_plan {
    int64_t chunk_tokens; /* largest chunk; 0: the budget is too small for anything */
    int64_t n_chunks, n_kept;
    int64_t activations_bytes, loss_bytes; /* the highest that is alive at once; their sum stays within the budget */
} train_step_plan;
train_step_plan train_stepper_plan(const train_stepper *s, int64_t n_tokens, int64_t n_sequences,
                                   int64_t longest_tokens);

/* The smallest budget for batches of n_sequences texts of at most longest_tokens tokens: one text at a time. */
int64_t train_stepper_smallest_budget(const train_stepper *s, int64_t n_sequences, int64_t longest_tokens);
/* Bytes that the stepper has taken at most. */
int64_t train_stepper_peak_bytes(const train_stepper *s);
/* Hands the memory of activations back to the system until the next batch: before an evaluation. */
void train_stepper_trim(train_stepper *s);

#endif
