/* Bootstrap intervals: see bootstrap.h. */
#include "eval/statistics/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "eval/statistics/distributions.h"

#define CHUNK         64         /* resamples of one task; each has its own stream of random numbers */
#define UNITS_AT_MOST 1000000000 /* drawn units, beyond which fewer resamples are made */
#define FEWEST        1000
#define FEWEST_OTHERS                                                                                                  \
    30                /* values that are not the most frequent one (0 for models that agree), for the bootstrap's t */
#define JACKKNIFE 200 /* groups that are left out in turn: one unit each up to so many units */

static eval_bootstrap_options complete(const eval_bootstrap_options *given, int64_t n) {
    eval_bootstrap_options o = *given;
    if (!(o.level > 0)) o.level = 0.95;
    if (o.n_resamples <= 0) {
        o.n_resamples = EVAL_RESAMPLES;
        if (n > UNITS_AT_MOST / EVAL_RESAMPLES) o.n_resamples = UNITS_AT_MOST / n;
        if (o.n_resamples < FEWEST) o.n_resamples = FEWEST;
    }
    return o;
}

/* Draws of 32 bits without bias (Lemire 2019), two a step of the generator. */
typedef struct draw_stream {
    senc_rng rng;
    uint64_t left;
    int n_left;
    uint32_t n, threshold;
} draw_stream;

static draw_stream draw_open(uint64_t seed, int64_t chunk, int64_t n) {
    draw_stream s = {.n = (uint32_t)n, .threshold = (uint32_t)(-(uint32_t)n % (uint32_t)n)};
    senc_rng_init(&s.rng, senc_rng_mix(senc_rng_mix(seed) ^ (uint64_t)chunk));
    return s;
}

static inline uint32_t draw(draw_stream *s) {
    for (;;) {
        if (s->n_left == 0) {
            s->left = senc_rng_next(&s->rng);
            s->n_left = 2;
        }
        const uint64_t product = (s->left & 0xffffffffu) * s->n;
        s->left >>= 32;
        s->n_left--;
        if ((uint32_t)product >= s->threshold) return (uint32_t)(product >> 32);
    }
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The p-quantile of sorted numbers, as the (B + 1)p-th of them (Efron, Tibshirani 1993), between two by their mean. */
static double quantile_of(const double *sorted, int64_t n, double p) {
    const double place = p * (double)(n + 1) - 1;
    if (place <= 0) return sorted[0];
    if (place >= (double)(n - 1)) return sorted[n - 1];
    const int64_t i = (int64_t)place;
    const double share = place - (double)i;
    if (sorted[i] == sorted[i + 1]) return sorted[i]; /* also where both are infinite */
    return sorted[i] + share * (sorted[i + 1] - sorted[i]);
}

/* Share of the sorted numbers that are below x, those equal to it half. */
static double share_below(const double *sorted, int64_t n, double x) {
    int64_t below = 0, at_most = n;
    for (int64_t high = n; below < high;) {
        const int64_t middle = below + (high - below) / 2;
        if (sorted[middle] < x)
            below = middle + 1;
        else
            high = middle;
    }
    for (int64_t low = below; low < at_most;) {
        const int64_t middle = low + (at_most - low) / 2;
        if (sorted[middle] > x)
            at_most = middle;
        else
            low = middle + 1;
    }
    return ((double)below + (double)(at_most - below) / 2) / (double)n;
}

static double clamp_share(double share, int64_t n) {
    const double least = 1 / (double)(n + 1);
    return share < least ? least : share > 1 - least ? 1 - least : share;
}

/* ---- means ---- */

typedef struct mean_run {
    const double *values;
    int64_t n;
    eval_bootstrap_options options;
    double mean;
    int64_t n_others;
    double *t; /* (n_resamples) (mean of the resample - mean) / its standard error */
} mean_run;

static void resample_means(void *context, int64_t chunk, int thread) {
    (void)thread;
    mean_run *run = context;
    draw_stream stream = draw_open(run->options.seed, chunk, run->n);
    const int64_t first = chunk * CHUNK, n = run->n;
    const int64_t end = first + CHUNK < run->options.n_resamples ? first + CHUNK : run->options.n_resamples;
    for (int64_t r = first; r < end; r++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < n; i++) {
            const double x = run->values[draw(&stream)] - run->mean;
            sum += x;
            squares += x * x;
        }
        const double mean = sum / (double)n, variance = (squares - sum * mean) / (double)(n - 1);
        const double noise = 1e-13 * squares / (double)n; /* what rounding leaves of equal numbers */
        if (variance > noise)
            run->t[r] = mean / sqrt(variance / (double)n);
        else
            run->t[r] = mean > 0 ? HUGE_VAL : mean < 0 ? -HUGE_VAL : 0;
    }
}

