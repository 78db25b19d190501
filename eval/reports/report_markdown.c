/* The Markdown report of one system, the folder of all forms, and the intervals: see report_page.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "eval/reports/report_page.h"
#include "eval/reports/report_page_parts.h"
#include "eval/reports/report_terms.h"
#include "eval/statistics/bootstrap.h"

bool eval_report_add_intervals(eval_saved_report *r, senc_error *err) {
    for (int64_t i = 0; i < r->n_results; i++) {
        const eval_detail *d = &r->results[i].detail;
        for (int64_t s = 0; s < d->n_series; s++) {
            const eval_bootstrap_options options = {0};
            eval_estimate e;
            if (eval_saved_report_find_interval(r, d->series[s].key)) continue;
            if (!eval_bootstrap_series(&d->series[s], d->gold, d->n_units, &options, &e, err) ||
                !eval_saved_report_add_interval(r, d->series[s].key, e.low, e.high, err))
                return false;
        }
    }
    return true;
}

static void put_grid(senc_buffer *out, senc_grid *grid) {
    senc_grid_print_markdown(grid, out);
    out->failed = out->failed || grid->failed;
    senc_grid_free(grid);
}

static void put_text(senc_buffer *out, const char *text) {
    eval_write_text(&(eval_writer){out, true}, text);
}

static void put_worst(senc_buffer *out, const eval_report_view *view) {
    const eval_detail *d = &view->result->detail;
    if (view->n_worst > 0) senc_buffer_append_text(out, "\n### The worst\n\n");
    for (int64_t w = 0; w < view->n_worst; w++) {
        const eval_unit *u = &d->units[view->worst[w]];
        senc_buffer_append_text(out, "- ");
        put_text(out, u->text);
        if (u->other && *u->other) {
            senc_buffer_append_text(out, u->rank >= 0 ? "\n  - relevant: " : "\n  - with: ");
            put_text(out, u->other);
        }
        senc_buffer_printf(out, "\n  - value %.4f", view->series->values[view->worst[w]]);
        if (d->gold) senc_buffer_printf(out, ", known %g", d->gold[view->worst[w]]);
        if (u->rank > 0) senc_buffer_printf(out, ", first relevant document at rank %lld", (long long)u->rank);
        if (u->rank == 0) senc_buffer_append_text(out, ", no relevant document found");
        for (int64_t f = 0; f < u->n_found; f++) {
            senc_buffer_printf(out, "\n  - found (%.3f, %s): ", u->found[f].score,
                               u->found[f].grade > 0 ? "relevant" : "not relevant");
            put_text(out, u->found[f].text ? u->found[f].text : u->found[f].id);
        }
        senc_buffer_append_text(out, "\n");
    }
}

static bool put_result(senc_buffer *out, const eval_saved_report *r, const eval_result *result, senc_error *err) {
    eval_report_view view;
    if (!eval_report_view_init(&view, result, err)) return false;
    senc_grid grid;
    const eval_metric *primary = result->primary ? eval_result_find(result, result->primary) : NULL;
    senc_buffer_append_text(out, "\n## ");
    put_text(out, result->name);
    senc_buffer_printf(out, " (%s)\n\n", result->type);
    eval_page_fill_metrics(r, result, &grid);
    put_grid(out, &grid);
    for (int k = 0; eval_page_slice_kinds[k]; k++) {
        if (!eval_page_has_slices(&view, eval_page_slice_kinds[k])) continue;
        senc_buffer_printf(out, "\n### %s\n\n", eval_page_slice_title(eval_page_slice_kinds[k]));
        eval_page_fill_slices(&view, eval_page_slice_kinds[k], &grid);
        put_grid(out, &grid);
    }
    if (primary && eval_page_has_variants(r, primary->key)) {
        senc_buffer_append_text(out, "\n### Shorter and coarser vectors\n\n");
        eval_page_fill_variants(r, primary, &grid);
        put_grid(out, &grid);
    }
    if (view.n_ranks > 0) {
        senc_buffer_append_text(out, "\n### Where the first relevant document stands\n\n");
        senc_grid_init(&grid, "lr");
        senc_grid_add(&grid, "rank");
        senc_grid_add(&grid, "units");
        for (int64_t i = 0; i < view.n_ranks; i++) {
            senc_grid_add(&grid, "%s", view.ranks[i].label);
            senc_grid_add(&grid, "%lld", (long long)view.ranks[i].n);
        }
        put_grid(out, &grid);
    }
    if (view.series) put_worst(out, &view);
    if (result->n_counts + result->n_rules > 0) senc_buffer_append_text(out, "\n### Rules behind the numbers\n\n");
    for (int64_t i = 0; i < result->n_counts + result->n_rules; i++) {
        const bool is_count = i < result->n_counts;
        senc_buffer_append_text(out, "- ");
        put_text(out, is_count ? result->counts[i] : result->rules[i - result->n_counts]);
        senc_buffer_append_text(out, "\n");
    }
    eval_report_view_free(&view);
    return true;
}

bool eval_report_markdown(const eval_saved_report *r, senc_buffer *out, senc_error *err) {
    senc_grid grid;
    senc_buffer_append_text(out, "# Evaluation of ");
    put_text(out, r->label ? r->label : "a model");
    senc_buffer_append_text(out, "\n\n");
    eval_page_fill_headlines(r, &grid);
    put_grid(out, &grid);
    eval_page_fact facts[EVAL_PAGE_MOST_FACTS];
    const eval_writer w = {out, true};
    senc_buffer_append_text(out, "\n");
    eval_page_write_plain_words(&w, NULL, r->results, r->n_results);
    eval_write_facts(&w, facts, eval_page_facts(r, facts));
    bool ok = true;
    for (int64_t i = 0; ok && i < r->n_results; i++) ok = put_result(out, r, &r->results[i], err);
    senc_buffer_append_text(out, "\n## Where these numbers come from\n\n");
    eval_page_fill_sources(r, &grid);
    put_grid(out, &grid);
    eval_write_section(&w, NULL, "What the words mean");
    eval_write_terms(&w, r->results, r->n_results, eval_page_terms(r));
    return ok && (!out->failed || senc_fail_memory(err, out->n_bytes, "a report"));
}

bool eval_report_write_folder(const eval_saved_report *r, const char *folder, senc_error *err) {
    if (!senc_path_create_folders(folder, err)) return false;
    char *json = senc_path_join(folder, "report.json"), *html = senc_path_join(folder, "report.html");
    char *markdown = senc_path_join(folder, "report.md");
    senc_buffer text = {0};
    const bool ok = ((json && html && markdown) || senc_fail_memory(err, strlen(folder), "a path")) &&
                    eval_saved_report_save(r, json, err) && eval_report_write_html(r, html, err) &&
                    eval_report_markdown(r, &text, err) &&
                    senc_file_write_output(markdown, text.data, text.n_bytes, err);
    senc_buffer_free(&text);
    free(json);
    free(html);
    free(markdown);
    return ok;
}
