/* Vectors in bytes, for the scan of scan.h. Four numbers make a word of 32 bits; a step of a product multiplies one
 * word of a query (signed bytes) with one word of each document of a panel (unsigned: 0 stands for -offset).
 *
 *   panel    words [steps][panel_documents], then step, base, error, square, each [panel_documents] floats
 *   query    a correction for the offset, then words [steps]; in pairs: that for each group of `length` steps
 *
 * Which number lands in which word is the same for queries and documents and else of no matter. "In pairs" sums in 16
 * bits over a group of steps; what is multiplied there is kept small enough by pair_limit. */
#ifndef KERN_SIMD_INT8_SCAN_H
#define KERN_SIMD_INT8_SCAN_H

#include "autograd/kernels/cpu/simd/simd.h"
#include "autograd/kernels/scan_bound.h"

/* A block is LANES words: lane l holds numbers l, l + LANES, l + 2 LANES, l + 3 LANES of its 4 LANES numbers. */
#define INT8_BLOCK (4 * LANES)

typedef struct int8_format {
    bool pairs;
    int32_t panel_documents;
    int32_t query_levels, document_levels, offset; /* a query's integers lie in [-levels, levels] */
    /* In pairs: of the integers that one 16-bit sum takes from a vector, the length is at most this. By Cauchy-Schwarz
     * the product of the two limits bounds the sum. */
    float query_limit, document_limit;
} int8_format;

/* Blocks come in sets of `length`; lane l of a set is a group of `length` steps. Not in pairs: length 1. */
typedef struct int8_shape {
    int64_t blocks, length, groups, steps;
} int8_shape;

static inline int8_shape int8_shape_of(const int8_format *f, int64_t width) {
    const int64_t most = f->pairs ? 12 : 1;
    int8_shape s = {.blocks = (width + INT8_BLOCK - 1) / INT8_BLOCK};
    const int64_t sets = (s.blocks + most - 1) / most;
    s.length = (s.blocks + sets - 1) / sets;
    s.groups = sets * LANES;
    s.steps = s.groups * s.length;
    return s;
}

static inline int64_t int8_panel_bytes(const int8_format *f, int64_t width) {
    return (int8_shape_of(f, width).steps + 4) * 4 * f->panel_documents;
}

static inline int64_t int8_query_bytes(const int8_format *f, int64_t width) {
    const int8_shape s = int8_shape_of(f, width);
    return 4 * (s.steps + (f->pairs ? s.groups : 1));
}

/* As kern_scan.pack_query and so on, in the given format. */
void KERN_NAME(kern_scan_pack_query)(const int8_format *f, int64_t width, const float *row, float scale,
                                     const float *center, void *packed, kern_scan_query *query);
void KERN_NAME(kern_scan_pack_panel)(const int8_format *f, int64_t n, int64_t width, const float *rows,
                                     const float *scales, const float *center, float query_error, bool squares,
                                     void *panel);
void KERN_NAME(kern_scan_dots)(int64_t width, const double *a, int64_t n, const float *const *rows, double *dots);
void KERN_NAME(kern_scan_squares)(int64_t width, int64_t n, const float *rows, double *squares);
#define kern_scan_pack_query KERN_NAME(kern_scan_pack_query)
#define kern_scan_pack_panel KERN_NAME(kern_scan_pack_panel)
#define kern_scan_dots       KERN_NAME(kern_scan_dots)
#define kern_scan_squares    KERN_NAME(kern_scan_squares)

#endif
