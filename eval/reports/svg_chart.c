/* Charts as inline SVG: see svg_chart.h. */
#include "eval/reports/svg_chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/reports/html_page.h"

enum {
    WIDTH = 360,
    HEIGHT = 220,
    LEFT = 42,
    RIGHT = 12,
    TOP = 10,
    BOTTOM = 36,
    MOST_TICKS = 12,
    BINS = 40,
    MOST_BOXES = 128,
    NEAREST_TICKS = 26
};

/* Where a number lies in the picture. */
typedef struct scale {
    double low, high; /* of the numbers */
    double from, to;  /* of the picture */
    bool is_log;
} scale;

static double place(const scale *s, double v) {
    const double low = s->is_log ? log(s->low) : s->low, high = s->is_log ? log(s->high) : s->high;
    return s->from + (s->to - s->from) * ((s->is_log ? log(v) : v) - low) / (high - low);
}

/* 1, 2 or 5 times a power of ten: the smallest that cuts the range into at most `most` steps. */
static double step_of(double range, int most) {
    const double raw = range / most, power = pow(10, floor(log10(raw)));
    static const double factors[] = {1, 2, 5, 10};
    for (int i = 0; i < 4; i++)
        if (factors[i] * power >= raw * (1 - 1e-9)) return factors[i] * power;
    return 10 * power;
}

/* Widens a range so that it is one and ends at steps. */
static void round_range(double *low, double *high, double step) {
    *low = floor(*low / step + 1e-9) * step;
    *high = ceil(*high / step - 1e-9) * step;
    if (!(*high > *low)) *high = *low + step;
}

static scale linear_scale(double low, double high, double from, double to) {
    if (!(high >= low)) low = 0, high = 1;
    if (!(high - low > 1e-12)) {
        const double pad = fabs(high) > 1e-9 ? fabs(high) * 0.05 : 0.5;
        low -= pad;
        high += pad;
    }
    round_range(&low, &high, step_of(high - low, 5));
    return (scale){low, high, from, to, false};
}

/* As many digits behind the point as steps need. */
static void print_tick(senc_buffer *out, double v, double step) {
    const int digits = step >= 1 ? 0 : (int)fmin(6, ceil(-log10(step) - 1e-9));
    if (fabs(v) < step * 1e-6) v = 0;
    if (fabs(v) >= 1e6)
        senc_buffer_printf(out, "%.3gM", v / 1e6);
    else if (fabs(v) >= 10000)
        senc_buffer_printf(out, "%.3gk", v / 1e3);
    else
        senc_buffer_printf(out, "%.*f", digits, v);
}

/* ---- the figure around ---- */

static void open_figure(senc_buffer *out, const eval_chart *c) {
    senc_buffer_append_text(out, "<figure>\n<figcaption>");
    eval_html_text(out, c->title);
    senc_buffer_append_text(out, "</figcaption>\n");
    if (c->note) {
        senc_buffer_append_text(out, "<p>");
        eval_html_text(out, c->note);
        senc_buffer_append_text(out, "</p>\n");
    }
}

static void open_picture(senc_buffer *out, const eval_chart *c, double height) {
    senc_buffer_printf(out, "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"", WIDTH, height);
    eval_html_printf(out, "%s. %s", c->title, c->description ? c->description : "");
    senc_buffer_append_text(out, "\">\n");
}

static void close_figure(senc_buffer *out) {
    senc_buffer_append_text(out, "</svg>\n</figure>\n");
}

static void put_label(senc_buffer *out, double x, double y, const char *anchor, const char *class_name,
                      const char *text) {
    senc_buffer_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s%s%s>", x, y, anchor,
                       class_name ? " class=\"" : "", class_name ? class_name : "", class_name ? "\"" : "");
    eval_html_text(out, text);
    senc_buffer_append_text(out, "</text>\n");
}

static void put_segment(senc_buffer *out, double x1, double y1, double x2, double y2, const char *class_name) {
    senc_buffer_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2,
                       class_name);
}

static const char *class_of(int kind) {
    static const char *const names[] = {"k0", "k1", "k2", "k3", "k4"};
    if (kind == EVAL_CHART_GOOD) return "kg";
    if (kind == EVAL_CHART_BAD) return "kb";
    return names[kind % EVAL_CHART_SERIES];
}

static void put_key(senc_buffer *out, const char *const *names, int64_t n) {
    senc_buffer_append_text(out, "<ul class=\"key\">");
    for (int64_t i = 0; i < n; i++) {
        senc_buffer_printf(out, "<li class=\"%s\"><i></i>", class_of((int)i));
        eval_html_text(out, names[i]);
        senc_buffer_append_text(out, "</li>");
    }
    senc_buffer_append_text(out, "</ul>\n");
}

