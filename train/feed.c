/* Data rows -> packed token ids, ahead of the step: see feed.h.
 *
 * The slots are a ring. A reader draws the rows of the next batch from the sampler, in order, fills the batch's slot
 * and marks it ready; the caller takes the slots in the same order and gives each back when it asks for the next. So
 * which reader made a batch, and how far ahead it was, changes nothing. The readers tokenize by themselves and never
 * use the pool, whose threads belong to the step: a batch costs them far below a percent of a step.
 */
#include "train/feed.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "train/feed_batch.h"

#define MAX_ROLES (LOSS_MAX_TEXTS + 2)

void train_columns_free(train_columns *columns) {
    free(columns->slots);
    *columns = (train_columns){0};
}

static int64_t roles_for_data(const loss_roles *roles, data_role *out) {
    int64_t n = 0;
    for (int i = 0; i < roles->n_texts; i++)
        out[n++] = (data_role){
            .name = roles->texts[i], .kind = DATA_ROLE_TEXT, .expands = strcmp(roles->texts[i], "positive") == 0};
    if (roles->optional_text)
        out[n++] = (data_role){.name = roles->optional_text,
                               .kind = DATA_ROLE_TEXT,
                               .optional = !roles->optional_is_required,
                               .numbered = true};
    if (roles->target == LOSS_TARGET_SCORE) out[n++] = (data_role){.name = "score", .kind = DATA_ROLE_SCORE};
    if (roles->target == LOSS_TARGET_LABEL) out[n++] = (data_role){.name = "label", .kind = DATA_ROLE_CLASS};
    return n;
}

/* Columns in the loss's order: its texts, then every slot of the optional role. */
static bool choose_columns(const data_set *set, const loss_roles *roles, train_columns *columns, senc_error *err) {
    const int64_t n_slots = data_set_n_slots(set);
    *columns = (train_columns){.target = roles->target, .target_slot = -1};
    columns->slots = senc_alloc((size_t)n_slots, sizeof *columns->slots);
    if (!columns->slots) return senc_fail_memory(err, (size_t)n_slots * 8, "columns");
    for (int i = 0; i < roles->n_texts; i++) columns->slots[columns->n++] = data_set_find_slot(set, roles->texts[i]);
    for (int64_t s = 0; roles->optional_text && s < n_slots; s++) {
        if (data_set_slot(set, s)->role == roles->n_texts) columns->slots[columns->n++] = s;
    }
    if (roles->target != LOSS_TARGET_NONE)
        columns->target_slot = data_set_find_slot(set, roles->target == LOSS_TARGET_SCORE ? "score" : "label");
    return true;
}

bool train_feed_open_data(const data_source *sources, int64_t n_sources, const loss_roles *roles, const char *wanted_by,
                          data_set **set, train_columns *columns, senc_error *err) {
    data_role data_roles[MAX_ROLES];
    const int64_t n_roles = roles_for_data(roles, data_roles);
    if (!data_set_open(sources, n_sources, data_roles, n_roles, wanted_by, set, err)) return false;
    if (data_set_n_rows(*set) == 0) {
        senc_fail(err, SENC_BAD_INPUT, "%s: no rows to train on", sources[0].path);
    } else if (choose_columns(*set, roles, columns, err)) {
        return true;
    }
    data_set_close(*set);
    *set = NULL;
    return false;
}

/* ---- the ring ---- */

/* A tokenizer keeps up with some 30 threads of the pool at the shortest texts. */
#define POOL_THREADS_PER_READER 32
#define BATCHES_AT_REST         2 /* beside those being made: the caller's, and one that is ready for him */

typedef struct feed_place {
    feed_slot slot;
    bool ready;
    int64_t epoch, position; /* of the sampler behind this batch */
    senc_error error;
} feed_place;

typedef struct feed_reader {
    train_feed *feed;
    pthread_t thread;
    feed_maker maker;
} feed_reader;

struct train_feed {
    feed_recipe recipe;
    data_sampler given; /* epoch and position of the caller; no order */
    feed_reader *readers;
    int n_readers, n_running;
    double waited_ms;
    /* Held by the reader that draws, so that slots and rows keep the same order. */
    pthread_mutex_t draw;
    data_sampler ahead;
    /* The ring: batch i of this start lies in places[i % n_places]. */
    pthread_mutex_t mutex;
    pthread_cond_t room, ready;
    feed_place *places;
    int n_places;
    int64_t n_drawn, n_given, n_returned;
    bool broken; /* a batch failed: none is drawn behind it */
    atomic_bool stop;
};

