/* A run of `senc encode`: see encode_run.h. */
#include "cli/encode_run.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "cli/encode_output.h"
#include "cli/interrupt.h"
#include "cli/model_argument.h"

#define CACHE_BLOCK 4096 /* texts that are looked up together */

/* ---- rows of a jsonl ---- */

static bool reserve_labels(cli_encode_run *run, int64_t n, senc_error *err) {
    if (run->label_capacity >= n) return true;
    free(run->labels);
    run->label_capacity = 0;
    run->labels = senc_alloc((size_t)n, sizeof *run->labels);
    if (!run->labels) return senc_fail_memory(err, (size_t)n * sizeof *run->labels, "rows");
    run->label_capacity = n;
    return true;
}

/* Ids and texts of the next n rows. The buffer may move while it grows, so places come first, pointers last. */
static bool make_labels(cli_encode_run *run, int64_t n, senc_error *err) {
    if (!reserve_labels(run, n, err)) return false;
    senc_buffer *bytes = &run->label_bytes;
    senc_buffer_clear(bytes);
    for (int64_t i = 0; i < n; i++) {
        eval_text id = {0}, text = {0};
        if (run->ids && !cli_text_ids_next(run->ids, &id, err)) return false;
        if (run->shown && !cli_text_source_get(run->shown, run->writer.n_rows + i, &text, err)) return false;
        senc_buffer_append(bytes, id.bytes ? id.bytes : "", (size_t)id.n_bytes);
        senc_buffer_append(bytes, text.bytes ? text.bytes : "", (size_t)text.n_bytes);
        run->labels[i] = (data_vector_label){.id_bytes = id.n_bytes, .text_bytes = text.n_bytes};
    }
    if (bytes->failed) return senc_fail_memory(err, bytes->n_bytes, "rows");
    const char *at = senc_buffer_text(bytes);
    for (int64_t i = 0; i < n; i++) {
        data_vector_label *label = &run->labels[i];
        if (run->ids) label->id = at;
        at += label->id_bytes;
        if (run->shown) label->text = at;
        at += label->text_bytes;
    }
    return true;
}

static bool write_rows(cli_encode_run *run, const float *rows, int64_t n, senc_error *err) {
    const bool labelled = run->kind == DATA_VECTOR_JSONL && (run->ids || run->shown);
    if (labelled && !make_labels(run, n, err)) return false;
    return data_vector_writer_append(&run->writer, rows, labelled ? run->labels : NULL, n, err) &&
           cli_encode_output_save_when_due(run, err);
}

/* ---- as a stream ---- */

static bool read_texts(void *context, eval_text_chunk *chunk, senc_error *err) {
    return cli_text_source_fill(((cli_encode_run *)context)->source, chunk, err);
}

static bool write_vectors(void *context, const float *rows, int64_t n, senc_error *err) {
    return write_rows(context, rows, n, err);
}

static bool check_interrupt(void *context, senc_error *err) {
    (void)context;
    return cli_interrupt_check(err);
}

/* ---- through the cache ---- */

typedef struct cached_block {
    eval_vector_key *keys, *missing_keys; /* (CACHE_BLOCK) */
    float *rows, *missing_rows;           /* (CACHE_BLOCK, width) */
    eval_text *missing;                   /* (CACHE_BLOCK) */
    int64_t *places;                      /* of the missing ones */
    int64_t n_missing, n_read, n_written, width;
} cached_block;

static void free_block(cached_block *b) {
    free(b->keys);
    free(b->missing_keys);
    free(b->rows);
    free(b->missing_rows);
    free(b->missing);
    free(b->places);
}

static bool init_block(cached_block *b, int64_t width, senc_error *err) {
    const size_t n = CACHE_BLOCK;
    *b = (cached_block){.width = width};
    b->keys = senc_alloc(n, sizeof *b->keys);
    b->missing_keys = senc_alloc(n, sizeof *b->missing_keys);
    b->rows = senc_alloc(n * (size_t)width, sizeof *b->rows);
    b->missing_rows = senc_alloc(n * (size_t)width, sizeof *b->missing_rows);
    b->missing = senc_alloc(n, sizeof *b->missing);
    b->places = senc_alloc(n, sizeof *b->places);
    return (b->keys && b->missing_keys && b->rows && b->missing_rows && b->missing && b->places) ||
           senc_fail_memory(err, n * (size_t)width * 8, "vectors");
}

