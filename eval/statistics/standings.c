/* Which one? See standings.h. */
#include "eval/statistics/standings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/statistics/comparison_inner.h"

const char *eval_place_words(eval_place place) {
    static const char *const words[] = {"best",       "not told from the best", "too few to tell", "worse",
                                        "not tested", "trained on it"};
    return words[place];
}

/* ---- one model on one data set ---- */

/* Of several seeds: their mean, on the units in the order of the first. */
static bool estimate_seeds(const eval_compared_model *m, const char *data, const eval_series *series,
                           const eval_bootstrap_options *o, eval_estimate *e, senc_error *err) {
    eval_pairing pairing;
    eval_compared_series s;
    if (!eval_pairing_open(&pairing, m, m, data, err)) return false;
    bool ok = eval_compared_series_open(&s, &pairing, series, err);
    if (ok && s.candidate_key) {
        const eval_contrast contrast = {.b = s.base, .n_b = s.n_base};
        ok = eval_bootstrap(&contrast, o, e, err);
        eval_compared_series_close(&s);
    }
    eval_pairing_close(&pairing);
    return ok;
}

static const eval_result *find_result(const eval_compared_run *run, const char *data) {
    for (int64_t i = 0; i < run->n_results; i++)
        if (strcmp(run->results[i].name, data) == 0) return &run->results[i];
    return NULL;
}

static bool stand(const eval_compared_model *m, const eval_result *base, const eval_comparison_options *options,
                  eval_standing *out, senc_error *err) {
    const eval_bootstrap_options o = {.n_resamples = options->n_resamples, .seed = options->seed};
    const eval_result *r = find_result(&m->runs[0], base->name);
    const eval_series *series = eval_pair_series(base, eval_detail_find(&base->detail, base->primary), r);
    eval_estimate e = {.value = NAN, .low = NAN, .high = NAN};
    if (!series)
        return senc_fail(err, SENC_BAD_INPUT, "data \"%s\": %s has no metric like %s", base->name, m->label,
                         base->primary);
    const bool ok = m->n_runs > 1 ? estimate_seeds(m, base->name, series, &o, &e, err)
                                  : eval_bootstrap_series(series, r->detail.gold, r->detail.n_units, &o, &e, err);
    out->value = e.value;
    out->low = e.low;
    out->high = e.high;
    out->p = NAN;
    out->reading = r->reading;
    eval_change leak = {.data = base->name};
    eval_change_take_leak(m, false, &leak);
    if (eval_leak_withholds(&leak.leak)) out->place = EVAL_PLACE_WITHHELD;
    return ok;
}

/* ---- the order ---- */

static bool is_before(const eval_standing *x, const eval_standing *y, bool greater_is_better) {
    const bool x_is_last = x->place == EVAL_PLACE_WITHHELD, y_is_last = y->place == EVAL_PLACE_WITHHELD;
    if (x_is_last != y_is_last) return y_is_last;
    return greater_is_better ? x->value > y->value : x->value < y->value;
}

/* The best first; equal ones as they were given. */
static void sort(eval_standing *items, int64_t n, bool greater_is_better) {
    for (int64_t i = 1; i < n; i++) {
        const eval_standing moved = items[i];
        int64_t j = i;
        for (; j > 0; j--) {
            if (!is_before(&moved, &items[j - 1], greater_is_better)) break;
            items[j] = items[j - 1];
        }
        items[j] = moved;
    }
}

/* How x stands to the best, by the test of the two. */
static eval_place place_of(const eval_comparison *c, const char *data, int64_t best, int64_t x, double *p) {
    bool is_turned;
    const eval_change *change = eval_comparison_find(c, data, best, x, &is_turned);
    *p = change ? change->p_holm : NAN;
    if (!change) return EVAL_PLACE_UNTESTED;
    if (change->verdict == EVAL_VERDICT_TOO_FEW) return EVAL_PLACE_TOO_FEW;
    return change->verdict == (is_turned ? EVAL_VERDICT_BETTER : EVAL_VERDICT_WORSE) ? EVAL_PLACE_WORSE
                                                                                     : EVAL_PLACE_SAME;
}

static bool open_set(const eval_comparison *c, const eval_compared_model *models, int64_t n_models,
                     const eval_result *base, const eval_comparison_options *options, eval_data_standings *set,
                     senc_error *err) {
    bool is_turned;
    const eval_change *first = eval_comparison_find(c, base->name, 0, 1, &is_turned);
    *set =
        (eval_data_standings){.data = base->name, .unit_name = base->detail.unit_name, .n_units = base->detail.n_units};
    memcpy(set->metric, first->metric, sizeof set->metric);
    set->items = senc_alloc_zero((size_t)n_models, sizeof *set->items);
    if (!set->items) return senc_fail_memory(err, (size_t)n_models * sizeof *set->items, "a comparison");
    for (int64_t m = 0; m < n_models; m++) {
        set->items[m].model = m;
        if (!stand(&models[m], base, options, &set->items[m], err)) return false;
    }
    sort(set->items, n_models, base->greater_is_better);
    for (int64_t i = 1; i < n_models; i++)
        if (set->items[i].place != EVAL_PLACE_WITHHELD)
            set->items[i].place = place_of(c, base->name, set->items[0].model, set->items[i].model, &set->items[i].p);
    return true;
}

