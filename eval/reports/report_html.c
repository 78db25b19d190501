/* The HTML report of one system: see report_page.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "eval/reports/html_page.h"
#include "eval/reports/report_page.h"
#include "eval/reports/report_page_parts.h"
#include "eval/reports/report_terms.h"
#include "eval/reports/svg_chart.h"

#define MOST_POINTS 500 /* of a scatter: more say nothing more and make the file large */

static void put_heading(senc_buffer *out, const char *tag, const char *text) {
    senc_buffer_printf(out, "<%s>", tag);
    eval_html_text(out, text);
    senc_buffer_printf(out, "</%s>\n", tag);
}

static void put_paragraph(senc_buffer *out, const char *text) {
    senc_buffer_append_text(out, "<p class=\"soft\">");
    eval_html_text(out, text);
    senc_buffer_append_text(out, "</p>\n");
}

static void put_grid(senc_buffer *out, senc_grid *grid) {
    eval_html_grid(out, NULL, grid);
    senc_grid_free(grid);
}

/* ---- the head ---- */

/* One headline metric: large, with its interval. */
static void put_hero(senc_buffer *out, const eval_saved_report *r, const eval_result *result,
                     const eval_metric *primary) {
    char text[64];
    const eval_report_interval *interval = eval_saved_report_find_interval(r, primary->key);
    senc_buffer_append_text(out, "<div class=\"tile\"><dt>");
    eval_html_printf(out, "%s: %s", result->name, eval_page_short_key(result, primary->key));
    senc_buffer_append_text(out, "</dt><dd>");
    eval_html_text(out, eval_page_number(primary->value, text, sizeof text));
    senc_buffer_append_text(out, "<small>");
    if (interval && *eval_page_interval(interval->low, interval->high, text, sizeof text))
        eval_html_printf(out, "95 %% interval %s", text);
    if (!result->greater_is_better) eval_html_printf(out, " (lower is better)");
    senc_buffer_append_text(out, "</small>");
    if (result->detail.n_units > 0) {
        senc_buffer_append_text(out, "<small>");
        eval_html_printf(out, "on %s %s", eval_html_count(result->detail.n_units, text, sizeof text),
                         eval_page_units(result->detail.unit_name));
        senc_buffer_append_text(out, "</small>");
    }
    senc_buffer_append_text(out, "</dd></div>\n");
}

static void put_headlines(senc_buffer *out, const eval_saved_report *r) {
    eval_chart_row *rows = senc_alloc_zero((size_t)r->n_results, sizeof *rows);
    if (!rows) {
        out->failed = true;
        return;
    }
    int64_t n = 0;
    senc_buffer_append_text(out, "<dl class=\"tiles hero\">\n");
    for (int64_t i = 0; i < r->n_results; i++) {
        const eval_result *result = &r->results[i];
        const eval_metric *primary = result->primary ? eval_result_find(result, result->primary) : NULL;
        if (!primary) continue;
        put_hero(out, r, result, primary);
        const eval_report_interval *interval = eval_saved_report_find_interval(r, primary->key);
        if (interval)
            rows[n++] = (eval_chart_row){
                .label = primary->key, .value = primary->value, .low = interval->low, .high = interval->high};
    }
    senc_buffer_append_text(out, "</dl>\n");
    const eval_chart chart = {.title = "Headline metrics",
                              .note = "A dot is the value, its line the 95 % interval.",
                              .description = "Values with their intervals, as above."};
    if (n > 1) eval_chart_forest(out, &chart, NAN, rows, n);
    free(rows);
}

static void put_facts(senc_buffer *out, const eval_saved_report *r) {
    eval_page_fact facts[EVAL_PAGE_MOST_FACTS];
    eval_write_facts(&(eval_writer){out, false}, facts, eval_page_facts(r, facts));
}

/* ---- charts of a result ---- */

