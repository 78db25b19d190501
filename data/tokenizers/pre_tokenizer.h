/* Pre-tokenizers of tokenizer.json: a normalised text -> words. */
#ifndef DATA_PRE_TOKENIZER_H
#define DATA_PRE_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "data/tokenizers/unicode_table.h"

typedef enum data_pre_kind {
    DATA_PRE_BERT,             /* split at white space, every punctuation character is a word */
    DATA_PRE_WHITESPACE,       /* \w+|[^\w\s]+ */
    DATA_PRE_WHITESPACE_SPLIT, /* split at white space */
    DATA_PRE_PUNCTUATION,      /* every punctuation character is a piece, white space stays */
} data_pre_kind;

enum { DATA_PRE_MAX_STEPS = 8 };

/* Each step splits the pieces of the one before. {0}: the whole text is one word. */
typedef struct data_pre_tokenizer {
    data_pre_kind steps[DATA_PRE_MAX_STEPS];
    int n_steps;
} data_pre_tokenizer;

/* The next word of text[*at, n_bytes): [*start, *end); moves *at behind it. False: no more. The text is well-formed. */
bool data_pre_kind_next(data_pre_kind kind, const data_unicode *unicode, const char *text, size_t n_bytes, size_t *at,
                        size_t *start, size_t *end);

#endif
