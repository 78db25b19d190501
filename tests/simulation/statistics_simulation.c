/* Simulated comparisons: see statistics_simulation.h. */
#include "tests/simulation/statistics_simulation.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "eval/statistics/bootstrap.h"
#include "eval/statistics/distributions.h"
#include "eval/statistics/paired_tests.h"
#include "eval/statistics/swap_test.h"

#define LARGEST 1000
#define LEVEL   0.05

static bool holds(const eval_estimate *e, double truth) {
    return e->low <= truth && truth <= e->high;
}

/* ---- metrics of ranked lists ---- */

/* The rank of the only relevant document: geometric, 0 when it is not among the first ten. `quality` is the chance that
 * a place holds it. */
static int draw_rank(senc_rng *rng, double quality) {
    for (int rank = 1; rank <= 10; rank++)
        if (senc_rng_uniform(rng) < quality) return rank;
    return 0;
}

static double ndcg_of(int rank) {
    return rank > 0 ? 1 / log2(rank + 1.0) : 0;
}

static double mean_ndcg(double quality) {
    double sum = 0, left = 1;
    for (int rank = 1; rank <= 10; rank++, left *= 1 - quality) sum += left * quality * ndcg_of(rank);
    return sum;
}

/* Differences of two models: a share of the queries have the same list in both. The candidate's own lists are better by
 * effect, which is what the mean difference is then (1 - share) times. */
#define QUALITY 0.25
static void draw_differences(senc_rng *rng, const simulation *s, double *d) {
    for (int64_t i = 0; i < s->n_units; i++) {
        const bool is_same = senc_rng_uniform(rng) < s->share;
        const int a = draw_rank(rng, QUALITY), b = draw_rank(rng, QUALITY + s->effect);
        d[i] = is_same ? 0 : ndcg_of(b) - ndcg_of(a);
    }
}

static double true_difference(const simulation *s) {
    return (1 - s->share) * (mean_ndcg(QUALITY + s->effect) - mean_ndcg(QUALITY));
}

static int flip_ndcg(const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double d[LARGEST];
    draw_differences(&rng, s, d);
    eval_flip_result r;
    if (!eval_sign_flip_test(d, s->n_units, s->n_resamples, seed + 1, &r, NULL)) return -1;
    return r.p < LEVEL;
}

static int cover_mean(const simulation *s, const double *x, double truth, uint64_t seed) {
    const eval_bootstrap_options options = {.n_resamples = s->n_resamples, .seed = seed + 1};
    eval_estimate e;
    if (!eval_bootstrap_mean(x, s->n_units, &options, &e, NULL)) return -1;
    return holds(&e, truth);
}

static int cover_ndcg_difference(const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double d[LARGEST];
    draw_differences(&rng, s, d);
    return cover_mean(s, d, true_difference(s), seed);
}

static int cover_ndcg(const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double x[LARGEST];
    for (int64_t i = 0; i < s->n_units; i++) x[i] = ndcg_of(draw_rank(&rng, s->effect));
    return cover_mean(s, x, mean_ndcg(s->effect), seed);
}

/* ---- yes or no: was the first document relevant? ---- */

static void draw_hits(senc_rng *rng, const simulation *s, double *d) {
    for (int64_t i = 0; i < s->n_units; i++) {
        const bool is_same = senc_rng_uniform(rng) < s->share;
        const bool a = senc_rng_uniform(rng) < 0.6, b = senc_rng_uniform(rng) < 0.6 + s->effect;
        d[i] = is_same ? 0 : (double)b - (double)a;
    }
}

static int flip_hits(const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double d[LARGEST];
    draw_hits(&rng, s, d);
    eval_flip_result r;
    if (!eval_sign_flip_test(d, s->n_units, s->n_resamples, seed + 1, &r, NULL)) return -1;
    return r.p < LEVEL;
}

static int cover_hits(const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double d[LARGEST];
    draw_hits(&rng, s, d);
    return cover_mean(s, d, (1 - s->share) * s->effect, seed);
}

