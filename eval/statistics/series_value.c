/* Metrics on resamples: see series_value.h. Every statistic is written for units that count c times, which gives what
 * the plain formula gives on the list in which they stand c times. */
#include "eval/statistics/series_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

static const char *const names[] = {
    [EVAL_MEAN] = "mean",
    [EVAL_PEARSON] = "pearson",
    [EVAL_SPEARMAN] = "spearman",
    [EVAL_AVERAGE_PRECISION] = "average_precision",
    [EVAL_ACCURACY_BEST] = "accuracy_best",
    [EVAL_F1_BEST] = "f1_best",
    [EVAL_MCC_BEST] = "mcc_best",
    [EVAL_F1_MACRO] = "f1_macro",
};
#define N_STATISTICS ((int)(sizeof names / sizeof *names))

const char *eval_statistic_name(eval_statistic statistic) {
    return names[statistic];
}

bool eval_statistic_find(const char *name, eval_statistic *statistic) {
    for (int i = 0; i < N_STATISTICS; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *statistic = (eval_statistic)i;
        return true;
    }
    return false;
}

/* ---- the plan ---- */

static int by_number(const void *a, const void *b, void *context) {
    const double *x = context;
    const int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    if (x[i] != x[j]) return x[i] < x[j] ? -1 : 1;
    return (i > j) - (i < j);
}

static int64_t *order_of(const double *x, int64_t n) {
    int64_t *order = senc_alloc((size_t)n, sizeof *order);
    if (!order) return NULL;
    for (int64_t i = 0; i < n; i++) order[i] = i;
    qsort_r(order, (size_t)n, sizeof *order, by_number, (void *)x);
    return order;
}

/* Numbers the distinct values of values and gold together, in ascending order. */
static bool number_classes(eval_series_plan *p) {
    p->value_class = senc_alloc((size_t)p->n_units, sizeof *p->value_class);
    p->gold_class = senc_alloc((size_t)p->n_units, sizeof *p->gold_class);
    if (!p->value_class || !p->gold_class) return false;
    int64_t i = 0, j = 0;
    while (i < p->n_units || j < p->n_units) {
        const double v = i < p->n_units ? p->values[p->by_value[i]] : HUGE_VAL;
        const double g = j < p->n_units ? p->gold[p->by_gold[j]] : HUGE_VAL, next = v < g ? v : g;
        while (i < p->n_units && p->values[p->by_value[i]] == next)
            p->value_class[p->by_value[i++]] = (int32_t)p->n_classes;
        while (j < p->n_units && p->gold[p->by_gold[j]] == next) p->gold_class[p->by_gold[j++]] = (int32_t)p->n_classes;
        p->n_classes++;
    }
    return true;
}

static bool all_finite(const double *x, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

bool eval_series_plan_init(eval_series_plan *plan, eval_statistic statistic, const double *values, const double *gold,
                           int64_t n_units, senc_error *err) {
    *plan = (eval_series_plan){.statistic = statistic, .n_units = n_units, .values = values, .gold = gold};
    if (statistic == EVAL_MEAN || statistic == EVAL_PEARSON) return true;
    if (!all_finite(values, n_units) || !all_finite(gold, n_units)) { /* no order: every value is NaN */
        plan->n_units = 0;
        return true;
    }
    plan->by_value = order_of(values, n_units);
    if (statistic == EVAL_SPEARMAN || statistic == EVAL_F1_MACRO) plan->by_gold = order_of(gold, n_units);
    if (plan->by_value && (plan->by_gold || (statistic != EVAL_SPEARMAN && statistic != EVAL_F1_MACRO)) &&
        (statistic != EVAL_F1_MACRO || number_classes(plan)))
        return true;
    eval_series_plan_free(plan);
    return senc_fail_memory(err, (size_t)n_units * sizeof(int64_t), "resamples");
}

void eval_series_plan_free(eval_series_plan *plan) {
    free(plan->by_value);
    free(plan->by_gold);
    free(plan->value_class);
    free(plan->gold_class);
    *plan = (eval_series_plan){0};
}

int64_t eval_series_plan_scratch(const eval_series_plan *plan) {
    return 2 * plan->n_units + 3 * plan->n_classes + 1;
}

/* ---- statistics of units that count c times ---- */

static inline double count_of(const int32_t *counts, int64_t i) {
    return counts ? (double)counts[i] : 1;
}

static double mean_of(const double *x, const int32_t *counts, int64_t n) {
    double sum = 0, all = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += count_of(counts, i) * x[i];
        all += count_of(counts, i);
    }
    return all > 0 ? sum / all : NAN;
}

