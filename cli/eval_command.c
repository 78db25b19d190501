/* senc eval: a model on evaluation data, as a report for people and as JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "cli/command.h"
#include "cli/evaluation_data.h"
#include "cli/evaluation_report.h"
#include "cli/evaluation_variants.h"
#include "cli/model_argument.h"
#include "cli/output.h"
#include "cli/system_flags.h"
#include "data/formats/json.h"
#include "eval/kept_vectors.h"
#include "eval/report.h"
#include "eval/reports/report_page.h"
#include "eval/system.h"

typedef struct eval_flags {
    cli_evaluation_flags data;
    cli_system_flags system;
    char *json, *html, *report, *query_prompt, *document_prompt;
    senc_strings save_run, save_qrels;
    bool markdown, variants, overwrite;
} eval_flags;

static const senc_option flags[] = {
    CLI_EVALUATION_DATA_ROWS(eval_flags),
    SENC_OPTION_ROW(eval_flags, save_run, SENC_OPTION_TYPE_STRINGS, NULL, 0, 0, "FILE",
                    "write the lists of the --retrieval before it as a TREC run"),
    SENC_OPTION_ROW(eval_flags, save_qrels, SENC_OPTION_TYPE_STRINGS, NULL, 0, 0, "FILE",
                    "write its judgements as TREC qrels"),
    SENC_OPTION_PATH(eval_flags, json, NULL,
                     "write the results as JSON; - for standard output, in place of the tables"),
    SENC_OPTION_PATH(eval_flags, html, NULL,
                     "write one HTML file with charts, intervals, slices and the worst queries"),
    SENC_OPTION_PATH(eval_flags, report, NULL,
                     "write report.json (all of it, per query too), report.md and report.html into this folder"),
    SENC_OPTION_BOOLEAN(eval_flags, variants, "false",
                        "measure shorter and coarser vectors too: the first 32, 64, 128, ... dimensions, int8, bits"),
    SENC_OPTION_BOOLEAN(eval_flags, markdown, "false", "print Markdown tables"),
    CLI_OVERWRITE_ROW(eval_flags),
    SENC_OPTION_STRING(eval_flags, query_prompt, NULL, "put in front of queries; unset: what the model says"),
    SENC_OPTION_STRING(eval_flags, document_prompt, NULL, "put in front of documents; unset: what the model says"),
    CLI_SYSTEM_ROWS(eval_flags),
    {0},
};

/* Vectors of an evaluation that are kept for its variants; beyond that each variant embeds again. */
#define KEPT_BYTES ((int64_t)1 << 30)

typedef struct eval_run {
    cli_evaluation_data data;
    eval_saved_report report; /* has the results */
    eval_system *system;
} eval_run;

static void free_run(eval_run *run) {
    eval_saved_report_free(&run->report);
    cli_evaluation_data_close(&run->data);
    eval_system_free(run->system);
}

/* Opens what is evaluated, and asks every evaluation whether it can be. */
static bool open_system(eval_run *run, const eval_flags *f, const char *spec, senc_error *err) {
    eval_system_options options = cli_system_options(&f->system);
    options.query_prompt = f->query_prompt;
    options.document_prompt = f->document_prompt;
    if (!eval_system_open(spec, &options, &run->system, err)) return false;
    const eval_embedder embedder = eval_system_embedder(run->system);
    for (int64_t i = 0; i < run->data.n_jobs; i++)
        if (!eval_job_check(&run->data.jobs[i], &embedder, eval_system_label(run->system), err)) return false;
    return eval_system_plan(run->system, run->data.jobs, run->data.n_jobs, err);
}

/* What reports and variants say of the system. */
static bool get_facts(eval_run *run, const eval_flags *f, senc_error *err) {
    if (!f->report && !f->html && !f->variants) return true;
    const eval_embedder embedder = eval_system_embedder(run->system);
    return eval_system_get_facts(run->system, &run->report.facts, err) &&
           (!f->variants || cli_variants_check(&run->report.facts, &embedder, eval_system_label(run->system), err));
}

