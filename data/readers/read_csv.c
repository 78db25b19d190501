/* csv and tsv: records of fields, with or without a header. */
#include "data/readers/readers.h"

#include <stdio.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/formats/utf8.h"

/* Every field's text with U+FFFD for what is ill-formed. Texts move to the scratch, so pointers are set at the end. */
static bool replace_fields(data_record *record, senc_error *err) {
    data_csv_record *r = &record->csv;
    senc_buffer *b = &record->scratch;
    senc_buffer_clear(b);
    for (int64_t i = 0; i < r->n_fields; i++) {
        const size_t start = b->n_bytes;
        data_utf8_append_replaced(r->fields[i].text, r->fields[i].n_bytes, b);
        r->fields[i].n_bytes = b->n_bytes - start;
    }
    if (b->failed) return senc_fail_memory(err, b->n_bytes, "a csv record");
    const char *p = senc_buffer_text(b);
    for (int64_t i = 0; i < r->n_fields; i++) {
        r->fields[i].text = p;
        p += r->fields[i].n_bytes;
    }
    return true;
}

/* A record of any width. */
static int read_record(const data_opened *file, data_cursor *cursor, data_record *record, senc_error *err) {
    data_csv_record *r = &record->csv;
    const char *text = file->text.data;
    const int got = data_csv_next(text, file->text.n_bytes, file->csv, file->path, cursor, r, err);
    if (got != 1) return got;
    record->start = (data_cursor){r->offset, r->line};
    const size_t n_bytes = r->end_offset - r->offset, good = data_utf8_check(text + r->offset, n_bytes);
    if (good == n_bytes) return 1;
    if (file->replace_utf8) return replace_fields(record, err) ? 1 : -1;
    data_fail_utf8(file->path, r->line, text + r->offset, n_bytes, good, err);
    return -1;
}

static int csv_next(const data_opened *file, data_cursor *cursor, data_record *record, senc_error *err) {
    const int got = read_record(file, cursor, record, err);
    if (got != 1) return got;
    if (data_csv_check_width(&record->csv, file->text.data, file->n_columns, file->path, err)) return 1;
    const char *other = file->n_columns == 1 ? strpbrk(file->columns[0], ";\t|,") : NULL;
    if (other && *other != file->csv.delimiter && err) { /* the header is divided by something else */
        const size_t n = strlen(err->text);
        snprintf(err->text + n, sizeof err->text - n, "; the header holds %s%.1s%s: is that the delimiter?",
                 *other == '\t' ? "" : "\"", *other == '\t' ? "a" : other, *other == '\t' ? " tab" : "\"");
    }
    return -1;
}

static bool read_format(const data_source *source, char delimiter, bool quoting, data_csv_format *out,
                        senc_error *err) {
    *out = (data_csv_format){delimiter,
                             source->quoting == DATA_QUOTING_AUTO ? quoting : source->quoting == DATA_QUOTING_ON};
    const char *given = source->delimiter;
    if (!given) return true;
    if (strcmp(given, "\\t") == 0) given = "\t";
    if (strlen(given) != 1 || (given[0] & 0x80) || strchr("\"\r\n", given[0])) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: delimiter: expected one ASCII character, got \"%s\"", source->path,
                         given);
    }
    out->delimiter = given[0];
    return true;
}

static bool name_columns(data_opened *out, const data_record *first, senc_error *err) {
    for (int64_t i = 0; i < first->csv.n_fields; i++) {
        const data_csv_field *f = &first->csv.fields[i];
        if (!data_opened_add_column(out, f->text, f->n_bytes, err)) return false;
    }
    return true;
}

static bool number_columns(data_opened *out, int64_t n, senc_error *err) {
    for (int64_t i = 1; i <= n; i++) {
        char number[24];
        const int n_bytes = snprintf(number, sizeof number, "%lld", (long long)i);
        if (!data_opened_add_column(out, number, (size_t)n_bytes, err)) return false;
    }
    return true;
}

/* The first record names the columns. Without a header the rows say how many there are: the first one, unless the next
 * two agree on another number (then the first is reported as the wrong one). */
static bool read_columns(data_opened *out, bool header, senc_error *err) {
    data_record record = {0};
    data_cursor cursor = out->first;
    int64_t widths[3] = {0};
    int n = 0, got = read_record(out, &cursor, &record, err);
    bool ok = got >= 0;
    if (header && got == 1) {
        ok = name_columns(out, &record, err);
        out->first = cursor;
    }
    while (!header && got == 1) {
        widths[n++] = record.csv.n_fields;
        if (n == 3) break;
        got = read_record(out, &cursor, &record, NULL); /* what is wrong further down is reported by the scan */
    }
    if (ok && !header) ok = number_columns(out, n == 3 && widths[1] == widths[2] ? widths[1] : widths[0], err);
    data_record_free(&record);
    return ok;
}

static bool open_file(const data_source *source, bool by_number, char delimiter, bool quoting, data_opened *out,
                      senc_error *err) {
    if (!read_format(source, delimiter, quoting, &out->csv, err)) return false;
    if (!data_opened_open_text(source, out, err)) return false;
    out->first = data_cursor_first(out->text.data, out->text.n_bytes);
    out->has_names = source->header == DATA_HEADER_YES || (source->header == DATA_HEADER_AUTO && !by_number);
    return read_columns(out, out->has_names, err);
}

static bool csv_open(const data_source *source, bool by_number, data_opened *out, senc_error *err) {
    return open_file(source, by_number, ',', true, out, err);
}

static bool tsv_open(const data_source *source, bool by_number, data_opened *out, senc_error *err) {
    return open_file(source, by_number, '\t', false, out, err);
}

static bool csv_field(const data_opened *file, data_record *record, data_column column, data_field *out,
                      senc_error *err) {
    (void)file;
    (void)err;
    const data_csv_field *f = &record->csv.fields[column.index];
    *out = (data_field){.type = DATA_FIELD_TEXT, .text = f->text, .n_bytes = f->n_bytes};
    return true;
}

const data_reader data_reader_csv = {
    .name = "csv",
    .suffixes = " .csv ",
    .help = "comma-separated values (RFC 4180), with or without a header",
    .fixed_columns = true,
    .open = csv_open,
    .next = csv_next,
    .field = csv_field,
};

const data_reader data_reader_tsv = {
    .name = "tsv",
    .suffixes = " .tsv .tab ",
    .help = "tab-separated values, quotes are ordinary characters unless quoting = \"on\"",
    .fixed_columns = true,
    .open = tsv_open,
    .next = csv_next,
    .field = csv_field,
};
