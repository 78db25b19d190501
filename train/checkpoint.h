/* Checkpoints: everything a run needs to go on as if it had not stopped. A checkpoint is a folder
 * checkpoints/step-000500 with state.json          progress (train_progress) and the checksum of the other file
 *   state.safetensors   "values", "adam_m", "adam_v": the parameter blocks, fp32
 * written beside its place and renamed, so that a killed run leaves a whole one or none. */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "data/formats/json.h"
#include "train/optimizer.h"

typedef struct train_progress {
    int64_t step;            /* optimizer steps done */
    int64_t batch;           /* batches done: steps x accumulation */
    int64_t epoch, position; /* of the sampler */
    int64_t n_updates;       /* of the optimizer */
    int64_t evaluated_step;  /* the step of the last evaluation, -1: none */
    double best_value;       /* of the best metric; NaN: none yet */
    int64_t best_step;
    int64_t evaluations_without_best;
    int64_t n_masked; /* negatives masked so far */
    int64_t n_truncated, n_texts, n_tokens;
    double elapsed_ms;             /* training time, evaluations left out */
    double window_loss, window_ms; /* sums since the last line of the log */
    int64_t window_steps, window_rows;
    /* must be the same when the run goes on; n_steps unless it is extended, 0: not said */
    int64_t threads, n_rows, n_steps;
} train_progress;

/* Writes run_dir/checkpoints/step-N and removes all but the newest `keep`. inputs: what the run reads (run_inputs.h),
 * as JSON; NULL: nothing is said of it. */
bool train_checkpoint_save(const char *run_dir, const train_progress *progress, const data_json *inputs,
                           const train_optimizer *optimizer, int64_t keep, senc_error *err);

/* Reads the newest whole checkpoint into progress, the parameters and the moments. A damaged one is passed over with a
 * warning. *found = false and true when there is none. *inputs: fresh, or NULL where the checkpoint has none; inputs
 * may be NULL. */
bool train_checkpoint_load(const char *run_dir, train_progress *progress, data_json **inputs,
                           train_optimizer *optimizer, bool *found, senc_error *err);

/* Whether there is a checkpoint, whole or not. */
bool train_checkpoint_exists(const char *run_dir);

/* Removes what a killed run left half-written in the run folder, and puts back a folder whose replacement was cut
 * short: parts of a run, "best", "final" and "checkpoints/step-N" with ".tmp-PID" or ".old-PID" behind them, nothing
 * else. "best.old" and the like, as the program named them before, are put back where their place is empty, and stay
 * otherwise. Only for folders with senc's mark (run_folder.h). */
bool train_checkpoint_clean(const char *run_dir, senc_error *err);

/* Replaces a folder at once: fill(context, temporary folder) writes the content, then it takes the place of `folder`.
 * What others put into `folder` comes along. */
typedef bool train_fill_folder(void *context, const char *folder, senc_error *err);
bool train_folder_replace(const char *folder, train_fill_folder *fill, void *context, senc_error *err);

#endif
