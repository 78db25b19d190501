/* Option tables: one table of rows is at once the parser, the check, the default and the documentation of a struct's
 * keys.
 *
 *     typedef struct loss_triplet_options { double margin; int distance; } loss_triplet_options;
 *     static const senc_option triplet_options[] = {
 *         SENC_OPTION_REAL(loss_triplet_options, margin, "5", 0, HUGE_VAL, "a positive must be nearer by this much"),
 *         SENC_OPTION_CHOICE(loss_triplet_options, distance, "cosine", "cosine|euclidean|manhattan", "distance"),
 *         {0},
 *     };
 *
 * Strings and lists are owned by the struct; senc_options_free releases them.
 *
 * A row whose default is NULL leaves its field "not set": a number that is SENC_OPTION_UNSET (INTEGER, BYTES) or NaN
 * (REAL), a choice -1, a string or value NULL, a list with n = 0, a boolean false. A default may lie outside the row's
 * range ("-1" for "as the model says"); the range binds what the user writes. A user's number is never NaN, and
 * infinite only where the default is. */
#ifndef SENC_OPTIONS_H
#define SENC_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"
#include "autograd/base/value.h"

#define SENC_OPTION_UNSET INT64_MIN

typedef enum senc_option_type {
    SENC_OPTION_TYPE_INTEGER,  /* int64_t field */
    SENC_OPTION_TYPE_REAL,     /* double field; accepts integers */
    SENC_OPTION_TYPE_BOOLEAN,  /* bool field */
    SENC_OPTION_TYPE_STRING,   /* char * field, NULL = not set */
    SENC_OPTION_TYPE_PATH,     /* char * field; relative to the folder of the config file; NULL = not set */
    SENC_OPTION_TYPE_CHOICE,   /* int field: the index in "a|b|c" */
    SENC_OPTION_TYPE_BYTES,    /* int64_t field, >= 0: 1048576, "4GiB", "500MB", "0" = none */
    SENC_OPTION_TYPE_INTEGERS, /* senc_integers field: [1, 3, 5, 10] (one integer alone is a list of one) */
    SENC_OPTION_TYPE_STRINGS,  /* senc_strings field: ["a", "b"] (one string alone is a list of one) */
    SENC_OPTION_TYPE_REALS,    /* senc_reals field: [0, 5] */
    SENC_OPTION_TYPE_VALUE, /* const senc_value * field: left as it is, borrowed from the tree (tables with free keys)
                             */
} senc_option_type;

typedef struct senc_integers {
    int64_t *items;
    int64_t n;
} senc_integers;
typedef struct senc_strings {
    char **items;
    int64_t n;
} senc_strings;
typedef struct senc_reals {
    double *items;
    int64_t n;
} senc_reals;

typedef struct senc_option {
    const char *name;
    senc_option_type type;
    size_t offset;
    const char *initial; /* the default as it would stand in TOML: "16", "0.05", "cosine", "[1, 10]"; NULL = not set,
                            "!" = required */
    double low, high;    /* for numbers, inclusive; also for each list item; -HUGE_VAL, HUGE_VAL: unbounded */
    const char *choices; /* CHOICE: "a|b|c"; STRING: NULL or the allowed forms for the documentation */
    const char *help;    /* one line */
} senc_option;