/* ---- axes ---- */

static void put_y_axis(senc_buffer *out, const eval_chart *c, const scale *y) {
    const double step = step_of(y->high - y->low, 5);
    const int n = (int)llround((y->high - y->low) / step);
    for (int i = 0; i <= n && i < MOST_TICKS; i++) {
        const double v = y->low + i * step, at = place(y, v);
        put_segment(out, LEFT, at, WIDTH - RIGHT, at, "grid");
        senc_buffer_printf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 5, at + 3.5);
        print_tick(out, v, step);
        senc_buffer_append_text(out, "</text>\n");
    }
    if (!c->y_label) return;
    const double middle = (TOP + HEIGHT - BOTTOM) / 2.0;
    senc_buffer_printf(out, "<text x=\"9\" y=\"%.1f\" text-anchor=\"middle\" transform=\"rotate(-90 9 %.1f)\">", middle,
                       middle);
    eval_html_text(out, c->y_label);
    senc_buffer_append_text(out, "</text>\n");
}

static void put_x_tick(senc_buffer *out, const scale *x, double v, double step, double bottom) {
    const double at = place(x, v);
    put_segment(out, at, bottom, at, bottom + 4, "axis");
    const bool is_last = at > WIDTH - RIGHT - 8;
    senc_buffer_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", is_last ? at + RIGHT - 2 : at,
                       bottom + 15, is_last ? "end" : "middle");
    print_tick(out, v, step);
    senc_buffer_append_text(out, "</text>\n");
}

/* A logarithmic axis has a tick at every number of the lines that is far enough from the one before. */
static void put_log_ticks(senc_buffer *out, const scale *x, const eval_chart_line *lines, int64_t n_lines,
                          double bottom) {
    double last = 0; /* numbers are positive */
    for (;;) {
        double next = HUGE_VAL;
        for (int64_t l = 0; l < n_lines; l++)
            for (int64_t i = 0; i < lines[l].n; i++)
                if (lines[l].x[i] > last && (last == 0 || place(x, lines[l].x[i]) - place(x, last) >= NEAREST_TICKS))
                    next = fmin(next, lines[l].x[i]);
        if (!isfinite(next)) return;
        put_x_tick(out, x, next, 1, bottom);
        last = next;
    }
}

static void put_linear_ticks(senc_buffer *out, const scale *x, double bottom) {
    const double step = step_of(x->high - x->low, 6), first = ceil(x->low / step - 1e-9) * step;
    const int n = (int)floor((x->high - first) / step + 1e-9);
    for (int i = 0; i <= n && i < MOST_TICKS; i++) put_x_tick(out, x, first + i * step, step, bottom);
}

/* lines (n_lines): whose numbers a logarithmic axis shows. */
static void put_x_axis(senc_buffer *out, const eval_chart *c, const scale *x, const eval_chart_line *lines,
                       int64_t n_lines, double height) {
    const double bottom = height - BOTTOM;
    put_segment(out, x->from, bottom, x->to, bottom, "axis");
    if (x->is_log)
        put_log_ticks(out, x, lines, n_lines, bottom);
    else
        put_linear_ticks(out, x, bottom);
    if (c->x_label) put_label(out, (x->from + x->to) / 2, height - 5, "middle", NULL, c->x_label);
}

/* ---- lines ---- */

typedef struct range {
    double low, high;
} range;

static range empty_range(void) {
    return (range){HUGE_VAL, -HUGE_VAL};
}

static void widen(range *r, double v) {
    if (!isfinite(v)) return;
    r->low = fmin(r->low, v);
    r->high = fmax(r->high, v);
}

static void put_point(senc_buffer *out, double x, double y, const char *name, double value_x, double value_y) {
    senc_buffer_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.2\" class=\"pt\"><title>", x, y);
    eval_html_printf(out, "%s: %.4f at %g", name, value_y, value_x);
    senc_buffer_append_text(out, "</title></circle>\n");
}

static void put_line(senc_buffer *out, const eval_chart_line *l, int64_t index, const scale *x, const scale *y) {
    senc_buffer_printf(out, "<g class=\"%s\">\n<polyline class=\"ln%s\" points=\"", class_of((int)index),
                       index % 2 ? " dash" : "");
    for (int64_t i = 0; i < l->n; i++)
        if (isfinite(l->y[i])) senc_buffer_printf(out, "%.1f,%.1f ", place(x, l->x[i]), place(y, l->y[i]));
    senc_buffer_append_text(out, "\"/>\n");
    for (int64_t i = 0; i < l->n; i++)
        if (isfinite(l->y[i])) put_point(out, place(x, l->x[i]), place(y, l->y[i]), l->name, l->x[i], l->y[i]);
    senc_buffer_append_text(out, "</g>\n");
}

