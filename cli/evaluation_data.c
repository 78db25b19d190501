/* Data to evaluate on, from the command line: see evaluation_data.h. */
#include "cli/evaluation_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/formats/toml.h"

/* Flags that name data, and the evaluators behind them. */
static const struct {
    const char *field, *flag, *type;
} data_flags[] = {
    {"sts", "--sts", "sts"},
    {"retrieval", "--retrieval", "retrieval"},
    {"triplets", "--triplets", "triplet"},
    {"pairs", "--pairs", "pair_classification"},
    {"reranking", "--reranking", "reranking"},
    {"paraphrases", "--paraphrases", "paraphrase_mining"},
    {"bitext", "--bitext", "bitext_mining"},
    {"classification", "--classification", "classification"},
    {"clustering", "--clustering", "clustering"},
};
enum { N_DATA_FLAGS = sizeof data_flags / sizeof *data_flags };

static bool add_request(cli_evaluation_data *d, cli_evaluation_request request, senc_error *err) {
    cli_evaluation_request *grown = senc_realloc(d->requests, (size_t)d->n_requests + 1, sizeof *grown);
    if (!grown) {
        senc_value_free(request.own);
        return senc_fail_memory(err, sizeof *grown, "an evaluation");
    }
    d->requests = grown;
    d->requests[d->n_requests++] = request;
    return true;
}

static bool put_string(senc_value *table, const char *key, const char *text, senc_place place, senc_error *err) {
    return senc_value_put(table, key, place, senc_value_create_string(text, strlen(text), place)) ||
           senc_fail_memory(err, strlen(text), "an argument");
}

static bool add_data(cli_evaluation_data *d, int flag, const char *path, senc_error *err) {
    const senc_place place = {.file = data_flags[flag].flag};
    cli_evaluation_request request = {.own = senc_value_create(SENC_VALUE_TABLE, place)};
    if (!request.own) return senc_fail_memory(err, sizeof *request.own, "an argument");
    request.table = request.own;
    snprintf(request.scope, sizeof request.scope, "%s", data_flags[flag].type);
    if (put_string(request.own, "type", data_flags[flag].type, place, err) &&
        put_string(request.own, "path", path, place, err))
        return add_request(d, request, err);
    senc_value_free(request.own);
    return false;
}

/* Flags that are keys of the data before them, or of a --retrieval; a command has those that it lists. */
static const struct {
    const char *key, *flag;
    bool of_retrieval;
} key_flags[] = {{"split", "--split", true},           {"save_run", "--save-run", true},
                 {"save_qrels", "--save-qrels", true}, {"header", "--header", false},
                 {"delimiter", "--delimiter", false},  {"quoting", "--quoting", false},
                 {"on_empty", "--on-empty", false},    {"limit", "--limit", false}};
enum { N_KEY_FLAGS = sizeof key_flags / sizeof *key_flags };

static int find_key_flag(const char *name) {
    int i = 0;
    while (i < N_KEY_FLAGS && strcmp(key_flags[i].key, name) != 0) i++;
    return i;
}

/* What is no integer is left for the option table to refuse. */
static bool put_integer(senc_value *table, const char *key, const char *text, senc_place place, senc_error *err) {
    char *end;
    const long long number = strtoll(text, &end, 10);
    if (end == text || *end) return put_string(table, key, text, place, err);
    senc_value *value = senc_value_create(SENC_VALUE_INTEGER, place);
    if (value) value->integer = number;
    return senc_value_put(table, key, place, value) || senc_fail_memory(err, sizeof *value, "an argument");
}

static bool apply_key(senc_value *target, int i, const char *value, senc_error *err) {
    const char *flag = key_flags[i].flag, *type = senc_value_find(target, "type")->string;
    const senc_place place = {.file = flag};
    if (key_flags[i].of_retrieval && strcmp(type, "retrieval") != 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s %s: expected behind --retrieval, found behind --%s", flag, value,
                         type);
    return strcmp(key_flags[i].key, "limit") == 0 ? put_integer(target, key_flags[i].key, value, place, err)
                                                  : put_string(target, key_flags[i].key, value, place, err);
}

