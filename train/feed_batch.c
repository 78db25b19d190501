/* Making a batch: see feed_batch.h. */
#include "train/feed_batch.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

/* ---- the recipe ---- */

static bool count_prompt(const data_tokenizer *tokenizer, const char *prompt, int64_t *n, senc_error *err) {
    *n = prompt && prompt[0] ? data_tokenizer_prompt_length(tokenizer, prompt) : 0;
    return *n >= 0 || senc_fail_memory(err, strlen(prompt), "the prompts");
}

bool feed_recipe_init(feed_recipe *r, const train_feed_options *options, senc_error *err) {
    *r = (feed_recipe){.o = *options, .has_known = options->mask_known_positives};
    if (options->exclude_prompt &&
        (!count_prompt(options->tokenizer, options->query_prompt, &r->query_prompt_length, err) ||
         !count_prompt(options->tokenizer, options->document_prompt, &r->document_prompt_length, err)))
        return false;
    const char *query = options->query_prompt, *document = options->document_prompt;
    r->has_prompts = (query && query[0]) || (document && document[0]);
    if (!train_text_rule_init(&r->rule, options->tokenizer, query, document, options->max_length, err)) return false;
    const int64_t *slots = options->columns->slots;
    return !r->has_known || train_known_positives(&r->known, options->set, slots[0], slots[1], &r->rule, err);
}

void feed_recipe_free(feed_recipe *r) {
    if (r->has_known) data_pairs_free(&r->known);
}

/* ---- a thread's memory ---- */

bool feed_maker_init(feed_maker *m, int64_t max_texts, senc_error *err) {
    *m = (feed_maker){.scratch = data_tokenizer_scratch_create()};
    if (!m->scratch) return senc_fail_memory(err, 4096, "a tokenizer's scratch");
    m->pieces = senc_alloc((size_t)max_texts, sizeof *m->pieces);
    return m->pieces || senc_fail_memory(err, (size_t)max_texts * sizeof *m->pieces, "a batch");
}

void feed_maker_free(feed_maker *m) {
    data_row_free(&m->row);
    data_tokenizer_scratch_free(m->scratch);
    data_ids_free(&m->ids);
    data_ids_free(&m->bare);
    free(m->pieces);
}

/* ---- a batch's memory ---- */

bool feed_slot_init(feed_slot *s, const feed_recipe *r, int64_t max_rows, senc_error *err) {
    *s = (feed_slot){.batch = {.n_columns = r->o.columns->n, .capacity_rows = max_rows}};
    train_batch *b = &s->batch;
    const size_t rows = (size_t)max_rows, all = (size_t)(max_rows * b->n_columns);
    b->rows = senc_alloc(rows, sizeof *b->rows);
    b->offsets = senc_alloc(all + 1, sizeof *b->offsets);
    b->scores = senc_alloc(rows, sizeof *b->scores);
    b->labels = senc_alloc(rows, sizeof *b->labels);
    b->hashes = senc_alloc(all, sizeof *b->hashes);
    b->absent = senc_alloc(all, sizeof *b->absent);
    if (r->o.exclude_prompt) b->prompt_tokens = senc_alloc(all, sizeof *b->prompt_tokens);
    if (b->rows && b->offsets && b->scores && b->labels && b->hashes && b->absent &&
        (b->prompt_tokens || !r->o.exclude_prompt))
        return true;
    return senc_fail_memory(err, all * 33, "a batch");
}

void feed_slot_free(feed_slot *s) {
    train_batch *b = &s->batch;
    free(b->rows);
    data_ids_free(&b->ids);
    free(b->offsets);
    free(b->scores);
    free(b->labels);
    free(b->hashes);
    free(b->absent);
    free(b->prompt_tokens);
    train_negatives_free(&s->negatives);
}

/* ---- making one ---- */

