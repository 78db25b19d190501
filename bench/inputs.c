/* Preparing the texts: see inputs.h. */
#include "bench/inputs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "data/formats/jsonl.h"
#include "data/formats/stream.h"
#include "data/table.h"

#define BYTES_A_TOKEN 8 /* more than English has (4 to 5): texts that are surely too long */

/* A list of pieces of mapped text. */
typedef struct text_piece {
    const char *text;
    size_t n_bytes;
} text_piece;
typedef struct text_list {
    text_piece *items;
    int64_t n, capacity;
} text_list;

static bool text_add(text_list *list, const char *text, size_t n_bytes, senc_error *err) {
    if (list->n == list->capacity) {
        const int64_t capacity = list->capacity ? 2 * list->capacity : 1024;
        text_piece *grown = senc_realloc(list->items, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "texts");
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->n++] = (text_piece){text, n_bytes};
    return true;
}

/* ---- the file being written ---- */

typedef struct input_writer {
    senc_file_writer file;
    senc_buffer line;
    char *path;
    bool is_there; /* an earlier row made it */
} input_writer;

__attribute__((format(printf, 4, 5))) static bool open_writer(input_writer *w, const bench_settings *s, senc_error *err,
                                                              const char *fmt, ...) {
    va_list values;
    char name[64];
    va_start(values, fmt);
    vsnprintf(name, sizeof name, fmt, values);
    va_end(values);
    *w = (input_writer){.path = senc_path_join(s->work, name)};
    if (!w->path) return senc_fail_memory(err, sizeof name, "a path");
    w->is_there = senc_path_exists(w->path);
    return w->is_there || senc_file_writer_open(&w->file, w->path, err);
}

static void put_member(input_writer *w, const char *key, const char *text, size_t n_bytes) {
    senc_buffer_printf(&w->line, "%s\"%s\": ", w->line.n_bytes ? ", " : "{", key);
    data_json_append_string(&w->line, text, n_bytes);
}

static bool end_row(input_writer *w, senc_error *err) {
    senc_buffer_append_text(&w->line, "}\n");
    if (w->line.failed) return senc_fail_memory(err, w->line.n_bytes, "a row");
    const bool ok = fwrite(w->line.data, 1, w->line.n_bytes, w->file.stream) == w->line.n_bytes;
    senc_buffer_clear(&w->line);
    return ok || senc_fail_errno(err, "%s: cannot write", w->path);
}

/* The path when all went well, else NULL. */
static char *close_writer(input_writer *w, bool ok, senc_error *err) {
    ok = ok && (w->is_there || senc_file_writer_commit(&w->file, err));
    senc_file_writer_close(&w->file);
    senc_buffer_free(&w->line);
    if (ok) return w->path;
    free(w->path);
    return NULL;
}

static char *data_path(const bench_settings *s, const char *name, senc_error *err) {
    if (!s->data) {
        senc_fail(err, SENC_BAD_INPUT, "SENC_DATA is not set: where the data sets are");
        return NULL;
    }
    char *path = senc_path_join(s->data, name);
    if (!path) senc_fail_memory(err, strlen(name), "a path");
    return path;
}

