/* Vectors that were computed before, by content: sha256(text) -> vector, in two files of a folder for each key (a model
 * with its prompt and options):
 *
 *     KEY.keys  40 bytes a vector: sha256 of the text, a check sum of the vector
 *     KEY.f32   the vectors
 *
 * Both only grow. A vector is written before its key, and what an interruption left half written is cut off when the
 * files are opened, so a crash loses at most the last vectors. Memory: 32 bytes a vector. */
#ifndef EVAL_VECTOR_CACHE_H
#define EVAL_VECTOR_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "eval/evaluator.h"

typedef struct eval_vector_cache eval_vector_cache;

typedef struct eval_vector_key {
    uint8_t bytes[32];
} eval_vector_key;
eval_vector_key eval_vector_key_of(const eval_text *text);

/* Creates the folder. name: 64 hexadecimal digits that stand for everything but the text. Fails when another process
 * has it open. */
bool eval_vector_cache_open(const char *folder, const char *name, int64_t width, eval_vector_cache **out,
                            senc_error *err);
/* Reads the vector (width) into row; false: not there, or damaged. */
bool eval_vector_cache_find(const eval_vector_cache *c, const eval_vector_key *key, float *row);
/* rows (n, width); keys that are there already are left out. */
bool eval_vector_cache_add(eval_vector_cache *c, const eval_vector_key *keys, const float *rows, int64_t n,
                           senc_error *err);
int64_t eval_vector_cache_count(const eval_vector_cache *c);
void eval_vector_cache_close(eval_vector_cache *c);

#endif
