/* BEIR folders: see beir.h. The corpus and the queries; the judgements are in beir_qrels.c. */
#include "data/beir.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/beir_parts.h"
#include "data/formats/foreign.h"
#include "data/formats/jsonl.h"
#include "data/pairs.h"

void data_beir_scratch_free(data_beir_scratch *s) {
    data_json_pool_free(s->pool);
    senc_buffer_free(&s->buffer);
    senc_buffer_free(&s->line);
    data_row_free(&s->row);
    *s = (data_beir_scratch){0};
}

/* ---- ids ---- */

static void slots_add(beir_part *p, int64_t i) {
    const char *id = p->ids.data + p->id_offsets[i];
    uint64_t at = data_text_hash(id, strlen(id));
    while (p->slots[at & (uint64_t)(p->n_slots - 1)] >= 0) at++;
    p->slots[at & (uint64_t)(p->n_slots - 1)] = i;
}

int64_t beir_part_find(const beir_part *p, const char *id, size_t n_bytes) {
    if (p->n_slots == 0) return -1;
    for (uint64_t at = data_text_hash(id, n_bytes);; at++) {
        const int64_t i = p->slots[at & (uint64_t)(p->n_slots - 1)];
        if (i < 0) return -1;
        const char *there = p->ids.data + p->id_offsets[i];
        if (strlen(there) == n_bytes && memcmp(there, id, n_bytes) == 0) return i;
    }
}

void beir_part_index(beir_part *p) {
    for (int64_t i = 0; i < p->n_slots; i++) p->slots[i] = -1;
    for (int64_t i = 0; i < p->n; i++) slots_add(p, i);
}

/* Room for one more row, and a table at most half full. */
static bool part_reserve(beir_part *p, senc_error *err) {
    if (p->n < p->capacity) return true;
    const int64_t capacity = p->capacity ? 2 * p->capacity : 256;
    uint64_t *rows = senc_realloc(p->rows, (size_t)capacity, sizeof *rows);
    if (rows) p->rows = rows;
    size_t *offsets = rows ? senc_realloc(p->id_offsets, (size_t)capacity, sizeof *offsets) : NULL;
    if (offsets) p->id_offsets = offsets;
    int64_t *slots = offsets ? senc_alloc((size_t)capacity * 2, sizeof *slots) : NULL;
    if (!slots) return senc_fail_memory(err, (size_t)capacity * 32, "the ids of a BEIR folder");
    free(p->slots);
    p->slots = slots;
    p->n_slots = capacity * 2;
    p->capacity = capacity;
    beir_part_index(p);
    return true;
}

int64_t beir_part_line(const beir_part *p, int64_t i) {
    int64_t line = 1;
    const char *end = p->text.data + p->rows[i];
    for (const char *q = p->text.data; q < end && (q = memchr(q, '\n', (size_t)(end - q))); q++) line++;
    return line;
}

static bool part_add(beir_part *p, const char *id, size_t n_bytes, data_cursor start, senc_error *err) {
    if (n_bytes == 0 || memchr(id, '\0', n_bytes) || memchr(id, '\t', n_bytes) || memchr(id, '\n', n_bytes)) {
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s:%" PRId64 ": field \"_id\" is empty or holds a tab, a newline or \\u0000", p->path,
                         start.line);
    }
    const int64_t there = beir_part_find(p, id, n_bytes);
    if (there >= 0 && p->repeated) {
        if (beir_count(p->repeated))
            beir_show(p->repeated, "\"%.*s\" on line %" PRId64 ", first on line %" PRId64,
                      (int)(n_bytes < 100 ? n_bytes : 100), id, start.line, beir_part_line(p, there));
        return true;
    }
    if (there >= 0) {
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s:%" PRId64 ": _id \"%.*s\" stands twice; the first is on line %" PRId64, p->path,
                         start.line, (int)(n_bytes < 100 ? n_bytes : 100), id, beir_part_line(p, there));
    }
    return beir_part_add(p, id, n_bytes, start.offset, err);
}

bool beir_part_add(beir_part *p, const char *id, size_t n_bytes, uint64_t row, senc_error *err) {
    if (!part_reserve(p, err)) return false;
    p->rows[p->n] = row;
    p->id_offsets[p->n] = p->ids.n_bytes;
    senc_buffer_append(&p->ids, id, n_bytes);
    senc_buffer_append(&p->ids, "", 1);
    if (p->ids.failed) return senc_fail_memory(err, p->ids.n_bytes, "the ids of a BEIR folder");
    slots_add(p, p->n++);
    return true;
}

