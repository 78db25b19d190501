/* Inside the TOML parser: the cursor and what its files use of each other. Others include toml.h. */
#ifndef DATA_TOML_PARSER_H
#define DATA_TOML_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"
#include "autograd/base/value.h"

/* How the text defined a table or array (senc_value.mark): what may still be added to it follows from this. */
enum {
    DATA_TOML_OPEN = 0, /* super-table of a header, not defined itself yet */
    DATA_TOML_HEADER,   /* [table], an element of [[array]], the root */
    DATA_TOML_DOTTED,   /* by a dotted key */
    DATA_TOML_FROZEN,   /* inline table or array: complete as written */
    DATA_TOML_TABLES,   /* array of tables */
};

/* The text is well-formed UTF-8; `at` stands at the next byte to read. */
typedef struct data_toml_parser {
    const char *at, *end;
    int line;              /* 0: not a file, places have no line */
    const char *column_at; /* a byte in the current line, at or before `at`, and its column: the column of `at` is
                              counted from there, so that a long line is walked once */
    int column;
    const char *file;
    const char *end_name; /* "end of file" */
    senc_error *err;
} data_toml_parser;

/* ---- toml_cursor.c: places, messages, white space, strings, keys ---- */

/* The next byte, or -1 at the end. */
int data_toml_peek(const data_toml_parser *p);
/* At LF or CRLF; skip_newline steps over it. */
bool data_toml_at_newline(const data_toml_parser *p);
void data_toml_skip_newline(data_toml_parser *p);
void data_toml_skip_spaces(data_toml_parser *p);
/* Spaces and a comment, up to the newline or end. False (with the error) on a control character in the comment. */
bool data_toml_skip_comment(data_toml_parser *p);
/* Spaces, comments and newlines. */
bool data_toml_skip_lines(data_toml_parser *p);

senc_place data_toml_place(data_toml_parser *p);
/* "place: message"; returns false. */
__attribute__((format(printf, 3, 4))) bool data_toml_fail(data_toml_parser *p, senc_place place, const char *fmt, ...);
/* "place: expected WHAT, found ..." for what stands at the cursor; returns false. */
bool data_toml_fail_expected(data_toml_parser *p, const char *what);
bool data_toml_fail_memory(data_toml_parser *p);

/* The string at the cursor, all four forms, appended to out without its quotes. */
bool data_toml_parse_string(data_toml_parser *p, senc_buffer *out);
/* One part of a key, bare or quoted, as a block that the caller frees; NULL on failure. */
char *data_toml_parse_key_part(data_toml_parser *p, senc_place *place);

/* ---- toml_scalar.c ---- */

/* A number, boolean, date or time. */
senc_value *data_toml_parse_scalar(data_toml_parser *p);

/* ---- toml.c ---- */

/* NULL on failure. depth: of the value in the tree. */
senc_value *data_toml_parse_value(data_toml_parser *p, int depth);

#endif
