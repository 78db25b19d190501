/* Ids of texts: see text_ids.h. */
#include "cli/text_ids.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "cli/column_argument.h"
#include "data/readers/readers.h"

struct cli_text_ids {
    data_opened file;
    data_record record;
    data_cursor cursor;
    data_column column, text;
    bool skips_empty; /* rows whose text is empty have no id */
    int64_t limit;    /* of the input; 0: none */
    int64_t line;     /* of the last id */
    char digits[32];
};

/* By its name, or by its number from 1. */
static bool find_column(const cli_text_ids *ids, const char *name, data_column *out) {
    const data_column_map map = cli_column_map("id", name);
    for (int64_t i = 0; i < ids->file.n_columns; i++) {
        if (map.name ? strcmp(ids->file.columns[i], name) != 0 : i + 1 != map.number) continue;
        *out = (data_column){ids->file.columns[i], i};
        return true;
    }
    return false;
}

bool cli_input_check(const char *flag, const char *path, senc_error *err) {
    if (!senc_path_exists(path) || senc_path_is_file(path) || senc_path_is_folder(path)) return true;
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s%s: expected a file, found a pipe or a device, which can be read only once", flag, path);
}

bool cli_input_open(const char *path, const cli_table_flags *table, const char *column, data_opened *out,
                    senc_error *err) {
    *out = (data_opened){0};
    char *file = senc_path_is_folder(path) ? data_path_find_packed(path, "corpus.jsonl") : senc_strdup(path);
    if (!file) return senc_fail_memory(err, strlen(path), "a path");
    const data_source source = cli_table_source(table, file);
    out->reader = data_reader_choose(&source, err);
    out->replace_utf8 = table->on_bad_utf8 == DATA_BAD_UTF8_REPLACE;
    out->path = out->reader ? senc_strdup(file) : NULL;
    if (out->reader && !out->path) senc_fail_memory(err, strlen(path), "a path");
    const bool by_number = column && !cli_column_map("text", column).name;
    const bool ok = out->path && out->reader->open(&source, by_number, out, err);
    free(file);
    return ok;
}

/* *found false: the input has no ids. */
static bool open_ids(cli_text_ids *ids, const char *input, const cli_text_options *options, const char *column,
                     const char *ids_path, bool *found, senc_error *err) {
    *found = false;
    const cli_table_flags lines = {.format = "txt", .on_bad_utf8 = options->table->on_bad_utf8};
    if (!cli_input_open(ids_path ? ids_path : input, ids_path ? &lines : options->table,
                        ids_path ? NULL : options->column, &ids->file, err))
        return false;
    ids->cursor = ids->file.first;
    ids->limit = options->table->limit;
    if (ids_path) {
        *found = true;
        ids->column = (data_column){"text", 0};
        return true;
    }
    ids->skips_empty = options->table->on_empty == CLI_EMPTY_SKIP;
    if (ids->skips_empty && !find_column(ids, options->column ? options->column : "text", &ids->text)) return true;
    *found = column ? find_column(ids, column, &ids->column)
                    : find_column(ids, "_id", &ids->column) || find_column(ids, "id", &ids->column);
    return *found || !column ||
           senc_fail(err, SENC_BAD_INPUT, "%s: no column \"%s\" for ids (--id-column)", input, column);
}

static bool fail_id(const cli_text_ids *ids, const char *what, senc_error *err) {
    return senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ": expected an id in \"%s\", found %s", ids->file.path,
                     ids->record.start.line, ids->column.name, what);
}

/* The next record that is one of the texts: 1, 0 at the end, -1 on failure. */
static int next_record(cli_text_ids *ids, senc_error *err) {
    const data_reader *reader = ids->file.reader;
    for (;;) {
        const int status = reader->next(&ids->file, &ids->cursor, &ids->record, err);
        if (status <= 0 || !ids->skips_empty) return status;
        data_field field;
        if (!reader->field(&ids->file, &ids->record, ids->text, &field, err)) return -1;
        const eval_text text = {field.text, (int64_t)field.n_bytes};
        if (field.type != DATA_FIELD_ABSENT && (field.type != DATA_FIELD_TEXT || !eval_text_is_blank(&text))) return 1;
    }
}

