/* Which texts are the same, or nearly: an index of texts that finds those equal to another one after folding
 * (text_fold.h), and those near it.
 *
 * Near: the Jaccard similarity of the sets of word shingles (3 words in a row of the folded text) is at least a
 * threshold. Candidates come from MinHash (Broder 1997): 64 hash minima in bands, as many rows a band as keep the
 * chance of missing a pair at the threshold below 1 in 1000 (0.8: 16 bands of 4, 1 in 4,500; nearer pairs far less).
 * Every candidate is then checked: its Jaccard similarity is exact for texts of up to 130 words, and that of the 128
 * smallest hashes of both together for longer ones. Texts of fewer than 5 words are near nothing.
 *
 * Everything is a function of the texts and their order. A text takes 40 to 800 bytes. One thread. */
#ifndef DATA_NEAR_TEXTS_H
#define DATA_NEAR_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/error.h"

#define DATA_NEAR_THRESHOLD 0.8
#define DATA_NEAR_LOWEST    0.3 /* below it bands would find everything */
#define DATA_SHINGLE_WORDS  3

typedef struct data_near_index data_near_index;

/* threshold: DATA_NEAR_LOWEST to 1; 1: nothing is near, only folded texts are found. */
bool data_near_create(double threshold, data_near_index **out, senc_error *err);
void data_near_free(data_near_index *x); /* NULL is fine */

/* Reads a text, which find and add are then about. */
bool data_near_read(data_near_index *x, const char *text, size_t n_bytes, senc_error *err);
/* data_text_hash of its bytes as they are. */
uint64_t data_near_exact_hash(const data_near_index *x);
/* The number of the text in the index that folds to the same; -1: there is none. */
int64_t data_near_find_folded(const data_near_index *x);
/* Numbers of the texts near it (not the one that folds to the same), valid until the next find. skip (may be NULL):
 * texts that need not be looked at; max_checks: of candidates, the latest first, so that thousands of texts that are
 * near each other do not take thousands of checks each; 0: all. */
typedef bool (*data_near_skip)(void *context, int64_t text);
bool data_near_find(data_near_index *x, data_near_skip skip, void *context, int64_t max_checks, const int64_t **texts,
                    int64_t *n_texts, senc_error *err);
/* Adds it under the next number, 0, 1, ... It must not fold to one that is there. */
bool data_near_add(data_near_index *x, int64_t *number, senc_error *err);

int64_t data_near_n_texts(const data_near_index *x);
int64_t data_near_bytes(const data_near_index *x);

#endif
