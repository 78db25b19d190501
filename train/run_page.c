/* The page of a run, as HTML and as Markdown: see run_report_parts.h. What decides stands first: the verdict, what it
 * means in plain words, before and after; then what was trained, how to use it, and the details. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "eval/metric_words.h"
#include "eval/report.h"
#include "eval/reports/comparison_parts.h"
#include "eval/reports/html_page.h"
#include "eval/reports/report_page_parts.h"
#include "eval/reports/report_terms.h"
#include "eval/reports/svg_chart.h"
#include "train/run_report_parts.h"

/* ---- before and after ---- */

/* The metrics of the short table: of every evaluation the headline, and those often quoted beside it. */
static bool is_shown(const eval_result *r, const char *key) {
    return (r->primary && strcmp(r->primary, key) == 0) || eval_report_is_often_quoted(key);
}

static void add_change(senc_grid *grid, const eval_result *before, const eval_result *after,
                       const eval_report_baseline *bm25, const char *key) {
    eval_metric_words words;
    const eval_metric *old = eval_result_find(before, key), *new = eval_result_find(after, key);
    const eval_metric *third = eval_report_find_baseline(bm25, after, key);
    eval_metric_find_words(after->type, after->name, key, &words);
    senc_grid_add(grid, "%s", key);
    senc_grid_add(grid, "%s", words.words);
    senc_grid_add(grid, old ? "%.4f" : "-", old ? old->value : NAN);
    senc_grid_add(grid, new ? "%.4f" : "-", new ? new->value : NAN);
    senc_grid_add(grid, old && new ? "%+.4f" : "-", old && new ? new->value - old->value : NAN);
    if (bm25->n > 0) senc_grid_add(grid, third ? "%.4f" : "-", third ? third->value : NAN);
}

static void write_change_table(const train_report_view *v, const eval_writer *w) {
    static const char *const head[] = {"metric", "in words", "before", "after", "change", "BM25"};
    const eval_report_baseline bm25 = train_bm25_column(v->state);
    const int n_columns = bm25.n > 0 ? 6 : 5;
    senc_grid grid;
    senc_grid_init(&grid, bm25.n > 0 ? "llrrrr" : "llrrr");
    for (int i = 0; i < n_columns; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < v->after.n; i++) {
        const eval_result *r = &v->after.items[i];
        if (r->primary) add_change(&grid, &v->before.items[i], r, &bm25, r->primary);
        for (int64_t m = 0; m < r->n_metrics; m++) {
            const char *key = r->metrics[m].key;
            if (is_shown(r, key) && (!r->primary || strcmp(r->primary, key) != 0))
                add_change(&grid, &v->before.items[i], r, &bm25, key);
        }
    }
    eval_write_grid(w, &grid);
}

/* ---- charts ---- */

static void put_course(senc_buffer *out, const train_report_view *v) {
    const train_log *log = &v->log;
    const eval_chart_line loss = {"loss", log->loss.steps, log->loss.values, log->loss.n, NULL};
    const eval_chart_line metric = {v->state->best_key, log->metric.steps, log->metric.values, log->metric.n, NULL};
    const eval_result *decides = NULL;
    for (int64_t i = 0; i < v->after.n && !decides; i++)
        decides = eval_result_find(&v->after.items[i], v->state->best_key) ? &v->after.items[i] : NULL;
    const double untouched = log->metric.n > 0 && log->metric.steps[0] == 0 ? log->metric.values[0] : NAN;
    const eval_chart losses = {.title = "Loss over the steps",
                               .note = "What training makes smaller: it should fall, then level off.",
                               .x_label = "step",
                               .y_label = "loss",
                               .description = "A line over the steps; log.jsonl has the numbers.",
                               .y_from_zero = true};
    const eval_chart metrics = {.title = "Headline metric over the steps",
                                .note = "Step 0 is the model before training; dashed: its value.",
                                .x_label = "step",
                                .y_label = decides ? eval_page_short_key(decides, v->state->best_key) : NULL,
                                .description = "A line over the steps; log.jsonl has the numbers.",
                                .reference = isfinite(untouched) ? &untouched : NULL};
    senc_buffer_append_text(out, "<div class=\"charts\">\n");
    if (metric.n > 1) eval_chart_lines(out, &metrics, &metric, 1);
    if (loss.n > 1) eval_chart_lines(out, &losses, &loss, 1);
    senc_buffer_append_text(out, "</div>\n");
}

