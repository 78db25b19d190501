/* Swapping answers: see swap_test.h. */
#include "eval/statistics/swap_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"

#define SWAPS_OF_TASK 50
#define UNITS_AT_MOST 400000000 /* swapped units, beyond which fewer swaps are made */
#define FEWEST        1000

typedef struct swap_run {
    const eval_series_plan *gold; /* of both: its gold, order of gold, classes */
    int64_t n, n_swaps, n_scratch;
    double *scores[2];   /* (n) on the common scale */
    int32_t *classes[2]; /* (n) F1_MACRO */
    int64_t n_classes;
    uint64_t seed;
    double found;
    int64_t *as_far; /* of each task; as far counts 1, farther 2 */
    bool *failed;
} swap_run;

/* One side of one thread: a plan whose values change. */
typedef struct swap_side {
    eval_series_plan plan;
    double *values;
    int64_t *order;
    int32_t *classes;
} swap_side;

static bool needs_order(eval_statistic s) {
    return s != EVAL_PEARSON && s != EVAL_F1_MACRO;
}

static bool open_side(const swap_run *run, swap_side *side) {
    const size_t n = (size_t)run->n;
    side->values = senc_alloc(n, sizeof *side->values);
    side->order = senc_alloc(n, sizeof *side->order);
    side->classes = senc_alloc(n, sizeof *side->classes);
    side->plan = *run->gold;
    side->plan.values = side->values;
    side->plan.by_value = side->order;
    side->plan.value_class = side->classes;
    side->plan.n_classes = run->n_classes;
    return side->values && side->order && side->classes;
}

static void close_side(swap_side *side) {
    free(side->values);
    free(side->order);
    free(side->classes);
}

/* Ranks are halves of whole numbers up to 2n: a counting sort. buckets (2n + 2). */
static void sort_side(swap_side *side, int64_t n, int32_t *buckets) {
    memset(buckets, 0, (size_t)(2 * n + 2) * sizeof *buckets);
    for (int64_t i = 0; i < n; i++) buckets[(int64_t)(2 * side->values[i]) + 1]++;
    for (int64_t r = 0; r <= 2 * n; r++) buckets[r + 1] += buckets[r];
    for (int64_t i = 0; i < n; i++) side->order[buckets[(int64_t)(2 * side->values[i])]++] = i;
}

static double difference_of(swap_side *sides, int64_t n, int32_t *buckets, double *scratch) {
    double values[2];
    for (int s = 0; s < 2; s++) {
        if (needs_order(sides[s].plan.statistic)) sort_side(&sides[s], n, buckets);
        values[s] = eval_series_plan_value(&sides[s].plan, NULL, scratch);
    }
    return values[1] - values[0];
}

static void swap_units(const swap_run *run, swap_side *sides, senc_rng *rng) {
    uint64_t bits = 0;
    for (int64_t i = 0; i < run->n; i++) {
        if (i % 64 == 0) bits = rng ? senc_rng_next(rng) : 0;
        const int k = (int)(bits >> (i % 64) & 1);
        for (int s = 0; s < 2; s++) {
            sides[s].values[i] = run->scores[s ^ k][i];
            if (run->n_classes > 0) sides[s].classes[i] = run->classes[s ^ k][i];
        }
    }
}

static void swap_many(void *context, int64_t task, int thread) {
    (void)thread;
    swap_run *run = context;
    swap_side sides[2] = {{{0}, NULL, NULL, NULL}};
    int32_t *buckets = senc_alloc((size_t)(2 * run->n + 2), sizeof *buckets);
    double *scratch = senc_alloc((size_t)run->n_scratch, sizeof *scratch);
    const bool opened = open_side(run, &sides[0]);
    run->failed[task] = !open_side(run, &sides[1]) || !opened || !buckets || !scratch;
    senc_rng rng;
    senc_rng_init(&rng, senc_rng_mix(senc_rng_mix(run->seed) ^ (uint64_t)task));
    const int64_t first = task * SWAPS_OF_TASK;
    const int64_t end = first + SWAPS_OF_TASK < run->n_swaps ? first + SWAPS_OF_TASK : run->n_swaps;
    run->as_far[task] = 0;
    for (int64_t k = first; k < end && !run->failed[task]; k++) {
        swap_units(run, sides, &rng);
        const double d = fabs(difference_of(sides, run->n, buckets, scratch));
        run->as_far[task] += (d >= run->found - 1e-12) + (d > run->found + 1e-12);
    }
    free(buckets);
    free(scratch);
    close_side(&sides[0]);
    close_side(&sides[1]);
}

/* ---- the common scale ---- */

static void standardize(const double *x, int64_t n, double *out) {
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) mean += x[i] / (double)n;
    for (int64_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    const double scale = squares > 0 ? 1 / sqrt(squares) : 0;
    for (int64_t i = 0; i < n; i++) out[i] = (x[i] - mean) * scale;
}

