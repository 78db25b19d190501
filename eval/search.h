/* Exact search: for every query the k nearest documents, over a corpus that is given block by block and never kept.
 *
 *     eval_search *s;
 *     if (!eval_search_open(&options, queries, n_queries, width, &s, err)) return false;
 *     while (...) if (!eval_search_add(s, block, n, err)) ...;
 *     eval_search_finish(s);
 *     const eval_hit *hits = eval_search_hits(s, q, &n);
 *     eval_search_close(s);
 *
 * Candidates are found with products of bytes and a bound of their error; what could belong to the k best is scored in
 * double from the vectors and rounded to float once. So a score depends on the two vectors alone, not on blocks,
 * threads or the machine, and equal vectors have equal scores. Memory: 16 bytes x k + width x 1.2 a query, and a few
 * MB. */
#ifndef EVAL_SEARCH_H
#define EVAL_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "autograd/kernels/kernels.h"
#include "eval/metrics/similarity.h"
#include "eval/nearest.h"

typedef struct eval_search_options {
    const kern_table *kernels;
    eval_similarity similarity;
    int64_t k; /* >= 1; may be more than there are documents */
    /* Equal scores: the smaller tie_rank[document] comes first (descending: the larger); NULL: the document's position.
     * It must outlive the search and hold different numbers for all documents. */
    const int64_t *tie_rank;
    bool tie_descending;
} eval_search_options;

typedef struct eval_search eval_search;

/* queries (n_queries, width) must outlive the search. A query with a number that is not finite is an error. *out is
 * NULL on failure. */
bool eval_search_open(const eval_search_options *options, const float *queries, int64_t n_queries, int64_t width,
                      eval_search **out, senc_error *err);
/* The next n documents, block (n, width). A number that is not finite is an error. */
bool eval_search_add(eval_search *s, const float *block, int64_t n, senc_error *err);
/* Sorts the hits; call it once, after the last block. */
void eval_search_finish(eval_search *s);
/* After finish: the hits of a query, nearest first; *n = min(k, documents). */
const eval_hit *eval_search_hits(const eval_search *s, int64_t query, int64_t *n);
void eval_search_close(eval_search *s);

#endif
