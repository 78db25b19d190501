/* Charts of distributions and of bars: see svg_chart.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/reports/html_page.h"
#include "eval/reports/svg_parts.h"

enum { BINS = 40 };

/* ---- distributions ---- */

static void count_bins(const eval_chart_sample *s, const svg_scale *x, double *shares) {
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

static void put_steps(senc_buffer *out, const double *shares, int kind, const svg_scale *x, const svg_scale *y) {
    senc_buffer_printf(out, "<g class=\"%s\"><path class=\"ar%s\" d=\"M%.1f %.1f", svg_class_of(kind),
                       kind ? " dash" : "", x->from, y->from);
    for (int b = 0; b < BINS; b++) {
        const double at = svg_place(y, shares[b]);
        senc_buffer_printf(out, "V%.1fH%.1f", at, x->from + (x->to - x->from) * (b + 1) / BINS);
    }
    senc_buffer_printf(out, "V%.1fZ\"/></g>\n", y->from);
}

void eval_chart_histogram(senc_buffer *out, const eval_chart *c, const eval_chart_sample *samples, int64_t n_samples) {
    svg_range rx = svg_empty_range(), ry = {0, 0};
    const char *names[EVAL_CHART_SERIES], *classes[EVAL_CHART_SERIES];
    double shares[EVAL_CHART_SERIES][BINS];
    n_samples = n_samples < EVAL_CHART_SERIES ? n_samples : EVAL_CHART_SERIES;
    for (int64_t s = 0; s < n_samples; s++) {
        names[s] = samples[s].name;
        classes[s] = svg_class_of((int)s);
        for (int64_t i = 0; i < samples[s].n; i++) svg_widen(&rx, samples[s].values[i]);
    }
    svg_scale x = svg_linear_scale(rx.low, rx.high, 0, SVG_WIDTH - SVG_RIGHT);
    if (rx.high > rx.low) x.low = rx.low, x.high = rx.high; /* bins need no round ends */
    for (int64_t s = 0; s < n_samples; s++) {
        count_bins(&samples[s], &x, shares[s]);
        for (int b = 0; b < BINS; b++) svg_widen(&ry, shares[s][b]);
    }
    const svg_scale y = svg_linear_scale(0, ry.high, SVG_HEIGHT - SVG_BOTTOM, SVG_TOP);
    x.from = svg_left_of(c, &y);
    svg_open_figure(out, c);
    if (n_samples > 1) svg_put_key(out, classes, names, n_samples);
    svg_open_picture(out, c, SVG_HEIGHT);
    svg_put_y_axis(out, c, &y, x.from);
    for (int64_t s = 0; s < n_samples; s++) put_steps(out, shares[s], (int)s, &x, &y);
    svg_put_x_axis(out, c, &x, NULL, 0, SVG_HEIGHT);
    svg_close_figure(out);
}

/* ---- bars ---- */

static void put_bar(senc_buffer *out, const eval_chart_bar *bar, double left, double slot, const svg_scale *y) {
    const double gap = slot > 12 ? 0.18 : 0.08, top = svg_place(y, bar->value);
    char text[32];
    senc_buffer_printf(out, "<rect class=\"ar %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>",
                       svg_class_of(bar->kind), left + slot * gap / 2, top, slot * (1 - gap), fmax(0, y->from - top));
    eval_html_printf(out, "%s: %g", bar->label, bar->value);
    senc_buffer_append_text(out, "</title></rect>\n");
    snprintf(text, sizeof text, bar->value >= 10000 ? "%.3gk" : "%g",
             bar->value >= 10000 ? bar->value / 1000 : bar->value);
    if (svg_text_width(text) <= slot + 2) svg_put_label(out, left + slot / 2, top - 4, "middle", "v", text, SVG_WIDTH);
    svg_put_label(out, left + slot / 2, y->from + 16, "middle", NULL, bar->label, slot + 2);
}

void eval_chart_bars(senc_buffer *out, const eval_chart *c, const eval_chart_bar *bars, int64_t n) {
    svg_range r = {0, 0};
    for (int64_t i = 0; i < n; i++) svg_widen(&r, bars[i].value);
    const svg_scale y = svg_linear_scale(0, r.high * 1.1, SVG_HEIGHT - SVG_BOTTOM, SVG_TOP);
    const double left = svg_left_of(c, &y);
    const double slot = (SVG_WIDTH - left - SVG_RIGHT) / (double)(n > 0 ? n : 1);
    svg_open_figure(out, c);
    svg_open_picture(out, c, SVG_HEIGHT);
    svg_put_y_axis(out, c, &y, left);
    for (int64_t i = 0; i < n; i++) put_bar(out, &bars[i], left + slot * (double)i, slot, &y);
    svg_put_segment(out, left, y.from, SVG_WIDTH - SVG_RIGHT, y.from, "axis");
    if (c->x_label)
        svg_put_label(out, (left + SVG_WIDTH - SVG_RIGHT) / 2.0, SVG_HEIGHT - 6, "middle", NULL, c->x_label, SVG_WIDTH);
    svg_close_figure(out);
}