/* One model's accuracy, another one in every run: what single numbers of hits allow jumps with the accuracy. */
static int cover_accuracy(const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double x[LARGEST];
    const double truth = 0.6 + 0.38 * senc_rng_uniform(&rng);
    for (int64_t i = 0; i < s->n_units; i++) x[i] = senc_rng_uniform(&rng) < truth;
    const eval_series series = {.statistic = EVAL_MEAN, .values = x};
    const eval_bootstrap_options options = {.n_resamples = s->n_resamples, .seed = seed + 1};
    eval_estimate e;
    if (!eval_bootstrap_series(&series, NULL, s->n_units, &options, &e, NULL)) return -1;
    return holds(&e, truth);
}

/* ---- normal differences, where theory knows the power ---- */

static int flip_normal(const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double d[LARGEST];
    for (int64_t i = 0; i < s->n_units; i++) d[i] = s->effect + senc_rng_normal(&rng);
    eval_flip_result r;
    if (!eval_sign_flip_test(d, s->n_units, s->n_resamples, seed + 1, &r, NULL)) return -1;
    return r.p < LEVEL;
}

/* A family of tests, the first `share` of them with a true difference that is always seen: is any of the others below
 * the level once Holm has corrected them? */
#define FAMILY 6
static int alarm_holm(const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double p[FAMILY], d[LARGEST];
    const int n_true = (int)(s->share * FAMILY + 0.5);
    for (int k = 0; k < FAMILY; k++) {
        for (int64_t i = 0; i < s->n_units; i++) d[i] = (k < n_true ? s->effect : 0) + senc_rng_normal(&rng);
        eval_flip_result r;
        if (!eval_sign_flip_test(d, s->n_units, s->n_resamples, seed + (uint64_t)k, &r, NULL)) return -1;
        p[k] = r.p;
    }
    if (!eval_holm(p, FAMILY, NULL)) return -1;
    for (int k = n_true; k < FAMILY; k++)
        if (p[k] < LEVEL) return 1;
    return 0;
}

/* Every pair of SYSTEMS systems, as senc compare tests them: the first `share` of them are better by `effect`, the
 * others alike. Their lists for a query are the same with a third of chance. Is any pair told apart that is alike? The
 * tests share systems, which Holm does not mind. */
#define SYSTEMS 4
static int alarm_pairs(const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double values[SYSTEMS][LARGEST], d[LARGEST], p[SYSTEMS * (SYSTEMS - 1) / 2];
    const int n_better = (int)(s->share * SYSTEMS + 0.5);
    for (int64_t i = 0; i < s->n_units; i++) {
        const int common = draw_rank(&rng, QUALITY);
        for (int m = 0; m < SYSTEMS; m++) {
            const int own = draw_rank(&rng, QUALITY + (m < n_better ? s->effect : 0));
            values[m][i] = ndcg_of(senc_rng_uniform(&rng) < 1.0 / 3 ? common : own);
        }
    }
    int n = 0;
    for (int a = 0; a < SYSTEMS; a++) {
        for (int b = a + 1; b < SYSTEMS; b++) {
            for (int64_t i = 0; i < s->n_units; i++) d[i] = values[b][i] - values[a][i];
            eval_flip_result r;
            if (!eval_sign_flip_test(d, s->n_units, s->n_resamples, seed + (uint64_t)n, &r, NULL)) return -1;
            p[n++] = r.p;
        }
    }
    if (!eval_holm(p, n, NULL)) return -1;
    n = 0;
    bool is_alarm = false;
    for (int a = 0; a < SYSTEMS; a++)
        for (int b = a + 1; b < SYSTEMS; b++, n++)
            is_alarm = is_alarm || (p[n] < LEVEL && (a < n_better) == (b < n_better));
    return is_alarm;
}

/* ---- correlations ---- */

/* gold and two models' similarities with correlations r and r + effect with it. Their errors share a part, as those of
 * two models do. */
