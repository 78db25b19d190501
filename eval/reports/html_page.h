/* One HTML file that needs nothing else: text made safe, the page around it (styles for light, dark, narrow and
 * printed), tables. No script, no font, no picture is loaded; a content security policy in the page says so. */
#ifndef EVAL_HTML_PAGE_H
#define EVAL_HTML_PAGE_H

#include "autograd/base/buffer.h"
#include "autograd/base/terminal.h"

/* Appends a text that is safe in elements and in quoted attributes: & < > " ' are escaped, control characters become
 * spaces, ill-formed UTF-8 becomes U+FFFD. NULL: nothing. */
void eval_html_text(senc_buffer *out, const char *text);
/* The same of a printed text. */
__attribute__((format(printf, 2, 3))) void eval_html_printf(senc_buffer *out, const char *fmt, ...);

/* A text of the data, in an element that keeps its direction of writing to itself; cut at a space or character, with
 * "..." behind it, when it is longer than max_bytes. */
void eval_html_beginning(senc_buffer *out, const char *text, size_t max_bytes);

void eval_html_open(senc_buffer *out, const char *title);
void eval_html_close(senc_buffer *out);

/* A table of a grid: the first row is the head, columns are aligned as the grid's. caption: NULL: none. */
void eval_html_grid(senc_buffer *out, const char *caption, const senc_grid *grid);

/* A count with thousands apart: "1,234,567"; a size: "86.7 MB"; written to out (32 bytes), which is returned. */
const char *eval_html_count(int64_t n, char *out, size_t out_bytes);

#endif
