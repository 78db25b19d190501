/* Forward and backward of one batch. A batch that does not fit into the memory limit is cut into chunks of sequences
 * and run as GradCache does it (Gao et al. 2021, section 3): embed all chunks without a tape, build the loss on the
 * embeddings, then run each chunk again with the gradient of its embeddings as seed. Dropout masks depend on the place
 * in the batch only, so both passes draw the same, and every loss gets this for free. */
#ifndef TRAIN_STEP_H
#define TRAIN_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "losses/loss.h"
#include "nn/model.h"
#include "train/feed.h"

typedef struct train_stepper {
    nn_model *model;
    const loss_spec *loss;
    const void *loss_options;
    uint64_t seed;
    kern_storage storage; /* of activations */
    int64_t memory_limit; /* bytes of activations, 0: none */
    ag_tape tape;         /* the whole batch, or one chunk of it */
    ag_tape embed_tape;   /* chunks without gradients */
    ag_tape loss_tape;    /* the loss of a chunked batch */
    real *embeddings;     /* (C*B, width) of a chunked batch */
    int64_t embeddings_capacity;
    double flops;      /* useful ones so far */
    int64_t n_chunked; /* batches that were cut */
} train_stepper;

bool train_stepper_init(train_stepper *s, const kern_table *kernels, nn_model *model, const loss_spec *loss,
                        const void *loss_options, uint64_t seed, kern_storage storage, int64_t memory_limit,
                        senc_error *err);
void train_stepper_free(train_stepper *s);

/* Adds the gradients of weight * loss to the model's parameters. dropout_step: which masks are drawn (one number a
 * batch). A loss that is not finite is an error that names the first non-finite tensor ("loss is nan; first non-finite
 * tensor: ..."). */
bool train_stepper_run(train_stepper *s, const train_batch *batch, int64_t dropout_step, double weight, double *loss,
                       senc_error *err);

/* Tokens that fit into the memory limit at once; INT64_MAX without a limit. */
int64_t train_stepper_chunk_tokens(const train_stepper *s);
int64_t train_stepper_peak_bytes(const train_stepper *s);

#endif
