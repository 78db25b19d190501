/* A tree of values with their places in the text: what the TOML parser makes, what `--set` makes, what option tables
 * read. */
#ifndef SENC_VALUE_H
#define SENC_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"

typedef enum senc_value_type {
    SENC_VALUE_STRING,
    SENC_VALUE_INTEGER,
    SENC_VALUE_FLOAT,
    SENC_VALUE_BOOLEAN,
    SENC_VALUE_DATETIME, /* text kept as written, in `string` */
    SENC_VALUE_ARRAY,
    SENC_VALUE_TABLE,
} senc_value_type;

/* Where a key or value stands: file:line:column, from 1; column counts characters (code points). line 0: not from a
 * file (then `file` is a constant such as "--set"). The name of a real file lives as long as the tree's root. */
typedef struct senc_place {
    const char *file;
    int line, column;
} senc_place;

typedef struct senc_value senc_value;

typedef struct senc_pair {
    char *key; /* NUL-terminated, may hold any UTF-8 but NUL */
    senc_place place;
    senc_value *value;
} senc_pair;

struct senc_value {
    senc_value_type type;
    senc_place place;
    char *string; /* STRING, DATETIME; NUL-terminated, n_bytes long (a TOML string may hold \u0000) */
    size_t n_bytes;
    int64_t integer;
    double number; /* FLOAT */
    bool boolean;
    senc_value **items; /* ARRAY */
    senc_pair *pairs;   /* TABLE, in the order of the text */
    int64_t n;          /* items or pairs */
    char *file_name;    /* the root of a tree owns the name that the places in it point to; NULL elsewhere */
    int mark;           /* free for the maker of the tree: the TOML parser notes how a table was defined */
};

/* Frees the whole tree; NULL is fine. */
void senc_value_free(senc_value *v);
/* A fresh value of a type at a place, NULL when out of memory. */
senc_value *senc_value_create(senc_value_type type, senc_place place);
/* A string of n_bytes, which are copied; NULL when out of memory. */
senc_value *senc_value_create_string(const char *text, size_t n_bytes, senc_place place);
/* NULL when absent or `table` is not a table (or is NULL). */
senc_value *senc_value_find(const senc_value *table, const char *key);
const senc_pair *senc_value_find_pair(const senc_value *table, const char *key);
/* Take ownership of item/value; false when out of memory (then the item is freed; NULL counts as out of memory). A key
 * that is already there keeps its position and gets the new value. */
bool senc_value_append(senc_value *array, senc_value *item);
bool senc_value_put(senc_value *table, const char *key, senc_place place, senc_value *value);
/* A deep copy with its own file name; NULL when out of memory. A place in another file than the root's (a merged tree)
 * still points to that file's name. */
senc_value *senc_value_copy(const senc_value *v);
/* Lays `from` (a table) over `into` (a table), as --set lays its value over a config: tables merge key by key, anything
 * else replaces what was there. A key "0", "1", ... over an array changes that item. Frees `from` in any case, so its
 * places must name a constant, not a file. Fails, with the place of the key, on an index that the array does not have
 * and on a key of an array that is not an index. */
bool senc_value_merge(senc_value *into, senc_value *from, senc_error *err);
/* Appends the value as TOML on one line: tables inline, strings as basic strings in which "${" is written "$${" (so
 * that reading with expansion of the environment gives the same string). */
void senc_value_print(const senc_value *v, senc_buffer *out);
/* The pieces of it: a quoted string; a key, quoted where it must be; a number in its shortest exact form. */
void senc_value_print_string(const char *text, size_t n_bytes, senc_buffer *out);
void senc_value_print_key(const char *key, senc_buffer *out);
void senc_value_print_number(double number, senc_buffer *out);
/* "a string", "an integer", "a table", ... */
const char *senc_value_type_name(senc_value_type type);
/* "file:line:column: " or "--set: "; written to out, which is returned. */
const char *senc_place_text(senc_place place, char *out, size_t out_bytes);

#endif
