/* The verdicts on top of a comparison's page: see comparison_parts.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/reports/comparison_parts.h"
#include "eval/reports/html_page.h"
#include "eval/reports/report_page_parts.h"

/* ---- the answer ---- */

static void put_group(senc_buffer *out, const eval_comparison *c, eval_verdict verdict, const char *what) {
    bool is_first = true;
    for (int64_t k = 0; k < c->n_candidates; k++) {
        if (c->candidates[k].verdict != verdict) continue;
        eval_html_printf(out, "%s%s", is_first ? what : ", ", c->candidates[k].label);
        is_first = false;
    }
    if (!is_first) senc_buffer_append_text(out, ". ");
}

static const char *base_words(const eval_comparison_page *page) {
    return page->base_words ? page->base_words : "what runs today";
}

void eval_page_put_answer(senc_buffer *out, const eval_comparison *c, const eval_comparison_page *page) {
    senc_buffer_append_text(out, "<p class=\"soft\">");
    eval_html_printf(out, "Measured on the same data, unit by unit, against %s: %s.", base_words(page), c->base_label);
    senc_buffer_append_text(out, "</p>\n");
    if (c->n_candidates < 2) return;
    senc_buffer_append_text(out, "<p><b>");
    put_group(out, c, EVAL_VERDICT_BETTER, "Better: ");
    put_group(out, c, EVAL_VERDICT_SAME, "Not distinguishable: ");
    put_group(out, c, EVAL_VERDICT_WORSE, "Worse: ");
    put_group(out, c, EVAL_VERDICT_TOO_FEW, "Cannot be judged: ");
    put_group(out, c, EVAL_VERDICT_WITHHELD, "No verdict: ");
    senc_buffer_append_text(out, "</b></p>\n");
}

/* ---- reasons ---- */

static void put_leak(senc_buffer *out, const eval_change *c, const char *base_label) {
    char words[256];
    if (c->verdict != EVAL_VERDICT_WITHHELD) return;
    eval_html_printf(out, " No verdict: %s.", eval_change_leak_words(c, base_label, words, sizeof words));
}

static void put_reason(senc_buffer *out, const eval_comparison *comparison, const eval_candidate *k,
                       const eval_change *c) {
    char p[16], count[32], name[256], readings[512];
    const double min_effect = comparison->min_effect;
    senc_buffer_append_text(out, "<p>");
    if (isnan(c->candidate)) {
        eval_html_printf(out, "%s is undefined for the new model; senc eval says why.</p>\n",
                         eval_change_name(c, name, sizeof name));
        return;
    }
    eval_html_printf(out, "%s: %.4f → %.4f, ", eval_change_name(c, name, sizeof name), c->base, c->candidate);
    senc_buffer_append_text(out, "<b>");
    eval_html_printf(out, "%+.4f", c->difference.value);
    senc_buffer_append_text(out, "</b> ");
    eval_html_printf(out, "(95 %% interval %+.4f to %+.4f, p\u00a0%s%s, %s %s).", c->difference.low, c->difference.high,
                     c->p_holm < 0.001 ? "" : "=\u00a0", eval_page_p(c->p_holm, p, sizeof p),
                     eval_html_count(c->n_units, count, sizeof count), eval_page_units(c->unit_name));
    if (c->verdict == EVAL_VERDICT_SAME && c->p_holm >= EVAL_ALPHA && eval_change_excludes(c, min_effect))
        eval_html_printf(out, " A change of %g, which would matter, is excluded.", min_effect);
    else if (c->verdict == EVAL_VERDICT_SAME && isfinite(c->detectable) && c->detectable > 0)
        eval_html_printf(out, " Changes below %.4f would mostly go unseen.", c->detectable);
    if (c->verdict == EVAL_VERDICT_SAME && c->p_holm < EVAL_ALPHA)
        eval_html_printf(out, " The change is real, but below the %g that matters.", min_effect);
    if (c->verdict == EVAL_VERDICT_TOO_FEW && min_effect > 0 && c->difference.error > 0)
        eval_html_printf(
            out, " To see a change of %g, about %s %s would be needed.", min_effect,
            eval_html_count(eval_units_needed(min_effect, c->difference.error, c->n_units, EVAL_ALPHA, EVAL_POWER),
                            count, sizeof count),
            eval_page_units(c->unit_name));
    put_leak(out, c, comparison->base_label);
    if (eval_change_readings(c, comparison->base_label, k->label, readings, sizeof readings))
        eval_html_printf(out, " Mind: %s.", readings);
    senc_buffer_append_text(out, "</p>\n");
}

static void put_limit(senc_buffer *out, const eval_change *c) {
    char name[256];
    eval_change_name(c, name, sizeof name);
    if (isnan(c->limit) || !(c->is_regression || c->may_be_regression)) return;
    senc_buffer_append_text(out, "<p>");
    if (c->is_regression)
        eval_html_printf(out, "Regression: %s changes by %+.4f; a fall of %g was allowed.", name, c->difference.value,
                         c->limit);
    else
        eval_html_printf(out, "A fall of %s by more than %g is not excluded (interval from %+.4f).", name, c->limit,
                         c->difference.low);
    senc_buffer_append_text(out, "</p>\n");
}

static void put_others(senc_buffer *out, const eval_candidate *k) {
    senc_buffer text = {0};
    eval_candidate_others(k, &text);
    out->failed = out->failed || text.failed;
    if (text.n_bytes > 0) {
        senc_buffer_append_text(out, "<p>");
        eval_html_text(out, senc_buffer_text(&text));
        senc_buffer_append_text(out, "</p>\n");
    }
    senc_buffer_free(&text);
}

