/* What a training run holds; shared by the files run*.c only. */
#ifndef TRAIN_RUN_STATE_H
#define TRAIN_RUN_STATE_H

#include <stdio.h>

#include "eval/evaluator.h"
#include "eval/rehearsal.h"
#include "eval/report.h"
#include "eval/reports/saved_report.h"
#include "train/base_model.h"
#include "train/checkpoint.h"
#include "train/config.h"
#include "train/feed.h"
#include "train/leakage.h"
#include "train/memory_plan.h"
#include "train/optimizer.h"
#include "train/run.h"
#include "train/run_folder.h"
#include "train/step.h"

typedef struct train_results {
    eval_result *items;
    int64_t n;
    eval_encoder_stats stats; /* of their texts, but for times, which differ from run to run */
    int64_t max_length;       /* tokens of a text that the model read; 0: there was no model */
    eval_saved_report file;   /* owns the items when they were read */
    eval_leak *leaks;         /* (n_leaks) what the model was trained on of them; borrowed */
    int64_t n_leaks;
} train_results;

typedef struct train_state {
    const train_config *config;
    train_run_folder folder;
    data_json *inputs; /* run_inputs.h */
    const kern_table *kernels;
    data_set *set;
    train_columns columns;
    eval_job *jobs;
    int64_t n_jobs;
    train_leakage leakage;
    eval_rehearsal *rehearsals; /* (n_rehearsals) of the jobs */
    int64_t n_rehearsals;
    nn_model *model; /* as it will be saved; the untouched one may be another (base_model.h) */
    data_tokenizer *tokenizer;
    train_feed *feed;
    train_stepper stepper;
    train_memory_plan plan;
    int64_t rest_bytes; /* of the process, beside parameters and steps */
    int64_t setup_peak_bytes, training_peak_bytes, evaluation_peak_bytes; /* of the process; 0: not known yet */
    train_optimizer optimizer;
    train_progress progress;
    train_results baseline, best, latest;
    train_results bm25; /* of the evaluations that can rank; n = 0: none */
    char best_key[256]; /* of the metric that decides; "" without evaluation */
    int64_t batch_rows; /* batch_size, or all rows where there are fewer */
    int64_t batches_per_epoch, steps_per_epoch, n_steps, warmup_steps;
    int64_t max_length; /* tokens of a text in training */
    double last_norm, last_rate;
    double session_ms; /* of training since the start of the process, for the rate of operations */
    bool stopped_early;
} train_state;

/* run_setup.c: what a run needs before its first step, in this order. */
bool train_setup_open_data(train_state *s, senc_error *err);
bool train_setup_open_jobs(train_state *s, senc_error *err);
bool train_setup_load_model(train_state *s, const train_run_options *options, senc_error *err);
void train_setup_free(train_state *s);

/* run_plan.c: what will be done, for people. With times: evaluations are timed on a few of their texts. */
bool train_plan_print(const train_state *s, bool with_times, senc_error *err);

/* run_output.c: files and lines for people. */
bool train_output_start_log(const train_state *s, bool resumed, senc_error *err);
bool train_output_log_leakage(const train_state *s, senc_error *err);
bool train_output_log_step(train_state *s, double learning_rate, senc_error *err);
bool train_output_log_evaluation(const train_state *s, const train_results *results, senc_error *err);
void train_output_status(const train_state *s);
bool train_output_save_model(const train_state *s, const char *name, senc_error *err);
/* A file of the run folder; fresh, NULL without memory. */
char *train_output_path(const train_state *s, const char *name, senc_error *err);
/* "4m 02s" */
const char *train_duration_text(double seconds, char *out, size_t out_bytes);

/* run_leakage.c: finds what of the evaluations is in the training data, and does what train.on_leakage says. */
bool train_check_leakage(train_state *s, senc_error *err);
void train_output_leakage(const train_state *s); /* lines of the plan */
void train_output_splits(const train_state *s);

/* run_results.c: baseline.json and best.json are whole reports (eval/reports/saved_report.h), which senc compare reads
 * too. Memory holds metrics only; what stands behind them is read again for the report at the end. */
bool train_results_save(const train_state *s, const char *name, const char *label, const train_results *results,
                        senc_error *err);
bool train_results_load(const train_state *s, const char *name, train_results *results, senc_error *err);
void train_results_forget_details(train_results *r);
void train_results_free(train_results *r);
const eval_metric *train_results_find(const train_results *r, const char *key);
const char *train_base_label(const train_state *s);
/* BM25 as a column beside before and after; n = 0: it was not measured. Borrowed. */
eval_report_baseline train_bm25_column(const train_state *s);
/* A sentence for every evaluation on which BM25 scores higher than the best model, in the headline metric. */
void train_bm25_remark(const train_state *s, senc_buffer *out);

/* run_report.c: report.json, report.md and report.html, and the table on the terminal. */
bool train_report(const train_state *s, senc_error *err);

/* run_evaluation.c */
/* What the evaluations will give, before a model is loaded; chooses the metric that decides. */
bool train_rehearse(train_state *s, senc_error *err);
/* The model that is trained, as it will be used afterwards. */
bool train_evaluate(train_state *s, train_results *out, senc_error *err);
/* The base as its folder says, and BM25: once, before the first step. A headline that is undefined is an error. */
bool train_evaluate_baselines(train_state *s, senc_error *err);
/* When a run goes on: BM25's results as they were, or measured now when the run has none. */
bool train_load_bm25(train_state *s, senc_error *err);
bool train_evaluate_and_keep_best(train_state *s, senc_error *err);
/* A run that is extended from a checkpoint behind which it had found a better model keeps that one, though it will not
 * come by it again. */
void train_adopt_best(train_state *s);

/* run.c: fails (SENC_INTERRUPTED) when the user has asked the run to stop: an eval_encoder_check. */
bool train_check_stop(void *context, senc_error *err);

/* The process's peak since the last call goes to the phase that ends now. */
void train_note_peak(int64_t *phase_peak_bytes);

#endif
