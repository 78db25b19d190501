/* jsonl: one JSON object a line; columns are its members. */
#include <string.h>

#include "data/readers/json_rows.h"

bool data_json_record_ready(data_record *record, senc_error *err) {
    if (!record->pool) record->pool = data_json_pool_create();
    return record->pool || senc_fail_memory(err, 64, "a row");
}

static int jsonl_next(const data_opened *file, data_cursor *cursor, data_record *record, senc_error *err) {
    if (!data_json_record_ready(record, err)) return -1;
    return data_jsonl_next(file->text.data, file->text.n_bytes, file->path, file->replace_utf8, cursor, &record->start,
                           record->pool, &record->scratch, &record->object, err);
}

bool data_json_first_columns(data_opened *out, senc_error *err) {
    out->has_names = true;
    data_record record = {0};
    data_cursor cursor = out->first;
    const int got = out->reader->next(out, &cursor, &record, err);
    bool ok = got >= 0;
    for (const data_json *m = got == 1 ? data_json_first(record.object) : NULL; ok && m; m = data_json_next(m)) {
        size_t n_bytes;
        const char *key = data_json_key(m, &n_bytes);
        ok = data_opened_add_column(out, key, n_bytes, err);
    }
    data_record_free(&record);
    return ok;
}

bool data_json_open(const data_source *source, bool by_number, data_opened *out, senc_error *err) {
    (void)by_number;
    if (!data_opened_open_text(source, out, err)) return false;
    const bool is_array = data_json_array_first(out->text.data, out->text.n_bytes, &out->first);
    if (!is_array) out->first = data_cursor_first(out->text.data, out->text.n_bytes);
    out->reader = data_reader_find(is_array ? "json" : "jsonl");
    return data_json_first_columns(out, err);
}

bool data_json_field(const data_opened *file, data_record *record, data_column column, data_field *out,
                     senc_error *err) {
    (void)file;
    (void)err;
    const data_json *v = data_json_find(record->object, column.name);
    *out = (data_field){0};
    switch (data_json_get_type(v)) {
    case DATA_JSON_NULL:
        out->type = DATA_FIELD_ABSENT;
        break;
    case DATA_JSON_BOOL:
        out->type = DATA_FIELD_BOOL;
        out->integer = data_json_bool(v);
        out->number = (double)out->integer;
        break;
    case DATA_JSON_INTEGER:
    case DATA_JSON_NUMBER:
        out->type = DATA_FIELD_NUMBER;
        out->is_integer = data_json_get_type(v) == DATA_JSON_INTEGER;
        out->integer = data_json_integer(v);
        out->number = data_json_number(v);
        break;
    case DATA_JSON_STRING:
        out->type = DATA_FIELD_TEXT;
        out->text = data_json_text(v, &out->n_bytes);
        break;
    case DATA_JSON_ARRAY:
        out->type = DATA_FIELD_LIST;
        out->list = v;
        break;
    case DATA_JSON_OBJECT:
        out->type = DATA_FIELD_OBJECT;
        break;
    }
    return true;
}

const data_reader data_reader_jsonl = {
    .name = "jsonl",
    .suffixes = " .jsonl .ndjson ",
    .help = "one JSON object a line",
    .open = data_json_open,
    .next = jsonl_next,
    .field = data_json_field,
};