/* Adds what was embedded since `before`. */
static void add_stats(eval_encoder_stats *sum, eval_system *system, const eval_encoder_stats *before) {
    eval_encoder_stats now;
    int64_t max_length;
    eval_system_get_stats(system, &now, &max_length);
    eval_encoder_stats_add(sum, 1, &now);
    eval_encoder_stats_add(sum, -1, before);
}

static bool run_job(eval_run *run, int64_t i, const eval_embedder *embedder, senc_error *err) {
    char what[128];
    snprintf(what, sizeof what, "evaluation %lld of %lld (%s)", (long long)i + 1, (long long)run->data.n_jobs,
             run->data.requests[i].scope);
    cli_progress progress = {.what = what, .n_all = cli_progress_count(&run->data.jobs[i], embedder)};
    eval_encoder_stats before;
    int64_t max_length;
    eval_system_get_stats(run->system, &before, &max_length);
    cli_progress_watch_system(&progress, run->system);
    const bool ok = eval_job_run(&run->data.jobs[i], embedder, &run->report.results[i], err);
    eval_system_watch(run->system, NULL, NULL);
    run->report.n_results += ok;
    add_stats(&run->report.stats, run->system, &before);
    return ok;
}

static bool run_job_and_variants(eval_run *run, int64_t i, const eval_embedder *embedder, senc_error *err) {
    eval_kept_vectors kept;
    const eval_embedder keeping = eval_kept_vectors_open(&kept, embedder, KEPT_BYTES);
    const bool ok =
        run_job(run, i, &keeping, err) && cli_variants_run(&run->report, i, &run->data.jobs[i], &keeping, err);
    eval_kept_vectors_free(&kept);
    return ok;
}

static bool run_jobs(eval_run *run, bool with_variants, senc_error *err) {
    const int64_t n_jobs = run->data.n_jobs;
    const eval_embedder embedder = eval_system_embedder(run->system);
    run->report.results = senc_alloc_zero((size_t)n_jobs, sizeof *run->report.results);
    if (!run->report.results) return senc_fail_memory(err, (size_t)n_jobs * sizeof *run->report.results, "results");
    bool ok = true;
    for (int64_t i = 0; ok && i < n_jobs; i++)
        ok = with_variants ? run_job_and_variants(run, i, &embedder, err) : run_job(run, i, &embedder, err);
    senc_log_status("%s", "");
    return ok;
}

/* What ranking by words took. */
static void put_ranking(const eval_system *system, data_json *object) {
    eval_ranking_cost cost;
    eval_system_get_ranking(system, &cost);
    if (cost.n_documents == 0) return;
    data_json *o = data_json_put_object(object, "ranking");
    data_json_put_integer(o, "documents", cost.n_documents);
    data_json_put_integer(o, "queries", cost.n_queries);
    data_json_put_integer(o, "index_bytes", cost.index_bytes);
    data_json_put_number(o, "index_seconds", cost.index_ms * 1e-3);
    data_json_put_number(o, "query_seconds", cost.query_ms * 1e-3);
}

static void tell_ranking(const eval_system *system) {
    eval_ranking_cost cost;
    char documents[32], queries[32];
    eval_system_get_ranking(system, &cost);
    if (cost.n_documents > 0)
        senc_info("%s: indexed the words of %s documents in %.1f s (%.0f bytes each), ranked for %s queries in %.1f s",
                  eval_system_label(system), cli_count_text(cost.n_documents, documents, sizeof documents),
                  cost.index_ms * 1e-3, (double)cost.index_bytes / (double)cost.n_documents,
                  cli_count_text(cost.n_queries, queries, sizeof queries), cost.query_ms * 1e-3);
}

static bool write_json(const eval_run *run, const char *model_name, const eval_flags *f, senc_error *err) {
    data_json *object = data_json_create_object();
    data_json_put_string(object, "model", model_name);
    eval_report_put_json(run->report.results, run->report.n_results, object);
    if (run->report.n_variants > 0) cli_variants_put_json(&run->report, object);
    put_ranking(run->system, object);
    senc_buffer out = {0};
    bool ok = data_json_dump(object, 2, &out) || senc_fail_memory(err, out.n_bytes, "the results");
    senc_buffer_append_text(&out, "\n");
    ok = ok && cli_output_file(f->json, f->overwrite, &out, err);
    senc_buffer_free(&out);
    data_json_free(object);
    return ok;
}

