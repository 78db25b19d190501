/* Evaluation inside a training run, and which model is best. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "eval/embed.h"
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

bool train_evaluate(train_state *s, train_results *out, senc_error *err) {
    train_results results = {.items = senc_alloc_zero((size_t)s->n_jobs, sizeof *results.items)};
    if (!results.items) return senc_fail_memory(err, (size_t)s->n_jobs * sizeof *results.items, "evaluation results");
    end_training_phase(s);
    eval_encoder *encoder = NULL;
    bool ok = eval_encoder_create(s->model, s->tokenizer, s->max_length, 0, &encoder, err);
    for (int64_t i = 0; ok && i < s->n_jobs; i++) {
        const eval_embedder embedder = eval_encoder_embedder(encoder);
        senc_log_status("evaluating %lld of %lld: %s", (long long)i + 1, (long long)s->n_jobs, s->jobs[i].spec->name);
        results.n++;
        ok = eval_job_run(&s->jobs[i], &embedder, &results.items[i], err);
    }
    senc_log_status("%s", "");
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

bool train_choose_best_key(train_state *s, senc_error *err) {
    const char *wanted = s->config->train.best_metric;
    if (!wanted) wanted = s->baseline.items[0].primary;
    if (train_results_find(&s->baseline, wanted)) {
        snprintf(s->best_key, sizeof s->best_key, "%s", wanted);
        return true;
    }
    const char *names[512];
    int64_t n = 0;
    for (int64_t i = 0; i < s->baseline.n; i++) {
        for (int64_t k = 0; k < s->baseline.items[i].n_metrics && n < 512; k++)
            names[n++] = s->baseline.items[i].metrics[k].key;
    }
    const char *near = senc_nearest_name(wanted, names, n);
    return senc_fail(err, SENC_BAD_INPUT, "%s: train.best_metric: no evaluation gives \"%s\"; %s \"%s\"%s",
                     s->config->path, wanted, near ? "did you mean" : "there is, for example,",
                     near ? near : s->baseline.items[0].primary, near ? "?" : "");
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
    senc_info("step %lld: %s %.4f (untouched %.4f)%s", (long long)p->step, s->best_key, metric ? metric->value : NAN,
              untouched,
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
    if (!train_output_save_model(s, "best", err) || !train_results_save(s, "best.json", label, &s->latest, err))
        return false;
    train_results_forget_details(&s->latest);
    train_results_free(&s->best);
    s->best = s->latest;
    s->latest = (train_results){0};
    return true;
}
