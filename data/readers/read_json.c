/* json: the objects of one JSON array, on any lines; columns are their members. */
#include "data/readers/json_rows.h"

static int json_next(const data_opened *file, data_cursor *cursor, data_record *record, senc_error *err) {
    if (!data_json_record_ready(record, err)) return -1;
    return data_json_array_next(file->text.data, file->text.n_bytes, file->path, file->replace_utf8, cursor,
                                &record->start, &record->end_offset, record->pool, &record->scratch, &record->object,
                                err);
}

const data_reader data_reader_json = {
    .name = "json",
    .suffixes = " .json ",
    .help = "one JSON array of objects; a .json with an object a line is read as jsonl, and the other way round",
    .open = data_json_open,
    .next = json_next,
    .field = data_json_field,
};
