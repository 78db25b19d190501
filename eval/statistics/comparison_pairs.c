/* Candidates against each other, and what metrics are called beside each other: see comparison.h. */
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/statistics/comparison_inner.h"

bool eval_result_has_units(const eval_result *r) {
    return r->detail.n_units > 0 && r->primary && eval_detail_find(&r->detail, r->primary) != NULL;
}

/* ---- candidates against each other ---- */

static bool measure_pair(const eval_compared_model *models, const eval_result *r, const eval_comparison_options *o,
                         eval_pair *pair, senc_error *err) {
    eval_pairing pairing;
    eval_compared_series s;
    if (!eval_pairing_open(&pairing, &models[pair->a], &models[pair->b], r->name, err)) return false;
    const eval_series *headline = eval_detail_find(&r->detail, r->primary);
    const eval_series *own = eval_pair_series(r, headline, pairing.results[0]);
    bool ok = own && eval_compared_series_open(&s, &pairing, own, err);
    if (ok && s.candidate_key) {
        pair->change = eval_change_of(r, &pairing, &s);
        pair->change.is_headline = true;
        eval_change_take_leak(&models[pair->b], false, &pair->change);
        eval_change_take_leak(&models[pair->a], true, &pair->change);
        ok = eval_change_measure(&s, o, &pair->change, err);
        eval_compared_series_close(&s);
    } else if (!own || ok) {
        ok = senc_fail(err, SENC_BAD_INPUT, "data \"%s\": %s and %s have no metric in common with %s", r->name,
                       models[pair->a].label, models[pair->b].label, r->primary);
    }
    eval_pairing_close(&pairing);
    return ok;
}

bool eval_comparison_measure_pairs(eval_comparison *c, const eval_compared_model *models, int64_t n_models,
                                   const eval_comparison_options *o, senc_error *err) {
    const eval_compared_run *base = &models[0].runs[0];
    c->pairs = senc_alloc_zero((size_t)(base->n_results * n_models * n_models / 2), sizeof *c->pairs);
    if (!c->pairs) return senc_fail_memory(err, sizeof *c->pairs, "a comparison");
    for (int64_t i = 0; i < base->n_results; i++) {
        if (!eval_result_has_units(&base->results[i])) continue;
        for (int64_t a = 1; a < n_models; a++) {
            for (int64_t b = a + 1; b < n_models; b++) {
                eval_pair *pair = &c->pairs[c->n_pairs];
                *pair = (eval_pair){.a = a, .b = b};
                if (!measure_pair(models, &base->results[i], o, pair, err)) return false;
                c->n_pairs++;
            }
        }
    }
    return true;
}

const eval_change *eval_comparison_find(const eval_comparison *c, const char *data, int64_t a, int64_t b,
                                        bool *is_turned) {
    const int64_t low = a < b ? a : b, high = a < b ? b : a;
    *is_turned = a > b;
    for (int64_t i = 0; low > 0 && i < c->n_pairs; i++) {
        const eval_pair *pair = &c->pairs[i];
        if (pair->a == low && pair->b == high && strcmp(pair->change.data, data) == 0) return &pair->change;
    }
    for (int64_t i = 0; low == 0 && high > 0 && i < c->candidates[high - 1].n_changes; i++) {
        const eval_change *change = &c->candidates[high - 1].changes[i];
        if (change->is_headline && strcmp(change->data, data) == 0) return change;
    }
    return NULL;
}

/* ---- what metrics are called ---- */

/* Whether models on that data differ in their function: "cosine_ndcg@10", "bm25_ndcg@10". */
static bool has_functions(const eval_comparison *c, const char *data) {
    for (int64_t k = 0; k < c->n_candidates; k++)
        for (int64_t i = 0; i < c->candidates[k].n_changes; i++) {
            const eval_change *change = &c->candidates[k].changes[i];
            if (strcmp(change->data, data) == 0 && strcmp(change->base_key, change->key) != 0) return true;
        }
    return false;
}

static const eval_result *result_of(const eval_compared_model *base, const char *data) {
    for (int64_t i = 0; i < base->runs[0].n_results; i++)
        if (strcmp(base->runs[0].results[i].name, data) == 0) return &base->runs[0].results[i];
    return NULL;
}

/* A name that two metrics of a table would have is not used: then the base's keys stay whole. */
void eval_comparison_name_metrics(const eval_comparison *c, const eval_compared_model *base) {
    for (int64_t k = 0; k < c->n_candidates; k++) {
        eval_change *changes = c->candidates[k].changes;
        for (int64_t i = 0; i < c->candidates[k].n_changes; i++) {
            const eval_result *r = result_of(base, changes[i].data);
            const bool is_short = has_functions(c, changes[i].data);
            eval_metric_name(r, changes[i].base_key, is_short, changes[i].metric, sizeof changes[i].metric);
            for (int64_t j = 0; j < i; j++) {
                if (strcmp(changes[j].data, changes[i].data) != 0 || strcmp(changes[j].metric, changes[i].metric) != 0)
                    continue;
                eval_metric_name(r, changes[i].base_key, false, changes[i].metric, sizeof changes[i].metric);
            }
        }
    }
    for (int64_t i = 0; i < c->n_pairs; i++) {
        eval_change *change = &c->pairs[i].change;
        const eval_result *r = result_of(base, change->data);
        eval_metric_name(r, r->primary, has_functions(c, change->data), change->metric, sizeof change->metric);
    }
}
