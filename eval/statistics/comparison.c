/* Candidates against what runs today: see comparison.h. */
#include "eval/statistics/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "eval/statistics/changed_units.h"
#include "eval/statistics/comparison_inner.h"

const char *eval_verdict_name(eval_verdict verdict) {
    static const char *const names[EVAL_N_VERDICTS] = {"better", "not distinguishable", "worse", "too few",
                                                       "no verdict"};
    return names[verdict];
}

bool eval_leak_withholds(const eval_leak *leak) {
    return leak->n_leaked > 0 && (double)leak->n_leaked > EVAL_LEAK_SHARE * (double)leak->n_units;
}

static bool is_often_quoted(const char *key) {
    return eval_key_matches(key, "accuracy@1") || eval_key_matches(key, "mrr@10") ||
           eval_key_matches(key, "recall@10") || eval_key_matches(key, "recall@100");
}

/* NaN: no limit. */
static double limit_of(const char *key, const eval_comparison_options *o) {
    for (int64_t i = 0; i < o->n_limits; i++)
        if (eval_key_matches(key, o->limits[i].metric)) return o->limits[i].limit;
    return NAN;
}

/* ---- verdicts ---- */

/* What is withheld says nothing; the other headline metrics decide, if there are any. */
static void judge_candidate(eval_candidate *candidate) {
    int64_t n[EVAL_N_VERDICTS] = {0};
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        candidate->is_regression = candidate->is_regression || c->is_regression;
        if (c->is_headline) n[c->verdict]++;
    }
    candidate->verdict = n[EVAL_VERDICT_WORSE] > 0     ? EVAL_VERDICT_WORSE
                         : n[EVAL_VERDICT_BETTER] > 0  ? EVAL_VERDICT_BETTER
                         : n[EVAL_VERDICT_TOO_FEW] > 0 ? EVAL_VERDICT_TOO_FEW
                         : n[EVAL_VERDICT_SAME] > 0    ? EVAL_VERDICT_SAME
                                                       : EVAL_VERDICT_WITHHELD;
}

/* All headline changes, those of pairs included, or all others, in list, which has room for all. */
static int64_t list_changes(eval_comparison *c, bool headline, eval_change **list) {
    int64_t n = 0;
    for (int64_t k = 0; k < c->n_candidates; k++)
        for (int64_t i = 0; i < c->candidates[k].n_changes; i++)
            if (c->candidates[k].changes[i].is_headline == headline) list[n++] = &c->candidates[k].changes[i];
    for (int64_t i = 0; headline && i < c->n_pairs; i++) list[n++] = &c->pairs[i].change;
    return n;
}

/* Corrects the p-values of the headline metrics, or of the others, of all models together. */
static bool correct(eval_comparison *c, bool headline, int64_t *n_tests, senc_error *err) {
    int64_t n = c->n_pairs;
    for (int64_t k = 0; k < c->n_candidates; k++) n += c->candidates[k].n_changes;
    double *p = senc_alloc((size_t)n, sizeof *p);
    eval_change **changes = senc_alloc((size_t)n, sizeof *changes);
    n = p && changes ? list_changes(c, headline, changes) : 0;
    for (int64_t i = 0; i < n; i++) p[i] = changes[i]->p;
    const bool ok = (p && changes) ? eval_holm(p, n, err) : senc_fail_memory(err, sizeof *p, "p-values");
    for (int64_t i = 0; ok && i < n; i++) changes[i]->p_holm = p[i];
    *n_tests = n;
    free(p);
    free(changes);
    return ok;
}

/* ---- candidates ---- */

typedef struct comparing {
    const eval_compared_model *base, *other;
    const eval_comparison_options *options;
    eval_candidate *candidate;
} comparing;

static bool is_wanted(const eval_series *series, const eval_result *r, const eval_comparison_options *o) {
    return o->all_metrics || (r->primary && strcmp(series->key, r->primary) == 0) || is_often_quoted(series->key) ||
           !isnan(limit_of(series->key, o));
}

