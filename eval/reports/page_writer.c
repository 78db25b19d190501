/* One text as HTML or as Markdown: see page_writer.h. */
#include "eval/reports/page_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/reports/html_page.h"

static void put_markdown(senc_buffer *out, const char *text) {
    senc_buffer clean = {0};
    senc_text_append(&clean, text, (int64_t)strlen(text), 0);
    for (size_t i = 0; i < clean.n_bytes; i++) {
        if (strchr("\\`*_[]<>#|", clean.data[i])) senc_buffer_append_text(out, "\\");
        senc_buffer_append(out, &clean.data[i], 1);
    }
    out->failed = out->failed || clean.failed;
    senc_buffer_free(&clean);
}

void eval_write_text(const eval_writer *w, const char *text) {
    if (!text) return;
    if (w->markdown)
        put_markdown(w->out, text);
    else
        eval_html_text(w->out, text);
}

/* <tag>text</tag> */
static void put_element(const eval_writer *w, const char *tag, const char *class_name, const char *text) {
    senc_buffer_printf(w->out, "<%s%s%s%s>", tag, class_name ? " class=\"" : "", class_name ? class_name : "",
                       class_name ? "\"" : "");
    eval_html_text(w->out, text);
    senc_buffer_printf(w->out, "</%s>\n", tag);
}

void eval_write_section(const eval_writer *w, const char *id, const char *title) {
    if (!w->markdown) senc_buffer_printf(w->out, "<section%s%s%s>\n", id ? " id=\"" : "", id ? id : "", id ? "\"" : "");
    eval_write_heading(w, 2, title);
}

void eval_write_section_end(const eval_writer *w) {
    if (!w->markdown) senc_buffer_append_text(w->out, "</section>\n");
}

void eval_write_heading(const eval_writer *w, int level, const char *text) {
    char tag[8];
    snprintf(tag, sizeof tag, "h%d", level);
    if (!w->markdown) {
        put_element(w, tag, NULL, text);
        return;
    }
    const size_t n = w->out->n_bytes;
    const bool is_apart = n == 0 || (n >= 2 && w->out->data[n - 2] == '\n');
    senc_buffer_printf(w->out, "%s%.*s ", is_apart ? "" : "\n", level, "####");
    put_markdown(w->out, text);
    senc_buffer_append_text(w->out, "\n\n");
}

void eval_write_paragraph(const eval_writer *w, const char *fmt, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    const int n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0) {
        w->out->failed = true;
        return;
    }
    if (w->markdown) {
        put_markdown(w->out, text);
        senc_buffer_append_text(w->out, "\n\n");
    } else {
        put_element(w, "p", NULL, text);
    }
    free(text);
}

void eval_write_list(const eval_writer *w, const char *const *lines, int64_t n) {
    if (n == 0) return;
    if (!w->markdown) senc_buffer_append_text(w->out, "<ul class=\"plain\">\n");
    for (int64_t i = 0; i < n; i++) {
        if (!w->markdown) {
            put_element(w, "li", NULL, lines[i]);
            continue;
        }
        senc_buffer_append_text(w->out, "- ");
        put_markdown(w->out, lines[i]);
        senc_buffer_append_text(w->out, "\n");
    }
    senc_buffer_append_text(w->out, w->markdown ? "\n" : "</ul>\n");
}

void eval_write_grid(const eval_writer *w, senc_grid *grid) {
    w->out->failed = w->out->failed || grid->failed;
    if (w->markdown) {
        senc_grid_print_markdown(grid, w->out);
        senc_buffer_append_text(w->out, "\n");
    } else {
        eval_html_grid(w->out, NULL, grid);
    }
    senc_grid_free(grid);
}

void eval_write_code(const eval_writer *w, const char *language, const char *text) {
    if (w->markdown) {
        senc_buffer_printf(w->out, "```%s\n%s\n```\n\n", language, text);
        return;
    }
    senc_buffer_append_text(w->out, "<pre>");
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = strchrnul(text, '\n');
        eval_html_printf(w->out, "%.*s", (int)(end - text), text);
        senc_buffer_append_text(w->out, *end ? "\n" : "");
    }
    senc_buffer_append_text(w->out, "</pre>\n");
}

void eval_write_facts(const eval_writer *w, const eval_page_fact *facts, int64_t n) {
    if (n == 0) return;
    if (!w->markdown) senc_buffer_append_text(w->out, "<dl class=\"tiles\">\n");
    for (int64_t i = 0; i < n; i++) {
        const eval_page_fact *f = &facts[i];
        if (w->markdown) {
            senc_buffer_printf(w->out, "- %s: ", f->label);
            put_markdown(w->out, f->value);
            if (f->note[0]) senc_buffer_append_text(w->out, " (");
            put_markdown(w->out, f->note);
            senc_buffer_append_text(w->out, f->note[0] ? ")\n" : "\n");
            continue;
        }
        senc_buffer_printf(w->out, "<div class=\"tile%s\">", strlen(f->note) > 50 ? " wide" : "");
        put_element(w, "dt", NULL, f->label);
        senc_buffer_append_text(w->out, "<dd>");
        eval_html_text(w->out, f->value);
        if (f->note[0]) put_element(w, "small", NULL, f->note);
        senc_buffer_append_text(w->out, "</dd></div>\n");
    }
    senc_buffer_append_text(w->out, w->markdown ? "\n" : "</dl>\n");
}

void eval_write_terms_open(const eval_writer *w) {
    if (!w->markdown) senc_buffer_append_text(w->out, "<dl class=\"terms\">\n");
}

void eval_write_term(const eval_writer *w, const char *term, const char *meaning) {
    if (w->markdown) {
        senc_buffer_append_text(w->out, "- **");
        put_markdown(w->out, term);
        senc_buffer_append_text(w->out, "**: ");
        put_markdown(w->out, meaning);
        senc_buffer_append_text(w->out, "\n");
        return;
    }
    senc_buffer_append_text(w->out, "<div>");
    put_element(w, "dt", NULL, term);
    put_element(w, "dd", NULL, meaning);
    senc_buffer_append_text(w->out, "</div>\n");
}

void eval_write_terms_close(const eval_writer *w) {
    senc_buffer_append_text(w->out, w->markdown ? "\n" : "</dl>\n");
}
