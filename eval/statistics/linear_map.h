/* A linear map from one model's vectors to another's, learned from the vectors that both have for the same texts: ridge
 * regression, W = argmin |X W - Y|^2 + lambda |W|^2. */
#ifndef EVAL_LINEAR_MAP_H
#define EVAL_LINEAR_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

typedef struct eval_linear_map {
    int64_t from, to; /* widths */
    float *weights;   /* (from, to) */
    double ridge;     /* lambda, as a share of the mean square of a component; chosen on a fifth of the texts */
    int64_t n_fitted;
} eval_linear_map;

/* x (n, from), y (n, to): every row a text; rows are scaled to unit length first. n >= 10. */
bool eval_linear_map_fit(const float *x, int64_t from, const float *y, int64_t to, int64_t n, eval_linear_map *map,
                         senc_error *err);
void eval_linear_map_free(eval_linear_map *map);
/* out (n, to); may not be x. */
void eval_linear_map_apply(const eval_linear_map *map, const float *x, int64_t n, float *out);
/* Mean cosine of the mapped rows of x and the rows of y. False: out of memory. */
bool eval_linear_map_cosine(const eval_linear_map *map, const float *x, const float *y, int64_t n, double *cosine,
                            senc_error *err);

#endif
