/* Scales, axes and the figure around a chart: see svg_parts.h. */
#include "eval/reports/svg_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/base/terminal.h"
#include "eval/reports/html_page.h"

enum { NEAREST_TICKS = 32, Y_LABEL = 16 };

/* ---- scales ---- */

double svg_place(const svg_scale *s, double v) {
    const double low = s->is_log ? log(s->low) : s->low, high = s->is_log ? log(s->high) : s->high;
    return s->from + (s->to - s->from) * ((s->is_log ? log(v) : v) - low) / (high - low);
}

double svg_step_of(double range, int most) {
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

svg_scale svg_linear_scale(double low, double high, double from, double to) {
    if (!(high >= low)) low = 0, high = 1;
    if (!(high - low > 1e-12)) {
        const double pad = fabs(high) > 1e-9 ? fabs(high) * 0.05 : 0.5;
        low -= pad;
        high += pad;
    }
    round_range(&low, &high, svg_step_of(high - low, 5));
    return (svg_scale){low, high, from, to, false};
}

svg_range svg_empty_range(void) {
    return (svg_range){HUGE_VAL, -HUGE_VAL};
}

void svg_widen(svg_range *r, double v) {
    if (!isfinite(v)) return;
    r->low = fmin(r->low, v);
    r->high = fmax(r->high, v);
}

/* ---- the figure around ---- */

void svg_open_figure(senc_buffer *out, const eval_chart *c) {
    senc_buffer_append_text(out, "<figure>\n<figcaption>");
    eval_html_text(out, c->title);
    senc_buffer_append_text(out, "</figcaption>\n");
    if (c->note) {
        senc_buffer_append_text(out, "<p>");
        eval_html_text(out, c->note);
        senc_buffer_append_text(out, "</p>\n");
    }
}

void svg_open_picture(senc_buffer *out, const eval_chart *c, double height) {
    senc_buffer_printf(out, "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"", SVG_WIDTH, height);
    eval_html_printf(out, "%s. %s", c->title, c->description ? c->description : "");
    senc_buffer_append_text(out, "\">\n");
}

void svg_close_figure(senc_buffer *out) {
    senc_buffer_append_text(out, "</svg>\n</figure>\n");
}

void svg_put_key(senc_buffer *out, const char *const *classes, const char *const *names, int64_t n) {
    senc_buffer_append_text(out, "<ul class=\"key\">");
    for (int64_t i = 0; i < n; i++) {
        senc_buffer_printf(out, "<li class=\"%s\"><i></i>", classes[i]);
        eval_html_text(out, names[i]);
        senc_buffer_append_text(out, "</li>");
    }
    senc_buffer_append_text(out, "</ul>\n");
}

const char *svg_class_of(int kind) {
    static const char *const names[] = {"k0", "k1", "k2", "k3", "k4"};
    if (kind == EVAL_CHART_GOOD) return "kg";
    if (kind == EVAL_CHART_BAD) return "kb";
    return names[kind % EVAL_CHART_SERIES];
}

/* ---- marks ---- */

double svg_text_width(const char *text) {
    return SVG_CHARACTER * (double)senc_text_width(text, (int64_t)strlen(text));
}

/* The place behind (or, from the end, before) so many columns of the text, at a character. */
static size_t columns_at(const char *text, int64_t columns) {
    size_t at = 0;
    const size_t n = strlen(text);
    while (at < n) {
        size_t next = at + 1;
        while (next < n && ((unsigned char)text[next] & 0xc0) == 0x80) next++;
        if (senc_text_width(text, (int64_t)next) > columns) break;
        at = next;
    }
    return at;
}

void svg_put_label(senc_buffer *out, double x, double y, const char *anchor, const char *class_name, const char *text,
                   double most_width) {
    senc_buffer_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s%s%s>", x, y, anchor,
                       class_name ? " class=\"" : "", class_name ? class_name : "", class_name ? "\"" : "");
    const int64_t columns = (int64_t)(most_width / SVG_CHARACTER), n_bytes = (int64_t)strlen(text);
    const int64_t width = senc_text_width(text, n_bytes);
    if (width <= columns || columns < 3) {
        eval_html_text(out, text);
    } else {
        const int64_t tail = (columns - 1) / 2;
        const size_t cut = columns_at(text, columns - 1 - tail), again = columns_at(text, width - tail);
        eval_html_printf(out, "%.*s…%s", (int)cut, text, text + again);
        senc_buffer_append_text(out, "<title>");
        eval_html_text(out, text);
        senc_buffer_append_text(out, "</title>");
    }
    senc_buffer_append_text(out, "</text>\n");
}

void svg_put_segment(senc_buffer *out, double x1, double y1, double x2, double y2, const char *class_name) {
    senc_buffer_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2,
                       class_name);
}

/* ---- axes ---- */

