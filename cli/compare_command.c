/* senc compare: is a candidate better than what runs today, and may we switch? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "cli/command.h"
#include "cli/compared_models.h"
#include "cli/model_argument.h"
#include "cli/output.h"
#include "cli/system_flags.h"
#include "eval/kept_pool.h"
#include "eval/reports/comparison_html.h"

/* Vectors of models that stand in several of the systems. */
#define KEPT_BYTES ((int64_t)512 << 20)

typedef struct compare_flags {
    cli_evaluation_flags data;
    cli_system_flags system;
    char *json, *html;
    senc_strings max_regression;
    double min_effect;
    int64_t documents, examples, resamples, seed;
    bool all_metrics, markdown, map, pairs, overwrite;
} compare_flags;

static const senc_option flags[] = {
    CLI_EVALUATION_DATA_ROWS(compare_flags),
    SENC_OPTION_REAL(compare_flags, min_effect, "0", 0, HUGE_VAL,
                     "smallest change of a headline metric that matters, as 0.01; 0: any"),
    SENC_OPTION_ROW(compare_flags, max_regression, SENC_OPTION_TYPE_STRINGS, NULL, 0, 0, "METRIC=X",
                    "a metric (the end of its key: ndcg@10=0.01) may fall by at most X; a fall beyond that whose "
                    "interval excludes 0 is a regression"),
    SENC_OPTION_BOOLEAN(compare_flags, all_metrics, "false",
                        "compare every metric, not only the headline and those often quoted"),
    SENC_OPTION_BOOLEAN(compare_flags, pairs, "true",
                        "of three systems and more test every pair; --no-pairs: only against A, with fewer tests to "
                        "correct for"),
    SENC_OPTION_INTEGER(compare_flags, examples, "3", 0, 1000, "most improved and most hurt queries to show"),
    SENC_OPTION_INTEGER(compare_flags, documents, "1000000", 1, 1e15,
                        "documents of your index, for its size and embedding time"),
    SENC_OPTION_BOOLEAN(compare_flags, map, "true", "measure whether the old index could be kept; --no-map: do not"),
    SENC_OPTION_INTEGER(compare_flags, resamples, "10000", 100, 1e7, "of the bootstrap"),
    SENC_OPTION_INTEGER(compare_flags, seed, "1", 0, HUGE_VAL, "of the resamples: the same seed, the same numbers"),
    SENC_OPTION_PATH(compare_flags, json, NULL,
                     "write the comparison as JSON; - for standard output, in place of the text"),
    SENC_OPTION_PATH(compare_flags, html, NULL, "write one HTML file with charts and the queries that changed most"),
    SENC_OPTION_BOOLEAN(compare_flags, markdown, "false", "print Markdown"),
    CLI_OVERWRITE_ROW(compare_flags),
    CLI_SYSTEM_ROWS(compare_flags),
    {0},
};

/* "METRIC=X"; the texts are cut at their '=' in place. */
static bool read_limits(const senc_strings *texts, eval_regression_limit **limits, senc_error *err) {
    *limits = senc_alloc_zero((size_t)texts->n, sizeof **limits);
    if (!*limits) return senc_fail_memory(err, (size_t)texts->n * sizeof **limits, "limits");
    for (int64_t i = 0; i < texts->n; i++) {
        char *equals = strrchr(texts->items[i], '='), *end = NULL;
        const double limit = equals ? strtod(equals + 1, &end) : NAN;
        if (!equals || equals == texts->items[i] || end == equals + 1 || *end || !(limit >= 0) || isinf(limit))
            return senc_fail(err, SENC_BAD_INPUT,
                             "--max-regression: expected METRIC=X with X >= 0, as ndcg@10=0.01, got \"%s\"",
                             texts->items[i]);
        *equals = '\0';
        (*limits)[i] = (eval_regression_limit){texts->items[i], limit};
    }
    return true;
}

static bool write_json(const eval_comparison *c, const eval_comparison_costs *costs, const compare_flags *f,
                       senc_error *err) {
    data_json *object = data_json_create_object();
    if (costs->standings) eval_standings_put_json(costs->standings, costs->items, object);
    eval_comparison_put_json(c, costs->items, costs->n, costs->n_documents, object);
    senc_buffer out = {0};
    bool ok = data_json_dump(object, 2, &out) || senc_fail_memory(err, out.n_bytes, "the comparison");
    senc_buffer_append_text(&out, "\n");
    ok = ok && cli_output_file(f->json, f->overwrite, &out, err);
    senc_buffer_free(&out);
    data_json_free(object);
    return ok;
}