/* ---- rows ---- */

static bool check_text(const beir_part *p, const data_json *row, const char *key, bool required, int64_t line,
                       senc_error *err) {
    const data_json *v = data_json_find(row, key);
    const data_json_type type = data_json_get_type(v);
    if (type == DATA_JSON_STRING || (type == DATA_JSON_NULL && !required)) return true;
    if (!v) return senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ": field \"%s\" is missing", p->path, line, key);
    return senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ": field \"%s\": expected a string, got %s", p->path, line, key,
                     data_json_type_name(type));
}

/* An _id may be written as an integer. */
static const char *read_id(const data_json *row, char digits[32], size_t *n_bytes) {
    const data_json *v = data_json_find(row, "_id");
    if (data_json_get_type(v) != DATA_JSON_INTEGER) return data_json_text(v, n_bytes);
    *n_bytes = (size_t)snprintf(digits, 32, "%" PRId64, data_json_integer(v));
    return digits;
}

static bool scratch_ready(data_beir_scratch *s, senc_error *err) {
    if (!s->pool) s->pool = data_json_pool_create();
    return s->pool || senc_fail_memory(err, 64, "a BEIR row");
}

static bool part_scan(beir_part *p, data_beir_scratch *s, senc_error *err) {
    data_cursor cursor = data_cursor_first(p->text.data, p->text.n_bytes), start;
    const data_json *row;
    int got;
    while ((got = data_jsonl_next(p->text.data, p->text.n_bytes, p->path, p->replace_utf8, &cursor, &start, s->pool,
                                  &s->line, &row, err)) == 1) {
        char digits[32];
        size_t n_bytes;
        const char *id = read_id(row, digits, &n_bytes);
        if (!id) return check_text(p, row, "_id", true, start.line, err);
        if (!check_text(p, row, "text", true, start.line, err) ||
            !check_text(p, row, "title", false, start.line, err) || !part_add(p, id, n_bytes, start, err)) {
            return false;
        }
    }
    if (got < 0) return false;
    return p->n > 0 || senc_fail(err, SENC_BAD_INPUT, "%s: no rows", p->path);
}

bool beir_part_open(beir_part *p, const char *folder, const char *name, bool replace_utf8, senc_error *err) {
    p->replace_utf8 = replace_utf8;
    p->path = data_path_find_packed(folder, name);
    if (!p->path) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: not a BEIR folder: there is no %s (nor %s.gz, %s.zst)", folder, name,
                         name, name);
    }
    data_beir_scratch s = {0};
    const bool ok = data_text_open(p->path, &p->text, err) &&
                    data_foreign_check(p->path, p->text.data, p->text.n_bytes, err) && scratch_ready(&s, err) &&
                    part_scan(p, &s, err);
    data_beir_scratch_free(&s);
    return ok;
}

void beir_part_close(beir_part *p) {
    free(p->path);
    data_text_close(&p->text);
    free(p->rows);
    free(p->id_offsets);
    free(p->slots);
    senc_buffer_free(&p->ids);
    *p = (beir_part){0};
}

static bool read_text(const beir_part *p, int64_t i, data_beir_scratch *s, const char **text, size_t *n_bytes,
                      senc_error *err) {
    SENC_ASSERT(i >= 0 && i < p->n, "row %" PRId64 " of %" PRId64, i, p->n);
    if (!scratch_ready(s, err)) return false;
    data_cursor cursor = {p->rows[i], 0}, start;
    const data_json *row;
    const int got = data_jsonl_next(p->text.data, p->text.n_bytes, p->path, p->replace_utf8, &cursor, &start, s->pool,
                                    &s->line, &row, err);
    if (got < 0) return false;
    *text = got ? data_json_text(data_json_find(row, "text"), n_bytes) : NULL;
    if (!*text) return senc_fail(err, SENC_FAILED, "%s: the file changed while it was being read", p->path);
    size_t title_bytes;
    const char *title = data_json_text(data_json_find(row, "title"), &title_bytes);
    if (title_bytes == 0) return true;
    senc_buffer_clear(&s->buffer);
    senc_buffer_append(&s->buffer, title, title_bytes);
    senc_buffer_append(&s->buffer, " ", 1);
    senc_buffer_append(&s->buffer, *text, *n_bytes);
    if (s->buffer.failed) return senc_fail_memory(err, title_bytes + *n_bytes, "a document");
    *text = s->buffer.data;
    *n_bytes = s->buffer.n_bytes;
    return true;
}

