/* An embedder that keeps the vectors it has made: a text that is asked for again in the same role is not embedded
 * again. For measuring a system and then variants of it, which only change vectors. */
#ifndef EVAL_KEPT_VECTORS_H
#define EVAL_KEPT_VECTORS_H

#include "eval/evaluator.h"

/* {0} is ready to be opened. A hash of 64 bits stands for a text and its role. */
typedef struct eval_kept_vectors {
    eval_embedder inner;
    float *rows;      /* (n, width) */
    uint64_t *hashes; /* (n_slots) 0: free */
    int64_t *places;  /* (n_slots) rows */
    int64_t n, capacity, n_slots, bytes_at_most;
    int64_t n_found;    /* texts that were not embedded again */
    bool *was_cut;      /* (capacity) of the texts behind the rows */
    eval_reader reader; /* counts texts that are known too */
} eval_kept_vectors;

/* What is more than bytes_at_most (vectors; 24 bytes or less a text come on top) is embedded but not kept; a new fit
 * (prepare) forgets all. The embedder lives as long as *k and what inner needs. */
eval_embedder eval_kept_vectors_open(eval_kept_vectors *k, const eval_embedder *inner, int64_t bytes_at_most);
void eval_kept_vectors_free(eval_kept_vectors *k);
/* What the embedder does, for those that put another inner embedder into *k, of the same vectors, each time. */
bool eval_kept_vectors_embed(eval_kept_vectors *k, eval_role role, const eval_text *texts, int64_t n, float *out,
                             senc_error *err);

#endif
