/* How near two vectors are: larger is nearer for all of them. */
#ifndef EVAL_SIMILARITY_H
#define EVAL_SIMILARITY_H

#include <stdbool.h>
#include <stdint.h>

typedef enum eval_similarity {
    EVAL_COSINE,    /* a.b / (max(|a|, 1e-12) max(|b|, 1e-12)): 0 for a zero vector */
    EVAL_DOT,       /* a.b */
    EVAL_EUCLIDEAN, /* -|a - b|_2 */
    EVAL_MANHATTAN, /* -|a - b|_1 */
} eval_similarity;
#define EVAL_N_SIMILARITIES     4
#define EVAL_SIMILARITY_CHOICES "cosine|dot|euclidean|manhattan"

/* "cosine", ... */
const char *eval_similarity_name(eval_similarity f);
/* False for an unknown name. */
bool eval_similarity_find(const char *name, eval_similarity *f);

/* Of two vectors of d numbers, summed in double. */
double eval_similarity_of(eval_similarity f, const float *a, const float *b, int64_t d);
/* Euclidean length, in double, and not below 1e-12 (F.normalize's eps). NaN or infinite iff a number of the vector is
 * not finite. */
double eval_vector_length(const float *a, int64_t d);

#endif
