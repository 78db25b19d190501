/* What the bound of a scan (scan.h) is made of, for those who compute it:
 *
 *     bound = step * I + base + error * query.length + square * query.inverse        in units of the query's step
 *
 * with I the product of the integers. Lengths come from sums in float; SLACK covers their rounding, and the terms with
 * powers of two that of scale * row - center (two operations), of the bound itself (a handful) and of the exact score.
 */
#ifndef KERN_SCAN_BOUND_H
#define KERN_SCAN_BOUND_H

#include "autograd/kernels/scan.h"

typedef struct kern_scan_document {
    float step, base, error, square;
} kern_scan_document;

/* Numbers between these are rounded; a vector of others takes part as one that is always reported. Their squares and
 * products stay far from the ends of float. */
#define KERN_SCAN_SMALLEST 1e-15F
#define KERN_SCAN_LARGEST  1e15F

static inline double kern_scan_slack(int64_t width) {
    return 1.0 + ((double)width + 64.0) * 0x1p-23;
}

/* How far scale * row - center in float may be from the true one. */
static inline double kern_scan_blur(double length, double center_length) {
    return 0x1p-22 * (length + center_length);
}

/* length of x, error_length of x - x^. */
static inline kern_scan_document kern_scan_measure_document(int64_t width, float step, double length,
                                                            double error_length, double center_length,
                                                            float query_error, bool squares) {
    const double slack = kern_scan_slack(width), blur = kern_scan_blur(length * slack, center_length);
    const double both = (length + error_length) * slack; /* |x^| and |x| are at most this */
    double least = length / slack - blur;
    if (least < 0.0) least = 0.0;
    return (kern_scan_document){
        .step = step,
        .base = (float)((double)query_error * both * slack),
        .error = (float)((error_length * slack + blur + 0x1p-20 * both) * slack),
        .square = squares ? (float)(-0.5 * least * least / slack) : 0.0F,
    };
}

/* One that is always reported. */
static inline kern_scan_document kern_scan_document_unknown(void) {
    return (kern_scan_document){.base = INFINITY};
}

static inline kern_scan_query kern_scan_measure_query(int64_t width, float step, double length, double error_length,
                                                      double center_length) {
    const double slack = kern_scan_slack(width), blur = kern_scan_blur(length * slack, center_length);
    return (kern_scan_query){
        .step = (double)step,
        .length = (float)(length * slack * slack / (double)step),
        .error = (float)((error_length * slack + blur) * slack / (double)step),
        .inverse = (float)(1.0 / (double)step),
        .least = -INFINITY,
    };
}

static inline kern_scan_query kern_scan_query_unknown(void) {
    return (kern_scan_query){.least = -INFINITY};
}

#endif
