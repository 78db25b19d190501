/* The k nearest documents of every query: one heap a query, its root the worst of the k, so that most offers cost one
 * comparison. Documents come in any order and on any thread, one thread to a query at a time: the result is the same.
 */
#ifndef EVAL_NEAREST_H
#define EVAL_NEAREST_H

#include <stdbool.h>
#include <stdint.h>

typedef struct eval_hit {
    int64_t document; /* its position over all blocks */
    float score;      /* larger is nearer */
} eval_hit;

typedef struct eval_nearest {
    int64_t n_queries, k;
    const int64_t *tie_rank; /* as in eval_search_options */
    bool tie_descending;
    eval_hit *hits;  /* (n_queries, k) */
    int64_t *n_hits; /* (n_queries) */
} eval_nearest;

/* Takes the memory; the first four fields are set by the caller. False: out of memory. */
bool eval_nearest_init(eval_nearest *nearest);
void eval_nearest_free(eval_nearest *nearest);
void eval_nearest_offer(eval_nearest *nearest, int64_t query, eval_hit hit);
/* Every query's hits, nearest first; in parallel. No more offers then. */
void eval_nearest_sort(eval_nearest *nearest);

/* Fetches a query's heap into the cache, as far as most offers go. */
static inline void eval_nearest_prefetch(const eval_nearest *nearest, int64_t query) {
    const char *heap = (const char *)(nearest->hits + query * nearest->k);
    for (int64_t i = 0; i < nearest->k * (int64_t)sizeof(eval_hit) && i < 2048; i += 64)
        __builtin_prefetch(heap + i, 1);
}

/* A document with a lower score cannot come in any more. */
static inline float eval_nearest_floor(const eval_nearest *nearest, int64_t query) {
    return nearest->n_hits[query] < nearest->k ? -__builtin_inff() : nearest->hits[query * nearest->k].score;
}

#endif