/* Boxes that labels may not cover: points and labels. */
typedef struct boxes {
    struct {
        double left, top, right, bottom;
    } items[MOST_BOXES];
    int64_t n;
} boxes;

static void add_box(boxes *b, double left, double top, double right, double bottom) {
    if (b->n == MOST_BOXES) return;
    b->items[b->n].left = left;
    b->items[b->n].top = top;
    b->items[b->n].right = right;
    b->items[b->n++].bottom = bottom;
}

static bool is_free(const boxes *b, double left, double top, double right, double bottom) {
    if (left < LEFT || right > WIDTH - 2 || top < 0 || bottom > HEIGHT - BOTTOM) return false;
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
    } places[] = {{5, -5, "start"}, {5, 13, "start"},  {-5, -5, "end"},   {-5, 13, "end"},    {7, 4, "start"},
                  {-7, 4, "end"},   {0, -7, "middle"}, {0, 16, "middle"}, {0, -19, "middle"}, {0, 27, "middle"}};
    const double width = 5.9 * (double)strlen(text); /* of 10.5 px letters, not too little */
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const double at = x + places[i].dx, base = y + places[i].dy;
        const double left = *places[i].anchor == 's' ? at : *places[i].anchor == 'e' ? at - width : at - width / 2;
        if (!is_free(b, left, base - 8, left + width, base + 2)) continue;
        put_label(out, at, base, places[i].anchor, "v", text);
        add_box(b, left, base - 8, left + width, base + 2);
        return;
    }
}

static void put_point_labels(senc_buffer *out, const eval_chart_line *lines, int64_t n_lines, const scale *x,
                             const scale *y) {
    boxes b = {.n = 0};
    for (int64_t l = 0; l < n_lines; l++)
        for (int64_t i = 0; i < lines[l].n; i++) {
            const double px = place(x, lines[l].x[i]), py = place(y, lines[l].y[i]);
            if (isfinite(lines[l].y[i])) add_box(&b, px - 3, py - 3, px + 3, py + 3);
        }
    for (int64_t l = 0; l < n_lines; l++)
        for (int64_t i = 0; lines[l].labels && i < lines[l].n; i++)
            if (isfinite(lines[l].y[i]))
                put_point_label(out, &b, place(x, lines[l].x[i]), place(y, lines[l].y[i]), lines[l].labels[i]);
}

void eval_chart_lines(senc_buffer *out, const eval_chart *c, const eval_chart_line *lines, int64_t n_lines) {
    range rx = empty_range(), ry = empty_range();
    const char *names[EVAL_CHART_SERIES];
    n_lines = n_lines < EVAL_CHART_SERIES ? n_lines : EVAL_CHART_SERIES;
    for (int64_t l = 0; l < n_lines; l++) {
        names[l] = lines[l].name;
        for (int64_t i = 0; i < lines[l].n; i++) {
            widen(&rx, lines[l].x[i]);
            widen(&ry, lines[l].y[i]);
        }
    }
    if (c->y_from_zero) ry.low = fmin(ry.low, 0);
    scale x = linear_scale(rx.low, rx.high, LEFT, WIDTH - RIGHT);
    const scale y = linear_scale(ry.low, ry.high, HEIGHT - BOTTOM, TOP);
    if (c->x_is_log && rx.low > 0) {
        const bool is_wide = rx.high > rx.low;
        x = (scale){is_wide ? rx.low : rx.low / 2, is_wide ? rx.high : rx.low * 2, LEFT + 8, WIDTH - RIGHT - 8, true};
    }
    open_figure(out, c);
    if (n_lines > 1) put_key(out, names, n_lines);
    open_picture(out, c, HEIGHT);
    put_y_axis(out, c, &y);
    put_x_axis(out, c, &x, lines, n_lines, HEIGHT);
    for (int64_t l = 0; l < n_lines; l++) put_line(out, &lines[l], l, &x, &y);
    put_point_labels(out, lines, n_lines, &x, &y);
    close_figure(out);
}

