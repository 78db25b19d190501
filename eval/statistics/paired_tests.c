/* Paired tests, effects and power: see paired_tests.h. */
#include "eval/statistics/paired_tests.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "eval/statistics/distributions.h"

#define EXACT_UP_TO   20     /* 2^20 sums take a few ms */
#define FLIPS         100000 /* p = 0.05 is then known to 0.0007 */
#define FEWEST_FLIPS  10000
#define FLIPS_OF_TASK 500
#define GROUP         4 /* units whose 2^GROUP sums are looked up together */

/* ---- sign flips ---- */

/* Gray code: each pattern differs from the one before it in one sign. The last difference keeps its sign; the other
 * half are the same sums with the other sign. */
static double exact_p(const double *d, int64_t m, double found, double slack) {
    const uint64_t n = UINT64_C(1) << (m - 1);
    double sum = 0;
    for (int64_t i = 0; i < m; i++) sum += d[i];
    double signs[EXACT_UP_TO];
    for (int64_t i = 0; i < m; i++) signs[i] = 1;
    uint64_t as_far = 0;
    for (uint64_t pattern = 1;; pattern++) {
        as_far += fabs(sum) >= found - slack;
        if (pattern == n) break;
        const int flip = __builtin_ctzll(pattern);
        signs[flip] = -signs[flip];
        sum += 2 * signs[flip] * d[flip];
    }
    return (double)as_far / (double)n;
}

typedef struct flip_run {
    const double *sums; /* (n_groups, 2^GROUP) */
    int64_t n_groups, n_flips;
    double found, slack;
    uint64_t seed;
    int64_t *as_far; /* of each task; a sum as far as the one found counts 1, one that is farther 2 */
} flip_run;

static void flip_signs(void *context, int64_t task, int thread) {
    (void)thread;
    flip_run *run = context;
    senc_rng rng;
    senc_rng_init(&rng, senc_rng_mix(senc_rng_mix(run->seed) ^ (uint64_t)task));
    const int64_t first = task * FLIPS_OF_TASK;
    const int64_t end = first + FLIPS_OF_TASK < run->n_flips ? first + FLIPS_OF_TASK : run->n_flips;
    int64_t as_far = 0;
    for (int64_t f = first; f < end; f++) {
        double sum = 0;
        for (int64_t g = 0; g < run->n_groups;) {
            uint64_t bits = senc_rng_next(&rng);
            for (int k = 0; k < 64 / GROUP && g < run->n_groups; k++, g++, bits >>= GROUP)
                sum += run->sums[(g << GROUP) + (int64_t)(bits & ((1 << GROUP) - 1))];
        }
        as_far += (fabs(sum) >= run->found - run->slack) + (fabs(sum) > run->found + run->slack);
    }
    run->as_far[task] = as_far;
}

/* sums[g][bits]: of the group's differences, those with a bit set negated. */
static void fill_sums(const double *d, int64_t m, double *sums) {
    for (int64_t g = 0; g * GROUP < m; g++) {
        for (int64_t bits = 0; bits < 1 << GROUP; bits++) {
            double sum = 0;
            for (int64_t k = 0; k < GROUP && g * GROUP + k < m; k++)
                sum += (bits >> k & 1) ? -d[g * GROUP + k] : d[g * GROUP + k];
            sums[(g << GROUP) + bits] = sum;
        }
    }
}

static bool drawn_p(const double *d, int64_t m, double found, double slack, int64_t n_flips, uint64_t seed, double *p,
                    senc_error *err) {
    flip_run run = {
        .n_groups = (m + GROUP - 1) / GROUP, .n_flips = n_flips, .found = found, .slack = slack, .seed = seed};
    const int64_t n_tasks = (n_flips + FLIPS_OF_TASK - 1) / FLIPS_OF_TASK;
    double *sums = senc_alloc((size_t)run.n_groups << GROUP, sizeof *sums);
    run.as_far = senc_alloc((size_t)n_tasks, sizeof *run.as_far);
    const bool ok = sums && run.as_far;
    if (ok) {
        fill_sums(d, m, sums);
        run.sums = sums;
        senc_parallel(n_tasks, flip_signs, &run);
        int64_t as_far = 2; /* the one found is among them */
        for (int64_t t = 0; t < n_tasks; t++) as_far += run.as_far[t];
        *p = (double)as_far / (double)(2 * (n_flips + 1));
    }
    free(sums);
    free(run.as_far);
    return ok || senc_fail_memory(err, (size_t)run.n_groups * sizeof(double) << GROUP, "a permutation test");
}

