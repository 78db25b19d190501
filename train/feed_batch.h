/* One batch of the feed: rows -> packed token ids. Inside of feed.c, which hands batches to the step and runs the
 * threads that make them. */
#ifndef TRAIN_FEED_BATCH_H
#define TRAIN_FEED_BATCH_H

#include <stdatomic.h>

#include "train/feed.h"
#include "train/text_identity.h"

/* What making batches needs and never changes. */
typedef struct feed_recipe {
    train_feed_options o;
    data_pairs known; /* positives of the whole data set, when has_known */
    bool has_known;
    train_text_rule rule; /* when texts are the same */
    bool has_prompts;
    int64_t query_prompt_length, document_prompt_length; /* tokens, when pooling leaves them out */
} feed_recipe;

bool feed_recipe_init(feed_recipe *r, const train_feed_options *options, senc_error *err);
void feed_recipe_free(feed_recipe *r);

/* What one thread needs to make batches. */
typedef struct feed_maker {
    data_row row;
    data_tokenizer_scratch *scratch;
    data_ids ids;  /* of the batch's texts, row after row */
    data_ids bare; /* of one text without its prompt */
    struct feed_piece {
        int64_t first, n;
    } * pieces; /* (C*B) where a text's ids are */
} feed_maker;

/* max_texts: C*B of the largest batch. */
bool feed_maker_init(feed_maker *m, int64_t max_texts, senc_error *err);
void feed_maker_free(feed_maker *m);

/* A batch with the memory it points into. */
typedef struct feed_slot {
    train_batch batch;
    train_negatives negatives;
} feed_slot;

bool feed_slot_init(feed_slot *s, const feed_recipe *r, int64_t max_rows, senc_error *err);
void feed_slot_free(feed_slot *s);

/* Reads and tokenizes the rows batch.rows[0 .. batch.n_rows). Once *stop is set the work is given up between two rows,
 * and the batch is good for nothing: the result is still true. Results depend on the rows only. */
bool feed_slot_fill(feed_slot *s, const feed_recipe *r, feed_maker *m, const atomic_bool *stop, senc_error *err);

#endif