void eval_chart_dots(senc_buffer *out, const eval_chart *c, const double *x, const double *y, int64_t n) {
    range rx = empty_range(), ry = empty_range();
    for (int64_t i = 0; i < n; i++) {
        widen(&rx, x[i]);
        widen(&ry, y[i]);
    }
    const scale sx = linear_scale(rx.low, rx.high, LEFT, WIDTH - RIGHT);
    const scale sy = linear_scale(ry.low, ry.high, HEIGHT - BOTTOM, TOP);
    open_figure(out, c);
    open_picture(out, c, HEIGHT);
    put_y_axis(out, c, &sy);
    put_x_axis(out, c, &sx, NULL, 0, HEIGHT);
    senc_buffer_append_text(out, "<path class=\"dots k0\" d=\"");
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i]) && isfinite(y[i]))
            senc_buffer_printf(out, "M%.1f %.1fh0", place(&sx, x[i]), place(&sy, y[i]));
    senc_buffer_append_text(out, "\"/>\n");
    close_figure(out);
}

/* ---- distributions ---- */

static void count_bins(const eval_chart_sample *s, const scale *x, double *shares) {
    int64_t n = 0;
    memset(shares, 0, BINS * sizeof *shares);
    for (int64_t i = 0; i < s->n; i++) {
        if (!isfinite(s->values[i])) continue;
        int bin = (int)(BINS * (s->values[i] - x->low) / (x->high - x->low));
        bin = bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin;
        shares[bin]++;
        n++;
    }
    for (int b = 0; b < BINS && n > 0; b++) shares[b] = 100.0 * shares[b] / (double)n;
}

static void put_steps(senc_buffer *out, const double *shares, int kind, const scale *x, const scale *y) {
    senc_buffer_printf(out, "<g class=\"%s\"><path class=\"ar%s\" d=\"M%.1f %.1f", class_of(kind), kind ? " dash" : "",
                       x->from, y->from);
    for (int b = 0; b < BINS; b++) {
        const double at = place(y, shares[b]);
        senc_buffer_printf(out, "V%.1fH%.1f", at, x->from + (x->to - x->from) * (b + 1) / BINS);
    }
    senc_buffer_printf(out, "V%.1fZ\"/></g>\n", y->from);
}

void eval_chart_histogram(senc_buffer *out, const eval_chart *c, const eval_chart_sample *samples, int64_t n_samples) {
    range rx = empty_range(), ry = {0, 0};
    const char *names[EVAL_CHART_SERIES];
    double shares[EVAL_CHART_SERIES][BINS];
    n_samples = n_samples < EVAL_CHART_SERIES ? n_samples : EVAL_CHART_SERIES;
    for (int64_t s = 0; s < n_samples; s++) {
        names[s] = samples[s].name;
        for (int64_t i = 0; i < samples[s].n; i++) widen(&rx, samples[s].values[i]);
    }
    scale x = linear_scale(rx.low, rx.high, LEFT, WIDTH - RIGHT);
    if (rx.high > rx.low) x.low = rx.low, x.high = rx.high; /* bins need no round ends */
    for (int64_t s = 0; s < n_samples; s++) {
        count_bins(&samples[s], &x, shares[s]);
        for (int b = 0; b < BINS; b++) widen(&ry, shares[s][b]);
    }
    const scale y = linear_scale(0, ry.high, HEIGHT - BOTTOM, TOP);
    open_figure(out, c);
    if (n_samples > 1) put_key(out, names, n_samples);
    open_picture(out, c, HEIGHT);
    put_y_axis(out, c, &y);
    for (int64_t s = 0; s < n_samples; s++) put_steps(out, shares[s], (int)s, &x, &y);
    put_x_axis(out, c, &x, NULL, 0, HEIGHT);
    close_figure(out);
}

/* ---- bars ---- */

