/* Charts of lines and of points: see svg_chart.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/reports/html_page.h"
#include "eval/reports/svg_parts.h"

enum { MOST_BOXES = 256, MOST_DOTS = 24 };

/* ---- lines ---- */

static void put_point(senc_buffer *out, double x, double y, const char *name, double value_x, double value_y) {
    senc_buffer_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.2\" class=\"pt\"><title>", x, y);
    eval_html_printf(out, "%s: %.4f at %g", name, value_y, value_x);
    senc_buffer_append_text(out, "</title></circle>\n");
}

/* Few points are marked; many are a line. */
static void put_line(senc_buffer *out, const eval_chart_line *l, int64_t index, const svg_scale *x,
                     const svg_scale *y) {
    senc_buffer_printf(out, "<g class=\"%s\">\n<polyline class=\"ln%s\" points=\"", svg_class_of((int)index),
                       index % 2 ? " dash" : "");
    for (int64_t i = 0; i < l->n; i++)
        if (isfinite(l->y[i])) senc_buffer_printf(out, "%.1f,%.1f ", svg_place(x, l->x[i]), svg_place(y, l->y[i]));
    senc_buffer_append_text(out, "\"/>\n");
    for (int64_t i = 0; l->n <= MOST_DOTS && i < l->n; i++)
        if (isfinite(l->y[i])) put_point(out, svg_place(x, l->x[i]), svg_place(y, l->y[i]), l->name, l->x[i], l->y[i]);
    senc_buffer_append_text(out, "</g>\n");
}

/* Boxes that labels may not cover: points, labels, the reference line. */
typedef struct boxes {
    struct {
        double left, top, right, bottom;
    } items[MOST_BOXES];
    int64_t n;
    double plot_left; /* where the plot begins */
} boxes;

static void add_box(boxes *b, double left, double top, double right, double bottom) {
    if (b->n == MOST_BOXES) return;
    b->items[b->n].left = left;
    b->items[b->n].top = top;
    b->items[b->n].right = right;
    b->items[b->n++].bottom = bottom;
}

static bool is_free(const boxes *b, double left, double top, double right, double bottom) {
    if (left < b->plot_left || right > SVG_WIDTH - 2 || top < 0 || bottom > SVG_HEIGHT - SVG_BOTTOM) return false;
    for (int64_t i = 0; i < b->n; i++)
        if (left < b->items[i].right && right > b->items[i].left && top < b->items[i].bottom &&
            bottom > b->items[i].top)
            return false;
    return true;
}

/* Beside its point, at the first of some places that nothing covers; nowhere: the point's title says it. */
static void put_point_label(senc_buffer *out, boxes *b, double x, double y, const char *text) {
    static const struct {
        double dx, dy;
        const char *anchor;
    } places[] = {{5, -6, "start"}, {5, 15, "start"},  {-5, -6, "end"},   {-5, 15, "end"},    {8, 4, "start"},
                  {-8, 4, "end"},   {0, -8, "middle"}, {0, 18, "middle"}, {0, -22, "middle"}, {0, 32, "middle"}};
    const double width = svg_text_width(text);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const double at = x + places[i].dx, base = y + places[i].dy;
        const double left = *places[i].anchor == 's' ? at : *places[i].anchor == 'e' ? at - width : at - width / 2;
        if (!is_free(b, left, base - 10, left + width, base + 3)) continue;
        svg_put_label(out, at, base, places[i].anchor, "v", text, SVG_WIDTH);
        add_box(b, left, base - 10, left + width, base + 3);
        return;
    }
}

static void put_point_labels(senc_buffer *out, const eval_chart *c, const eval_chart_line *lines, int64_t n_lines,
                             const svg_scale *x, const svg_scale *y) {
    boxes b = {.plot_left = x->from};
    if (c->reference) add_box(&b, x->from, svg_place(y, *c->reference) - 2, x->to, svg_place(y, *c->reference) + 2);
    for (int64_t l = 0; l < n_lines; l++)
        for (int64_t i = 0; i < lines[l].n; i++) {
            const double px = svg_place(x, lines[l].x[i]), py = svg_place(y, lines[l].y[i]);
            if (isfinite(lines[l].y[i])) add_box(&b, px - 3, py - 3, px + 3, py + 3);
        }
    for (int64_t l = 0; l < n_lines; l++)
        for (int64_t i = 0; lines[l].labels && i < lines[l].n; i++)
            if (isfinite(lines[l].y[i]))
                put_point_label(out, &b, svg_place(x, lines[l].x[i]), svg_place(y, lines[l].y[i]), lines[l].labels[i]);
}

