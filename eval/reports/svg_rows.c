/* Charts of rows under one another: see svg_chart.h. A row has its label above its mark; lines across all rows are
 * drawn beside the marks only, so that they never cross a label. */
#include <math.h>
#include <stdio.h>

#include "eval/reports/html_page.h"
#include "eval/reports/svg_parts.h"

enum { LINE = 16, MARK = 18, ROOM = SVG_WIDTH - 2 * SVG_SIDE };

/* Lines of text above the mark: one, or two when label and text have no room beside one another. */
static int lines_of(const char *label, const char *text) {
    return text && svg_text_width(label) + 10 + svg_text_width(text) > ROOM ? 2 : 1;
}

/* Writes the label, and the text at the right; returns where the mark's strip begins. */
static double put_head(senc_buffer *out, const char *label, const char *text, double top) {
    const int n = lines_of(label, text);
    svg_put_label(out, SVG_SIDE, top + 12, "start", "v", label, ROOM);
    if (text) svg_put_label(out, SVG_WIDTH - SVG_SIDE, top + 12 + LINE * (n - 1), "end", NULL, text, ROOM);
    return top + LINE * n + 1;
}

/* ---- forest plots ---- */

static void put_mark(senc_buffer *out, const eval_chart_row *row, const svg_scale *x, double middle) {
    senc_buffer_printf(out, "<g class=\"%s\">\n", svg_class_of(row->kind));
    if (isfinite(row->low) && isfinite(row->high))
        svg_put_segment(out, svg_place(x, row->low), middle, svg_place(x, row->high), middle, "ci");
    if (isfinite(row->value)) {
        senc_buffer_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" class=\"pt\"><title>",
                           svg_place(x, row->value), middle);
        eval_html_printf(out, "%s: %.4f", row->label, row->value);
        senc_buffer_append_text(out, "</title></circle>\n");
    }
    senc_buffer_append_text(out, "</g>\n");
}

/* The grid and the reference line beside one mark. */
static void put_strip(senc_buffer *out, const svg_scale *x, double reference, double top, double bottom) {
    const double step = svg_step_of(x->high - x->low, 6), first = ceil(x->low / step - 1e-9) * step;
    const int n = (int)floor((x->high - first) / step + 1e-9);
    for (int i = 0; i <= n && i < SVG_MOST_TICKS; i++) {
        const double at = svg_place(x, first + i * step);
        svg_put_segment(out, at, top, at, bottom, "grid");
    }
    if (isfinite(reference)) svg_put_segment(out, svg_place(x, reference), top, svg_place(x, reference), bottom, "ref");
}

void eval_chart_forest(senc_buffer *out, const eval_chart *c, double reference, const eval_chart_row *rows, int64_t n) {
    svg_range r = svg_empty_range();
    double height = SVG_BOTTOM + 4;
    svg_widen(&r, reference);
    for (int64_t i = 0; i < n; i++) {
        svg_widen(&r, rows[i].value);
        svg_widen(&r, rows[i].low);
        svg_widen(&r, rows[i].high);
        height += LINE * lines_of(rows[i].label, rows[i].text) + 1 + MARK;
    }
    const svg_scale x = svg_linear_scale(r.low, r.high, SVG_SIDE + 8, SVG_WIDTH - SVG_SIDE - 8);
    svg_open_figure(out, c);
    svg_open_picture(out, c, height);
    double top = 0;
    for (int64_t i = 0; i < n; i++) {
        top = put_head(out, rows[i].label, rows[i].text, top);
        const double bottom = i + 1 == n ? height - SVG_BOTTOM : top + MARK;
        put_strip(out, &x, reference, top, bottom);
        put_mark(out, &rows[i], &x, top + MARK / 2.0);
        top += MARK;
    }
    svg_put_x_axis(out, c, &x, NULL, 0, height);
    svg_close_figure(out);
}

/* ---- stacks ---- */

static const char *const stack_classes[] = {"kg", "k4", "kb"};

static double put_stack(senc_buffer *out, const eval_chart_stack *stack, const char *const names[3], double top) {
    const double sum = stack->parts[0] + stack->parts[1] + stack->parts[2];
    double left = SVG_SIDE;
    char text[80];
    snprintf(text, sizeof text, "%.0f / %.0f / %.0f", stack->parts[0], stack->parts[1], stack->parts[2]);
    top = put_head(out, stack->label, text, top);
    for (int i = 0; i < 3 && sum > 0; i++) {
        const double width = ROOM * stack->parts[i] / sum;
        senc_buffer_printf(out, "<rect class=\"st %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"11\"><title>",
                           stack_classes[i], left, top + 1, width);
        eval_html_printf(out, "%s: %s %.0f", stack->label, names[i], stack->parts[i]);
        senc_buffer_append_text(out, "</title></rect>\n");
        left += width;
    }
    return top + MARK;
}

void eval_chart_stacks(senc_buffer *out, const eval_chart *c, const char *const names[3],
                       const eval_chart_stack *stacks, int64_t n) {
    double height = 0;
    senc_buffer picture = {0};
    for (int64_t i = 0; i < n; i++) height = put_stack(&picture, &stacks[i], names, height);
    svg_open_figure(out, c);
    svg_put_key(out, stack_classes, names, 3);
    svg_open_picture(out, c, height + 4);
    if (picture.n_bytes > 0) senc_buffer_append(out, picture.data, picture.n_bytes);
    out->failed = out->failed || picture.failed;
    senc_buffer_free(&picture);
    svg_close_figure(out);
}