void eval_chart_bars(senc_buffer *out, const eval_chart *c, const eval_chart_bar *bars, int64_t n) {
    range r = {0, 0};
    for (int64_t i = 0; i < n; i++) widen(&r, bars[i].value);
    const scale y = linear_scale(0, r.high * 1.08, HEIGHT - BOTTOM, TOP);
    const double slot = (double)(WIDTH - LEFT - RIGHT) / (double)(n > 0 ? n : 1), gap = slot > 12 ? 0.18 : 0.08;
    open_figure(out, c);
    open_picture(out, c, HEIGHT);
    put_y_axis(out, c, &y);
    for (int64_t i = 0; i < n; i++) {
        const double left = LEFT + slot * (double)i, top = place(&y, bars[i].value);
        senc_buffer_printf(out, "<rect class=\"ar %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>",
                           class_of(bars[i].kind), left + slot * gap / 2, top, slot * (1 - gap),
                           fmax(0, HEIGHT - BOTTOM - top));
        eval_html_printf(out, "%s: %g", bars[i].label, bars[i].value);
        senc_buffer_append_text(out, "</title></rect>\n");
        if (slot >= 24) {
            char text[32];
            snprintf(text, sizeof text, "%g", bars[i].value);
            put_label(out, left + slot / 2, top - 3, "middle", "v", text);
        }
        put_label(out, left + slot / 2, HEIGHT - BOTTOM + 14, "middle", NULL, bars[i].label);
    }
    put_segment(out, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis");
    if (c->x_label) put_label(out, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 5, "middle", NULL, c->x_label);
    close_figure(out);
}

/* ---- forest plots ---- */

enum { ROW = 32, FOREST_SIDE = 10 };

static void put_row(senc_buffer *out, const eval_chart_row *row, const scale *x, double top) {
    const double middle = top + 20;
    put_label(out, FOREST_SIDE, top + 9, "start", "v", row->label);
    if (row->text) put_label(out, WIDTH - FOREST_SIDE, top + 9, "end", NULL, row->text);
    senc_buffer_printf(out, "<g class=\"%s\">\n", class_of(row->kind));
    if (isfinite(row->low) && isfinite(row->high))
        put_segment(out, place(x, row->low), middle, place(x, row->high), middle, "ci");
    if (isfinite(row->value)) {
        senc_buffer_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" class=\"pt\"><title>", place(x, row->value),
                           middle);
        eval_html_printf(out, "%s: %.4f", row->label, row->value);
        senc_buffer_append_text(out, "</title></circle>\n");
    }
    senc_buffer_append_text(out, "</g>\n");
}

void eval_chart_forest(senc_buffer *out, const eval_chart *c, double reference, const eval_chart_row *rows, int64_t n) {
    range r = empty_range();
    widen(&r, reference);
    for (int64_t i = 0; i < n; i++) {
        widen(&r, rows[i].value);
        widen(&r, rows[i].low);
        widen(&r, rows[i].high);
    }
    const double height = TOP + ROW * (double)n + BOTTOM - 2;
    const scale x = linear_scale(r.low, r.high, FOREST_SIDE + 8, WIDTH - FOREST_SIDE - 8);
    open_figure(out, c);
    open_picture(out, c, height);
    const double step = step_of(x.high - x.low, 6), first = ceil(x.low / step - 1e-9) * step;
    const int n_ticks = (int)floor((x.high - first) / step + 1e-9);
    for (int i = 0; i <= n_ticks && i < MOST_TICKS; i++) {
        const double at = place(&x, first + i * step);
        put_segment(out, at, TOP, at, height - BOTTOM, "grid");
    }
    if (isfinite(reference)) put_segment(out, place(&x, reference), TOP, place(&x, reference), height - BOTTOM, "ref");
    put_x_axis(out, c, &x, NULL, 0, height);
    for (int64_t i = 0; i < n; i++) put_row(out, &rows[i], &x, TOP + ROW * (double)i);
    close_figure(out);
}

static void put_stack(senc_buffer *out, const eval_chart_stack *stack, const char *const names[3], double top) {
    static const char *const classes[] = {"kg", "k4", "kb"};
    const double sum = stack->parts[0] + stack->parts[1] + stack->parts[2];
    double left = FOREST_SIDE;
    char text[80];
    put_label(out, FOREST_SIDE, top + 9, "start", "v", stack->label);
    snprintf(text, sizeof text, "%.0f / %.0f / %.0f", stack->parts[0], stack->parts[1], stack->parts[2]);
    put_label(out, WIDTH - FOREST_SIDE, top + 9, "end", NULL, text);
    for (int i = 0; i < 3 && sum > 0; i++) {
        const double width = (WIDTH - 2 * FOREST_SIDE) * stack->parts[i] / sum;
        senc_buffer_printf(out, "<rect class=\"st %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"11\"><title>",
                           classes[i], left, top + 14, width);
        eval_html_printf(out, "%s: %s %.0f", stack->label, names[i], stack->parts[i]);
        senc_buffer_append_text(out, "</title></rect>\n");
        left += width;
    }
}

void eval_chart_stacks(senc_buffer *out, const eval_chart *c, const char *const names[3],
                       const eval_chart_stack *stacks, int64_t n) {
    static const char *const classes[] = {"kg", "k4", "kb"};
    open_figure(out, c);
    senc_buffer_append_text(out, "<ul class=\"key\">");
    for (int i = 0; i < 3; i++) {
        senc_buffer_printf(out, "<li class=\"%s\"><i></i>", classes[i]);
        eval_html_text(out, names[i]);
        senc_buffer_append_text(out, "</li>");
    }
    senc_buffer_append_text(out, "</ul>\n");
    open_picture(out, c, TOP + ROW * (double)n + 4);
    for (int64_t i = 0; i < n; i++) put_stack(out, &stacks[i], names, TOP + ROW * (double)i);
    close_figure(out);
}
