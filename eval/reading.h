/* How much of its texts a system reads. A model cuts what is longer than it takes; BM25 reads everything. Numbers of
 * systems that read different parts of the texts stand beside each other only with that said. */
#ifndef EVAL_READING_H
#define EVAL_READING_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

/* Of one evaluation. Of a hybrid: its part that leaves out most. */
typedef struct eval_reading {
    int64_t n_texts;    /* queries, documents, sentences that were read; 0: unknown (saved vectors, lists, APIs) */
    int64_t n_cut;      /* of which only the beginning was read */
    int64_t max_length; /* tokens that are read of a text, special ones included; 0: all of them */
} eval_reading;

/* The share of the texts that were cut; NaN: unknown. */
double eval_reading_share(const eval_reading *r);
/* Whether a and b read other parts of the texts: their shares of cut texts are at least EVAL_READING_DIFFERS apart, or
 * they cut so many at different lengths. False where either is unknown. */
#define EVAL_READING_DIFFERS 0.01
bool eval_reading_differs(const eval_reading *a, const eval_reading *b);

/* "5,185 of 5,483 (94.6 %) were cut at 256 tokens", "none of 5,483 was cut (256 tokens at most)", "all of 3,956 were
 * read whole", "unknown". Returns out. */
const char *eval_reading_describe(const eval_reading *r, char *out, size_t out_bytes);
/* "94.6 %"; "-" where unknown. */
const char *eval_reading_percent(const eval_reading *r, char *out, size_t out_bytes);
/* "reads 256 tokens and cut 94.6 % of the texts", "read everything": behind a system's name. */
const char *eval_reading_words(const eval_reading *r, char *out, size_t out_bytes);

/* What has been read so far, and which texts of the last call were cut. {0} is ready. */
typedef struct eval_reader {
    eval_reading sum;
    bool *cut; /* (n) of the last call; NULL: it is not known of single texts */
    int64_t n, capacity;
} eval_reader;

/* Room for the flags of the next call, all false. */
bool eval_reader_start(eval_reader *r, int64_t n, senc_error *err);
/* Adds the texts of the call, whose flags are set. */
void eval_reader_finish(eval_reader *r);
void eval_reader_free(eval_reader *r);
/* What was read since `before`; r NULL: unknown. */
eval_reading eval_reading_since(const eval_reader *r, const eval_reading *before);

#endif
