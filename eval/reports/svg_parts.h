/* What the files of the charts share: see svg_chart.h. Lengths are units of the picture, which is SVG_WIDTH wide. */
#ifndef EVAL_SVG_PARTS_H
#define EVAL_SVG_PARTS_H

#include "eval/reports/svg_chart.h"

enum {
    SVG_WIDTH = 360,
    SVG_HEIGHT = 224,
    SVG_RIGHT = 12,
    SVG_TOP = 10,
    SVG_BOTTOM = 40,
    SVG_SIDE = 10, /* of charts in rows */
    SVG_MOST_TICKS = 12,
};
#define SVG_CHARACTER 6.8 /* width of an average letter, not too little; the style's letters are 12.5 high */

/* Where a number lies in the picture. */
typedef struct svg_scale {
    double low, high; /* of the numbers */
    double from, to;  /* of the picture */
    bool is_log;
} svg_scale;
double svg_place(const svg_scale *s, double v);
/* A scale that ends at round numbers; the range need not be one (high < low: nothing was there). */
svg_scale svg_linear_scale(double low, double high, double from, double to);
/* 1, 2 or 5 times a power of ten: the smallest that cuts the range into at most `most` steps. */
double svg_step_of(double range, int most);

typedef struct svg_range {
    double low, high;
} svg_range;
svg_range svg_empty_range(void);
void svg_widen(svg_range *r, double v); /* by a number that is finite */

void svg_open_figure(senc_buffer *out, const eval_chart *c);
void svg_open_picture(senc_buffer *out, const eval_chart *c, double height);
void svg_close_figure(senc_buffer *out);
void svg_put_key(senc_buffer *out, const char *const *classes, const char *const *names, int64_t n);

double svg_text_width(const char *text);
/* A text that is at most so wide: what is longer loses its middle, so that names stay apart. In HTML it has its whole
 * text as title. class_name: NULL: none. */
void svg_put_label(senc_buffer *out, double x, double y, const char *anchor, const char *class_name, const char *text,
                   double most_width);
void svg_put_segment(senc_buffer *out, double x1, double y1, double x2, double y2, const char *class_name);
const char *svg_class_of(int kind);

/* The left end of a plot whose y axis has these numbers. */
double svg_left_of(const eval_chart *c, const svg_scale *y);
void svg_put_y_axis(senc_buffer *out, const eval_chart *c, const svg_scale *y, double left);
/* lines (n_lines): whose numbers a logarithmic axis shows. */
void svg_put_x_axis(senc_buffer *out, const eval_chart *c, const svg_scale *x, const eval_chart_line *lines,
                    int64_t n_lines, double height);

#endif