/* ---- the folder ---- */

bool data_beir_open(const char *folder, const char *split, bool replace_bad_utf8, data_beir **out, senc_error *err) {
    *out = NULL;
    if (!senc_path_is_folder(folder)) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected a BEIR folder (corpus.jsonl, queries.jsonl, qrels/), %s",
                         folder, senc_path_exists(folder) ? "found a file" : "there is nothing");
    }
    data_beir *b = senc_alloc_zero(1, sizeof *b);
    if (!b) return senc_fail_memory(err, sizeof *b, "a BEIR folder");
    if (!beir_part_open(&b->corpus, folder, "corpus.jsonl", replace_bad_utf8, err) ||
        !beir_part_open(&b->queries, folder, "queries.jsonl", replace_bad_utf8, err) ||
        !beir_qrels_load(b, folder, split ? split : "test", err)) {
        data_beir_close(b);
        return false;
    }
    *out = b;
    return true;
}

void data_beir_close(data_beir *b) {
    if (!b) return;
    beir_part_close(&b->corpus);
    beir_part_close(&b->queries);
    beir_part_close(&b->copies);
    beir_qrels_free(b);
    data_set_close(b->pairs);
    data_set_close(b->whole);
    data_set_close(b->more);
    free(b);
}

bool data_beir_is_pairs(const data_beir *b) {
    return b->pairs != NULL;
}

int64_t data_beir_n_documents(const data_beir *b) {
    return b->corpus.n;
}

int64_t data_beir_n_queries(const data_beir *b) {
    return b->queries.n;
}

static const char *id_at(const beir_part *p, int64_t i) {
    SENC_ASSERT(i >= 0 && i < p->n, "row %" PRId64 " of %" PRId64, i, p->n);
    return p->ids.data + p->id_offsets[i];
}

const char *data_beir_document_id(const data_beir *b, int64_t i) {
    return id_at(&b->corpus, i);
}

const char *data_beir_query_id(const data_beir *b, int64_t i) {
    return id_at(&b->queries, i);
}

int64_t data_beir_find_document(const data_beir *b, const char *id) {
    const int64_t there = beir_part_find(&b->corpus, id, strlen(id));
    if (there >= 0) return there;
    const int64_t copy = beir_part_find(&b->copies, id, strlen(id));
    return copy >= 0 ? (int64_t)b->copies.rows[copy] : -1;
}

int64_t data_beir_find_query(const data_beir *b, const char *id) {
    return beir_part_find(&b->queries, id, strlen(id));
}

static bool read_pair_text(const beir_part *p, int64_t i, data_beir_scratch *s, const char **text, size_t *n_bytes,
                           senc_error *err) {
    SENC_ASSERT(i >= 0 && i < p->n, "row %" PRId64 " of %" PRId64, i, p->n);
    const int64_t row = (int64_t)p->rows[i], n = data_set_n_rows(p->set), slot = row < n ? p->set_slot : p->more_slot;
    if (!data_set_row(row < n ? p->set : p->more, row < n ? row : row - n, &s->row, err)) return false;
    *text = s->row.values[slot].text;
    *n_bytes = s->row.values[slot].n_bytes;
    return true;
}

bool data_beir_document_text(const data_beir *b, int64_t i, data_beir_scratch *scratch, const char **text,
                             size_t *n_bytes, senc_error *err) {
    if (b->pairs) return read_pair_text(&b->corpus, i, scratch, text, n_bytes, err);
    return read_text(&b->corpus, i, scratch, text, n_bytes, err);
}

bool data_beir_query_text(const data_beir *b, int64_t i, data_beir_scratch *scratch, const char **text, size_t *n_bytes,
                          senc_error *err) {
    if (b->pairs) return read_pair_text(&b->queries, i, scratch, text, n_bytes, err);
    return read_text(&b->queries, i, scratch, text, n_bytes, err);
}