/* How many values are not the most frequent one. */
static bool count_others(const double *values, int64_t n, int64_t *n_others, senc_error *err) {
    double *sorted = senc_alloc((size_t)n, sizeof *sorted);
    if (!sorted) return senc_fail_memory(err, (size_t)n * sizeof *sorted, "resamples");
    memcpy(sorted, values, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    int64_t most = 0;
    for (int64_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && sorted[end] == sorted[first]; end++) {
        }
        if (end - first > most) most = end - first;
    }
    *n_others = n - most;
    free(sorted);
    return true;
}

/* Few distinct values resample to few distinct means, whose t says nothing about the tails: Student's t takes the place
 * of the bootstrap's there. Its degrees of freedom are those of the sample's variance (Satterthwaite 1946), which for m
 * values beside a frequent one are about 2m. */
static void student_interval(const mean_run *run, eval_estimate *out) {
    const int64_t most = run->n - 1, known = 2 * run->n_others;
    const double df = (double)(known < 1 ? 1 : known < most ? known : most);
    const double t = eval_t_quantile((1 + run->options.level) / 2, df);
    out->low = run->mean - out->error * t;
    out->high = run->mean + out->error * t;
    if (out->error > 0)
        out->p = 2 * eval_t_cdf(-fabs(run->mean) / out->error, df);
    else
        out->p = run->mean == 0 ? 1 : 0;
}

/* run.t is sorted; a quantile among resamples that had no spread is Student's too. */
static void studentised_interval(const mean_run *run, eval_estimate *out) {
    const int64_t n_resamples = run->options.n_resamples;
    const double tail = (1 - run->options.level) / 2, student = eval_t_quantile(tail, (double)(run->n - 1));
    const double low = quantile_of(run->t, n_resamples, tail), high = quantile_of(run->t, n_resamples, 1 - tail);
    out->low = run->mean - out->error * (isfinite(high) ? high : -student);
    out->high = run->mean - out->error * (isfinite(low) ? low : student);
    const double share = clamp_share(share_below(run->t, n_resamples, run->mean / out->error), n_resamples);
    out->p = 2 * (share < 0.5 ? share : 1 - share);
    out->n_resamples = n_resamples;
}

bool eval_bootstrap_mean(const double *values, int64_t n, const eval_bootstrap_options *options, eval_estimate *out,
                         senc_error *err) {
    *out = (eval_estimate){.value = NAN, .low = NAN, .high = NAN, .error = NAN, .p = NAN};
    mean_run run = {.values = values, .n = n, .options = complete(options, n)};
    double squares = 0;
    for (int64_t i = 0; i < n; i++) run.mean += values[i] / (double)n;
    for (int64_t i = 0; i < n; i++) squares += (values[i] - run.mean) * (values[i] - run.mean);
    if (n > 0) out->value = run.mean;
    if (n < 2 || !isfinite(run.mean)) return true;
    out->error = sqrt(squares / (double)(n - 1) / (double)n);
    if (!count_others(values, n, &run.n_others, err)) return false;
    if (run.n_others < FEWEST_OTHERS) {
        student_interval(&run, out);
        return true;
    }
    run.t = senc_alloc((size_t)run.options.n_resamples, sizeof *run.t);
    if (!run.t) return senc_fail_memory(err, (size_t)run.options.n_resamples * sizeof *run.t, "resamples");
    senc_parallel((run.options.n_resamples + CHUNK - 1) / CHUNK, resample_means, &run);
    qsort(run.t, (size_t)run.options.n_resamples, sizeof *run.t, ascending);
    studentised_interval(&run, out);
    free(run.t);
    return true;
}

