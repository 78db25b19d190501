/* senc eval: a model on evaluation data, as a report for people and as JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "cli/command.h"
#include "cli/model_argument.h"
#include "cli/output.h"
#include "data/formats/json.h"
#include "data/formats/toml.h"
#include "eval/embed.h"
#include "eval/report.h"

typedef struct eval_flags {
    char *config, *json, *query_prompt, *document_prompt, *pooling;
    senc_strings sts, retrieval, triplets, split, set;
    int64_t max_length;
    bool markdown;
    int precision; /* nn_precision */
} eval_flags;

static const senc_option flags[] = {
    SENC_OPTION_ROW(eval_flags, sts, SENC_OPTION_TYPE_STRINGS, NULL, 0, 0, "FILE",
                    "sentence pairs with scores: jsonl, csv or tsv with sentence1, sentence2, score (without a header: "
                    "in this order)"),
    SENC_OPTION_ROW(eval_flags, retrieval, SENC_OPTION_TYPE_STRINGS, NULL, 0, 0, "FOLDER",
                    "a BEIR folder: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv"),
    SENC_OPTION_ROW(eval_flags, triplets, SENC_OPTION_TYPE_STRINGS, NULL, 0, 0, "FILE",
                    "anchor, positive, negative: jsonl, csv or tsv"),
    SENC_OPTION_ROW(eval_flags, split, SENC_OPTION_TYPE_STRINGS, NULL, 0, 0, "NAME",
                    "of the --retrieval before it (default test)"),
    SENC_OPTION_ROW(
        eval_flags, set, SENC_OPTION_TYPE_STRINGS, NULL, 0, 0, "KEY=VALUE",
        "change a key of the data before it (senc list evaluators --options); before all data: of the --config"),
    SENC_OPTION_PATH(eval_flags, config, NULL, "run the [[eval]] tables of this TOML file too"),
    SENC_OPTION_PATH(eval_flags, json, NULL,
                     "write the results as JSON; - for standard output, in place of the tables"),
    SENC_OPTION_BOOLEAN(eval_flags, markdown, "false", "print Markdown tables"),
    SENC_OPTION_STRING(eval_flags, query_prompt, NULL, "put in front of queries; unset: what the model says"),
    SENC_OPTION_STRING(eval_flags, document_prompt, NULL, "put in front of documents; unset: what the model says"),
    SENC_OPTION_STRING(eval_flags, pooling, NULL, "mean, cls, max, ...; unset: what the model says"),
    SENC_OPTION_INTEGER(eval_flags, max_length, "0", 0, HUGE_VAL,
                        "longest text in tokens, special ones included; 0: what the model says"),
    SENC_OPTION_CHOICE(eval_flags, precision, "fp32", NN_PRECISIONS,
                       "auto: bf16 where the CPU has instructions for it"),
    {0},
};

/* Flags that name data, and the evaluators behind them. */
static const struct {
    const char *field, *type;
} data_flags[] = {{"sts", "sts"}, {"retrieval", "retrieval"}, {"triplets", "triplet"}};
enum { N_DATA_FLAGS = sizeof data_flags / sizeof *data_flags };

/* What an [[eval]] table is, from a flag or from the configuration. */
typedef struct eval_request {
    senc_value *own;         /* from a flag: freed here */
    const senc_value *table; /* own, or borrowed from the configuration */
    char scope[64];          /* what messages call it */
} eval_request;

typedef struct eval_run {
    senc_value *config;
    eval_request *requests;
    int64_t n_requests;
    eval_job *jobs;
    int64_t n_jobs;
    eval_result *results;
    int64_t n_results;
    eval_model model;
} eval_run;

static void free_run(eval_run *run) {
    for (int64_t i = 0; i < run->n_results; i++) eval_result_free(&run->results[i]);
    for (int64_t i = 0; i < run->n_jobs; i++) eval_job_close(&run->jobs[i]);
    for (int64_t i = 0; i < run->n_requests; i++) senc_value_free(run->requests[i].own);
    free(run->results);
    free(run->jobs);
    free(run->requests);
    senc_value_free(run->config);
    eval_model_free(&run->model);
}

static bool add_request(eval_run *run, eval_request request, senc_error *err) {
    eval_request *grown = senc_realloc(run->requests, (size_t)run->n_requests + 1, sizeof *grown);
    if (!grown) {
        senc_value_free(request.own);
        return senc_fail_memory(err, sizeof *grown, "an evaluation");
    }
    run->requests = grown;
    run->requests[run->n_requests++] = request;
    return true;
}

