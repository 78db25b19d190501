/* A whole evaluation with everything behind its numbers, to keep and to compare with later: report.json.
 *
 *     {"format": "senc report", "version": 1, "senc": "0.1.0", "created": "2026-11-21T15:24:27Z", "model": LABEL,
 *      "metrics": {key: value}, "intervals": {key: [low, high]}, "rules": {name: [text]}, "counts": {name: [text]},
 *      "system": {"spec", "description", "parameters", "size_bytes", "dimension", "bytes_per_vector", "max_length",
 *                 "sha256", "texts", "tokens", "truncated_texts", "empty_texts", "encode_seconds", "texts_per_second"},
 *      "api": {"systems", "texts_sent", "texts_cached", "requests", "tokens", "tokens_estimated", "dollars",
 *              "tokens_per_text", "dollars_per_text"},
 *      "ranking": {"documents", "queries", "index_bytes", "index_seconds", "query_seconds"},
 *      "options": {key: text}, "data": [{"name", "path", "sha256", "size_bytes"}],
 *      "variants": [{"label", "bytes_per_vector", "key", "value"}],
 *      "trained_on": [{"name", "unit", "units", "trained_on"}],
 *      "results": [{"name", "type", "primary", "greater_is_better", "reading": {"texts", "cut_texts", "max_length"},
 *          "metrics", "rules", "counts", "detail":
 *          {"unit", "units": [{"id", "text", "other", "slice", "words", "rank", "found": [{"id", "text", "score",
 *           "grade"}]}], "gold", "series": [{"key", "statistic", "values"}], "positives", "negatives",
 *           "curves": [{"name", "ks", "values"}]}}]}
 *
 * null stands for a number that is not finite (read as NaN) and for a text that is absent. What `senc eval --json`
 * writes is read too: it has no detail. Unknown keys are skipped. */
#ifndef EVAL_SAVED_REPORT_H
#define EVAL_SAVED_REPORT_H

#include "autograd/base/buffer.h"
#include "eval/embed.h"
#include "eval/evaluator.h"
#include "eval/statistics/comparison.h"
#include "eval/system.h"

typedef struct eval_report_interval {
    char *key;
    double low, high; /* 95 % */
} eval_report_interval;

typedef struct eval_report_option {
    char *key, *value;
} eval_report_option;

typedef struct eval_report_data {
    char *name, *path; /* name: of the result that it belongs to */
    char sha256[65];
    int64_t size_bytes;
} eval_report_data;

/* The same model with shorter or coarser vectors. */
typedef struct eval_report_variant {
    char *label; /* "dim=128", "quantize=int8" */
    int64_t bytes_per_vector;
    char *key; /* of the metric, as of the whole model */
    double value;
} eval_report_variant;

/* Owns all that it points to; {0} is empty. */
typedef struct eval_saved_report {
    char *senc, *created, *label, *spec, *description; /* may be NULL, but for the label of one that was read */
    eval_system_facts facts;
    eval_encoder_stats stats; /* n_texts 0: unknown */
    eval_system_bill bill;    /* of embedding APIs */
    eval_ranking_cost ranking;
    eval_result *results;
    eval_report_interval *intervals;
    eval_report_option *options;
    eval_report_data *data;
    eval_report_variant *variants;
    eval_leak *leaks; /* units that the model was trained on (eval_compared_run.leaks); owns their texts */
    int64_t n_results, n_intervals, n_options, n_data, n_variants, n_leaks;
    char **names; /* (n_names) texts that results point to (type, unit_name) when they were read */
    int64_t n_names;
} eval_saved_report;

void eval_saved_report_free(eval_saved_report *r);

/* Appends the JSON text; one unit a line. Failure is the buffer's. */
void eval_saved_report_print(const eval_saved_report *r, senc_buffer *out);
bool eval_saved_report_save(const eval_saved_report *r, const char *path, senc_error *err);

/* place: what messages call the text. A wrong type, a list of another length than the units, a text cut off: a
 * BAD_INPUT error with its place; *r is empty then. */
bool eval_saved_report_parse(const char *text, size_t n_bytes, const char *place, eval_saved_report *r,
                             senc_error *err);
/* A report.json, or the folder that holds one. */
bool eval_saved_report_load(const char *path, eval_saved_report *r, senc_error *err);
/* Whether a path looks like a saved report (a file *.json, a folder with a report.json that is no run folder and no
 * model), not whether it is a good one. */
bool eval_saved_report_exists(const char *path);

/* ---- filling one (false: out of memory) ---- */

/* Texts are copied; a key that is there already gets the new value. */
bool eval_saved_report_set_text(char **field, const char *text, senc_error *err);
bool eval_saved_report_add_option(eval_saved_report *r, const char *key, const char *value, senc_error *err);
bool eval_saved_report_add_data(eval_saved_report *r, const char *name, const char *path, const char *sha256,
                                int64_t size_bytes, senc_error *err);
bool eval_saved_report_add_variant(eval_saved_report *r, const char *label, int64_t bytes_per_vector, const char *key,
                                   double value, senc_error *err);
bool eval_saved_report_add_leak(eval_saved_report *r, const eval_leak *leak, senc_error *err);
bool eval_saved_report_add_interval(eval_saved_report *r, const char *key, double low, double high, senc_error *err);
const eval_report_interval *eval_saved_report_find_interval(const eval_saved_report *r, const char *key);

#endif