static bool write_html(const eval_comparison *c, const cli_compared_models *m, const eval_comparison_costs *costs,
                       const compare_flags *f, senc_error *err) {
    senc_buffer out = {0};
    const eval_comparison_page page = {
        .costs = costs->items, .n_costs = costs->n, .n_documents = costs->n_documents, .standings = costs->standings};
    const bool ok = eval_comparison_html(c, m->models, m->n, &page, &out, err);
    if (ok) return cli_output_file(f->html, f->overwrite, &out, err);
    senc_buffer_free(&out);
    return false;
}

/* A file that cannot be written costs none of the others, nor what is printed. */
static bool write_comparison(const eval_comparison *c, const cli_compared_models *m, const eval_comparison_costs *costs,
                             const compare_flags *f, senc_error *err) {
    bool ok = true;
    if (!f->json || strcmp(f->json, "-") != 0) {
        senc_buffer out = {0};
        eval_comparison_print(c, costs, f->markdown, &out);
        ok = cli_output_buffer(&out, err);
    }
    ok = (!f->json || write_json(c, costs, f, err)) && ok;
    return (!f->html || write_html(c, m, costs, f, err)) && ok;
}

static bool compare(cli_call *call, const compare_flags *f, cli_compared_models *m, const eval_regression_limit *limits,
                    senc_error *err) {
    const eval_comparison_options options = {.min_effect = f->min_effect,
                                             .limits = limits,
                                             .n_limits = f->max_regression.n,
                                             .pairs = f->pairs,
                                             .all_metrics = f->all_metrics,
                                             .n_examples = f->examples,
                                             .n_resamples = f->resamples,
                                             .seed = (uint64_t)f->seed};
    eval_comparison c;
    eval_standings standings = {0};
    eval_comparison_costs costs = {.items = m->costs, .n = m->n, .n_documents = f->documents};
    if (!eval_compare(m->models, m->n, &options, &c, err)) return false;
    bool ok = true;
    if (m->n > 2) { /* of two the verdict says it all */
        ok = eval_standings_open(&c, m->models, m->n, m->costs, &options, &standings, err);
        costs.standings = &standings;
    }
    ok = ok && write_comparison(&c, m, &costs, f, err);
    if (ok && eval_comparison_has_regression(&c)) call->exit_code = 3;
    eval_standings_free(&standings);
    eval_comparison_free(&c);
    return ok;
}

static bool run_compare(cli_call *call, senc_error *err) {
    const compare_flags *f = call->flags;
    eval_system_options options = cli_system_options(&f->system);
    cli_compared_models m = {0};
    eval_kept_pool *kept = NULL;
    cli_evaluation_data data = {0};
    eval_regression_limit *limits = NULL;
    cli_outputs outputs = {.overwrite = f->overwrite};
    bool ok = cli_outputs_add(&outputs, f->json, err) && cli_outputs_add(&outputs, f->html, err) &&
              eval_kept_pool_open(KEPT_BYTES, &kept, err);
    options.kept = kept;
    ok = ok && cli_start_threads(call, err) && read_limits(&f->max_regression, &limits, err) &&
         cli_compared_models_open(&m, call->positionals, call->n_positionals, err) &&
         (!cli_compared_models_need_data(&m) || cli_evaluation_data_open(&data, call, &f->data, err)) &&
         cli_evaluation_data_add_outputs(&data, &outputs, err) &&
         cli_compared_models_run(&m, &data, &options, f->map, err) && compare(call, f, &m, limits, err);
    cli_compared_models_close(&m);
    cli_evaluation_data_close(&data);
    eval_kept_pool_free(kept);
    free(limits);
    return ok;
}

const cli_command cli_compare_command = {
    .name = "compare",
    .synopsis = "A B [C ...] [--sts FILE]... [--retrieval DIR]... [--min-effect X] [--max-regression M=X]...",
    .help = "is a candidate better than what runs today? Paired statistics and a verdict",
    .details =
        "A is what runs today, the others are candidates. Each is a model, whatever else senc eval takes in a model's "
        "place, or a saved report (report.json). Several with commas between are seeds of one recipe and count as one: "
        "faq=runs/s1,runs/s2. Data as for senc eval; reports bring theirs.\n\n"
        "Verdicts: better, not distinguishable, worse, too few units. Exit code 3 when a headline metric is worse or a "
        "--max-regression is exceeded. With three systems and more: a table of all, tests of every pair, the best, and "
        "the cheapest that cannot be told from it.\n\n"
        "  senc compare models/m runs/faq --retrieval data/faq --min-effect 0.01\n"
        "  senc compare a.json runs/faq --retrieval data/faq --max-regression mrr@10=0.02",
    .flags = flags,
    .flags_bytes = sizeof(compare_flags),
    .min_positionals = 2,
    .max_positionals = -1,
    .positional = "A B (models or saved reports)",
    .run = run_compare,
};
