/* The models of senc compare: see compared_models.h. */
#include "cli/compared_models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "cli/model_argument.h"
#include "cli/trained_on.h"

/* Vectors of one model that are kept for the map. */
#define KEPT_BYTES ((int64_t)1 << 30)

/* ---- arguments ---- */

static bool add_run(cli_compared_argument *a, const char *spec, size_t n_bytes, senc_error *err) {
    cli_compared_run *grown = senc_realloc(a->runs, (size_t)a->n_runs + 1, sizeof *grown);
    if (!grown) return senc_fail_memory(err, sizeof *grown, "a model");
    a->runs = grown;
    cli_compared_run *run = &grown[a->n_runs++];
    *run = (cli_compared_run){.spec = senc_strndup(spec, n_bytes)};
    if (!run->spec) return senc_fail_memory(err, n_bytes, "a model");
    run->is_saved = eval_saved_report_exists(run->spec);
    return !run->is_saved || eval_saved_report_load(run->spec, &run->report, err);
}

/* The first `c` outside parentheses, or the end. */
static size_t find_outside(const char *text, char c) {
    size_t i = 0;
    for (int64_t depth = 0; text[i] && (depth > 0 || text[i] != c); i++) depth += (text[i] == '(') - (text[i] == ')');
    return i;
}

/* Bytes of LABEL in "LABEL=...": a word in front of '='; 0: none. */
static size_t label_bytes(const char *text) {
    const size_t n = strcspn(text, "=");
    return text[n] == '=' && strcspn(text, "/:?,(") > n ? n : 0;
}

/* One argument with commas outside parentheses, unless it is a path as it stands. */
static bool open_argument(cli_compared_argument *a, const char *text, senc_error *err) {
    *a = (cli_compared_argument){0};
    const bool is_group = text[find_outside(text, ',')] == ',' && !senc_path_exists(text);
    size_t n_label = is_group ? label_bytes(text) : 0;
    const char *rest = text + (n_label > 0 ? n_label + 1 : 0);
    if (!is_group) { /* LABEL=report.json; a system reads its label itself */
        const size_t n = label_bytes(text);
        if (n > 0 && !senc_path_exists(text) && eval_saved_report_exists(text + n + 1)) {
            n_label = n;
            rest = text + n + 1;
        }
        if (!add_run(a, rest, strlen(rest), err)) return false;
    }
    while (is_group) {
        const size_t n = find_outside(rest, ',');
        if (n == 0)
            return senc_fail(err, SENC_BAD_INPUT, "%s: expected models between the commas, found nothing", text);
        if (!add_run(a, rest, n, err)) return false;
        if (!rest[n]) break;
        rest += n + 1;
    }
    if (n_label > 0) a->given_label = senc_strndup(text, n_label);
    return n_label == 0 || a->given_label || senc_fail_memory(err, strlen(text), "a label");
}

bool cli_compared_models_open(cli_compared_models *m, char *const *arguments, int64_t n, senc_error *err) {
    *m = (cli_compared_models){0};
    m->arguments = senc_alloc_zero((size_t)n, sizeof *m->arguments);
    m->models = senc_alloc_zero((size_t)n, sizeof *m->models);
    m->costs = senc_alloc_zero((size_t)n, sizeof *m->costs);
    if (!m->arguments || !m->models || !m->costs)
        return senc_fail_memory(err, (size_t)n * sizeof *m->arguments, "models");
    for (int64_t i = 0; i < n; i++)
        if (!open_argument(&m->arguments[m->n++], arguments[i], err)) return false;
    return cli_compared_models_name(m, err);
}

bool cli_compared_models_need_data(const cli_compared_models *m) {
    for (int64_t i = 0; i < m->n; i++)
        for (int64_t k = 0; k < m->arguments[i].n_runs; k++)
            if (!m->arguments[i].runs[k].is_saved) return true;
    return false;
}

void cli_compared_models_close(cli_compared_models *m) {
    for (int64_t i = 0; i < m->n; i++) {
        cli_compared_argument *a = &m->arguments[i];
        for (int64_t k = 0; k < a->n_runs; k++) {
            cli_compared_run *run = &a->runs[k];
            for (int64_t j = 0; run->recorders && j < m->n_jobs; j++) eval_recorder_free(&run->recorders[j]);
            free(run->recorders);
            eval_saved_report_free(&run->report);
            free(run->query_prompt);
            free(run->document_prompt);
            free(run->spec);
        }
        free(a->runs);
        free(a->compared);
        free(a->given_label);
        free(a->label);
    }
    free(m->arguments);
    free(m->models);
    free(m->costs);
    *m = (cli_compared_models){0};
}

/* ---- evaluating ---- */