/* ---- over all data sets ---- */

static const eval_standing *find_standing(const eval_data_standings *set, int64_t n_models, int64_t model) {
    int64_t i = 0;
    while (i + 1 < n_models && set->items[i].model != model) i++;
    return &set->items[i];
}

/* Worse on one data set is worse; else untested, too few, or the same on all. */
static eval_place place_over_all(const eval_standings *s, const eval_comparison *c, int64_t best, int64_t x,
                                 uint64_t *worse_on) {
    int64_t n[EVAL_PLACE_WITHHELD + 1] = {0};
    double p;
    for (int64_t i = 0; i < s->n_sets; i++) {
        const eval_place place = place_of(c, s->sets[i].data, best, x, &p);
        if (place == EVAL_PLACE_WORSE && i < 64) *worse_on |= (uint64_t)1 << i;
        n[place]++;
    }
    return n[EVAL_PLACE_WORSE] > 0      ? EVAL_PLACE_WORSE
           : n[EVAL_PLACE_UNTESTED] > 0 ? EVAL_PLACE_UNTESTED
           : n[EVAL_PLACE_SAME] > 0     ? EVAL_PLACE_SAME
                                        : EVAL_PLACE_TOO_FEW;
}

static bool open_overall(eval_standings *s, const eval_comparison *c, bool greater_is_better, senc_error *err) {
    s->overall = senc_alloc_zero((size_t)s->n_models, sizeof *s->overall);
    if (!s->overall) return senc_fail_memory(err, (size_t)s->n_models * sizeof *s->overall, "a comparison");
    if (s->n_sets == 1) {
        memcpy(s->overall, s->sets[0].items, (size_t)s->n_models * sizeof *s->overall);
        return true;
    }
    for (int64_t m = 0; m < s->n_models; m++) {
        s->overall[m] = (eval_standing){.model = m, .low = NAN, .high = NAN, .p = NAN};
        for (int64_t i = 0; i < s->n_sets; i++) {
            const eval_standing *x = find_standing(&s->sets[i], s->n_models, m);
            s->overall[m].value += x->value / (double)s->n_sets;
            if (x->place == EVAL_PLACE_WITHHELD) s->overall[m].place = EVAL_PLACE_WITHHELD;
        }
    }
    sort(s->overall, s->n_models, greater_is_better);
    for (int64_t i = 1; i < s->n_models; i++)
        if (s->overall[i].place != EVAL_PLACE_WITHHELD)
            s->overall[i].place =
                place_over_all(s, c, s->overall[0].model, s->overall[i].model, &s->overall[i].worse_on);
    return true;
}

static bool is_tied(const eval_standing *x) {
    return x->place == EVAL_PLACE_BEST || x->place == EVAL_PLACE_SAME || x->place == EVAL_PLACE_TOO_FEW;
}

/* Among equals the better one. */
static int64_t find_cheapest(const eval_standings *s, const eval_switching_cost *costs) {
    int64_t found = -1;
    for (int64_t i = 0; i < s->n_models; i++) {
        const int64_t m = s->overall[i].model;
        if (!is_tied(&s->overall[i]) || !costs[m].is_known) continue;
        if (found < 0 || eval_switching_cost_order(&costs[m], &costs[found]) < 0) found = m;
    }
    return found;
}

bool eval_standings_open(const eval_comparison *c, const eval_compared_model *models, int64_t n_models,
                         const eval_switching_cost *costs, const eval_comparison_options *options, eval_standings *out,
                         senc_error *err) {
    const eval_compared_run *base = &models[0].runs[0];
    bool greater_is_better = true;
    *out =
        (eval_standings){.n_models = n_models, .n_tests = c->n_headline, .min_effect = c->min_effect, .cheapest = -1};
    out->labels = senc_alloc((size_t)n_models, sizeof *out->labels);
    out->sets = senc_alloc_zero((size_t)base->n_results, sizeof *out->sets);
    bool ok = (out->labels && out->sets) || senc_fail_memory(err, (size_t)n_models * sizeof(void *), "a comparison");
    for (int64_t m = 0; ok && m < n_models; m++) out->labels[m] = models[m].label;
    for (int64_t i = 0; ok && i < base->n_results; i++) {
        if (!eval_result_has_units(&base->results[i])) continue;
        greater_is_better = base->results[i].greater_is_better;
        ok = open_set(c, models, n_models, &base->results[i], options, &out->sets[out->n_sets++], err);
    }
    ok = ok && open_overall(out, c, greater_is_better, err);
    if (ok && costs) out->cheapest = find_cheapest(out, costs);
    if (!ok) eval_standings_free(out);
    return ok;
}

void eval_standings_free(eval_standings *s) {
    for (int64_t i = 0; i < s->n_sets; i++) free(s->sets[i].items);
    free(s->sets);
    free(s->overall);
    free(s->labels);
    *s = (eval_standings){0};
}
