/* Fuzz target: csv records. Whatever the bytes are, every record's fields lie inside the record or its scratch, the
 * cursor goes forward, and fields written back with quotes are read as the same fields. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"
#include "data/formats/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void write_record(const data_csv_record *r, senc_buffer *out) {
    for (int64_t i = 0; i < r->n_fields; i++) {
        senc_buffer_append(out, i ? ",\"" : "\"", i ? 2 : 1);
        for (size_t k = 0; k < r->fields[i].n_bytes; k++) {
            if (r->fields[i].text[k] == '"') senc_buffer_append(out, "\"", 1);
            senc_buffer_append(out, r->fields[i].text + k, 1);
        }
        senc_buffer_append(out, "\"", 1);
    }
    senc_buffer_append(out, "\n", 1);
    SENC_ASSERT(!out->failed, "%zu bytes", out->n_bytes);
}

static void check_same(const data_csv_record *a, const data_csv_record *b) {
    SENC_ASSERT(a->n_fields == b->n_fields, "%lld fields, then %lld", (long long)a->n_fields, (long long)b->n_fields);
    for (int64_t i = 0; i < a->n_fields; i++) {
        SENC_ASSERT(a->fields[i].n_bytes == b->fields[i].n_bytes, "field %lld", (long long)i);
        SENC_ASSERT(memcmp(a->fields[i].text, b->fields[i].text, a->fields[i].n_bytes) == 0, "field %lld",
                    (long long)i);
    }
}

static void read_all(const char *text, size_t n_bytes, data_csv_format format) {
    data_csv_record r = {0}, again = {0};
    data_cursor cursor = data_cursor_first(text, n_bytes);
    senc_error err = {0};
    int got;
    uint64_t last = 0;
    while ((got = data_csv_next(text, n_bytes, format, "fuzz", &cursor, &r, &err)) == 1) {
        SENC_ASSERT(cursor.offset > last && cursor.offset <= n_bytes, "%zu", (size_t)cursor.offset);
        last = cursor.offset;
        senc_buffer written = {0};
        write_record(&r, &written);
        data_cursor start = {0, 1};
        got = data_csv_next(written.data, written.n_bytes, (data_csv_format){',', true}, "again", &start, &again, &err);
        SENC_ASSERT(got == 1 && start.offset == written.n_bytes, "%s", err.text);
        check_same(&r, &again);
        senc_buffer_free(&written);
    }
    SENC_ASSERT((got < 0) == (err.kind != SENC_OK), "%s", err.text);
    data_csv_record_free(&r);
    data_csv_record_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
    read_all((const char *)data, n_bytes, (data_csv_format){',', true});
    read_all((const char *)data, n_bytes, (data_csv_format){'\t', false});
    return 0;
}