#define COMMON 0.6
static void draw_similarities(senc_rng *rng, const simulation *s, double *gold, double *a, double *b) {
    const double ra = s->share, rb = s->share + s->effect;
    for (int64_t i = 0; i < s->n_units; i++) {
        gold[i] = senc_rng_normal(rng);
        const double common = sqrt(COMMON) * senc_rng_normal(rng), own = sqrt(1 - COMMON);
        a[i] = ra * gold[i] + sqrt(1 - ra * ra) * (common + own * senc_rng_normal(rng));
        b[i] = rb * gold[i] + sqrt(1 - rb * rb) * (common + own * senc_rng_normal(rng));
    }
}

/* Of normal numbers whose Pearson correlation is r (Kruskal 1958). */
static double spearman_of_normal(double r) {
    return 6 / M_PI * asin(r / 2);
}

/* a NULL: of b alone. */
static int bootstrap_models(eval_statistic statistic, const simulation *s, const double *gold, const double *a,
                            const double *b, uint64_t seed, eval_estimate *e) {
    eval_series_plan plans[2] = {{0}};
    const eval_bootstrap_options options = {.n_resamples = s->n_resamples, .seed = seed + 1};
    const eval_contrast contrast = {.a = plans, .b = plans + 1, .n_a = a ? 1 : 0, .n_b = 1};
    const bool ok = (!a || eval_series_plan_init(&plans[0], statistic, a, gold, s->n_units, NULL)) &&
                    eval_series_plan_init(&plans[1], statistic, b, gold, s->n_units, NULL) &&
                    eval_bootstrap(&contrast, &options, e, NULL);
    eval_series_plan_free(&plans[0]);
    eval_series_plan_free(&plans[1]);
    return ok ? 0 : -1;
}

static int spearman_estimate(const simulation *s, uint64_t seed, eval_estimate *e) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double gold[LARGEST], a[LARGEST], b[LARGEST];
    draw_similarities(&rng, s, gold, a, b);
    return bootstrap_models(EVAL_SPEARMAN, s, gold, a, b, seed, e);
}

static int swap_models(eval_statistic statistic, const simulation *s, const double *gold, const double *a,
                       const double *b, uint64_t seed) {
    eval_series_plan plans[2] = {{0}};
    double p = NAN;
    const bool ok = eval_series_plan_init(&plans[0], statistic, a, gold, s->n_units, NULL) &&
                    eval_series_plan_init(&plans[1], statistic, b, gold, s->n_units, NULL) &&
                    eval_swap_test(&plans[0], &plans[1], s->n_resamples, seed + 1, &p, NULL);
    eval_series_plan_free(&plans[0]);
    eval_series_plan_free(&plans[1]);
    return ok ? p < LEVEL : -1;
}

static int alarm_spearman(const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double gold[LARGEST], a[LARGEST], b[LARGEST];
    draw_similarities(&rng, s, gold, a, b);
    return swap_models(EVAL_SPEARMAN, s, gold, a, b, seed);
}

static int cover_spearman(const simulation *s, uint64_t seed) {
    eval_estimate e;
    if (spearman_estimate(s, seed, &e) < 0) return -1;
    return holds(&e, spearman_of_normal(s->share + s->effect) - spearman_of_normal(s->share));
}

static int alarm_of_interval(const simulation *s, uint64_t seed) {
    eval_estimate e;
    return spearman_estimate(s, seed, &e) < 0 ? -1 : e.p < LEVEL;
}

static int cover_pearson(const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double gold[LARGEST], a[LARGEST], b[LARGEST];
    draw_similarities(&rng, s, gold, a, b);
    eval_estimate e;
    return bootstrap_models(EVAL_PEARSON, s, gold, a, b, seed, &e) < 0 ? -1 : holds(&e, s->effect);
}

