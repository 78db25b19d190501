/* The runs and reports under a folder, in the order of time: what was tried, and which was best.
 *
 * A folder with report.json or log.jsonl is an entry. Read are a training run's report ("before", "after", "steps"),
 * its log when it has no report yet ({"step", "metrics"} lines), and the report of an evaluation ({"model", "metrics",
 * "results"}, also inside of a member "report"). */
#ifndef EVAL_HISTORY_H
#define EVAL_HISTORY_H

#include "autograd/base/buffer.h"
#include "data/formats/json.h"
#include "eval/evaluator.h"

typedef enum eval_history_kind { EVAL_HISTORY_RUN, EVAL_HISTORY_UNFINISHED, EVAL_HISTORY_REPORT } eval_history_kind;

typedef struct eval_history_entry {
    char *path;  /* of the folder, below the one that was searched; "." for itself */
    char *model; /* of an evaluation's report; NULL */
    char *time;  /* "2026-11-21 15:24:27", UTC: when it was created, else when its file was last written */
    eval_history_kind kind;
    int64_t steps;        /* of a run; the last of an unfinished one */
    eval_result *results; /* what came out; without detail */
    int64_t n_results;
    bool *leaked;        /* (n_results) of a run: it was trained on this evaluation's questions; NULL: none */
    eval_result *before; /* of a run: the untouched model; n_before may be 0 */
    int64_t n_before;
} eval_history_entry;

/* A headline metric that some entry has. */
typedef struct eval_history_column {
    char *key;
    bool greater_is_better;
    int64_t best; /* the entry; -1: none */
} eval_history_column;

typedef struct eval_history {
    eval_history_entry *entries; /* oldest first */
    int64_t n_entries, capacity;
    eval_history_column *columns;
    int64_t n_columns;
} eval_history;

/* Files that cannot be read are left out; warn(text) is told about each. Fails when the folder cannot be read. */
bool eval_history_load(const char *folder, void (*warn)(const char *text), eval_history *out, senc_error *err);
/* NaN: absent. */
double eval_history_value(const eval_history_entry *entry, const char *key);
/* Whether the run was trained on what gave that metric: such a value is shown with "!" and is never the best. */
bool eval_history_is_leaked(const eval_history_entry *entry, const char *key);
/* 80 columns; the best of each column has a "*". baselines: the untouched models' rows too. */
void eval_history_print(const eval_history *h, bool baselines, senc_buffer *out);
void eval_history_put_json(const eval_history *h, data_json *object);
void eval_history_free(eval_history *h);

#endif
