/* Evaluation inside a training run, and which model is best. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/mapping.h"
#include "autograd/base/memory.h"
#include "eval/embed_progress.h"
#include "eval/system.h"
#include "train/run_state.h"

void train_note_peak(int64_t *phase_peak_bytes) {
    const int64_t peak = senc_memory_peak_bytes();
    if (peak > *phase_peak_bytes) *phase_peak_bytes = peak;
    senc_memory_reset_peak();
}

/* Evaluations have the place of the activations, which go back to the system. */
static void end_training_phase(train_state *s) {
    train_note_peak(&s->training_peak_bytes);
    train_stepper_trim(&s->stepper);
}

static void end_evaluation_phase(train_state *s) {
    senc_memory_trim();
    train_note_peak(&s->evaluation_peak_bytes);
}

/* ---- rehearsals ---- */

/* The similarity that the model will have; a fresh one's is the cosine. */
static bool rehearse_all(train_state *s, senc_error *err) {
    nn_model *settings;
    if (!train_base_model_settings(s->config, false, &settings, err)) return false;
    const char *similarity = settings ? nn_model_similarity(settings) : "cosine";
    s->rehearsals = senc_alloc_zero((size_t)s->n_jobs, sizeof *s->rehearsals);
    bool ok =
        s->rehearsals || senc_fail_memory(err, (size_t)s->n_jobs * sizeof *s->rehearsals, "what evaluations will give");
    while (ok && s->n_rehearsals < s->n_jobs) {
        const int64_t i = s->n_rehearsals++;
        senc_log_status("looking at evaluation %lld of %lld (%s)", (long long)i + 1, (long long)s->n_jobs,
                        s->jobs[i].name);
        ok = eval_rehearse(&s->jobs[i], similarity, &s->rehearsals[i], err);
    }
    senc_log_status("%s", "");
    nn_model_free(settings);
    return ok;
}

static bool fail_unknown_metric(const train_state *s, const char *wanted, senc_error *err) {
    const char *names[512];
    int64_t n = 0;
    for (int64_t i = 0; i < s->n_rehearsals; i++) {
        const eval_result *r = &s->rehearsals[i].result;
        for (int64_t k = 0; k < r->n_metrics && n < 512; k++) names[n++] = r->metrics[k].key;
    }
    const char *near = senc_nearest_name(wanted, names, n);
    return senc_fail(err, SENC_BAD_INPUT, "%s: train.best_metric: no evaluation gives \"%s\"; %s \"%s\"%s",
                     s->config->path, wanted, near ? "did you mean" : "there is, for example,",
                     near ? near : s->rehearsals[0].result.primary, near ? "?" : "");
}

bool train_rehearse(train_state *s, senc_error *err) {
    if (s->n_jobs == 0) return true;
    if (!rehearse_all(s, err)) return false;
    const char *wanted = s->config->train.best_metric;
    if (!wanted) wanted = s->rehearsals[0].result.primary;
    snprintf(s->best_key, sizeof s->best_key, "%s", wanted);
    for (int64_t i = 0; i < s->n_rehearsals; i++) {
        if (eval_result_find(&s->rehearsals[i].result, wanted)) return true;
    }
    return fail_unknown_metric(s, wanted, err);
}

/* ---- one round ---- */

static bool run_jobs(train_state *s, eval_encoder *encoder, train_results *results, senc_error *err) {
    const eval_embedder embedder = eval_encoder_embedder(encoder);
    bool ok = true;
    for (int64_t i = 0; ok && i < s->n_jobs; i++) {
        char what[128];
        snprintf(what, sizeof what, "evaluation %lld of %lld (%.64s)", (long long)i + 1, (long long)s->n_jobs,
                 s->jobs[i].name);
        eval_progress progress = {.what = what, .n_all = s->rehearsals[i].n_texts};
        eval_progress_watch(&progress, encoder);
        senc_log_status("%s", what);
        results->n++;
        eval_encoder_set_check(encoder, train_check_stop, NULL);
        ok = eval_job_run(&s->jobs[i], &embedder, &results->items[i], err);
        eval_encoder_watch(encoder, NULL, NULL);
    }
    senc_log_status("%s", "");
    results->stats = *eval_encoder_get_stats(encoder);
    results->stats.encode_ms = results->stats.flops = 0;
    return ok;
}

static bool evaluate(train_state *s, nn_model *model, const data_tokenizer *tokenizer, train_results *out,
                     senc_error *err) {
    train_results results = {.items = senc_alloc_zero((size_t)s->n_jobs, sizeof *results.items),
                             .max_length = nn_model_max_length(model)};
    if (!results.items) return senc_fail_memory(err, (size_t)s->n_jobs * sizeof *results.items, "evaluation results");
    end_training_phase(s);
    eval_encoder *encoder = NULL;
    const bool ok = eval_encoder_create(model, tokenizer, 0, 0, &encoder, err) && run_jobs(s, encoder, &results, err) &&
                    senc_mappings_check(err); /* before the best model is chosen by it */
    eval_encoder_free(encoder);
    end_evaluation_phase(s);
    if (!ok) {
        train_results_free(&results);
        return false;
    }
    train_results_free(out);
    *out = results;
    return true;
}

bool train_evaluate(train_state *s, train_results *out, senc_error *err) {
    return evaluate(s, s->model, s->tokenizer, out, err);
}

/* ---- before the first step ---- */

static bool evaluate_untouched(train_state *s, senc_error *err) {
    if (!train_base_model_is_changed(s->config)) return train_evaluate(s, &s->baseline, err);
    eval_model untouched;
    const bool ok = train_base_model_open_untouched(s->config, &untouched, err) &&
                    evaluate(s, untouched.model, untouched.tokenizer, &s->baseline, err);
    eval_model_free(&untouched);
    return ok;
}

