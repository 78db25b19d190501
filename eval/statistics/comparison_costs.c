/* What systems cost, for people: see comparison_printer.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/short_names.h"
#include "eval/statistics/comparison_printer.h"

static void put_size(senc_grid *grid, double bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    int u = 0;
    for (; bytes >= 1000 && u < 4; u++) bytes /= 1000;
    senc_grid_add(grid, u == 0 ? "%.0f %s" : "%.1f %s", bytes, units[u]);
}

static void put_duration(senc_grid *grid, double seconds) {
    if (seconds < 120)
        senc_grid_add(grid, "%.1f s", seconds);
    else if (seconds < 7200)
        senc_grid_add(grid, "%.1f min", seconds / 60);
    else
        senc_grid_add(grid, "%.1f h", seconds / 3600);
}

static eval_short_name *short_names(const eval_switching_cost *costs, int64_t n) {
    const char **labels = senc_alloc((size_t)n, sizeof *labels);
    for (int64_t i = 0; labels && i < n; i++) labels[i] = costs[i].label;
    eval_short_name *names = labels ? eval_short_names(labels, n, 18) : NULL;
    free(labels);
    return names;
}

static void put_cost_table(const eval_printer *p, const eval_switching_cost *costs, int64_t n, int64_t n_documents) {
    senc_grid grid;
    eval_short_name *names = short_names(costs, n);
    if (!names) {
        p->out->failed = true;
        return;
    }
    senc_grid_init(&grid, "lrrrrr");
    static const char *const head[] = {"model", "dimension", "bytes/text", "index", "texts/s", "index time"};
    for (int i = 0; i < 6; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < n; i++) {
        const eval_switching_cost *c = &costs[i];
        const int64_t bytes = eval_switching_cost_bytes(c);
        const double seconds = eval_switching_cost_seconds(c, n_documents);
        senc_grid_add(&grid, "%s", p->markdown ? c->label : names[i].text);
        senc_grid_add(&grid, c->dimension > 0 ? "%lld" : "-", (long long)c->dimension);
        senc_grid_add(&grid, bytes > 0 ? "%lld" : "-", (long long)bytes);
        if (bytes > 0)
            put_size(&grid, (double)bytes * (double)n_documents);
        else
            senc_grid_add(&grid, "-");
        if (c->texts_per_second > 0)
            senc_grid_add(&grid, "%.0f", c->texts_per_second);
        else
            senc_grid_add(&grid, c->documents_per_second > 0 ? "%.0f" : "-", c->documents_per_second);
        if (isfinite(seconds))
            put_duration(&grid, seconds);
        else
            senc_grid_add(&grid, "-");
    }
    free(names);
    eval_print_grid(p, &grid);
}

static const char *prompt_text(const char *prompt) {
    return prompt ? prompt : "";
}

static void put_prompt(const eval_printer *p, const char *label, const char *what, const char *old, const char *new) {
    if (strcmp(prompt_text(old), prompt_text(new)) == 0) return;
    eval_print(p, "  ", "%s: the prompt of %s changes from \"%s\" to \"%s\".", label, what, prompt_text(old),
               prompt_text(new));
}

static void put_map(const eval_printer *p, const eval_switching_cost *c) {
    if (c->from_old_index)
        eval_print(p, "  ", "%s: the same model as today's; its vectors can be made from those of the old index.",
                   c->label);
    if (!c->map_key) return;
    eval_print(
        p, "  ",
        "%s: keeping the old index through a linear map (%s, fitted on %lld texts; cosine %.3f on others) gives %s "
        "%.4f: today %.4f, with a new index %.4f. %s",
        c->label, c->map_method, (long long)c->map_n_fitted, c->map_cosine, c->map_key, c->map_value, c->map_base,
        c->map_candidate, eval_switching_cost_map_words(c));
}

/* What ranking by words took, which has neither vectors nor texts to embed. */
static void put_words(const eval_printer *p, const eval_switching_cost *c) {
    if (c->documents_per_second > 0)
        eval_print(p, "  ",
                   "%s: an index of words of %lld bytes a document, made at %.0f documents a second; %.0f "
                   "queries a second.",
                   c->label, (long long)c->word_bytes, c->documents_per_second, c->queries_per_second);
}

static void put_price(const eval_printer *p, const eval_switching_cost *c, int64_t n_documents) {
    char text[160];
    if (eval_switching_cost_describe(c, n_documents, text, sizeof text)) eval_print(p, "  ", "%s: %s.", c->label, text);
}

void eval_print_costs(const eval_printer *p, const eval_switching_cost *costs, int64_t n, int64_t n_documents) {
    char heading[96];
    bool is_known = false; /* saved reports may say nothing */
    for (int64_t i = 0; i < n; i++)
        is_known = is_known || eval_switching_cost_bytes(&costs[i]) > 0 || costs[i].texts_per_second > 0;
    if (!is_known) return;
    snprintf(heading, sizeof heading, "What switching costs, for %lld documents", (long long)n_documents);
    eval_print_heading(p, 2, heading);
    put_cost_table(p, costs, n, n_documents);
    for (int64_t i = 0; i < n; i++) {
        put_words(p, &costs[i]);
        put_price(p, &costs[i], n_documents);
    }
    for (int64_t i = 1; i < n; i++) {
        put_prompt(p, costs[i].label, "queries", costs[0].query_prompt, costs[i].query_prompt);
        put_prompt(p, costs[i].label, "documents", costs[0].document_prompt, costs[i].document_prompt);
        put_map(p, &costs[i]);
    }
}