static void put_curves(senc_buffer *out, const eval_detail *d) {
    eval_chart_line lines[EVAL_CHART_SERIES];
    int64_t n = 0;
    double *ks[EVAL_CHART_SERIES];
    for (; n < d->n_curves && n < EVAL_CHART_SERIES; n++) {
        ks[n] = senc_alloc((size_t)d->curves[n].n, sizeof(double));
        if (!ks[n]) {
            out->failed = true;
            break;
        }
        for (int64_t i = 0; i < d->curves[n].n; i++) ks[n][i] = (double)d->curves[n].ks[i];
        lines[n] = (eval_chart_line){d->curves[n].name, ks[n], d->curves[n].values, d->curves[n].n, NULL};
    }
    const eval_chart chart = {.title = "Metrics over k",
                              .note = "k: how many of the first documents are looked at.",
                              .x_label = "k (logarithmic)",
                              .y_label = "metric at k",
                              .description = "Lines over k; report.json has the numbers.",
                              .x_is_log = true,
                              .y_from_zero = true};
    if (n > 0) eval_chart_lines(out, &chart, lines, n);
    for (int64_t i = 0; i < n; i++) free(ks[i]);
}

static void put_distributions(senc_buffer *out, const eval_detail *d) {
    if (d->n_positives == 0 && d->n_negatives == 0) return;
    const eval_chart_sample samples[] = {{"matching", d->positives, d->n_positives},
                                         {"other", d->negatives, d->n_negatives}};
    const eval_chart chart = {.title = "Scores of matching and other pairs",
                              .note = "The less they overlap, the better a threshold tells them apart.",
                              .x_label = "score",
                              .y_label = "% of the pairs",
                              .description = "Two histograms over the score."};
    eval_chart_histogram(out, &chart, samples, 2);
}

static void put_ranks(senc_buffer *out, const eval_report_view *view) {
    if (view->n_ranks == 0) return;
    eval_chart_bar bars[EVAL_VIEW_RANKS];
    for (int64_t i = 0; i < view->n_ranks; i++)
        bars[i] = (eval_chart_bar){strncmp(view->ranks[i].label, "≤", 3) == 0 ? view->ranks[i].label + 3
                                                                              : view->ranks[i].label,
                                   (double)view->ranks[i].n, i + 1 == view->n_ranks ? 1 : 0};
    const eval_chart chart = {.title = "Rank of the first relevant document",
                              .note = "5: 4 and 5, 10: 6 to 10, and so on; none: not among those looked at.",
                              .x_label = "rank",
                              .y_label = eval_page_units(view->result->detail.unit_name),
                              .description = "Bars: how many have their first relevant document at that rank."};
    eval_chart_bars(out, &chart, bars, view->n_ranks);
}

static void put_gold(senc_buffer *out, const eval_report_view *view) {
    const eval_detail *d = &view->result->detail;
    if (!d->gold || (view->series->statistic != EVAL_SPEARMAN && view->series->statistic != EVAL_PEARSON)) return;
    const int64_t stride = d->n_units / MOST_POINTS + 1, n = (d->n_units + stride - 1) / stride;
    double *points = senc_alloc(2 * (size_t)n, sizeof *points);
    if (!points) {
        out->failed = true;
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        points[i] = d->gold[i * stride];
        points[n + i] = view->series->values[i * stride];
    }
    char note[96];
    snprintf(note, sizeof note, stride > 1 ? "One dot a pair; %lld of %lld pairs." : "One dot a pair.", (long long)n,
             (long long)d->n_units);
    const eval_chart chart = {.title = "Scores against the known ones",
                              .note = note,
                              .x_label = "known score",
                              .y_label = "score",
                              .description = "A cloud of dots; it should rise from left to right."};
    eval_chart_dots(out, &chart, points, points + n, n);
    free(points);
}

