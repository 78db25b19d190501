/* What the readers of JSON objects share: fields, and columns that any row may bring. */
#ifndef DATA_JSON_ROWS_H
#define DATA_JSON_ROWS_H

#include "data/readers/readers.h"

/* The pool of the record's object; false when out of memory. */
bool data_json_record_ready(data_record *record, senc_error *err);
/* The members of the first row become the columns. */
bool data_json_first_columns(data_opened *out, senc_error *err);
bool data_json_field(const data_opened *file, data_record *record, data_column column, data_field *out,
                     senc_error *err);
/* Opens the text and chooses, by its first character, between the readers of lines and of an array. */
bool data_json_open(const data_source *source, bool by_number, data_opened *out, senc_error *err);

#endif
