/* The plan of a training run, before its first step: what will be trained on what, evaluated how, in which memory. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"
#include "autograd/base/threads.h"
#include "train/prompts.h"
#include "train/run_state.h"

#define INDENT 8 /* of everything behind the names of the lines */

/* Lines of a text, each ended by '\n', the first behind `name`. */
static void print_lines(const char *name, senc_buffer *text) {
    for (char *line = text->failed ? NULL : text->data, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        senc_info_wrapped(INDENT, "%-7s %s", name, line);
        name = "";
    }
    senc_buffer_free(text);
}

/* What is compared with: only worth a line when it is not the model above. */
static bool print_untouched(const train_state *s, senc_error *err) {
    if (s->n_jobs == 0 || !train_base_model_is_changed(s->config)) return true;
    nn_model *untouched;
    if (!train_base_model_settings(s->config, true, &untouched, err)) return false;
    senc_buffer prompts = {0};
    train_prompts_print(untouched, &prompts);
    for (char *end = prompts.data; end && (end = strchr(end, '\n')); end++) *end = end[1] ? ';' : '\0';
    senc_info_wrapped(INDENT, "        compared with the untouched model as its folder says: %lld tokens, prompts %s",
                      (long long)nn_model_max_length(untouched), senc_buffer_text(&prompts));
    senc_buffer_free(&prompts);
    nn_model_free(untouched);
    return true;
}

static void print_loss(const train_state *s) {
    const train_config *c = s->config;
    const double temperature = c->loss->temperature ? c->loss->temperature(c->loss_options) : 0.0;
    if (temperature > 0)
        senc_info("loss    %s, temperature %g", c->loss->name, temperature);
    else
        senc_info("loss    %s", c->loss->name);
}

static void print_data(const train_state *s) {
    const long long read = (long long)nn_model_max_length(s->model), trained = (long long)s->max_length;
    senc_info_wrapped(INDENT, "data    %lld rows, %lld text%s a row, at most %lld tokens a text%s",
                      (long long)data_set_n_rows(s->set), (long long)s->columns.n, s->columns.n == 1 ? "" : "s",
                      trained, trained < read ? " in training" : "");
    if (trained < read) senc_info_wrapped(INDENT, "        evaluations and the saved model read %lld tokens", read);
    if (data_set_n_skipped(s->set) > 0)
        senc_info("        %lld rows with an empty text were left out", (long long)data_set_n_skipped(s->set));
    if (data_set_n_unknown_labels(s->set) > 0)
        senc_info("        %lld rows with an unknown label were left out",
                  (long long)data_set_n_unknown_labels(s->set));
    train_output_splits(s);
    train_output_leakage(s);
}

static void print_steps(const train_state *s) {
    const train_settings *t = &s->config->train;
    const int64_t n_rows = data_set_n_rows(s->set), left = n_rows % s->batch_rows;
    char each[64];
    if (t->accumulation > 1)
        snprintf(each, sizeof each, "%lld batches of %lld rows", (long long)t->accumulation, (long long)s->batch_rows);
    else
        snprintf(each, sizeof each, "%lld rows", (long long)s->batch_rows);
    senc_info_wrapped(INDENT, "steps   %lld, %s each, %lld an epoch, %lld to warm up", (long long)s->n_steps, each,
                      (long long)s->steps_per_epoch, (long long)s->warmup_steps);
    if (s->batch_rows < t->batch_size)
        senc_info_wrapped(INDENT, "        batch_size is %lld, but there are only %lld rows: a batch holds all of them",
                          (long long)t->batch_size, (long long)n_rows);
    if (left > 0 && !t->drop_last && s->batches_per_epoch == n_rows / s->batch_rows)
        senc_info_wrapped(INDENT,
                          "        each epoch leaves out %lld row%s: with nothing beside %s in the last batch there is "
                          "nothing to learn",
                          (long long)left, left == 1 ? "" : "s", left == 1 ? "it" : "them");
}

/* ---- evaluations ---- */