static bool put_string(senc_value *table, const char *key, const char *text, senc_place place, senc_error *err) {
    return senc_value_put(table, key, place, senc_value_create_string(text, strlen(text), place)) ||
           senc_fail_memory(err, strlen(text), "an argument");
}

static bool add_data(eval_run *run, int flag, const char *path, senc_error *err) {
    static const char *const names[N_DATA_FLAGS] = {"--sts", "--retrieval", "--triplets"};
    const senc_place place = {.file = names[flag]};
    eval_request request = {.own = senc_value_create(SENC_VALUE_TABLE, place)};
    if (!request.own) return senc_fail_memory(err, sizeof *request.own, "an argument");
    request.table = request.own;
    snprintf(request.scope, sizeof request.scope, "%s", data_flags[flag].type);
    if (put_string(request.own, "type", data_flags[flag].type, place, err) &&
        put_string(request.own, "path", path, place, err))
        return add_request(run, request, err);
    senc_value_free(request.own);
    return false;
}

/* --split and --set belong to the data flag before them; --set before all data to the configuration. */
static bool apply_to_last(eval_run *run, const cli_given *given, senc_error *err) {
    const bool is_split = strcmp(given->flag->name, "split") == 0;
    const eval_request *last = run->n_requests > 0 ? &run->requests[run->n_requests - 1] : NULL;
    senc_value *target = last && last->own ? last->own : !is_split ? run->config : NULL;
    if (!target)
        return senc_fail(err, SENC_BAD_INPUT, "--%s %s: must stand behind the data it belongs to", given->flag->name,
                         given->value);
    if (is_split) {
        const senc_value *type = senc_value_find(target, "type");
        if (strcmp(type->string, "retrieval") != 0)
            return senc_fail(err, SENC_BAD_INPUT, "--split %s: expected behind --retrieval, found behind --%s",
                             given->value, type->string);
        return put_string(target, "split", given->value, (senc_place){.file = "--split"}, err);
    }
    senc_value *change;
    return data_toml_parse_assignment(given->value, &change, err) && senc_value_merge(target, change, err);
}

