/* Comparing a bf16 table with the reference: the reference computes in float on the same rounded inputs, and what comes
 * out may differ by the rounding of the output and a slack. */
#ifndef TESTS_AGAINST_BF16_H
#define TESTS_AGAINST_BF16_H

#include "tests/kernels/against.h"

/* x rounded, in two forms: floats for the reference and bf16 for the table. */
typedef struct both {
    float *wide;
    kern_bf16 *half;
} both;

static inline both round_both(int64_t n, float *x) {
    both b = {.wide = x, .half = malloc((size_t)(n > 0 ? n : 1) * sizeof *b.half)};
    ck_assert_ptr_nonnull(b.half);
    for (int64_t i = 0; i < n; i++) {
        b.half[i] = kern_to_bf16(x[i]);
        x[i] = kern_from_bf16(b.half[i]);
    }
    return b;
}

static inline both random_both(int64_t n, uint64_t seed) {
    return round_both(n, random_floats(n, seed));
}

/* An output before the call: see prefilled. */
static inline both prefilled_both(int64_t n, float beta, uint64_t seed) {
    return round_both(n, prefilled(n, beta, seed));
}

static inline void free_both(both b) {
    free(b.wide);
    free(b.half);
}

/* |got - want| <= 2^-8 |want| + slack: rounding to 8 bits errs by 2^-9. A NaN anywhere fails. */
static inline void check_rounded(int64_t n, const kern_bf16 *got, const float *want, double slack, const char *table,
                                 const char *what) {
    for (int64_t i = 0; i < n; i++) {
        const double x = (double)kern_from_bf16(got[i]), y = (double)want[i];
        if (fabs(x - y) <= ldexp(fabs(y), -8) + slack) continue;
        ck_abort_msg("%s in bf16: %s[%lld]: expected %.9g, got %.9g", table, what, (long long)i, y, x);
    }
}

/* Fails unless the n bytes are those of the first call for this table (the one with one thread). `kept` has an entry
 * for every table; free_kept ends its use. */
#define MOST_TESTED 16
typedef struct kept {
    void *bytes[MOST_TESTED];
} kept;

static inline void check_as_with_one_thread(kept *k, int table, const void *got, size_t n, const char *what) {
    ck_assert_int_lt(table, MOST_TESTED);
    if (!k->bytes[table]) {
        k->bytes[table] = malloc(n + 1);
        ck_assert_ptr_nonnull(k->bytes[table]);
        memcpy(k->bytes[table], got, n);
    }
    ck_assert_msg(memcmp(k->bytes[table], got, n) == 0, "%s depends on the number of threads", what);
}

static inline void free_kept(kept *k) {
    for (int i = 0; i < MOST_TESTED; i++) free(k->bytes[i]);
}

/* Runs `body` for the bf16 table of every table that has one, with 1, 2 and 3 threads. */
#define FOR_EACH_BF16(table, ...)                                                                                      \
    FOR_EACH_TABLE(fp32_, {                                                                                            \
        const kern_table *table = fp32_->bf16;                                                                         \
        if (table) {                                                                                                   \
            __VA_ARGS__;                                                                                               \
        }                                                                                                              \
    })

#endif
