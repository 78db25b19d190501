/* Vectors that were paid for, in an SQLite file: by who made them (a space: provider, model, address, options), input
 * type and SHA-256 of the text. Neither texts nor keys are stored. Every batch is committed when it arrives, so an
 * interrupted run keeps it; several programs may share the file. */
#ifndef EVAL_PAID_VECTORS_H
#define EVAL_PAID_VECTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

#define EVAL_PAID_DIGEST 32

/* No model has more numbers in a vector; keeps a broken answer or a damaged cache from taking all memory. */
#define EVAL_MOST_DIMENSIONS 65536

typedef struct eval_paid_vectors eval_paid_vectors;

/* path NULL: $SENC_VECTOR_CACHE, $XDG_CACHE_HOME/senc/vectors.sqlite, ~/.cache/senc/vectors.sqlite, whose folders are
 * made. "none": in memory only. A file that cannot be used is an error: nothing is paid for that cannot be kept. */
bool eval_paid_vectors_open(const char *path, const char *space, eval_paid_vectors **out, senc_error *err);
void eval_paid_vectors_close(eval_paid_vectors *c);

/* Of the space's vectors; 0: not known yet. The first store sets it. */
int64_t eval_paid_vectors_width(const eval_paid_vectors *c);
/* *vector is a view that lives until the next call, NULL: not there. type: the input type, "" for none. */
bool eval_paid_vectors_find(eval_paid_vectors *c, const char *type, const uint8_t digest[EVAL_PAID_DIGEST],
                            const float **vector, senc_error *err);
/* n vectors of the width, all or none. */
bool eval_paid_vectors_store(eval_paid_vectors *c, const char *type, const uint8_t (*digests)[EVAL_PAID_DIGEST],
                             const float *vectors, int64_t n, int64_t width, senc_error *err);

/* Notes a text that would have to be paid for, until the cache is closed; *is_new: it was not noted before. */
bool eval_paid_vectors_plan(eval_paid_vectors *c, const char *type, const uint8_t digest[EVAL_PAID_DIGEST],
                            bool *is_new, senc_error *err);

#endif