static int alarm_williams(const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double gold[LARGEST], a[LARGEST], b[LARGEST], r[3];
    draw_similarities(&rng, s, gold, a, b);
    const double *const pairs[3][2] = {{b, gold}, {a, gold}, {a, b}};
    for (int k = 0; k < 3; k++) {
        eval_series series = {.statistic = EVAL_PEARSON, .values = (double *)pairs[k][0]};
        if (!eval_series_value(&series, pairs[k][1], s->n_units, NULL, 0, &r[k], NULL)) return -1;
    }
    return eval_williams_test(r[0], r[1], r[2], s->n_units) < LEVEL;
}

/* ---- classifiers: a third of the pairs is positive, and their scores are normal, farther up by `shift` ---- */

#define POSITIVE (1.0 / 3)
#define SHIFT    1.5
static void draw_scores(senc_rng *rng, const simulation *s, double *gold, double *a, double *b) {
    for (int64_t i = 0; i < s->n_units; i++) {
        gold[i] = senc_rng_uniform(rng) < POSITIVE;
        const double common = senc_rng_normal(rng);
        a[i] = gold[i] * SHIFT + common + senc_rng_normal(rng);
        b[i] = gold[i] * (SHIFT + s->effect) + common + senc_rng_normal(rng);
    }
}

/* Of infinitely many pairs: the area under precision over recall, and the best F1, as the threshold falls. */
static double true_metric(eval_statistic statistic, double shift) {
    const double deviation = sqrt(2.0), step = 1e-2;
    double area = 0, best = 0, before = 0;
    for (double t = 12; t > -12; t -= step) {
        const double recall = eval_normal_cdf((shift - t) / deviation);
        const double positives = POSITIVE * recall, all = positives + (1 - POSITIVE) * eval_normal_cdf(-t / deviation);
        if (all > 0) area += (recall - before) * positives / all;
        before = recall;
        best = fmax(best, 2 * positives / (all + POSITIVE));
    }
    return statistic == EVAL_F1_BEST ? best : area;
}

static int alarm_classifier(eval_statistic statistic, const simulation *s, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double gold[LARGEST], a[LARGEST], b[LARGEST];
    draw_scores(&rng, s, gold, a, b);
    return swap_models(statistic, s, gold, a, b, seed);
}

/* share 1: the difference of two models; 0: one model. */
static int cover_classifier(eval_statistic statistic, const simulation *s, double truth, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    double gold[LARGEST], a[LARGEST], b[LARGEST];
    draw_scores(&rng, s, gold, a, b);
    eval_estimate e;
    if (bootstrap_models(statistic, s, gold, s->share > 0 ? a : NULL, b, seed, &e) < 0) return -1;
    return holds(&e, truth);
}

static int cover_average_precision(const simulation *s, uint64_t seed) {
    const double truth = true_metric(EVAL_AVERAGE_PRECISION, SHIFT + s->effect) -
                         (s->share > 0 ? true_metric(EVAL_AVERAGE_PRECISION, SHIFT) : 0);
    return cover_classifier(EVAL_AVERAGE_PRECISION, s, truth, seed);
}

static int cover_f1_difference(const simulation *s, uint64_t seed) {
    const double truth = true_metric(EVAL_F1_BEST, SHIFT + s->effect) - true_metric(EVAL_F1_BEST, SHIFT);
    return cover_classifier(EVAL_F1_BEST, s, truth, seed);
}

#define F1_100 0.6517
#define F1_300 0.6323
/* What evaluations give on average is more than true_metric's 0.6125, which the threshold is worth on other pairs: the
 * mean of 100,000 and more simulated ones. */
static int cover_f1(const simulation *s, uint64_t seed) {
    const double mean = s->n_units == 100 ? F1_100 : F1_300;
    return cover_classifier(EVAL_F1_BEST, s, mean, seed);
}

static int alarm_average_precision(const simulation *s, uint64_t seed) {
    return alarm_classifier(EVAL_AVERAGE_PRECISION, s, seed);
}

static int alarm_f1(const simulation *s, uint64_t seed) {
    return alarm_classifier(EVAL_F1_BEST, s, seed);
}

/* ---- the table ---- */

