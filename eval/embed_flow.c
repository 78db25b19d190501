/* The flow: see embed_flow.h.
 *
 *   read (one at a time) -> tokenize (tasks) -> order, cut -> encode (batches) -> write (in the order of the texts)
 *
 * Every thread of the pool takes the most urgent piece of work that there is: a batch of the oldest window, else a task
 * of tokenizing, else the next part of the input. A thread beside the pool reads and tokenizes only, so that the next
 * window is ready before it is wanted. There is no barrier between windows, and each batch is encoded by one thread,
 * which needs no others: this scales to as many threads as there are batches. A batch's vectors do not depend on who
 * made it, nor on which others are in it (see embed.c).
 */
#include "eval/embed_flow.h"

#include <pthread.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/mapping.h"
#include "autograd/base/threads.h"

/* A window holds enough for all threads, whatever the texts are. */
#define THREAD_TEXTS  1024
#define THREAD_BYTES  ((int64_t)1 << 20)
#define LEAST_THREADS 4
#define MOST_THREADS  64

/* Less than this and the threads share every batch: nobody waits long enough for the work to be divided. */
#define SMALL_TEXTS 8
#define SMALL_BYTES 1024

typedef struct window_state {
    enum { EMPTY, TOKENIZING, READY, DONE } stage;
    int64_t next, n_done; /* tasks, then batches */
} window_state;

typedef struct flow {
    eval_encoder *e;
    const eval_ends *ends;
    const eval_text_rule *rule;
    int64_t n_prompt_tokens;
    int64_t n_taken; /* texts of ends->texts that are in windows */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Window i of the input is e->windows[i % EVAL_WINDOWS]; [n_written, n_read) are alive. */
    window_state states[EVAL_WINDOWS];
    int64_t n_read, n_written;
    bool reading, writing, at_end, stop;
    senc_error error; /* the first one; set when stop is */
} flow;

typedef struct work {
    enum { NOTHING, READ, TOKENIZE, ENCODE } kind;
    int64_t window, part;
} work;

/* ---- the pieces of work ---- */

bool eval_encode_batch(const eval_encoder *e, eval_worker *worker, const eval_window *w, int64_t k,
                       int64_t n_prompt_tokens, eval_encoder_stats *stats, senc_error *err) {
    const int64_t first = k > 0 ? w->ends[k - 1] : 0, n = w->ends[k] - first;
    worker->ids.n = 0;
    worker->ids.failed = false;
    worker->offsets[0] = 0;
    for (int64_t s = 0; s < n; s++) {
        const int64_t text = w->order[first + s];
        int64_t n_ids;
        const int32_t *ids = eval_window_ids(w, text, &n_ids);
        if (!data_ids_reserve(&worker->ids, n_ids)) return senc_fail_memory(err, (size_t)n_ids * 4, "token ids");
        if (n_ids) memcpy(worker->ids.items + worker->ids.n, ids, (size_t)n_ids * sizeof *ids);
        worker->ids.n += n_ids;
        worker->offsets[s + 1] = worker->ids.n;
        worker->prompt_tokens[s] = n_prompt_tokens < n_ids ? n_prompt_tokens : n_ids;
        stats->n_truncated += w->items[text].truncated;
        if (w->cut) w->cut[text] = w->items[text].truncated;
        stats->n_empty += w->items[text].empty;
    }
    const kern_sequences sequences = {worker->offsets, n};
    const nn_pass pass = {.prompt_tokens = n_prompt_tokens > 0 ? worker->prompt_tokens : NULL,
                          .storage = nn_model_storage(e->model)};
    ag_tape_reset(&worker->tape);
    const ag_node *vectors = nn_model_encode(e->model, &worker->tape, worker->ids.items, sequences, &pass);
    if (!ag_tape_check(&worker->tape, err)) return false;
    for (int64_t s = 0; s < n; s++)
        memcpy(w->out + w->order[first + s] * e->width, vectors->value + s * e->width,
               (size_t)e->width * sizeof *w->out);
    stats->n_texts += n;
    stats->n_tokens += worker->ids.n;
    stats->flops += nn_model_forward_flops(e->model, sequences);
    return true;
}

void eval_flow_tick(eval_encoder *e) {
    e->stats.encode_ms = e->earlier_ms + senc_clock_ms() - e->start_ms;
    if (e->show) e->show(e->show_context, &e->stats);
}

/* The next texts of an array: as many as a chunk would take. */
static void take_texts(flow *f, eval_window *w) {
    const int64_t left = f->ends->n - f->n_taken;
    int64_t bytes = 0;
    w->texts = f->ends->texts + f->n_taken;
    for (w->n = 0; w->n < left && w->n < w->chunk.max_texts && bytes < w->chunk.max_bytes; w->n++)
        bytes += w->texts[w->n].n_bytes;
}

