/* Which one? On top of a comparison's page: the answer, and the tables of all systems. See comparison_parts.h. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "eval/reports/comparison_parts.h"
#include "eval/reports/html_page.h"
#include "eval/reports/report_page_parts.h"

static void add_size(senc_grid *grid, const eval_switching_cost *c) {
    char count[32];
    const int64_t bytes = eval_switching_cost_bytes(c);
    senc_grid_add(grid, "%s", bytes > 0 ? eval_html_count(bytes, count, sizeof count) : "-");
    if (c->n_parameters >= 1000000)
        senc_grid_add(grid, "%.1f million", (double)c->n_parameters / 1e6);
    else if (c->n_parameters > 0)
        senc_grid_add(grid, "%s", eval_html_count(c->n_parameters, count, sizeof count));
    else
        senc_grid_add(grid, c->is_known && c->bytes_per_vector == 0 ? "0" : "-");
}

static void add_speed(senc_grid *grid, const eval_switching_cost *c) {
    if (c->texts_per_second > 0)
        senc_grid_add(grid, "%.0f texts/s", c->texts_per_second);
    else if (c->queries_per_second > 0)
        senc_grid_add(grid, "%.0f queries/s", c->queries_per_second);
    else
        senc_grid_add(grid, "-");
}

static void add_price(senc_grid *grid, const eval_switching_cost *c, int64_t n_documents) {
    if (!(c->tokens_per_text > 0))
        senc_grid_add(grid, c->is_known ? "none" : "-");
    else if (isnan(c->dollars_per_text))
        senc_grid_add(grid, "%.0f tokens a text, unknown price", c->tokens_per_text);
    else
        senc_grid_add(grid, "$%.2f (%.0f tokens a text)", c->dollars_per_text * (double)n_documents,
                      c->tokens_per_text);
}

/* Whether one of the systems is an API that takes tokens. */
static bool has_prices(const eval_comparison_page *page) {
    for (int64_t i = 0; i < page->n_costs; i++)
        if (page->costs[i].tokens_per_text > 0) return true;
    return false;
}

static void add_row(senc_grid *grid, const eval_comparison_page *page, const eval_standing *x) {
    static const eval_switching_cost unknown = {0};
    const eval_switching_cost *c = page->n_costs > x->model ? &page->costs[x->model] : &unknown;
    char percent[16], interval[64], p[16];
    senc_grid_add(grid, "%s", page->standings->labels[x->model]);
    senc_grid_add(grid, "%.4f", x->value);
    senc_grid_add(grid, "%s", eval_page_interval(x->low, x->high, interval, sizeof interval));
    if (isnan(x->p))
        senc_grid_add(grid, "%s", eval_place_words(x->place));
    else
        senc_grid_add(grid, "%s (p\u00a0%s%s)", eval_place_words(x->place), x->p < 0.001 ? "" : "=\u00a0",
                      eval_page_p(x->p, p, sizeof p));
    senc_grid_add(grid, "%s", eval_reading_percent(&x->reading, percent, sizeof percent));
    if (x->reading.max_length > 0)
        senc_grid_add(grid, "%lld tokens", (long long)x->reading.max_length);
    else
        senc_grid_add(grid, x->reading.n_texts > 0 ? "everything" : "-");
    add_size(grid, c);
    add_speed(grid, c);
    if (has_prices(page)) add_price(grid, c, page->n_documents);
}

static void put_set(senc_buffer *out, const eval_comparison_page *page, const eval_data_standings *set) {
    char price[64], count[32];
    senc_grid grid;
    snprintf(price, sizeof price, "API, %s texts", eval_html_count(page->n_documents, count, sizeof count));
    const char *const head[] = {"system",     "value", "95 % interval",      "against the best",
                                "texts cut",  "reads", "index bytes a text", "parameters",
                                "speed here", price};
    senc_buffer_append_text(out, "<h2>");
    eval_html_printf(out, "All systems on %s, by %s", set->data, set->metric);
    senc_buffer_append_text(out, "</h2>\n");
    const int n_columns = has_prices(page) ? 10 : 9;
    senc_grid_init(&grid, n_columns == 10 ? "lrrlrrrrrr" : "lrrlrrrrr");
    for (int i = 0; i < n_columns; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < page->standings->n_models; i++) add_row(&grid, page, &set->items[i]);
    eval_html_grid(out, NULL, &grid);
    senc_grid_free(&grid);
}

static void put_overall(senc_buffer *out, const eval_standings *s) {
    senc_grid grid;
    senc_buffer_append_text(out, "<h2>");
    eval_html_printf(out, "All systems, by the mean of the %lld headline metrics", (long long)s->n_sets);
    senc_buffer_append_text(out, "</h2>\n");
    senc_grid_init(&grid, "lrl");
    static const char *const head[] = {"system", "mean", "against the best"};
    for (int i = 0; i < 3; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < s->n_models; i++) {
        const eval_standing *x = &s->overall[i];
        senc_buffer where = {0};
        eval_standings_where(s, x, &where);
        senc_grid_add(&grid, "%s", s->labels[x->model]);
        senc_grid_add(&grid, "%.4f", x->value);
        senc_grid_add(&grid, "%s", senc_buffer_text(&where));
        senc_buffer_free(&where);
    }
    eval_html_grid(out, NULL, &grid);
    senc_grid_free(&grid);
}

void eval_page_put_systems(senc_buffer *out, const eval_comparison_page *page) {
    const eval_standings *s = page->standings;
    senc_buffer answer = {0};
    eval_standings_answer(s, page->costs, &answer);
    if (answer.n_bytes > 0) answer.data[0] = (char)toupper((unsigned char)answer.data[0]); /* "best", "highest" */
    const bool is_certain =
        s->n_models > 1 && (s->overall[1].place == EVAL_PLACE_SAME || s->overall[1].place == EVAL_PLACE_WORSE);
    senc_buffer_printf(out, "<div class=\"verdict %s\"><b>", is_certain ? "kg" : "kw");
    eval_html_text(out, senc_buffer_text(&answer));
    senc_buffer_append_text(out, "</b></div>\n");
    out->failed = out->failed || answer.failed;
    senc_buffer_free(&answer);
    if (s->n_sets > 1) put_overall(out, s);
    for (int64_t i = 0; i < s->n_sets; i++) put_set(out, page, &s->sets[i]);
}
