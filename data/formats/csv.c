/* CSV and TSV records: see csv.h. */
#include "data/formats/csv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/formats/utf8.h"

typedef struct scanner {
    const char *text;
    size_t n_bytes, at;
    int64_t line; /* of text[at] */
    data_csv_format format;
    const char *place;
    data_csv_record *record;
    senc_error *err;
} scanner;

void data_csv_record_free(data_csv_record *r) {
    free(r->fields);
    senc_buffer_free(&r->scratch);
    *r = (data_csv_record){0};
}

/* Column of text[at], in characters from 1. */
static int64_t column_of(const char *text, size_t at) {
    size_t start = at;
    while (start > 0 && text[start - 1] != '\n') start--;
    return data_utf8_count(text + start, at - start) + 1;
}

static bool fail_at(const scanner *s, size_t at, int64_t line, const char *what) {
    return senc_fail(s->err, SENC_BAD_INPUT, "%s:%" PRId64 ":%" PRId64 ": %s", s->place, line, column_of(s->text, at),
                     what);
}

static data_csv_field *add_field(scanner *s) {
    data_csv_record *r = s->record;
    if (r->n_fields == r->capacity) {
        const int64_t capacity = r->capacity ? 2 * r->capacity : 8;
        data_csv_field *grown = senc_realloc(r->fields, (size_t)capacity, sizeof *grown);
        if (!grown) {
            senc_fail_memory(s->err, (size_t)capacity * sizeof *grown, "a csv record");
            return NULL;
        }
        r->fields = grown;
        r->capacity = capacity;
    }
    data_csv_field *f = &r->fields[r->n_fields++];
    *f = (data_csv_field){.offset = s->at};
    return f;
}

/* LF, CRLF before LF or before the end of the text, or the end. */
static size_t line_end_bytes(const scanner *s, size_t at) {
    if (at == s->n_bytes) return 0;
    if (s->text[at] == '\n') return 1;
    if (s->text[at] == '\r' && at + 1 < s->n_bytes && s->text[at + 1] == '\n') return 2;
    return s->text[at] == '\r' && at + 1 == s->n_bytes ? 1 : 0;
}

static bool at_line_end(const scanner *s, size_t at) {
    return at == s->n_bytes || line_end_bytes(s, at) > 0;
}

/* Up to the next delimiter or line end. */
static void scan_bare(scanner *s, data_csv_field *f) {
    const size_t start = s->at;
    while (s->at < s->n_bytes && s->text[s->at] != s->format.delimiter && !at_line_end(s, s->at)) s->at++;
    f->text = s->text + start;
    f->n_bytes = s->at - start;
}

/* Where a quoted field ends: the index of its closing quote. Counts its newlines. *doubled: it holds "". */
static bool find_closing_quote(scanner *s, size_t *close, bool *doubled) {
    const int64_t line = s->line;
    *doubled = false;
    for (size_t i = s->at + 1; i < s->n_bytes; i++) {
        if (s->text[i] == '\n') s->line++;
        if (s->text[i] != '"') continue;
        if (i + 1 == s->n_bytes || s->text[i + 1] != '"') {
            *close = i;
            return true;
        }
        *doubled = true;
        i++;
    }
    return fail_at(s, s->at, line, "the quoted field that begins here never ends");
}

/* Appends text[from..to) to the scratch with "" as ". The scratch may move, so the field keeps its place in it. */
static void unquote(scanner *s, size_t from, size_t to, data_csv_field *f) {
    senc_buffer *b = &s->record->scratch;
    const size_t start = b->n_bytes;
    for (size_t i = from; i < to;) {
        const char *quote = memchr(s->text + i, '"', to - i);
        const size_t n = quote ? (size_t)(quote - (s->text + i)) + 1 : to - i;
        senc_buffer_append(b, s->text + i, n);
        i += quote ? n + 1 : n;
    }
    f->text = NULL;
    f->n_bytes = b->n_bytes - start;
}

static bool scan_quoted(scanner *s, data_csv_field *f) {
    size_t close = 0;
    bool doubled;
    if (!find_closing_quote(s, &close, &doubled)) return false;
    f->text = s->text + s->at + 1;
    f->n_bytes = close - s->at - 1;
    if (doubled) unquote(s, s->at + 1, close, f);
    s->at = close + 1;
    if (at_line_end(s, s->at) || s->text[s->at] == s->format.delimiter) return true;
    return fail_at(s, s->at, s->line,
                   "text behind a closing quote; expected the delimiter or the end of the line (a quote inside a "
                   "quoted field is written twice)");
}

static bool scan_record(scanner *s) {
    for (;;) {
        data_csv_field *f = add_field(s);
        if (!f) return false;
        if (s->format.quoting && s->at < s->n_bytes && s->text[s->at] == '"') {
            if (!scan_quoted(s, f)) return false;
        } else {
            scan_bare(s, f);
        }
        if (s->at == s->n_bytes || s->text[s->at] != s->format.delimiter) return true;
        s->at++;
    }
}

/* Unquoted texts were appended to the scratch one behind the other: now that it moves no more, point at them. */
static bool settle_scratch(scanner *s) {
    data_csv_record *r = s->record;
    if (r->scratch.failed) return senc_fail_memory(s->err, r->scratch.n_bytes, "a csv record");
    const char *p = senc_buffer_text(&r->scratch);
    for (int64_t i = 0; i < r->n_fields; i++) {
        if (r->fields[i].text) continue;
        r->fields[i].text = p;
        p += r->fields[i].n_bytes;
    }
    return true;
}

int data_csv_next(const char *text, size_t n_bytes, data_csv_format format, const char *place, data_cursor *cursor,
                  data_csv_record *record, senc_error *err) {
    scanner s = {text, n_bytes, (size_t)cursor->offset, cursor->line, format, place, record, err};
    for (size_t n; s.at < n_bytes && (n = line_end_bytes(&s, s.at)) > 0; s.line++) s.at += n;
    if (s.at >= n_bytes) return 0;
    record->n_fields = 0;
    senc_buffer_clear(&record->scratch);
    record->offset = s.at;
    record->line = s.line;
    if (!scan_record(&s) || !settle_scratch(&s)) return -1;
    record->end_offset = s.at;
    const size_t end = line_end_bytes(&s, s.at);
    *cursor = (data_cursor){s.at + end, s.line + (end > 0)};
    return 1;
}

bool data_csv_check_width(const data_csv_record *record, const char *text, int64_t n, const char *place,
                          senc_error *err) {
    if (record->n_fields == n) return true;
    const size_t at = record->n_fields > n ? record->fields[n].offset : record->end_offset;
    int64_t line = record->line;
    for (size_t i = record->offset; i < at; i++) line += text[i] == '\n';
    return senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ":%" PRId64 ": expected %" PRId64 " fields, found %" PRId64,
                     place, line, column_of(text, at), n, record->n_fields);
}
