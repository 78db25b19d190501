/* Leakage: what of the evaluations stands in the training data. Of every [[eval]] the units (questions, pairs, texts:
 * eval_spec.units) that were trained on: exactly; after folding case, blanks and punctuation (data/text_fold.h); nearly
 * (data/near_texts.h). A question or text counts when any text of a training row is it, as anchor, positive or
 * negative; a pair when one row holds both of its texts, either way round. Documents alone do not count. */
#ifndef TRAIN_LEAKAGE_H
#define TRAIN_LEAKAGE_H

#include "data/formats/json.h"
#include "data/table.h"
#include "eval/evaluator.h"
#include "eval/reports/page_writer.h"
#include "eval/statistics/comparison.h"
#include "train/feed.h"

struct train_config;

typedef enum train_leak_match {
    TRAIN_LEAK_NONE,
    TRAIN_LEAK_NEAR,
    TRAIN_LEAK_FOLDED,
    TRAIN_LEAK_EXACT,
    TRAIN_N_LEAK_MATCHES
} train_leak_match;
const char *train_leak_match_name(train_leak_match m); /* "exact", "folded", "near" */

/* A unit and the first row that holds it most exactly. */
typedef struct train_leak_example {
    char *id;   /* of the query, or the number of the row of the evaluation from 1; NULL: none that says anything */
    char *text; /* its first text, cut */
    train_leak_match match;
    char *path; /* of the training data */
    int64_t line;
} train_leak_example;

#define TRAIN_LEAK_EXAMPLES 3

typedef struct train_leak {
    char *name;       /* of the evaluation */
    const char *unit; /* "question", "pair", "triplet", "text" */
    int64_t n_units;
    int64_t n[TRAIN_N_LEAK_MATCHES]; /* units by their best match */
    train_leak_example examples[TRAIN_LEAK_EXAMPLES];
    int64_t n_examples;
} train_leak;

/* {0} is empty. */
typedef struct train_leakage {
    train_leak *items; /* (n) one for each evaluation */
    int64_t n;
    eval_leak *leaks;  /* (n) of what is trained on, without what was dropped: eval_compared_run.leaks */
    double threshold;  /* of near texts */
    int64_t n_rows;    /* of the training data that was looked at */
    int64_t n_dropped; /* of these, left out */
    double seconds;    /* that it took */
} train_leakage;
void train_leakage_free(train_leakage *l);

/* threshold: as data_near_create's. rows (n_rows of the set; may be NULL): true for a row that holds a unit. */
bool train_leakage_find(const data_set *set, const train_columns *columns, const eval_job *jobs, int64_t n_jobs,
                        double threshold, bool *rows, train_leakage *out, senc_error *err);
/* The same for a model that lies in a run folder (as best or final), by the data that its config.toml names; out->n 0:
 * it does not, and nothing is known. Fails when the data cannot be read any more. */
bool train_leakage_of_model(const char *model_folder, const eval_job *jobs, int64_t n_jobs, train_leakage *out,
                            senc_error *err);
/* How many units of it were found. */
int64_t train_leak_count(const train_leak *l);
/* Its units that were found will not be trained on: the rows that hold them, n_rows, are left out. */
void train_leakage_set_dropped(train_leakage *l, int64_t n_rows);
/* Whether any unit of any evaluation was found. */
bool train_leakage_is_any(const train_leakage *l);

/* How the rows of each source were parted by groups (data_set_get_split): lines of at most `width` columns; nothing
 * where they were not. */
void train_splits_print(const data_set *set, int64_t width, senc_buffer *out);
/* Opens the data and the evaluations of a configuration: both of the above, for people. Fails as a run would. */
bool train_leakage_describe(const struct train_config *config, int64_t width, senc_buffer *out, senc_error *err);

/* A line each, without indent, at most `width` columns; nothing where there are no evaluations. */
void train_leakage_print(const train_leakage *l, int64_t width, senc_buffer *out);
/* The same as paragraphs and lists of a report. */
void train_leakage_write(const train_leakage *l, const eval_writer *w);
/* {"threshold", "rows", "dropped_rows", "evaluations": [{"name", "unit", "units", "exact", "folded", "near",
 * "withheld", "examples": [{"unit", "text", "match", "path", "line"}]}]} */
void train_leakage_put_json(const train_leakage *l, data_json *object);

#endif
