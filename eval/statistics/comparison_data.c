/* One data set of a candidate, for people: see comparison_printer.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/statistics/comparison_printer.h"

/* ---- tables ---- */

static void put_changes(const eval_printer *p, const eval_candidate *candidate, const char *data) {
    senc_grid grid;
    senc_grid_init(&grid, "lrrrlr");
    static const char *const head[] = {"metric", "today", "new", "change", "95 % interval", "p"};
    for (int i = 0; i < 6; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        char p_value[16];
        if (strcmp(c->data, data) != 0) continue;
        senc_grid_add(&grid, "%s", c->metric);
        senc_grid_add(&grid, "%.4f", c->base);
        senc_grid_add(&grid, isnan(c->candidate) ? "undefined" : "%.4f", c->candidate);
        senc_grid_add(&grid, isnan(c->difference.value) ? "-" : "%+.4f", c->difference.value);
        if (isnan(c->difference.low))
            senc_grid_add(&grid, "-");
        else
            senc_grid_add(&grid, "%+.4f to %+.4f", c->difference.low, c->difference.high);
        senc_grid_add(&grid, "%s%s", eval_print_p(c->p_holm, p_value, sizeof p_value), c->is_regression ? " !" : "");
    }
    eval_print_grid(p, &grid);
}

static void put_effects(const eval_printer *p, const eval_candidate *candidate, const char *data) {
    senc_grid grid;
    senc_grid_init(&grid, "lrrrrrr");
    static const char *const head[] = {"metric", "wins", "ties", "losses", "d_z", "delta", "visible from"};
    for (int i = 0; i < 7; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        if (strcmp(c->data, data) != 0) continue;
        senc_grid_add(&grid, "%s", c->metric);
        senc_grid_add(&grid, "%lld", (long long)c->effect.wins);
        senc_grid_add(&grid, "%lld", (long long)c->effect.ties);
        senc_grid_add(&grid, "%lld", (long long)c->effect.losses);
        senc_grid_add(&grid, "%+.2f", c->effect.d_z);
        senc_grid_add(&grid, "%+.2f", c->effect.delta);
        if (isfinite(c->detectable) && c->detectable > 0)
            senc_grid_add(&grid, "%.4f", c->detectable);
        else
            senc_grid_add(&grid, "-");
    }
    eval_print_grid(p, &grid);
}

/* Several seeds of a recipe show how much the seed alone does. */
static void put_seeds(const eval_printer *p, const eval_change *c) {
    const double spreads[2] = {c->base_spread, c->candidate_spread}, values[2] = {c->base, c->candidate};
    double largest = 0;
    for (int s = 0; s < 2; s++) {
        if (isnan(spreads[s])) continue;
        eval_print(p, "  ", "%s over its seeds: %.4f +- %.4f (standard deviation).", s == 0 ? "Today" : "New",
                   values[s], spreads[s]);
        if (spreads[s] > largest) largest = spreads[s];
    }
    if (largest > 0)
        eval_print(p, "  ", "The change is %.1f times what one seed does to another.",
                   fabs(c->difference.value) / largest);
}

static void put_sentences(const eval_printer *p, const eval_candidate *candidate, const char *data) {
    if (!p->markdown) senc_buffer_append_text(p->out, "\n");
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        char units[64], p_value[24];
        if (strcmp(c->data, data) != 0 || !c->is_headline) continue;
        if (isfinite(c->detectable) && c->detectable > 0)
            eval_print(p, "  ", "With %s a change of %s below %.2g cannot be seen (80 %% power, 5 %%).",
                       eval_print_units(c->n_units, c->unit_name, units, sizeof units), c->metric, c->detectable);
        if (!isnan(c->williams))
            eval_print(p, "  ", "Williams' test of %s: %s.", c->metric,
                       eval_print_p_words(c->williams, p_value, sizeof p_value));
        put_seeds(p, c);
    }
}

/* ---- single units ---- */

static void put_text(const eval_printer *p, const char *before, const char *text, int64_t indent) {
    if (!text) return;
    char spaces[16];
    snprintf(spaces, sizeof spaces, "%*s", (int)indent, "");
    senc_buffer_printf(p->out, "%s%s", p->markdown ? "    - " : spaces, before);
    const int64_t room = p->markdown ? 160 : EVAL_PRINT_COLUMNS - indent - (int64_t)strlen(before);
    senc_text_append(p->out, text, (int64_t)strlen(text), room);
    senc_buffer_append_text(p->out, "\n");
}