/* ---- the answer ---- */

/* The headline of every evaluation as large numbers. */
static void put_hero(senc_buffer *out, const train_report_view *v) {
    const eval_report_baseline bm25 = train_bm25_column(v->state);
    senc_buffer_append_text(out, "<dl class=\"tiles hero\">\n");
    for (int64_t i = 0; i < v->after.n; i++) {
        const eval_result *r = &v->after.items[i];
        const eval_metric *new = r->primary ? eval_result_find(r, r->primary) : NULL;
        const eval_metric *old = new ? eval_result_find(&v->before.items[i], r->primary) : NULL;
        char a[32], b[32];
        if (!old) continue;
        senc_buffer_append_text(out, "<div class=\"tile\"><dt>");
        eval_html_printf(out, "%s: %s", r->name, eval_page_short_key(r, r->primary));
        senc_buffer_append_text(out, "</dt><dd>");
        eval_html_printf(out, "%s → %s", eval_page_number(old->value, a, sizeof a),
                         eval_page_number(new->value, b, sizeof b));
        senc_buffer_append_text(out, "<small>");
        eval_html_printf(out, "before → after training%s", r->greater_is_better ? "" : "; lower is better");
        const eval_metric *third = eval_report_find_baseline(&bm25, r, r->primary);
        if (third) eval_html_printf(out, "; BM25: %s", eval_page_number(third->value, a, sizeof a));
        senc_buffer_append_text(out, "</small></dd></div>\n");
    }
    senc_buffer_append_text(out, "</dl>\n");
}

/* How much of the texts both models read, where one cuts any. */
static void write_readings(const train_report_view *v, const eval_writer *w) {
    for (int64_t i = 0; i < v->after.n; i++) {
        const eval_reading *old = &v->before.items[i].reading, *new = &v->after.items[i].reading;
        char before[128], after[128];
        if (old->n_cut + new->n_cut == 0) continue;
        eval_reading_describe(old, before, sizeof before);
        eval_reading_describe(new, after, sizeof after);
        if (strcmp(before, after) == 0)
            eval_write_paragraph(w, "Texts of %s, before and after: %s.", v->after.items[i].name, before);
        else
            eval_write_paragraph(w, "Texts of %s: before, %s; after, %s.", v->after.items[i].name, before, after);
    }
}

/* Where words alone find more than the model. */
static void write_remark(const train_state *s, const eval_writer *w) {
    senc_buffer remark = {0};
    train_bm25_remark(s, &remark);
    if (remark.n_bytes > 0) eval_write_paragraph(w, "%s", senc_buffer_text(&remark));
    w->out->failed = w->out->failed || remark.failed;
    senc_buffer_free(&remark);
}

static void write_answer(const train_report_view *v, const eval_writer *w) {
    if (v->after.n == 0) return;
    if (w->markdown || v->comparison.n_candidates == 0)
        eval_page_write_plain_words(w, v->before.items, v->after.items, v->after.n);
    const eval_comparison_page page = {.base_words = v->base, .old = "before", .new = "after"};
    if (w->markdown) {
        eval_comparison_print_verdicts(&v->comparison, v->base, true, w->out);
    } else {
        if (v->comparison.n_candidates > 0) {
            senc_buffer_append_text(w->out, "<div class=\"verdicts\">\n");
            eval_page_put_verdict(w->out, &v->comparison, 0, &page);
            senc_buffer_append_text(w->out, "</div>\n");
        }
        put_hero(w->out, v);
    }
    if (v->note) eval_write_paragraph(w, "%s", v->note);
    write_change_table(v, w);
    const train_state *s = v->state;
    write_remark(s, w);
    eval_write_paragraph(w, "Before: %s%s%s. After: the best step, %lld of %lld, by %s.", v->base,
                         s->config->model.base ? ", " : "", s->config->model.base ? train_base_label(s) : "",
                         (long long)s->progress.best_step, (long long)s->progress.step, s->best_key);
    write_readings(v, w);
}

/* ---- the sections ---- */

