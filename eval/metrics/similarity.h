/* How near two vectors are: larger is nearer for all of them. Equal vectors are equally near, whichever they are: their
 * cosine is exactly 1, their distances are exactly 0, and so is 1 the product of a vector of length 1 with itself,
 * although the length of floats misses 1 by a rounding. So ties are ties, and no metric depends on last bits. */
#ifndef EVAL_SIMILARITY_H
#define EVAL_SIMILARITY_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum eval_similarity {
    EVAL_COSINE,    /* a.b / (max(|a|, 1e-12) max(|b|, 1e-12)): 0 for a zero vector */
    EVAL_DOT,       /* a.b; 1 for a = b whose length is 1 but for rounding (EVAL_UNIT_SLACK) */
    EVAL_EUCLIDEAN, /* -|a - b|_2 */
    EVAL_MANHATTAN, /* -|a - b|_1 */
} eval_similarity;
#define EVAL_N_SIMILARITIES     4
#define EVAL_SIMILARITY_CHOICES "cosine|dot|euclidean|manhattan"

/* "cosine", ... */
const char *eval_similarity_name(eval_similarity f);
/* False for an unknown name. */
bool eval_similarity_find(const char *name, eval_similarity *f);

/* How far the square of a length may be from 1 so that the vector counts as one of length 1: normalised in floats, or
 * written in seven digits. */
#define EVAL_UNIT_SLACK 1e-5

/* Of two vectors of d numbers, summed in double. The same for (b, a). */
double eval_similarity_of(eval_similarity f, const float *a, const float *b, int64_t d);
/* Euclidean length, in double, and not below 1e-12 (F.normalize's eps). NaN or infinite iff a number of the vector is
 * not finite. */
double eval_vector_length(const float *a, int64_t d);

/* The square of the length as it is: NaN or infinite iff a number of the vector is not finite. */
double eval_vector_square(const float *a, int64_t d);

/* The cosine from the product and the squares of both lengths. The root is taken of their product, which is exact for
 * equal ones: sqrt(x) sqrt(x) is not. */
static inline double eval_cosine_of(double dot, double square_a, double square_b) {
    const double least = 1e-24; /* of a square */
    return dot / sqrt((square_a < least ? least : square_a) * (square_b < least ? least : square_b));
}

/* The product of a and b, for which `dot` was computed: 1 when they are the same vector of length 1. */
double eval_dot_of(double dot, const float *a, const float *b, int64_t d);

#endif