static bool run_job(cli_compared_run *run, eval_system *system, cli_evaluation_data *data, int64_t j, bool keep,
                    senc_error *err) {
    char what[192];
    snprintf(what, sizeof what, "%.100s on %.60s", eval_system_label(system), data->jobs[j].name);
    eval_embedder embedder = eval_system_embedder(system);
    cli_progress progress = {.what = what, .n_all = cli_progress_count(&data->jobs[j], &embedder)};
    if (keep && embedder.embed && !embedder.ranker)
        embedder = eval_recorder_open(&run->recorders[j], &embedder, KEPT_BYTES);
    cli_progress_watch_system(&progress, system);
    const bool ok = eval_job_run(&data->jobs[j], &embedder, &run->report.results[j], err);
    eval_system_watch(system, NULL, NULL);
    run->report.n_results += ok;
    return ok;
}

static bool keep_facts(cli_compared_run *run, const eval_system *system, senc_error *err) {
    const char *query = eval_system_prompt(system, EVAL_QUERY), *document = eval_system_prompt(system, EVAL_DOCUMENT);
    int64_t max_length;
    eval_system_get_stats(system, &run->report.stats, &max_length);
    eval_system_get_bill(system, &run->report.bill);
    eval_system_get_ranking(system, &run->report.ranking);
    cli_warn_about_texts(run->report.stats.n_texts, run->report.stats.n_truncated, max_length,
                         run->report.stats.n_empty);
    return eval_saved_report_set_text(&run->report.label, eval_system_label(system), err) &&
           (!query || eval_saved_report_set_text(&run->query_prompt, query, err)) &&
           (!document || eval_saved_report_set_text(&run->document_prompt, document, err)) &&
           eval_system_get_facts(system, &run->report.facts, err);
}

static bool open_system(const cli_compared_run *run, const cli_evaluation_data *data,
                        const eval_system_options *options, eval_system **system, senc_error *err) {
    if (!eval_system_open(run->spec, options, system, err)) return false;
    const eval_embedder embedder = eval_system_embedder(*system);
    for (int64_t j = 0; j < data->n_jobs; j++) {
        if (eval_job_check(&data->jobs[j], &embedder, eval_system_label(*system), err)) continue;
        eval_system_free(*system);
        return false;
    }
    return true;
}

/* Whether it opens and can be evaluated, and what it would cost to ask an API: before any other has taken its time.
 * Models are told about when they run. */
static bool plan_model(const cli_compared_run *run, cli_evaluation_data *data, const eval_system_options *options,
                       senc_error *err) {
    eval_system *system;
    if (run->is_saved) return true;
    const senc_log_level level = senc_log_get_level();
    const bool may_send = eval_system_may_send(run->spec);
    eval_system_options own = *options;
    own.kept = NULL;
    if (!may_send) senc_log_set_level(SENC_LOG_QUIET);
    bool ok = open_system(run, data, &own, &system, err);
    senc_log_set_level(level);
    if (!ok) return false;
    if (may_send) ok = eval_system_plan(system, data->jobs, data->n_jobs, err);
    eval_system_free(system);
    return ok;
}

static bool run_model(cli_compared_run *run, cli_evaluation_data *data, const eval_system_options *options, bool keep,
                      senc_error *err) {
    eval_system *system;
    cli_trained_on trained_on = {.data = data, .report = &run->report};
    eval_system_options own = *options;
    own.opened = cli_trained_on_find;
    own.opened_context = &trained_on;
    if (!open_system(run, data, &own, &system, err)) return false;
    bool ok = true;
    run->report.results = senc_alloc_zero((size_t)data->n_jobs, sizeof *run->report.results);
    run->recorders = senc_alloc_zero((size_t)data->n_jobs, sizeof *run->recorders);
    if (!run->report.results || !run->recorders)
        ok = senc_fail_memory(err, (size_t)data->n_jobs * sizeof *run->recorders, "results");
    for (int64_t j = 0; ok && j < data->n_jobs; j++) ok = run_job(run, system, data, j, keep, err);
    senc_log_status("%s", "");
    ok = ok && keep_facts(run, system, err);
    eval_system_free(system);
    return ok;
}

/* Of the evaluations in which documents and queries were embedded by both, the one with the largest gain, which is
 * what there is to lose; -1: none. */
static int64_t find_gain(const cli_compared_run *old, const cli_compared_run *new, int64_t n_jobs) {
    int64_t best = -1;
    double most = 0;
    for (int64_t j = 0; j < n_jobs; j++) {
        const eval_result *result = &old->report.results[j];
        const eval_metric *base = result->primary ? eval_result_find(result, result->primary) : NULL;
        const eval_metric *own = base ? eval_result_find(&new->report.results[j], base->key) : NULL;
        if (!own || !eval_old_index_can_measure(&old->recorders[j], &new->recorders[j])) continue;
        if (best >= 0 && !(own->value - base->value > most)) continue;
        best = j;
        most = own->value - base->value;
    }
    return best;
}

/* A variant of the model that runs today as it is. */
static bool is_same_model(const cli_compared_run *old, const cli_compared_run *new) {
    const eval_system_facts *a = &old->report.facts, *b = &new->report.facts;
    return !old->is_saved && !new->is_saved && !strchr(old->spec, '?') && a->sha256[0] &&
           strcmp(a->sha256, b->sha256) == 0;
}

