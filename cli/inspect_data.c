/* Inspecting data: see inspect_data.h. */
#include "cli/inspect_data.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/terminal.h"
#include "cli/column_argument.h"
#include "cli/model_argument.h"
#include "cli/text_ids.h"
#include "data/beir_findings.h"
#include "data/pairs.h"

#define MOST_COMPARED ((int64_t)20000000) /* rows, of 24 bytes each; of a larger file the rest is not compared */
#define SHOWN_LINES   5

/* What the rows hold in one column. */
typedef struct column_count {
    int64_t n_texts, n_numbers, n_others, n_empty, n_bytes, longest;
    int64_t n_lists, shortest_list, longest_list;
} column_count;

static void count_field(const data_field *field, column_count *count) {
    if (field->type == DATA_FIELD_NUMBER)
        count->n_numbers++;
    else if (field->type != DATA_FIELD_TEXT && field->type != DATA_FIELD_ABSENT)
        count->n_others++;
    if (field->type == DATA_FIELD_LIST) {
        const int64_t n = data_json_count(field->list);
        if (count->n_lists == 0 || n < count->shortest_list) count->shortest_list = n;
        if (n > count->longest_list) count->longest_list = n;
        count->n_lists++;
    }
    if (field->type != DATA_FIELD_TEXT) return;
    count->n_texts++;
    count->n_empty += field->n_bytes == 0;
    count->n_bytes += (int64_t)field->n_bytes;
    if ((int64_t)field->n_bytes > count->longest) count->longest = (int64_t)field->n_bytes;
}

/* What a row says, for comparing rows. */
typedef struct row_content {
    uint64_t texts, labels; /* hashes */
    int64_t line;
} row_content;

typedef struct data_inspection {
    const cli_inspect_flags *flags;
    bool compares;
    data_opened file;
    column_count *counts; /* (file.n_columns) */
    int64_t n_rows, n_left_out;
    row_content *rows; /* (n_compared) */
    int64_t n_compared, capacity;
} data_inspection;

/* ---- reading ---- */

enum { TEXTS, LABEL, ID };

/* What a column is for a comparison of rows: numbers of rows and ids make every row another one. */
static int kind_of(const char *column) {
    static const char *const labels[] = {"label",     "labels",     "score",       "similarity",
                                         "relevance", "gold_label", "is_duplicate"};
    static const char *const ids[] = {"", "id", "_id", "index", "idx", "qid", "Unnamed: 0"};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (strcasecmp(column, labels[i]) == 0) return LABEL;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (strcasecmp(column, ids[i]) == 0) return ID;
    return TEXTS;
}

static uint64_t hash_json(const data_json *v) {
    senc_buffer text = {0};
    data_json_dump(v, 0, &text);
    const uint64_t h = data_text_hash(senc_buffer_text(&text), text.n_bytes);
    senc_buffer_free(&text);
    return h;
}

static uint64_t hash_field(const data_field *field, int64_t column) {
    uint64_t h = 0, bits = 0;
    if (field->type == DATA_FIELD_TEXT) h = data_text_hash(field->text, field->n_bytes);
    if (field->type == DATA_FIELD_LIST) h = hash_json(field->list);
    if (field->type == DATA_FIELD_NUMBER || field->type == DATA_FIELD_BOOL) {
        memcpy(&bits, &field->number, sizeof bits);
        h = senc_rng_mix(bits);
    }
    return field->type == DATA_FIELD_ABSENT ? 0 : senc_rng_mix(h + (uint64_t)column);
}

static bool add_content(data_inspection *d, row_content content, senc_error *err) {
    if (!d->compares || d->n_compared == MOST_COMPARED) return true;
    if (d->n_compared == d->capacity) {
        const int64_t capacity = d->capacity ? 2 * d->capacity : 1024;
        row_content *grown = senc_realloc(d->rows, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "the rows");
        d->rows = grown;
        d->capacity = capacity;
    }
    d->rows[d->n_compared++] = content;
    return true;
}

/* Whether the row has an empty text, in --column or in any column. */
static bool has_empty_text(const data_inspection *d, data_record *record, int64_t *column, bool *ok, senc_error *err) {
    const char *wanted = d->flags->column;
    const data_column_map map = cli_column_map("text", wanted ? wanted : "");
    for (*column = 0; *column < d->file.n_columns; ++*column) {
        data_field field;
        const char *name = d->file.columns[*column];
        if (wanted && (map.name ? strcmp(name, map.name) != 0 : *column + 1 != map.number)) continue;
        *ok = d->file.reader->field(&d->file, record, (data_column){name, *column}, &field, err);
        if (!*ok) return false;
        const eval_text text = {field.text, (int64_t)field.n_bytes};
        if (field.type == DATA_FIELD_ABSENT ? wanted != NULL
                                            : field.type == DATA_FIELD_TEXT && eval_text_is_blank(&text))
            return true;
    }
    return false;
}