/* --split, --header, ... and --set belong to the data flag before them; --set before all data to the configuration. */
static bool apply_to_last(cli_evaluation_data *d, const cli_given *given, senc_error *err) {
    const int i = find_key_flag(given->flag->name);
    const bool is_set = i == N_KEY_FLAGS;
    const cli_evaluation_request *last = d->n_requests > 0 ? &d->requests[d->n_requests - 1] : NULL;
    senc_value *target = last && last->own ? last->own : is_set ? d->config : NULL;
    if (!target)
        return senc_fail(err, SENC_BAD_INPUT, "%s %s: must stand behind the data it belongs to",
                         is_set ? "--set" : key_flags[i].flag, given->value);
    if (!is_set) return apply_key(target, i, given->value, err);
    senc_value *change;
    return data_toml_parse_assignment(given->value, &change, err) && senc_value_merge(target, change, err);
}

static bool add_config_requests(cli_evaluation_data *d, const char *path, senc_error *err) {
    const senc_value *list = senc_value_find(d->config, "eval");
    if (!list || list->type != SENC_VALUE_ARRAY || list->n == 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s: no [[eval]] table", path);
    for (int64_t i = 0; i < list->n; i++) {
        cli_evaluation_request request = {.table = list->items[i]};
        snprintf(request.scope, sizeof request.scope, "eval");
        if (list->items[i]->type != SENC_VALUE_TABLE)
            return senc_fail(err, SENC_BAD_INPUT, "%s: eval: expected tables, found %s", path,
                             senc_value_type_name(list->items[i]->type));
        if (!add_request(d, request, err)) return false;
    }
    return true;
}

static bool collect_requests(cli_evaluation_data *d, const cli_call *call, const cli_evaluation_flags *f,
                             senc_error *err) {
    if (f->config && !data_toml_load(f->config, &d->config, err)) return false;
    for (int64_t i = 0; i < call->n_given; i++) {
        const cli_given *given = &call->given[i];
        int flag = 0;
        while (flag < N_DATA_FLAGS && strcmp(given->flag->name, data_flags[flag].field) != 0) flag++;
        bool ok = true;
        if (flag < N_DATA_FLAGS)
            ok = add_data(d, flag, given->value, err);
        else if (strcmp(given->flag->name, "set") == 0 || find_key_flag(given->flag->name) < N_KEY_FLAGS)
            ok = apply_to_last(d, given, err);
        if (!ok) return false;
    }
    if (d->config && !data_toml_expand_environment(d->config, err)) return false;
    if (d->config && !add_config_requests(d, f->config, err)) return false;
    if (d->n_requests == 0)
        return senc_fail(err, SENC_BAD_INPUT,
                         "nothing to evaluate on: expected --sts, --retrieval, another kind of data (see --help) or "
                         "--config");
    return true;
}

/* Options and data of all evaluations, before any model is loaded. */
static bool open_jobs(cli_evaluation_data *d, senc_error *err) {
    d->jobs = senc_alloc_zero((size_t)d->n_requests, sizeof *d->jobs);
    if (!d->jobs) return senc_fail_memory(err, (size_t)d->n_requests * sizeof *d->jobs, "evaluations");
    for (int64_t i = 0; i < d->n_requests; i++) {
        if (!eval_job_open(&d->jobs[i], d->requests[i].table, d->requests[i].scope, err)) return false;
        d->n_jobs++;
    }
    return eval_jobs_check_names(d->jobs, d->n_jobs, err);
}

bool cli_evaluation_data_open(cli_evaluation_data *data, const cli_call *call, const cli_evaluation_flags *flags,
                              senc_error *err) {
    *data = (cli_evaluation_data){0};
    return collect_requests(data, call, flags, err) && open_jobs(data, err);
}

bool cli_evaluation_data_add_outputs(const cli_evaluation_data *data, cli_outputs *outputs, senc_error *err) {
    bool ok = true;
    for (int64_t i = 0; ok && i < data->n_jobs; i++) {
        ok = cli_outputs_add(outputs, eval_job_text(&data->jobs[i], "save_run"), err) &&
             cli_outputs_add(outputs, eval_job_text(&data->jobs[i], "save_qrels"), err);
    }
    return ok;
}

void cli_evaluation_data_close(cli_evaluation_data *data) {
    for (int64_t i = 0; i < data->n_jobs; i++) eval_job_close(&data->jobs[i]);
    for (int64_t i = 0; i < data->n_requests; i++) senc_value_free(data->requests[i].own);
    free(data->jobs);
    free(data->requests);
    senc_value_free(data->config);
    *data = (cli_evaluation_data){0};
}
