/* A comparison as one HTML file: see comparison_html.h. */
#include "eval/reports/comparison_html.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/reports/comparison_parts.h"
#include "eval/reports/html_page.h"
#include "eval/reports/report_terms.h"
#include "eval/reports/svg_chart.h"
#include "eval/short_names.h"

enum { MOST_ROWS = 64, CHART_NAME_COLUMNS = 24 };

static void put_tag(senc_buffer *out, const char *tag, const char *text) {
    senc_buffer_printf(out, "<%s>", tag);
    eval_html_text(out, text);
    senc_buffer_printf(out, "</%s>\n", tag);
}

static int kind_of(const eval_change *c) {
    if (c->verdict == EVAL_VERDICT_BETTER) return EVAL_CHART_GOOD;
    return c->verdict == EVAL_VERDICT_WORSE || c->is_regression ? EVAL_CHART_BAD : 4;
}

/* ---- charts over all candidates ---- */

/* Calls for every headline change with its candidate; up to MOST_ROWS rows. */
static int64_t collect(const eval_comparison *c, const eval_change **changes, const char **labels) {
    int64_t n = 0;
    for (int64_t k = 0; k < c->n_candidates; k++) {
        for (int64_t i = 0; i < c->candidates[k].n_changes && n < MOST_ROWS; i++) {
            if (!c->candidates[k].changes[i].is_headline) continue;
            changes[n] = &c->candidates[k].changes[i];
            labels[n++] = c->candidates[k].label;
        }
    }
    return n;
}

/* The headline metric of every system, the best first; one chart a data set. */
static void put_values(senc_buffer *out, const eval_standings *s) {
    eval_chart_row rows[MOST_ROWS];
    char texts[MOST_ROWS][32], title[256];
    eval_short_name *shown = s ? eval_short_names(s->labels, s->n_models, CHART_NAME_COLUMNS) : NULL;
    for (int64_t k = 0; shown && k < s->n_sets; k++) {
        const eval_data_standings *set = &s->sets[k];
        const int64_t n = s->n_models < MOST_ROWS ? s->n_models : MOST_ROWS;
        for (int64_t i = 0; i < n; i++) {
            const eval_standing *x = &set->items[i];
            snprintf(texts[i], sizeof texts[i], "%.4f", x->value);
            rows[i] = (eval_chart_row){
                shown[x->model].text, x->value, x->low, x->high, texts[i], x->place == EVAL_PLACE_WORSE ? 4 : 0};
        }
        snprintf(title, sizeof title, "%.100s: %s of all systems", set->data, set->metric);
        const eval_chart chart = {.title = title,
                                  .note = "Values with their 95 % intervals; grey: worse than the best. Tests are of "
                                          "the differences, query by query, and see more than these intervals do.",
                                  .x_label = set->metric,
                                  .description = "One line a system, the best first."};
        eval_chart_forest(out, &chart, NAN, rows, n);
    }
    out->failed = out->failed || (s && !shown);
    free(shown);
}

static void put_differences(senc_buffer *out, const eval_comparison *c) {
    const eval_change *changes[MOST_ROWS];
    const char *labels[MOST_ROWS] = {NULL};
    char names[MOST_ROWS][EVAL_SHORT_NAME_BYTES + 64], texts[MOST_ROWS][32];
    eval_chart_row rows[MOST_ROWS];
    eval_chart_stack stacks[MOST_ROWS];
    const int64_t n = collect(c, changes, labels);
    eval_short_name *shown = eval_short_names(labels, n, CHART_NAME_COLUMNS);
    for (int64_t i = 0; shown && i < n; i++) {
        const eval_estimate *d = &changes[i]->difference;
        snprintf(names[i], sizeof names[i], c->candidates[0].n_units > 1 ? "%s · %s" : "%s", shown[i].text,
                 changes[i]->data);
        snprintf(texts[i], sizeof texts[i], "%+.4f", d->value);
        rows[i] = (eval_chart_row){names[i], d->value, d->low, d->high, texts[i], kind_of(changes[i])};
        stacks[i] = (eval_chart_stack){
            names[i],
            {(double)changes[i]->effect.wins, (double)changes[i]->effect.ties, (double)changes[i]->effect.losses}};
    }
    char note[160] = "Differences with their 95 % intervals; dashed: no change.";
    if (c->min_effect > 0)
        snprintf(note, sizeof note, "Differences with their 95 %% intervals; dashed: no change. %g is what matters.",
                 c->min_effect);
    const eval_chart forest = {.title = "Change of the headline metrics",
                               .note = note,
                               .x_label = "difference",
                               .description = "Differences with intervals, one line a candidate and data set."};
    const eval_chart wins = {.title = "Single units: better, the same, worse",
                             .note = "On how many queries (pairs, ...) it does better, the same, worse.",
                             .description = "Bars cut into wins, ties and losses."};
    out->failed = out->failed || !shown;
    if (n == 0 || !shown) {
        free(shown);
        return;
    }
    eval_chart_forest(out, &forest, 0, rows, n);
    eval_chart_stacks(out, &wins, (const char *const[]){"better", "the same", "worse"}, stacks, n);
    free(shown);
}

