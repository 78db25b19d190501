/* Texts that lie behind one another in memory of their own: what a stream of texts is read into, a part at a time. */
#ifndef EVAL_TEXT_CHUNK_H
#define EVAL_TEXT_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/buffer.h"
#include "eval/evaluator.h"

/* {.max_texts = ..., .max_bytes = ...} is empty and ready to use. */
typedef struct eval_text_chunk {
    int64_t max_texts, max_bytes; /* it is full from here on */
    senc_buffer bytes;
    int64_t *ends; /* text i ends before byte ends[i] */
    int64_t n, capacity;
} eval_text_chunk;

/* Keeps the memory. */
void eval_text_chunk_clear(eval_text_chunk *b);
void eval_text_chunk_free(eval_text_chunk *b);
/* Full: max_texts texts, or max_bytes bytes (a text is never cut, so it may hold more). */
bool eval_text_chunk_is_full(const eval_text_chunk *b);
/* Copies a text to the end. */
bool eval_text_chunk_add(eval_text_chunk *b, const char *text, int64_t n_bytes, senc_error *err);
/* Text i; lives until the chunk is changed. */
eval_text eval_text_chunk_get(const eval_text_chunk *b, int64_t i);

/* No character that is not white space. */
bool eval_text_is_blank(const eval_text *text);

#endif
