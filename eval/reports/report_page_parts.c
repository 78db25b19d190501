/* What the HTML and the Markdown report share: see report_page_parts.h. */
#include "eval/reports/report_page_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/metric_words.h"
#include "eval/report.h"
#include "eval/reports/html_page.h"
#include "eval/reports/report_terms.h"

const char *const eval_page_slice_kinds[] = {"length", "slice", "script", NULL};

const char *eval_page_slice_title(const char *kind) {
    if (strcmp(kind, "length") == 0) return "By length";
    return strcmp(kind, "script") == 0 ? "By writing system (of most letters)" : "By slice";
}

const char *eval_page_number(double v, char *out, size_t out_bytes) {
    snprintf(out, out_bytes, isfinite(v) ? "%.4f" : "-", v);
    return out;
}

const char *eval_page_interval(double low, double high, char *out, size_t out_bytes) {
    out[0] = '\0';
    if (isfinite(low) && isfinite(high)) snprintf(out, out_bytes, "%.4f to %.4f", low, high);
    return out;
}

const char *eval_page_short_key(const eval_result *result, const char *key) {
    const size_t n = result->name ? strlen(result->name) : 0;
    return n > 0 && strncmp(key, result->name, n) == 0 && key[n] == '_' ? key + n + 1 : key;
}

const char *eval_page_p(double p, char *out, size_t out_bytes) {
    if (isnan(p))
        snprintf(out, out_bytes, "-");
    else
        snprintf(out, out_bytes, p < 0.001 ? "<\u00a00.001" : "%.3f", p);
    return out;
}

const char *eval_page_size(double bytes, char *out, size_t out_bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    int u = 0;
    for (; bytes >= 1000 && u < 4; u++) bytes /= 1000;
    snprintf(out, out_bytes, "%.*f %s", u == 0 || bytes >= 100 ? 0 : bytes >= 10 ? 1 : 2, bytes, units[u]);
    return out;
}

const char *eval_page_duration(double seconds, char *out, size_t out_bytes) {
    if (seconds < 120)
        snprintf(out, out_bytes, "%.0f s", seconds);
    else if (seconds < 7200)
        snprintf(out, out_bytes, "%.0f min", seconds / 60);
    else
        snprintf(out, out_bytes, "%.1f h", seconds / 3600);
    return out;
}

const char *eval_page_units(const char *unit_name) {
    static const char *const plurals[][2] = {
        {"query", "queries"}, {"pair", "pairs"}, {"triplet", "triplets"}, {"text", "texts"}};
    for (size_t i = 0; i < sizeof plurals / sizeof *plurals; i++)
        if (strcmp(unit_name, plurals[i][0]) == 0) return plurals[i][1];
    return unit_name;
}

static void add_head(senc_grid *grid, const char *alignment, const char *const *names) {
    senc_grid_init(grid, alignment);
    for (; *names; names++) senc_grid_add(grid, "%s", *names);
}

static void add_value(senc_grid *grid, const eval_saved_report *r, const char *key, double value) {
    char text[64];
    const eval_report_interval *interval = eval_saved_report_find_interval(r, key);
    senc_grid_add(grid, "%s", eval_page_number(value, text, sizeof text));
    senc_grid_add(grid, "%s", interval ? eval_page_interval(interval->low, interval->high, text, sizeof text) : "");
}

void eval_page_fill_headlines(const eval_saved_report *r, senc_grid *grid) {
    add_head(grid, "lllrrr", (const char *const[]){"data", "kind", "metric", "value", "95 % interval", "units", NULL});
    for (int64_t i = 0; i < r->n_results; i++) {
        const eval_result *result = &r->results[i];
        const eval_metric *primary = result->primary ? eval_result_find(result, result->primary) : NULL;
        char count[32];
        senc_grid_add(grid, "%s", result->name);
        senc_grid_add(grid, "%s", result->type);
        senc_grid_add(grid, "%s%s", primary ? eval_page_short_key(result, primary->key) : "-",
                      result->greater_is_better ? "" : " (lower is better)");
        add_value(grid, r, primary ? primary->key : "", primary ? primary->value : NAN);
        if (result->detail.n_units > 0)
            senc_grid_add(grid, "%s", eval_html_count(result->detail.n_units, count, sizeof count));
        else
            senc_grid_add(grid, "-");
    }
}