/* NaN when one of the lists is constant among the drawn units. */
static double pearson_of(const double *x, const double *y, const int32_t *counts, int64_t n) {
    const double mx = mean_of(x, counts, n), my = mean_of(y, counts, n);
    double xx = 0, yy = 0, xy = 0, largest_x = 0, largest_y = 0;
    for (int64_t i = 0; i < n; i++) {
        const double c = count_of(counts, i), a = x[i] - mx, b = y[i] - my;
        xx += c * a * a;
        yy += c * b * b;
        xy += c * a * b;
        if (c > 0 && fabs(x[i]) > largest_x) largest_x = fabs(x[i]);
        if (c > 0 && fabs(y[i]) > largest_y) largest_y = fabs(y[i]);
    }
    /* The mean of equal numbers may differ from them by a rounding. */
    const double nothing = 1e-28 * (double)n;
    if (!(xx > nothing * largest_x * largest_x) || !(yy > nothing * largest_y * largest_y)) return NAN;
    const double r = xy / (sqrt(xx) * sqrt(yy));
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

/* Ranks among the drawn units; equal numbers share the average of theirs. */
static void ranks_of(const double *x, const int64_t *order, const int32_t *counts, int64_t n, double *ranks) {
    double below = 0;
    for (int64_t first = 0, end; first < n; first = end) {
        double here = 0;
        for (end = first; end < n && x[order[end]] == x[order[first]]; end++) here += count_of(counts, order[end]);
        for (int64_t i = first; i < end; i++) ranks[order[i]] = below + (here + 1) / 2;
        below += here;
    }
}

/* Units at or above a threshold, as the threshold goes down: how many of them are positive, how many not. */
typedef struct threshold_walk {
    const eval_series_plan *plan;
    const int32_t *counts;
    int64_t next; /* index into by_value; those behind it are above the threshold */
    double positives, negatives;
} threshold_walk;

/* Takes the next group of equal scores in; false at the end. */
static bool walk_down(threshold_walk *w) {
    const eval_series_plan *p = w->plan;
    if (w->next < 0) return false;
    const double score = p->values[p->by_value[w->next]];
    for (; w->next >= 0 && p->values[p->by_value[w->next]] == score; w->next--) {
        const int64_t i = p->by_value[w->next];
        if (p->gold[i] > 0)
            w->positives += count_of(w->counts, i);
        else
            w->negatives += count_of(w->counts, i);
    }
    return true;
}

static threshold_walk walk_of(const eval_series_plan *p, const int32_t *counts) {
    return (threshold_walk){.plan = p, .counts = counts, .next = p->n_units - 1};
}

/* Sum of (R_i - R_{i-1}) P_i over the distinct scores, from the highest down (scikit-learn's average_precision_score).
 */
static double average_precision_of(const eval_series_plan *p, const int32_t *counts) {
    threshold_walk w = walk_of(p, counts);
    double sum = 0, before = 0;
    while (walk_down(&w)) {
        if (w.positives > before) sum += (w.positives - before) * w.positives / (w.positives + w.negatives);
        before = w.positives;
    }
    return w.positives > 0 ? sum / w.positives : NAN;
}

/* What "positive from this threshold on" is worth; all: units that are positive and not. */
static double threshold_metric(eval_statistic statistic, double tp, double fp, double all_p, double all_n) {
    const double fn = all_p - tp, tn = all_n - fp;
    if (statistic == EVAL_ACCURACY_BEST) return (tp + tn) / (all_p + all_n);
    if (statistic == EVAL_F1_BEST) return tp > 0 ? 2 * tp / (2 * tp + fp + fn) : 0;
    const double square = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn);
    return square > 0 ? (tp * tn - fp * fn) / sqrt(square) : 0;
}

static double best_threshold_of(const eval_series_plan *p, const int32_t *counts) {
    double all_p = 0, all_n = 0;
    for (int64_t i = 0; i < p->n_units; i++) {
        if (p->gold[i] > 0)
            all_p += count_of(counts, i);
        else
            all_n += count_of(counts, i);
    }
    if (!(all_p + all_n > 0)) return NAN;
    threshold_walk w = walk_of(p, counts);
    double best = threshold_metric(p->statistic, 0, 0, all_p, all_n);
    while (walk_down(&w)) {
        const double value = threshold_metric(p->statistic, w.positives, w.negatives, all_p, all_n);
        if (value > best) best = value;
    }
    return best;
}

/* Mean of F1 over the classes that occur among the drawn units, in gold or as a prediction (scikit-learn's
 * f1_score(average="macro")). */
static double macro_f1_of(const eval_series_plan *p, const int32_t *counts, double *scratch) {
    double *hits = scratch, *predicted = hits + p->n_classes, *true_ones = predicted + p->n_classes;
    for (int64_t c = 0; c < 3 * p->n_classes; c++) scratch[c] = 0;
    for (int64_t i = 0; i < p->n_units; i++) {
        const double c = count_of(counts, i);
        predicted[p->value_class[i]] += c;
        true_ones[p->gold_class[i]] += c;
        if (p->value_class[i] == p->gold_class[i]) hits[p->gold_class[i]] += c;
    }
    double sum = 0, n = 0;
    for (int64_t c = 0; c < p->n_classes; c++) {
        if (predicted[c] + true_ones[c] == 0) continue;
        sum += 2 * hits[c] / (predicted[c] + true_ones[c]);
        n++;
    }
    return n > 0 ? sum / n : NAN;
}

