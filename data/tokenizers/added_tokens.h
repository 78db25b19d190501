/* Added tokens: fixed strings that are cut out of a text before it is split into words. Tokens with normalized = false
 * are looked for in the raw text, the others (normalised themselves) in the normalised text; leftmost first, then
 * longest. */
#ifndef DATA_ADDED_TOKENS_H
#define DATA_ADDED_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/tokenizers/bert_normalizer.h"
#include "data/tokenizers/vocab.h"

typedef struct data_added_token {
    char *content;
    size_t n_bytes;
    int32_t id;
    bool single_word; /* only where no word character stands before or behind it */
    bool lstrip;      /* takes the white space before it */
    bool rstrip;      /* takes the white space behind it */
    bool normalized;
    bool special;
} data_added_token;

/* One of the two sets of strings to look for. */
typedef struct data_added_set {
    data_vocab strings; /* "ids" are indices of tokens */
    bool first[256];    /* bytes that a string begins with */
    int only_first;     /* the one such byte, -1 when there are several */
} data_added_set;

typedef struct data_added_tokens {
    data_added_token *tokens;
    int64_t n, capacity;
    data_added_set raw, normalized;
} data_added_tokens;

void data_added_tokens_init(data_added_tokens *a);
void data_added_tokens_free(data_added_tokens *a);
/* Adds a token (content is copied), or changes the one with the same content; an empty content is ignored. */
bool data_added_tokens_put(data_added_tokens *a, const data_added_token *token, senc_error *err);
/* NULL when absent. */
const data_added_token *data_added_tokens_find(const data_added_tokens *a, const char *content, size_t n_bytes);
/* Builds the sets; call it after the last put. */
bool data_added_tokens_build(data_added_tokens *a, const data_normalizer *n, const data_unicode *unicode,
                             senc_error *err);

/* The next token at or behind text[*at]; moves *at behind it. [*start, *end) are its bytes and the white space it
 * takes. done: the end of the token before; only a token that itself begins with white space can begin in front of it.
 * NULL: no further token. */
const data_added_token *data_added_set_next(const data_added_tokens *a, const data_added_set *set,
                                            const data_unicode *unicode, const char *text, size_t n_bytes, size_t *at,
                                            size_t done, size_t *start, size_t *end);

#endif
