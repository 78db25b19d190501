/* The end of a training run: what it was, what it took, and whether the model is better. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"
#include "data/formats/json.h"
#include "eval/report.h"
#include "eval/reports/comparison_html.h"
#include "eval/reports/report_page.h"
#include "train/run_state.h"

#define RESAMPLES  10000
#define BASE_WORDS "the untouched model"
#define EXAMPLES   5 /* most improved and most hurt queries that are shown */

/* ---- the best model against the untouched one ---- */

typedef struct change {
    train_results before, after;
    eval_compared_run runs[2];
    eval_compared_model models[2];
    char label[64];
    eval_comparison comparison; /* no candidates: there is nothing to pair */
} change;

static void close_change(change *c) {
    eval_comparison_free(&c->comparison);
    train_results_free(&c->before);
    train_results_free(&c->after);
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

/* Reads both evaluations again, with what stands behind their metrics. *c can be closed in any case. */
static bool open_change(change *c, const train_state *s, senc_error *err) {
    *c = (change){0};
    if (s->best.n == 0) return true;
    if (!train_results_load(s, "baseline.json", &c->before, err) || !train_results_load(s, "best.json", &c->after, err))
        return false;
    if (!has_units(&c->before) || !has_units(&c->after)) return true;
    snprintf(c->label, sizeof c->label, "step %lld", (long long)s->progress.best_step);
    const char *const labels[2] = {train_base_label(s), c->label};
    const train_results *const results[2] = {&c->before, &c->after};
    for (int i = 0; i < 2; i++) {
        c->runs[i] = (eval_compared_run){.label = labels[i], .results = results[i]->items, .n_results = results[i]->n};
        c->models[i] = (eval_compared_model){labels[i], &c->runs[i], 1};
    }
    c->runs[1].leaks = s->leakage.leaks;
    c->runs[1].n_leaks = s->leakage.n;
    const eval_comparison_options options = {.n_examples = EXAMPLES, .n_resamples = RESAMPLES, .seed = 1};
    return eval_compare(c->models, 2, &options, &c->comparison, err);
}

/* Which of several evaluations was the best was decided by the data that judges it. */
static const char *note_of(const train_state *s) {
    const train_settings *t = &s->config->train;
    return s->n_steps > (t->eval_every ? t->eval_every : s->steps_per_epoch)
               ? "Which step is the best was decided on this data: expect a little less on other data."
               : NULL;
}

static bool write_page(const train_state *s, change *c, senc_error *err) {
    if (c->after.n == 0) return true;
    char *path = train_output_path(s, "report.html", err);
    bool ok = path != NULL;
    if (ok && c->comparison.n_candidates == 0) {
        ok = eval_report_add_intervals(&c->after.file, err) && eval_report_write_html(&c->after.file, path, err);
    } else if (ok) {
        const eval_comparison_page page = {.title = "Is the model better than before training?",
                                           .note = note_of(s),
                                           .base_words = BASE_WORDS,
                                           .old = "before",
                                           .new = "after"};
        senc_buffer out = {0};
        ok = eval_comparison_html(&c->comparison, c->models, 2, &page, &out, err) &&
             senc_file_write(path, out.data, out.n_bytes, err);
        senc_buffer_free(&out);
    }
    free(path);
    return ok;
}

/* ---- report.json and report.md ---- */

/* Of the whole run, whatever it was doing. */
static int64_t peak_bytes(const train_state *s) {
    int64_t peak = senc_memory_peak_bytes();
    if (s->setup_peak_bytes > peak) peak = s->setup_peak_bytes;
    if (s->training_peak_bytes > peak) peak = s->training_peak_bytes;
    return s->evaluation_peak_bytes > peak ? s->evaluation_peak_bytes : peak;
}

static data_json *report_json(const train_state *s, const change *c) {
    const train_progress *p = &s->progress;
    data_json *o = data_json_create_object();
    data_json_put_string(o, "senc", SENC_VERSION);
    data_json_put_integer(o, "steps", p->step);
    data_json_put_integer(o, "best_step", p->best_step);
    data_json_put_string(o, "best_metric", s->best_key);
    data_json_put_integer(o, "rows", p->n_rows);
    data_json_put_integer(o, "texts", p->n_texts);
    data_json_put_integer(o, "tokens", p->n_tokens);
    data_json_put_integer(o, "truncated_texts", p->n_truncated);
    data_json_put_integer(o, "masked_negatives", p->n_masked);
    data_json_put_number(o, "training_seconds", p->elapsed_ms * 1e-3);
    data_json_put_number(o, "useful_gflops_per_second",
                         s->session_ms > 0 ? s->stepper.flops / s->session_ms * 1e-6 : NAN);
    data_json_put_integer(o, "peak_memory_bytes", peak_bytes(s));
    data_json_put_integer(o, "training_memory_bytes", s->training_peak_bytes);
    data_json_put_integer(o, "planned_memory_bytes", train_memory_plan_total(&s->plan));
    data_json_put_integer(o, "threads", p->threads);
    eval_report_put_json(s->baseline.items, s->baseline.n, data_json_put_object(o, "before"));
    eval_report_put_json(s->best.items, s->best.n, data_json_put_object(o, "after"));
    if (s->bm25.n > 0) eval_report_put_json(s->bm25.items, s->bm25.n, data_json_put_object(o, "bm25"));
    if (s->leakage.n > 0) train_leakage_put_json(&s->leakage, data_json_put_object(o, "leakage"));
    if (c->comparison.n_candidates > 0)
        eval_comparison_put_json(&c->comparison, NULL, 0, 0, data_json_put_object(o, "comparison"));
    return o;
}

static bool write_report_files(const train_state *s, const change *c, senc_error *err) {
    char *json = train_output_path(s, "report.json", err), *markdown = train_output_path(s, "report.md", err);
    data_json *o = report_json(s, c);
    senc_buffer text = {0};
    senc_buffer_printf(&text, "# Training report\n\nLoss `%s`, %lld steps, %lld rows, %.0f s.\n\n",
                       s->config->loss->name, (long long)s->progress.step, (long long)s->progress.n_rows,
                       s->progress.elapsed_ms * 1e-3);
    if (s->best.n > 0) {
        senc_buffer_printf(&text, "The best model is that of step %lld, by `%s`.\n\n", (long long)s->progress.best_step,
                           s->best_key);
        if (note_of(s)) senc_buffer_printf(&text, "%s\n\n", note_of(s));
        eval_comparison_print_verdicts(&c->comparison, BASE_WORDS, true, &text);
        const eval_report_baseline bm25 = train_bm25_column(s);
        eval_report_print_change_markdown(s->baseline.items, s->best.items, s->baseline.n, &bm25, true, &text);
        if (s->bm25.n > 0) senc_buffer_append_text(&text, "\n");
        train_bm25_remark(s, &text);
        senc_buffer_append_text(&text, "\n## Leakage\n\n");
        train_leakage_print_markdown(&s->leakage, &text);
    }
    bool ok = json && markdown && data_json_save(o, 2, json, err);
    if (ok && text.failed) ok = senc_fail_memory(err, text.n_bytes, "the report");
    ok = ok && senc_file_write(markdown, text.data, text.n_bytes, err);
    senc_buffer_free(&text);
    data_json_free(o);
    free(json);
    free(markdown);
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

static bool print_change(const train_state *s, const change *c, senc_error *err) {
    senc_buffer text = {0};
    const eval_report_baseline bm25 = train_bm25_column(s);
    eval_report_print_change(s->baseline.items, s->best.items, s->baseline.n, &bm25, false, &text);
    senc_buffer_append_text(&text, "\n");
    eval_comparison_print_verdicts(&c->comparison, BASE_WORDS, false, &text);
    senc_buffer remark = {0};
    train_bm25_remark(s, &remark);
    if (remark.n_bytes > 0 && !remark.failed) {
        remark.data[remark.n_bytes - 1] = '\0'; /* its end comes from wrapping */
        senc_buffer_append_text(&text, "  ");
        senc_text_wrap(&text, remark.data, 2, 2, 80);
    }
    senc_buffer_free(&remark);
    const bool ok = !text.failed || senc_fail_memory(err, text.n_bytes, "the report");
    if (ok) fputs(senc_buffer_text(&text), stdout);
    senc_buffer_free(&text);
    return ok;
}

bool train_report(const train_state *s, senc_error *err) {
    change c;
    tell_counts(s);
    bool ok = open_change(&c, s, err) && write_report_files(s, &c, err) && write_page(s, &c, err);
    const char *dir = s->config->output.dir;
    if (ok && s->best.n == 0) printf("model: %s/final\n", dir);
    if (ok && s->best.n > 0) {
        ok = print_change(s, &c, err);
        senc_buffer line = {0}, lines = {0};
        senc_buffer_printf(&line, "best model: %s/best (step %lld), last: %s/final, report: %s/report.html", dir,
                           (long long)s->progress.best_step, dir, dir);
        senc_text_wrap(&lines, senc_buffer_text(&line), 0, 2, 80);
        fputs(senc_buffer_text(&lines), stdout);
        senc_buffer_free(&line);
        senc_buffer_free(&lines);
        const eval_metric *before = train_results_find(&s->baseline, s->best_key);
        if (before && !(s->progress.best_value > before->value))
            senc_warn("no evaluation was better than the untouched model (%s %.4f): keep that one", s->best_key,
                      before->value);
    }
    close_change(&c);
    return ok;
}
