/* Charts as inline SVG in a <figure>: a title, a line of explanation, a key, axes with labels, and for readers that see
 * no picture a description. 360 units wide with letters of 12.5, so that they have more than 11 pixels on a phone of
 * 390. Numbers that are not finite are left out. */
#ifndef EVAL_SVG_CHART_H
#define EVAL_SVG_CHART_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/buffer.h"

#define EVAL_CHART_SERIES 5 /* at most; they differ in colour and dashes */

typedef struct eval_chart {
    const char *title, *note; /* note under the title; NULL: none */
    const char *x_label, *y_label;
    const char *description; /* of what is to be seen */
    bool x_is_log;
    bool y_from_zero;
    const double *reference; /* of lines: a dashed line at this height; NULL: none */
} eval_chart;

typedef struct eval_chart_line {
    const char *name;
    const double *x, *y; /* (n), x ascending */
    int64_t n;
    const char *const *labels; /* (n) written beside the points; NULL: none */
} eval_chart_line;

void eval_chart_lines(senc_buffer *out, const eval_chart *chart, const eval_chart_line *lines, int64_t n_lines);

/* A cloud of n points. */
void eval_chart_dots(senc_buffer *out, const eval_chart *chart, const double *x, const double *y, int64_t n);

/* Distributions of samples over one range, as shares of each, in bins. */
typedef struct eval_chart_sample {
    const char *name;
    const double *values;
    int64_t n;
} eval_chart_sample;
void eval_chart_histogram(senc_buffer *out, const eval_chart *chart, const eval_chart_sample *samples,
                          int64_t n_samples);

/* Bars side by side, one a label. note: written above each ("37 %"); NULL: the value. kinds: 0..4 colours, or NULL. */
typedef struct eval_chart_bar {
    const char *label;
    double value;
    int kind;
} eval_chart_bar;
void eval_chart_bars(senc_buffer *out, const eval_chart *chart, const eval_chart_bar *bars, int64_t n);

/* Values with intervals under one another (a forest plot). reference: a dashed line; NaN: none. No line crosses a
 * label, and labels that have no room beside their text stand above it. */
typedef struct eval_chart_row {
    const char *label;
    double value, low, high; /* low, high NaN: no interval */
    const char *text;        /* written at the right */
    int kind;                /* colour: 0..4, or EVAL_CHART_GOOD, EVAL_CHART_BAD */
} eval_chart_row;
enum { EVAL_CHART_GOOD = 10, EVAL_CHART_BAD };
void eval_chart_forest(senc_buffer *out, const eval_chart *chart, double reference, const eval_chart_row *rows,
                       int64_t n);

/* Bars under one another, each cut into wins, ties and losses (good, grey, bad), as shares of their sum. */
typedef struct eval_chart_stack {
    const char *label;
    double parts[3];
} eval_chart_stack;
void eval_chart_stacks(senc_buffer *out, const eval_chart *chart, const char *const names[3],
                       const eval_chart_stack *stacks, int64_t n);

#endif
