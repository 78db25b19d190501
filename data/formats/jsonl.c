/* Lines and JSON Lines: see jsonl.h. */
#include "data/formats/jsonl.h"

#include <inttypes.h>
#include <string.h>

#include "data/formats/utf8.h"

data_cursor data_cursor_first(const char *text, size_t n_bytes) {
    const bool mark = n_bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0;
    return (data_cursor){mark ? 3 : 0, 1};
}

bool data_line_next(const char *text, size_t n_bytes, data_cursor *cursor, const char **line, size_t *line_bytes) {
    if (cursor->offset >= n_bytes) return false;
    *line = text + cursor->offset;
    const size_t left = n_bytes - cursor->offset;
    const char *end = memchr(*line, '\n', left);
    size_t n = end ? (size_t)(end - *line) : left;
    cursor->offset += end ? n + 1 : n;
    cursor->line++;
    if (n > 0 && (*line)[n - 1] == '\r') n--;
    *line_bytes = n;
    return true;
}

bool data_fail_utf8(const char *place, int64_t line, const char *text, size_t bad, senc_error *err) {
    const char *start = text, *at = text + bad;
    for (const char *p = text; p < at && (p = memchr(p, '\n', (size_t)(at - p))); p++) {
        line++;
        start = p + 1;
    }
    const uint8_t byte = (uint8_t)*at;
    const bool mark = line == 1 && at == start && (byte == 0xff || byte == 0xfe);
    return senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ":%" PRId64 ": ill-formed UTF-8 (byte 0x%02x)%s", place, line,
                     (int64_t)(at - start) + 1, byte, mark ? "; the file looks like UTF-16, convert it to UTF-8" : "");
}

static bool is_blank(const char *line, size_t n_bytes) {
    for (size_t i = 0; i < n_bytes; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') return false;
    }
    return true;
}

int data_jsonl_next(const char *text, size_t n_bytes, const char *place, bool replace_utf8, data_cursor *cursor,
                    data_cursor *start, data_json_pool *pool, senc_buffer *scratch, const data_json **object,
                    senc_error *err) {
    const char *line;
    size_t line_bytes;
    do {
        *start = *cursor;
        if (!data_line_next(text, n_bytes, cursor, &line, &line_bytes)) return 0;
    } while (is_blank(line, line_bytes));
    const size_t good = data_utf8_check(line, line_bytes);
    if (good < line_bytes) {
        if (!replace_utf8) {
            data_fail_utf8(place, start->line, line, good, err);
            return -1;
        }
        senc_buffer_clear(scratch);
        data_utf8_append_replaced(line, line_bytes, scratch);
        if (scratch->failed) {
            senc_fail_memory(err, line_bytes, "a line");
            return -1;
        }
        line = scratch->data;
        line_bytes = scratch->n_bytes;
    }
    if (!data_json_parse_in(pool, line, line_bytes, place, start->line, replace_utf8, object, err)) return -1;
    if (data_json_get_type(*object) == DATA_JSON_OBJECT) return 1;
    senc_fail(err, SENC_BAD_INPUT, "%s:%" PRId64 ":1: expected an object {...}, found %s", place, start->line,
              data_json_type_name(data_json_get_type(*object)));
    return -1;
}