static void put_found(const eval_printer *p, const char *who, const eval_unit *u) {
    char before[64];
    if (u->n_found == 0) return;
    snprintf(before, sizeof before, "%s%s ", who, u->found[0].grade > 0 ? " (right):" : ":");
    put_text(p, before, u->found[0].text ? u->found[0].text : u->found[0].id, 6);
}

static const char *rank_text(int64_t rank, char *out, size_t out_bytes) {
    if (rank > 0)
        snprintf(out, out_bytes, "%lld", (long long)rank);
    else
        snprintf(out, out_bytes, "-");
    return out;
}

static void put_unit(const eval_printer *p, const eval_changed_units *list, const eval_changed_unit *u) {
    char line[256], a[24], b[24];
    int n = snprintf(line, sizeof line, "%.40s  %.3f -> %.3f", u->base->id, u->base_value, u->candidate_value);
    if (!isnan(u->gold) && !list->is_mean) n += snprintf(line + n, sizeof line - (size_t)n, ", gold %.3g", u->gold);
    if (u->base->rank >= 0)
        snprintf(line + n, sizeof line - (size_t)n, ", rank %s -> %s", rank_text(u->base->rank, a, sizeof a),
                 rank_text(u->candidate->rank, b, sizeof b));
    senc_buffer_printf(p->out, "%s%s\n", p->markdown ? "- " : "    ", line);
    put_text(p, "", u->base->text, 6);
    if (u->base->n_found + u->candidate->n_found == 0) put_text(p, "", u->base->other, 6);
    put_found(p, "today", u->base);
    put_found(p, "new", u->candidate);
}

static void put_units(const eval_printer *p, const eval_changed_units *list) {
    char heading[160], units[64];
    eval_print_units(2, list->unit_name, units, sizeof units);
    const struct {
        const char *what;
        const eval_changed_unit *items;
        int64_t n;
    } kinds[] = {{"Most improved", list->improved, list->n_improved}, {"Most hurt", list->hurt, list->n_hurt}};
    for (int k = 0; k < 2; k++) {
        if (kinds[k].n == 0) continue;
        snprintf(heading, sizeof heading, "%s %s", kinds[k].what, units + 2);
        eval_print_heading(p, 4, heading);
        for (int64_t i = 0; i < kinds[k].n; i++) put_unit(p, list, &kinds[k].items[i]);
    }
}

/* ---- all ---- */

/* How much of the texts both have read, where that is known. */
static void put_readings(const eval_printer *p, const eval_candidate *candidate, const char *data) {
    char text[96];
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        if (!c->is_headline || strcmp(c->data, data) != 0 || !c->base_reading || !c->reading) continue;
        if (c->base_reading->n_texts + c->reading->n_texts == 0) return;
        if (c->base_reading->n_texts > 0)
            eval_print(p, "  ", "Texts of %s: %s.", p->comparison->base_label,
                       eval_reading_describe(c->base_reading, text, sizeof text));
        if (c->reading->n_texts > 0)
            eval_print(p, "  ", "Texts of %s: %s.", candidate->label,
                       eval_reading_describe(c->reading, text, sizeof text));
        senc_buffer_append_text(p->out, "\n");
        return;
    }
}

void eval_print_data(const eval_printer *p, const eval_candidate *candidate, int64_t i) {
    const eval_changed_units *list = &candidate->units[i];
    char heading[256], units[64];
    int64_t n_units = 0;
    for (int64_t k = 0; k < candidate->n_changes; k++)
        if (strcmp(candidate->changes[k].data, list->data) == 0) n_units = candidate->changes[k].n_units;
    snprintf(heading, sizeof heading, "%.150s: %s", list->data,
             eval_print_units(n_units, list->unit_name, units, sizeof units));
    eval_print_heading(p, 3, heading);
    put_readings(p, candidate, list->data);
    put_changes(p, candidate, list->data);
    if (!p->markdown) senc_buffer_append_text(p->out, "\n");
    put_effects(p, candidate, list->data);
    put_sentences(p, candidate, list->data);
    put_units(p, list);
}
