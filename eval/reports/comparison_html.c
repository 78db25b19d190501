/* A comparison as one HTML file: see comparison_html.h. */
#include "eval/reports/comparison_html.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "eval/reports/html_page.h"
#include "eval/reports/report_page_parts.h"
#include "eval/reports/svg_chart.h"

enum { MOST_ROWS = 64, FOUND_SHOWN = 3 };

static void put_tag(senc_buffer *out, const char *tag, const char *text) {
    senc_buffer_printf(out, "<%s>", tag);
    eval_html_text(out, text);
    senc_buffer_printf(out, "</%s>\n", tag);
}

static const char *p_text(double p, char *out, size_t out_bytes) {
    if (isnan(p))
        snprintf(out, out_bytes, "-");
    else
        snprintf(out, out_bytes, p < 0.001 ? "< 0.001" : "%.3f", p);
    return out;
}

static int kind_of(const eval_change *c) {
    if (c->verdict == EVAL_VERDICT_BETTER) return EVAL_CHART_GOOD;
    return c->verdict == EVAL_VERDICT_WORSE || c->is_regression ? EVAL_CHART_BAD : 4;
}

/* ---- verdicts ---- */

static void put_reason(senc_buffer *out, const eval_change *c, double min_effect) {
    char p[16];
    senc_buffer_append_text(out, "<p>");
    eval_html_printf(out, "%s: %.4f → %.4f, a change of %+.4f (95 %% interval %+.4f to %+.4f, p = %s, %lld %s).",
                     c->key, c->base, c->candidate, c->difference.value, c->difference.low, c->difference.high,
                     p_text(c->p_holm, p, sizeof p), (long long)c->n_units, eval_page_units(c->unit_name));
    if (isfinite(c->detectable))
        eval_html_printf(out, " With as many of them, changes below %.4f mostly go unseen.", c->detectable);
    if (c->verdict == EVAL_VERDICT_TOO_FEW && min_effect > 0 && c->difference.error > 0)
        eval_html_printf(
            out, " To see a change of %g, about %lld would be needed.", min_effect,
            (long long)eval_units_needed(min_effect, c->difference.error, c->n_units, EVAL_ALPHA, EVAL_POWER));
    senc_buffer_append_text(out, "</p>\n");
}

