/* Rows: the seam by which training and evaluation see data, whatever the file format. A table is one source (a file or
 * a BEIR folder) opened for the roles its user wants; a data_set is several tables behind one another. Opening reads
 * and checks everything once and keeps an index of 8 bytes a row (12 where lists of positives make several); texts stay
 * in the file, which is memory-mapped.
 *
 *     static const data_role roles[] = {{"anchor", DATA_ROLE_TEXT}, {"positive", DATA_ROLE_TEXT},
 *                                       {"negative", DATA_ROLE_TEXT, .optional = true, .numbered = true}};
 *     data_set *set;
 *     if (!data_set_open(sources, n_sources, roles, 3, "loss \"mnrl\"", &set, err)) return false;
 *     const int64_t anchor = data_set_find_slot(set, "anchor");
 *     data_row row = {0};
 *     for (int64_t i = 0; i < data_set_n_rows(set); i++)
 *         if (!data_set_row(set, i, &row, err)) ...  else use(row.values[anchor].text, row.values[anchor].n_bytes);
 *     data_row_free(&row);
 *     data_set_close(set);
 */
#ifndef DATA_TABLE_H
#define DATA_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "autograd/base/options.h"
#include "autograd/base/value.h"

/* A column given from code: role -> column name, or its number from 1 when name is NULL. */
typedef struct data_column_map {
    const char *role;
    const char *name;
    int64_t number;
} data_column_map;

typedef enum data_header { DATA_HEADER_AUTO, DATA_HEADER_YES, DATA_HEADER_NO } data_header;
typedef enum data_quoting { DATA_QUOTING_AUTO, DATA_QUOTING_ON, DATA_QUOTING_OFF } data_quoting;
typedef enum data_bad_utf8 { DATA_BAD_UTF8_ERROR, DATA_BAD_UTF8_REPLACE } data_bad_utf8;
typedef enum data_empty { DATA_EMPTY_ERROR, DATA_EMPTY_SKIP } data_empty;
typedef enum data_positives { DATA_POSITIVES_ALL, DATA_POSITIVES_FIRST, DATA_POSITIVES_RANDOM } data_positives;
typedef enum data_unknown_label { DATA_UNKNOWN_LABEL_ERROR, DATA_UNKNOWN_LABEL_SKIP } data_unknown_label;
typedef enum data_part { DATA_PART_ALL, DATA_PART_TRAIN, DATA_PART_HELD_OUT } data_part;
typedef enum data_held_out_by { DATA_HELD_OUT_BY_GROUP, DATA_HELD_OUT_BY_ROW } data_held_out_by;

/* Where rows come from; the keys of [[data]]. {.path = "x.jsonl"} is complete. */
typedef struct data_source {
    char *path;
    char *format;                  /* NULL: by the file name without .gz/.zst; a folder is beir */
    const senc_value *columns;     /* the config's table role -> name | number | [names]; borrowed; or NULL */
    const data_column_map *mapped; /* the same from code, or NULL */
    int64_t n_mapped;
    int header;             /* data_header. AUTO: a csv/tsv has a header unless all columns are given by number */
    char *delimiter;        /* one character; NULL: "," for csv, tab for tsv */
    int quoting;            /* data_quoting. AUTO: on for csv, off for tsv */
    int on_bad_utf8;        /* data_bad_utf8 */
    senc_reals score_range; /* empty: scores are 0..1; [low, high]: raw scores, mapped to 0..1 */
    char *split;            /* beir: qrels/<split>.tsv; NULL: train */
    int64_t limit;          /* the first n rows of the part, positives of a list counted one by one; 0: all */
    int on_empty;           /* data_empty: a required field that is empty or missing stops, or leaves its row out */
    /* A share of the rows is held out, the same whenever the file is opened. held_out_by (data_held_out_by): GROUP:
     * rows that share a text of their first two roles go together (row_groups.h); ROW: by a hash of the text of the
     * first role alone. `part` says which rows to read; data_part. */
    double held_out;
    int held_out_by;
    int part;
    int positives;               /* data_positives: what a list of n positives becomes */
    const senc_value *label_map; /* word -> number, for scores and labels; borrowed; or NULL */
    int on_unknown_label;        /* data_unknown_label: a label that says nothing stops, or leaves its row out */
    bool by_flags;               /* keys were given as flags: messages advise `--header yes` */
} data_source;

/* The option table of data_source (senc_options_read, senc_options_free, documentation). */
extern const senc_option data_source_options[];

typedef enum data_role_kind {
    DATA_ROLE_TEXT,
    DATA_ROLE_SCORE,  /* a number, checked against score_range and mapped to 0..1; or a word, see DATA_ROLE_BINARY */
    DATA_ROLE_NUMBER, /* any finite number */
    DATA_ROLE_BINARY, /* 0 or 1, true or false, yes or no, or a word that label_map knows */
    DATA_ROLE_CLASS,  /* an integer, boolean or string that names a class; becomes 0, 1, ... by first appearance */
} data_role_kind;

