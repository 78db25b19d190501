/* Known positives: which (anchor, text) pairs of a data set are positive, so that a text that is a positive of an
 * anchor anywhere in the data is not used as its negative in a batch. 16 bytes a pair. */
#ifndef DATA_PAIRS_H
#define DATA_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "data/table.h"

/* 64-bit hash of exact bytes: h = mix(n_bytes), then h = mix(h ^ word) for every 8 bytes (little-endian, the last word
 * padded with zeros), mix = splitmix64's finaliser. Stable: it may be stored. */
uint64_t data_text_hash(const char *text, size_t n_bytes);

typedef struct data_pair {
    uint64_t anchor, text;
} data_pair;

typedef struct data_pairs {
    data_pair *pairs; /* sorted, unique */
    int64_t n;
} data_pairs;

/* One scan over the set: the values of slot `anchor` with those of slot `positive`, also with the positives of a list
 * that are no rows (positives = "first", "random"); when symmetric, both ways round. Rows in which one is absent are
 * passed over. */
bool data_pairs_init(data_pairs *p, const data_set *set, int64_t anchor_slot, int64_t positive_slot, bool symmetric,
                     senc_error *err);
/* n pairs in a block of senc_alloc, which p owns from here on: sorted, without repetitions. */
void data_pairs_take(data_pairs *p, data_pair *pairs, int64_t n);
void data_pairs_free(data_pairs *p);
bool data_pairs_contains(const data_pairs *p, uint64_t anchor_hash, uint64_t text_hash);

#endif