static bool add_change(comparing *x, const eval_result *r, const eval_pairing *pairing, const eval_compared_series *s,
                       senc_error *err) {
    eval_candidate *candidate = x->candidate;
    eval_change *grown = senc_realloc(candidate->changes, (size_t)candidate->n_changes + 1, sizeof *grown);
    if (!grown) return senc_fail_memory(err, sizeof *grown, "a comparison");
    candidate->changes = grown;
    eval_change *c = &grown[candidate->n_changes];
    *c = eval_change_of(r, pairing, s);
    c->is_headline = r->primary && strcmp(s->base_key, r->primary) == 0;
    c->limit = limit_of(s->base_key, x->options);
    if (isnan(c->limit)) c->limit = limit_of(s->candidate_key, x->options);
    eval_change_take_leak(x->other, false, c);
    eval_change_take_leak(x->base, true, c);
    if (!eval_change_measure(s, x->options, c, err)) return false;
    candidate->n_changes++;
    return true;
}

static bool add_units(comparing *x, const eval_pairing *pairing, const eval_compared_series *s, senc_error *err) {
    eval_candidate *candidate = x->candidate;
    eval_changed_units *grown = senc_realloc(candidate->units, (size_t)candidate->n_units + 1, sizeof *grown);
    if (!grown) return senc_fail_memory(err, sizeof *grown, "a comparison");
    candidate->units = grown;
    if (!eval_changed_units_find(pairing, s, x->options->n_examples, &grown[candidate->n_units], err)) return false;
    candidate->n_units++;
    return true;
}

static bool compare_result(comparing *x, int64_t index, senc_error *err) {
    const eval_result *r = &x->base->runs[0].results[index];
    if (!eval_result_has_units(r)) return true;
    eval_pairing pairing;
    if (!eval_pairing_open(&pairing, x->base, x->other, r->name, err)) return false;
    bool ok = true, has_headline = false;
    for (int64_t i = 0; ok && i < r->detail.n_series; i++) {
        const eval_series *series = &r->detail.series[i];
        if (!is_wanted(series, r, x->options)) continue;
        eval_compared_series s;
        ok = eval_compared_series_open(&s, &pairing, series, err);
        if (!ok || !s.candidate_key) continue; /* a metric that the candidate does not have */
        const bool is_headline = r->primary && strcmp(series->key, r->primary) == 0;
        ok = add_change(x, r, &pairing, &s, err) && (!is_headline || add_units(x, &pairing, &s, err));
        has_headline = has_headline || is_headline;
        eval_compared_series_close(&s);
    }
    eval_pairing_close(&pairing);
    if (ok && !has_headline)
        return senc_fail(err, SENC_BAD_INPUT, "data \"%s\": %s has no metric that could be compared with %s of %s",
                         r->name, x->other->label, r->primary ? r->primary : "the metrics", x->base->label);
    return ok;
}

/* The headline first, data set by data set. */
static int by_importance(const void *a, const void *b) {
    const eval_change *x = a, *y = b;
    return (int)y->is_headline - (int)x->is_headline;
}

static void put_headlines_first(eval_candidate *candidate) {
    eval_change *c = candidate->changes;
    for (int64_t i = 1; i < candidate->n_changes; i++) { /* insertion keeps the order among equals */
        const eval_change moved = c[i];
        int64_t j = i;
        for (; j > 0 && by_importance(&c[j - 1], &moved) > 0; j--) c[j] = c[j - 1];
        c[j] = moved;
    }
}

static bool check_limits(const eval_comparison *c, const eval_comparison_options *o, senc_error *err) {
    for (int64_t l = 0; l < o->n_limits; l++) {
        bool is_used = false;
        for (int64_t k = 0; k < c->n_candidates; k++)
            for (int64_t i = 0; i < c->candidates[k].n_changes; i++)
                is_used = is_used || eval_key_matches(c->candidates[k].changes[i].key, o->limits[l].metric);
        if (!is_used)
            return senc_fail(err, SENC_BAD_INPUT, "--max-regression %s: no metric of the data ends with \"%s\"",
                             o->limits[l].metric, o->limits[l].metric);
    }
    return true;
}