/* ---- any statistic ---- */

typedef struct contrast_run {
    const eval_contrast *contrast;
    int64_t n;
    eval_bootstrap_options options;
    int32_t *counts; /* (threads, n) */
    double *scratch; /* (threads, n_scratch) */
    int64_t n_scratch, n_groups;
    double *values; /* of the resamples, then of the jackknife */
} contrast_run;

static double contrast_value(const eval_contrast *c, const int32_t *counts, double *scratch) {
    double a = 0, b = 0;
    for (int64_t i = 0; i < c->n_a; i++) a += eval_series_plan_value(&c->a[i], counts, scratch);
    for (int64_t i = 0; i < c->n_b; i++) b += eval_series_plan_value(&c->b[i], counts, scratch);
    return b / (double)c->n_b - (c->n_a > 0 ? a / (double)c->n_a : 0);
}

static void resample_contrast(void *context, int64_t chunk, int thread) {
    contrast_run *run = context;
    draw_stream stream = draw_open(run->options.seed, chunk, run->n);
    int32_t *counts = run->counts + thread * run->n;
    const int64_t first = chunk * CHUNK;
    const int64_t end = first + CHUNK < run->options.n_resamples ? first + CHUNK : run->options.n_resamples;
    for (int64_t r = first; r < end; r++) {
        memset(counts, 0, (size_t)run->n * sizeof *counts);
        for (int64_t i = 0; i < run->n; i++) counts[draw(&stream)]++;
        run->values[r] = contrast_value(run->contrast, counts, run->scratch + thread * run->n_scratch);
    }
}

/* Without the units of group g: g, g + n_groups, ... */
static void leave_out(void *context, int64_t g, int thread) {
    contrast_run *run = context;
    int32_t *counts = run->counts + thread * run->n;
    for (int64_t i = 0; i < run->n; i++) counts[i] = i % run->n_groups != g;
    run->values[run->options.n_resamples + g] =
        contrast_value(run->contrast, counts, run->scratch + thread * run->n_scratch);
}

/* Efron 1987, (6.6): how fast the standard error changes with the value. */
static double acceleration_of(const double *left_out, int64_t n) {
    double mean = 0, squares = 0, cubes = 0;
    for (int64_t i = 0; i < n; i++) mean += left_out[i] / (double)n;
    for (int64_t i = 0; i < n; i++) {
        const double x = mean - left_out[i];
        squares += x * x;
        cubes += x * x * x;
    }
    const double a = cubes / (6 * pow(squares, 1.5));
    return isfinite(a) ? a : 0;
}

/* z of the widened quantile: that of Student's t with n - 1 degrees of freedom, times sqrt(n / (n - 1)). */
static double widened(double p, int64_t n) {
    return sqrt((double)n / (double)(n - 1)) * eval_t_quantile(p, (double)(n - 1));
}

static double bca_end(const double *sorted, int64_t n_values, double z0, double a, double z) {
    const double shifted = z0 + (z0 + z) / (1 - a * (z0 + z));
    return quantile_of(sorted, n_values, eval_normal_cdf(shifted));
}

/* The level at which the interval ends at 0. */
static double bca_p(const double *sorted, int64_t n_values, double z0, double a, int64_t n) {
    const double y = eval_normal_quantile(clamp_share(share_below(sorted, n_values, 0), n_values)) - z0;
    const double z = y / (1 + a * y) - z0;
    return 2 * eval_t_cdf(-fabs(z) * sqrt((double)(n - 1) / (double)n), (double)(n - 1));
}

/* Of the threshold that is best for these pairs: too high by as much as the choice gains, and higher again in
 * resamples. What such evaluations give on average is covered by Student's t with the bootstrap's standard error. */
