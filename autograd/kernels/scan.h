/* The first pass of an exact search: which pairs of a query and a document can still matter.
 *
 * Queries q and documents x are rounded to a few bits with one step size a vector. For every pair a scan computes an
 * upper bound of
 *
 *     q.x             or, when the documents were packed with `squares`,  q.x - |x|^2 / 2
 *
 * from the product of the integers and the length of what rounding took away (Cauchy-Schwarz):
 *
 *     q.x = q^.x^ + e_q.x^ + q.e_x <= q^.x^ + |e_q| |x^| + |q| |e_x|,    v^ the rounded vector, e_v = v - v^
 *
 * and reports the pairs whose bound is not below what the caller asks for. The bound holds for the numbers as they are,
 * rounding of every step here included: a pair that is not reported is out for certain. How many are reported in vain
 * depends on the instruction set: the bound is about 0.02 |q| |x| too high for unit vectors of 384 numbers.
 *
 * All functions are serial and thread-safe. Documents are packed in panels, queries one by one behind each other. */
#ifndef KERN_SCAN_H
#define KERN_SCAN_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* What the scan knows of a packed query. All in units of the query's step. */
typedef struct kern_scan_query {
    double step;   /* the query is nearly step * integers; 0: it cannot be rounded, and everything is reported */
    float length;  /* |q|, rounded up */
    float error;   /* |e_q|, rounded up */
    float inverse; /* 1 / step */
    float least;   /* bounds below this are not reported: kern_scan_ask */
} kern_scan_query;

typedef struct kern_scan_hit {
    int32_t query, document; /* their places in the scanned queries and the panel */
    float bound;             /* in units of the query's step */
} kern_scan_hit;

typedef struct kern_scan {
    const char *name;                      /* "int8 vnni", ... */
    int64_t panel_documents;               /* in a panel */
    int64_t query_step;                    /* scanning a multiple of this many queries wastes nothing */
    int64_t (*panel_bytes)(int64_t width); /* a multiple of 64; panels are aligned to 64 */
    int64_t (*query_bytes)(int64_t width); /* a multiple of 4 */

    /* q = scale * row - center, row and center (width); center NULL: zeros. Sets all of *query; least: everything is
     * reported. */
    void (*pack_query)(int64_t width, const float *row, float scale, const float *center, void *packed,
                       kern_scan_query *query);
    /* x = scales[i] * rows[i] - center for i < n <= panel_documents; scales NULL: ones. query_error: at least the
     * `error` of every query that will meet this panel. A row with a number that is not finite is reported always. */
    void (*pack_panel)(int64_t n, int64_t width, const float *rows, const float *scales, const float *center,
                       float query_error, bool squares, void *panel);
    /* The pairs whose bound is not below the query's `least`, at most n_queries * n, ordered by query or in groups of
     * query_step; returns how many. A bound that is NaN counts as not below. */
    int64_t (*scan)(int64_t width, int64_t n, const void *panel, int64_t n_queries, const void *packed,
                    const kern_scan_query *queries, kern_scan_hit *hits);

    /* Exact products, the same on every machine: sums in double of eight lanes, s[i % 8] += a[i] * b[i], added up as
     * ((s0+s4)+(s1+s5)) + ((s2+s6)+(s3+s7)). One a (as doubles) with n rows. */
    void (*dots)(int64_t width, const double *a, int64_t n, const float *const *rows, double *dots);
    /* Of n rows with themselves. */
    void (*squares)(int64_t width, int64_t n, const float *rows, double *squares);
} kern_scan;

/* Wider vectors are not rounded: their integer products could overflow 32 bits. */
#define KERN_SCAN_MOST_WIDTH 100000

/* From now on only bounds >= least (in units of the vectors) are reported. */
static inline void kern_scan_ask(kern_scan_query *query, double least) {
    if (query->step == 0.0) return;
    double in_steps = least / query->step;
    if (in_steps > (double)FLT_MAX) in_steps = (double)FLT_MAX;
    query->least = in_steps < -(double)FLT_MAX ? -INFINITY : (float)in_steps;
    if ((double)query->least > in_steps) query->least = nextafterf(query->least, -INFINITY);
}

#endif
