/* Which candidates of a batch must not count as negatives: duplicates (equal token ids, text_identity.h) of a row's own
 * positive or anchor, and texts that the data set holds as a positive of the same anchor elsewhere. They are left out
 * of the loss, not moved to other batches. */
#ifndef TRAIN_NEGATIVES_H
#define TRAIN_NEGATIVES_H

#include <stdbool.h>
#include <stdint.h>

#include "data/pairs.h"
#include "losses/loss.h"

typedef struct train_negatives {
    data_pair *candidates; /* (anchor: candidate row, text: hash), sorted by hash; scratch */
    int64_t candidates_capacity;
    loss_masked *masked; /* the result, sorted by row, then candidate */
    int64_t n, capacity;
} train_negatives;

void train_negatives_free(train_negatives *m);

/* hashes (C*B): what every text of the batch is to the model, column after column; column 0 holds the anchors, column 1
 * the positives. absent (C*B): no text there; such a candidate is masked for every row. known may be NULL. */
bool train_negatives_find(train_negatives *m, const data_pairs *known, const uint64_t *hashes, const bool *absent,
                          int64_t n_rows, int64_t n_columns, senc_error *err);

/* Only the candidates without a text: for losses without in-batch negatives, and when known positives are not masked.
 */
bool train_negatives_find_absent(train_negatives *m, const bool *absent, int64_t n_rows, int64_t n_columns,
                                 senc_error *err);

#endif