/* ---- what switching costs ---- */

/* Vectors and words. */
static void put_index(senc_buffer *out, const eval_switching_cost *old, const eval_switching_cost *new, double n) {
    char before[32], after[32];
    const int64_t old_bytes = eval_switching_cost_bytes(old), new_bytes = eval_switching_cost_bytes(new);
    if (old_bytes == 0 || new_bytes == 0) return;
    eval_page_size((double)old_bytes * n, before, sizeof before);
    eval_page_size((double)new_bytes * n, after, sizeof after);
    if (old_bytes == new_bytes)
        eval_html_printf(out, " The index takes %s as today.", after);
    else
        eval_html_printf(out, " The index takes %s in place of %s.", after, before);
}

static bool is_other_text(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "") != 0;
}

static void put_prompts(senc_buffer *out, const eval_switching_cost *old, const eval_switching_cost *new) {
    const bool query = is_other_text(old->query_prompt, new->query_prompt);
    const bool document = is_other_text(old->document_prompt, new->document_prompt);
    if (query || document)
        eval_html_printf(out, " The prompt%s of %s%s%s change%s.", query && document ? "s" : "", query ? "queries" : "",
                         query && document ? " and " : "", document ? "documents" : "", query && document ? "" : "s");
}

static void put_old_index(senc_buffer *out, const eval_switching_cost *c) {
    if (c->from_old_index) eval_html_printf(out, " Its vectors can be made from those of the old index.");
    if (!c->map_key || c->map_candidate <= c->map_base) return;
    eval_html_printf(out, " Old index through a learned map: %s %.4f. %s", c->map_key, c->map_value,
                     eval_switching_cost_map_words(c));
}

static void put_price(senc_buffer *out, const eval_switching_cost *c, double n_documents) {
    if (!(c->tokens_per_text > 0) || c->dollars_per_text == 0) return; /* no API, or free */
    if (isnan(c->dollars_per_text))
        eval_html_printf(out, " What the API takes for them is not known.");
    else
        eval_html_printf(out, " The API takes about $%.2f for them.", c->dollars_per_text * n_documents);
}

static void put_switching(senc_buffer *out, const eval_comparison_page *page, int64_t k) {
    if (k + 1 >= page->n_costs) return;
    const eval_switching_cost *old = &page->costs[0], *new = &page->costs[k + 1];
    senc_buffer text = {0};
    char time[32], count[32];
    put_index(&text, old, new, (double)page->n_documents);
    if (new->texts_per_second > 0)
        eval_html_printf(&text, " Embedding all documents takes %s at the speed measured here.",
                         eval_page_duration((double)page->n_documents / new->texts_per_second, time, sizeof time));
    put_price(&text, new, (double)page->n_documents);
    put_prompts(&text, old, new);
    put_old_index(&text, new);
    out->failed = out->failed || text.failed;
    if (text.n_bytes > 0) {
        senc_buffer_append_text(out, "<p class=\"soft\">");
        eval_html_printf(out, "Switching, for %s documents:", eval_html_count(page->n_documents, count, sizeof count));
        senc_buffer_append(out, text.data, text.n_bytes);
        senc_buffer_append_text(out, "</p>\n");
    }
    senc_buffer_free(&text);
}

void eval_page_put_verdict(senc_buffer *out, const eval_comparison *c, int64_t k, const eval_comparison_page *page) {
    static const char *const words[] = {
        [EVAL_VERDICT_BETTER] = "is better",
        [EVAL_VERDICT_SAME] = "is not distinguishable from ",
        [EVAL_VERDICT_WORSE] = "is worse",
        [EVAL_VERDICT_TOO_FEW] = "cannot be judged: ",
        [EVAL_VERDICT_WITHHELD] = "has no verdict: it was evaluated on what was trained on",
    };
    const eval_candidate *candidate = &c->candidates[k];
    const bool is_bad = candidate->verdict == EVAL_VERDICT_WORSE || candidate->is_regression;
    senc_buffer_printf(out, "<div class=\"verdict %s\"><b>",
                       is_bad                                      ? "kb"
                       : candidate->verdict == EVAL_VERDICT_BETTER ? "kg"
                                                                   : "kw");
    senc_buffer where = {0};
    eval_candidate_where(candidate, &where);
    out->failed = out->failed || where.failed;
    eval_html_printf(out, "%s %s%s%s%s", candidate->label, words[candidate->verdict],
                     candidate->verdict == EVAL_VERDICT_SAME      ? base_words(page)
                     : candidate->verdict == EVAL_VERDICT_TOO_FEW ? eval_candidate_why_undecided(candidate)
                                                                  : "",
                     senc_buffer_text(&where), candidate->is_regression ? "; this is a regression" : "");
    senc_buffer_free(&where);
    senc_buffer_append_text(out, "</b>\n");
    senc_buffer plain = {0};
    eval_candidate_plain_words(candidate, "→", "\n", &plain);
    eval_page_write_lines(&(eval_writer){out, false}, &plain);
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        if (candidate->changes[i].is_headline) put_reason(out, c, candidate, &candidate->changes[i]);
        put_limit(out, &candidate->changes[i]);
    }
    put_others(out, candidate);
    put_switching(out, page, k);
    senc_buffer_append_text(out, "</div>\n");
}