/* *left_out: by --on-empty. */
static bool check_empty(data_inspection *d, data_record *record, bool *left_out, senc_error *err) {
    const int rule = d->flags->table.on_empty;
    int64_t column;
    bool ok = true;
    *left_out = rule != CLI_EMPTY_KEEP && has_empty_text(d, record, &column, &ok, err);
    if (!ok) return false;
    if (*left_out && rule == CLI_EMPTY_ERROR)
        return senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ": field \"%s\" is empty", d->file.path, record->start.line,
                         d->file.columns[column]);
    d->n_left_out += *left_out;
    return true;
}

static bool count_row(data_inspection *d, data_record *record, senc_error *err) {
    row_content content = {.line = record->start.line};
    bool left_out;
    if (!check_empty(d, record, &left_out, err)) return false;
    if (left_out) return true;
    for (int64_t c = 0; c < d->file.n_columns; c++) {
        data_field field;
        if (!d->file.reader->field(&d->file, record, (data_column){d->file.columns[c], c}, &field, err)) return false;
        count_field(&field, &d->counts[c]);
        const int kind = d->compares ? kind_of(d->file.columns[c]) : ID;
        if (kind == TEXTS) content.texts += hash_field(&field, c);
        if (kind == LABEL) content.labels += hash_field(&field, c);
    }
    d->n_rows++;
    return add_content(d, content, err);
}

static bool count_rows(data_inspection *d, senc_error *err) {
    const int64_t limit = d->flags->table.limit;
    data_record record = {0};
    data_cursor cursor = d->file.first;
    int status;
    bool ok = true;
    while (ok && (limit == 0 || d->n_rows < limit) &&
           (status = d->file.reader->next(&d->file, &cursor, &record, err)) != 0)
        ok = status > 0 && count_row(d, &record, err);
    data_record_free(&record);
    return ok;
}

/* ---- showing ---- */

static void append_columns(const data_inspection *d, senc_buffer *out) {
    const data_opened *file = &d->file;
    const int64_t n_rows = d->n_rows;
    static const char *const head[] = {"column", "texts",  "empty",      "numbers",
                                       "others", "absent", "mean bytes", "longest"};
    char text[32];
    senc_buffer_printf(out, "%s: %s, %s rows\n", file->path, file->reader->name,
                       cli_count_text(n_rows, text, sizeof text));
    senc_grid grid;
    senc_grid_init(&grid, "lrrrrrrr");
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t c = 0; c < file->n_columns; c++) {
        const column_count *k = &d->counts[c];
        const int64_t values[] = {k->n_texts,
                                  k->n_empty,
                                  k->n_numbers,
                                  k->n_others,
                                  n_rows - k->n_texts - k->n_numbers - k->n_others,
                                  k->n_texts ? k->n_bytes / k->n_texts : 0,
                                  k->longest};
        senc_buffer name = {0};
        senc_text_append(&name, file->columns[c], (int64_t)strlen(file->columns[c]), 20);
        senc_grid_add(&grid, "%s", senc_buffer_text(&name));
        senc_buffer_free(&name);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
            senc_grid_add(&grid, "%s", cli_count_text(values[i], text, sizeof text));
    }
    senc_grid_print(&grid, 2, 80, out);
    senc_grid_free(&grid);
}

/* "  what" as a paragraph. */
__attribute__((format(printf, 2, 3))) static void append_line(senc_buffer *out, const char *fmt, ...) {
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    senc_buffer_append_text(out, "  ");
    senc_text_wrap(out, text, 2, 4, 80);
}

/* "negative: in 1 of 2 rows", "pos: lists of 1 to 2 items in 2 rows" */
static void append_partial_columns(const data_inspection *d, senc_buffer *out) {
    for (int64_t c = 0; c < d->file.n_columns; c++) {
        const column_count *k = &d->counts[c];
        const int64_t n = k->n_texts + k->n_numbers + k->n_others;
        senc_buffer name = {0};
        senc_text_append(&name, d->file.columns[c], (int64_t)strlen(d->file.columns[c]), 40);
        if (n < d->n_rows)
            append_line(out, "%s: in %" PRId64 " of %" PRId64 " rows", senc_buffer_text(&name), n, d->n_rows);
        if (k->n_lists > 0)
            append_line(out, "%s: lists of %" PRId64 " to %" PRId64 " items in %" PRId64 " rows",
                        senc_buffer_text(&name), k->shortest_list, k->longest_list, k->n_lists);
        senc_buffer_free(&name);
    }
}

