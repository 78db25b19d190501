/* Rows of a text: one JSON object a line (JSON Lines), the objects of one JSON array, or one text a line. */
#ifndef DATA_JSONL_H
#define DATA_JSONL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "data/formats/json.h"

/* A place to read at: byte offset, and the number of the line that starts there. */
typedef struct data_cursor {
    uint64_t offset;
    int64_t line;
} data_cursor;

/* The first line: behind a byte order mark, line 1. */
data_cursor data_cursor_first(const char *text, size_t n_bytes);

/* The next line without its end (LF or CRLF); false at the end. The text behind the last LF is a line unless it is
 * empty. *cursor moves behind the line. */
bool data_line_next(const char *text, size_t n_bytes, data_cursor *cursor, const char **line, size_t *line_bytes);

/* "path:line:column: ill-formed UTF-8 (byte 0xff)", column in bytes from 1, for the bad byte at text[bad]; `line` is
 * the number of the line that text[0] begins. Text that looks like one of the encodings of Western Europe names the
 * command that converts the file. Returns false. */
bool data_fail_utf8(const char *place, int64_t line, const char *text, size_t n_bytes, size_t bad, senc_error *err);

/* The next line that is not blank, parsed as a JSON object. Returns 1, 0 at the end, -1 on failure. *start is the place
 * of the row. replace_utf8: ill-formed UTF-8 becomes U+FFFD (through scratch) instead of an error. The object lives
 * until the next parse in the pool. */
int data_jsonl_next(const char *text, size_t n_bytes, const char *place, bool replace_utf8, data_cursor *cursor,
                    data_cursor *start, data_json_pool *pool, senc_buffer *scratch, const data_json **object,
                    senc_error *err);

/* The same for the objects of an array, which may stand on any lines. The cursor before the first row stands behind the
 * '[' (data_json_array_first); *end is behind the object. An array that never ends, a comma too many and text behind it
 * are failures. */
int data_json_array_next(const char *text, size_t n_bytes, const char *place, bool replace_utf8, data_cursor *cursor,
                         data_cursor *start, size_t *end, data_json_pool *pool, senc_buffer *scratch,
                         const data_json **object, senc_error *err);
/* Whether the text's first character that is no white space is '['; then *first is behind it. */
bool data_json_array_first(const char *text, size_t n_bytes, data_cursor *first);

#endif
