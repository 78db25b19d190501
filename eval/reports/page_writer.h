/* One text for two forms: headings, paragraphs, lists, tables and code that come out as HTML or as Markdown, so that a
 * report is written once. Texts are made safe in both. Failure is the buffer's (sticky). */
#ifndef EVAL_PAGE_WRITER_H
#define EVAL_PAGE_WRITER_H

#include "autograd/base/buffer.h"
#include "autograd/base/terminal.h"

typedef struct eval_writer {
    senc_buffer *out;
    bool markdown;
} eval_writer;

/* What is shown as a tile, or as a line: "parameters": "22.7 million" (note). */
typedef struct eval_page_fact {
    const char *label;
    char value[160], note[200];
} eval_page_fact;

/* Appends a text on one line: as eval_html_text, or with what could be Markdown escaped. */
void eval_write_text(const eval_writer *w, const char *text);

/* A section with its heading; in HTML <section id="ID"> (id NULL: none), closed by eval_write_section_end. */
void eval_write_section(const eval_writer *w, const char *id, const char *title);
void eval_write_section_end(const eval_writer *w);
void eval_write_heading(const eval_writer *w, int level, const char *text);
__attribute__((format(printf, 2, 3))) void eval_write_paragraph(const eval_writer *w, const char *fmt, ...);
void eval_write_list(const eval_writer *w, const char *const *lines, int64_t n);
/* The first row is the head. Frees the grid. */
void eval_write_grid(const eval_writer *w, senc_grid *grid);
/* Lines of a program or a command, as they are. language: of Markdown's fence, "sh". */
void eval_write_code(const eval_writer *w, const char *language, const char *text);
void eval_write_facts(const eval_writer *w, const eval_page_fact *facts, int64_t n);
/* A term with its line of explanation; terms stand between open and close. */
void eval_write_terms_open(const eval_writer *w);
void eval_write_term(const eval_writer *w, const char *term, const char *meaning);
void eval_write_terms_close(const eval_writer *w);

#endif