double eval_series_plan_value(const eval_series_plan *plan, const int32_t *counts, double *scratch) {
    const int64_t n = plan->n_units;
    if (n == 0) return NAN;
    switch (plan->statistic) {
    case EVAL_MEAN:
        return mean_of(plan->values, counts, n);
    case EVAL_PEARSON:
        return pearson_of(plan->values, plan->gold, counts, n);
    case EVAL_SPEARMAN:
        ranks_of(plan->values, plan->by_value, counts, n, scratch);
        ranks_of(plan->gold, plan->by_gold, counts, n, scratch + n);
        return pearson_of(scratch, scratch + n, counts, n);
    case EVAL_AVERAGE_PRECISION:
        return average_precision_of(plan, counts);
    case EVAL_ACCURACY_BEST:
    case EVAL_F1_BEST:
    case EVAL_MCC_BEST:
        return best_threshold_of(plan, counts);
    case EVAL_F1_MACRO:
        return macro_f1_of(plan, counts, scratch);
    }
    return NAN; /* not reached: all cases return */
}

/* Counts of the chosen units; NULL when out of memory. */
static int32_t *count_chosen(int64_t n_units, const int64_t *chosen, int64_t n_chosen) {
    int32_t *counts = senc_alloc_zero((size_t)n_units, sizeof *counts);
    for (int64_t i = 0; counts && i < n_chosen; i++) counts[chosen[i]]++;
    return counts;
}

bool eval_series_value(const eval_series *series, const double *gold, int64_t n_units, const int64_t *chosen,
                       int64_t n_chosen, double *value, senc_error *err) {
    *value = NAN;
    eval_series_plan plan;
    if (!eval_series_plan_init(&plan, series->statistic, series->values, gold, n_units, err)) return false;
    double *scratch = senc_alloc((size_t)eval_series_plan_scratch(&plan), sizeof *scratch);
    int32_t *counts = chosen ? count_chosen(n_units, chosen, n_chosen) : NULL;
    const bool ok = scratch && (counts || !chosen);
    if (ok) *value = eval_series_plan_value(&plan, counts, scratch);
    eval_series_plan_free(&plan);
    free(scratch);
    free(counts);
    return ok || senc_fail_memory(err, (size_t)n_units * sizeof(double), "a metric");
}

/* ---- single units ---- */

void eval_series_ranks(const eval_series_plan *plan, bool of_gold, double *ranks) {
    if (of_gold)
        ranks_of(plan->gold, plan->by_gold, NULL, plan->n_units, ranks);
    else
        ranks_of(plan->values, plan->by_value, NULL, plan->n_units, ranks);
}

/* Pearson's plan has no order, so its units are scored by their distance in standard deviations. */
static void score_by_deviation(const eval_series_plan *p, double *out) {
    const int64_t n = p->n_units;
    const double mx = mean_of(p->values, NULL, n), my = mean_of(p->gold, NULL, n);
    double xx = 0, yy = 0;
    for (int64_t i = 0; i < n; i++) {
        xx += (p->values[i] - mx) * (p->values[i] - mx);
        yy += (p->gold[i] - my) * (p->gold[i] - my);
    }
    const double sx = sqrt(xx / (double)n), sy = sqrt(yy / (double)n);
    for (int64_t i = 0; i < n; i++)
        out[i] = -fabs((sx > 0 ? (p->values[i] - mx) / sx : 0) - (sy > 0 ? (p->gold[i] - my) / sy : 0));
}

void eval_series_unit_scores(const eval_series_plan *plan, double *out, double *scratch) {
    const int64_t n = plan->n_units;
    switch (plan->statistic) {
    case EVAL_MEAN:
        memcpy(out, plan->values, (size_t)n * sizeof *out);
        return;
    case EVAL_PEARSON:
        score_by_deviation(plan, out);
        return;
    case EVAL_F1_MACRO:
        for (int64_t i = 0; i < n; i++) out[i] = plan->values[i] == plan->gold[i];
        return;
    default:
        break;
    }
    ranks_of(plan->values, plan->by_value, NULL, n, out);
    if (plan->statistic == EVAL_SPEARMAN) ranks_of(plan->gold, plan->by_gold, NULL, n, scratch);
    for (int64_t i = 0; i < n; i++) {
        const double share = (out[i] - 0.5) / (double)n;
        if (plan->statistic == EVAL_SPEARMAN)
            out[i] = -fabs(out[i] - scratch[i]) / (double)n;
        else
            out[i] = plan->gold[i] > 0 ? share : 1 - share;
    }
}