void eval_page_fill_metrics(const eval_saved_report *r, const eval_result *result, senc_grid *grid) {
    add_head(grid, "lrrl", (const char *const[]){"metric", "value", "95 % interval", "in words", NULL});
    for (int64_t i = 0; i < result->n_metrics; i++) {
        eval_metric_words words;
        eval_metric_find_words(result->type, result->name, result->metrics[i].key, &words);
        senc_grid_add(grid, "%s", eval_page_short_key(result, result->metrics[i].key));
        add_value(grid, r, result->metrics[i].key, result->metrics[i].value);
        senc_grid_add(grid, "%s", words.words);
    }
}

/* ---- plain words ---- */

/* The headline metric, and of those often quoted beside it what reads as a share. */
static bool is_in_words(const eval_result *r, const char *key, const eval_metric_words *words) {
    const bool is_primary = r->primary && strcmp(r->primary, key) == 0;
    return is_primary || (words->is_share && eval_report_is_often_quoted(key));
}

void eval_page_plain_words(const eval_result *before, const eval_result *results, int64_t n, const char *arrow,
                           const char *separator, senc_buffer *out) {
    int64_t n_said = 0;
    for (int64_t i = 0; i < n; i++) {
        const eval_result *r = &results[i];
        for (int64_t m = 0; m < r->n_metrics; m++) {
            eval_metric_words words;
            char text[224];
            const char *key = r->metrics[m].key;
            const eval_metric *old = before ? eval_result_find(&before[i], key) : NULL;
            if (!eval_metric_find_words(r->type, r->name, key, &words) || !is_in_words(r, key, &words)) continue;
            if (before && !old) continue;
            senc_buffer_append_text(out, n_said++ > 0 ? separator : "");
            if (n > 1) senc_buffer_printf(out, "%s: ", r->name);
            if (old) {
                senc_buffer_append_text(
                    out, eval_metric_change_text(&words, old->value, r->metrics[m].value, arrow, text, sizeof text));
            } else {
                eval_metric_value_text(&words, r->metrics[m].value, text, sizeof text);
                senc_buffer_printf(out, "%s: %s", words.words, text);
            }
        }
    }
}

/* "75 %" never breaks between number and sign. */
static void keep_percents(senc_buffer *text) {
    senc_buffer kept = {0};
    for (size_t i = 0; i < text->n_bytes; i++) {
        if (text->data[i] == ' ' && text->data[i + 1] == '%')
            senc_buffer_append_text(&kept, "\u00a0");
        else
            senc_buffer_append(&kept, &text->data[i], 1);
    }
    kept.failed = kept.failed || text->failed;
    senc_buffer_free(text);
    *text = kept;
}

void eval_page_write_lines(const eval_writer *w, senc_buffer *text) {
    enum { MOST = 32 };
    const char *lines[MOST];
    int64_t n = 0;
    if (!w->markdown) keep_percents(text);
    for (char *line = text->n_bytes > 0 ? text->data : NULL; line && n < MOST;) {
        char *end = strchr(line, '\n');
        if (end) *end = '\0';
        lines[n++] = line;
        line = end ? end + 1 : NULL;
    }
    if (!w->markdown) senc_buffer_append_text(w->out, "<div class=\"lead\">\n");
    eval_write_list(w, lines, n);
    if (!w->markdown) senc_buffer_append_text(w->out, "</div>\n");
    w->out->failed = w->out->failed || text->failed;
    senc_buffer_free(text);
}

void eval_page_write_plain_words(const eval_writer *w, const eval_result *before, const eval_result *results,
                                 int64_t n) {
    senc_buffer words = {0};
    eval_page_plain_words(before, results, n, "→", "\n", &words);
    eval_page_write_lines(w, &words);
}

bool eval_page_has_slices(const eval_report_view *view, const char *kind) {
    int64_t n = 0;
    for (int64_t i = 0; i < view->n_slices; i++) n += strcmp(view->slices[i].kind, kind) == 0;
    return n > 1;
}

