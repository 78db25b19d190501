/* The details of a comparison's page: tables, costs, units side by side, rules. See comparison_parts.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/reports/comparison_parts.h"
#include "eval/reports/html_page.h"
#include "eval/reports/report_page_parts.h"
#include "eval/statistics/comparison_report.h"

enum { FOUND_SHOWN = 3 };

static void put_tag(senc_buffer *out, const char *tag, const char *text) {
    senc_buffer_printf(out, "<%s>", tag);
    eval_html_text(out, text);
    senc_buffer_printf(out, "</%s>\n", tag);
}

static const char *old_name(const eval_comparison_page *page) {
    return page->old ? page->old : "today";
}

static const char *new_name(const eval_comparison_page *page) {
    return page->new ? page->new : "candidate";
}

void eval_page_put_changes(senc_buffer *out, const eval_candidate *k, const eval_comparison_page *page) {
    const char *const head[] = {"metric", old_name(page),      new_name(page), "change", "95 % interval",
                                "p",      "better/same/worse", "seen from"};
    senc_grid grid;
    senc_grid_init(&grid, "lrrrrrrr");
    for (int i = 0; i < 8; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < k->n_changes; i++) {
        const eval_change *c = &k->changes[i];
        char p[16], name[256];
        senc_grid_add(&grid, "%s%s", eval_change_name(c, name, sizeof name), c->is_headline ? " *" : "");
        senc_grid_add(&grid, "%.4f", c->base);
        senc_grid_add(&grid, isnan(c->candidate) ? "undefined" : "%.4f", c->candidate);
        senc_grid_add(&grid, isnan(c->difference.value) ? "-" : "%+.4f", c->difference.value);
        if (isfinite(c->difference.low))
            senc_grid_add(&grid, "%+.4f to %+.4f", c->difference.low, c->difference.high);
        else
            senc_grid_add(&grid, "-");
        senc_grid_add(&grid, "%s", eval_page_p(c->p_holm, p, sizeof p));
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

/* ---- costs ---- */

static void add_cost(senc_grid *grid, const eval_switching_cost *c, int64_t n_documents) {
    char text[32];
    const int64_t bytes = eval_switching_cost_bytes(c);
    const double n = (double)n_documents, seconds = eval_switching_cost_seconds(c, n_documents);
    const double rate = c->texts_per_second > 0 ? c->texts_per_second : c->documents_per_second;
    senc_grid_add(grid, "%s", c->label);
    senc_grid_add(grid, c->dimension > 0 ? "%lld" : "-", (long long)c->dimension);
    senc_grid_add(grid, bytes > 0 ? "%lld" : "-", (long long)bytes);
    senc_grid_add(grid, "%s", bytes > 0 ? eval_page_size((double)bytes * n, text, sizeof text) : "-");
    senc_grid_add(grid, rate > 0 ? "%.0f" : "-", rate);
    senc_grid_add(grid, "%s", isfinite(seconds) ? eval_page_duration(seconds, text, sizeof text) : "-");
}

static void put_cost_lines(senc_buffer *out, const eval_switching_cost *c, int64_t n_documents) {
    char price[160];
    if (c->documents_per_second > 0) {
        senc_buffer_append_text(out, "<li>");
        eval_html_printf(
            out,
            "%s: an index of words of %lld bytes a document, made at %.0f documents a second; %.0f queries "
            "a second.",
            c->label, (long long)c->word_bytes, c->documents_per_second, c->queries_per_second);
        senc_buffer_append_text(out, "</li>\n");
    }
    if (eval_switching_cost_describe(c, n_documents, price, sizeof price)) {
        senc_buffer_append_text(out, "<li>");
        eval_html_printf(out, "%s: %s.", c->label, price);
        senc_buffer_append_text(out, "</li>\n");
    }
    if ((c->query_prompt && *c->query_prompt) || (c->document_prompt && *c->document_prompt)) {
        senc_buffer_append_text(out, "<li>");
        eval_html_printf(out, "%s: in front of queries \"%s\", of documents \"%s\".", c->label,
                         c->query_prompt ? c->query_prompt : "", c->document_prompt ? c->document_prompt : "");
        senc_buffer_append_text(out, "</li>\n");
    }
    if (c->from_old_index) {
        senc_buffer_append_text(out, "<li>");
        eval_html_printf(out, "%s: the same model as today's; its vectors can be made from those of the old index.",
                         c->label);
        senc_buffer_append_text(out, "</li>\n");
    }
    if (!c->map_key) return;
    senc_buffer_append_text(out, "<li>");
    eval_html_printf(out,
                     "%s on the old index through a learned map (%s, fitted on %lld texts): %s %.4f; today %.4f, "
                     "with its own index %.4f. Mapped and old vectors of other texts have a cosine of %.3f.",
                     c->label, c->map_method, (long long)c->map_n_fitted, c->map_key, c->map_value, c->map_base,
                     c->map_candidate, c->map_cosine);
    senc_buffer_append_text(out, "</li>\n");
}

