/* Data rows -> packed token ids: see feed.h. */
#include "train/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

#define MAX_ROLES (LOSS_MAX_TEXTS + 2)

/* What one thread needs to read and tokenize rows. */
typedef struct feed_worker {
    data_row row;
    data_tokenizer_scratch *scratch;
    data_ids ids;
    int64_t n_truncated;
    senc_error error;
} feed_worker;

/* Where a text's ids are: items [first, first + n) of a worker's ids. */
typedef struct feed_piece {
    int worker;
    int64_t first, n;
} feed_piece;

struct train_feed {
    train_feed_options o;
    data_sampler sampler;
    data_pairs known;
    bool has_known;
    train_negatives negatives;
    feed_worker *workers;
    int n_workers;
    feed_piece *pieces;                                  /* (C*B) */
    int64_t query_prompt_length, document_prompt_length; /* tokens, when pooling leaves them out */
    train_batch batch;
};

void train_columns_free(train_columns *columns) {
    free(columns->slots);
    *columns = (train_columns){0};
}

static int64_t roles_for_data(const loss_roles *roles, data_role *out) {
    int64_t n = 0;
    for (int i = 0; i < roles->n_texts; i++) out[n++] = (data_role){.name = roles->texts[i], .kind = DATA_ROLE_TEXT};
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

static bool batch_reserve(train_batch *b, int64_t n_rows, int64_t n_columns, senc_error *err) {
    const size_t rows = (size_t)n_rows, all = (size_t)(n_rows * n_columns);
    b->n_columns = n_columns;
    b->capacity_rows = n_rows;
    b->rows = senc_alloc(rows, sizeof *b->rows);
    b->offsets = senc_alloc(all + 1, sizeof *b->offsets);
    b->scores = senc_alloc(rows, sizeof *b->scores);
    b->labels = senc_alloc(rows, sizeof *b->labels);
    b->hashes = senc_alloc(all, sizeof *b->hashes);
    b->absent = senc_alloc(all, sizeof *b->absent);
    if (b->rows && b->offsets && b->scores && b->labels && b->hashes && b->absent) return true;
    return senc_fail_memory(err, all * 33, "a batch");
}

static void batch_free(train_batch *b) {
    free(b->rows);
    data_ids_free(&b->ids);
    free(b->offsets);
    free(b->scores);
    free(b->labels);
    free(b->hashes);
    free(b->absent);
    free(b->prompt_tokens);
}

static bool workers_create(train_feed *f, senc_error *err) {
    f->n_workers = senc_threads_count();
    f->workers = senc_alloc_zero((size_t)f->n_workers, sizeof *f->workers);
    if (!f->workers) return senc_fail_memory(err, (size_t)f->n_workers * sizeof *f->workers, "tokenizer threads");
    for (int i = 0; i < f->n_workers; i++) {
        f->workers[i].scratch = data_tokenizer_scratch_create();
        if (!f->workers[i].scratch) return senc_fail_memory(err, 4096, "a tokenizer's scratch");
    }
    return true;
}

static int64_t prompt_length(const data_tokenizer *tokenizer, const char *prompt) {
    return prompt && prompt[0] ? data_tokenizer_prompt_length(tokenizer, prompt) : 0;
}

static bool count_prompts(train_feed *f, int64_t n_texts, senc_error *err) {
    f->query_prompt_length = prompt_length(f->o.tokenizer, f->o.query_prompt);
    f->document_prompt_length = prompt_length(f->o.tokenizer, f->o.document_prompt);
    f->batch.prompt_tokens = senc_alloc((size_t)n_texts, sizeof *f->batch.prompt_tokens);
    if (f->query_prompt_length >= 0 && f->document_prompt_length >= 0 && f->batch.prompt_tokens) return true;
    return senc_fail_memory(err, (size_t)n_texts * 8, "the prompts");
}

bool train_feed_create(const train_feed_options *options, train_feed **out, senc_error *err) {
    *out = NULL;
    train_feed *f = senc_alloc_zero(1, sizeof *f);
    if (!f) return senc_fail_memory(err, sizeof *f, "the data feed");
    f->o = *options;
    const int64_t n_rows = data_set_n_rows(options->set);
    const int64_t batch_size = options->batch_size < n_rows ? options->batch_size : n_rows;
    const int64_t n_columns = options->columns->n;
    bool ok = data_sampler_init(&f->sampler, n_rows, options->seed, options->shuffle, options->drop_last, err) &&
              workers_create(f, err) && batch_reserve(&f->batch, batch_size, n_columns, err);
    if (ok && !(f->pieces = senc_alloc((size_t)(batch_size * n_columns), sizeof *f->pieces)))
        ok = senc_fail_memory(err, (size_t)(batch_size * n_columns) * sizeof *f->pieces, "a batch");
    if (ok && options->exclude_prompt) ok = count_prompts(f, batch_size * n_columns, err);
    if (ok && options->mask_known_positives) {
        f->has_known = true;
        ok = data_pairs_init(&f->known, options->set, options->columns->slots[0], options->columns->slots[1], false,
                             err);
    }
    if (!ok) {
        train_feed_free(f);
        return false;
    }
    *out = f;
    return true;
}

void train_feed_free(train_feed *f) {
    if (!f) return;
    for (int i = 0; f->workers && i < f->n_workers; i++) {
        data_row_free(&f->workers[i].row);
        data_tokenizer_scratch_free(f->workers[i].scratch);
        data_ids_free(&f->workers[i].ids);
    }
    free(f->workers);
    free(f->pieces);
    batch_free(&f->batch);
    train_negatives_free(&f->negatives);
    if (f->has_known) data_pairs_free(&f->known);
    data_sampler_free(&f->sampler);
    free(f);
}

data_sampler *train_feed_sampler(train_feed *f) {
    return &f->sampler;
}

kern_sequences train_batch_sequences(const train_batch *b) {
    return (kern_sequences){.offsets = b->offsets, .n = b->n_rows * b->n_columns};
}

/* Tokenizes one text of row i into the worker's ids. */
static bool tokenize_text(train_feed *f, feed_worker *w, int worker, int64_t i, int64_t column) {
    train_batch *b = &f->batch;
    const int64_t at = column * b->n_rows + i;
    const data_value *value = &w->row.values[f->o.columns->slots[column]];
    f->pieces[at] = (feed_piece){worker, w->ids.n, 0};
    b->absent[at] = !value->present;
    b->hashes[at] = 0;
    if (!value->present) return true;
    b->hashes[at] = data_text_hash(value->text, value->n_bytes);
    const char *prompt = column == 0 ? f->o.query_prompt : f->o.document_prompt;
    bool truncated = false;
    const int64_t n = data_tokenizer_encode_prompted(f->o.tokenizer, w->scratch, prompt, value->text, value->n_bytes,
                                                     f->o.max_length, &w->ids, &truncated);
    if (n < 0) return senc_fail_memory(&w->error, value->n_bytes, "token ids");
    f->pieces[at].n = n;
    w->n_truncated += truncated;
    return true;
}

static void tokenize_row(void *context, int64_t i, int thread) {
    train_feed *f = context;
    train_batch *b = &f->batch;
    feed_worker *w = &f->workers[thread];
    if (w->error.kind != SENC_OK || !data_set_row(f->o.set, b->rows[i], &w->row, &w->error)) return;
    for (int64_t c = 0; c < b->n_columns; c++) {
        if (!tokenize_text(f, w, thread, i, c)) return;
    }
    if (f->o.columns->target_slot < 0) return;
    const data_value *target = &w->row.values[f->o.columns->target_slot];
    b->scores[i] = target->number;
    b->labels[i] = target->class_id;
}

/* Copies the workers' ids into the batch, column after column. */
static bool pack(train_feed *f, senc_error *err) {
    train_batch *b = &f->batch;
    const int64_t n_all = b->n_rows * b->n_columns;
    b->ids.n = 0;
    b->offsets[0] = 0;
    for (int64_t at = 0; at < n_all; at++) {
        const feed_piece piece = f->pieces[at];
        if (!data_ids_reserve(&b->ids, piece.n))
            return senc_fail_memory(err, (size_t)b->ids.n * 4, "a batch's token ids");
        if (piece.n)
            memcpy(b->ids.items + b->ids.n, f->workers[piece.worker].ids.items + piece.first,
                   (size_t)piece.n * sizeof *b->ids.items);
        b->ids.n += piece.n;
        const int64_t prompt = at < b->n_rows ? f->query_prompt_length : f->document_prompt_length;
        if (b->prompt_tokens) b->prompt_tokens[at] = prompt < piece.n ? prompt : piece.n;
        b->offsets[at + 1] = b->ids.n;
    }
    return true;
}

/* An absent negative is masked in any case: there is no text that a loss could use. */
static bool mask_candidates(train_feed *f, senc_error *err) {
    train_batch *b = &f->batch;
    train_negatives *m = &f->negatives;
    const bool ok = f->has_known
                        ? train_negatives_find(m, &f->known, b->hashes, b->absent, b->n_rows, b->n_columns, err)
                        : train_negatives_find_absent(m, b->absent, b->n_rows, b->n_columns, err);
    if (!ok) return false;
    b->loss.masked = m->masked;
    b->loss.n_masked = b->n_masked = m->n;
    for (int64_t at = 0; at < b->n_rows * b->n_columns; at++) b->n_masked -= b->absent[at] ? b->n_rows : 0;
    return true;
}

bool train_feed_next(train_feed *f, const train_batch **out, senc_error *err) {
    train_batch *b = &f->batch;
    b->n_rows = data_sampler_next(&f->sampler, b->capacity_rows, b->rows);
    SENC_ASSERT(b->n_rows > 0, "no batch can be made of %lld rows", (long long)f->sampler.n_rows);
    for (int i = 0; i < f->n_workers; i++) {
        f->workers[i].ids.n = 0;
        f->workers[i].n_truncated = 0;
    }
    senc_parallel(b->n_rows, tokenize_row, f);
    b->n_truncated = 0;
    for (int i = 0; i < f->n_workers; i++) {
        if (f->workers[i].error.kind != SENC_OK)
            return senc_fail(err, f->workers[i].error.kind, "%s", f->workers[i].error.text);
        b->n_truncated += f->workers[i].n_truncated;
    }
    if (!pack(f, err)) return false;
    b->loss = (loss_batch){.n_rows = b->n_rows, .n_columns = b->n_columns};
    if (f->o.columns->target == LOSS_TARGET_SCORE) b->loss.scores = b->scores;
    if (f->o.columns->target == LOSS_TARGET_LABEL) b->loss.labels = b->labels;
    if (!mask_candidates(f, err)) return false;
    *out = b;
    return true;
}

const char *train_feed_describe_rows(const train_feed *f, const train_batch *b, char *out, size_t out_bytes) {
    const char *last_path = NULL;
    size_t n = 0;
    out[0] = '\0';
    for (int64_t i = 0; i < b->n_rows && n + 1 < out_bytes; i++) {
        const char *path = NULL;
        int64_t line = 0;
        if (!data_set_where(f->o.set, b->rows[i], &path, &line, NULL)) break;
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