/* Waits for room and draws the next batch. NULL: it is time to stop. */
static feed_place *draw_batch(train_feed *f) {
    pthread_mutex_lock(&f->draw);
    pthread_mutex_lock(&f->mutex);
    while (!f->stop && (f->broken || f->n_drawn - f->n_returned >= f->n_places)) pthread_cond_wait(&f->room, &f->mutex);
    feed_place *place = f->stop ? NULL : &f->places[f->n_drawn++ % f->n_places];
    pthread_mutex_unlock(&f->mutex);
    if (place) { /* the caller does not wait for an epoch's shuffle */
        train_batch *b = &place->slot.batch;
        b->n_rows = data_sampler_next(&f->ahead, b->capacity_rows, b->rows);
        place->epoch = f->ahead.epoch;
        place->position = f->ahead.position;
    }
    pthread_mutex_unlock(&f->draw);
    return place;
}

static void *reader_main(void *context) {
    feed_reader *r = context;
    train_feed *f = r->feed;
    for (feed_place *place; (place = draw_batch(f)) != NULL;) {
        const bool ok = feed_slot_fill(&place->slot, &f->recipe, &r->maker, &f->stop, &place->error);
        pthread_mutex_lock(&f->mutex);
        place->ready = true;
        f->broken |= !ok;
        pthread_cond_signal(&f->ready);
        pthread_mutex_unlock(&f->mutex);
    }
    return NULL;
}

/* One is enough where there are no more threads to be had. */
static bool start_readers(train_feed *f, senc_error *err) {
    atomic_store(&f->stop, false);
    for (; f->n_running < f->n_readers; f->n_running++) {
        feed_reader *r = &f->readers[f->n_running];
        if (!senc_thread_start(&r->thread, reader_main, r, f->n_running ? NULL : err)) break;
    }
    return f->n_running > 0;
}

/* Nothing is read afterwards, and all places are empty. */
static void stop_readers(train_feed *f) {
    if (f->n_running) {
        pthread_mutex_lock(&f->mutex);
        atomic_store(&f->stop, true);
        pthread_cond_broadcast(&f->room);
        pthread_mutex_unlock(&f->mutex);
    }
    while (f->n_running > 0) pthread_join(f->readers[--f->n_running].thread, NULL);
    f->n_drawn = f->n_given = f->n_returned = 0;
    f->broken = false;
    for (int i = 0; i < f->n_places; i++) {
        f->places[i].ready = false;
        f->places[i].error = (senc_error){0};
    }
}

/* ---- for the caller ---- */

static bool create_places(train_feed *f, int64_t max_rows, senc_error *err) {
    const int n_places = f->n_readers + BATCHES_AT_REST;
    f->places = senc_alloc_zero((size_t)n_places, sizeof *f->places);
    if (!f->places) return senc_fail_memory(err, (size_t)n_places * sizeof *f->places, "the data feed");
    while (f->n_places < n_places) {
        if (!feed_slot_init(&f->places[f->n_places++].slot, &f->recipe, max_rows, err)) return false;
    }
    return true;
}

static bool create_readers(train_feed *f, int64_t max_texts, senc_error *err) {
    const int n = 1 + (senc_threads_count() - 1) / POOL_THREADS_PER_READER;
    f->readers = senc_alloc_zero((size_t)n, sizeof *f->readers);
    if (!f->readers) return senc_fail_memory(err, (size_t)n * sizeof *f->readers, "the data feed");
    while (f->n_readers < n) {
        feed_reader *r = &f->readers[f->n_readers++];
        r->feed = f;
        if (!feed_maker_init(&r->maker, max_texts, err)) return false;
    }
    return true;
}