void eval_page_put_costs(senc_buffer *out, const eval_comparison_page *page) {
    static const char *const head[] = {"model", "dimension", "bytes a text", "index", "texts/s", "index time"};
    senc_grid grid;
    char count[32];
    bool is_known = false; /* saved reports may say nothing */
    for (int64_t i = 0; i < page->n_costs; i++)
        is_known = is_known || eval_switching_cost_bytes(&page->costs[i]) > 0 || page->costs[i].texts_per_second > 0;
    if (!is_known) return;
    senc_grid_init(&grid, "lrrrrr");
    for (int i = 0; i < 6; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < page->n_costs; i++) add_cost(&grid, &page->costs[i], page->n_documents);
    senc_buffer_append_text(out, "<h2>What switching costs</h2>\n<p class=\"soft\">");
    eval_html_printf(out, "Index and embedding for %s documents, at the speed measured here.",
                     eval_html_count(page->n_documents, count, sizeof count));
    senc_buffer_append_text(out, "</p>\n");
    eval_html_grid(out, NULL, &grid);
    senc_grid_free(&grid);
    senc_buffer_append_text(out, "<ul class=\"plain\">\n");
    for (int64_t i = 0; i < page->n_costs; i++) put_cost_lines(out, &page->costs[i], page->n_documents);
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

static void put_unit(senc_buffer *out, const eval_changed_units *list, const eval_changed_unit *u,
                     const eval_comparison_page *page) {
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
    put_found(out, old_name(page), u->base, u->base_value, list->is_mean);
    put_found(out, new_name(page), u->candidate, u->candidate_value, list->is_mean);
    senc_buffer_append_text(out, "</div>\n</div>\n");
}

static void put_units(senc_buffer *out, const eval_changed_units *list, const eval_comparison_page *page) {
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
        for (int64_t i = 0; i < kinds[k].n; i++) put_unit(out, list, &kinds[k].items[i], page);
    }
}

void eval_page_put_units(senc_buffer *out, const eval_candidate *k, const eval_comparison_page *page) {
    for (int64_t i = 0; i < k->n_units; i++) put_units(out, &k->units[i], page);
}

/* ---- all ---- */

/* How much of the texts both have read, where that is known. */
static void put_readings(senc_buffer *out, const eval_comparison *c, const eval_candidate *k) {
    char text[96];
    for (int64_t i = 0; i < k->n_changes; i++) {
        const eval_change *x = &k->changes[i];
        if (!x->is_headline || !x->base_reading || !x->reading) continue;
        if (x->base_reading->n_texts + x->reading->n_texts == 0) continue;
        senc_buffer_append_text(out, "<p class=\"soft\">");
        eval_html_printf(out, "Texts of %s: ", x->data);
        if (x->base_reading->n_texts > 0)
            eval_html_printf(out, "of %s %s%s", c->base_label,
                             eval_reading_describe(x->base_reading, text, sizeof text),
                             x->reading->n_texts > 0 ? "; " : ".");
        if (x->reading->n_texts > 0)
            eval_html_printf(out, "of %s %s.", k->label, eval_reading_describe(x->reading, text, sizeof text));
        senc_buffer_append_text(out, "</p>\n");
    }
}

void eval_page_put_candidate(senc_buffer *out, const eval_comparison *c, const eval_candidate *k,
                             const eval_comparison_page *page) {
    put_tag(out, "h2", k->label);
    put_readings(out, c, k);
    eval_page_put_changes(out, k, page);
    eval_page_put_units(out, k, page);
}

void eval_page_put_rules(senc_buffer *out, const eval_comparison *c, const eval_comparison_page *page) {
    char rules[EVAL_COMPARISON_RULES][EVAL_COMPARISON_RULE_BYTES];
    const int n = eval_comparison_rules(c, page->standings, rules);
    senc_buffer_append_text(out, "<section class=\"keep\">\n"); /* ended behind the terms */
    put_tag(out, "h2", "How this was measured");
    senc_buffer_append_text(out, "<ul class=\"plain\">\n");
    for (int i = 0; i < n; i++) put_tag(out, "li", rules[i]);
    senc_buffer_append_text(out, "</ul>\n");
}