bool eval_sign_flip_test(const double *differences, int64_t n, int64_t n_flips, uint64_t seed, eval_flip_result *out,
                         senc_error *err) {
    *out = (eval_flip_result){.p = 1, .is_exact = true};
    double *d = senc_alloc((size_t)n, sizeof *d);
    if (!d) return senc_fail_memory(err, (size_t)n * sizeof *d, "a permutation test");
    int64_t m = 0;
    double sum = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        if (differences[i] == 0) continue; /* either sign gives the same sum */
        d[m++] = differences[i];
        sum += differences[i];
        size += fabs(differences[i]);
    }
    const double slack = 1e-12 * size; /* sums that are equal but for rounding */
    bool ok = true;
    if (isnan(sum)) {
        out->p = NAN;
    } else if (m > EXACT_UP_TO) {
        if (n_flips <= 0) n_flips = m > 20000 ? FEWEST_FLIPS : FLIPS;
        *out = (eval_flip_result){.n_flips = n_flips};
        ok = drawn_p(d, m, fabs(sum), slack, n_flips, seed, &out->p, err);
    } else if (m > 0) {
        out->n_flips = (int64_t)1 << m;
        out->p = exact_p(d, m, fabs(sum), slack);
    }
    free(d);
    return ok;
}

/* ---- correlations ---- */

double eval_williams_test(double r_bg, double r_ag, double r_ab, int64_t n) {
    if (n < 4) return NAN;
    const double k = (double)n - 1, determinant = 1 - r_bg * r_bg - r_ag * r_ag - r_ab * r_ab + 2 * r_bg * r_ag * r_ab;
    const double mean = (r_bg + r_ag) / 2, rest = 1 - r_ab;
    const double below = 2 * k / ((double)n - 3) * determinant + mean * mean * rest * rest * rest;
    if (!(below > 0)) return r_bg == r_ag ? 1 : NAN; /* both models give the same order */
    const double t = (r_bg - r_ag) * sqrt(k * (1 + r_ab) / below);
    return 2 * eval_t_cdf(-fabs(t), (double)n - 3);
}

/* ---- many tests ---- */

typedef struct placed_p {
    double p;
    int64_t index;
} placed_p;

static int by_p(const void *a, const void *b) {
    const placed_p *x = a, *y = b;
    if (x->p != y->p) return x->p < y->p ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

bool eval_holm(double *p, int64_t n, senc_error *err) {
    placed_p *order = senc_alloc((size_t)n, sizeof *order);
    if (!order) return senc_fail_memory(err, (size_t)n * sizeof *order, "p-values");
    int64_t m = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(p[i])) order[m++] = (placed_p){p[i], i};
    qsort(order, (size_t)m, sizeof *order, by_p);
    double highest = 0;
    for (int64_t i = 0; i < m; i++) {
        const double adjusted = order[i].p * (double)(m - i);
        if (adjusted > highest) highest = adjusted;
        p[order[i].index] = highest < 1 ? highest : 1;
    }
    free(order);
    return true;
}

/* ---- effects and power ---- */

eval_effect eval_effect_of(const double *differences, int64_t n, double tie) {
    eval_effect e = {0};
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        e.wins += differences[i] > tie;
        e.losses += differences[i] < -tie;
        mean += differences[i] / (double)n;
    }
    e.ties = n - e.wins - e.losses;
    for (int64_t i = 0; i < n; i++) squares += (differences[i] - mean) * (differences[i] - mean);
    const double deviation = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    e.d_z = mean == 0 ? 0 : mean / deviation;
    e.delta = n > 0 ? (double)(e.wins - e.losses) / (double)n : 0;
    return e;
}

double eval_power(double difference, double error, int64_t n, double alpha) {
    if (n < 2) return 0;
    if (!(error > 0)) return difference == 0 ? alpha : 1;
    const double df = (double)(n - 1), t = eval_t_quantile(1 - alpha / 2, df), shift = fabs(difference) / error;
    return 1 - eval_noncentral_t_cdf(t, df, shift) + eval_noncentral_t_cdf(-t, df, shift);
}

double eval_detectable_effect(double error, int64_t n, double alpha, double power) {
    if (n < 2 || !(error > 0)) return n < 2 ? HUGE_VAL : 0;
    double low = 0, high = 1;
    while (eval_power(high, 1, n, alpha) < power) high *= 2;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        if (eval_power(middle, 1, n, alpha) < power)
            low = middle;
        else
            high = middle;
    }
    return high * error;
}

int64_t eval_units_needed(double difference, double error, int64_t n, double alpha, double power) {
    if (difference == 0 || n < 2) return INT64_MAX;
    const double deviation = error * sqrt((double)n); /* of one unit's difference */
    int64_t low = 1, high = 2;
    while (eval_power(difference, deviation / sqrt((double)high), high, alpha) < power) {
        low = high;
        high *= 2;
        if (high > (int64_t)1 << 50) return INT64_MAX;
    }
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (eval_power(difference, deviation / sqrt((double)middle), middle, alpha) < power)
            low = middle;
        else
            high = middle;
    }
    return high;
}