static bool create(train_feed *f, const train_feed_options *o, senc_error *err) {
    const int64_t n_rows = data_set_n_rows(o->set), max_rows = o->batch_size < n_rows ? o->batch_size : n_rows;
    if (!feed_recipe_init(&f->recipe, o, err) ||
        !data_sampler_init(&f->ahead, n_rows, o->seed, o->shuffle, o->drop_last, err))
        return false;
    f->ahead.least_rows = o->least_rows;
    if (!create_readers(f, max_rows * o->columns->n, err) || !create_places(f, max_rows, err)) return false;
    SENC_ASSERT(data_sampler_batches(&f->ahead, max_rows) > 0, "no batch can be made of %lld rows", (long long)n_rows);
    f->given = f->ahead;
    f->given.order = NULL;
    return true;
}

bool train_feed_create(const train_feed_options *options, train_feed **out, senc_error *err) {
    *out = NULL;
    train_feed *f = senc_alloc_zero(1, sizeof *f);
    if (!f) return senc_fail_memory(err, sizeof *f, "the data feed");
    pthread_mutex_init(&f->draw, NULL);
    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->room, NULL);
    pthread_cond_init(&f->ready, NULL);
    if (!create(f, options, err)) {
        train_feed_free(f);
        return false;
    }
    *out = f;
    return true;
}

void train_feed_free(train_feed *f) {
    if (!f) return;
    stop_readers(f);
    for (int i = 0; i < f->n_readers; i++) feed_maker_free(&f->readers[i].maker);
    free(f->readers);
    for (int i = 0; i < f->n_places; i++) feed_slot_free(&f->places[i].slot);
    free(f->places);
    feed_recipe_free(&f->recipe);
    data_sampler_free(&f->ahead);
    pthread_cond_destroy(&f->ready);
    pthread_cond_destroy(&f->room);
    pthread_mutex_destroy(&f->mutex);
    pthread_mutex_destroy(&f->draw);
    free(f);
}

const data_sampler *train_feed_sampler(const train_feed *f) {
    return &f->given;
}

bool train_feed_restore(train_feed *f, int64_t epoch, int64_t position, senc_error *err) {
    stop_readers(f);
    if (!data_sampler_restore(&f->given, epoch, position, err)) return false;
    return data_sampler_restore(&f->ahead, epoch, position, err);
}

bool train_feed_next(train_feed *f, const train_batch **out, senc_error *err) {
    if (!f->n_running && !start_readers(f, err)) return false;
    const double start_ms = senc_clock_ms();
    pthread_mutex_lock(&f->mutex);
    if (f->n_returned < f->n_given) {
        f->places[f->n_returned++ % f->n_places].ready = false;
        pthread_cond_signal(&f->room);
    }
    feed_place *place = &f->places[f->n_given % f->n_places];
    while (!place->ready) pthread_cond_wait(&f->ready, &f->mutex);
    const bool ok = place->error.kind == SENC_OK;
    if (ok && f->n_given++ > 0) f->waited_ms += senc_clock_ms() - start_ms;
    pthread_mutex_unlock(&f->mutex);
    if (!ok) return senc_fail(err, place->error.kind, "%s", place->error.text);
    f->given.epoch = place->epoch;
    f->given.position = place->position;
    *out = &place->slot.batch;
    return true;
}

double train_feed_waited_ms(const train_feed *f) {
    return f->waited_ms;
}

kern_sequences train_batch_sequences(const train_batch *b) {
    return (kern_sequences){.offsets = b->offsets, .n = b->n_rows * b->n_columns};
}

const char *train_feed_describe_rows(const train_feed *f, const train_batch *b, char *out, size_t out_bytes) {
    const char *last_path = NULL;
    size_t n = 0;
    out[0] = '\0';
    for (int64_t i = 0; i < b->n_rows && n + 1 < out_bytes; i++) {
        const char *path = NULL;
        int64_t line = 0;
        if (!data_set_where(f->recipe.o.set, b->rows[i], &path, &line, NULL)) break;
        if (i == 8) { /* enough to look at */
            snprintf(out + n, out_bytes - n, ", ...");
            break;
        }
        const bool same = last_path && strcmp(path, last_path) == 0;
        const int written =
            same ? snprintf(out + n, out_bytes - n, ", %lld", (long long)line)
                 : snprintf(out + n, out_bytes - n, "%s%s lines %lld", n ? "; " : "", path, (long long)line);
        if (written > 0) n += (size_t)written;
        last_path = path;
    }
    return out;
}
