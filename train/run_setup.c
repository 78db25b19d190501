/* What a training run needs before its first step: data, evaluations, model, feed, steps and their memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "train/run_state.h"

bool train_setup_open_jobs(train_state *s, senc_error *err) {
    const train_config *c = s->config;
    if (c->n_evals == 0) return true;
    s->jobs = senc_alloc_zero((size_t)c->n_evals, sizeof *s->jobs);
    if (!s->jobs) return senc_fail_memory(err, (size_t)c->n_evals * sizeof *s->jobs, "the evaluations");
    for (; s->n_jobs < c->n_evals; s->n_jobs++) {
        if (!eval_job_open(&s->jobs[s->n_jobs], c->evals[s->n_jobs], "eval", err)) return false;
    }
    return eval_jobs_check_names(s->jobs, s->n_jobs, err);
}

bool train_setup_open_data(train_state *s, senc_error *err) {
    char wanted_by[64];
    snprintf(wanted_by, sizeof wanted_by, "loss \"%s\"", s->config->loss->name);
    return train_feed_open_data(s->config->sources, s->config->n_sources, &s->config->roles, wanted_by, &s->set,
                                &s->columns, err);
}

/* Rows of a batch below which nothing is learnt from it. */
static int64_t least_rows(const train_state *s) {
    const loss_spec *loss = s->config->loss;
    return loss->least_rows ? loss->least_rows(s->config->loss_options, s->columns.n) : 1;
}

static train_feed_options feed_options(const train_state *s) {
    const train_config *c = s->config;
    /* The prompts with which evaluators and users encode these texts later: two equal sentences get the default one. */
    const bool asymmetric = strcmp(c->roles.texts[0], "anchor") == 0;
    return (train_feed_options){.set = s->set,
                                .columns = &s->columns,
                                .tokenizer = s->tokenizer,
                                .query_prompt = nn_model_prompt(s->model, asymmetric ? "query" : NULL),
                                .document_prompt =
                                    asymmetric ? nn_model_document_prompt(s->model) : nn_model_prompt(s->model, NULL),
                                .max_length = s->max_length,
                                .exclude_prompt = !nn_model_includes_prompt(s->model),
                                .batch_size = c->train.batch_size,
                                .least_rows = least_rows(s),
                                .seed = (uint64_t)c->train.seed,
                                .shuffle = c->train.shuffle,
                                .drop_last = c->train.drop_last,
                                .mask_known_positives = c->train.mask_known_positives && c->loss->in_batch_negatives};
}

/* What only the loss and the data together can say. */
static bool check_sizes(const train_state *s, senc_error *err) {
    const train_config *c = s->config;
    const int64_t least = least_rows(s), n_rows = data_set_n_rows(s->set), batch = c->train.batch_size;
    if (batch >= least && n_rows >= least) return true;
    const char *why = c->loss->in_batch_negatives ? "takes the other rows of a batch as negatives"
                                                  : "sets the rows of a batch against each other";
    if (batch < least)
        return senc_fail(err, SENC_BAD_INPUT, "%s: train.batch_size: loss \"%s\" %s; expected at least %lld, got %lld",
                         c->path, c->loss->name, why, (long long)least, (long long)batch);
    return senc_fail(err, SENC_BAD_INPUT, "%s: data: loss \"%s\" %s; expected at least %lld rows, found %lld", c->path,
                     c->loss->name, why, (long long)least, (long long)n_rows);
}

static bool create_feed(train_state *s, senc_error *err) {
    const int64_t wanted = s->config->train.max_length;
    s->max_length = wanted ? wanted : nn_model_max_length(s->model);
    const train_feed_options options = feed_options(s);
    return check_sizes(s, err) && train_feed_create(&options, &s->feed, err);
}

static void count_steps(train_state *s) {
    const train_settings *t = &s->config->train;
    const int64_t n_rows = data_set_n_rows(s->set);
    s->batch_rows = t->batch_size < n_rows ? t->batch_size : n_rows;
    s->batches_per_epoch = data_sampler_batches(train_feed_sampler(s->feed), s->batch_rows);
    s->steps_per_epoch = (s->batches_per_epoch + t->accumulation - 1) / t->accumulation;
    s->n_steps = t->max_steps ? t->max_steps : t->epochs * s->steps_per_epoch;
    s->warmup_steps = train_warmup_steps(t->warmup, s->n_steps);
    s->progress = (train_progress){.evaluated_step = -1,
                                   .best_value = NAN,
                                   .best_step = -1,
                                   .threads = senc_threads_count(),
                                   .n_rows = n_rows,
                                   .n_steps = s->n_steps};
}