static bool is_optimised(eval_statistic statistic) {
    return statistic == EVAL_ACCURACY_BEST || statistic == EVAL_F1_BEST || statistic == EVAL_MCC_BEST;
}

static void symmetric_interval(double error, int64_t n, double level, eval_estimate *out) {
    const double t = eval_t_quantile((1 + level) / 2, (double)(n - 1));
    out->low = out->value - t * error;
    out->high = out->value + t * error;
    out->p = error > 0 ? 2 * eval_t_cdf(-fabs(out->value) / error, (double)(n - 1)) : out->value == 0;
}

/* Standard error by leaving out a group of units at a time (Efron, Tibshirani 1993, 11.5); a little too large rather
 * than, as the bootstrap's, too small for few units. */
static double jackknife_error(const double *left_out, int64_t n) {
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) mean += left_out[i] / (double)n;
    for (int64_t i = 0; i < n; i++) squares += (left_out[i] - mean) * (left_out[i] - mean);
    return sqrt(squares * (double)(n - 1) / (double)n);
}

/* The biases that BCa corrects cancel out in the difference of two average precisions, and what it would estimate of
 * them is noise: there the quantiles stay where they are. */
static void finish_contrast(contrast_run *run, eval_estimate *out) {
    double *values = run->values;
    int64_t n = 0;
    double mean = 0, squares = 0;
    for (int64_t r = 0; r < run->options.n_resamples; r++)
        if (isfinite(values[r])) values[n++] = values[r];
    out->n_resamples = n;
    if ((double)n < 0.95 * (double)run->options.n_resamples || run->n < 2) return;
    for (int64_t r = 0; r < n; r++) mean += values[r] / (double)n;
    for (int64_t r = 0; r < n; r++) squares += (values[r] - mean) * (values[r] - mean);
    out->error = sqrt(squares / (double)(n - 1));
    const eval_statistic statistic = run->contrast->b[0].statistic;
    const double *left_out = values + run->options.n_resamples;
    if (is_optimised(statistic)) {
        symmetric_interval(out->error, run->n, run->options.level, out);
        return;
    }
    if (statistic == EVAL_PEARSON && run->contrast->n_a > 0) {
        out->error = jackknife_error(left_out, run->n_groups);
        symmetric_interval(out->error, run->n, run->options.level, out);
        return;
    }
    qsort(values, (size_t)n, sizeof *values, ascending);
    double a = 0, z0 = 0;
    if (statistic != EVAL_AVERAGE_PRECISION || run->contrast->n_a == 0) {
        a = acceleration_of(left_out, run->n_groups);
        z0 = eval_normal_quantile(clamp_share(share_below(values, n, out->value), n));
    }
    const double tail = (1 - run->options.level) / 2;
    out->low = bca_end(values, n, z0, a, widened(tail, run->n));
    out->high = bca_end(values, n, z0, a, widened(1 - tail, run->n));
    out->p = out->error > 0 ? bca_p(values, n, z0, a, run->n) : out->value == 0 ? 1 : 2 / (double)(n + 1);
}

/* Hits and misses of one model: Wilson's interval (1927), which stays at its level for few units and near 0 and 1. */
static bool is_share(const double *values, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (values[i] != 0 && values[i] != 1) return false;
    return n > 0;
}

static void wilson_interval(const double *values, int64_t n, double level, eval_estimate *out) {
    const double z = eval_normal_quantile((1 + level) / 2), units = (double)n;
    double hits = 0;
    for (int64_t i = 0; i < n; i++) hits += values[i];
    const double share = hits / units, below = 1 + z * z / units, centre = share + z * z / (2 * units);
    const double half = z * sqrt(share * (1 - share) / units + z * z / (4 * units * units));
    *out = (eval_estimate){.value = share, .error = sqrt(share * (1 - share) / units), .p = hits > 0 ? 0 : 1};
    out->low = hits > 0 ? (centre - half) / below : 0;
    out->high = hits < units ? (centre + half) / below : 1;
}