#define FLIPS     999
#define RESAMPLES 599
#define SWAPS     399
#define ALARMS(label, how, units, function, effect_, share_, draws)                                                    \
    { label, how, SIMULATION_FALSE_ALARMS, units, 0.05, function, effect_, share_, draws }
/* At most that: tests that share systems are not independent, and Holm then sees a little less than it could. */
#define ALARMS_BELOW(label, how, units, function, effect_, share_, draws)                                              \
    { label, how, SIMULATION_ALARMS_BELOW, units, 0.05, function, effect_, share_, draws }
#define COVERS(label, how, units, function, effect_, share_)                                                           \
    { label, how, SIMULATION_COVERAGE, units, 0.95, function, effect_, share_, RESAMPLES }
#define SEEN(units, effect_)                                                                                           \
    { "normal differences, d_z = " #effect_, "sign flips", SIMULATION_POWER, units, 0, flip_normal, effect_, 0, FLIPS }

static const char ndcg_same[] = "nDCG@10 difference, 60 % ties", hits_same[] = "accuracy@1 difference, 50 % ties";
static const char ndcg_alone[] = "nDCG@10 of one model, mean 0.55", ndcg_good[] = "nDCG@10 of one model, mean 0.85";
static const char rho[] = "Spearman difference", ap[] = "average precision difference";
static const char f1[] = "F1 difference, best thresholds", hits_alone[] = "accuracy@1 of one model, 0.6 to 0.98";
static const char ap_alone[] = "average precision of one model, 0.66", f1_alone[] = "F1 of one model, best threshold";
static const char pairs_none[] = "4 systems alike, all 6 pairs", pairs_some[] = "4 systems, 2 of them better";
static const char holm_none[] = "6 tests, nothing true", holm_some[] = "6 tests, 3 differences true";

static const simulation table[] = {
    ALARMS(ndcg_same, "sign flips", 30, flip_ndcg, 0, 0.6, FLIPS),
    ALARMS(ndcg_same, "sign flips", 100, flip_ndcg, 0, 0.6, FLIPS),
    ALARMS(ndcg_same, "sign flips", 300, flip_ndcg, 0, 0.6, FLIPS),
    ALARMS(ndcg_same, "sign flips", 1000, flip_ndcg, 0, 0.6, FLIPS),
    ALARMS(hits_same, "sign flips", 300, flip_hits, 0, 0.5, FLIPS),
    ALARMS(hits_same, "sign flips", 1000, flip_hits, 0, 0.5, FLIPS),
    ALARMS(rho, "swaps", 50, alarm_spearman, 0, 0.8, SWAPS),
    ALARMS(rho, "swaps", 300, alarm_spearman, 0, 0.8, SWAPS),
    ALARMS("Pearson difference", "Williams", 50, alarm_williams, 0, 0.8, 0),
    ALARMS("Pearson difference", "Williams", 300, alarm_williams, 0, 0.8, 0),
    ALARMS(ap, "swaps", 100, alarm_average_precision, 0, 0, SWAPS),
    ALARMS(ap, "swaps", 300, alarm_average_precision, 0, 0, SWAPS),
    ALARMS(f1, "swaps", 300, alarm_f1, 0, 0, SWAPS),
    ALARMS(holm_none, "Holm", 100, alarm_holm, 0, 0, FLIPS),
    ALARMS(holm_some, "Holm", 100, alarm_holm, 2, 0.5, FLIPS),
    ALARMS(rho, "p of BCa", 100, alarm_of_interval, 0, 0.8, 5 * RESAMPLES),
    ALARMS(rho, "p of BCa", 300, alarm_of_interval, 0, 0.8, 5 * RESAMPLES),
    COVERS(hits_alone, "Wilson", 30, cover_accuracy, 0, 0),
    COVERS(hits_alone, "Wilson", 100, cover_accuracy, 0, 0),
    COVERS(hits_alone, "Wilson", 300, cover_accuracy, 0, 0),
    COVERS(ndcg_alone, "Student", 30, cover_ndcg, 0.25, 0),
    COVERS(ndcg_alone, "studentised", 100, cover_ndcg, 0.25, 0),
    COVERS(ndcg_alone, "studentised", 300, cover_ndcg, 0.25, 0),
    COVERS(ndcg_good, "Student", 30, cover_ndcg, 0.7, 0),
    COVERS(ndcg_good, "studentised", 100, cover_ndcg, 0.7, 0),
    COVERS(ndcg_good, "studentised", 300, cover_ndcg, 0.7, 0),
    COVERS(ndcg_same, "Student", 30, cover_ndcg_difference, 0.08, 0.6),
    COVERS(ndcg_same, "studentised", 100, cover_ndcg_difference, 0.08, 0.6),
    COVERS(ndcg_same, "studentised", 300, cover_ndcg_difference, 0.08, 0.6),
    COVERS(ndcg_same, "studentised", 1000, cover_ndcg_difference, 0.08, 0.6),
    COVERS(hits_same, "studentised", 100, cover_hits, 0.1, 0.5),
    COVERS(hits_same, "studentised", 300, cover_hits, 0.1, 0.5),
    COVERS(rho, "BCa, widened", 50, cover_spearman, 0.05, 0.8),
    COVERS(rho, "BCa, widened", 100, cover_spearman, 0.05, 0.8),
    COVERS(rho, "BCa, widened", 300, cover_spearman, 0.05, 0.8),
    COVERS("Pearson difference", "Student, jackknife", 100, cover_pearson, 0.05, 0.8),
    COVERS("Pearson difference", "Student, jackknife", 300, cover_pearson, 0.05, 0.8),
    COVERS(ap_alone, "BCa, widened", 100, cover_average_precision, 0, 0),
    COVERS(ap_alone, "BCa, widened", 300, cover_average_precision, 0, 0),
    COVERS(ap, "percentile, widened", 100, cover_average_precision, 0.3, 1),
    COVERS(ap, "percentile, widened", 300, cover_average_precision, 0.3, 1),
    COVERS(f1_alone, "Student, bootstrap", 100, cover_f1, 0, 0),
    COVERS(f1_alone, "Student, bootstrap", 300, cover_f1, 0, 0),
    COVERS(f1, "Student, bootstrap", 100, cover_f1_difference, 0.3, 1),
    COVERS(f1, "Student, bootstrap", 300, cover_f1_difference, 0.3, 1),
    SEEN(30, 0.5),
    SEEN(100, 0.2),
    SEEN(300, 0.15),
    SEEN(300, 0.1),
    ALARMS_BELOW(pairs_none, "Holm, all pairs", 100, alarm_pairs, 0, 0, FLIPS),
    ALARMS_BELOW(pairs_some, "Holm, all pairs", 100, alarm_pairs, 0.35, 0.5, FLIPS),
};

const simulation *simulation_all(int64_t *n) {
    *n = (int64_t)(sizeof table / sizeof *table);
    return table;
}

typedef struct rate_run {
    const simulation *simulation;
    uint64_t seed;
    signed char *happened;
} rate_run;

static void run_once(void *context, int64_t i, int thread) {
    (void)thread;
    rate_run *run = context;
    const uint64_t seed = senc_rng_mix(senc_rng_mix(run->seed) ^ (uint64_t)i);
    run->happened[i] = (signed char)run->simulation->run(run->simulation, seed);
}

double simulation_rate(const simulation *s, int64_t n_runs, uint64_t seed) {
    rate_run run = {.simulation = s, .seed = seed, .happened = senc_alloc((size_t)n_runs, 1)};
    if (!run.happened) return NAN;
    senc_parallel(n_runs, run_once, &run);
    int64_t n = 0;
    bool ok = true;
    for (int64_t i = 0; i < n_runs; i++) {
        ok = ok && run.happened[i] >= 0;
        n += run.happened[i];
    }
    free(run.happened);
    return ok ? (double)n / (double)n_runs : NAN;
}