/* A share always leaves steps behind the warm-up; a number of them may not. */
static bool check_warmup(const train_state *s, senc_error *err) {
    const train_settings *t = &s->config->train;
    if (t->learning_rate == 0) senc_warn("train.learning_rate is 0: no step changes the model");
    return s->warmup_steps < s->n_steps ||
           senc_fail(err, SENC_BAD_INPUT,
                     "%s: train.warmup: the run has %lld step%s and would never come to learning_rate; expected fewer "
                     "warm-up steps, or a share of all steps below 1 (0.1), got %lld",
                     s->config->path, (long long)s->n_steps, s->n_steps == 1 ? "" : "s", (long long)s->warmup_steps);
}

#define LOOKED_AT_ROWS 512 /* enough for the mean to a few per cent, and done in a moment */

static bool make_plan(train_state *s, senc_error *err) {
    const train_settings *t = &s->config->train;
    const train_feed_options feed = feed_options(s);
    train_row_lengths lengths;
    if (!train_row_lengths_measure(&feed, LOOKED_AT_ROWS, &lengths, err)) return false;
    const train_memory_facts facts = {.params = nn_model_params(s->model),
                                      .stepper = &s->stepper,
                                      .lengths = &lengths,
                                      .limit_bytes = t->memory_limit,
                                      .rest_bytes = s->rest_bytes,
                                      .n_rows = s->progress.n_rows,
                                      .batch_rows = t->batch_size,
                                      .n_columns = s->columns.n,
                                      .n_batches = s->n_steps * t->accumulation,
                                      .max_length = s->max_length};
    train_memory_plan_make(&facts, &s->plan);
    if (t->memory_limit == 0 || t->memory_limit >= s->plan.smallest_limit_bytes) return true;
    char needed[32], limit[32], parameters[32];
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s: train.memory_limit: weights, gradients and AdamW take %s, and the data, the program, the "
                     "vectors of a batch and one text of %lld tokens must fit too; expected at least %s, got %s",
                     s->config->path,
                     senc_bytes_text(train_memory_parameter_bytes(facts.params), parameters, sizeof parameters),
                     (long long)s->max_length, senc_bytes_text(s->plan.smallest_limit_bytes, needed, sizeof needed),
                     senc_bytes_text(t->memory_limit, limit, sizeof limit));
}

/* The stepper comes last: what it may take is what the others have left. */
static bool create_stepper(train_state *s, const train_run_options *options, senc_error *err) {
    const train_settings *t = &s->config->train;
    const ag_params *params = nn_model_params(s->model);
    kern_storage storage;
    char place[512];
    snprintf(place, sizeof place, "%.400s: train.precision", s->config->path);
    if (!nn_precision_choose((nn_precision)t->precision, s->kernels, place, &storage, err)) return false;
    s->rest_bytes = train_memory_rest_bytes(params);
    train_step_budget budget =
        train_memory_budget(t->memory_limit, train_memory_parameter_bytes(params), s->rest_bytes);
    if (options->step_bytes) budget = (train_step_budget){options->step_bytes, options->step_bytes};
    if (!train_stepper_init(&s->stepper, s->kernels, s->model, s->config->loss, s->config->loss_options,
                            (uint64_t)t->seed, storage, budget.bytes, err))
        return false;
    s->stepper.cut_bytes = budget.cut_bytes;
    return make_plan(s, err);
}

bool train_setup_load_model(train_state *s, const train_run_options *options, senc_error *err) {
    const train_settings *t = &s->config->train;
    const train_adamw_options adamw = {t->beta1, t->beta2, t->epsilon, t->weight_decay, t->max_grad_norm};
    s->kernels = kern_best();
    if (!train_base_model_open(s->config, s->set, &s->columns, &s->model, &s->tokenizer, err)) return false;
    if (!create_feed(s, err)) return false;
    count_steps(s);
    return check_warmup(s, err) &&
           train_optimizer_init(&s->optimizer, s->kernels, nn_model_params(s->model), adamw, err) &&
           create_stepper(s, options, err);
}

void train_setup_free(train_state *s) {
    train_optimizer_free(&s->optimizer);
    train_stepper_free(&s->stepper);
    train_feed_free(s->feed);
    nn_model_free(s->model);
    data_tokenizer_free(s->tokenizer);
    for (int64_t i = 0; i < s->n_rehearsals; i++) eval_rehearsal_free(&s->rehearsals[i]);
    free(s->rehearsals);
    for (int64_t i = 0; i < s->n_jobs; i++) eval_job_close(&s->jobs[i]);
    free(s->jobs);
    train_leakage_free(&s->leakage);
    train_columns_free(&s->columns);
    if (s->set) data_set_close(s->set);
    data_json_free(s->inputs);
    train_results_free(&s->baseline);
    train_results_free(&s->best);
    train_results_free(&s->latest);
    train_results_free(&s->bm25);
}
