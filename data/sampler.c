/* The order of training: see sampler.h. */
#include "data/sampler.h"

#include <inttypes.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"

bool data_sampler_init(data_sampler *s, int64_t n_rows, uint64_t seed, bool shuffle, bool drop_last, senc_error *err) {
    SENC_ASSERT(n_rows >= 0, "n_rows %" PRId64, n_rows);
    *s = (data_sampler){.n_rows = n_rows, .seed = seed, .shuffle = shuffle, .drop_last = drop_last, .order_epoch = -1};
    if (!shuffle) return true;
    s->order = senc_alloc((size_t)n_rows, sizeof *s->order);
    return s->order || senc_fail_memory(err, (size_t)n_rows * sizeof *s->order, "the order of an epoch");
}

void data_sampler_free(data_sampler *s) {
    free(s->order);
    *s = (data_sampler){0};
}

/* Fisher-Yates from the identity: an epoch's order depends on nothing but (seed, epoch, n_rows). */
static void shuffle_epoch(data_sampler *s) {
    senc_rng rng;
    senc_rng_init(&rng, senc_rng_mix(senc_rng_mix(s->seed) ^ (uint64_t)s->epoch));
    for (int64_t i = 0; i < s->n_rows; i++) s->order[i] = i;
    for (int64_t i = s->n_rows - 1; i > 0; i--) {
        const int64_t j = (int64_t)senc_rng_below(&rng, (uint64_t)i + 1), swapped = s->order[i];
        s->order[i] = s->order[j];
        s->order[j] = swapped;
    }
    s->order_epoch = s->epoch;
}

/* Whether an epoch ends before its last `left` rows. */
static bool is_left_out(const data_sampler *s, int64_t batch_size, int64_t left) {
    return left == 0 || (left < batch_size && (s->drop_last || left < s->least_rows));
}

int64_t data_sampler_batches(const data_sampler *s, int64_t batch_size) {
    SENC_ASSERT(batch_size >= 1, "batch_size %" PRId64, batch_size);
    return s->n_rows / batch_size + !is_left_out(s, batch_size, s->n_rows % batch_size);
}

int64_t data_sampler_next(data_sampler *s, int64_t batch_size, int64_t *rows) {
    if (data_sampler_batches(s, batch_size) == 0) return 0;
    int64_t left = s->n_rows - s->position;
    if (is_left_out(s, batch_size, left)) {
        s->epoch++;
        s->position = 0;
        left = s->n_rows;
    }
    if (s->shuffle && s->order_epoch != s->epoch) shuffle_epoch(s);
    const int64_t n = left < batch_size ? left : batch_size;
    for (int64_t i = 0; i < n; i++) rows[i] = s->shuffle ? s->order[s->position + i] : s->position + i;
    s->position += n;
    return n;
}

bool data_sampler_restore(data_sampler *s, int64_t epoch, int64_t position, senc_error *err) {
    if (epoch < 0 || position < 0 || position > s->n_rows) {
        return senc_fail(err, SENC_BAD_INPUT,
                         "sampler: cannot continue at epoch %" PRId64 ", row %" PRId64 " of %" PRId64, epoch, position,
                         s->n_rows);
    }
    s->epoch = epoch;
    s->position = position;
    return true;
}
