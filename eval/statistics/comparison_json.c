/* A comparison for machines: see comparison_report.h. */
#include <math.h>

#include "eval/report.h"
#include "eval/statistics/comparison_report.h"

static void put_interval(data_json *object, const eval_estimate *e) {
    data_json *interval = data_json_put_array(object, "interval");
    data_json_put_number(interval, NULL, e->low);
    data_json_put_number(interval, NULL, e->high);
}

static data_json *put_change(data_json *list, const eval_change *c) {
    data_json *o = data_json_put_object(list, NULL);
    data_json_put_string(o, "data", c->data);
    data_json_put_string(o, "key", c->key);
    data_json_put_string(o, "base_key", c->base_key);
    data_json_put_string(o, "metric", c->metric);
    data_json_put_string(o, "statistic", eval_statistic_name(c->statistic));
    data_json_put_bool(o, "headline", c->is_headline);
    data_json_put_bool(o, "greater_is_better", c->greater_is_better);
    data_json_put_integer(o, "units", c->n_units);
    data_json_put_number(o, "base", c->base);
    data_json_put_number(o, "candidate", c->candidate);
    if (!isnan(c->base_spread)) data_json_put_number(o, "base_spread", c->base_spread);
    if (!isnan(c->candidate_spread)) data_json_put_number(o, "candidate_spread", c->candidate_spread);
    data_json_put_number(o, "difference", c->difference.value);
    put_interval(o, &c->difference);
    data_json_put_number(o, "standard_error", c->difference.error);
    data_json_put_string(o, "test", c->test);
    data_json_put_number(o, "p", c->p);
    data_json_put_number(o, "p_holm", c->p_holm);
    if (!isnan(c->williams)) data_json_put_number(o, "p_williams", c->williams);
    data_json_put_integer(o, "wins", c->effect.wins);
    data_json_put_integer(o, "ties", c->effect.ties);
    data_json_put_integer(o, "losses", c->effect.losses);
    data_json_put_number(o, "d_z", c->effect.d_z);
    data_json_put_number(o, "delta", c->effect.delta);
    data_json_put_number(o, "detectable", c->detectable);
    data_json_put_string(o, "verdict", eval_verdict_name(c->verdict));
    if (c->leak.n_leaked > 0) {
        data_json *leak = data_json_put_object(o, "trained_on");
        data_json_put_string(leak, "unit", c->leak.unit);
        data_json_put_integer(leak, "units", c->leak.n_units);
        data_json_put_integer(leak, "trained_on", c->leak.n_leaked);
        data_json_put_bool(leak, "by_base", c->leak_is_base);
    }
    if (!isnan(c->limit)) data_json_put_number(o, "max_regression", c->limit);
    data_json_put_bool(o, "regression", c->is_regression);
    if (c->is_headline && c->base_reading) eval_reading_put_json(c->base_reading, "base_reading", o);
    if (c->is_headline && c->reading) eval_reading_put_json(c->reading, "reading", o);
    return o;
}

static void put_found(data_json *object, const char *name, const eval_unit *u) {
    data_json *list = data_json_put_array(object, name);
    for (int64_t i = 0; i < u->n_found; i++) {
        data_json *o = data_json_put_object(list, NULL);
        data_json_put_string(o, "id", u->found[i].id);
        data_json_put_string(o, "text", u->found[i].text);
        data_json_put_number(o, "score", u->found[i].score);
        data_json_put_number(o, "grade", u->found[i].grade);
    }
}

static void put_units(data_json *object, const char *name, const eval_changed_unit *units, int64_t n) {
    data_json *list = data_json_put_array(object, name);
    for (int64_t i = 0; i < n; i++) {
        data_json *o = data_json_put_object(list, NULL);
        data_json_put_string(o, "id", units[i].base->id);
        data_json_put_string(o, "text", units[i].base->text);
        data_json_put_string(o, "other", units[i].base->other);
        data_json_put_number(o, "base", units[i].base_value);
        data_json_put_number(o, "candidate", units[i].candidate_value);
        if (!isnan(units[i].gold)) data_json_put_number(o, "gold", units[i].gold);
        if (units[i].base->rank >= 0) {
            data_json_put_integer(o, "base_rank", units[i].base->rank);
            data_json_put_integer(o, "candidate_rank", units[i].candidate->rank);
        }
        put_found(o, "base_found", units[i].base);
        put_found(o, "candidate_found", units[i].candidate);
    }
}