typedef struct data_role {
    const char *name;
    data_role_kind kind;
    bool optional;    /* a file without it is fine, and so is a row */
    bool numbered;    /* TEXT: also name_1, name_2, ... and, in jsonl, a list of strings */
    bool allow_empty; /* TEXT: empty and white-space-only texts are fine */
    bool expands;     /* TEXT, one role of a set: a list of n strings makes n rows (data_source.positives) */
} data_role;

/* One value position of a row: "anchor", "negative", "negative_2". number 0: the role itself. */
typedef struct data_slot {
    int64_t role;   /* index in the roles given at open */
    int64_t number; /* 0, or 1.. for role_1, role_2, ... (a list fills 1..n) */
    char *name;
} data_slot;

/* text lives until the next data_set_row on the same row. */
typedef struct data_value {
    bool present; /* false: optional and absent in this row */
    const char *text;
    size_t n_bytes; /* text is not NUL-terminated */
    double number;
    int64_t class_id;
} data_value;

struct data_record; /* a reader's scratch */

/* {0} is ready to use. One per thread: several threads may read the same set. */
typedef struct data_row {
    data_value *values; /* one per slot */
    int64_t n_values;
    int64_t n_choices; /* positives that this row stands for alone (positives = "first", "random"); else 1 */
    struct data_record *record;
} data_row;
void data_row_free(data_row *row);

typedef struct data_set data_set;

/* Opens and checks all sources. wanted_by: for messages, as `loss "mnrl"`. Errors (BAD_INPUT), for example:
 *   data/train.jsonl.zst:88121: field "positive" is missing (loss "mnrl" needs anchor, positive)
 *   data/x.jsonl:5:17: bad JSON: ...
 *   data/faq.jsonl: no column "anchor" (loss "mnrl" needs anchor, positive); the file has question, answer; say which
 * is which: columns = { anchor = "question", positive = "answer" } */
bool data_set_open(const data_source *sources, int64_t n_sources, const data_role *roles, int64_t n_roles,
                   const char *wanted_by, data_set **out, senc_error *err);
void data_set_close(data_set *set);

int64_t data_set_n_rows(const data_set *set);
int64_t data_set_n_slots(const data_set *set);
const data_slot *data_set_slot(const data_set *set, int64_t slot);
/* The slot of that name ("anchor", "negative_2"), -1 when no row of any source has it. */
int64_t data_set_find_slot(const data_set *set, const char *name);

/* Row i of 0..n_rows-1. Fails only when memory runs out or a file was changed under us. */
bool data_set_row(const data_set *set, int64_t i, data_row *row, senc_error *err);
/* Row i with another of its choices, item of 0..n_choices-1. */
bool data_set_row_choice(const data_set *set, int64_t i, int64_t item, data_row *row, senc_error *err);
/* Whether any row has more than one choice. */
bool data_set_has_choices(const data_set *set);
/* Rows before row i of its source are not expected back soon: their place in memory is given to others. For who goes
 * through a set once, in order. */
void data_set_forget(const data_set *set, int64_t i);
/* Leaves out the rows for which drop (n_rows) is true; the others move up and keep their order. Not while another
 * thread reads. */
bool data_set_drop_rows(data_set *set, const bool *drop, senc_error *err);
/* Where row i's record begins in its file; of a BEIR folder, the number of its judgement. */
uint64_t data_set_offset(const data_set *set, int64_t i);
/* Path and line number of row i, for messages. A BEIR row's place is its line in the qrels file. */
bool data_set_where(const data_set *set, int64_t i, const char **path, int64_t *line, senc_error *err);

/* Classes of CLASS roles, by id. */
int64_t data_set_n_classes(const data_set *set);
const char *data_set_class_name(const data_set *set, int64_t class_id);

/* Rows that on_empty = "skip" left out, and those that on_unknown_label = "skip" did. */
int64_t data_set_n_skipped(const data_set *set);
int64_t data_set_n_unknown_labels(const data_set *set);

/* How the rows of source k (of the sources given at open) were parted; false: they were not, or one by one. */
typedef struct data_split {
    const char *path;
    int64_t n_rows, n_groups, largest;     /* of the whole file; rows of the largest group */
    int64_t n_held_out, n_groups_held_out; /* rows and groups */
    int64_t n_large, n_rows_large;         /* groups that are too large to be held out */
    int64_t large_rows, large_sharing,
        large_line;         /* of the largest of these: rows, those that share the text, first line */
    const char *large_text; /* cut; NULL: there is none */
    double seconds;         /* that the grouping took */
} data_split;
bool data_set_get_split(const data_set *set, int64_t k, data_split *out);
/* How many sources it was opened from. */
int64_t data_set_n_sources(const data_set *set);

/* Bytes of index kept in memory. */
int64_t data_set_index_bytes(const data_set *set);

/* The column names of a source (for csv without a header: "1", "2", ...; for json and jsonl: the first row's keys).
 * Free with data_strings_free. */
bool data_source_columns(const data_source *source, senc_strings *out, senc_error *err);
void data_strings_free(senc_strings *s);

#endif