static bool tokenize_text(train_batch *b, const feed_recipe *r, feed_maker *m, int64_t i, int64_t column,
                          senc_error *err) {
    const int64_t at = column * b->n_rows + i;
    const data_value *value = &m->row.values[r->o.columns->slots[column]];
    m->pieces[at] = (struct feed_piece){m->ids.n, 0};
    b->absent[at] = !value->present;
    b->hashes[at] = 0;
    if (!value->present) return true;
    const char *prompt = column == 0 ? r->o.query_prompt : r->o.document_prompt;
    bool truncated = false;
    const int64_t n = data_tokenizer_encode_prompted(r->o.tokenizer, m->scratch, prompt, value->text, value->n_bytes,
                                                     r->o.max_length, &m->ids, &truncated);
    if (n < 0) return senc_fail_memory(err, value->n_bytes, "token ids");
    m->pieces[at].n = n;
    b->n_truncated += truncated;
    if (r->has_prompts)
        return train_text_hash(&r->rule, m->scratch, &m->bare, value->text, value->n_bytes, &b->hashes[at], err);
    b->hashes[at] = train_ids_hash(m->ids.items + m->pieces[at].first, n);
    return true;
}

static bool tokenize_row(train_batch *b, const feed_recipe *r, feed_maker *m, int64_t i, senc_error *err) {
    if (!data_set_row(r->o.set, b->rows[i], &m->row, err)) return false;
    for (int64_t c = 0; c < b->n_columns; c++) {
        if (!tokenize_text(b, r, m, i, c, err)) return false;
    }
    if (r->o.columns->target_slot < 0) return true;
    const data_value *target = &m->row.values[r->o.columns->target_slot];
    b->scores[i] = target->number;
    b->labels[i] = target->class_id;
    return true;
}

/* Copies the ids into the batch, column after column. */
static bool pack(train_batch *b, const feed_recipe *r, const feed_maker *m, senc_error *err) {
    const int64_t n_all = b->n_rows * b->n_columns;
    b->ids.n = 0;
    if (!data_ids_reserve(&b->ids, m->ids.n)) return senc_fail_memory(err, (size_t)m->ids.n * 4, "a batch's token ids");
    b->offsets[0] = 0;
    for (int64_t at = 0; at < n_all; at++) {
        const struct feed_piece piece = m->pieces[at];
        if (piece.n)
            memcpy(b->ids.items + b->ids.n, m->ids.items + piece.first, (size_t)piece.n * sizeof *b->ids.items);
        b->ids.n += piece.n;
        b->offsets[at + 1] = b->ids.n;
        const int64_t prompt = at < b->n_rows ? r->query_prompt_length : r->document_prompt_length;
        if (b->prompt_tokens) b->prompt_tokens[at] = prompt < piece.n ? prompt : piece.n;
    }
    return true;
}

/* An absent negative is masked in any case: there is no text that a loss could use. */
static bool mask_candidates(feed_slot *s, const feed_recipe *r, senc_error *err) {
    train_batch *b = &s->batch;
    train_negatives *m = &s->negatives;
    const bool ok = r->has_known
                        ? train_negatives_find(m, &r->known, b->hashes, b->absent, b->n_rows, b->n_columns, err)
                        : train_negatives_find_absent(m, b->absent, b->n_rows, b->n_columns, err);
    if (!ok) return false;
    b->loss.masked = m->masked;
    b->loss.n_masked = b->n_masked = m->n;
    for (int64_t at = 0; at < b->n_rows * b->n_columns; at++) b->n_masked -= b->absent[at] ? b->n_rows : 0;
    return true;
}

bool feed_slot_fill(feed_slot *s, const feed_recipe *r, feed_maker *m, const atomic_bool *stop, senc_error *err) {
    train_batch *b = &s->batch;
    m->ids.n = 0;
    m->ids.failed = b->ids.failed = false;
    b->n_truncated = 0;
    for (int64_t i = 0; i < b->n_rows; i++) {
        if (atomic_load_explicit(stop, memory_order_relaxed)) return true;
        if (!tokenize_row(b, r, m, i, err)) return false;
    }
    if (!pack(b, r, m, err)) return false;
    b->loss = (loss_batch){.n_rows = b->n_rows, .n_columns = b->n_columns};
    if (r->o.columns->target == LOSS_TARGET_SCORE) b->loss.scores = b->scores;
    if (r->o.columns->target == LOSS_TARGET_LABEL) b->loss.labels = b->labels;
    return mask_candidates(s, r, err);
}