static void put_verdict(senc_buffer *out, const eval_candidate *k, double min_effect) {
    static const char *const words[] = {
        [EVAL_VERDICT_BETTER] = "is better",
        [EVAL_VERDICT_SAME] = "is not distinguishable from what runs today",
        [EVAL_VERDICT_WORSE] = "is worse",
        [EVAL_VERDICT_TOO_FEW] = "cannot be judged: too few units",
    };
    const bool is_bad = k->verdict == EVAL_VERDICT_WORSE || k->is_regression;
    senc_buffer_printf(out, "<div class=\"verdict %s\"><b>",
                       is_bad                              ? "kb"
                       : k->verdict == EVAL_VERDICT_BETTER ? "kg"
                                                           : "kw");
    eval_html_printf(out, "%s %s%s", k->label, words[k->verdict], k->is_regression ? "; this is a regression" : "");
    senc_buffer_append_text(out, "</b>\n");
    for (int64_t i = 0; i < k->n_changes; i++) {
        const eval_change *c = &k->changes[i];
        if (c->is_headline) put_reason(out, c, min_effect);
        if (isnan(c->limit) || !(c->is_regression || c->may_be_regression)) continue;
        senc_buffer_append_text(out, "<p>");
        if (c->is_regression)
            eval_html_printf(out, "Regression: %s changes by %+.4f; a fall of %g was allowed.", c->key,
                             c->difference.value, c->limit);
        else
            eval_html_printf(out, "A fall of %s by more than %g is not excluded (interval from %+.4f).", c->key,
                             c->limit, c->difference.low);
        senc_buffer_append_text(out, "</p>\n");
    }
    senc_buffer_append_text(out, "</div>\n");
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

static void put_differences(senc_buffer *out, const eval_comparison *c) {
    const eval_change *changes[MOST_ROWS];
    const char *labels[MOST_ROWS];
    char names[MOST_ROWS][96], texts[MOST_ROWS][32];
    eval_chart_row rows[MOST_ROWS];
    eval_chart_stack stacks[MOST_ROWS];
    const int64_t n = collect(c, changes, labels);
    for (int64_t i = 0; i < n; i++) {
        const eval_estimate *d = &changes[i]->difference;
        snprintf(names[i], sizeof names[i], "%.24s · %.24s", senc_path_name(labels[i]), changes[i]->data);
        snprintf(texts[i], sizeof texts[i], "%+.4f", d->value);
        rows[i] = (eval_chart_row){names[i], d->value, d->low, d->high, texts[i], kind_of(changes[i])};
        stacks[i] = (eval_chart_stack){
            names[i],
            {(double)changes[i]->effect.wins, (double)changes[i]->effect.ties, (double)changes[i]->effect.losses}};
    }
    char note[160] = "Candidate less today, with 95 % intervals; dashed: no change.";
    if (c->min_effect > 0)
        snprintf(note, sizeof note,
                 "Candidate less today, with 95 %% intervals; dashed: no change. %g is what matters.", c->min_effect);
    const eval_chart forest = {.title = "Change of the headline metrics",
                               .note = note,
                               .x_label = "difference",
                               .description = "Differences with intervals, one line a candidate and data set."};
    const eval_chart wins = {.title = "Single units: better, the same, worse",
                             .note = "How many queries (pairs, ...) the candidate does better or worse on.",
                             .description = "Bars cut into wins, ties and losses."};
    if (n == 0) return;
    senc_buffer_append_text(out, "<div class=\"charts\">\n");
    eval_chart_forest(out, &forest, 0, rows, n);
    eval_chart_stacks(out, &wins, (const char *const[]){"better", "the same", "worse"}, stacks, n);
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
                              .x_label = "k (logarithmic)",
                              .y_label = name,
                              .description = "One line a model, over the number of documents looked at.",
                              .x_is_log = true,
                              .y_from_zero = true};
    if (n > 0) eval_chart_lines(out, &chart, lines, n);
    for (int64_t i = 0; i < EVAL_CHART_SERIES; i++) free(ks[i]);
}

static void put_curves(senc_buffer *out, const eval_compared_model *models, int64_t n_models) {
    bool has_any = false;
    for (int64_t i = 0; models[0].n_runs > 0 && i < models[0].runs[0].n_results; i++) {
        const eval_result *r = &models[0].runs[0].results[i];
        for (int64_t c = 0; c < r->detail.n_curves; c++) {
            if (!has_any) senc_buffer_append_text(out, "<h2>Curves</h2>\n<div class=\"charts\">\n");
            has_any = true;
            put_curve(out, models, n_models, r->name, r->detail.curves[c].name);
        }
    }
    if (has_any) senc_buffer_append_text(out, "</div>\n");
}

/* ---- tables ---- */

static void put_changes(senc_buffer *out, const eval_candidate *k) {
    static const char *const head[] = {"metric",        "today", "candidate",         "change",
                                       "95 % interval", "p",     "better/same/worse", "seen from"};
    senc_grid grid;
    senc_grid_init(&grid, "lrrrrrrr");
    for (int i = 0; i < 8; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < k->n_changes; i++) {
        const eval_change *c = &k->changes[i];
        char p[16];
        senc_grid_add(&grid, "%s%s", c->key, c->is_headline ? " *" : "");
        senc_grid_add(&grid, "%.4f", c->base);
        senc_grid_add(&grid, "%.4f", c->candidate);
        senc_grid_add(&grid, "%+.4f", c->difference.value);
        if (isfinite(c->difference.low))
            senc_grid_add(&grid, "%+.4f to %+.4f", c->difference.low, c->difference.high);
        else
            senc_grid_add(&grid, "-");
        senc_grid_add(&grid, "%s", p_text(c->p_holm, p, sizeof p));
        senc_grid_add(&grid, "%lld / %lld / %lld", (long long)c->effect.wins, (long long)c->effect.ties,
                      (long long)c->effect.losses);
        senc_grid_add(&grid, isfinite(c->detectable) ? "%.4f" : "-", c->detectable);
    }
    eval_html_grid(out, NULL, &grid);
    senc_grid_free(&grid);
    put_tag(out, "p",
            "*: headline metric, which decides. p is corrected for the number of comparisons (Holm). Seen from: the "
            "smallest change that so many units show with 80 % power.");
}

