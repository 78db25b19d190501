/* Scores and labels as people write them: numbers, booleans, words for yes and no, words that the source's label_map
 * gives a number. Inside of the tables. */
#ifndef DATA_TABLE_LABEL_H
#define DATA_TABLE_LABEL_H

#include "data/table_parts.h"

typedef enum data_label { DATA_LABEL_EMPTY, DATA_LABEL_KNOWN, DATA_LABEL_UNKNOWN } data_label;

/* A field of a SCORE, NUMBER or BINARY role as a number. With a label_map only what it names is known: numbers by value
 * ("0.0" is 0), words first as they stand, then case aside. Without one numbers and booleans are; of SCORE and BINARY
 * also yes, true, duplicate and their opposites. BINARY: nothing but 0 and 1. */
data_label data_label_read(const data_table *t, data_role_kind kind, const data_field *field, double *x);

/* The number of a label_map's value; false for what is none. */
bool data_label_map_value(const senc_value *value, double *x);

/* Appends a field for a message: "entailment" in quotes, 2, true. */
void data_label_append(const data_field *field, senc_buffer *out);
/* Appends what to do about a label that is unknown: the label_map to write, from the words of the whole column. */
void data_label_append_advice(const data_table *t, const data_binding *binding, data_role_kind kind,
                              const data_field *field, senc_buffer *out);

/* Without white space around it. */
void data_label_trim(const char **text, size_t *n_bytes);
/* A class "1.0" is "1": the bytes of the name that count. */
size_t data_label_whole_bytes(const char *name, size_t n_bytes);
/* A number without a fraction. */
bool data_field_is_whole(const data_field *field);

#endif
