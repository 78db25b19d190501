/* The feed: data rows -> token ids, one batch at a time. Sequences are packed column after column (all anchors, then
 * all positives, then the negatives), as losses expect their embeddings. Threads of its own make the next batches while
 * the step works on this one. */
#ifndef TRAIN_FEED_H
#define TRAIN_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/kernels/kernels.h"
#include "data/pairs.h"
#include "data/sampler.h"
#include "data/table.h"
#include "data/tokenizers/tokenizer.h"
#include "losses/loss.h"
#include "train/negatives.h"

/* The slots of a data set that a loss reads. Column 0 is the anchor (or the only text). */
typedef struct train_columns {
    int64_t *slots;
    int64_t n;
    int64_t target_slot; /* -1: none */
    loss_target target;
} train_columns;

typedef struct train_batch {
    int64_t n_rows, n_columns;
    int64_t *rows;    /* (B), rows of the data set, for messages */
    data_ids ids;     /* (N) */
    int64_t *offsets; /* (C*B + 1) */
    int64_t capacity_rows;
    double *scores;         /* (B) */
    int64_t *labels;        /* (B) */
    uint64_t *hashes;       /* (C*B) of what each text is to the model (text_identity.h) */
    bool *absent;           /* (C*B) */
    int64_t *prompt_tokens; /* (C*B) tokens to leave out of pooling; NULL: none */
    int64_t n_truncated;
    int64_t n_masked; /* duplicates and known positives; absent texts do not count */
    loss_batch loss;  /* what the loss sees; points into this struct */
} train_batch;

typedef struct train_feed train_feed;

/* Opens and checks the data for a loss: every row is read once. Texts of `roles` and, where the data has them, the
 * optional negatives. */
bool train_feed_open_data(const data_source *sources, int64_t n_sources, const loss_roles *roles, const char *wanted_by,
                          data_set **set, train_columns *columns, senc_error *err);
void train_columns_free(train_columns *columns);

typedef struct train_feed_options {
    const data_set *set;
    const train_columns *columns;
    const data_tokenizer *tokenizer;
    const char *query_prompt, *document_prompt; /* put in front of column 0 / of the others; NULL or "": none */
    int64_t max_length, batch_size;
    int64_t least_rows; /* an epoch's last batch is left out when it has fewer; 0: any will do */
    uint64_t seed;
    bool exclude_prompt; /* pooling leaves the prompts' tokens out */
    bool shuffle, drop_last, mask_known_positives;
} train_feed_options;

/* Borrows everything in the options. */
bool train_feed_create(const train_feed_options *options, train_feed **out, senc_error *err);
/* Stops the readers, wherever they are. */
void train_feed_free(train_feed *f);

/* Where the caller is: behind the last batch it was given, however far the readers are ahead. */
const data_sampler *train_feed_sampler(const train_feed *f);
/* The next batch is the one that would follow there: data_sampler_restore's place and failures. */
bool train_feed_restore(train_feed *f, int64_t epoch, int64_t position, senc_error *err);
/* The next batch, valid until the next call. Never empty: the epoch's end starts the next epoch. A failure is that of
 * this batch, not of a later one that was being read; it stays. */
bool train_feed_next(train_feed *f, const train_batch **out, senc_error *err);
/* How long train_feed_next has waited for the readers, the first batch left out. */
double train_feed_waited_ms(const train_feed *f);
kern_sequences train_batch_sequences(const train_batch *b);
/* "data/train.jsonl lines 5510, 77, ..." for error messages. */
const char *train_feed_describe_rows(const train_feed *f, const train_batch *b, char *out, size_t out_bytes);

#endif