/* Where --json is standard output it stands in the tables' place. */
static bool print_results(const eval_run *run, const eval_flags *f, const char *model_name, senc_error *err) {
    if (f->json && strcmp(f->json, "-") == 0) return write_json(run, model_name, f, err);
    senc_buffer out = {0};
    if (f->markdown)
        eval_report_print_markdown(run->report.results, run->report.n_results, &out);
    else
        eval_report_print(run->report.results, run->report.n_results, &out);
    cli_variants_print(&run->report, f->markdown, &out);
    return cli_output_buffer(&out, err);
}

/* --report and --html. */
static bool write_reports(eval_run *run, const eval_flags *f, const cli_call *call, senc_error *err) {
    if (!f->report && !f->html) return true;
    if (!cli_report_describe(&run->report, run->system, &run->data, call, err) ||
        !eval_report_add_intervals(&run->report, err))
        return false;
    const bool folder = !f->report || eval_report_write_folder(&run->report, f->report, err);
    return (!f->html || eval_report_write_html(&run->report, f->html, err)) && folder;
}

/* A file that cannot be written costs none of the others, nor the tables. */
static bool write_all(eval_run *run, const eval_flags *f, const cli_call *call, senc_error *err) {
    const char *label = eval_system_label(run->system);
    const bool printed = print_results(run, f, label, err);
    const bool json = !f->json || strcmp(f->json, "-") == 0 || write_json(run, label, f, err);
    return write_reports(run, f, call, err) && json && printed;
}

/* Before anything is embedded. */
static bool check_outputs(const eval_run *run, const eval_flags *f, senc_error *err) {
    cli_outputs outputs = {.overwrite = f->overwrite};
    return cli_outputs_add(&outputs, f->json, err) && cli_outputs_add(&outputs, f->html, err) &&
           cli_outputs_add_report(&outputs, f->report, err) &&
           cli_evaluation_data_add_outputs(&run->data, &outputs, err);
}

static bool run_eval(cli_call *call, senc_error *err) {
    const eval_flags *f = call->flags;
    const char *model_name = call->positionals[0];
    eval_run run = {0};
    bool ok = cli_start_threads(call, err) && cli_evaluation_data_open(&run.data, call, &f->data, err) &&
              check_outputs(&run, f, err) && open_system(&run, f, model_name, err) && get_facts(&run, f, err) &&
              run_jobs(&run, f->variants, err);
    if (ok) {
        const eval_encoder_stats *stats = &run.report.stats;
        eval_encoder_stats all;
        int64_t max_length;
        eval_system_get_stats(run.system, &all, &max_length);
        cli_warn_about_texts(stats->n_texts, stats->n_truncated, max_length, stats->n_empty);
        tell_ranking(run.system);
        ok = write_all(&run, f, call, err);
    }
    free_run(&run);
    return ok;
}

const cli_command cli_eval_command = {
    .name = "eval",
    .synopsis =
        "MODEL [--sts FILE]... [--retrieval DIR [--split NAME]]... [--KIND FILE]... [--config F] [--report DIR]",
    .help = "evaluate a model, or another system, on data with known answers",
    .details =
        "MODEL is a model folder, a run folder (its best model), or a name in the Hugging Face cache; or another "
        "system (senc list systems): openai:MODEL and other APIs, vectors:FILE, bm25, run:FILE, hybrid:A+B, "
        "MODEL?dim=128, LABEL=SPEC. Metric keys are "
        "NAME_FUNCTION_METRIC, as nfcorpus_cosine_ndcg@10; the rules behind the numbers stand below the tables.\n\n"
        "  senc eval models/m --sts stsb-test.csv --retrieval nfcorpus --report reports/m\n"
        "  senc eval 'hybrid:models/m+bm25' --retrieval nfcorpus --save-run hybrid.run\n"
        "  senc eval runs/faq --retrieval data/faq --split dev --set 'gain=\"linear\"'",
    .flags = flags,
    .flags_bytes = sizeof(eval_flags),
    .min_positionals = 1,
    .max_positionals = 1,
    .positional = "MODEL (a model folder, or another system)",
    .run = run_eval,
};