static void put_candidate(data_json *list, const eval_candidate *candidate) {
    data_json *o = data_json_put_object(list, NULL);
    data_json_put_string(o, "model", candidate->label);
    data_json_put_integer(o, "seeds", candidate->n_runs);
    data_json_put_string(o, "verdict", eval_verdict_name(candidate->verdict));
    data_json_put_bool(o, "regression", candidate->is_regression);
    data_json *changes = data_json_put_array(o, "changes");
    for (int64_t i = 0; i < candidate->n_changes; i++) put_change(changes, &candidate->changes[i]);
    data_json *examples = data_json_put_array(o, "examples");
    for (int64_t i = 0; i < candidate->n_units; i++) {
        data_json *e = data_json_put_object(examples, NULL);
        data_json_put_string(e, "data", candidate->units[i].data);
        data_json_put_string(e, "key", candidate->units[i].key);
        put_units(e, "improved", candidate->units[i].improved, candidate->units[i].n_improved);
        put_units(e, "hurt", candidate->units[i].hurt, candidate->units[i].n_hurt);
    }
}

/* Candidates against each other. */
static void put_pairs(const eval_comparison *c, data_json *object) {
    if (c->n_pairs == 0) return;
    data_json *pairs = data_json_put_array(object, "pairs");
    for (int64_t i = 0; i < c->n_pairs; i++) {
        data_json *o = put_change(pairs, &c->pairs[i].change);
        data_json_put_string(o, "base_model", c->candidates[c->pairs[i].a - 1].label);
        data_json_put_string(o, "candidate_model", c->candidates[c->pairs[i].b - 1].label);
    }
}

static void put_cost(data_json *list, const eval_switching_cost *c, int64_t n_documents) {
    data_json *o = data_json_put_object(list, NULL);
    data_json_put_string(o, "model", c->label);
    data_json_put_integer(o, "dimension", c->dimension);
    data_json_put_integer(o, "bytes_per_vector", c->bytes_per_vector);
    data_json_put_integer(o, "parameters", c->n_parameters);
    if (c->word_bytes > 0) data_json_put_integer(o, "word_index_bytes_per_document", c->word_bytes);
    data_json_put_integer(o, "index_bytes", eval_switching_cost_bytes(c) * n_documents);
    if (c->texts_per_second > 0) {
        data_json_put_number(o, "texts_per_second", c->texts_per_second);
        data_json_put_number(o, "embedding_seconds", (double)n_documents / c->texts_per_second);
    }
    if (c->documents_per_second > 0) {
        data_json_put_number(o, "documents_indexed_per_second", c->documents_per_second);
        data_json_put_number(o, "indexing_seconds", (double)n_documents / c->documents_per_second);
        data_json_put_number(o, "queries_per_second", c->queries_per_second);
    }
    if (c->tokens_per_text > 0) {
        data_json_put_number(o, "api_tokens_per_text", c->tokens_per_text);
        data_json_put_number(o, "api_dollars", c->dollars_per_text * (double)n_documents);
    }
    data_json_put_string(o, "query_prompt", c->query_prompt);
    data_json_put_string(o, "document_prompt", c->document_prompt);
    data_json_put_bool(o, "from_old_index", c->from_old_index);
    if (!c->map_key) return;
    data_json *map = data_json_put_object(o, "old_index_through_map");
    data_json_put_string(map, "key", c->map_key);
    data_json_put_string(map, "method", c->map_method);
    data_json_put_number(map, "value", c->map_value);
    data_json_put_number(map, "base", c->map_base);
    data_json_put_number(map, "candidate", c->map_candidate);
    data_json_put_integer(map, "fitted_texts", c->map_n_fitted);
    data_json_put_number(map, "cosine", c->map_cosine);
}

void eval_comparison_put_json(const eval_comparison *c, const eval_switching_cost *costs, int64_t n_costs,
                              int64_t n_documents, data_json *object) {
    data_json_put_string(object, "base", c->base_label);
    data_json_put_integer(object, "base_seeds", c->n_base_runs);
    data_json_put_number(object, "min_effect", c->min_effect);
    data_json_put_integer(object, "seed", (int64_t)c->seed);
    data_json_put_integer(object, "headline_tests", c->n_headline);
    data_json_put_integer(object, "other_tests", c->n_others);
    data_json_put_bool(object, "regression", eval_comparison_has_regression(c));
    data_json *candidates = data_json_put_array(object, "candidates");
    for (int64_t k = 0; k < c->n_candidates; k++) put_candidate(candidates, &c->candidates[k]);
    put_pairs(c, object);
    if (n_costs == 0) return;
    data_json_put_integer(object, "documents", n_documents);
    data_json *list = data_json_put_array(object, "costs");
    for (int64_t i = 0; i < n_costs; i++) put_cost(list, &costs[i], n_documents);
}