/* Fills the window with the next texts; none: the end. */
static bool read_window(flow *f, eval_window *w, senc_error *err) {
    const int64_t threads = senc_threads_count() < LEAST_THREADS  ? LEAST_THREADS
                            : senc_threads_count() > MOST_THREADS ? MOST_THREADS
                                                                  : senc_threads_count();
    w->chunk.max_texts = threads * THREAD_TEXTS;
    w->chunk.max_bytes = threads * THREAD_BYTES;
    eval_text_chunk_clear(&w->chunk);
    float *out = NULL;
    if (f->ends->stream) {
        w->texts = NULL;
        if (!f->ends->stream->read(f->ends->stream->context, &w->chunk, err)) return false;
        w->n = w->chunk.n;
    } else {
        take_texts(f, w);
        out = f->ends->out + f->n_taken * f->e->width;
    }
    w->cut = f->ends->cut ? f->ends->cut + f->n_taken : NULL;
    f->n_taken += w->n;
    return eval_window_reserve(w, f->e->width, out, err);
}

/* Texts and weights lie in mapped files: what came of a file that was lost meanwhile goes nowhere. */
static bool write_window(const flow *f, const eval_window *w, senc_error *err) {
    const eval_text_stream *s = f->ends->stream;
    if (!senc_mappings_check(err)) return false;
    return !s || s->write(s->context, w->out, w->n, err);
}

static bool check(const flow *f, senc_error *err) {
    const eval_text_stream *s = f->ends->stream;
    if (f->e->check && !f->e->check(f->e->check_context, err)) return false;
    return !s || !s->check || s->check(s->context, err);
}

/* ---- handing it out; the caller holds the mutex ---- */

static void fail(flow *f, const senc_error *err) {
    if (!f->stop) f->error = *err;
    f->stop = true;
}

static bool find_part(const flow *f, int stage, work *out) {
    for (int64_t i = f->n_written; i < f->n_read; i++) {
        const window_state *s = &f->states[i % EVAL_WINDOWS];
        const eval_window *w = &f->e->windows[i % EVAL_WINDOWS];
        if ((int)s->stage != stage || s->next >= (stage == READY ? w->n_batches : w->n_tasks)) continue;
        *out = (work){stage == READY ? ENCODE : TOKENIZE, i, s->next};
        return true;
    }
    return false;
}

/* The most urgent piece of work; waits for one. NOTHING: there will be none. */
static work take_work(flow *f, bool encodes) {
    work found = {0};
    while (!f->stop) {
        if ((encodes && find_part(f, READY, &found)) || find_part(f, TOKENIZING, &found)) {
            f->states[found.window % EVAL_WINDOWS].next++;
            return found;
        }
        if (!f->at_end && !f->reading && f->n_read - f->n_written < EVAL_WINDOWS) {
            f->reading = true;
            return (work){READ, f->n_read, 0};
        }
        if (f->at_end && (!encodes || f->n_written == f->n_read)) break;
        pthread_cond_wait(&f->changed, &f->mutex);
    }
    return (work){0};
}

static void finish_reading(flow *f, const eval_window *w) {
    f->reading = false;
    if (w->n == 0) {
        f->at_end = true;
    } else {
        f->states[f->n_read % EVAL_WINDOWS] = (window_state){.stage = TOKENIZING};
        f->n_read++;
    }
}

/* Writes the windows that are done, in order. One thread at a time, without the mutex. */
static void write_done(flow *f) {
    if (f->writing) return;
    f->writing = true;
    while (!f->stop && f->n_written < f->n_read && f->states[f->n_written % EVAL_WINDOWS].stage == DONE) {
        const int64_t i = f->n_written % EVAL_WINDOWS;
        senc_error err = {0};
        pthread_mutex_unlock(&f->mutex);
        const bool ok = write_window(f, &f->e->windows[i], &err);
        pthread_mutex_lock(&f->mutex);
        if (!ok) fail(f, &err);
        f->states[i].stage = EMPTY;
        f->n_written++;
    }
    f->writing = false;
}

static void finish_encoding(flow *f, int64_t window, const eval_encoder_stats *added) {
    window_state *s = &f->states[window % EVAL_WINDOWS];
    eval_encoder_stats_add(&f->e->stats, 1, added);
    eval_flow_tick(f->e);
    if (++s->n_done < f->e->windows[window % EVAL_WINDOWS].n_batches) return;
    s->stage = DONE;
    write_done(f);
}

/* ---- the threads ---- */

