/* Shift between two samples of other texts: see vector_drift.h. */
#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "eval/quality/vector_drift.h"

#define SAMPLE_ROWS  500 /* of each: a million distances, half of them twice */
#define PERMUTATIONS 999

typedef struct energy_test {
    const float *rows; /* (n, width): those of a, then those of b */
    int64_t n, n_a, width;
    float *distances; /* (n, n) */
    double total;     /* of all distances */
    uint64_t seed;
    double *energies; /* (PERMUTATIONS + 1); the first is of the samples as they are */
    int64_t *orders;  /* (threads, n) */
} energy_test;

static void measure_row(void *context, int64_t i, int thread) {
    (void)thread;
    const energy_test *t = context;
    const float *x = t->rows + i * t->width;
    for (int64_t j = 0; j < t->n; j++) {
        const float *y = t->rows + j * t->width;
        double sum = 0;
        for (int64_t k = 0; k < t->width; k++) sum += ((double)x[k] - (double)y[k]) * ((double)x[k] - (double)y[k]);
        t->distances[i * t->n + j] = (float)sqrt(sum);
    }
}

static double sum_within(const energy_test *t, const int64_t *rows, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *row = t->distances + rows[i] * t->n;
        for (int64_t j = 0; j < n; j++) sum += (double)row[rows[j]];
    }
    return sum;
}

static void permute(void *context, int64_t k, int thread) {
    const energy_test *t = context;
    int64_t *order = t->orders + thread * t->n;
    senc_rng rng;
    senc_rng_init(&rng, senc_rng_mix(t->seed ^ (uint64_t)k));
    for (int64_t i = 0; i < t->n; i++) order[i] = i;
    for (int64_t i = 0; k > 0 && i < t->n_a; i++) { /* the first n_a of a shuffle */
        const int64_t j = i + (int64_t)senc_rng_below(&rng, (uint64_t)(t->n - i)), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    const double a = (double)t->n_a, b = (double)(t->n - t->n_a);
    const double in_a = sum_within(t, order, t->n_a), in_b = sum_within(t, order + t->n_a, t->n - t->n_a);
    t->energies[k] = (t->total - in_a - in_b) / (a * b) - in_a / (a * a) - in_b / (b * b);
}

static bool run_test(energy_test *t, eval_shift *out, senc_error *err) {
    t->distances = senc_alloc((size_t)(t->n * t->n), sizeof *t->distances);
    t->energies = senc_alloc(PERMUTATIONS + 1, sizeof *t->energies);
    t->orders = senc_alloc((size_t)t->n * (size_t)senc_threads_count(), sizeof *t->orders);
    const bool ok = t->distances && t->energies && t->orders;
    if (ok) {
        senc_parallel(t->n, measure_row, t);
        for (int64_t i = 0; i < t->n * t->n; i++) t->total += (double)t->distances[i];
        senc_parallel(PERMUTATIONS + 1, permute, t);
        int64_t as_far = 0;
        for (int64_t k = 1; k <= PERMUTATIONS; k++) as_far += t->energies[k] >= t->energies[0] * (1 - 1e-12);
        out->energy = t->energies[0];
        out->n_permutations = PERMUTATIONS;
        out->p = (double)(as_far + 1) / (PERMUTATIONS + 1);
    }
    free(t->distances);
    free(t->energies);
    free(t->orders);
    return ok || senc_fail_memory(err, (size_t)(t->n * t->n) * 4, "distances");
}

static void compare_means(const energy_test *t, eval_shift *out) {
    double distance = 0, dot = 0, na = 0, nb = 0;
    for (int64_t k = 0; k < t->width; k++) {
        double a = 0, b = 0;
        for (int64_t i = 0; i < t->n; i++) *(i < t->n_a ? &a : &b) += (double)t->rows[i * t->width + k];
        a /= (double)t->n_a;
        b /= (double)(t->n - t->n_a);
        distance += (a - b) * (a - b);
        dot += a * b;
        na += a * a;
        nb += b * b;
    }
    out->mean_distance = sqrt(distance);
    out->mean_cosine = na > 0 && nb > 0 ? dot / sqrt(na * nb) : NAN;
}

bool eval_shift_measure(const data_vectors *a, const data_vectors *b, uint64_t seed, eval_shift *out, senc_error *err) {
    *out = (eval_shift){0};
    if (a->width != b->width)
        return senc_fail(err, SENC_BAD_INPUT, "%s and %s: expected the same width, found %lld and %lld",
                         a->path ? a->path : "a", b->path ? b->path : "b", (long long)a->width, (long long)b->width);
    float *x = NULL, *y = NULL, *rows = NULL;
    bool ok = eval_quality_sample(a, SAMPLE_ROWS, true, &x, NULL, &out->n_a, err) &&
              eval_quality_sample(b, SAMPLE_ROWS, true, &y, NULL, &out->n_b, err);
    if (ok && (out->n_a < 2 || out->n_b < 2))
        ok = senc_fail(err, SENC_BAD_INPUT, "expected at least two sound vectors in each sample, found %lld and %lld",
                       (long long)out->n_a, (long long)out->n_b);
    const int64_t n = out->n_a + out->n_b;
    rows = ok ? senc_alloc((size_t)(n * a->width), sizeof *rows) : NULL;
    if (ok && !rows) ok = senc_fail_memory(err, (size_t)(n * a->width) * 4, "samples");
    if (ok) {
        for (int64_t i = 0; i < out->n_a * a->width; i++) rows[i] = x[i];
        for (int64_t i = 0; i < out->n_b * a->width; i++) rows[out->n_a * a->width + i] = y[i];
        energy_test test = {.rows = rows, .n = n, .n_a = out->n_a, .width = a->width, .seed = seed};
        compare_means(&test, out);
        ok = run_test(&test, out, err);
    }
    free(x);
    free(y);
    free(rows);
    return ok;
}
