/* The tables of all systems, for people: see comparison_printer.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/short_names.h"
#include "eval/statistics/comparison_printer.h"

#define NAME_COLUMNS 18

typedef struct standings_printer {
    const eval_printer *p;
    const eval_standings *s;
    const eval_switching_cost *costs; /* or NULL */
    bool has_prices;                  /* some are APIs */
    eval_short_name *names;
} standings_printer;

static bool has_prices(const eval_standings *s, const eval_switching_cost *costs) {
    bool found = false;
    for (int64_t m = 0; costs && m < s->n_models; m++) found = found || costs[m].tokens_per_text > 0;
    return found;
}

/* "1,536", "22.7 M" */
static void add_count(senc_grid *grid, int64_t n) {
    if (n >= 1000000)
        senc_grid_add(grid, "%.1f M", (double)n / 1e6);
    else if (n >= 1000)
        senc_grid_add(grid, "%lld,%03lld", (long long)(n / 1000), (long long)(n % 1000));
    else
        senc_grid_add(grid, n > 0 ? "%lld" : "-", (long long)n);
}

static void add_speed(senc_grid *grid, const eval_switching_cost *c) {
    if (c->texts_per_second > 0)
        senc_grid_add(grid, "%.0f", c->texts_per_second);
    else if (c->queries_per_second > 0)
        senc_grid_add(grid, "%.0f q", c->queries_per_second);
    else
        senc_grid_add(grid, "-");
}

static void add_price(senc_grid *grid, const eval_switching_cost *c) {
    if (!(c->tokens_per_text > 0))
        senc_grid_add(grid, "0");
    else if (isnan(c->dollars_per_text))
        senc_grid_add(grid, "?");
    else
        senc_grid_add(grid, "%.2f", c->dollars_per_text * 1e6);
}

static void add_cost(senc_grid *grid, const standings_printer *t, int64_t model) {
    if (!t->costs || !t->costs[model].is_known) {
        for (int i = 0; i < 3; i++) senc_grid_add(grid, "-");
        return;
    }
    const eval_switching_cost *c = &t->costs[model];
    add_count(grid, eval_switching_cost_bytes(c));
    if (t->has_prices)
        add_price(grid, c);
    else
        add_count(grid, c->n_parameters);
    add_speed(grid, c);
}

static const char *mark_of(const eval_standing *x) {
    return x->place == EVAL_PLACE_WITHHELD                                   ? "!"
           : x->place == EVAL_PLACE_WORSE || x->place == EVAL_PLACE_UNTESTED ? " "
                                                                             : "*";
}

static void add_standing(senc_grid *grid, const standings_printer *t, const eval_standing *x) {
    char percent[16];
    senc_grid_add(grid, "%s", t->p->markdown ? t->s->labels[x->model] : t->names[x->model].text);
    senc_grid_add(grid, "%.4f%s", x->value, t->p->markdown && *mark_of(x) == ' ' ? "" : mark_of(x));
    if (isfinite(x->low))
        senc_grid_add(grid, "%.3f to %.3f", x->low, x->high);
    else
        senc_grid_add(grid, "-");
    senc_grid_add(grid, "%s", eval_reading_percent(&x->reading, percent, sizeof percent));
    add_cost(grid, t, x->model);
}

static void put_set(const standings_printer *t, const eval_data_standings *set) {
    char heading[256];
    senc_grid grid;
    snprintf(heading, sizeof heading, "All systems on %.100s, by %s", set->data, set->metric);
    eval_print_heading(t->p, 2, heading);
    senc_grid_init(&grid, "lrlrrrr");
    const char *const head[] = {"system", "value ", "95 % interval", "cut", "bytes", t->has_prices ? "$/M" : "params",
                                "speed"};
    for (int i = 0; i < 7; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < t->s->n_models; i++) add_standing(&grid, t, &set->items[i]);
    eval_print_grid(t->p, &grid);
}

static void put_overall(const standings_printer *t) {
    char heading[128];
    senc_grid grid;
    snprintf(heading, sizeof heading, "All systems, by the mean of the %lld headline metrics", (long long)t->s->n_sets);
    eval_print_heading(t->p, 2, heading);
    senc_grid_init(&grid, "lrl");
    static const char *const head[] = {"system", "mean", "against the best"};
    for (int i = 0; i < 3; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < t->s->n_models; i++) {
        const eval_standing *x = &t->s->overall[i];
        senc_grid_add(&grid, "%s", t->p->markdown ? t->s->labels[x->model] : t->names[x->model].text);
        senc_grid_add(&grid, "%.4f", x->value);
        senc_buffer where = {0};
        eval_standings_where(t->s, x, &where);
        senc_grid_add(&grid, "%s", senc_buffer_text(&where));
        senc_buffer_free(&where);
    }
    eval_print_grid(t->p, &grid);
}

static bool has_withheld(const eval_standings *s) {
    for (int64_t i = 0; i < s->n_models; i++)
        if (s->overall[i].place == EVAL_PLACE_WITHHELD) return true;
    return false;
}

static void put_legend(const standings_printer *t) {
    if (!t->p->markdown) senc_buffer_append_text(t->p->out, "\n");
    eval_print(
        t->p, "  ",
        "*: the best, or cannot be told from it%s. cut: texts longer than what is read of them. bytes: of an index, "
        "a document. %s speed: texts embedded a second here; q: queries answered.",
        has_withheld(t->s) ? ". !: was trained on these" : "",
        t->has_prices ? "$/M: dollars an API takes for a million documents."
                      : "params: numbers that the model has learned.");
}

void eval_print_standings(const eval_printer *p, const eval_standings *s, const eval_switching_cost *costs) {
    standings_printer t = {.p = p, .s = s, .costs = costs, .has_prices = has_prices(s, costs)};
    t.names = eval_short_names(s->labels, s->n_models, NAME_COLUMNS);
    if (!t.names) {
        p->out->failed = true;
        return;
    }
    if (s->n_sets > 1) put_overall(&t);
    for (int64_t i = 0; i < s->n_sets; i++) put_set(&t, &s->sets[i]);
    put_legend(&t);
    free(t.names);
}