/* The headlines and the metric that decides: what is NaN for the untouched model can neither get better nor worse. */
static bool check_defined(const train_state *s, senc_error *err) {
    for (int64_t i = 0; i < s->baseline.n; i++) {
        const eval_result *r = &s->baseline.items[i];
        const char *const keys[2] = {r->primary, s->best_key};
        for (int k = 0; k < 2; k++) {
            const eval_metric *m = keys[k] ? eval_result_find(r, keys[k]) : NULL;
            if (!m || isfinite(m->value)) continue;
            return senc_fail(err, SENC_BAD_INPUT,
                             "evaluation \"%s\": %s is undefined for the untouched model, so nothing could be said of "
                             "the trained one%s%s",
                             r->name, m->key, m->undefined ? ": " : "", m->undefined ? m->undefined : "");
        }
    }
    return true;
}

/* BM25 where the evaluation can rank: it needs no model, so it is measured once. */
static bool evaluate_bm25(train_state *s, senc_error *err) {
    const senc_strings *baselines = &s->config->train.baselines;
    int64_t n = 0;
    for (int64_t i = 0; i < s->n_jobs; i++) n += s->jobs[i].spec->can_rank;
    if (baselines->n == 0 || n == 0) return true;
    const eval_system_options options = {.overrides = NN_OVERRIDES_NONE};
    eval_system *system = NULL;
    if (!eval_system_open(baselines->items[0], &options, &system, err))
        return senc_error_prefix(err, "%s: train.baselines: ", s->config->path);
    s->bm25.items = senc_alloc_zero((size_t)n, sizeof *s->bm25.items);
    bool ok = s->bm25.items || senc_fail_memory(err, (size_t)n * sizeof *s->bm25.items, "evaluation results");
    eval_embedder embedder = eval_system_embedder(system);
    embedder.writes_nothing = true;
    for (int64_t i = 0; ok && i < s->n_jobs; i++) {
        if (!s->jobs[i].spec->can_rank) continue;
        ok = eval_job_run(&s->jobs[i], &embedder, &s->bm25.items[s->bm25.n++], err);
    }
    eval_system_free(system);
    ok = ok && train_results_save(s, "bm25.json", "bm25", &s->bm25, err);
    train_results_forget_details(&s->bm25);
    return ok;
}

bool train_load_bm25(train_state *s, senc_error *err) {
    if (s->config->train.baselines.n == 0) return true;
    char *path = train_output_path(s, "bm25.json", err);
    if (!path) return false;
    const bool exists = senc_path_exists(path);
    free(path);
    if (!exists) return evaluate_bm25(s, err);
    if (!train_results_load(s, "bm25.json", &s->bm25, err)) return false;
    train_results_forget_details(&s->bm25);
    return true;
}

bool train_evaluate_baselines(train_state *s, senc_error *err) {
    senc_info("evaluating the untouched model");
    if (!evaluate_untouched(s, err) || !check_defined(s, err) ||
        !train_results_save(s, "baseline.json", train_base_label(s), &s->baseline, err))
        return false;
    train_results_forget_details(&s->baseline);
    return evaluate_bm25(s, err);
}

/* ---- while training ---- */

void train_adopt_best(train_state *s) {
    const eval_metric *m = s->best.n > 0 ? train_results_find(&s->best, s->best_key) : NULL;
    if (!m || m->value == s->progress.best_value) return;
    s->progress.best_value = m->value;
    if (s->best.file.label && strncmp(s->best.file.label, "step ", 5) == 0)
        s->progress.best_step = strtoll(s->best.file.label + 5, NULL, 10);
}

/* Whether the model with the headline metric `value` takes the place of the best so far; NaN never does. */
static bool is_new_best(const train_state *s, double value) {
    if (isnan(value)) return false;
    if (isnan(s->progress.best_value)) return true;
    for (int64_t i = 0; i < s->latest.n; i++) {
        if (eval_result_find(&s->latest.items[i], s->best_key) && !s->latest.items[i].greater_is_better)
            return value < s->progress.best_value;
    }
    return value > s->progress.best_value;
}

bool train_evaluate_and_keep_best(train_state *s, senc_error *err) {
    train_progress *p = &s->progress;
    if (!train_evaluate(s, &s->latest, err)) return false;
    p->evaluated_step = p->step;
    const eval_metric *metric = train_results_find(&s->latest, s->best_key);
    const bool better = metric && is_new_best(s, metric->value);
    const double untouched = train_results_find(&s->baseline, s->best_key)->value;
    const bool above = metric && (isnan(untouched) || metric->value > untouched);
    senc_info_wrapped(2, "step %lld: %s %.4f (untouched %.4f)%s", (long long)p->step, s->best_key,
                      metric ? metric->value : NAN, untouched,
                      !better ? ""
                      : above ? ", best so far"
                              : ", best so far of the trained ones");
    if (!train_output_log_evaluation(s, &s->latest, err)) return false;
    if (!better) {
        p->evaluations_without_best++;
        train_results_forget_details(&s->latest);
        return true;
    }
    p->best_value = metric->value;
    p->best_step = p->step;
    p->evaluations_without_best = 0;
    char label[48];
    snprintf(label, sizeof label, "step %lld", (long long)p->step);
    s->latest.leaks = s->leakage.leaks;
    s->latest.n_leaks = s->leakage.n;
    if (!train_output_save_model(s, "best", err) || !train_results_save(s, "best.json", label, &s->latest, err))
        return false;
    train_results_forget_details(&s->latest);
    train_results_free(&s->best);
    s->best = s->latest;
    s->latest = (train_results){0};
    return true;
}