void eval_page_put_differences(senc_buffer *out, const eval_comparison *c) {
    senc_buffer_append_text(out, "<div class=\"charts\">\n");
    put_differences(out, c);
    senc_buffer_append_text(out, "</div>\n");
}

static const struct eval_curve *find_curve(const eval_compared_model *m, const char *data, const char *name) {
    for (int64_t i = 0; m->n_runs > 0 && i < m->runs[0].n_results; i++) {
        const eval_result *r = &m->runs[0].results[i];
        for (int64_t c = 0; strcmp(r->name, data) == 0 && c < r->detail.n_curves; c++)
            if (strcmp(r->detail.curves[c].name, name) == 0) return &r->detail.curves[c];
    }
    return NULL;
}

static void put_curve(senc_buffer *out, const eval_compared_model *models, int64_t n_models, const char *data,
                      const char *name) {
    eval_chart_line lines[EVAL_CHART_SERIES];
    double *ks[EVAL_CHART_SERIES] = {0};
    int64_t n = 0;
    for (int64_t m = 0; m < n_models && n < EVAL_CHART_SERIES; m++) {
        const struct eval_curve *curve = find_curve(&models[m], data, name);
        if (!curve) continue;
        ks[n] = senc_alloc((size_t)curve->n, sizeof(double));
        if (!ks[n]) {
            out->failed = true;
            break;
        }
        for (int64_t i = 0; i < curve->n; i++) ks[n][i] = (double)curve->ks[i];
        lines[n] = (eval_chart_line){models[m].label, ks[n], curve->values, curve->n, NULL};
        n++;
    }
    char title[160];
    snprintf(title, sizeof title, "%.60s: %.60s at k", data, name);
    const eval_chart chart = {.title = title,
                              .note = n_models > EVAL_CHART_SERIES ? "Of the first five systems." : NULL,
                              .x_label = "k (logarithmic)",
                              .y_label = name,
                              .description = "One line a model, over the number of documents looked at.",
                              .x_is_log = true,
                              .y_from_zero = true};
    if (n > 0) eval_chart_lines(out, &chart, lines, n);
    for (int64_t i = 0; i < EVAL_CHART_SERIES; i++) free(ks[i]);
}

void eval_page_put_curves(senc_buffer *out, const eval_compared_model *models, int64_t n_models) {
    bool has_any = false;
    for (int64_t i = 0; models[0].n_runs > 0 && i < models[0].runs[0].n_results; i++) {
        const eval_result *r = &models[0].runs[0].results[i];
        for (int64_t c = 0; c < r->detail.n_curves; c++) {
            if (!has_any) senc_buffer_append_text(out, "<h3>Curves</h3>\n<div class=\"charts\">\n");
            has_any = true;
            put_curve(out, models, n_models, r->name, r->detail.curves[c].name);
        }
    }
    if (has_any) senc_buffer_append_text(out, "</div>\n");
}

/* ---- all ---- */

static void put_head(senc_buffer *out, const eval_comparison *c, const eval_comparison_page *page) {
    senc_buffer title = {0};
    if (page->title)
        senc_buffer_append_text(&title, page->title);
    else if (page->standings)
        senc_buffer_printf(&title, "Which of %lld systems?", (long long)page->standings->n_models);
    else
        senc_buffer_printf(&title, "May %s be replaced?", c->base_label);
    eval_html_open(out, senc_buffer_text(&title));
    senc_buffer_append_text(out, "<main>\n");
    put_tag(out, "h1", senc_buffer_text(&title));
    out->failed = out->failed || title.failed;
    senc_buffer_free(&title);
    if (page->note) put_tag(out, "p", page->note);
}

bool eval_comparison_html(const eval_comparison *c, const eval_compared_model *models, int64_t n_models,
                          const eval_comparison_page *page, senc_buffer *out, senc_error *err) {
    put_head(out, c, page);
    if (page->standings) eval_page_put_systems(out, page);
    eval_page_put_answer(out, c, page);
    senc_buffer_append_text(out, "<div class=\"verdicts\">\n");
    for (int64_t k = 0; k < c->n_candidates; k++) eval_page_put_verdict(out, c, k, page);
    senc_buffer_append_text(out, "</div>\n");
    senc_buffer_append_text(out, "<div class=\"charts\">\n");
    put_values(out, page->standings);
    put_differences(out, c);
    senc_buffer_append_text(out, "</div>\n");
    eval_page_put_costs(out, page);
    for (int64_t k = 0; k < c->n_candidates; k++) eval_page_put_candidate(out, c, &c->candidates[k], page);
    eval_page_put_curves(out, models, n_models);
    eval_page_put_rules(out, c, page);
    const eval_writer w = {out, false};
    eval_write_heading(&w, 3, "What the words mean");
    eval_write_terms(&w, models[0].runs[0].results, models[0].runs[0].n_results,
                     EVAL_TERMS_INTERVALS | EVAL_TERMS_TESTS | EVAL_TERMS_LENGTHS | EVAL_TERMS_VECTORS);
    eval_write_section_end(&w);
    senc_buffer_append_text(out, "</main>\n");
    eval_html_close(out);
    return !out->failed || senc_fail_memory(err, out->n_bytes, "a report");
}