static void put_costs(senc_buffer *out, const eval_switching_cost *costs, int64_t n, int64_t n_documents) {
    if (n == 0) return;
    static const char *const head[] = {"model", "dimension", "bytes a vector", "index", "texts/s", "embedding all"};
    senc_grid grid;
    char count[32];
    senc_grid_init(&grid, "lrrrrr");
    for (int i = 0; i < 6; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < n; i++) {
        const eval_switching_cost *c = &costs[i];
        senc_grid_add(&grid, "%s", c->label);
        senc_grid_add(&grid, c->dimension > 0 ? "%lld" : "-", (long long)c->dimension);
        senc_grid_add(&grid, c->bytes_per_vector > 0 ? "%lld" : "-", (long long)c->bytes_per_vector);
        senc_grid_add(&grid, c->bytes_per_vector > 0 ? "%.2f GB" : "-",
                      (double)c->bytes_per_vector * (double)n_documents * 1e-9);
        senc_grid_add(&grid, c->texts_per_second > 0 ? "%.0f" : "-", c->texts_per_second);
        senc_grid_add(&grid, c->texts_per_second > 0 ? "%.1f h" : "-",
                      (double)n_documents / c->texts_per_second / 3600);
    }
    senc_buffer_append_text(out, "<h2>What switching costs</h2>\n<p class=\"soft\">");
    eval_html_printf(out, "Index and embedding for %s documents, at the speed measured here.",
                     eval_html_count(n_documents, count, sizeof count));
    senc_buffer_append_text(out, "</p>\n");
    eval_html_grid(out, NULL, &grid);
    senc_grid_free(&grid);
    senc_buffer_append_text(out, "<ul class=\"plain\">\n");
    for (int64_t i = 0; i < n; i++) {
        const eval_switching_cost *c = &costs[i];
        char price[160];
        if (eval_switching_cost_describe(c, n_documents, price, sizeof price)) {
            senc_buffer_append_text(out, "<li>");
            eval_html_printf(out, "%s: %s.", c->label, price);
            senc_buffer_append_text(out, "</li>\n");
        }
        if (c->query_prompt || c->document_prompt) {
            senc_buffer_append_text(out, "<li>");
            eval_html_printf(out, "%s: in front of queries \"%s\", of documents \"%s\".", c->label,
                             c->query_prompt ? c->query_prompt : "", c->document_prompt ? c->document_prompt : "");
            senc_buffer_append_text(out, "</li>\n");
        }
        if (!c->map_key) continue;
        senc_buffer_append_text(out, "<li>");
        eval_html_printf(out,
                         "%s on the old index through a learned map (%s, fitted on %lld texts): %s %.4f; today %.4f, "
                         "with its own index %.4f. Mapped and old vectors of other texts have a cosine of %.3f.",
                         c->label, c->map_method, (long long)c->map_n_fitted, c->map_key, c->map_value, c->map_base,
                         c->map_candidate, c->map_cosine);
        senc_buffer_append_text(out, "</li>\n");
    }
    senc_buffer_append_text(out, "</ul>\n");
}

/* ---- units ---- */