static bool add_config_requests(eval_run *run, const char *path, senc_error *err) {
    const senc_value *list = senc_value_find(run->config, "eval");
    if (!list || list->type != SENC_VALUE_ARRAY || list->n == 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s: no [[eval]] table", path);
    for (int64_t i = 0; i < list->n; i++) {
        eval_request request = {.table = list->items[i]};
        snprintf(request.scope, sizeof request.scope, "eval");
        if (list->items[i]->type != SENC_VALUE_TABLE)
            return senc_fail(err, SENC_BAD_INPUT, "%s: eval: expected tables, found %s", path,
                             senc_value_type_name(list->items[i]->type));
        if (!add_request(run, request, err)) return false;
    }
    return true;
}

static bool collect_requests(eval_run *run, const cli_call *call, senc_error *err) {
    const eval_flags *f = call->flags;
    if (f->config && !data_toml_load(f->config, &run->config, err)) return false;
    for (int64_t i = 0; i < call->n_given; i++) {
        const cli_given *given = &call->given[i];
        int flag = 0;
        while (flag < N_DATA_FLAGS && strcmp(given->flag->name, data_flags[flag].field) != 0) flag++;
        bool ok = true;
        if (flag < N_DATA_FLAGS)
            ok = add_data(run, flag, given->value, err);
        else if (strcmp(given->flag->name, "split") == 0 || strcmp(given->flag->name, "set") == 0)
            ok = apply_to_last(run, given, err);
        if (!ok) return false;
    }
    if (run->config && !data_toml_expand_environment(run->config, err)) return false;
    if (run->config && !add_config_requests(run, f->config, err)) return false;
    if (run->n_requests == 0)
        return senc_fail(err, SENC_BAD_INPUT,
                         "senc eval: nothing to evaluate on: expected --sts, --retrieval, --triplets or --config");
    return true;
}

/* Options and data of all evaluations, before any model is loaded. */
static bool open_jobs(eval_run *run, senc_error *err) {
    run->jobs = senc_alloc_zero((size_t)run->n_requests, sizeof *run->jobs);
    run->results = senc_alloc_zero((size_t)run->n_requests, sizeof *run->results);
    if (!run->jobs || !run->results)
        return senc_fail_memory(err, (size_t)run->n_requests * sizeof *run->results, "results");
    for (int64_t i = 0; i < run->n_requests; i++) {
        if (!eval_job_open(&run->jobs[i], run->requests[i].table, run->requests[i].scope, err)) return false;
        run->n_jobs++;
    }
    return eval_jobs_check_names(run->jobs, run->n_jobs, err);
}

static bool load_model(eval_run *run, const eval_flags *f, const char *name, senc_error *err) {
    nn_overrides overrides = NN_OVERRIDES_NONE;
    overrides.max_length = f->max_length;
    overrides.precision = (nn_precision)f->precision;
    overrides.pooling = f->pooling;
    return cli_model_load(name, &overrides, 0, &run->model, err) &&
           (!f->query_prompt || nn_model_set_prompt(run->model.model, "query", f->query_prompt, err)) &&
           (!f->document_prompt || nn_model_set_prompt(run->model.model, "document", f->document_prompt, err));
}

static bool run_jobs(eval_run *run, senc_error *err) {
    const eval_embedder embedder = eval_encoder_embedder(run->model.encoder);
    for (int64_t i = 0; i < run->n_jobs; i++) {
        char what[128];
        snprintf(what, sizeof what, "evaluation %lld of %lld (%s)", (long long)i + 1, (long long)run->n_jobs,
                 run->requests[i].scope);
        cli_progress progress = {.what = what, .n_all = -1};
        cli_progress_watch(&progress, run->model.encoder);
        const bool ok = eval_job_run(&run->jobs[i], &embedder, &run->results[i], err);
        eval_encoder_watch(run->model.encoder, NULL, NULL);
        if (!ok) return false;
        run->n_results++;
    }
    senc_log_status("%s", "");
    return true;
}

static bool write_json(const eval_run *run, const char *model_name, const char *path, senc_error *err) {
    data_json *object = data_json_create_object();
    data_json_put_string(object, "model", model_name);
    eval_report_put_json(run->results, run->n_results, object);
    senc_buffer out = {0};
    bool ok = data_json_dump(object, 2, &out) || senc_fail_memory(err, out.n_bytes, "the results");
    senc_buffer_append_text(&out, "\n");
    ok = ok && cli_output_file(path, &out, err);
    senc_buffer_free(&out);
    data_json_free(object);
    return ok;
}

static bool write_results(const eval_run *run, const eval_flags *f, const char *model_name, senc_error *err) {
    if (f->json && !write_json(run, model_name, f->json, err)) return false;
    if (f->json && strcmp(f->json, "-") == 0) return true;
    senc_buffer out = {0};
    if (f->markdown)
        eval_report_print_markdown(run->results, run->n_results, &out);
    else
        eval_report_print(run->results, run->n_results, &out);
    return cli_output_buffer(&out, err);
}

static bool run_eval(cli_call *call, senc_error *err) {
    const eval_flags *f = call->flags;
    const char *model_name = call->positionals[0];
    eval_run run = {0};
    bool ok = cli_start_threads(call, err) && collect_requests(&run, call, err) && open_jobs(&run, err) &&
              load_model(&run, f, model_name, err) && run_jobs(&run, err);
    if (ok) {
        const eval_encoder_stats *stats = eval_encoder_get_stats(run.model.encoder);
        cli_warn_about_texts(stats->n_texts, stats->n_truncated, nn_model_max_length(run.model.model), stats->n_empty);
        ok = write_results(&run, f, model_name, err);
    }
    free_run(&run);
    return ok;
}

const cli_command cli_eval_command = {
    .name = "eval",
    .synopsis =
        "MODEL [--sts FILE]... [--retrieval DIR [--split NAME]]... [--triplets FILE]... [--config F] [--json OUT]",
    .help = "evaluate a model on data with known answers",
    .details =
        "MODEL is a model folder, a run folder (its best model), or a name in the Hugging Face cache. Metric keys are "
        "NAME_FUNCTION_METRIC, as nfcorpus_cosine_ndcg@10; the rules behind the numbers stand below the tables.\n\n"
        "  senc eval models/m --sts stsb-test.csv --retrieval nfcorpus --json m.json\n"
        "  senc eval runs/faq --retrieval data/faq --split dev --set 'gain=\"linear\"'",
    .flags = flags,
    .flags_bytes = sizeof(eval_flags),
    .min_positionals = 1,
    .max_positionals = 1,
    .positional = "MODEL (a model folder)",
    .run = run_eval,
};
