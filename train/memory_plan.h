/* How much memory a training run will take, from what the model, the data and the configuration say; printed before the
 * first step, and the budget of a step under train.memory_limit.
 *
 * What a batch takes follows its tokens, and those are known only when it is read. So the lengths of some rows are
 * looked at, and the plan is for the longest batch to expect among all of the run (the normal distribution's, beyond
 * which one run in a few has a longer one, by little); what the longest possible one would take is told beside it.
 * memory_limit bounds the whole process while it trains: weights, gradients and AdamW, the data, and a step, which has
 * what is left. Evaluations come on top of the first three, in a step's place. */
#ifndef TRAIN_MEMORY_PLAN_H
#define TRAIN_MEMORY_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/params.h"
#include "train/feed.h"
#include "train/step.h"

/* Tokens of a row, its texts together. */
typedef struct train_row_lengths {
    double mean, deviation;
    int64_t n_looked_at;
} train_row_lengths;

/* Looks at up to most_rows rows, evenly spread over the data. */
bool train_row_lengths_measure(const train_feed_options *feed, int64_t most_rows, train_row_lengths *out,
                               senc_error *err);
/* Tokens of the longest of n_batches batches, drawn from n_rows rows. */
int64_t train_row_lengths_longest_batch(const train_row_lengths *l, int64_t n_rows, int64_t batch_rows,
                                        int64_t n_batches);

typedef struct train_memory_plan {
    int64_t limit_bytes; /* 0: none */
    int64_t weights_bytes, gradients_bytes, moments_bytes;
    int64_t rest_bytes; /* data, tokenizer, program, scratch of kernels */
    int64_t smallest_limit_bytes;
    int64_t batch_tokens, longest_batch_tokens; /* to expect; possible */
    train_step_plan step, longest_step;
} train_memory_plan;

/* Weights, gradients and AdamW's moments, which are alive from start to end. */
int64_t train_memory_parameter_bytes(const ag_params *params);
/* What this process has beside them, now that model, data and optimizer are loaded. */
int64_t train_memory_rest_bytes(const ag_params *params);

/* What a step may take under a limit. `bytes` follows what the process has just now and decides how many chunks are
 * kept; `cut_bytes` follows the configuration only, so that chunks, and with them the bits of the result, are the same
 * every time. Both 0: no bound (without a limit), or the limit is below the plan's smallest_limit_bytes. */
typedef struct train_step_budget {
    int64_t bytes, cut_bytes;
} train_step_budget;
train_step_budget train_memory_budget(int64_t limit_bytes, int64_t parameter_bytes, int64_t rest_bytes);

typedef struct train_memory_facts {
    const ag_params *params;
    const train_stepper *stepper;
    const train_row_lengths *lengths;
    int64_t limit_bytes, rest_bytes;
    int64_t n_rows, batch_rows, n_columns, n_batches, max_length;
} train_memory_facts;
void train_memory_plan_make(const train_memory_facts *facts, train_memory_plan *plan);
/* The highest that the process is expected to have while it trains. */
int64_t train_memory_plan_total(const train_memory_plan *plan);
/* Lines for people, each ended by '\n', the first behind "memory  ". */
void train_memory_plan_print(const train_memory_plan *plan, senc_buffer *out);

#endif
