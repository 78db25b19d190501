/* Data to evaluate on, from the command line: the flags --sts, --retrieval, ... with --split, --header, --set, ...
 * behind them, and the [[eval]] tables of --config. Shared by the commands that evaluate. */
#ifndef EVALUATION_DATA_H
#define EVALUATION_DATA_H

#include "cli/command.h"
#include "cli/output.h"
#include "eval/evaluator.h"

/* The flags (and, for commands that list them, --save-run and --save-qrels behind a --retrieval); a command's struct
 * has them as its field `data`, and CLI_EVALUATION_DATA_ROWS among its rows. */
typedef struct cli_evaluation_flags {
    char *config;
    senc_strings sts, retrieval, triplets, pairs, reranking, paraphrases, bitext, classification, clustering;
    senc_strings split, set;
    senc_strings header, delimiter, quoting, limit, on_empty;
} cli_evaluation_flags;

#define CLI_EVALUATION_DATA_ROW(struct_type, field, kind, form, help)                                                  \
    SENC_OPTION_ROW_OF(struct_type, data, field, kind, NULL, 0, 0, form, help)

#define CLI_EVALUATION_DATA_ROWS(struct_type)                                                                          \
    CLI_EVALUATION_DATA_ROW(                                                                                           \
        struct_type, sts, SENC_OPTION_TYPE_STRINGS, "FILE",                                                            \
        "sentence pairs with scores: jsonl, json, csv or tsv with sentence1, sentence2, score (without "               \
        "a header: in this order)"),                                                                                   \
        CLI_EVALUATION_DATA_ROW(struct_type, retrieval, SENC_OPTION_TYPE_STRINGS, "FOLDER",                            \
                                "a BEIR folder: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv"),                        \
        CLI_EVALUATION_DATA_ROW(struct_type, triplets, SENC_OPTION_TYPE_STRINGS, "FILE",                               \
                                "anchor, positive, negative: jsonl, json, csv or tsv"),                                \
        CLI_EVALUATION_DATA_ROW(                                                                                       \
            struct_type, pairs, SENC_OPTION_TYPE_STRINGS, "FILE",                                                      \
            "sentence1, sentence2, label (1: they belong together, 0: not; without a header: in this order)"),         \
        CLI_EVALUATION_DATA_ROW(struct_type, reranking, SENC_OPTION_TYPE_STRINGS, "FILE",                              \
                                "jsonl: query, positive [...], and negative [...] or documents [...]"),                \
        CLI_EVALUATION_DATA_ROW(                                                                                       \
            struct_type, paraphrases, SENC_OPTION_TYPE_STRINGS, "FILE",                                                \
            "text, label (equal: they say the same); or text, id with --set 'duplicates=\"PAIRS\"' (id1, id2)"),       \
        CLI_EVALUATION_DATA_ROW(struct_type, bitext, SENC_OPTION_TYPE_STRINGS, "FILE",                                 \
                                "sentence1, sentence2: a text and its translation"),                                   \
        CLI_EVALUATION_DATA_ROW(struct_type, classification, SENC_OPTION_TYPE_STRINGS, "FILE",                         \
                                "text, label to test on; what to learn from: --set 'train=\"FILE\"'"),                 \
        CLI_EVALUATION_DATA_ROW(struct_type, clustering, SENC_OPTION_TYPE_STRINGS, "FILE", "text, label"),             \
        CLI_EVALUATION_DATA_ROW(struct_type, split, SENC_OPTION_TYPE_STRINGS, "NAME",                                  \
                                "of the --retrieval before it (default test)"),                                        \
        CLI_EVALUATION_DATA_ROW(struct_type, header, SENC_OPTION_TYPE_STRINGS, "auto|yes|no",                          \
                                "csv, tsv before it: does it begin with column names?"),                               \
        CLI_EVALUATION_DATA_ROW(struct_type, delimiter, SENC_OPTION_TYPE_STRINGS, "CHARACTER",                         \
                                "of the csv or tsv before it (default a comma or a tab)"),                             \
        CLI_EVALUATION_DATA_ROW(struct_type, quoting, SENC_OPTION_TYPE_STRINGS, "auto|on|off",                         \
                                "of the csv or tsv before it: fields in double quotes (auto: csv only)"),              \
        CLI_EVALUATION_DATA_ROW(struct_type, limit, SENC_OPTION_TYPE_STRINGS, "N",                                     \
                                "only the first N rows of the file before it"),                                        \
        CLI_EVALUATION_DATA_ROW(struct_type, on_empty, SENC_OPTION_TYPE_STRINGS, "error|skip",                         \
                                "rows of the file before it with an empty or missing text"),                           \
        CLI_EVALUATION_DATA_ROW(struct_type, set, SENC_OPTION_TYPE_STRINGS, "KEY=VALUE",                               \
                                "change a key of the data before it (senc list evaluators --options); before all "     \
                                "data: of the --config"),                                                              \
        CLI_EVALUATION_DATA_ROW(struct_type, config, SENC_OPTION_TYPE_PATH, NULL,                                      \
                                "run the [[eval]] tables of this TOML file too")

/* What an [[eval]] table is, from a flag or from the configuration. */
typedef struct cli_evaluation_request {
    senc_value *own;         /* from a flag: freed with the data */
    const senc_value *table; /* own, or borrowed from the configuration */
    char scope[64];          /* what messages call it */
} cli_evaluation_request;

typedef struct cli_evaluation_data {
    senc_value *config;
    cli_evaluation_request *requests; /* (n_requests), each with its job */
    int64_t n_requests;
    eval_job *jobs; /* (n_jobs) */
    int64_t n_jobs;
} cli_evaluation_data;

/* Collects what the flags name, in their order, and loads it: before any model is loaded. On failure everything can
 * still be closed. */
bool cli_evaluation_data_open(cli_evaluation_data *data, const cli_call *call, const cli_evaluation_flags *flags,
                              senc_error *err);
/* The files that the evaluations write (save_run, save_qrels). */
bool cli_evaluation_data_add_outputs(const cli_evaluation_data *data, cli_outputs *outputs, senc_error *err);
void cli_evaluation_data_close(cli_evaluation_data *data);

#endif
