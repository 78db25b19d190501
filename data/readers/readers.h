/* The reader table: one file per format, one line in data/readers.def. A reader turns a source into records; a record
 * turns a column into a field. Everything that all formats share (roles, checks, index) is in data/table.c. */
#ifndef DATA_READERS_H
#define DATA_READERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "data/beir.h"
#include "data/formats/csv.h"
#include "data/formats/json.h"
#include "data/formats/jsonl.h"
#include "data/formats/stream.h"
#include "data/table.h"

typedef struct data_reader data_reader;

/* An open source. Readers fill what they use. */
typedef struct data_opened {
    const data_reader *reader;
    char *path;
    data_text text;
    data_cursor first; /* where the rows begin */
    char **columns;    /* names, owned; json, jsonl: the keys of the first row */
    int64_t n_columns;
    bool has_names; /* false: a csv without header; columns are "1", "2", ... */
    bool replace_utf8;
    data_csv_format csv;
    data_beir *beir;
} data_opened;

/* A row as the reader holds it, with all scratch; used again for every row. */
typedef struct data_record {
    data_cursor start;
    size_t end_offset; /* json: behind the object */
    data_json_pool *pool;
    const data_json *object;
    data_csv_record csv;
    const char *line;
    size_t line_bytes;
    senc_buffer scratch;
    data_beir_scratch beir[2];
    int64_t query, pair;
} data_record;
void data_record_free(data_record *r);

typedef enum data_field_type {
    DATA_FIELD_ABSENT, /* no such member, or null */
    DATA_FIELD_TEXT,   /* csv: also numbers, as they stand */
    DATA_FIELD_NUMBER, /* jsonl numbers; text holds them as an integer where they are one */
    DATA_FIELD_BOOL,
    DATA_FIELD_LIST,
    DATA_FIELD_OBJECT,
} data_field_type;

typedef struct data_field {
    data_field_type type;
    const char *text;
    size_t n_bytes;
    double number;
    bool is_integer; /* NUMBER */
    int64_t integer;
    const data_json *list;
} data_field;

/* Which column: its name (jsonl) and its number from 0 in data_opened.columns (the others). */
typedef struct data_column {
    const char *name;
    int64_t index;
} data_column;

struct data_reader {
    const char *name;
    const char *suffixes; /* " .jsonl .ndjson " */
    const char *help;     /* one line */
    bool fixed_columns;   /* every row has the columns of data_opened.columns */
    /* by_number: every column of the source is given by number (csv: then AUTO means no header). `out` has path, reader
     * and replace_utf8 set, of which the reader may become another one; the caller closes it, also on failure. */
    bool (*open)(const data_source *source, bool by_number, data_opened *out, senc_error *err);
    /* The record at *cursor, which moves behind it: 1, 0 at the end, -1 on failure. A cursor made of a record's start
     * offset reads that record again. */
    int (*next)(const data_opened *file, data_cursor *cursor, data_record *record, senc_error *err);
    bool (*field)(const data_opened *file, data_record *record, data_column column, data_field *out, senc_error *err);
};

/* NULL-terminated. */
extern const data_reader *const data_readers[];
const data_reader *data_reader_find(const char *name); /* NULL when absent */
/* The reader of a source: its format, or by its path. */
const data_reader *data_reader_choose(const data_source *source, senc_error *err);

/* The source's text, and that it is text: a spreadsheet, a Parquet file and the like say what they are. */
bool data_opened_open_text(const data_source *source, data_opened *out, senc_error *err);
bool data_opened_add_column(data_opened *file, const char *name, size_t n_bytes, senc_error *err);
/* json, jsonl: adds the columns that only later rows have, up to the first row that cannot be read. Other readers have
 * them all. False when memory runs out. */
bool data_opened_all_columns(data_opened *file, senc_error *err);
void data_opened_close(data_opened *file);

#endif
