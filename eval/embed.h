/* Text -> tokens -> encoder -> matrix: the one place where text meets a model. Evaluation, mining, validation and `senc
 * encode` stand on it. */
#ifndef EVAL_EMBED_H
#define EVAL_EMBED_H

#include "data/tokenizers/tokenizer.h"
#include "eval/evaluator.h"
#include "eval/text_chunk.h"
#include "nn/model.h"

typedef struct eval_encoder eval_encoder;

typedef struct eval_encoder_stats {
    int64_t n_texts, n_tokens, n_truncated, n_empty;
    double encode_ms, flops; /* useful: real tokens only */
} eval_encoder_stats;

/* sum += sign * of, in every figure; sign: 1 or -1. */
void eval_encoder_stats_add(eval_encoder_stats *sum, int sign, const eval_encoder_stats *of);

/* Whether a model and a tokenizer go together: the largest id is below the embedding table's rows, and a model that
 * wants lower case has an uncased tokenizer. */
bool eval_tokenizer_check(const nn_model *model, const data_tokenizer *tokenizer, senc_error *err);

/* Borrows the model and tokenizer. Fails when they do not go together.
 * max_length 0: the model's. batch_tokens: of one forward pass, of which every thread makes its own; 0: a good default.
 */
bool eval_encoder_create(nn_model *model, const data_tokenizer *tokenizer, int64_t max_length, int64_t batch_tokens,
                         eval_encoder **out, senc_error *err);
void eval_encoder_free(eval_encoder *e);

/* prompt: put in front of every text, or NULL. out (n, width). Sorts by length, packs by tokens, no tape; results do
 * not depend on the order or on what else is in the call. */
bool eval_encoder_embed(eval_encoder *e, const char *prompt, const eval_text *texts, int64_t n, float *out,
                        senc_error *err);

/* Texts without end: where they come from and where their vectors go. The functions are called by any thread, each by
 * one at a time; false stops everything. */
typedef struct eval_text_stream {
    /* Adds the next texts to the chunk, until it is full; none: the end. */
    bool (*read)(void *context, eval_text_chunk *chunk, senc_error *err);
    /* The next n vectors (n, width), in the order of the texts. */
    bool (*write)(void *context, const float *rows, int64_t n, senc_error *err);
    /* Asked after every batch, whether to go on; NULL: go on. May be called by several threads at a time. */
    bool (*check)(void *context, senc_error *err);
    void *context;
} eval_text_stream;

/* Like eval_encoder_embed, in memory that does not depend on the number of texts. */
bool eval_encoder_stream(eval_encoder *e, const char *prompt, const eval_text_stream *stream, senc_error *err);

/* An embedder for the evaluators: roles use the model's "query" and "document" prompts. */
eval_embedder eval_encoder_embedder(eval_encoder *e);
/* What its embedder puts in front of texts of that role; NULL or "": nothing. Lives as long as the model. */
const char *eval_encoder_prompt(const eval_encoder *e, eval_role role);
const eval_encoder_stats *eval_encoder_get_stats(const eval_encoder *e);

/* Calls show(context, stats) after every batch, from any thread, one at a time: for a progress line. NULL: nobody
 * watches. */
typedef void eval_encoder_progress(void *context, const eval_encoder_stats *stats);
void eval_encoder_watch(eval_encoder *e, eval_encoder_progress *show, void *context);

/* Asked after every batch, whether to go on; what it fails with, the encoding fails with. By any thread, several at a
 * time. NULL: go on. */
typedef bool eval_encoder_check(void *context, senc_error *err);
void eval_encoder_set_check(eval_encoder *e, eval_encoder_check *check, void *context);

/* A model folder with its tokenizer, loaded and checked together: what most commands start with. */
typedef struct eval_model {
    nn_model *model;
    data_tokenizer *tokenizer;
    eval_encoder *encoder;
} eval_model;
bool eval_model_load(eval_model *m, const char *folder, const nn_overrides *overrides, senc_error *err);
void eval_model_free(eval_model *m);

#endif
