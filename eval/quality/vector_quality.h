/* Are these vectors sound? Everything is computed in one pass over a file of any size and, where a matrix or pairs are
 * needed, on a sample of evenly spaced rows. Memory: 16 bytes a row, and the sample.
 *
 * Mean cosine: of all pairs, from the sum of the unit vectors: (|sum|^2 - n) / (n (n - 1)); high means that all vectors
 *   point the same way (anisotropy; Ethayarajh 2019).
 * Effective rank: exp(H(p)) with p the eigenvalues of the covariance matrix, normalised to a sum of 1 (Roy and Vetterli
 *   2007, section 2, with the covariance's singular values): how many dimensions are in use.
 * Uniformity: log mean exp(-2 |x - y|^2) over pairs of unit vectors; lower is more even (Wang and Isola 2020, eq. 3).
 * Alignment: mean |x - y|^2 over positive pairs of unit vectors; lower is nearer (eq. 2, alpha = 2). */
#ifndef EVAL_VECTOR_QUALITY_H
#define EVAL_VECTOR_QUALITY_H

#include "data/formats/vector_file.h"
#include "eval/evaluator.h"

#define EVAL_QUALITY_SHOWN 5 /* rows and pairs that are named */

typedef struct eval_quality_rows {
    int64_t n, shown[EVAL_QUALITY_SHOWN]; /* row numbers from 0 */
} eval_quality_rows;

typedef struct eval_quality_pair {
    int64_t a, b;
    double score;
} eval_quality_pair;

typedef struct eval_quality_pairs {
    int64_t n;
    eval_quality_pair shown[EVAL_QUALITY_SHOWN];
} eval_quality_pairs;

typedef struct eval_quality {
    int64_t n_rows, width;
    eval_quality_rows not_finite; /* rows with a NaN or an infinite number; they are in nothing else */
    eval_quality_rows zero;       /* rows of zeros; in no cosine */
    eval_quality_rows not_unit;   /* |norm - 1| > 5e-3 */
    eval_quality_rows duplicate;  /* rows equal, bit by bit, to an earlier one */
    eval_quality_rows constant;   /* dimensions that are the same everywhere */
    double norm_least, norm_mean, norm_largest;
    double mean_cosine;
    int64_t n_sample; /* rows behind the next four */
    double effective_rank;
    int64_t rank_90; /* dimensions of the principal axes that hold 90 % of the variance */
    double uniformity;
    double alignment; /* NaN without pairs */
    int64_t n_aligned;
} eval_quality;

/* Fills everything but alignment. */
bool eval_quality_measure(const data_vectors *v, eval_quality *out, senc_error *err);
/* Row i of `other` is the positive of row i of v. */
bool eval_quality_align(const data_vectors *v, const data_vectors *other, eval_quality *out, senc_error *err);

/* The text of a row; it lives until the next call. */
typedef bool eval_quality_text(void *context, int64_t row, eval_text *text, senc_error *err);

typedef struct eval_quality_suspects {
    eval_quality_pairs alike; /* other texts, cosine above 0.999 */
    eval_quality_pairs apart; /* the same text but for case, punctuation and spaces, cosine below 0.7 */
    int64_t n_searched;       /* rows that were searched for `alike` */
} eval_quality_suspects;
bool eval_quality_suspect(const data_vectors *v, eval_quality_text *text, void *context, eval_quality_suspects *out,
                          senc_error *err);

/* Hash of a text without case (ASCII), punctuation and superfluous spaces. */
uint64_t eval_quality_text_hash(const eval_text *text);

/* n evenly spaced rows (all when there are no more) as floats (n, width), fresh; rows that are not finite are left out,
 * *n says how many there are. unit: scaled to length 1, rows of zeros left out. places: (n) fresh, or NULL. */
bool eval_quality_sample(const data_vectors *v, int64_t most, bool unit, float **rows, int64_t **places, int64_t *n,
                         senc_error *err);

#endif