/* Does one piece of work, with the mutex given up meanwhile. */
static void do_work(flow *f, const work *job, eval_worker *worker, data_tokenizer_scratch *scratch) {
    eval_window *w = &f->e->windows[job->window % EVAL_WINDOWS];
    eval_encoder_stats added = {0};
    senc_error err = {0};
    bool ok = false, last = false;
    pthread_mutex_unlock(&f->mutex);
    if (job->kind == READ)
        ok = read_window(f, w, &err);
    else if (job->kind == TOKENIZE)
        ok = eval_window_tokenize(w, job->part, f->rule, scratch, &err);
    else
        ok = eval_encode_batch(f->e, worker, w, job->part, f->n_prompt_tokens, &added, &err) && check(f, &err);
    pthread_mutex_lock(&f->mutex);
    window_state *s = &f->states[job->window % EVAL_WINDOWS];
    if (!ok) {
        fail(f, &err);
    } else if (job->kind == READ) {
        finish_reading(f, w);
    } else if (job->kind == ENCODE) {
        finish_encoding(f, job->window, &added);
    } else {
        last = ++s->n_done == w->n_tasks;
    }
    if (last) {
        pthread_mutex_unlock(&f->mutex);
        ok = eval_window_arrange(w, f->e->batch_tokens, senc_threads_count(), &err);
        pthread_mutex_lock(&f->mutex);
        if (!ok) fail(f, &err);
        *s = (window_state){.stage = READY};
    }
    pthread_cond_broadcast(&f->changed);
}

static void worker_task(void *context, int64_t i, int thread) {
    (void)i;
    flow *f = context;
    eval_worker *worker = &f->e->workers[thread];
    pthread_mutex_lock(&f->mutex);
    for (work job; (job = take_work(f, true)).kind != NOTHING;) do_work(f, &job, worker, worker->scratch);
    pthread_mutex_unlock(&f->mutex);
}

static void *reader_main(void *context) {
    flow *f = context;
    pthread_mutex_lock(&f->mutex);
    for (work job; (job = take_work(f, false)).kind != NOTHING;) do_work(f, &job, NULL, f->e->reader_scratch);
    pthread_mutex_unlock(&f->mutex);
    return NULL;
}

/* ---- small inputs ---- */

static int64_t window_bytes(const eval_window *w) {
    if (!w->texts) return (int64_t)w->chunk.bytes.n_bytes;
    int64_t bytes = 0;
    for (int64_t i = 0; i < w->n; i++) bytes += w->texts[i].n_bytes;
    return bytes;
}

static bool is_small(const eval_window *w) {
    const int64_t threads = senc_threads_count();
    return w->n <= SMALL_TEXTS * threads && (w->n == 1 || window_bytes(w) <= SMALL_BYTES * threads);
}

/* One batch after the other, each by all threads together. */
static bool run_small(flow *f, eval_window *w, senc_error *err) {
    eval_encoder *e = f->e;
    for (int64_t i = 0; i < w->n_tasks; i++) {
        if (!eval_window_tokenize(w, i, f->rule, e->workers[0].scratch, err)) return false;
    }
    if (!eval_window_arrange(w, e->batch_tokens, 1, err)) return false;
    for (int64_t k = 0; k < w->n_batches; k++) {
        if (!eval_encode_batch(e, &e->workers[0], w, k, f->n_prompt_tokens, &e->stats, err) || !check(f, err))
            return false;
        eval_flow_tick(e);
    }
    return write_window(f, w, err);
}

/* ---- the whole ---- */

static bool run_large(flow *f, senc_error *err) {
    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->changed, NULL);
    finish_reading(f, &f->e->windows[0]);
    /* Without the thread everything works as well, only not ahead: so nobody cares whether it could be started. */
    const bool more = f->ends->stream || f->n_taken < f->ends->n;
    pthread_t reader;
    const bool has_reader = more && senc_thread_start(&reader, reader_main, f, NULL);
    senc_parallel(senc_threads_count(), worker_task, f);
    if (has_reader) pthread_join(reader, NULL);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->mutex);
    return !f->stop || senc_fail(err, f->error.kind, "%s", f->error.text);
}

bool eval_flow_run(eval_encoder *e, const eval_ends *ends, const eval_text_rule *rule, int64_t n_prompt_tokens,
                   senc_error *err) {
    flow f = {.e = e, .ends = ends, .rule = rule, .n_prompt_tokens = n_prompt_tokens};
    eval_window *w = &e->windows[0];
    for (;;) {
        if (!read_window(&f, w, err)) return false;
        if (w->n == 0) return true;
        if (!is_small(w)) return run_large(&f, err);
        if (!run_small(&f, w, err)) return false;
    }
}