static int by_content(const void *a, const void *b) {
    const row_content *x = a, *y = b;
    if (x->texts != y->texts) return x->texts < y->texts ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static int by_line(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* "what: 7, lines 3, 9, ...": lines (n) are sorted. */
static void append_lines(const char *what, int64_t *lines, int64_t n, senc_buffer *out) {
    if (n == 0) return;
    senc_buffer shown = {0};
    qsort(lines, (size_t)n, sizeof *lines, by_line);
    for (int64_t i = 0; i < n && i < SHOWN_LINES; i++)
        senc_buffer_printf(&shown, "%s %" PRId64, i ? "," : "", lines[i]);
    append_line(out, "%s: %" PRId64 ", line%s%s%s", what, n, n == 1 ? "" : "s", senc_buffer_text(&shown),
                n > SHOWN_LINES ? ", ..." : "");
    senc_buffer_free(&shown);
}

/* Rows that say what an earlier one says, with the same label or with another. */
static bool append_equal_rows(data_inspection *d, senc_buffer *out, senc_error *err) {
    if (d->n_compared == 0) return true;
    int64_t *lines = senc_alloc(2 * (size_t)d->n_compared, sizeof *lines);
    if (!lines) return senc_fail_memory(err, 16 * (size_t)d->n_compared, "the rows");
    int64_t *others = lines + d->n_compared, n_lines = 0, n_others = 0;
    qsort(d->rows, (size_t)d->n_compared, sizeof *d->rows, by_content);
    for (int64_t i = 0, first = 0; i < d->n_compared; i++) {
        if (d->rows[i].texts != d->rows[first].texts) first = i;
        if (i == first) continue;
        if (d->rows[i].labels == d->rows[first].labels)
            lines[n_lines++] = d->rows[i].line;
        else
            others[n_others++] = d->rows[i].line;
    }
    append_lines("rows that say the same as an earlier one", lines, n_lines, out);
    append_lines("rows with the texts of an earlier one and another label", others, n_others, out);
    free(lines);
    return true;
}

static bool inspect_file(const char *path, const cli_inspect_flags *flags, bool compares, senc_buffer *out,
                         senc_error *err) {
    data_inspection d = {.flags = flags, .compares = compares};
    bool ok = cli_input_open(path, &flags->table, flags->column, &d.file, err) && data_opened_all_columns(&d.file, err);
    d.counts = ok ? senc_alloc_zero((size_t)d.file.n_columns, sizeof *d.counts) : NULL;
    if (ok && !d.counts) ok = senc_fail_memory(err, (size_t)d.file.n_columns * sizeof *d.counts, "columns");
    ok = ok && count_rows(&d, err);
    if (ok) {
        append_columns(&d, out);
        append_partial_columns(&d, out);
        if (d.n_left_out) append_line(out, "rows with an empty text, left out: %" PRId64, d.n_left_out);
        ok = append_equal_rows(&d, out, err);
    }
    free(d.counts);
    free(d.rows);
    data_opened_close(&d.file);
    return ok;
}

bool cli_inspect_data(const char *path, const cli_inspect_flags *flags, senc_buffer *out, senc_error *err) {
    return inspect_file(path, flags, true, out, err);
}

/* ---- BEIR folders ---- */

/* Long lines of examples go on below, indented. */
static void append_findings(const senc_buffer *lines, senc_buffer *out) {
    const char *at = senc_buffer_text(lines);
    for (const char *end; (end = strchr(at, '\n')); at = end + 1) {
        char *line = senc_strndup(at, (size_t)(end - at));
        const int64_t indent = line && line[0] == ' ' ? 2 : 0;
        if (indent) senc_buffer_append_text(out, "  ");
        senc_text_wrap(out, line ? line + indent : "", indent, indent + 2, 80);
        out->failed = out->failed || !line;
        free(line);
    }
}

static bool inspect_part(const char *folder, const char *name, const cli_inspect_flags *flags,
                         const senc_buffer *findings, senc_buffer *out, senc_error *err) {
    char *path = data_path_find_packed(folder, name);
    if (!path)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected a model folder or a BEIR folder, found no %s", folder,
                         name);
    const bool ok = inspect_file(path, flags, false, out, err);
    if (ok) append_findings(findings, out);
    free(path);
    return ok;
}

bool cli_inspect_beir(const char *folder, const cli_inspect_flags *flags, senc_buffer *out, senc_error *err) {
    const cli_inspect_flags whole = {.table.on_bad_utf8 = flags->table.on_bad_utf8};
    data_beir_findings f;
    if (!data_beir_find(folder, flags->table.on_bad_utf8 == DATA_BAD_UTF8_REPLACE, &f, err)) return false;
    bool ok = inspect_part(folder, "corpus.jsonl", &whole, &f.corpus, out, err) &&
              inspect_part(folder, "queries.jsonl", &whole, &f.queries, out, err);
    if (ok) append_findings(&f.judgements, out);
    if (ok && f.n_refused > 0)
        ok = senc_fail(
            err, SENC_BAD_INPUT,
            "%s: expected ids that stand once and judgements that agree; senc eval and train refuse this folder",
            folder);
    data_beir_findings_free(&f);
    return ok;
}