static bool check_base(const eval_compared_run *base, senc_error *err) {
    int64_t n = 0;
    for (int64_t i = 0; i < base->n_results; i++) {
        if (eval_result_has_units(&base->results[i]))
            n++;
        else
            senc_warn("data \"%s\" is not compared: %s has no values of single units for it", base->results[i].name,
                      base->label);
    }
    if (n > 0) return true;
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s: nothing can be compared: expected values of single queries or pairs, found metrics only",
                     base->label);
}

/* A headline without a value can neither rise nor fall. */
static bool check_headlines(const eval_compared_model *base, senc_error *err) {
    for (int64_t s = 0; s < base->n_runs; s++) {
        const eval_compared_run *run = &base->runs[s];
        for (int64_t i = 0; i < run->n_results; i++) {
            const eval_result *r = &run->results[i];
            const eval_metric *m = r->primary ? eval_result_find(r, r->primary) : NULL;
            if (!m || !isnan(m->value)) continue;
            return senc_fail(err, SENC_BAD_INPUT,
                             "evaluation \"%s\": %s is undefined for %s, so nothing can be compared with it%s%s",
                             r->name, m->key, base->label, m->undefined ? ": " : "", m->undefined ? m->undefined : "");
        }
    }
    return true;
}

bool eval_compare(const eval_compared_model *models, int64_t n_models, const eval_comparison_options *options,
                  eval_comparison *out, senc_error *err) {
    SENC_ASSERT(n_models >= 2, "%lld models", (long long)n_models);
    if (!check_base(&models[0].runs[0], err) || !check_headlines(&models[0], err)) return false;
    *out = (eval_comparison){.base_label = models[0].label,
                             .n_base_runs = models[0].n_runs,
                             .min_effect = options->min_effect,
                             .seed = options->seed};
    out->candidates = senc_alloc_zero((size_t)n_models - 1, sizeof *out->candidates);
    bool ok = out->candidates || senc_fail_memory(err, sizeof *out->candidates, "a comparison");
    for (int64_t k = 1; ok && k < n_models; k++) {
        eval_candidate *candidate = &out->candidates[out->n_candidates++];
        candidate->label = models[k].label;
        candidate->n_runs = models[k].n_runs;
        comparing x = {.base = &models[0], .other = &models[k], .options = options, .candidate = candidate};
        for (int64_t i = 0; ok && i < models[0].runs[0].n_results; i++) ok = compare_result(&x, i, err);
        put_headlines_first(candidate);
    }
    if (options->pairs && n_models > 2) ok = ok && eval_comparison_measure_pairs(out, models, n_models, options, err);
    ok = ok && correct(out, true, &out->n_headline, err) && correct(out, false, &out->n_others, err);
    if (ok) eval_comparison_name_metrics(out, &models[0]);
    for (int64_t i = 0; ok && i < out->n_pairs; i++) eval_change_judge(&out->pairs[i].change, options);
    for (int64_t k = 0; ok && k < out->n_candidates; k++) {
        for (int64_t i = 0; i < out->candidates[k].n_changes; i++)
            eval_change_judge(&out->candidates[k].changes[i], options);
        judge_candidate(&out->candidates[k]);
    }
    ok = ok && check_limits(out, options, err);
    if (!ok) eval_comparison_free(out);
    return ok;
}

void eval_comparison_free(eval_comparison *c) {
    for (int64_t k = 0; k < c->n_candidates; k++) {
        eval_candidate *candidate = &c->candidates[k];
        for (int64_t i = 0; i < candidate->n_units; i++) {
            free(candidate->units[i].improved);
            free(candidate->units[i].hurt);
        }
        free(candidate->units);
        free(candidate->changes);
    }
    free(c->candidates);
    free(c->pairs);
    *c = (eval_comparison){0};
}

bool eval_comparison_has_regression(const eval_comparison *c) {
    for (int64_t k = 0; k < c->n_candidates; k++)
        if (c->candidates[k].is_regression) return true;
    return false;
}
