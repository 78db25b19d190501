/* The flow of texts through a model: reading, tokenizing, encoding and writing at the same time. Inside of embed.c. */
#ifndef EVAL_EMBED_FLOW_H
#define EVAL_EMBED_FLOW_H

#include "eval/embed.h"
#include "eval/embed_window.h"

#define EVAL_WINDOWS 3 /* one is encoded, one waits, one is read */

/* What one thread of the pool needs to encode a batch. */
typedef struct eval_worker {
    data_tokenizer_scratch *scratch;
    ag_tape tape;
    data_ids ids;     /* of the batch */
    int64_t *offsets; /* (EVAL_MOST_BATCH_TEXTS + 1) */
    int64_t *prompt_tokens;
} eval_worker;

struct eval_encoder {
    nn_model *model;
    const data_tokenizer *tokenizer;
    int64_t max_length, batch_tokens, width;
    eval_worker *workers; /* one a thread; tapes are made when they are needed */
    int n_workers;
    data_tokenizer_scratch *reader_scratch;
    eval_window windows[EVAL_WINDOWS];
    eval_encoder_stats stats;
    eval_reader reader;          /* of its embedder */
    double start_ms, earlier_ms; /* of the call that runs; encode_ms before it */
    eval_encoder_progress *show;
    void *show_context;
    eval_encoder_check *check; /* or NULL */
    void *check_context;
};

/* Where texts come from and vectors go: a stream, or texts and room for all their vectors. */
typedef struct eval_ends {
    const eval_text_stream *stream; /* or NULL and */
    const eval_text *texts;
    int64_t n;
    float *out;
    bool *cut; /* (n) which texts were cut; NULL: nobody asks */
} eval_ends;

/* Batch k of a window by one worker. Adds to *stats. */
bool eval_encode_batch(const eval_encoder *e, eval_worker *worker, const eval_window *w, int64_t k,
                       int64_t n_prompt_tokens, eval_encoder_stats *stats, senc_error *err);

/* Runs everything: workers and windows are reserved. */
bool eval_flow_run(eval_encoder *e, const eval_ends *ends, const eval_text_rule *rule, int64_t n_prompt_tokens,
                   senc_error *err);

/* Where e->stats.encode_ms stands, and the progress line. */
void eval_flow_tick(eval_encoder *e);

#endif
