/* The flags about a table of rows (txt, csv, tsv, json, jsonl), shared by the commands that read one; as the keys of
 * [[data]]. */
#ifndef TABLE_FLAGS_H
#define TABLE_FLAGS_H

#include <math.h>

#include "autograd/base/options.h"
#include "data/table.h"

/* A command's struct has them as its field `table`, and CLI_TABLE_ROWS among its rows. */
typedef struct cli_table_flags {
    char *format, *delimiter;
    int header;      /* data_header */
    int quoting;     /* data_quoting */
    int on_empty;    /* cli_on_empty with CLI_TEXT_ROWS; data_empty with CLI_PAIR_ROWS */
    int on_bad_utf8; /* data_bad_utf8 */
    int64_t limit;
} cli_table_flags;

typedef enum cli_on_empty { CLI_EMPTY_KEEP, CLI_EMPTY_ERROR, CLI_EMPTY_SKIP } cli_on_empty;

#define CLI_TABLE_ROW(struct_type, field, kind, initial, high, choices, help)                                          \
    SENC_OPTION_ROW_OF(struct_type, table, field, kind, initial, 0, high, choices, help)

#define CLI_TABLE_ROWS(struct_type)                                                                                    \
    CLI_TABLE_ROW(struct_type, format, SENC_OPTION_TYPE_STRING, NULL, 0, NULL,                                         \
                  "txt, jsonl, json, csv or tsv; unset: by the file name"),                                            \
        CLI_TABLE_ROW(struct_type, header, SENC_OPTION_TYPE_CHOICE, "auto", 0, "auto|yes|no",                          \
                      "csv, tsv: the first row names the columns; auto: unless columns are given by number"),          \
        CLI_TABLE_ROW(struct_type, delimiter, SENC_OPTION_TYPE_STRING, NULL, 0, NULL,                                  \
                      "csv, tsv: one character; unset: a comma or a tab"),                                             \
        CLI_TABLE_ROW(struct_type, quoting, SENC_OPTION_TYPE_CHOICE, "auto", 0, "auto|on|off",                         \
                      "csv, tsv: fields in double quotes; auto: on for csv, off for tsv"),                             \
        CLI_TABLE_ROW(struct_type, limit, SENC_OPTION_TYPE_INTEGER, "0", HUGE_VAL, NULL,                               \
                      "only the first n rows; 0: all"),                                                                \
        CLI_TABLE_ROW(struct_type, on_bad_utf8, SENC_OPTION_TYPE_CHOICE, "error", 0, "error|replace",                  \
                      "ill-formed UTF-8 is an error or is read as U+FFFD")
/* For commands that read texts, ... */
#define CLI_TEXT_ROWS(struct_type)                                                                                     \
    CLI_TABLE_ROWS(struct_type),                                                                                       \
        CLI_TABLE_ROW(struct_type, on_empty, SENC_OPTION_TYPE_CHOICE, "keep", 0, "keep|error|skip",                    \
                      "a row with an empty or missing text is kept, is an error, or is left out (rows are then "       \
                      "counted without it)")
/* ... and for those that read pairs. */
#define CLI_PAIR_ROWS(struct_type)                                                                                     \
    CLI_TABLE_ROWS(struct_type),                                                                                       \
        CLI_TABLE_ROW(struct_type, on_empty, SENC_OPTION_TYPE_CHOICE, "error", 0, "error|skip",                        \
                      "a row with an empty or missing text is an error or is left out")

/* A source with these keys; everything is borrowed. on_empty is left to the caller. */
data_source cli_table_source(const cli_table_flags *flags, const char *path);

#endif