/* As many digits behind the point as steps need. */
static const char *tick_text(double v, double step, char *out, size_t out_bytes) {
    const int digits = step >= 1 ? 0 : (int)fmin(6, ceil(-log10(step) - 1e-9));
    if (fabs(v) < step * 1e-6) v = 0;
    if (fabs(v) >= 1e6)
        snprintf(out, out_bytes, "%.3gM", v / 1e6);
    else if (fabs(v) >= 10000)
        snprintf(out, out_bytes, "%.3gk", v / 1e3);
    else
        snprintf(out, out_bytes, "%.*f", digits, v);
    return out;
}

double svg_left_of(const eval_chart *c, const svg_scale *y) {
    const double step = svg_step_of(y->high - y->low, 5);
    double widest = 0;
    char text[32];
    for (double v = y->low; v <= y->high + step / 2; v += step)
        widest = fmax(widest, svg_text_width(tick_text(v, step, text, sizeof text)));
    return widest + 7 + (c->y_label ? Y_LABEL : 2);
}

void svg_put_y_axis(senc_buffer *out, const eval_chart *c, const svg_scale *y, double left) {
    const double step = svg_step_of(y->high - y->low, 5);
    const int n = (int)llround((y->high - y->low) / step);
    char text[32];
    for (int i = 0; i <= n && i < SVG_MOST_TICKS; i++) {
        const double v = y->low + i * step, at = svg_place(y, v);
        svg_put_segment(out, left, at, SVG_WIDTH - SVG_RIGHT, at, "grid");
        svg_put_label(out, left - 5, at + 4, "end", NULL, tick_text(v, step, text, sizeof text), left);
    }
    if (!c->y_label) return;
    const double middle = (SVG_TOP + SVG_HEIGHT - SVG_BOTTOM) / 2.0;
    senc_buffer_printf(out, "<g transform=\"rotate(-90 11 %.1f)\">\n", middle);
    svg_put_label(out, 11, middle, "middle", NULL, c->y_label, SVG_HEIGHT - SVG_BOTTOM);
    senc_buffer_append_text(out, "</g>\n");
}

static void put_x_tick(senc_buffer *out, const svg_scale *x, double v, double step, double bottom) {
    char text[32];
    const double at = svg_place(x, v), width = svg_text_width(tick_text(v, step, text, sizeof text));
    const bool is_last = at + width / 2 > SVG_WIDTH - 1;
    svg_put_segment(out, at, bottom, at, bottom + 4, "axis");
    svg_put_label(out, is_last ? SVG_WIDTH - 1 : at, bottom + 16, is_last ? "end" : "middle", NULL, text, SVG_WIDTH);
}

/* A logarithmic axis has a tick at every number of the lines that is far enough from the one before. */
static void put_log_ticks(senc_buffer *out, const svg_scale *x, const eval_chart_line *lines, int64_t n_lines,
                          double bottom) {
    double last = 0; /* numbers are positive */
    for (;;) {
        double next = HUGE_VAL;
        for (int64_t l = 0; l < n_lines; l++)
            for (int64_t i = 0; i < lines[l].n; i++)
                if (lines[l].x[i] > last &&
                    (last == 0 || svg_place(x, lines[l].x[i]) - svg_place(x, last) >= NEAREST_TICKS))
                    next = fmin(next, lines[l].x[i]);
        if (!isfinite(next)) return;
        put_x_tick(out, x, next, 1, bottom);
        last = next;
    }
}

/* As many ticks as have room beside one another. */
static void put_linear_ticks(senc_buffer *out, const svg_scale *x, double bottom) {
    double step = svg_step_of(x->high - x->low, 6);
    char low[32], high[32];
    const double width = fmax(svg_text_width(tick_text(x->low, step, low, sizeof low)),
                              svg_text_width(tick_text(x->high, step, high, sizeof high)));
    if (width + 8 > (x->to - x->from) * step / (x->high - x->low)) step = svg_step_of(x->high - x->low, 3);
    const double first = ceil(x->low / step - 1e-9) * step;
    const int n = (int)floor((x->high - first) / step + 1e-9);
    for (int i = 0; i <= n && i < SVG_MOST_TICKS; i++) put_x_tick(out, x, first + i * step, step, bottom);
}

void svg_put_x_axis(senc_buffer *out, const eval_chart *c, const svg_scale *x, const eval_chart_line *lines,
                    int64_t n_lines, double height) {
    const double bottom = height - SVG_BOTTOM;
    svg_put_segment(out, x->from, bottom, x->to, bottom, "axis");
    if (x->is_log)
        put_log_ticks(out, x, lines, n_lines, bottom);
    else
        put_linear_ticks(out, x, bottom);
    if (c->x_label) svg_put_label(out, (x->from + x->to) / 2, height - 6, "middle", NULL, c->x_label, SVG_WIDTH);
}