/* "64", "int8", "binary", "binary, rescored": what stands beside a point. */
static const char *variant_name(const char *label) {
    if (strncmp(label, "dim=", 4) == 0) return label + 4;
    if (strncmp(label, "quantize=binary&rescore=", 24) == 0) return "binary, rescored";
    return strncmp(label, "quantize=", 9) == 0 ? label + 9 : label;
}

static void put_variants(senc_buffer *out, const eval_saved_report *r, const eval_metric *primary) {
    enum { MOST = 32 };
    double x[2][MOST], y[2][MOST];
    const char *labels[2][MOST];
    int64_t n[2] = {0, 0};
    for (int64_t i = 0; i < r->n_variants; i++) {
        const eval_report_variant *v = &r->variants[i];
        const int line = strncmp(v->label, "dim=", 4) != 0 || strchr(v->label, '&') != NULL;
        if (strcmp(v->key, primary->key) != 0 || n[line] + 1 >= MOST || v->bytes_per_vector <= 0) continue;
        int64_t at = n[line]++; /* by size */
        for (; at > 0 && x[line][at - 1] > (double)v->bytes_per_vector; at--) {
            x[line][at] = x[line][at - 1];
            y[line][at] = y[line][at - 1];
            labels[line][at] = labels[line][at - 1];
        }
        x[line][at] = (double)v->bytes_per_vector;
        y[line][at] = v->value;
        labels[line][at] = variant_name(v->label);
    }
    if (r->facts.bytes_per_vector > 0 && n[0] < MOST) { /* the whole vector ends the line of its prefixes */
        x[0][n[0]] = (double)r->facts.bytes_per_vector;
        y[0][n[0]] = primary->value;
        labels[0][n[0]++] = "as they are";
    }
    const eval_chart_line lines[] = {{"first dimensions", x[0], y[0], n[0], labels[0]},
                                     {"quantised", x[1], y[1], n[1], labels[1]}};
    const eval_chart chart = {.title = "What shorter and coarser vectors cost",
                              .note = "Bytes a vector takes in an index, and the headline metric with it.",
                              .x_label = "bytes a vector (logarithmic)",
                              .y_label = eval_page_short_key(&r->results[0], primary->key),
                              .description = "The metric over the size of a vector; the table has the numbers.",
                              .x_is_log = true};
    if (n[0] + n[1] > 0) eval_chart_lines(out, &chart, lines, n[1] > 0 ? 2 : 1);
}

/* ---- slices and the worst ---- */

static void put_slices(senc_buffer *out, const eval_report_view *view, const char *kind) {
    if (!eval_page_has_slices(view, kind)) return;
    eval_chart_row *rows = senc_alloc_zero((size_t)view->n_slices, sizeof *rows);
    char(*texts)[64] = senc_alloc((size_t)view->n_slices, sizeof *texts);
    int64_t n = 0;
    for (int64_t i = 0; rows && texts && i < view->n_slices; i++) {
        const eval_slice *s = &view->slices[i];
        if (strcmp(s->kind, kind) != 0) continue;
        char value[32], count[32];
        snprintf(texts[n], sizeof *texts, "%s  (%s)",
                 isfinite(s->value) ? eval_page_number(s->value, value, sizeof value) : "too few",
                 eval_html_count(s->n_units, count, sizeof count));
        rows[n] = (eval_chart_row){s->label, s->value, s->low, s->high, texts[n], 0};
        n++;
    }
    out->failed = out->failed || !rows || !texts;
    const eval_metric *whole = eval_result_find(view->result, view->result->primary);
    char note[160];
    snprintf(note, sizeof note, "%s on each part (number of units), with its 95 %% interval; dashed: all together.",
             eval_page_short_key(view->result, view->result->primary));
    const eval_chart chart = {.title = eval_page_slice_title(kind),
                              .note = note,
                              .x_label = eval_page_short_key(view->result, view->result->primary),
                              .description = "The headline metric on parts of the data."};
    if (n > 0) eval_chart_forest(out, &chart, whole ? whole->value : NAN, rows, n);
    free(rows);
    free(texts);
}

