/* CSV (RFC 4180) and TSV records. Quoted fields may hold delimiters, newlines and doubled quotes. With quoting off a
 * field is the text between delimiters as it stands. Records end with LF, CRLF or the end of the text; empty lines are
 * skipped. */
#ifndef DATA_CSV_H
#define DATA_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"
#include "data/formats/jsonl.h"

typedef struct data_csv_format {
    char delimiter;
    bool quoting;
} data_csv_format;

/* A field: its text points into the file, or into the record's scratch when it had doubled quotes. */
typedef struct data_csv_field {
    const char *text;
    size_t n_bytes;
    size_t offset; /* of the field's first byte (its quote, if any) in the file */
} data_csv_field;

/* {0} is empty; used again for every record. */
typedef struct data_csv_record {
    data_csv_field *fields;
    int64_t n_fields, capacity;
    senc_buffer scratch;
    size_t offset, end_offset; /* of the record in the file, without its line end */
    int64_t line;              /* where it starts */
} data_csv_record;

void data_csv_record_free(data_csv_record *r);

/* The record at *cursor; the cursor moves behind it. Returns 1, 0 at the end, -1 on failure ("place:line:column: ..."
 * for a quoted field that never ends and for text after a closing quote; columns count characters). */
int data_csv_next(const char *text, size_t n_bytes, data_csv_format format, const char *place, data_cursor *cursor,
                  data_csv_record *record, senc_error *err);

/* Checks that the record has n fields; the message points at the first surplus field, or at the end of a short record.
 */
bool data_csv_check_width(const data_csv_record *record, const char *text, int64_t n, const char *place,
                          senc_error *err);

#endif
