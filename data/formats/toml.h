/* TOML 1.0 (toml.io/en/v1.0.0), complete and strict: text -> senc_value tree in which every key and value has its
 * place.
 *
 * What the specification leaves open: a byte order mark at the start is skipped; CRLF inside a multi-line string
 * becomes LF; integers are 64 bits wide, larger ones are errors; a second of 60 is taken in local times and, with an
 * offset, at 23:59 UTC; dates and times keep their text as written; values may nest DATA_TOML_MAX_DEPTH deep; a key may
 * not hold \u0000. */
#ifndef DATA_TOML_H
#define DATA_TOML_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/base/error.h"
#include "autograd/base/value.h"

/* Tables, arrays and the parts of dotted keys all count. */
#define DATA_TOML_MAX_DEPTH 128

/* *out becomes the root table, which the caller frees with senc_value_free. On failure false, *out = NULL and an error
 * "file_name:line:column: expected ..., found ...". */
bool data_toml_parse(const char *text, size_t n_bytes, const char *file_name, senc_value **out, senc_error *err);
/* The same for a file of at most 64 MiB. */
bool data_toml_load(const char *path, senc_value **out, senc_error *err);

/* "train.batch_size=16" -> {train = {batch_size = 16}}, for --set; all places read "--set". What stands behind "=" is a
 * TOML value; where it is none and does not begin like a string, array or inline table, it is taken as a string
 * (model.pooling=cls). */
bool data_toml_parse_assignment(const char *text, senc_value **out, senc_error *err);

/* Replaces ${NAME} in every string value by the environment variable, "$${" by "${". A variable that is not set, is not
 * UTF-8 or has no proper name ([A-Za-z_][A-Za-z0-9_]*) is an error with the place of the string. Keys stay as they are,
 * and what came from a variable is not expanded again. */
bool data_toml_expand_environment(senc_value *tree, senc_error *err);

#endif
