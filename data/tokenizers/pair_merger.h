/* The core of WordPiece and BPE training (Sennrich et al. 2016): words are sequences of symbols, each word with a
 * count; again and again the most frequent pair of neighbours becomes one symbol.
 *
 *     data_pair_merger_add(m, symbols, n, count)...            the words
 *     while (data_pair_merger_best(m, &left, &right, &count))  the most frequent pair; ties: smaller left, then right
 *         data_pair_merger_merge(m, new_symbol)                replaces it everywhere */
#ifndef DATA_PAIR_MERGER_H
#define DATA_PAIR_MERGER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct data_pair_merger data_pair_merger;

data_pair_merger *data_pair_merger_create(void); /* NULL when out of memory */
void data_pair_merger_free(data_pair_merger *m);
/* False when out of memory. count >= 1. */
bool data_pair_merger_add(data_pair_merger *m, const int32_t *symbols, int64_t n, int64_t count);
/* False when no pair is left, or when out of memory: data_pair_merger_failed says which. */
bool data_pair_merger_best(data_pair_merger *m, int32_t *left, int32_t *right, int64_t *count);
bool data_pair_merger_failed(const data_pair_merger *m);
/* Merges the pair that data_pair_merger_best gave last. False when out of memory. */
bool data_pair_merger_merge(data_pair_merger *m, int32_t symbol);

#endif