void eval_page_fill_slices(const eval_report_view *view, const char *kind, senc_grid *grid) {
    add_head(grid, "lrrr", (const char *const[]){"part", "units", "value", "95 % interval", NULL});
    for (int64_t i = 0; i < view->n_slices; i++) {
        const eval_slice *s = &view->slices[i];
        if (strcmp(s->kind, kind) != 0) continue;
        char text[64];
        senc_grid_add(grid, "%s", s->label);
        senc_grid_add(grid, "%s", eval_html_count(s->n_units, text, sizeof text));
        senc_grid_add(grid, "%s", isfinite(s->value) ? eval_page_number(s->value, text, sizeof text) : "too few");
        senc_grid_add(grid, "%s", eval_page_interval(s->low, s->high, text, sizeof text));
    }
}

bool eval_page_has_variants(const eval_saved_report *r, const char *key) {
    for (int64_t i = 0; key && i < r->n_variants; i++)
        if (strcmp(r->variants[i].key, key) == 0) return true;
    return false;
}

static void add_variant(senc_grid *grid, const char *label, int64_t bytes, double value, const eval_metric *whole) {
    char text[64];
    senc_grid_add(grid, "%s", label);
    senc_grid_add(grid, "%s", bytes > 0 ? eval_html_count(bytes, text, sizeof text) : "-");
    senc_grid_add(grid, "%s", eval_page_number(value, text, sizeof text));
    if (whole)
        senc_grid_add(grid, "%+.1f %%", 100.0 * (value / whole->value - 1.0));
    else
        senc_grid_add(grid, "-");
}

void eval_page_fill_variants(const eval_saved_report *r, const eval_metric *metric, senc_grid *grid) {
    add_head(grid, "lrrr", (const char *const[]){"vectors", "bytes each", "value", "change", NULL});
    add_variant(grid, "as they are", r->facts.bytes_per_vector, metric->value, NULL);
    for (int64_t i = 0; i < r->n_variants; i++)
        if (strcmp(r->variants[i].key, metric->key) == 0)
            add_variant(grid, r->variants[i].label, r->variants[i].bytes_per_vector, r->variants[i].value, metric);
}

/* ---- facts ---- */

static const char *large_number(int64_t n, char *out, size_t out_bytes) {
    if (n >= 10000000)
        snprintf(out, out_bytes, "%.1f million", (double)n / 1e6);
    else
        eval_html_count(n, out, out_bytes);
    return out;
}

static eval_page_fact *add_fact(eval_page_fact *facts, int *n, const char *label) {
    facts[*n] = (eval_page_fact){.label = label};
    return &facts[(*n)++];
}

static void add_bill(const eval_system_bill *b, eval_page_fact *fact) {
    char sent[32], tokens[32], cached[32];
    if (isnan(b->dollars))
        snprintf(fact->value, sizeof fact->value, "unknown price");
    else if (b->dollars > 0 && b->dollars < 0.01)
        snprintf(fact->value, sizeof fact->value, "under $0.01");
    else
        snprintf(fact->value, sizeof fact->value, "$%.2f", b->dollars);
    snprintf(fact->note, sizeof fact->note, "%s texts sent, %s tokens; %s texts from the cache",
             eval_html_count(b->n_sent, sent, sizeof sent), eval_html_count(b->n_tokens, tokens, sizeof tokens),
             eval_html_count(b->n_cached, cached, sizeof cached));
}

static void add_ranking(const eval_ranking_cost *c, eval_page_fact *fact) {
    char documents[32], queries[32];
    snprintf(fact->value, sizeof fact->value, "%.0f bytes a document", (double)c->index_bytes / (double)c->n_documents);
    snprintf(fact->note, sizeof fact->note, "%s documents in %.1f s, %s queries in %.1f s",
             eval_html_count(c->n_documents, documents, sizeof documents), c->index_ms * 1e-3,
             eval_html_count(c->n_queries, queries, sizeof queries), c->query_ms * 1e-3);
}