static void write_run(const train_report_view *v, const eval_writer *w) {
    eval_page_fact facts[TRAIN_MOST_FACTS];
    eval_write_section(w, NULL, "What was trained");
    eval_write_facts(w, facts, train_facts_of_training(v->state, facts));
    if (!w->markdown) put_course(w->out, v);
    eval_write_section_end(w);
    if (v->state->leakage.n > 0) {
        eval_write_section(w, NULL, "Was the evaluation trained on?");
        train_leakage_write(&v->state->leakage, w);
        eval_write_section_end(w);
    }
    eval_write_section(w, NULL, "Prompts");
    train_facts_write_prompts(v->state, w);
    eval_write_section_end(w);
    eval_write_section(w, NULL, "How to use the model");
    train_facts_write_loading(v->state, w);
    eval_write_section_end(w);
    eval_write_section(w, "run", "What the run took");
    eval_write_facts(w, facts, train_facts_of_run(v->state, facts));
    eval_write_section_end(w);
}

static void put_details(const train_report_view *v, senc_buffer *out) {
    const eval_comparison_page page = {.base_words = v->base, .old = "before", .new = "after"};
    if (v->comparison.n_candidates == 0) return;
    senc_buffer_append_text(out, "<section>\n<h2>Change by change</h2>\n");
    eval_page_put_differences(out, &v->comparison);
    eval_page_put_changes(out, &v->comparison.candidates[0], &page);
    eval_page_put_units(out, &v->comparison.candidates[0], &page);
    eval_page_put_curves(out, v->models, 2);
    senc_buffer_append_text(out, "</section>\n");
}

static void write_lines(const eval_writer *w, const eval_result *r) {
    if (r->n_counts + r->n_rules == 0) return;
    eval_write_heading(w, 3, r->name);
    eval_write_list(w, (const char *const *)r->counts, r->n_counts);
    eval_write_list(w, (const char *const *)r->rules, r->n_rules);
}

static void write_methods(const train_report_view *v, const eval_writer *w) {
    eval_write_section(w, "methods", "How this was measured, and what the words mean");
    for (int64_t i = 0; i < v->after.n; i++) write_lines(w, &v->after.items[i]);
    if (v->comparison.n_candidates > 0) {
        char rules[EVAL_COMPARISON_RULES][EVAL_COMPARISON_RULE_BYTES];
        const char *lines[EVAL_COMPARISON_RULES];
        const int n_rules = eval_comparison_rules(&v->comparison, NULL, rules);
        for (int i = 0; i < n_rules; i++) lines[i] = rules[i];
        eval_write_heading(w, 3, "The comparison");
        eval_write_list(w, lines, n_rules);
    }
    eval_write_heading(w, 3, "Terms");
    const unsigned tested = v->comparison.n_candidates > 0 ? EVAL_TERMS_INTERVALS | EVAL_TERMS_TESTS : 0;
    eval_write_terms(w, v->after.items, v->after.n,
                     tested | (v->state->bm25.n > 0 ? EVAL_TERMS_BM25 : 0) |
                         (v->state->leakage.n > 0 ? EVAL_TERMS_LEAKAGE : 0) | EVAL_TERMS_TRAINING | EVAL_TERMS_LENGTHS |
                         EVAL_TERMS_PROMPTS);
    eval_write_section_end(w);
}

static void write_page(const train_report_view *v, const eval_writer *w) {
    senc_buffer subtitle = {0};
    train_facts_subtitle(v->state, &subtitle);
    if (!w->markdown) {
        eval_html_open(w->out, v->title);
        senc_buffer_append_text(w->out, "<main>\n");
    }
    eval_write_heading(w, 1, v->title);
    eval_write_paragraph(w, "%s.", senc_buffer_text(&subtitle));
    w->out->failed = w->out->failed || subtitle.failed;
    senc_buffer_free(&subtitle);
    write_answer(v, w);
    write_run(v, w);
    if (w->markdown && v->after.n > 0) {
        const eval_report_baseline bm25 = train_bm25_column(v->state);
        eval_write_heading(w, 2, "All metrics");
        eval_report_print_change_markdown(v->before.items, v->after.items, v->after.n, &bm25, true, w->out);
    }
    if (!w->markdown) put_details(v, w->out);
    write_methods(v, w);
    if (w->markdown) return;
    senc_buffer_append_text(w->out, "</main>\n");
    eval_html_close(w->out);
}

bool train_page_write(const train_report_view *v, bool markdown, const char *path, senc_error *err) {
    senc_buffer out = {0};
    const eval_writer w = {&out, markdown};
    write_page(v, &w);
    const bool ok = (!out.failed || senc_fail_memory(err, out.n_bytes, "the report")) &&
                    senc_file_write(path, out.data, out.n_bytes, err);
    senc_buffer_free(&out);
    return ok;
}
