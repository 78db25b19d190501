/* A window: the part of the texts that is tokenized, ordered by length and cut into batches together. Inside of
 * embed.c. */
#ifndef EVAL_EMBED_WINDOW_H
#define EVAL_EMBED_WINDOW_H

#include "data/tokenizers/tokenizer.h"
#include "eval/text_chunk.h"

#define EVAL_TASK_TEXTS       32 /* tokenized by one task: large enough to hide the hand-out, small enough to balance */
#define EVAL_MOST_BATCH_TEXTS 4096

/* A text after tokenizing: items [first, first + n) of its task's ids. */
typedef struct eval_item {
    int64_t first, n;
    bool truncated, empty;
} eval_item;

typedef struct eval_window {
    const eval_text *texts; /* (n), or NULL: those of the chunk */
    eval_text_chunk chunk;
    int64_t n, n_tasks;
    data_ids *task_ids; /* one list a task */
    int64_t n_task_ids;
    eval_item *items; /* (n) */
    int64_t *order;   /* (n) texts, longest first */
    int64_t *ends;    /* (n_batches) batch k is order[ends[k - 1] .. ends[k]) */
    int64_t n_batches, capacity, capacity_rows;
    float *rows; /* own room for the vectors (n, width), when the caller gave none */
    float *out;  /* (n, width) where they go */
    bool *cut;   /* (n) which texts were cut; NULL: nobody asks */
} eval_window;

void eval_window_free(eval_window *w);
/* Room for the texts that are in it; out NULL: and for their vectors. */
bool eval_window_reserve(eval_window *w, int64_t width, float *out, senc_error *err);

/* How texts become ids. */
typedef struct eval_text_rule {
    const data_tokenizer *tokenizer;
    const char *prompt; /* NULL: none */
    int64_t max_length;
} eval_text_rule;

/* Texts [task * EVAL_TASK_TEXTS, ...); tasks may run at the same time. */
bool eval_window_tokenize(eval_window *w, int64_t task, const eval_text_rule *rule, data_tokenizer_scratch *scratch,
                          senc_error *err);

/* After all tasks: orders the texts by length and cuts them into batches of about the same number of tokens, at most
 * batch_tokens (a longer text stands alone). n_batches is a multiple of n_threads where there is enough for all. */
bool eval_window_arrange(eval_window *w, int64_t batch_tokens, int n_threads, senc_error *err);

const int32_t *eval_window_ids(const eval_window *w, int64_t text, int64_t *n);

#endif