#define SENC_OPTION_ROW(struct_type, field, kind, initial, low, high, choices, help)                                   \
    { #field, kind, offsetof(struct_type, field), initial, low, high, choices, help }
/* The same for a field of a struct that several commands have as their field `part`. */
#define SENC_OPTION_ROW_OF(struct_type, part, field, kind, initial, low, high, choices, help)                          \
    { #field, kind, offsetof(struct_type, part.field), initial, low, high, choices, help }
#define SENC_OPTION_INTEGER(s, f, initial, low, high, help)                                                            \
    SENC_OPTION_ROW(s, f, SENC_OPTION_TYPE_INTEGER, initial, low, high, NULL, help)
#define SENC_OPTION_REAL(s, f, initial, low, high, help)                                                               \
    SENC_OPTION_ROW(s, f, SENC_OPTION_TYPE_REAL, initial, low, high, NULL, help)
#define SENC_OPTION_BOOLEAN(s, f, initial, help)                                                                       \
    SENC_OPTION_ROW(s, f, SENC_OPTION_TYPE_BOOLEAN, initial, 0, 0, NULL, help)
#define SENC_OPTION_STRING(s, f, initial, help)                                                                        \
    SENC_OPTION_ROW(s, f, SENC_OPTION_TYPE_STRING, initial, 0, 0, NULL, help)
#define SENC_OPTION_PATH(s, f, initial, help) SENC_OPTION_ROW(s, f, SENC_OPTION_TYPE_PATH, initial, 0, 0, NULL, help)
#define SENC_OPTION_CHOICE(s, f, initial, choices, help)                                                               \
    SENC_OPTION_ROW(s, f, SENC_OPTION_TYPE_CHOICE, initial, 0, 0, choices, help)
#define SENC_OPTION_BYTES(s, f, initial, help) SENC_OPTION_ROW(s, f, SENC_OPTION_TYPE_BYTES, initial, 0, 0, NULL, help)
#define SENC_OPTION_INTEGERS(s, f, initial, low, high, help)                                                           \
    SENC_OPTION_ROW(s, f, SENC_OPTION_TYPE_INTEGERS, initial, low, high, NULL, help)
#define SENC_OPTION_STRINGS(s, f, initial, help)                                                                       \
    SENC_OPTION_ROW(s, f, SENC_OPTION_TYPE_STRINGS, initial, 0, 0, NULL, help)
/* STRINGS that are paths, relative as PATH's: the row's `low` says so. */
#define SENC_OPTION_PATHS(s, f, help) SENC_OPTION_ROW(s, f, SENC_OPTION_TYPE_STRINGS, NULL, 1, 0, NULL, help)
#define SENC_OPTION_REALS(s, f, initial, low, high, help)                                                              \
    SENC_OPTION_ROW(s, f, SENC_OPTION_TYPE_REALS, initial, low, high, NULL, help)
#define SENC_OPTION_VALUE(s, f, help) SENC_OPTION_ROW(s, f, SENC_OPTION_TYPE_VALUE, NULL, 0, 0, NULL, help)

/* Fills `target` from the defaults, then from `table` (NULL: defaults only).
 * scope: what messages call it, e.g. "train" -> "configs/a.toml:14:14: train.batch_size: expected an integer >= 1, got
 * ..."; owner: for unknown keys, e.g. "loss \"triplet\"" -> "... loss.margn: unknown key for loss "triplet"; did you
 * mean "margin"?" (NULL: "unknown key"). ignore: keys of the table that belong to somebody else (such as "type"),
 * NULL-terminated, or NULL. `target` must be zeroed; on failure it holds what senc_options_free can free. */
bool senc_options_read(const senc_option *options, void *target, const senc_value *table, const char *scope,
                       const char *owner, const char *const *ignore, senc_error *err);
void senc_options_free(const senc_option *options, void *target);

/* Appends "name = value   # help" lines in TOML, every key with its resolved value; unset ones (and defaults outside
 * the row's range) commented out. Reading the lines gives the same values: relative paths are printed as absolute ones,
 * because the text may land in another folder. */
void senc_options_print(const senc_option *options, const void *target, bool with_help, senc_buffer *out);

/* What a row takes, for messages and documentation: "an integer >= 1", "one of \"mean\", \"cls\"". */
void senc_option_describe(const senc_option *o, char *out, size_t out_bytes);

/* The nearest of n names to `wrong` by edit distance, case aside (Damerau-Levenshtein with adjacent swaps, at most 2 or
 * a third of its length, and less than either length), or NULL. */
const char *senc_nearest_name(const char *wrong, const char *const *names, int64_t n);

/* "4GiB", "500MB", "1.5 GB", "1048576" -> bytes (kB = 1000, KiB = 1024, case aside); false when it is none of these or
 * does not fit 63 bits. */
bool senc_bytes_parse(const char *text, int64_t *bytes);
/* 1.5 GiB, 12 KiB; written to out (32 bytes are enough), which is returned. */
const char *senc_bytes_text(int64_t bytes, char *out, size_t out_bytes);

#endif
