/* Fuzz target: JSON lines, and arrays of objects. Whatever the bytes are, a row is refused with one line of text, or is
 * an object whose written form reads back and is written the same. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"
#include "data/formats/jsonl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void check_writes_back(const data_json *row) {
    for (int indent = 0; indent <= 2; indent += 2) {
        senc_buffer once = {0}, twice = {0};
        data_json *again;
        senc_error err = {0};
        SENC_ASSERT(data_json_dump(row, indent, &once), "indent %d", indent);
        SENC_ASSERT(data_json_parse(once.data, once.n_bytes, "again", &again, &err), "%s", err.text);
        SENC_ASSERT(data_json_dump(again, indent, &twice), "indent %d", indent);
        SENC_ASSERT(once.n_bytes == twice.n_bytes && memcmp(once.data, twice.data, once.n_bytes) == 0, "%s\n%s",
                    once.data, twice.data);
        data_json_free(again);
        senc_buffer_free(&once);
        senc_buffer_free(&twice);
    }
}

static void read_all(const char *text, size_t n_bytes, bool replace_utf8) {
    data_json_pool *pool = data_json_pool_create();
    senc_buffer scratch = {0};
    data_cursor cursor = data_cursor_first(text, n_bytes), start;
    const data_json *row;
    senc_error err = {0};
    int got;
    SENC_ASSERT(pool, "%zu bytes", n_bytes);
    while ((got = data_jsonl_next(text, n_bytes, "fuzz", replace_utf8, &cursor, &start, pool, &scratch, &row, &err)) ==
           1) {
        SENC_ASSERT(cursor.offset > start.offset && cursor.offset <= n_bytes, "%zu", (size_t)cursor.offset);
        check_writes_back(row);
    }
    SENC_ASSERT((got < 0) == (err.kind != SENC_OK) && !strchr(err.text, '\n'), "%s", err.text);
    senc_buffer_free(&scratch);
    data_json_pool_free(pool);
}

/* Every object of an array is found again at its own place. */
static void read_array(const char *text, size_t n_bytes, bool replace_utf8) {
    data_cursor cursor, start;
    if (!data_json_array_first(text, n_bytes, &cursor)) return;
    data_json_pool *pool = data_json_pool_create();
    senc_buffer scratch = {0};
    const data_json *row;
    senc_error err = {0};
    size_t end;
    int got;
    SENC_ASSERT(pool, "%zu bytes", n_bytes);
    while ((got = data_json_array_next(text, n_bytes, "fuzz", replace_utf8, &cursor, &start, &end, pool, &scratch, &row,
                                       &err)) == 1) {
        SENC_ASSERT(text[start.offset] == '{' && text[end - 1] == '}' && end <= cursor.offset, "%zu", end);
        SENC_ASSERT(data_json_get_type(row) == DATA_JSON_OBJECT, "%zu", (size_t)start.offset);
        check_writes_back(row);
        data_cursor again = start, place;
        SENC_ASSERT(data_json_array_next(text, n_bytes, "fuzz", replace_utf8, &again, &place, &end, pool, &scratch,
                                         &row, &err) == 1 &&
                        place.offset == start.offset && again.offset == cursor.offset && again.line == cursor.line,
                    "%zu", (size_t)start.offset);
    }
    SENC_ASSERT((got < 0) == (err.kind != SENC_OK) && !strchr(err.text, '\n'), "%s", err.text);
    senc_buffer_free(&scratch);
    data_json_pool_free(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
    read_array((const char *)data, n_bytes, false);
    read_array((const char *)data, n_bytes, true);
    read_all((const char *)data, n_bytes, false);
    read_all((const char *)data, n_bytes, true);
    return 0;
}
