/* Normalizers of tokenizer.json: what is done to a text before it is split into words.
 *
 * BertNormalizer = clean_text (delete controls, white space -> ' '), handle_chinese_chars (spaces around ideographs),
 * strip_accents (NFD, delete Mn), lowercase, in this order; it is one pass here. A Sequence of simple steps runs one
 * after the other. */
#ifndef DATA_BERT_NORMALIZER_H
#define DATA_BERT_NORMALIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/buffer.h"
#include "data/tokenizers/unicode_table.h"

typedef enum data_normalizer_kind {
    DATA_NORMALIZER_BERT,
    DATA_NORMALIZER_LOWERCASE,
    DATA_NORMALIZER_STRIP_ACCENTS, /* deletes all marks (M*), without decomposing first */
    DATA_NORMALIZER_NFC,
    DATA_NORMALIZER_NFD,
    DATA_NORMALIZER_NFKC,
    DATA_NORMALIZER_NFKD,
} data_normalizer_kind;

typedef struct data_bert_options {
    bool clean_text, chinese, strip_accents, lowercase;
} data_bert_options;

typedef struct data_normalizer_step {
    data_normalizer_kind kind;
    data_bert_options bert; /* of DATA_NORMALIZER_BERT */
} data_normalizer_step;

enum { DATA_NORMALIZER_MAX_STEPS = 8 };

/* {0} changes nothing (but ill-formed UTF-8, which becomes U+FFFD). */
typedef struct data_normalizer {
    data_normalizer_step steps[DATA_NORMALIZER_MAX_STEPS];
    int n_steps;
} data_normalizer;

/* Memory of a normalizer call, reused from text to text. */
typedef struct data_normalizer_scratch {
    senc_buffer text[2]; /* steps write them in turn */
    uint32_t *points;    /* a text as code points */
    int64_t n_points, capacity;
    int newest; /* text[newest] holds the last result */
} data_normalizer_scratch;

void data_normalizer_scratch_free(data_normalizer_scratch *scratch);

/* The normalised text in scratch memory, valid until the next call; NULL when out of memory. */
const char *data_normalizer_apply(const data_normalizer *n, const data_unicode *unicode, const char *text,
                                  size_t n_bytes, data_normalizer_scratch *scratch, size_t *out_bytes);

bool data_normalizer_lowercases(const data_normalizer *n);

#endif
