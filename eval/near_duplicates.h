/* Near-duplicates: all pairs of rows whose cosine is at least a threshold, by exact search in blocks, so that the
 * vectors need not fit into memory. */
#ifndef EVAL_NEAR_DUPLICATES_H
#define EVAL_NEAR_DUPLICATES_H

#include "data/formats/vector_file.h"

#define EVAL_MOST_NEAR_PAIRS INT64_C(20000000) /* 480 MB of pairs: more is a threshold that is too low */

typedef struct eval_near_pair {
    int64_t a, b; /* rows, a < b */
    float score;
} eval_near_pair;

typedef struct eval_near_duplicates {
    eval_near_pair *pairs; /* (n_pairs) by a, then b */
    int64_t n_pairs;
    /* (n_rows) -1: kept; else the kept row that this one is a duplicate of, the nearest of them. Rows are taken in
     * order and left out when one that was kept is near: no chain leads from a kept text to one that is not like it. */
    int64_t *duplicate_of;
    int64_t n_dropped;
    /* (n_rows) rows that pairs connect have the same number, by the first row of a group from 0; -1: in no pair */
    int64_t *group;
    int64_t n_groups;
} eval_near_duplicates;

/* check: asked between blocks whether to go on; NULL: go on. Fails with more than EVAL_MOST_NEAR_PAIRS pairs. A row
 * that is not finite is an error; a row of zeros is near to nothing. */
bool eval_near_duplicates_find(const data_vectors *v, double threshold, bool (*check)(senc_error *err),
                               eval_near_duplicates *out, senc_error *err);
void eval_near_duplicates_free(eval_near_duplicates *d);

#endif
