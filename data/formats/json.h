/* JSON (RFC 8259): parse, look up, change, write. Every value belongs to a document; the root owns it. Strings keep
 * their length (\u0000 is allowed in values), duplicate keys are rejected, members keep the order of the text, integers
 * beyond 64 bits (the "very large" model_max_length of tokenizer files) become numbers.
 *
 *     data_json *config;
 *     if (!data_json_load(path, &config, err)) return false;
 *     int64_t width = 0;
 *     bool ok = data_json_require_integer(config, "hidden_size", 1, 1 << 20, &width, err);
 *     data_json_free(config);
 */
#ifndef DATA_JSON_H
#define DATA_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"

typedef enum data_json_type {
    DATA_JSON_NULL,
    DATA_JSON_BOOL,
    DATA_JSON_INTEGER,
    DATA_JSON_NUMBER, /* written with a fraction or an exponent, or too big for an integer */
    DATA_JSON_STRING,
    DATA_JSON_ARRAY,
    DATA_JSON_OBJECT,
} data_json_type;

typedef struct data_json data_json;           /* a value; the root is the document's owner */
typedef struct data_json_pool data_json_pool; /* memory that can be used for one document after the other */

/* ---- reading ---- */

/* place: what messages call the text ("models/m/config.json"): "place:line:column: bad JSON: ..." (BAD_INPUT). The text
 * need not be NUL-terminated and may go away afterwards. *out is NULL on failure. */
bool data_json_parse(const char *text, size_t n_bytes, const char *place, data_json **out, senc_error *err);
bool data_json_load(const char *path, data_json **out, senc_error *err);
/* Frees the document that `root` is the root of; NULL is fine. */
void data_json_free(data_json *root);

/* For many small texts: the values of one parse live until the next one in the same pool; nothing is freed by
 * data_json_free. first_line: the line number of the text's first line. lone_surrogates: accept "\ud800" as U+FFFD
 * instead of rejecting it. */
data_json_pool *data_json_pool_create(void); /* NULL when out of memory */
void data_json_pool_free(data_json_pool *pool);
bool data_json_parse_in(data_json_pool *pool, const char *text, size_t n_bytes, const char *place, int64_t first_line,
                        bool lone_surrogates, const data_json **out, senc_error *err);
/* The same for a piece of a larger text that is in memory from floor on: columns count from the line's beginning there.
 */
bool data_json_parse_within(data_json_pool *pool, const char *floor, const char *text, size_t n_bytes,
                            const char *place, int64_t first_line, bool lone_surrogates, const data_json **out,
                            senc_error *err);

data_json_type data_json_get_type(const data_json *v);
const char *data_json_type_name(data_json_type type); /* "a string", "an integer", ... */

/* Object member; NULL when absent, or when v is NULL or not an object. */
const data_json *data_json_find(const data_json *v, const char *key);
const data_json *data_json_find_n(const data_json *v, const char *key, size_t n_bytes);
data_json *data_json_find_mutable(data_json *v, const char *key);

/* for (const data_json *m = data_json_first(v); m; m = data_json_next(m)): members or items in order. */
const data_json *data_json_first(const data_json *v);
const data_json *data_json_next(const data_json *v);
int64_t data_json_count(const data_json *v);                         /* members or items; 0 for anything else or NULL */
const data_json *data_json_at(const data_json *v, int64_t i);        /* i-th item; walks the list: for short ones */
const char *data_json_key(const data_json *member, size_t *n_bytes); /* NULL for items and roots; n_bytes may be NULL */

/* The value of v when it has that type (NULL, 0, false otherwise, also for v = NULL). Text is NUL-terminated behind
 * n_bytes and may hold NULs; n_bytes may be NULL. data_json_number accepts integers. */
const char *data_json_text(const data_json *v, size_t *n_bytes);
int64_t data_json_integer(const data_json *v);
double data_json_number(const data_json *v);
bool data_json_bool(const data_json *v);
bool data_json_is_number(const data_json *v); /* INTEGER or NUMBER */

/* Members of a config: `read` leaves *out as it is when the member is absent or null; `require` fails then. A wrong
 * type, a number outside low..high or a string that holds a NUL is a BAD_INPUT error: place: "key": expected ..., got
 * ... Strings are borrowed from the document. Integral numbers such as 512.0 count as integers. */
bool data_json_read_integer(const data_json *o, const char *key, int64_t low, int64_t high, int64_t *out,
                            senc_error *err);
bool data_json_read_number(const data_json *o, const char *key, double low, double high, double *out, senc_error *err);
bool data_json_read_bool(const data_json *o, const char *key, bool *out, senc_error *err);
bool data_json_read_string(const data_json *o, const char *key, const char **out, senc_error *err);
bool data_json_require_integer(const data_json *o, const char *key, int64_t low, int64_t high, int64_t *out,
                               senc_error *err);
bool data_json_require_number(const data_json *o, const char *key, double low, double high, double *out,
                              senc_error *err);
bool data_json_require_string(const data_json *o, const char *key, const char **out, senc_error *err);
/* An array / object member; absent or null gives *out = NULL. */
bool data_json_read_array(const data_json *o, const char *key, const data_json **out, senc_error *err);
bool data_json_read_object(const data_json *o, const char *key, const data_json **out, senc_error *err);

/* What the document was parsed from ("" when built). */
const char *data_json_place(const data_json *v);

/* ---- building and changing ---- */

/* A new document; NULL when out of memory. All put functions accept NULL (and do nothing): failure is sticky, checked
 * by data_json_dump and data_json_save. */
data_json *data_json_create_object(void);
data_json *data_json_create_array(void);

/* Puts a member into an object (replacing it in place when the key is there) or, with key = NULL, appends to an array.
 * Object and array return the new, empty child. */
void data_json_put_null(data_json *parent, const char *key);
void data_json_put_bool(data_json *parent, const char *key, bool value);
void data_json_put_integer(data_json *parent, const char *key, int64_t value);
void data_json_put_number(data_json *parent, const char *key, double value);      /* NaN and infinities become null */
void data_json_put_string(data_json *parent, const char *key, const char *value); /* NULL becomes null */
void data_json_put_text(data_json *parent, const char *key, const char *value, size_t n_bytes);
data_json *data_json_put_object(data_json *parent, const char *key);
data_json *data_json_put_array(data_json *parent, const char *key);
/* A deep copy of a value of this or another document. */
void data_json_put_copy(data_json *parent, const char *key, const data_json *value);
/* Removes a member; absent is fine. */
void data_json_remove(data_json *object, const char *key);

/* ---- writing ---- */

/* Appends the text. indent 0: one line ("{"a": 1, "b": [1, 2]}"); otherwise one member a line. Numbers are the shortest
 * text that reads back to the same double and keep their type (1.0 stays 1.0). False when building or the buffer ran
 * out of memory. */
bool data_json_dump(const data_json *v, int indent, senc_buffer *out);
/* Text behind a newline, written atomically. */
bool data_json_save(const data_json *v, int indent, const char *path, senc_error *err);
/* Appends a string literal with its quotes, escaped; for writers of single values. */
void data_json_append_string(senc_buffer *out, const char *text, size_t n_bytes);
/* Appends the shortest text that reads back to the same double; "null" for NaN and infinities. */
void data_json_append_number(senc_buffer *out, double value);

#endif