static void put_found(senc_buffer *out, const eval_unit *u) {
    if (u->n_found == 0) return;
    senc_buffer_append_text(out, "<p class=\"soft\">Found first:</p>\n<ol>\n");
    for (int64_t i = 0; i < u->n_found; i++) {
        const eval_found *f = &u->found[i];
        senc_buffer_append_text(out, "<li><span class=\"tag\">");
        eval_html_printf(out, "%.3f", f->score);
        senc_buffer_printf(out, "</span> <b class=\"%s\">%s</b> ", f->grade > 0 ? "ok" : "no",
                           f->grade > 0 ? "relevant" : "not relevant");
        eval_html_beginning(out, f->text ? f->text : f->id, 200);
        senc_buffer_append_text(out, "</li>\n");
    }
    senc_buffer_append_text(out, "</ol>\n");
}

static void put_unit(senc_buffer *out, const eval_report_view *view, int64_t i) {
    const eval_detail *d = &view->result->detail;
    const eval_unit *u = &d->units[i];
    const bool is_ranked = u->rank >= 0;
    senc_buffer_append_text(out, "<div class=\"unit two\">\n<div><p class=\"head\">");
    eval_html_beginning(out, u->text, EVAL_DETAIL_TEXT_BYTES + 4);
    senc_buffer_append_text(out, "</p>\n");
    if (u->other && *u->other) {
        senc_buffer_printf(out, "<p><span class=\"tag\">%s</span> ", is_ranked ? "relevant" : "with");
        eval_html_beginning(out, u->other, EVAL_DETAIL_TEXT_BYTES + 4);
        senc_buffer_append_text(out, "</p>\n");
    }
    senc_buffer_append_text(out, "<p class=\"soft\">");
    eval_html_printf(out, "%s %s", d->unit_name, u->id);
    if (u->slice) eval_html_printf(out, " · %s", u->slice);
    eval_html_printf(out, d->gold ? " · score %.4f, known %g" : " · value %.4f", view->series->values[i],
                     d->gold ? d->gold[i] : 0);
    if (u->rank > 0) eval_html_printf(out, " · first relevant document at rank %lld", (long long)u->rank);
    if (u->rank == 0) eval_html_printf(out, " · no relevant document found");
    senc_buffer_append_text(out, "</p></div>\n<div>\n");
    put_found(out, u);
    senc_buffer_append_text(out, "</div>\n</div>\n");
}

static void put_worst(senc_buffer *out, const eval_report_view *view) {
    if (view->n_worst == 0) return;
    put_heading(out, "h3", "The worst");
    put_paragraph(out, "Where the headline metric is lowest; among equals, what stands farthest down and is most "
                       "confidently wrong comes first. Often these are mistakes in the labels.");
    const bool is_short = view->result->detail.units[view->worst[0]].n_found == 0;
    if (is_short) senc_buffer_append_text(out, "<div class=\"two\">\n");
    for (int64_t i = 0; i < view->n_worst; i++) put_unit(out, view, view->worst[i]);
    if (is_short) senc_buffer_append_text(out, "</div>\n");
}

static void put_lines(senc_buffer *out, const char *title, char *const *lines, int64_t n) {
    if (n == 0) return;
    put_heading(out, "h3", title);
    senc_buffer_append_text(out, "<ul class=\"plain\">\n");
    for (int64_t i = 0; i < n; i++) put_heading(out, "li", lines[i]);
    senc_buffer_append_text(out, "</ul>\n");
}

