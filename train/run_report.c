/* The end of a training run: what it was, what it took, and whether the model is better. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"
#include "eval/report.h"
#include "eval/reports/report_page_parts.h"
#include "eval/statistics/comparison_report.h"
#include "train/run_report_parts.h"

#define COLUMNS   80
#define RESAMPLES 10000
#define EXAMPLES  5 /* most improved and most hurt queries that are shown */

/* ---- the best model against the untouched one ---- */

static void close_view(train_report_view *v) {
    eval_comparison_free(&v->comparison);
    train_results_free(&v->before);
    train_results_free(&v->after);
    train_log_free(&v->log);
}

/* Evaluators that measure all texts at once (clusterings) have no units. */
static bool has_units(const train_results *r) {
    for (int64_t i = 0; i < r->n; i++) {
        const eval_result *result = &r->items[i];
        if (result->detail.n_units > 0 && result->primary && eval_detail_find(&result->detail, result->primary))
            return true;
    }
    return false;
}

/* Which of several evaluations was the best was decided by the data that judges it. */
static const char *note_of(const train_state *s) {
    const train_settings *t = &s->config->train;
    return s->best.n > 0 && s->n_steps > (t->eval_every ? t->eval_every : s->steps_per_epoch)
               ? "Which step is the best was decided on this data: expect a little less on other data."
               : NULL;
}

static bool compare(train_report_view *v, senc_error *err) {
    if (!has_units(&v->before) || !has_units(&v->after)) return true;
    const char *const labels[2] = {train_base_label(v->state), v->subject};
    const train_results *const results[2] = {&v->before, &v->after};
    for (int i = 0; i < 2; i++) {
        v->runs[i] = (eval_compared_run){.label = labels[i], .results = results[i]->items, .n_results = results[i]->n};
        v->models[i] = (eval_compared_model){labels[i], &v->runs[i], 1};
    }
    v->runs[1].leaks = v->state->leakage.leaks;
    v->runs[1].n_leaks = v->state->leakage.n;
    const eval_comparison_options options = {.n_examples = EXAMPLES, .n_resamples = RESAMPLES, .seed = 1};
    return eval_compare(v->models, 2, &options, &v->comparison, err);
}

static void put_no_verdict(train_report_view *v, const eval_candidate *k) {
    char words[256];
    for (int64_t i = 0; i < k->n_changes; i++) {
        const eval_change *c = &k->changes[i];
        if (!c->is_headline || c->verdict != k->verdict) continue;
        if (c->verdict == EVAL_VERDICT_WITHHELD)
            snprintf(v->title, sizeof v->title, "No verdict: %s",
                     eval_change_leak_words(c, v->comparison.base_label, words, sizeof words));
        else
            snprintf(v->title, sizeof v->title, "No verdict: %lld %s are too few to tell", (long long)c->n_units,
                     eval_page_units(c->unit_name));
        return;
    }
}

/* What a reader who reads nothing else must know. */
static void put_title(train_report_view *v) {
    char *title = v->title;
    const size_t room = sizeof v->title;
    if (v->after.n == 0) {
        snprintf(title, room, "No verdict: nothing was evaluated");
    } else if (v->comparison.n_candidates == 0) {
        snprintf(title, room, "No verdict: %s gives one value for all texts, which cannot be tested",
                 v->after.items[0].type);
    } else {
        const eval_candidate *k = &v->comparison.candidates[0];
        senc_buffer where = {0};
        eval_candidate_where(k, &where);
        if (k->verdict == EVAL_VERDICT_BETTER)
            snprintf(title, room, "%s is better%s", v->subject, senc_buffer_text(&where));
        else if (k->verdict == EVAL_VERDICT_SAME)
            snprintf(title, room, "%s is not distinguishable from %s%s", v->subject, v->base, senc_buffer_text(&where));
        else if (k->verdict == EVAL_VERDICT_WORSE)
            snprintf(title, room, "%s is worse than %s%s", v->subject, v->base, senc_buffer_text(&where));
        else
            put_no_verdict(v, k);
        senc_buffer_free(&where);
    }
}

/* Reads both evaluations again, with what stands behind their metrics. *v can be closed in any case. */
static bool open_view(train_report_view *v, const train_state *s, senc_error *err) {
    const bool is_tuned = s->config->model.base != NULL;
    *v = (train_report_view){.state = s,
                             .subject = is_tuned ? "The fine-tuned model" : "The trained model",
                             .base = is_tuned ? "the untouched model" : "the untrained model",
                             .note = note_of(s)};
    char *log = train_output_path(s, "log.jsonl", err);
    bool ok = log && train_log_read(log, s->best_key, &v->log, err);
    free(log);
    if (ok && s->best.n > 0)
        ok = train_results_load(s, "baseline.json", &v->before, err) &&
             train_results_load(s, "best.json", &v->after, err) && compare(v, err);
    if (ok) put_title(v);
    return ok;
}

/* ---- on the terminal ---- */