static bool measure_map(cli_compared_run *old, cli_compared_run *new, cli_evaluation_data *data,
                        eval_switching_cost *cost, senc_error *err) {
    cost->from_old_index = is_same_model(old, new);
    if (cost->from_old_index) return true;
    const int64_t j = old->recorders && new->recorders ? find_gain(old, new, data->n_jobs) : -1;
    if (j < 0) return true;
    const eval_result *result = &old->report.results[j];
    eval_old_index measured;
    if (!eval_old_index_measure(&old->recorders[j], &new->recorders[j], &data->jobs[j], result, &measured, err))
        return false;
    const eval_metric *base = eval_result_find(result, result->primary);
    cost->map_key = base->key;
    cost->map_method = "ridge regression";
    cost->map_value = measured.value;
    cost->map_base = base->value;
    cost->map_candidate = eval_result_find(&new->report.results[j], base->key)->value;
    cost->map_n_fitted = measured.n_fitted;
    cost->map_cosine = measured.cosine;
    return true;
}

static void free_recorders(cli_compared_run *run, int64_t n_jobs) {
    for (int64_t j = 0; run->recorders && j < n_jobs; j++) eval_recorder_free(&run->recorders[j]);
    free(run->recorders);
    run->recorders = NULL;
}

static void fill_word_costs(eval_switching_cost *cost, const eval_ranking_cost *r) {
    if (r->n_documents == 0) return;
    cost->word_bytes = r->index_bytes / r->n_documents;
    if (r->index_ms > 0) cost->documents_per_second = 1e3 * (double)r->n_documents / r->index_ms;
    if (r->query_ms > 0) cost->queries_per_second = 1e3 * (double)r->n_queries / r->query_ms;
}

/* What all seeds of an argument share: they are the same kind of model. */
static void fill_cost(eval_switching_cost *cost, const cli_compared_argument *a) {
    const eval_saved_report *r = &a->runs[0].report;
    cost->label = a->label;
    cost->dimension = r->facts.dimension;
    cost->bytes_per_vector = r->facts.bytes_per_vector;
    if (r->stats.n_texts > 0 && r->stats.encode_ms > 0)
        cost->texts_per_second = 1e3 * (double)r->stats.n_texts / r->stats.encode_ms;
    cost->n_parameters = r->facts.n_parameters;
    fill_word_costs(cost, &r->ranking);
    cost->is_known =
        r->facts.dimension > 0 || r->facts.n_parameters > 0 || r->ranking.n_documents > 0 || r->bill.n_apis > 0;
    if (r->bill.n_apis > 0) {
        cost->tokens_per_text = r->bill.tokens_per_text;
        cost->dollars_per_text = r->bill.dollars_per_text;
    }
    cost->query_prompt = a->runs[0].query_prompt;
    cost->document_prompt = a->runs[0].document_prompt;
}

static bool gather(cli_compared_models *m, int64_t i, senc_error *err) {
    cli_compared_argument *a = &m->arguments[i];
    a->compared = senc_alloc((size_t)a->n_runs, sizeof *a->compared);
    if (!a->compared) return senc_fail_memory(err, (size_t)a->n_runs * sizeof *a->compared, "results");
    for (int64_t k = 0; k < a->n_runs; k++) {
        const eval_saved_report *r = &a->runs[k].report;
        a->compared[k] = (eval_compared_run){.label = a->n_runs > 1 ? r->label : a->label,
                                             .results = r->results,
                                             .n_results = r->n_results,
                                             .leaks = r->leaks,
                                             .n_leaks = r->n_leaks};
    }
    m->models[i] = (eval_compared_model){a->label, a->compared, a->n_runs};
    fill_cost(&m->costs[i], a);
    return true;
}

bool cli_compared_models_run(cli_compared_models *m, cli_evaluation_data *data, const eval_system_options *options,
                             bool with_map, senc_error *err) {
    m->n_jobs = data->n_jobs;
    for (int64_t i = 0; i < m->n; i++)
        for (int64_t k = 0; k < m->arguments[i].n_runs; k++)
            if (!plan_model(&m->arguments[i].runs[k], data, options, err)) return false;
    for (int64_t i = 0; i < m->n; i++) {
        for (int64_t k = 0; k < m->arguments[i].n_runs; k++) {
            cli_compared_run *run = &m->arguments[i].runs[k];
            if (!run->is_saved && !run_model(run, data, options, with_map && k == 0, err)) return false;
        }
        if (!gather(m, i, err)) return false;
        if (i == 0) continue;
        if (!measure_map(&m->arguments[0].runs[0], &m->arguments[i].runs[0], data, &m->costs[i], err)) return false;
        free_recorders(&m->arguments[i].runs[0], data->n_jobs);
    }
    return true;
}