static bool put_result(senc_buffer *out, const eval_saved_report *r, const eval_result *result, senc_error *err) {
    eval_report_view view;
    if (!eval_report_view_init(&view, result, err)) return false;
    const eval_metric *primary = result->primary ? eval_result_find(result, result->primary) : NULL;
    const bool has_variants = primary && eval_page_has_variants(r, primary->key);
    senc_buffer_append_text(out, "<section>\n<h2>");
    eval_html_printf(out, "%s (%s)", result->name, result->type);
    senc_buffer_append_text(out, "</h2>\n");
    senc_buffer_append_text(out, "<div class=\"charts\">\n");
    if (view.series) {
        put_curves(out, &result->detail);
        put_ranks(out, &view);
        put_distributions(out, &result->detail);
        put_gold(out, &view);
        for (int k = 0; eval_page_slice_kinds[k]; k++) put_slices(out, &view, eval_page_slice_kinds[k]);
    }
    if (has_variants) put_variants(out, r, primary);
    senc_buffer_append_text(out, "</div>\n");
    senc_grid grid;
    if (has_variants) {
        put_heading(out, "h3", "Shorter and coarser vectors");
        eval_page_fill_variants(r, primary, &grid);
        put_grid(out, &grid);
    }
    put_heading(out, "h3", "All metrics");
    eval_page_fill_metrics(r, result, &grid);
    put_grid(out, &grid);
    senc_buffer_append_text(out, "<div class=\"two\">\n<div>\n");
    put_lines(out, "What was counted", result->counts, result->n_counts);
    senc_buffer_append_text(out, "</div>\n<div>\n");
    put_lines(out, "Rules behind the numbers", result->rules, result->n_rules);
    senc_buffer_append_text(out, "</div>\n</div>\n");
    if (view.series) put_worst(out, &view);
    senc_buffer_append_text(out, "</section>\n");
    eval_report_view_free(&view);
    return true;
}

static void put_sources(senc_buffer *out, const eval_saved_report *r) {
    senc_grid grid;
    eval_page_fill_sources(r, &grid);
    out->failed = out->failed || grid.failed;
    senc_buffer_append_text(out, "<dl class=\"facts\">\n");
    for (int64_t i = 2; !grid.failed && i + 1 < grid.n_cells; i += 2) { /* behind the head */
        put_heading(out, "dt", grid.cells[i]);
        put_heading(out, "dd", grid.cells[i + 1]);
    }
    senc_buffer_append_text(out, "</dl>\n");
    senc_grid_free(&grid);
}

bool eval_report_html(const eval_saved_report *r, senc_buffer *out, senc_error *err) {
    senc_buffer title = {0};
    senc_buffer_printf(&title, "Evaluation of %s", r->label ? r->label : "a model");
    eval_html_open(out, senc_buffer_text(&title));
    senc_buffer_append_text(out, "<header>\n");
    put_heading(out, "h1", senc_buffer_text(&title));
    out->failed = out->failed || title.failed;
    senc_buffer_free(&title);
    if (r->description) put_paragraph(out, r->description);
    senc_buffer_append_text(out, "</header>\n<main>\n");
    eval_page_write_plain_words(&(eval_writer){out, false}, NULL, r->results, r->n_results);
    put_headlines(out, r);
    put_facts(out, r);
    bool ok = true;
    for (int64_t i = 0; ok && i < r->n_results; i++) ok = put_result(out, r, &r->results[i], err);
    put_heading(out, "h2", "Where these numbers come from");
    put_sources(out, r);
    const eval_writer w = {out, false};
    eval_write_section(&w, NULL, "What the words mean");
    eval_write_terms(&w, r->results, r->n_results, eval_page_terms(r));
    eval_write_section_end(&w);
    senc_buffer_append_text(out, "</main>\n");
    eval_html_close(out);
    return ok && (!out->failed || senc_fail_memory(err, out->n_bytes, "a report"));
}

bool eval_report_write_html(const eval_saved_report *r, const char *path, senc_error *err) {
    senc_buffer out = {0};
    const bool ok = eval_report_html(r, &out, err) && senc_file_write_output(path, out.data, out.n_bytes, err);
    senc_buffer_free(&out);
    return ok;
}
