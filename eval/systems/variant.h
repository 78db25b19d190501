/* Variants of a system with vectors: shorter ones, and smaller numbers.
 *
 *     dim=N            the first N dimensions (Matryoshka; Kusupati et al. 2022)
 *     pca=N            the N principal directions of documents' vectors; without centring, so that it is a linear
 * layer, as sentence-transformers' example makes one quantize=int8    documents in 256 steps a dimension between its
 * least and greatest number, the codes of sentence-transformers' quantize_embeddings; decoded to the middle of a step;
 * queries stay floats quantize=binary  one bit a dimension, of queries too (Hamming); rescore=N: the first N x k
 * documents are scored again with the query's floats (Yamada et al. 2021)
 *
 * Vectors of length 1 are normalised again after dim and pca; others are not. */
#ifndef EVAL_VARIANT_H
#define EVAL_VARIANT_H

#include "eval/systems/system_parts.h"

extern const senc_option eval_variant_options[];

typedef struct eval_variant eval_variant;

/* Reads the keys that are a variant's and, when there are any, puts the variant in place of s->embedder; s->variant is
 * freed by eval_variant_free. */
bool eval_variant_open(eval_system *s, const senc_value *keys, const char *const *ignore, senc_error *err);
void eval_variant_free(eval_variant *v);

#endif