static void put_found(senc_buffer *out, const char *title, const eval_unit *u, double value, bool is_mean) {
    senc_buffer_append_text(out, "<div><p class=\"soft\">");
    eval_html_printf(out, "%s: %s %.3f", title, is_mean ? "value" : "score", value);
    if (u->rank > 0) eval_html_printf(out, ", first relevant at rank %lld", (long long)u->rank);
    if (u->rank == 0) eval_html_printf(out, ", nothing relevant found");
    senc_buffer_append_text(out, "</p>\n");
    if (u->n_found > 0) senc_buffer_append_text(out, "<ol>\n");
    for (int64_t i = 0; i < u->n_found && i < FOUND_SHOWN; i++) {
        const eval_found *f = &u->found[i];
        senc_buffer_printf(out, "<li><b class=\"%s\">%s</b> ", f->grade > 0 ? "ok" : "no",
                           f->grade > 0 ? "relevant" : "not relevant");
        eval_html_beginning(out, f->text ? f->text : f->id, 140);
        senc_buffer_append_text(out, "</li>\n");
    }
    senc_buffer_append_text(out, u->n_found > 0 ? "</ol></div>\n" : "</div>\n");
}

static void put_unit(senc_buffer *out, const eval_changed_units *list, const eval_changed_unit *u) {
    senc_buffer_append_text(out, "<div class=\"unit\"><p class=\"head\">");
    eval_html_beginning(out, u->base->text ? u->base->text : "", 400);
    senc_buffer_append_text(out, "</p>\n");
    if (u->base->other && *u->base->other) {
        senc_buffer_printf(out, "<p><span class=\"tag\">%s</span> ", u->base->rank >= 0 ? "relevant" : "with");
        eval_html_beginning(out, u->base->other, 240);
        senc_buffer_append_text(out, "</p>\n");
    }
    if (isfinite(u->gold) && !list->is_mean) {
        senc_buffer_append_text(out, "<p class=\"soft\">");
        eval_html_printf(out, "known: %g", u->gold);
        senc_buffer_append_text(out, "</p>\n");
    }
    senc_buffer_append_text(out, "<div class=\"two\">\n");
    put_found(out, "today", u->base, u->base_value, list->is_mean);
    put_found(out, "candidate", u->candidate, u->candidate_value, list->is_mean);
    senc_buffer_append_text(out, "</div>\n</div>\n");
}

static void put_units(senc_buffer *out, const eval_changed_units *list) {
    const struct {
        const char *what;
        const eval_changed_unit *items;
        int64_t n;
    } kinds[] = {{"most improved", list->improved, list->n_improved}, {"most hurt", list->hurt, list->n_hurt}};
    for (int k = 0; k < 2; k++) {
        if (kinds[k].n == 0) continue;
        senc_buffer_append_text(out, "<h3>");
        eval_html_printf(out, "%s: %s", list->data, kinds[k].what);
        senc_buffer_append_text(out, "</h3>\n");
        for (int64_t i = 0; i < kinds[k].n; i++) put_unit(out, list, &kinds[k].items[i]);
    }
}

bool eval_comparison_html(const eval_comparison *c, const eval_compared_model *models, int64_t n_models,
                          const eval_switching_cost *costs, int64_t n_costs, int64_t n_documents, senc_buffer *out,
                          senc_error *err) {
    senc_buffer title = {0};
    senc_buffer_printf(&title, "May %s be replaced?", c->base_label);
    eval_html_open(out, senc_buffer_text(&title));
    senc_buffer_append_text(out, "<main>\n");
    put_tag(out, "h1", senc_buffer_text(&title));
    out->failed = out->failed || title.failed;
    senc_buffer_free(&title);
    senc_buffer_append_text(out, "<p class=\"soft\">");
    eval_html_printf(out, "Measured on the same data, unit by unit, against what runs today: %s.", c->base_label);
    senc_buffer_append_text(out, "</p>\n");
    for (int64_t k = 0; k < c->n_candidates; k++) put_verdict(out, &c->candidates[k], c->min_effect);
    put_differences(out, c);
    for (int64_t k = 0; k < c->n_candidates; k++) {
        put_tag(out, "h2", c->candidates[k].label);
        put_changes(out, &c->candidates[k]);
        for (int64_t i = 0; i < c->candidates[k].n_units; i++) put_units(out, &c->candidates[k].units[i]);
    }
    put_costs(out, costs, n_costs, n_documents);
    put_curves(out, models, n_models);
    senc_buffer_append_text(out, "</main>\n");
    eval_html_close(out);
    return !out->failed || senc_fail_memory(err, out->n_bytes, "a report");
}
