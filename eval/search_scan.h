/* Search by products (cosine, dot, euclidean): a scan in bytes finds the documents that could be among a query's k
 * nearest, these are scored exactly and offered. See autograd/kernels/scan.h for the bound that makes it exact. */
#ifndef EVAL_SEARCH_SCAN_H
#define EVAL_SEARCH_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "autograd/kernels/kernels.h"
#include "eval/metrics/similarity.h"
#include "eval/nearest.h"

typedef struct eval_scan eval_scan;

/* queries (n of nearest, width), query_square (n, of their lengths) and nearest must outlive it. False: out of memory.
 */
bool eval_scan_open(const kern_scan *kernels, eval_similarity similarity, const float *queries,
                    const double *query_square, int64_t width, eval_nearest *nearest, eval_scan **out, senc_error *err);
/* The next n documents; the first is number `first_document` of all. */
bool eval_scan_add(eval_scan *s, const float *block, int64_t n, int64_t first_document, senc_error *err);
void eval_scan_close(eval_scan *s);

#endif