/* Classes of both models numbered together: as one series of twice the units. */
static bool number_classes(swap_run *run, const eval_series_plan *a, const eval_series_plan *b, int32_t *gold_class,
                           senc_error *err) {
    const int64_t n = run->n;
    double *both = senc_alloc((size_t)(4 * n), sizeof *both);
    if (!both) return senc_fail_memory(err, (size_t)(4 * n) * sizeof *both, "a permutation test");
    memcpy(both, a->values, (size_t)n * sizeof *both);
    memcpy(both + n, b->values, (size_t)n * sizeof *both);
    memcpy(both + 2 * n, a->gold, (size_t)n * sizeof *both);
    memcpy(both + 3 * n, a->gold, (size_t)n * sizeof *both);
    eval_series_plan plan;
    const bool ok = eval_series_plan_init(&plan, EVAL_F1_MACRO, both, both + 2 * n, 2 * n, err);
    if (ok) {
        memcpy(run->classes[0], plan.value_class, (size_t)n * sizeof *run->classes[0]);
        memcpy(run->classes[1], plan.value_class + n, (size_t)n * sizeof *run->classes[1]);
        memcpy(gold_class, plan.gold_class, (size_t)n * sizeof *gold_class);
        run->n_classes = plan.n_classes;
        eval_series_plan_free(&plan);
    }
    free(both);
    return ok;
}

static bool put_on_scale(swap_run *run, const eval_series_plan *a, const eval_series_plan *b, int32_t *gold_class,
                         senc_error *err) {
    const eval_series_plan *const plans[2] = {a, b};
    for (int s = 0; s < 2; s++) {
        if (a->statistic == EVAL_PEARSON)
            standardize(plans[s]->values, run->n, run->scores[s]);
        else if (a->statistic == EVAL_F1_MACRO)
            memcpy(run->scores[s], plans[s]->values, (size_t)run->n * sizeof *run->scores[s]);
        else
            eval_series_ranks(plans[s], false, run->scores[s]);
    }
    return a->statistic != EVAL_F1_MACRO || number_classes(run, a, b, gold_class, err);
}

static bool run_swaps(swap_run *run, int64_t n_tasks, double *p, senc_error *err) {
    senc_parallel(n_tasks, swap_many, run);
    int64_t as_far = 2; /* the one found is among them */
    for (int64_t t = 0; t < n_tasks; t++) {
        if (run->failed[t]) return senc_fail_memory(err, (size_t)run->n * 40, "a permutation test");
        as_far += run->as_far[t];
    }
    *p = (double)as_far / (double)(2 * (run->n_swaps + 1));
    return true;
}

bool eval_swap_test(const eval_series_plan *a, const eval_series_plan *b, int64_t n_swaps, uint64_t seed, double *p,
                    senc_error *err) {
    const int64_t n = a->n_units;
    *p = NAN;
    if (n == 0 || b->n_units == 0) return true;
    if (n_swaps <= 0) n_swaps = n > UNITS_AT_MOST / EVAL_SWAPS ? UNITS_AT_MOST / n : EVAL_SWAPS;
    if (n_swaps < FEWEST && n > UNITS_AT_MOST / EVAL_SWAPS) n_swaps = FEWEST;
    eval_series_plan gold = *a; /* borrows */
    swap_run run = {.gold = &gold, .n = n, .n_swaps = n_swaps, .seed = seed};
    const int64_t n_tasks = (n_swaps + SWAPS_OF_TASK - 1) / SWAPS_OF_TASK;
    double *scores = senc_alloc((size_t)(2 * n), sizeof *scores);
    int32_t *classes = senc_alloc((size_t)(3 * n), sizeof *classes);
    run.as_far = senc_alloc((size_t)n_tasks, sizeof *run.as_far);
    run.failed = senc_alloc((size_t)n_tasks, sizeof *run.failed);
    bool ok = (scores && classes && run.as_far && run.failed) ||
              senc_fail_memory(err, (size_t)(2 * n) * sizeof *scores, "a permutation test");
    if (ok) {
        run.scores[0] = scores;
        run.scores[1] = scores + n;
        run.classes[0] = classes;
        run.classes[1] = classes + n;
        ok = put_on_scale(&run, a, b, classes + 2 * n, err);
        if (run.n_classes > 0) gold.gold_class = classes + 2 * n;
        gold.n_classes = run.n_classes;
        run.n_scratch = eval_series_plan_scratch(&gold);
        if (eval_series_plan_scratch(a) > run.n_scratch) run.n_scratch = eval_series_plan_scratch(a);
    }
    double *scratch = ok ? senc_alloc((size_t)(run.n_scratch + 3 * b->n_classes), sizeof *scratch) : NULL;
    if (ok && !scratch) ok = senc_fail_memory(err, (size_t)run.n_scratch * sizeof *scratch, "a permutation test");
    if (ok) {
        run.found = fabs(eval_series_plan_value(b, NULL, scratch) - eval_series_plan_value(a, NULL, scratch));
        if (isfinite(run.found)) ok = run_swaps(&run, n_tasks, p, err);
    }
    free(scratch);
    free(scores);
    free(classes);
    free(run.as_far);
    free(run.failed);
    return ok;
}