/* 0..n-1 in a random order that is always the same; NULL when out of memory. */
static int64_t *shuffled(int64_t n, senc_error *err) {
    int64_t *order = senc_alloc((size_t)n, sizeof *order);
    if (!order) {
        senc_fail_memory(err, (size_t)n * sizeof *order, "an order");
        return NULL;
    }
    senc_rng rng;
    senc_rng_init(&rng, 42);
    for (int64_t i = 0; i < n; i++) {
        const int64_t j = (int64_t)senc_rng_below(&rng, (uint64_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    return order;
}

/* ---- pairs ---- */

static bool write_pairs(input_writer *w, const data_set *set, senc_error *err) {
    const int64_t n = data_set_n_rows(set);
    int64_t *order = shuffled(n, err);
    data_row row = {0};
    bool ok = order != NULL;
    for (int64_t i = 0; ok && i < n; i++) {
        ok = data_set_row(set, order[i], &row, err);
        for (int64_t slot = 0; ok && slot < 2; slot++)
            put_member(w, data_set_slot(set, slot)->name, row.values[slot].text, row.values[slot].n_bytes);
        ok = ok && end_row(w, err);
    }
    data_row_free(&row);
    free(order);
    return ok;
}

char *bench_input_medquad(const bench_settings *s, int64_t n, senc_error *err) {
    static const data_role roles[] = {{.name = "anchor", .kind = DATA_ROLE_TEXT},
                                      {.name = "positive", .kind = DATA_ROLE_TEXT}};
    static const data_column_map columns[] = {{"anchor", "question", 0}, {"positive", "answer", 0}};
    char *from = data_path(s, "medquad/medquad.jsonl", err);
    const data_source source = {
        .path = from, .mapped = columns, .n_mapped = 2, .limit = n, .on_empty = DATA_EMPTY_SKIP};
    input_writer w = {0};
    data_set *set = NULL;
    bool ok = from && open_writer(&w, s, err, "medquad_%lld.jsonl", (long long)n);
    if (ok && !w.is_there)
        ok = data_set_open(&source, 1, roles, 2, "the benchmark", &set, err) && write_pairs(&w, set, err);
    data_set_close(set);
    free(from);
    return close_writer(&w, ok, err);
}

static bool add_lines(text_list *list, const data_text *text, int64_t n, senc_error *err) {
    data_cursor cursor = data_cursor_first(text->data, text->n_bytes);
    const char *line;
    size_t n_bytes;
    bool ok = true;
    for (int64_t i = 0; ok && i < n && data_line_next(text->data, text->n_bytes, &cursor, &line, &n_bytes); i++)
        ok = text_add(list, line, n_bytes, err);
    return ok;
}

/* The first n lines of multi30k's file number `caption`, 1 to 5. */
static bool read_captions(const bench_settings *s, int caption, int64_t n, data_text *text, text_list *list,
                          senc_error *err) {
    char name[64];
    snprintf(name, sizeof name, "multi30k/train.%d.en.gz", caption);
    char *path = data_path(s, name, err);
    const bool ok = path && data_text_open(path, text, err) && add_lines(list, text, n, err);
    free(path);
    return ok;
}

static bool write_caption_pairs(input_writer *w, const text_list *a, const text_list *b, senc_error *err) {
    const int64_t n = a->n < b->n ? a->n : b->n;
    int64_t *order = shuffled(n, err);
    bool ok = order != NULL;
    for (int64_t i = 0; ok && i < n; i++) {
        const text_piece *anchor = &a->items[order[i]], *positive = &b->items[order[i]];
        put_member(w, "anchor", anchor->text, anchor->n_bytes);
        put_member(w, "positive", positive->text, positive->n_bytes);
        ok = end_row(w, err);
    }
    free(order);
    return ok;
}

char *bench_input_captions(const bench_settings *s, int64_t n, senc_error *err) {
    input_writer w = {0};
    data_text texts[2] = {0};
    text_list lists[2] = {0};
    bool ok = open_writer(&w, s, err, "captions_%lld.jsonl", (long long)n);
    if (ok && !w.is_there)
        ok = read_captions(s, 1, n, &texts[0], &lists[0], err) && read_captions(s, 2, n, &texts[1], &lists[1], err) &&
             write_caption_pairs(&w, &lists[0], &lists[1], err);
    for (int i = 0; i < 2; i++) {
        data_text_close(&texts[i]);
        free(lists[i].items);
    }
    return close_writer(&w, ok, err);
}

/* ---- texts ---- */

static bool write_texts(input_writer *w, const text_list *list, int64_t n, senc_error *err) {
    if (list->n == 0) return senc_fail(err, SENC_BAD_INPUT, "%s: no texts", w->path);
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        put_member(w, "text", list->items[i % list->n].text, list->items[i % list->n].n_bytes);
        ok = end_row(w, err);
    }
    return ok;
}

char *bench_input_caption_texts(const bench_settings *s, int64_t n, senc_error *err) {
    input_writer w = {0};
    data_text texts[5] = {0};
    text_list list = {0};
    bool ok = open_writer(&w, s, err, "caption_texts_%lld.jsonl", (long long)n);
    if (ok && !w.is_there) {
        for (int i = 0; ok && i < 5 && list.n < n; i++) ok = read_captions(s, i + 1, n, &texts[i], &list, err);
        ok = ok && write_texts(&w, &list, n, err);
    }
    for (int i = 0; i < 5; i++) data_text_close(&texts[i]);
    free(list.items);
    return close_writer(&w, ok, err);
}

/* A column (from 1) of a csv without a header, at most n rows of it. */
static bool write_column(input_writer *w, char *path, int64_t column, int64_t n, int64_t *n_written, senc_error *err) {
    static const data_role roles[] = {{.name = "text", .kind = DATA_ROLE_TEXT, .allow_empty = true}};
    const data_column_map columns[] = {{"text", NULL, column}};
    const data_source source = {.path = path, .mapped = columns, .n_mapped = 1, .header = DATA_HEADER_NO, .limit = n};
    data_set *set = NULL;
    data_row row = {0};
    bool ok = data_set_open(&source, 1, roles, 1, "the benchmark", &set, err);
    const int64_t n_rows = ok ? data_set_n_rows(set) : 0;
    for (int64_t i = 0; ok && i < n_rows; i++) {
        ok = data_set_row(set, i, &row, err);
        if (ok) put_member(w, "text", row.values[0].text, row.values[0].n_bytes);
        ok = ok && end_row(w, err);
    }
    *n_written += n_rows;
    data_row_free(&row);
    data_set_close(set);
    return ok;
}

char *bench_input_sentences(const bench_settings *s, int64_t n, senc_error *err) {
    input_writer w = {0};
    int64_t n_written = 0;
    char *from = data_path(s, "stsb/stsb-en-test.csv", err);
    bool ok = from && open_writer(&w, s, err, "sentences_%lld.jsonl", (long long)n);
    for (int64_t column = 1; ok && !w.is_there && column <= 2 && n_written < n; column++)
        ok = write_column(&w, from, column, n - n_written, &n_written, err);
    free(from);
    return close_writer(&w, ok, err);
}

/* Calls `take` with title + " " + text of NFCorpus documents, in order, until it says stop (*more = false) or the end.
 */
typedef bool document_taker(void *context, const char *text, size_t n_bytes, bool *more, senc_error *err);

static bool read_documents(const bench_settings *s, document_taker *take, void *context, senc_error *err) {
    char *path = data_path(s, "nfcorpus/corpus.jsonl", err);
    data_text file = {0};
    data_json_pool *pool = data_json_pool_create();
    senc_buffer text = {0}, scratch = {0};
    bool ok = path && data_text_open(path, &file, err) && (pool || senc_fail_memory(err, 0, "a JSON reader"));
    data_cursor cursor = data_cursor_first(file.data, file.n_bytes), start;
    const data_json *o;
    int got = 1;
    for (bool more = true; ok && more;) {
        got = data_jsonl_next(file.data, file.n_bytes, path, false, &cursor, &start, pool, &scratch, &o, err);
        if (got <= 0) break;
        const char *title = "", *body = "";
        ok = data_json_read_string(o, "title", &title, err) && data_json_read_string(o, "text", &body, err);
        senc_buffer_clear(&text);
        senc_buffer_printf(&text, "%s%s%s", title, *title ? " " : "", body);
        ok = ok && (!text.failed || senc_fail_memory(err, text.n_bytes, "a text")) &&
             take(context, senc_buffer_text(&text), text.n_bytes, &more, err);
    }
    senc_buffer_free(&text);
    senc_buffer_free(&scratch);
    data_json_pool_free(pool);
    data_text_close(&file);
    free(path);
    return ok && got >= 0;
}

typedef struct document_copy {
    input_writer *writer;
    int64_t n, n_rows;
    senc_buffer joined; /* cut texts only, like the rest */
    size_t cut_bytes;
    bool pairs;
} document_copy;

static bool take_document(void *context, const char *text, size_t n_bytes, bool *more, senc_error *err) {
    document_copy *c = context;
    put_member(c->writer, "text", text, n_bytes);
    *more = ++c->n < c->n_rows;
    return end_row(c->writer, err);
}

char *bench_input_documents(const bench_settings *s, int64_t n, senc_error *err) {
    input_writer w = {0};
    document_copy copy = {.writer = &w, .n_rows = n};
    bool ok = open_writer(&w, s, err, "documents_%lld.jsonl", (long long)n);
    if (ok && !w.is_there) ok = read_documents(s, take_document, &copy, err);
    return close_writer(&w, ok, err);
}

/* Joins documents and cuts rows of about cut_bytes from them, at spaces. */
static bool take_piece(void *context, const char *text, size_t n_bytes, bool *more, senc_error *err) {
    document_copy *c = context;
    senc_buffer_append(&c->joined, text, n_bytes);
    senc_buffer_append_text(&c->joined, " ");
    if (c->joined.failed) return senc_fail_memory(err, n_bytes, "a text");
    const char *piece = c->joined.data, *end = piece + c->joined.n_bytes;
    bool ok = true;
    while (ok && *more && (size_t)(end - piece) > c->cut_bytes) {
        const char *space = memchr(piece + c->cut_bytes, ' ', (size_t)(end - piece) - c->cut_bytes);
        const size_t length = (size_t)(space - piece); /* there is one at the end */
        put_member(c->writer, c->pairs ? "anchor" : "text", piece, length);
        if (c->pairs) put_member(c->writer, "positive", piece, length);
        ok = end_row(c->writer, err);
        piece = space + 1;
        *more = ++c->n < c->n_rows;
    }
    const size_t rest = (size_t)(end - piece);
    memmove(c->joined.data, piece, rest);
    c->joined.n_bytes = rest;
    c->joined.data[rest] = '\0';
    return ok;
}

static char *cut_texts(const bench_settings *s, int64_t n, int64_t length, bool pairs, senc_error *err) {
    input_writer w = {0};
    document_copy copy = {.writer = &w, .n_rows = n, .cut_bytes = (size_t)length * BYTES_A_TOKEN, .pairs = pairs};
    bool ok = open_writer(&w, s, err, "%s_%lld_%lld.jsonl", pairs ? "pairs" : "texts", (long long)length, (long long)n);
    if (ok && !w.is_there) {
        int64_t before = -1; /* more rows than the corpus makes: from its beginning again */
        while (ok && copy.n < n && copy.n > before) {
            before = copy.n;
            ok = read_documents(s, take_piece, &copy, err);
        }
        if (ok && copy.n < n) ok = senc_fail(err, SENC_BAD_INPUT, "%s/nfcorpus/corpus.jsonl: too little text", s->data);
    }
    senc_buffer_free(&copy.joined);
    return close_writer(&w, ok, err);
}

char *bench_input_long_texts(const bench_settings *s, int64_t n, int64_t length, senc_error *err) {
    return cut_texts(s, n, length, false, err);
}

char *bench_input_long_pairs(const bench_settings *s, int64_t n, int64_t length, senc_error *err) {
    return cut_texts(s, n, length, true, err);
}

char *bench_input_sentence(const bench_settings *s, senc_error *err) {
    static const char text[] = "How do I keep my houseplants alive in winter?";
    input_writer w = {0};
    bool ok = open_writer(&w, s, err, "sentence.jsonl");
    if (ok && !w.is_there) {
        put_member(&w, "text", text, sizeof text - 1);
        ok = end_row(&w, err);
    }
    return close_writer(&w, ok, err);
}
