/* Text laid out for people: display width of UTF-8, wrapped paragraphs, aligned tables (for terminals and for
 * Markdown). */
#ifndef SENC_TERMINAL_H
#define SENC_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/buffer.h"

/* Columns that n_bytes of UTF-8 take on a terminal: combining marks 0, East Asian wide characters and emoji 2,
 * others 1. Each byte of an ill-formed sequence counts 1; a control character counts 1 (senc_text_append shows it as a
 * space). */
int64_t senc_text_width(const char *text, int64_t n_bytes);

/* Appends text with control characters replaced by spaces (user data must not drive the terminal), cut to at most
 * `width` columns with "..." at the end when it is longer (width 0: never cut). */
void senc_text_append(senc_buffer *out, const char *text, int64_t n_bytes, int64_t width);

/* Appends text broken at spaces into lines of at most `width` columns, each ended by '\n'. The first line goes on where
 * the output stands (column `column`), the others start with `indent` spaces. '\n' in the text starts a new line. */
void senc_text_wrap(senc_buffer *out, const char *text, int64_t column, int64_t indent, int64_t width);

/* "1,234,567"; written to out (32 bytes are enough), which is returned. */
const char *senc_count_text(int64_t n, char *out, size_t out_bytes);

/* A table of text cells. Fill it cell by cell, row after row. {0} is not valid: init first. */
typedef struct senc_grid {
    const char *alignment; /* one letter a column: 'l' left, 'r' right; borrowed */
    int64_t n_columns;
    char **cells;
    int64_t n_cells, capacity;
    bool failed; /* out of memory (sticky) */
} senc_grid;

void senc_grid_init(senc_grid *g, const char *alignment);
__attribute__((format(printf, 2, 3))) void senc_grid_add(senc_grid *g, const char *fmt, ...);
/* Fills the rest of the current row with empty cells; nothing when the row is complete. */
void senc_grid_end_row(senc_grid *g);
/* Appends the table: columns two spaces apart, lines indented, no trailing spaces. The last column, when it is left
 * aligned, is wrapped to `width` columns (0: not wrapped). */
void senc_grid_print(const senc_grid *g, int64_t indent, int64_t width, senc_buffer *out);
/* The first row becomes the head; '|' and what would be a tag of HTML are escaped. */
void senc_grid_print_markdown(const senc_grid *g, senc_buffer *out);
void senc_grid_free(senc_grid *g);

#endif