static void put_lines_key(senc_buffer *out, const eval_chart_line *lines, int64_t n_lines) {
    const char *names[EVAL_CHART_SERIES], *classes[EVAL_CHART_SERIES];
    for (int64_t l = 0; l < n_lines; l++) {
        names[l] = lines[l].name;
        classes[l] = svg_class_of((int)l);
    }
    if (n_lines > 1) svg_put_key(out, classes, names, n_lines);
}

void eval_chart_lines(senc_buffer *out, const eval_chart *c, const eval_chart_line *lines, int64_t n_lines) {
    svg_range rx = svg_empty_range(), ry = svg_empty_range();
    n_lines = n_lines < EVAL_CHART_SERIES ? n_lines : EVAL_CHART_SERIES;
    for (int64_t l = 0; l < n_lines; l++) {
        for (int64_t i = 0; i < lines[l].n; i++) {
            svg_widen(&rx, lines[l].x[i]);
            svg_widen(&ry, lines[l].y[i]);
        }
    }
    if (c->reference) svg_widen(&ry, *c->reference);
    if (c->y_from_zero) ry.low = fmin(ry.low, 0);
    const svg_scale y = svg_linear_scale(ry.low, ry.high, SVG_HEIGHT - SVG_BOTTOM, SVG_TOP);
    const double left = svg_left_of(c, &y);
    svg_scale x = svg_linear_scale(rx.low, rx.high, left, SVG_WIDTH - SVG_RIGHT);
    if (c->x_is_log && rx.low > 0) {
        const bool is_wide = rx.high > rx.low;
        x = (svg_scale){is_wide ? rx.low : rx.low / 2, is_wide ? rx.high : rx.low * 2, left + 8,
                        SVG_WIDTH - SVG_RIGHT - 8, true};
    }
    svg_open_figure(out, c);
    put_lines_key(out, lines, n_lines);
    svg_open_picture(out, c, SVG_HEIGHT);
    svg_put_y_axis(out, c, &y, left);
    svg_put_x_axis(out, c, &x, lines, n_lines, SVG_HEIGHT);
    if (c->reference)
        svg_put_segment(out, left, svg_place(&y, *c->reference), SVG_WIDTH - SVG_RIGHT, svg_place(&y, *c->reference),
                        "ref");
    for (int64_t l = 0; l < n_lines; l++) put_line(out, &lines[l], l, &x, &y);
    put_point_labels(out, c, lines, n_lines, &x, &y);
    svg_close_figure(out);
}

/* ---- points ---- */

void eval_chart_dots(senc_buffer *out, const eval_chart *c, const double *x, const double *y, int64_t n) {
    svg_range rx = svg_empty_range(), ry = svg_empty_range();
    for (int64_t i = 0; i < n; i++) {
        svg_widen(&rx, x[i]);
        svg_widen(&ry, y[i]);
    }
    const svg_scale sy = svg_linear_scale(ry.low, ry.high, SVG_HEIGHT - SVG_BOTTOM, SVG_TOP);
    const double left = svg_left_of(c, &sy);
    const svg_scale sx = svg_linear_scale(rx.low, rx.high, left, SVG_WIDTH - SVG_RIGHT);
    svg_open_figure(out, c);
    svg_open_picture(out, c, SVG_HEIGHT);
    svg_put_y_axis(out, c, &sy, left);
    svg_put_x_axis(out, c, &sx, NULL, 0, SVG_HEIGHT);
    senc_buffer_append_text(out, "<path class=\"dots k0\" d=\"");
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i]) && isfinite(y[i]))
            senc_buffer_printf(out, "M%.1f %.1fh0", svg_place(&sx, x[i]), svg_place(&sy, y[i]));
    senc_buffer_append_text(out, "\"/>\n");
    svg_close_figure(out);
}