/* Metrics whose values all lie in 0..1 (nDCG, recall, accuracy of several seeds) have their mean there too. */
static void keep_in_range(const double *values, int64_t n, eval_estimate *out) {
    for (int64_t i = 0; i < n; i++) {
        if (!(values[i] >= 0 && values[i] <= 1)) return;
    }
    if (out->low < 0) out->low = 0;
    if (out->high > 1) out->high = 1;
}

/* Means of several seeds are means of per-unit means: one list of numbers. */
static bool bootstrap_of_means(const eval_contrast *c, const eval_bootstrap_options *options, eval_estimate *out,
                               senc_error *err) {
    const int64_t n = c->b[0].n_units;
    double *d = senc_alloc_zero((size_t)n, sizeof *d);
    if (!d) return senc_fail_memory(err, (size_t)n * sizeof *d, "differences");
    for (int64_t i = 0; i < n; i++) {
        double a = 0, b = 0;
        for (int64_t s = 0; s < c->n_a; s++) a += c->a[s].values[i];
        for (int64_t s = 0; s < c->n_b; s++) b += c->b[s].values[i];
        d[i] = b / (double)c->n_b - (c->n_a > 0 ? a / (double)c->n_a : 0);
    }
    bool ok = true;
    if (c->n_a == 0 && is_share(d, n))
        wilson_interval(d, n, complete(options, n).level, out);
    else
        ok = eval_bootstrap_mean(d, n, options, out, err);
    if (ok && c->n_a == 0) keep_in_range(d, n, out);
    free(d);
    return ok;
}

bool eval_bootstrap(const eval_contrast *contrast, const eval_bootstrap_options *options, eval_estimate *out,
                    senc_error *err) {
    const eval_series_plan *plan = &contrast->b[0];
    const int64_t n = plan->n_units, n_threads = senc_threads_count();
    if (plan->statistic == EVAL_MEAN) return bootstrap_of_means(contrast, options, out, err);
    *out = (eval_estimate){.value = NAN, .low = NAN, .high = NAN, .error = NAN, .p = NAN};
    if (n == 0) return true;
    contrast_run run = {.contrast = contrast, .n = n, .options = complete(options, n)};
    run.n_groups = n < JACKKNIFE ? n : JACKKNIFE;
    for (int64_t i = 0; i < contrast->n_a + contrast->n_b; i++) {
        const eval_series_plan *p = i < contrast->n_a ? &contrast->a[i] : &contrast->b[i - contrast->n_a];
        const int64_t wanted = eval_series_plan_scratch(p);
        if (wanted > run.n_scratch) run.n_scratch = wanted;
    }
    run.counts = senc_alloc((size_t)(n * n_threads), sizeof *run.counts);
    run.scratch = senc_alloc((size_t)(run.n_scratch * n_threads), sizeof *run.scratch);
    run.values = senc_alloc((size_t)(run.options.n_resamples + run.n_groups), sizeof *run.values);
    const bool ok = run.counts && run.scratch && run.values;
    if (ok) {
        out->value = contrast_value(contrast, NULL, run.scratch);
        senc_parallel((run.options.n_resamples + CHUNK - 1) / CHUNK, resample_contrast, &run);
        senc_parallel(run.n_groups, leave_out, &run);
        if (isfinite(out->value)) finish_contrast(&run, out);
    }
    free(run.counts);
    free(run.scratch);
    free(run.values);
    return ok || senc_fail_memory(err, (size_t)(n * n_threads) * sizeof(double), "resamples");
}

bool eval_bootstrap_series(const eval_series *series, const double *gold, int64_t n_units,
                           const eval_bootstrap_options *options, eval_estimate *out, senc_error *err) {
    eval_series_plan plan;
    if (!eval_series_plan_init(&plan, series->statistic, series->values, gold, n_units, err)) return false;
    const eval_contrast alone = {.b = &plan, .n_b = 1};
    const bool ok = eval_bootstrap(&alone, options, out, err);
    eval_series_plan_free(&plan);
    return ok;
}