bool cli_text_ids_next(cli_text_ids *ids, eval_text *id, senc_error *err) {
    const data_reader *reader = ids->file.reader;
    const int status = next_record(ids, err);
    if (status == 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected an id for each text, found fewer", ids->file.path);
    data_field field;
    if (status < 0 || !reader->field(&ids->file, &ids->record, ids->column, &field, err)) return false;
    *id = (eval_text){field.text, (int64_t)field.n_bytes};
    if (field.type == DATA_FIELD_NUMBER && field.is_integer) {
        const int n = snprintf(ids->digits, sizeof ids->digits, "%" PRId64, field.integer);
        *id = (eval_text){ids->digits, n};
    } else if (field.type != DATA_FIELD_TEXT) {
        return fail_id(ids, field.type == DATA_FIELD_ABSENT ? "none" : "neither a text nor an integer", err);
    }
    if (id->n_bytes == 0) return fail_id(ids, "an empty one", err);
    return !memchr(id->bytes, '\n', (size_t)id->n_bytes) || fail_id(ids, "a newline", err);
}

/* Every id, before anything is encoded; then stands at the first again. */
static bool check_all(cli_text_ids *ids, int64_t n_texts, senc_error *err) {
    int64_t n = 0;
    eval_text id;
    while (n < n_texts && ids->cursor.offset < ids->file.text.n_bytes && cli_text_ids_next(ids, &id, err)) n++;
    if (err->kind != SENC_OK) return false;
    const int rest = ids->limit > 0 ? 0 : next_record(ids, err);
    if (rest < 0) return false;
    const bool more = rest > 0;
    if (n != n_texts || more)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected %lld ids, one for each text, found %s", ids->file.path,
                         (long long)n_texts, more ? "more" : "fewer");
    ids->cursor = ids->file.first;
    return true;
}

bool cli_text_ids_open(const char *input, const cli_text_options *options, const char *column, const char *ids_path,
                       int64_t n_texts, cli_text_ids **out, senc_error *err) {
    *out = NULL;
    if (ids_path && options->table->on_empty == CLI_EMPTY_SKIP)
        return senc_fail(err, SENC_BAD_INPUT,
                         "--ids: expected a column of ids (--id-column) with --on-empty skip, which leaves rows out");
    if (strcmp(input, "-") == 0) {
        if (!column && !ids_path) return true;
        return senc_fail(err, SENC_BAD_INPUT, "--input -: lines of standard input have no ids");
    }
    cli_text_ids *ids = senc_alloc_zero(1, sizeof *ids);
    if (!ids) return senc_fail_memory(err, sizeof *ids, "ids");
    bool found = false;
    const bool ok =
        open_ids(ids, input, options, column, ids_path, &found, err) && (!found || check_all(ids, n_texts, err));
    if (ok && found)
        *out = ids;
    else
        cli_text_ids_close(ids);
    return ok;
}

void cli_text_ids_close(cli_text_ids *ids) {
    if (!ids) return;
    data_record_free(&ids->record);
    data_opened_close(&ids->file);
    free(ids);
}

bool cli_text_ids_save(cli_text_ids *ids, const char *vectors_path, int64_t n_texts, senc_error *err) {
    senc_buffer path = {0};
    senc_buffer_printf(&path, "%s.ids.txt", vectors_path);
    if (path.failed) return senc_fail_memory(err, path.n_bytes, "a path");
    senc_file_writer w = {0};
    bool ok = senc_file_writer_open_output(&w, senc_buffer_text(&path), true, err);
    for (int64_t i = 0; ok && i < n_texts; i++) {
        eval_text id = {0};
        ok = cli_text_ids_next(ids, &id, err);
        if (ok &&
            (fwrite(id.bytes, 1, (size_t)id.n_bytes, w.stream) != (size_t)id.n_bytes || fputc('\n', w.stream) < 0))
            ok = senc_fail_errno(err, "%s: cannot write", w.path);
    }
    ok = ok && senc_file_writer_commit(&w, err);
    senc_file_writer_close(&w);
    senc_buffer_free(&path);
    return ok;
}
