/* One metric of two models: see compared_series.h. */
#include "eval/statistics/compared_series.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

static const eval_result *find_result(const eval_compared_run *run, const char *data) {
    for (int64_t i = 0; i < run->n_results; i++)
        if (strcmp(run->results[i].name, data) == 0) return &run->results[i];
    return NULL;
}

static bool pair_run(eval_pairing *p, int64_t at, const eval_compared_run *run, const char *first_label,
                     const char *data, senc_error *err) {
    const eval_result *r = find_result(run, data);
    if (!r) return senc_fail(err, SENC_BAD_INPUT, "%s: has no results on data \"%s\"", run->label, data);
    if (r->detail.n_units == 0)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: data \"%s\": expected values of single queries or pairs, found metrics only", run->label,
                         data);
    p->results[at] = r;
    return eval_pair_units(p->results[0], first_label, r, run->label, &p->orders[at], err);
}

bool eval_pairing_open(eval_pairing *p, const eval_compared_model *base, const eval_compared_model *candidate,
                       const char *data, senc_error *err) {
    *p = (eval_pairing){.n_base = base->n_runs, .n_candidate = candidate->n_runs};
    const int64_t n = p->n_base + p->n_candidate;
    p->results = senc_alloc_zero((size_t)n, sizeof *p->results);
    p->orders = senc_alloc_zero((size_t)n, sizeof *p->orders);
    bool ok = (p->results && p->orders) || senc_fail_memory(err, (size_t)n * sizeof *p->orders, "a comparison");
    for (int64_t i = 0; ok && i < n; i++) {
        const eval_compared_run *run = i < p->n_base ? &base->runs[i] : &candidate->runs[i - p->n_base];
        ok = pair_run(p, i, run, base->runs[0].label, data, err);
    }
    if (ok)
        p->n_units = p->results[0]->detail.n_units;
    else
        eval_pairing_close(p);
    return ok;
}

void eval_pairing_close(eval_pairing *p) {
    for (int64_t i = 0; p->orders && i < p->n_base + p->n_candidate; i++) free(p->orders[i]);
    free(p->results);
    free(p->orders);
    *p = (eval_pairing){0};
}

/* The values of run i in the common order, and the plan over them. */
static bool open_plan(eval_compared_series *s, const eval_pairing *p, int64_t i, const eval_series *series,
                      senc_error *err) {
    const bool is_base = i < s->n_base;
    double *values = s->block + i * s->n_units, *sums = is_base ? s->base_values : s->candidate_values;
    const double share = 1 / (double)(is_base ? s->n_base : s->n_candidate);
    for (int64_t u = 0; u < s->n_units; u++) {
        values[u] = series->values[p->orders[i][u]];
        sums[u] += share * values[u];
    }
    eval_series_plan *plan = is_base ? &s->base[i] : &s->candidate[i - s->n_base];
    return eval_series_plan_init(plan, series->statistic, values, s->gold, s->n_units, err);
}

static void add_scores(eval_compared_series *s, const eval_series_plan *plans, int64_t n, double *sums, double *own) {
    for (int64_t i = 0; i < n; i++) {
        if (plans[i].n_units == 0) continue; /* values that are not finite */
        eval_series_unit_scores(&plans[i], own, s->scratch);
        for (int64_t u = 0; u < s->n_units; u++) sums[u] += own[u] / (double)n;
    }
}

static bool take_memory(eval_compared_series *s, senc_error *err) {
    const size_t n_runs = (size_t)(s->n_base + s->n_candidate), n = (size_t)s->n_units;
    s->base = senc_alloc_zero((size_t)s->n_base, sizeof *s->base);
    s->candidate = senc_alloc_zero((size_t)s->n_candidate, sizeof *s->candidate);
    s->block = senc_alloc_zero(n_runs * n, sizeof *s->block);
    s->base_scores = senc_alloc_zero(6 * n, sizeof *s->base_scores);
    if (!s->base || !s->candidate || !s->block || !s->base_scores)
        return senc_fail_memory(err, (n_runs + 6) * n * sizeof(double), "a comparison");
    s->candidate_scores = s->base_scores + n;
    s->differences = s->candidate_scores + n;
    s->base_values = s->differences + n;
    s->candidate_values = s->base_values + n;
    return true;
}

static bool open_plans(eval_compared_series *s, const eval_pairing *p, const eval_series *const *found,
                       senc_error *err) {
    int64_t n_scratch = 0;
    for (int64_t i = 0; i < s->n_base + s->n_candidate; i++) {
        if (!open_plan(s, p, i, found[i], err)) return false;
        const int64_t wanted = eval_series_plan_scratch(i < s->n_base ? &s->base[i] : &s->candidate[i - s->n_base]);
        if (wanted > n_scratch) n_scratch = wanted;
    }
    s->scratch = senc_alloc((size_t)n_scratch, sizeof *s->scratch);
    if (!s->scratch) return senc_fail_memory(err, (size_t)n_scratch * sizeof *s->scratch, "a comparison");
    double *own = s->candidate_values + s->n_units;
    add_scores(s, s->base, s->n_base, s->base_scores, own);
    add_scores(s, s->candidate, s->n_candidate, s->candidate_scores, own);
    const bool is_lower = !p->results[0]->greater_is_better && s->base[0].statistic == EVAL_MEAN;
    for (int64_t u = 0; u < s->n_units; u++) {
        const double d = s->candidate_scores[u] - s->base_scores[u];
        s->differences[u] = is_lower ? -d : d;
    }
    return true;
}

bool eval_compared_series_open(eval_compared_series *s, const eval_pairing *pairing, const eval_series *series,
                               senc_error *err) {
    const int64_t n_runs = pairing->n_base + pairing->n_candidate;
    *s = (eval_compared_series){.base_key = series->key,
                                .n_base = pairing->n_base,
                                .n_candidate = pairing->n_candidate,
                                .n_units = pairing->n_units,
                                .gold = pairing->results[0]->detail.gold};
    const eval_series **found = senc_alloc((size_t)n_runs, sizeof *found);
    if (!found) return senc_fail_memory(err, (size_t)n_runs * sizeof *found, "a comparison");
    bool ok = true, is_complete = true;
    for (int64_t i = 0; i < n_runs; i++) {
        found[i] = eval_pair_series(pairing->results[0], series, pairing->results[i]);
        is_complete = is_complete && found[i];
    }
    if (is_complete) {
        s->candidate_key = found[s->n_base]->key;
        ok = take_memory(s, err) && open_plans(s, pairing, found, err);
        if (!ok) eval_compared_series_close(s);
    }
    free(found);
    return ok;
}

void eval_compared_series_close(eval_compared_series *s) {
    for (int64_t i = 0; s->base && i < s->n_base; i++) eval_series_plan_free(&s->base[i]);
    for (int64_t i = 0; s->candidate && i < s->n_candidate; i++) eval_series_plan_free(&s->candidate[i]);
    free(s->base);
    free(s->candidate);
    free(s->block);
    free(s->base_scores);
    free(s->scratch);
    *s = (eval_compared_series){0};
}
