/* The order of training: each epoch is a seeded permutation of the rows (Fisher-Yates), 8 bytes a row. A batch never
 * spans two epochs. The state is two numbers, and together with (seed, n_rows) it determines everything that follows.
 */
#ifndef DATA_SAMPLER_H
#define DATA_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

typedef struct data_sampler {
    int64_t n_rows;
    uint64_t seed;
    bool shuffle;   /* false: rows in their order */
    bool drop_last; /* leave out an epoch's last batch when it is not full */
    /* ... or when it has fewer rows than this: a loss that sets rows against each other learns nothing from one. Set it
     * after data_sampler_init; 0: any will do. */
    int64_t least_rows;
    int64_t epoch, position;
    int64_t *order;      /* the epoch's permutation */
    int64_t order_epoch; /* which epoch `order` is for; -1: none yet */
} data_sampler;

bool data_sampler_init(data_sampler *s, int64_t n_rows, uint64_t seed, bool shuffle, bool drop_last, senc_error *err);
void data_sampler_free(data_sampler *s);

/* The next batch: up to batch_size row numbers into rows; returns how many. Starts the next epoch by itself (s->epoch
 * counts up when its first batch is taken). 0 only when no batch can ever come: no rows, fewer than least_rows, or
 * fewer than batch_size and drop_last. */
int64_t data_sampler_next(data_sampler *s, int64_t batch_size, int64_t *rows);

/* Batches in one epoch. */
int64_t data_sampler_batches(const data_sampler *s, int64_t batch_size);

/* Continues exactly where another sampler of the same n_rows and seed was. False (BAD_INPUT) when out of range. */
bool data_sampler_restore(data_sampler *s, int64_t epoch, int64_t position, senc_error *err);

#endif
