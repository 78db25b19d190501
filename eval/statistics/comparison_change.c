/* One metric of two models, measured and judged: see comparison_inner.h. */
#include "eval/statistics/comparison_inner.h"

#include <math.h>
#include <string.h>

#include "eval/statistics/swap_test.h"

static double spread_of(const eval_series_plan *plans, int64_t n, double mean, double *scratch) {
    if (n < 2) return NAN;
    double squares = 0;
    for (int64_t i = 0; i < n; i++) {
        const double x = eval_series_plan_value(&plans[i], NULL, scratch) - mean;
        squares += x * x;
    }
    return sqrt(squares / (double)(n - 1));
}

static double mean_value(const eval_series_plan *plans, int64_t n, double *scratch) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += eval_series_plan_value(&plans[i], NULL, scratch);
    return sum / (double)n;
}

/* Of values and gold, or of the values of two models: for Spearman of their ranks. */
static bool williams_of(const eval_compared_series *s, double *p, senc_error *err) {
    const eval_series_plan *a = s->base, *b = s->candidate;
    const int64_t n = a->n_units;
    *p = NAN;
    if ((a->statistic != EVAL_PEARSON && a->statistic != EVAL_SPEARMAN) || s->n_base > 1 || s->n_candidate > 1)
        return true;
    const double *const pairs[3][2] = {
        {b->values, a->gold}, {a->values, a->gold}, {a->values, b->values}}; /* r_bg, r_ag, r_ab */
    double r[3];
    for (int k = 0; k < 3; k++) {
        const eval_series series = {.statistic = a->statistic, .values = (double *)pairs[k][0]};
        if (!eval_series_value(&series, pairs[k][1], n, NULL, 0, &r[k], err)) return false;
    }
    *p = eval_williams_test(r[0], r[1], r[2], n);
    return true;
}

/* Means: are signs exchangeable? Other statistics are no sums of units: are answers? Seeds of several models have no
 * answers to exchange: the bootstrap's own p. */
static bool test_change(const eval_compared_series *s, const eval_comparison_options *o, eval_change *c,
                        senc_error *err) {
    c->p = c->difference.p;
    c->test = "bootstrap";
    if (s->base[0].statistic != EVAL_MEAN) {
        if (s->n_base > 1 || s->n_candidate > 1) return true;
        c->test = "swaps";
        return eval_swap_test(&s->base[0], &s->candidate[0], 0, o->seed + 1, &c->p, err);
    }
    eval_flip_result flips;
    if (!eval_sign_flip_test(s->differences, s->n_units, 0, o->seed + 1, &flips, err)) return false;
    c->p = isnan(c->difference.value) ? NAN : flips.p;
    c->test = flips.is_exact ? "sign flips, exact" : "sign flips";
    return true;
}

bool eval_change_measure(const eval_compared_series *s, const eval_comparison_options *o, eval_change *c,
                         senc_error *err) {
    const eval_contrast contrast = {.a = s->base, .n_a = s->n_base, .b = s->candidate, .n_b = s->n_candidate};
    const eval_bootstrap_options bootstrap = {.n_resamples = o->n_resamples, .seed = o->seed};
    c->statistic = s->base[0].statistic;
    c->n_units = s->n_units;
    c->base = mean_value(s->base, s->n_base, s->scratch);
    c->candidate = mean_value(s->candidate, s->n_candidate, s->scratch);
    c->base_spread = spread_of(s->base, s->n_base, c->base, s->scratch);
    c->candidate_spread = spread_of(s->candidate, s->n_candidate, c->candidate, s->scratch);
    if (!eval_bootstrap(&contrast, &bootstrap, &c->difference, err) || !test_change(s, o, c, err) ||
        !williams_of(s, &c->williams, err))
        return false;
    c->p_holm = c->p;
    c->effect = eval_effect_of(s->differences, s->n_units, 1e-12);
    c->detectable = eval_detectable_effect(c->difference.error, s->n_units, EVAL_ALPHA, EVAL_POWER);
    if (isnan(c->difference.error)) c->detectable = NAN;
    return true;
}

eval_change eval_change_of(const eval_result *r, const eval_pairing *pairing, const eval_compared_series *s) {
    return (eval_change){.data = r->name,
                         .base_key = s->base_key,
                         .key = s->candidate_key,
                         .base_reading = &pairing->results[0]->reading,
                         .reading = &pairing->results[pairing->n_base]->reading,
                         .type = r->type,
                         .unit_name = r->detail.unit_name,
                         .greater_is_better = r->greater_is_better,
                         .limit = NAN};
}

void eval_change_take_leak(const eval_compared_model *m, bool is_base, eval_change *c) {
    for (int64_t r = 0; r < m->n_runs; r++) {
        for (int64_t i = 0; i < m->runs[r].n_leaks; i++) {
            const eval_leak *leak = &m->runs[r].leaks[i];
            if (strcmp(leak->data, c->data) != 0 || leak->n_leaked <= c->leak.n_leaked) continue;
            c->leak = *leak;
            c->leak_is_base = is_base;
        }
    }
}

/* ---- verdicts ---- */

bool eval_change_excludes(const eval_change *c, double effect) {
    return c->difference.low > -effect && c->difference.high < effect;
}

static eval_verdict judge(const eval_change *c, double min_effect) {
    const double sign = c->greater_is_better ? 1 : -1, d = sign * c->difference.value;
    if (eval_leak_withholds(&c->leak)) return EVAL_VERDICT_WITHHELD;
    if (c->n_units < 6 || isnan(c->p_holm)) return EVAL_VERDICT_TOO_FEW; /* 2 / 2^5 > 5 %: nothing could be seen */
    if (c->p_holm < EVAL_ALPHA && fabs(d) >= min_effect && d != 0)
        return d > 0 ? EVAL_VERDICT_BETTER : EVAL_VERDICT_WORSE;
    if (c->p_holm >= EVAL_ALPHA && min_effect > 0 && !eval_change_excludes(c, min_effect) &&
        !(c->detectable <= min_effect))
        return EVAL_VERDICT_TOO_FEW;
    return EVAL_VERDICT_SAME;
}

void eval_change_judge(eval_change *c, const eval_comparison_options *o) {
    const double sign = c->greater_is_better ? 1 : -1;
    const double d = sign * c->difference.value;
    const double low = sign > 0 ? c->difference.low : -c->difference.high;
    const double high = sign > 0 ? c->difference.high : -c->difference.low;
    c->verdict = judge(c, o->min_effect);
    if (c->verdict == EVAL_VERDICT_WITHHELD) return;
    c->is_regression = (c->is_headline && c->verdict == EVAL_VERDICT_WORSE) || (d < -c->limit && high < 0);
    c->may_be_regression = !c->is_regression && !isnan(c->limit) && !(low >= -c->limit);
}
