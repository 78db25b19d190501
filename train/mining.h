/* Hard negatives: for every (anchor, positive) row of a data set, texts that the model places near the anchor and that
 * are not known to be positives. Candidates are the data set's own positives. In order: the nearest candidates; known
 * positives, duplicates of the anchor and texts closer than the margin allows are dropped (texts of equal token ids are
 * one text, text_identity.h); the first range_min of what
 * is left are passed over, those up to range_max stay; of these n_negatives are taken, from the top or at random. */
#ifndef TRAIN_MINING_H
#define TRAIN_MINING_H

#include <stdbool.h>
#include <stdint.h>

#include "data/table.h"
#include "eval/embed.h"

typedef enum train_mining_sampling { TRAIN_MINING_TOP, TRAIN_MINING_RANDOM } train_mining_sampling;

typedef struct train_mining_options {
    int64_t n_negatives;
    int64_t range_min, range_max; /* range_max 0: range_min + 10 * n_negatives */
    /* A candidate is dropped when its score > p - |p| * margin (NV-Retriever, Moreira et al. 2024, section 4.2,
     * "TopK-PercPos" with 95 %: 0.05), p the lowest score of the anchor's positives, as in sentence-transformers'
     * mine_hard_negatives: which of them the row holds does not matter. Negative: no margin. */
    double relative_margin;
    int sampling; /* train_mining_sampling */
    uint64_t seed;
    bool overwrite; /* an output that is there */
} train_mining_options;

typedef struct train_mining_report {
    int64_t n_rows, n_anchors, n_candidates; /* unique ones */
    int64_t n_written, n_rows_short;         /* negatives; rows that got fewer than asked for */
    int64_t n_known, n_too_close;            /* candidates dropped, summed over rows */
    double mean_positive, mean_negative;     /* mean scores; NaN without any */
} train_mining_report;

/* set: opened for the roles anchor and positive (both TEXT). Writes JSON lines {"anchor", "positive", "negative_1",
 * ...} to `output`, in the order of the rows; a row may have fewer negatives, or none. */
bool train_mine(const data_set *set, eval_model *model, const train_mining_options *options, const char *output,
                train_mining_report *report, senc_error *err);

#endif
