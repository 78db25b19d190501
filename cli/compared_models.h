/* The models of senc compare: each argument is a model (or whatever can stand for one), a saved report, or several of
 * them with commas between: seeds of one recipe, "faq=runs/s1,runs/s2,runs/s3". */
#ifndef COMPARED_MODELS_H
#define COMPARED_MODELS_H

#include "cli/evaluation_data.h"
#include "eval/reports/saved_report.h"
#include "eval/statistics/comparison_report.h"
#include "eval/statistics/old_index.h"
#include "eval/system.h"

/* One model or report behind an argument. */
typedef struct cli_compared_run {
    char *spec;
    bool is_saved;
    eval_saved_report report; /* of a saved one; else its label and results, as evaluated here */
    eval_recorder *recorders; /* (n_jobs) of a model's vectors, or NULL */
    char *query_prompt, *document_prompt;
} cli_compared_run;

typedef struct cli_compared_argument {
    char *given_label; /* NULL: none */
    char *label;       /* what it is called, unlike any other */
    cli_compared_run *runs;
    int64_t n_runs;
    eval_compared_run *compared; /* (n_runs) */
} cli_compared_argument;

typedef struct cli_compared_models {
    cli_compared_argument *arguments;
    int64_t n;
    eval_compared_model *models; /* (n) */
    eval_switching_cost *costs;  /* (n) */
    int64_t n_jobs;
} cli_compared_models;

/* Splits the arguments, loads the reports and names all. */
bool cli_compared_models_open(cli_compared_models *m, char *const *arguments, int64_t n, senc_error *err);
/* True when one of them has to be evaluated. */
bool cli_compared_models_need_data(const cli_compared_models *m);
/* Evaluates what is not saved; with_map: measures whether the base's index can be kept. Fills models and costs. */
bool cli_compared_models_run(cli_compared_models *m, cli_evaluation_data *data, const eval_system_options *options,
                             bool with_map, senc_error *err);
void cli_compared_models_close(cli_compared_models *m);

/* compared_names.c: fills the labels. */
bool cli_compared_models_name(cli_compared_models *m, senc_error *err);

#endif
