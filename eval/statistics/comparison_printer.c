/* Lines, headings and tables of a comparison: see comparison_printer.h. */
#include "eval/statistics/comparison_printer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void eval_print_line(const eval_printer *p, const char *indent, const char *text) {
    if (p->markdown) {
        senc_buffer_printf(p->out, "%s%s\n", indent[0] ? "- " : "", text);
        return;
    }
    senc_buffer_append_text(p->out, indent);
    senc_text_wrap(p->out, text, (int64_t)strlen(indent), (int64_t)strlen(indent), EVAL_PRINT_COLUMNS);
}

void eval_print(const eval_printer *p, const char *indent, const char *fmt, ...) {
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    eval_print_line(p, indent, text);
}

void eval_print_heading(const eval_printer *p, int level, const char *text) {
    const int64_t indent = level > 2 ? 2 : 0;
    if (p->markdown) {
        senc_buffer_printf(p->out, "\n%.*s %s\n\n", level, "####", text);
        return;
    }
    senc_buffer_printf(p->out, "\n%*s", (int)indent, "");
    senc_text_wrap(p->out, text, indent, indent, EVAL_PRINT_COLUMNS);
}

void eval_print_grid(const eval_printer *p, senc_grid *grid) {
    if (p->markdown) {
        senc_grid_print_markdown(grid, p->out);
        senc_buffer_append_text(p->out, "\n");
    } else {
        senc_grid_print(grid, 2, EVAL_PRINT_COLUMNS, p->out);
    }
    senc_grid_free(grid);
}

const char *eval_print_p(double p, char *out, size_t out_bytes) {
    if (isnan(p))
        snprintf(out, out_bytes, "-");
    else if (p < 0.0005)
        snprintf(out, out_bytes, "<0.001");
    else
        snprintf(out, out_bytes, "%.3f", p);
    return out;
}

const char *eval_print_p_words(double p, char *out, size_t out_bytes) {
    char number[16];
    eval_print_p(p, number, sizeof number);
    if (number[0] == '<')
        snprintf(out, out_bytes, "p < %s", number + 1);
    else
        snprintf(out, out_bytes, "p = %s", number);
    return out;
}

const char *eval_print_units(int64_t n, const char *unit, char *out, size_t out_bytes) {
    const size_t length = strlen(unit);
    if (n == 1)
        snprintf(out, out_bytes, "1 %s", unit);
    else if (length > 1 && unit[length - 1] == 'y')
        snprintf(out, out_bytes, "%lld %.*sies", (long long)n, (int)length - 1, unit);
    else
        snprintf(out, out_bytes, "%lld %ss", (long long)n, unit);
    return out;
}
