/* txt: one text a line, column "text". Every line is a row, also an empty one, so that line i of parallel files agrees.
 */
#include "data/readers/readers.h"

#include "autograd/base/memory.h"
#include "data/formats/utf8.h"

static bool txt_open(const data_source *source, bool by_number, data_opened *out, senc_error *err) {
    (void)by_number; /* columns = { text = 1 } means the same */
    if (!data_opened_open_text(source, out, err)) return false;
    out->first = data_cursor_first(out->text.data, out->text.n_bytes);
    out->has_names = true;
    return data_opened_add_column(out, "text", 4, err);
}

static int txt_next(const data_opened *file, data_cursor *cursor, data_record *record, senc_error *err) {
    record->start = *cursor;
    if (!data_line_next(file->text.data, file->text.n_bytes, cursor, &record->line, &record->line_bytes)) return 0;
    const size_t good = data_utf8_check(record->line, record->line_bytes);
    if (good == record->line_bytes) return 1;
    if (!file->replace_utf8) {
        data_fail_utf8(file->path, record->start.line, record->line, record->line_bytes, good, err);
        return -1;
    }
    senc_buffer_clear(&record->scratch);
    data_utf8_append_replaced(record->line, record->line_bytes, &record->scratch);
    if (record->scratch.failed) {
        senc_fail_memory(err, record->line_bytes, "a line");
        return -1;
    }
    record->line = record->scratch.data;
    record->line_bytes = record->scratch.n_bytes;
    return 1;
}

static bool txt_field(const data_opened *file, data_record *record, data_column column, data_field *out,
                      senc_error *err) {
    (void)file;
    (void)column;
    (void)err;
    *out = (data_field){.type = DATA_FIELD_TEXT, .text = record->line, .n_bytes = record->line_bytes};
    return true;
}

const data_reader data_reader_txt = {
    .name = "txt",
    .suffixes = " .txt ",
    .help = "one text a line",
    .fixed_columns = true,
    .open = txt_open,
    .next = txt_next,
    .field = txt_field,
};
