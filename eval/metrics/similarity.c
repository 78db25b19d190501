/* Similarities of two vectors. Every sum has eight fixed lanes: the same result on every machine, and the compiler may
 * vectorise it. */
#include "eval/metrics/similarity.h"

#include <string.h>

#define LANES 8

static const char *const names[EVAL_N_SIMILARITIES] = {"cosine", "dot", "euclidean", "manhattan"};

const char *eval_similarity_name(eval_similarity f) {
    return names[f];
}

bool eval_similarity_find(const char *name, eval_similarity *f) {
    for (int i = 0; i < EVAL_N_SIMILARITIES; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *f = (eval_similarity)i;
        return true;
    }
    return false;
}

static double sum_lanes(const double *s) {
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static double dot_of(const float *a, const float *b, int64_t d) {
    double s[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= d; i += LANES)
        for (int l = 0; l < LANES; l++) s[l] += (double)a[i + l] * (double)b[i + l];
    for (int l = 0; i < d; i++, l++) s[l] += (double)a[i] * (double)b[i];
    return sum_lanes(s);
}

static double squares_of(const float *a, const float *b, int64_t d) {
    double s[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= d; i += LANES) {
        for (int l = 0; l < LANES; l++) {
            const double e = (double)a[i + l] - (double)b[i + l];
            s[l] += e * e;
        }
    }
    for (int l = 0; i < d; i++, l++) s[l] += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sum_lanes(s);
}

static double absolutes_of(const float *a, const float *b, int64_t d) {
    double s[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= d; i += LANES)
        for (int l = 0; l < LANES; l++) s[l] += fabs((double)a[i + l] - (double)b[i + l]);
    for (int l = 0; i < d; i++, l++) s[l] += fabs((double)a[i] - (double)b[i]);
    return sum_lanes(s);
}

double eval_vector_square(const float *a, int64_t d) {
    return dot_of(a, a, d);
}

double eval_vector_length(const float *a, int64_t d) {
    const double length = sqrt(dot_of(a, a, d));
    return length < 1e-12 ? 1e-12 : length; /* a NaN stays one */
}

double eval_dot_of(double dot, const float *a, const float *b, int64_t d) {
    const bool is_square = fabs(dot - 1) <= EVAL_UNIT_SLACK && memcmp(a, b, (size_t)d * sizeof *a) == 0;
    return is_square ? 1 : dot;
}

double eval_similarity_of(eval_similarity f, const float *a, const float *b, int64_t d) {
    switch (f) {
    case EVAL_COSINE:
        return eval_cosine_of(dot_of(a, b, d), dot_of(a, a, d), dot_of(b, b, d));
    case EVAL_DOT:
        return eval_dot_of(dot_of(a, b, d), a, b, d);
    case EVAL_EUCLIDEAN:
        return 0 - sqrt(squares_of(a, b, d)); /* 0 and not -0 for equal vectors */
    case EVAL_MANHATTAN:
        return 0 - absolutes_of(a, b, d);
    }
    return (double)NAN; /* not reached: all cases return */
}
