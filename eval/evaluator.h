/* Evaluators. An evaluator takes texts to vectors through a callback, so that it can be tested with fixed vectors, and
 * returns metrics with the field's keys. One evaluator = one file in evaluators/ and one line in evaluators.def; its
 * option table is the parser and documentation of the keys of [[eval]]. */
#ifndef EVAL_EVALUATOR_H
#define EVAL_EVALUATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/options.h"
#include "eval/detail.h"
#include "eval/reading.h"

typedef enum eval_role { EVAL_TEXT, EVAL_QUERY, EVAL_DOCUMENT } eval_role; /* which prompt is put in front */

typedef struct eval_text {
    const char *bytes; /* UTF-8, not NUL-terminated */
    int64_t n_bytes;
} eval_text;

/* texts -> vectors (n, width) in out. Thread-hostile: one call at a time. */
typedef struct eval_embedder {
    bool (*embed)(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err);
    void *context;
    int64_t width;
    const char *similarity; /* the model's own: "cosine", ... */
    const struct eval_ranker
        *ranker; /* system.h; retrieval uses it instead of vectors; NULL: none. embed may be NULL then */
    /* For vectors that are fitted to the data (pca, int8): eval_job_run calls it with n = 0 before every evaluation,
     * retrieval then with a sample of the documents; without one it fits to the first texts it sees. NULL: not needed.
     */
    bool (*prepare)(void *context, const eval_text *sample, int64_t n, senc_error *err);
    const char *const *rules; /* (n_rules) what must stand beside its numbers; eval_job_run adds them to the result */
    int64_t n_rules;
    const eval_reader *reader; /* what it reads of the texts, as it goes on; NULL: unknown */
    bool writes_nothing; /* measured beside the system that was asked for: save_run and the like are for that one */
} eval_embedder;

typedef struct eval_metric {
    char *key;       /* "nfcorpus_cosine_ndcg@10", "stsb_spearman_cosine" */
    double value;    /* as the field prints it: 0..1; NaN: it has none */
    char *undefined; /* why it has none: "all 3 cosine similarities are equal"; NULL: the value is a number */
} eval_metric;

typedef struct eval_result {
    char *name;       /* of the data: the option `name`, or made from the path */
    const char *type; /* "sts" */
    eval_metric *metrics;
    int64_t n_metrics;
    char *primary; /* key of the headline metric */
    bool greater_is_better;
    char **rules; /* "ties: equal scores are ordered by corpus id", ... stated in every report */
    int64_t n_rules;
    char **counts; /* "queries: 323 (2,914 without relevant documents left out)", ... */
    int64_t n_counts;
    eval_reading reading; /* how much of the texts the system read; also among the counts */
    eval_detail detail;   /* per query, pair, ...; empty where the evaluator has none */
} eval_result;

void eval_result_free(eval_result *r);
bool eval_result_add(eval_result *r, double value, senc_error *err, const char *key_fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A metric that has no value for this data or this model; reason: a clause without a full stop. The evaluator says it
 * among its counts too, once for all metrics that it holds for. */
bool eval_result_add_undefined(eval_result *r, const char *reason, senc_error *err, const char *key_fmt, ...)
    __attribute__((format(printf, 4, 5)));
bool eval_result_add_rule(eval_result *r, senc_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool eval_result_add_count(eval_result *r, senc_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
const eval_metric *eval_result_find(const eval_result *r, const char *key); /* NULL: absent */

/* What of an evaluation must not have been trained on: a question, a pair of texts (either way round), a text. */
typedef struct eval_unit_texts {
    const char *unit; /* "question", "pair", "triplet", "text" */
    const char *id;   /* of the query, or the number of the row from 1; NULL: none that says anything */
    eval_text texts[2];
    int n_texts;
} eval_unit_texts;
typedef bool (*eval_unit_visit)(void *context, const eval_unit_texts *unit, senc_error *err);

typedef struct eval_spec {
    const char *name; /* "sts", "retrieval", "triplet" */
    const char *help;
    const senc_option *options; /* keys of [[eval]] besides `type` */
    size_t options_bytes;
    /* Loads and checks the data before any model is loaded. options must outlive *task, which free_task frees, also
     * after a failure (may be NULL). */
    bool (*load)(const void *options, void **task, senc_error *err);
    bool (*run)(void *task, const eval_embedder *embedder, eval_result *result, senc_error *err);
    void (*free_task)(void *task);
    /* Calls visit for every unit, in order; a failure of visit ends it. Texts are valid during the call. */
    bool (*units)(void *task, eval_unit_visit visit, void *context, senc_error *err);
    bool can_rank; /* measures rankers too: an embedder without vectors will do */
} eval_spec;

const eval_spec *eval_find(const char *name); /* NULL: unknown */
const eval_spec *const *eval_all(int *n);

/* An evaluator with its options read and its data loaded: what [[eval]] in a config and --sts/--retrieval on the
 * command line become. */
typedef struct eval_job {
    const eval_spec *spec;
    void *options, *task;
    char *name; /* as in its result */
} eval_job;
/* table: the [[eval]] table with `type`. */
bool eval_job_open(eval_job *job, const senc_value *table, const char *scope, senc_error *err);
/* False when the evaluator needs vectors and the embedder has none; `label` names it in the message. Cheap: before
 * anything runs. */
bool eval_job_check(const eval_job *job, const eval_embedder *embedder, const char *label, senc_error *err);
bool eval_job_run(eval_job *job, const eval_embedder *embedder, eval_result *result, senc_error *err);
void eval_job_close(eval_job *job);
/* A text among its options ("path", "split"); NULL: not given, or this evaluator has no such option. */
const char *eval_job_text(const eval_job *job, const char *option);
/* Evaluations of the same name would give the same metric keys: an error. */
bool eval_jobs_check_names(const eval_job *jobs, int64_t n, senc_error *err);

#endif