int eval_page_facts(const eval_saved_report *r, eval_page_fact facts[EVAL_PAGE_MOST_FACTS]) {
    const eval_system_facts *f = &r->facts;
    const eval_encoder_stats *s = &r->stats;
    int n = 0;
    char text[64];
    if (f->n_parameters > 0)
        large_number(f->n_parameters, add_fact(facts, &n, "parameters")->value, sizeof facts->value);
    if (f->size_bytes > 0)
        snprintf(add_fact(facts, &n, "size on disk")->value, sizeof facts->value, "%.1f MB",
                 (double)f->size_bytes / 1e6);
    if (f->dimension > 0) {
        eval_page_fact *fact = add_fact(facts, &n, "dimension");
        snprintf(fact->value, sizeof fact->value, "%lld", (long long)f->dimension);
        if (f->bytes_per_vector > 0)
            snprintf(fact->note, sizeof fact->note, "%s bytes a vector, %.2f GB for a million",
                     eval_html_count(f->bytes_per_vector, text, sizeof text), (double)f->bytes_per_vector * 1e-3);
    }
    if (f->max_length > 0)
        snprintf(add_fact(facts, &n, "longest text")->value, sizeof facts->value, "%lld tokens",
                 (long long)f->max_length);
    if (r->ranking.n_documents > 0) add_ranking(&r->ranking, add_fact(facts, &n, "index of words"));
    if (r->bill.n_apis > 0) add_bill(&r->bill, add_fact(facts, &n, "API cost"));
    if (s->n_texts == 0) return n;
    if (s->encode_ms > 0) {
        eval_page_fact *fact = add_fact(facts, &n, "speed here");
        const double rate = (double)s->n_texts * 1e3 / s->encode_ms;
        snprintf(fact->value, sizeof fact->value, rate < 10 ? "%.1f texts/s" : "%.0f texts/s", rate);
        snprintf(fact->note, sizeof fact->note, "%s texts in %.0f seconds",
                 eval_html_count(s->n_texts, text, sizeof text), s->encode_ms * 1e-3);
    }
    if (r->bill.n_apis > 0) return n; /* what an API cuts it does not tell */
    eval_page_fact *cut = add_fact(facts, &n, "texts cut");
    snprintf(cut->value, sizeof cut->value, "%.1f %%", 100.0 * (double)s->n_truncated / (double)s->n_texts);
    if (s->n_truncated > 0 && f->max_length > 0)
        snprintf(cut->note, sizeof cut->note, "%s were longer than %lld tokens",
                 eval_html_count(s->n_truncated, text, sizeof text), (long long)f->max_length);
    return n;
}

unsigned eval_page_terms(const eval_saved_report *r) {
    return (r->n_intervals > 0 ? EVAL_TERMS_INTERVALS : 0) | (r->stats.n_texts > 0 ? EVAL_TERMS_LENGTHS : 0) |
           (r->facts.dimension > 0 || r->n_variants > 0 ? EVAL_TERMS_VECTORS : 0);
}

static void add_pair(senc_grid *grid, const char *key, const char *value) {
    if (!value || !*value) return;
    senc_grid_add(grid, "%s", key);
    senc_grid_add(grid, "%s", value);
}

void eval_page_fill_sources(const eval_saved_report *r, senc_grid *grid) {
    add_head(grid, "ll", (const char *const[]){"what", "value", NULL});
    add_pair(grid, "system", r->spec ? r->spec : r->label);
    add_pair(grid, "described", r->description);
    add_pair(grid, "SHA-256 of the weights", r->facts.sha256);
    add_pair(grid, "senc", r->senc);
    add_pair(grid, "made", r->created);
    for (int64_t i = 0; i < r->n_options; i++) add_pair(grid, r->options[i].key, r->options[i].value);
    for (int64_t i = 0; i < r->n_data; i++) {
        const eval_report_data *d = &r->data[i];
        char size[32];
        senc_grid_add(grid, "data of %s", d->name);
        senc_grid_add(grid, "%s (%s bytes, SHA-256 %s)", d->path, eval_html_count(d->size_bytes, size, sizeof size),
                      d->sha256);
    }
}