static void tell_counts(const train_state *s) {
    const train_progress *p = &s->progress;
    char size[32], planned[32], more[64] = "", time[32];
    if (s->evaluation_peak_bytes > s->training_peak_bytes)
        snprintf(more, sizeof more, ", %s in evaluations",
                 senc_bytes_text(s->evaluation_peak_bytes, size, sizeof size));
    senc_info_wrapped(2, "trained %lld steps in %s, %.1f rows/s; peak memory %s, planned %s%s", (long long)p->step,
                      train_duration_text(p->elapsed_ms * 1e-3, time, sizeof time),
                      p->elapsed_ms > 0 ? (double)(p->n_texts / s->columns.n) * 1e3 / p->elapsed_ms : 0.0,
                      senc_bytes_text(s->training_peak_bytes, size, sizeof size),
                      senc_bytes_text(train_memory_plan_total(&s->plan), planned, sizeof planned), more);
    if (s->stepper.n_tokens_twice)
        senc_info("%.0f %% of the tokens were computed twice to stay within memory_limit",
                  100.0 * (double)s->stepper.n_tokens_twice / (double)s->stepper.n_tokens);
    if (p->n_masked)
        senc_info_wrapped(2, "%lld candidates were masked: duplicates or known positives, not negatives",
                          (long long)p->n_masked);
    if (p->n_truncated)
        senc_info_wrapped(2, "%lld of %lld texts (%.1f %%) were longer than %lld tokens and cut in training",
                          (long long)p->n_truncated, (long long)p->n_texts,
                          100.0 * (double)p->n_truncated / (double)p->n_texts, (long long)s->max_length);
}

/* How much of the texts both models read, where one cuts any. */
static void put_readings(const train_report_view *v, senc_buffer *out) {
    for (int64_t i = 0; i < v->after.n; i++) {
        const eval_reading *old = &v->before.items[i].reading, *new = &v->after.items[i].reading;
        char before[128], after[128], line[512];
        if (old->n_cut + new->n_cut == 0) continue;
        eval_reading_describe(old, before, sizeof before);
        eval_reading_describe(new, after, sizeof after);
        if (strcmp(before, after) == 0)
            snprintf(line, sizeof line, "Texts of %s, before and after: %s.", v->after.items[i].name, before);
        else
            snprintf(line, sizeof line, "Texts of %s: before, %s; after, %s.", v->after.items[i].name, before, after);
        senc_buffer_append_text(out, "  ");
        senc_text_wrap(out, line, 2, 2, COLUMNS);
    }
}

static bool print_change(const train_report_view *v, senc_error *err) {
    const train_state *s = v->state;
    senc_buffer text = {0}, words = {0}, remark = {0};
    const eval_report_baseline bm25 = train_bm25_column(s);
    eval_report_print_change(s->baseline.items, s->best.items, s->baseline.n, &bm25, false, &text);
    eval_page_plain_words(s->baseline.items, s->best.items, s->best.n, "->", "; ", &words);
    if (words.n_bytes > 0) {
        senc_buffer_append_text(&words, ".");
        senc_buffer_append_text(&text, "\n  In plain words: ");
        senc_text_wrap(&text, senc_buffer_text(&words), 18, 2, COLUMNS);
    }
    put_readings(v, &text);
    senc_buffer_append_text(&text, "\n");
    eval_comparison_print_verdicts(&v->comparison, v->base, false, &text);
    train_bm25_remark(s, &remark);
    if (remark.n_bytes > 0 && !remark.failed) {
        remark.data[remark.n_bytes - 1] = '\0'; /* its end comes from wrapping */
        senc_buffer_append_text(&text, "  ");
        senc_text_wrap(&text, remark.data, 2, 2, COLUMNS);
    }
    const bool ok =
        !(text.failed || words.failed || remark.failed) || senc_fail_memory(err, text.n_bytes, "the report");
    if (ok) fputs(senc_buffer_text(&text), stdout);
    senc_buffer_free(&text);
    senc_buffer_free(&words);
    senc_buffer_free(&remark);
    return ok;
}

/* Where the models and the report are. */
__attribute__((format(printf, 1, 2))) static void tell_place(const char *fmt, ...) {
    char line[4096];
    senc_buffer lines = {0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    senc_text_wrap(&lines, line, 0, 2, COLUMNS);
    fputs(senc_buffer_text(&lines), stdout);
    senc_buffer_free(&lines);
}

static bool tell_result(const train_report_view *v, senc_error *err) {
    const train_state *s = v->state;
    const char *dir = s->config->output.dir;
    if (s->best.n == 0) {
        tell_place("model: %s/final, report: %s/report.html", dir, dir);
        return true;
    }
    if (!print_change(v, err)) return false;
    tell_place("best model: %s/best (step %lld), last: %s/final, report: %s/report.html", dir,
               (long long)s->progress.best_step, dir, dir);
    const eval_metric *before = train_results_find(&s->baseline, s->best_key);
    if (before && !(s->progress.best_value > before->value))
        senc_warn("no evaluation was better than the untouched model (%s %.4f): keep that one", s->best_key,
                  before->value);
    return true;
}

/* ---- all ---- */

static bool write_files(const train_report_view *v, senc_error *err) {
    const train_state *s = v->state;
    char *json = train_output_path(s, "report.json", err), *markdown = train_output_path(s, "report.md", err);
    char *html = train_output_path(s, "report.html", err);
    const bool ok = json && markdown && html && train_report_write_json(v, json, err) &&
                    train_page_write(v, true, markdown, err) && train_page_write(v, false, html, err);
    free(json);
    free(markdown);
    free(html);
    return ok;
}

bool train_report(const train_state *s, senc_error *err) {
    train_report_view v;
    tell_counts(s);
    const bool ok = open_view(&v, s, err) && write_files(&v, err) && tell_result(&v, err);
    close_view(&v);
    return ok;
}
