/* Comparing a kernel of every table, at several thread counts, with the reference. */
#ifndef TESTS_AGAINST_H
#define TESTS_AGAINST_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "autograd/kernels/kernels.h"

/* n uniform numbers in [-1, 1], a function of the seed. free() it. */
static inline float *random_floats(int64_t n, uint64_t seed) {
    float *x = malloc((size_t)(n > 0 ? n : 1) * sizeof *x);
    ck_assert_ptr_nonnull(x);
    senc_rng rng;
    senc_rng_init(&rng, seed);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(2.0 * senc_rng_uniform(&rng) - 1.0);
    return x;
}

/* What an output holds before: NaN where it will be overwritten, numbers where it will be added to. */
static inline float *prefilled(int64_t n, float beta, uint64_t seed) {
    float *x = random_floats(n, seed);
    for (int64_t i = 0; beta == 0.0f && i < n; i++) x[i] = NAN;
    return x;
}

static inline void start_threads(int n) {
    senc_error err = {0};
    ck_assert_msg(senc_threads_init(n, &err), "%s", err.text);
}

/* |got - want| <= tolerance * (1 + |want|) everywhere; a NaN anywhere fails. */
static inline void check_close(int64_t n, const float *got, const float *want, double tolerance, const char *table,
                               const char *what) {
    for (int64_t i = 0; i < n; i++) {
        const double difference = fabs((double)got[i] - (double)want[i]);
        if (difference <= tolerance * (1.0 + fabs((double)want[i]))) continue; /* an assertion each would be slow */
        ck_abort_msg("%s: %s[%lld]: expected %.9g, got %.9g", table, what, (long long)i, (double)want[i],
                     (double)got[i]);
    }
}

static inline void check_same(int64_t n, const float *got, const float *want, const char *table, const char *what) {
    ck_assert_msg(n == 0 || memcmp(got, want, (size_t)n * sizeof *got) == 0, "%s: %s differs from run to run", table,
                  what);
}

/* Runs `body` for every table but the reference with 1, 2 and 3 threads. */
#define FOR_EACH_TABLE(table, ...)                                                                                     \
    do {                                                                                                               \
        int n_tables_;                                                                                                 \
        const kern_table *const *tables_ = kern_all(&n_tables_);                                                       \
        for (int threads_ = 1; threads_ <= 3; threads_++) {                                                            \
            start_threads(threads_);                                                                                   \
            for (int t_ = 1; t_ < n_tables_; t_++) {                                                                   \
                const kern_table *table = tables_[t_];                                                                 \
                __VA_ARGS__;                                                                                           \
            }                                                                                                          \
            senc_threads_free();                                                                                       \
        }                                                                                                              \
    } while (0)

static inline int run_suite(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