static bool read_missing(void *context, eval_text_chunk *chunk, senc_error *err) {
    cached_block *b = context;
    while (b->n_read < b->n_missing && !eval_text_chunk_is_full(chunk)) {
        const eval_text *text = &b->missing[b->n_read++];
        if (!eval_text_chunk_add(chunk, text->bytes, text->n_bytes, err)) return false;
    }
    return true;
}

static bool take_missing(void *context, const float *rows, int64_t n, senc_error *err) {
    (void)err;
    cached_block *b = context;
    memcpy(b->missing_rows + b->n_written * b->width, rows, (size_t)(n * b->width) * sizeof *rows);
    b->n_written += n;
    return true;
}

static bool encode_block(cli_encode_run *run, cached_block *b, const eval_text *texts, int64_t n, senc_error *err) {
    b->n_missing = b->n_read = b->n_written = 0;
    for (int64_t i = 0; i < n; i++) {
        b->keys[i] = eval_vector_key_of(&texts[i]);
        if (eval_vector_cache_find(run->cache, &b->keys[i], b->rows + i * b->width)) continue;
        b->places[b->n_missing] = i;
        b->missing_keys[b->n_missing] = b->keys[i];
        b->missing[b->n_missing++] = texts[i];
    }
    run->n_cached += n - b->n_missing;
    const eval_text_stream stream = {read_missing, take_missing, check_interrupt, b};
    if (b->n_missing > 0 && (!eval_encoder_stream(run->model->encoder, run->prompt, &stream, err) ||
                             !eval_vector_cache_add(run->cache, b->missing_keys, b->missing_rows, b->n_missing, err)))
        return false;
    for (int64_t i = 0; i < b->n_missing; i++)
        memcpy(b->rows + b->places[i] * b->width, b->missing_rows + i * b->width, (size_t)b->width * sizeof *b->rows);
    return write_rows(run, b->rows, n, err) && cli_interrupt_check(err);
}

static bool encode_cached(cli_encode_run *run, senc_error *err) {
    cached_block b;
    bool ok = init_block(&b, nn_model_width(run->model->model), err);
    for (int64_t n = 1; ok && n > 0;) {
        const eval_text *texts;
        ok = cli_text_source_next(run->source, CACHE_BLOCK, &texts, &n, err) &&
             (n == 0 || encode_block(run, &b, texts, n, err));
    }
    free_block(&b);
    return ok;
}

/* ---- all of it ---- */

static bool encode_texts(cli_encode_run *run, senc_error *err) {
    const int64_t n_all = cli_text_source_count(run->source);
    cli_progress progress = {.n_all = n_all < 0 || run->cache ? -1 : n_all - run->n_resumed};
    cli_progress_watch(&progress, run->model->encoder);
    const eval_text_stream stream = {read_texts, write_vectors, check_interrupt, run};
    const bool ok =
        run->cache ? encode_cached(run, err) : eval_encoder_stream(run->model->encoder, run->prompt, &stream, err);
    eval_encoder_watch(run->model->encoder, NULL, NULL);
    senc_log_status("%s", "");
    return ok && cli_interrupt_check(err);
}

static bool skip_ids(cli_encode_run *run, senc_error *err) {
    for (int64_t i = 0; run->ids && run->kind == DATA_VECTOR_JSONL && i < run->n_resumed; i++) {
        eval_text id = {0};
        if (!cli_text_ids_next(run->ids, &id, err)) return false;
    }
    return true;
}

bool cli_encode_run_all(cli_encode_run *run, senc_error *err) {
    if (!cli_encode_output_open(run, err)) return false;
    bool ok = run->is_complete || (skip_ids(run, err) && encode_texts(run, err));
    if (ok && !run->is_complete && run->ids && run->kind != DATA_VECTOR_JSONL && !run->to_stream)
        ok = cli_text_ids_save(run->ids, run->output, run->writer.n_rows, err);
    return cli_encode_output_end(run, ok, err);
}

void cli_encode_run_free(cli_encode_run *run) {
    data_vector_writer_close(&run->writer, true);
    data_json_free(run->options);
    free(run->state_path);
    free(run->labels);
    senc_buffer_free(&run->label_bytes);
}