/* Milliseconds for one text of a rehearsal, from some of its texts; 0: there are none. */
static bool time_a_text(const train_state *s, const eval_rehearsal *r, double *ms, senc_error *err) {
    enum { FIRST = 16 };
    const double most_ms = 1500;
    eval_encoder *encoder;
    *ms = 0;
    if (!eval_encoder_create(s->model, s->tokenizer, 0, 0, &encoder, err)) return false;
    float *out = senc_alloc_aligned((size_t)(r->n_sample * nn_model_width(s->model) + 1), sizeof *out);
    bool ok = out || senc_fail_memory(err, (size_t)(r->n_sample * nn_model_width(s->model)) * sizeof *out, "vectors");
    int64_t n_done = 0, n = r->n_sample < FIRST ? r->n_sample : FIRST;
    double sum_ms = 0;
    while (ok && n_done < r->n_sample && sum_ms < most_ms) {
        eval_text texts[2 * EVAL_REHEARSAL_SAMPLE];
        if (n_done > 0) n = r->n_sample - n_done; /* the first ones also warmed up */
        for (int64_t i = 0; i < n; i++)
            texts[i] = (eval_text){r->sample[n_done + i].bytes, r->sample[n_done + i].n_bytes};
        const double start_ms = senc_clock_ms();
        ok = eval_encoder_embed(encoder, eval_encoder_prompt(encoder, r->sample[n_done].role), texts, n, out, err);
        sum_ms = senc_clock_ms() - start_ms;
        *ms = sum_ms / (double)n;
        n_done += n;
        if (sum_ms / (double)n * (double)(r->n_sample - n_done) > most_ms) break;
    }
    free(out);
    eval_encoder_free(encoder);
    return ok;
}

/* Evaluations of the trained model, at the most. */
static int64_t count_rounds(const train_state *s) {
    const int64_t every = s->config->train.eval_every ? s->config->train.eval_every : s->steps_per_epoch;
    return s->n_steps / every + (s->n_steps % every != 0);
}

static bool print_evaluations(const train_state *s, bool with_times, senc_error *err) {
    double all_ms = 0;
    const char *name = "evals";
    char count[32], time[32] = "";
    for (int64_t i = 0; i < s->n_jobs; i++) {
        const eval_rehearsal *r = &s->rehearsals[i];
        double ms = 0;
        if (with_times && !time_a_text(s, r, &ms, err)) return false;
        all_ms += ms * (double)r->n_texts;
        if (with_times) train_duration_text(ms * (double)r->n_texts / 1e3, time, sizeof time);
        const char *key = eval_result_find(&r->result, s->best_key) ? s->best_key : NULL;
        senc_info_wrapped(INDENT, "%-7s %s (%s): %s texts%s%s%s%s", name, r->result.name, s->jobs[i].spec->name,
                          senc_count_text(r->n_texts, count, sizeof count), with_times ? ", about " : "", time,
                          key ? "; the best model is that of the best " : "", key ? key : "");
        name = "";
    }
    if (s->n_jobs > 0 && with_times)
        senc_info_wrapped(INDENT, "        once before training and %lld time%s in it: about %s in all",
                          (long long)count_rounds(s), count_rounds(s) == 1 ? "" : "s",
                          train_duration_text(all_ms / 1e3 * (double)(1 + count_rounds(s)), time, sizeof time));
    return true;
}

bool train_plan_print(const train_state *s, bool with_times, senc_error *err) {
    char text[256];
    senc_buffer prompts = {0}, memory = {0};
    senc_info_wrapped(INDENT, "model   %s, reads %lld tokens", nn_model_describe(s->model, text, sizeof text),
                      (long long)nn_model_max_length(s->model));
    if (!print_untouched(s, err)) return false;
    print_loss(s);
    print_data(s);
    train_prompts_print(s->model, &prompts);
    print_lines("prompts", &prompts);
    print_steps(s);
    if (!print_evaluations(s, with_times, err)) return false;
    train_memory_plan_print(&s->plan, &memory);
    print_lines("memory", &memory);
    senc_info("machine %s kernels, %s, %d thread%s", s->kernels->name, nn_precision_text(s->stepper.storage),
              senc_threads_count(), senc_threads_count() == 1 ? "" : "s");
    return true;
}
