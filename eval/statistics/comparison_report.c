/* A comparison for people: see comparison_report.h. */
#include "eval/statistics/comparison_report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/terminal.h"

#define COLUMNS     80
#define MOST_OTHERS 4 /* that are named beside a verdict */

typedef struct printer {
    const eval_comparison *comparison;
    const char *base_words; /* how verdicts call the base */
    bool markdown;
    senc_buffer *out;
} printer;

/* ---- numbers and lines ---- */

/* "0.004", "< 0.001", "-" */
static const char *p_text(double p, char *out, size_t out_bytes) {
    if (isnan(p))
        snprintf(out, out_bytes, "-");
    else if (p < 0.0005)
        snprintf(out, out_bytes, "<0.001");
    else
        snprintf(out, out_bytes, "%.3f", p);
    return out;
}

/* "p = 0.004", "p < 0.001": in a sentence. */
static const char *p_words(double p, char *out, size_t out_bytes) {
    char number[16];
    p_text(p, number, sizeof number);
    if (number[0] == '<')
        snprintf(out, out_bytes, "p < %s", number + 1);
    else
        snprintf(out, out_bytes, "p = %s", number);
    return out;
}

static void put_line(const printer *p, const char *indent, const char *text) {
    if (p->markdown) {
        senc_buffer_printf(p->out, "%s%s\n", indent[0] ? "- " : "", text);
        return;
    }
    senc_buffer_append_text(p->out, indent);
    senc_text_wrap(p->out, text, (int64_t)strlen(indent), (int64_t)strlen(indent), COLUMNS);
}

__attribute__((format(printf, 3, 4))) static void put(const printer *p, const char *indent, const char *fmt, ...) {
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    put_line(p, indent, text);
}

static void put_heading(const printer *p, int level, const char *text) {
    if (p->markdown)
        senc_buffer_printf(p->out, "\n%.*s %s\n\n", level, "####", text);
    else
        senc_buffer_printf(p->out, "\n%s%s\n", level > 2 ? "  " : "", text);
}

static void put_grid(const printer *p, senc_grid *grid) {
    if (p->markdown) {
        senc_grid_print_markdown(grid, p->out);
        senc_buffer_append_text(p->out, "\n");
    } else {
        senc_grid_print(grid, 2, COLUMNS, p->out);
    }
    senc_grid_free(grid);
}

/* "5 queries", "1 query" */
static const char *count_units(int64_t n, const char *unit, char *out, size_t out_bytes) {
    const size_t length = strlen(unit);
    if (n == 1)
        snprintf(out, out_bytes, "1 %s", unit);
    else if (length > 1 && unit[length - 1] == 'y')
        snprintf(out, out_bytes, "%lld %.*sies", (long long)n, (int)length - 1, unit);
    else
        snprintf(out, out_bytes, "%lld %ss", (long long)n, unit);
    return out;
}

/* The key without its data's name, which stands above. */
static const char *short_key(const eval_change *c) {
    const size_t n = strlen(c->data);
    return strncmp(c->key, c->data, n) == 0 && c->key[n] == '_' ? c->key + n + 1 : c->key;
}

/* ---- tables ---- */

static void put_changes(const printer *p, const eval_candidate *candidate, const char *data) {
    senc_grid grid;
    senc_grid_init(&grid, "lrrrlr");
    static const char *const head[] = {"metric", "today", "new", "change", "95 % interval", "p"};
    for (int i = 0; i < 6; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        char p_value[16];
        if (strcmp(c->data, data) != 0) continue;
        senc_grid_add(&grid, "%s", short_key(c));
        senc_grid_add(&grid, "%.4f", c->base);
        senc_grid_add(&grid, "%.4f", c->candidate);
        senc_grid_add(&grid, "%+.4f", c->difference.value);
        if (isnan(c->difference.low))
            senc_grid_add(&grid, "-");
        else
            senc_grid_add(&grid, "%+.4f to %+.4f", c->difference.low, c->difference.high);
        senc_grid_add(&grid, "%s%s", p_text(c->p_holm, p_value, sizeof p_value), c->is_regression ? " !" : "");
    }
    put_grid(p, &grid);
}

static void put_effects(const printer *p, const eval_candidate *candidate, const char *data) {
    senc_grid grid;
    senc_grid_init(&grid, "lrrrrrr");
    static const char *const head[] = {"metric", "wins", "ties", "losses", "d_z", "delta", "visible from"};
    for (int i = 0; i < 7; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        if (strcmp(c->data, data) != 0) continue;
        senc_grid_add(&grid, "%s", short_key(c));
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
    put_grid(p, &grid);
}

/* Several seeds of a recipe show how much the seed alone does. */
static void put_seeds(const printer *p, const eval_change *c) {
    const double spreads[2] = {c->base_spread, c->candidate_spread}, values[2] = {c->base, c->candidate};
    double largest = 0;
    for (int s = 0; s < 2; s++) {
        if (isnan(spreads[s])) continue;
        put(p, "  ", "%s over its seeds: %.4f +- %.4f (standard deviation).", s == 0 ? "Today" : "New", values[s],
            spreads[s]);
        if (spreads[s] > largest) largest = spreads[s];
    }
    if (largest > 0)
        put(p, "  ", "The change is %.1f times what one seed does to another.", fabs(c->difference.value) / largest);
}

static void put_sentences(const printer *p, const eval_candidate *candidate, const char *data) {
    if (!p->markdown) senc_buffer_append_text(p->out, "\n");
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        char units[64], p_value[24];
        if (strcmp(c->data, data) != 0 || !c->is_headline) continue;
        if (isfinite(c->detectable) && c->detectable > 0)
            put(p, "  ", "With %s a change of %s below %.2g cannot be seen (80 %% power, 5 %%).",
                count_units(c->n_units, c->unit_name, units, sizeof units), short_key(c), c->detectable);
        if (!isnan(c->williams))
            put(p, "  ", "Williams' test of %s: %s.", short_key(c), p_words(c->williams, p_value, sizeof p_value));
        put_seeds(p, c);
    }
}

/* ---- single units ---- */

static void put_text(const printer *p, const char *before, const char *text, int64_t indent) {
    if (!text) return;
    char spaces[16];
    snprintf(spaces, sizeof spaces, "%*s", (int)indent, "");
    senc_buffer_printf(p->out, "%s%s", p->markdown ? "    - " : spaces, before);
    const int64_t room = p->markdown ? 160 : COLUMNS - indent - (int64_t)strlen(before);
    senc_text_append(p->out, text, (int64_t)strlen(text), room);
    senc_buffer_append_text(p->out, "\n");
}

static void put_found(const printer *p, const char *who, const eval_unit *u) {
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

static void put_unit(const printer *p, const eval_changed_units *list, const eval_changed_unit *u) {
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

static void put_units(const printer *p, const eval_changed_units *list) {
    char heading[160], units[64];
    count_units(2, list->unit_name, units, sizeof units);
    const struct {
        const char *what;
        const eval_changed_unit *items;
        int64_t n;
    } kinds[] = {{"Most improved", list->improved, list->n_improved}, {"Most hurt", list->hurt, list->n_hurt}};
    for (int k = 0; k < 2; k++) {
        if (kinds[k].n == 0) continue;
        snprintf(heading, sizeof heading, "%s %s", kinds[k].what, units + 2);
        put_heading(p, 4, heading);
        for (int64_t i = 0; i < kinds[k].n; i++) put_unit(p, list, &kinds[k].items[i]);
    }
}

/* ---- verdicts ---- */

const char *eval_change_leak_words(const eval_change *c, const char *base_label, char *out, size_t out_bytes) {
    char units[64];
    count_units(c->leak.n_units, c->leak.unit, units, sizeof units);
    snprintf(out, out_bytes, "%lld of %s were trained on%s%s", (long long)c->leak.n_leaked, units,
             c->leak_is_base ? " by " : "", c->leak_is_base ? base_label : "");
    return out;
}

/* The first headline metric without a verdict. */
static const eval_change *first_withheld(const eval_candidate *k) {
    for (int64_t i = 0; i < k->n_changes; i++)
        if (k->changes[i].is_headline && k->changes[i].verdict == EVAL_VERDICT_WITHHELD) return &k->changes[i];
    return NULL;
}

static void put_reason(const printer *p, const eval_change *c) {
    char p_value[24], units[64];
    const double d = c->difference.value, min_effect = p->comparison->min_effect;
    p_words(c->p_holm, p_value, sizeof p_value);
    switch (c->verdict) {
    case EVAL_VERDICT_BETTER:
    case EVAL_VERDICT_WORSE:
        put(p, "  ", "%s %s by %.4f (95 %% interval %+.4f to %+.4f, %s).", c->key, d > 0 ? "rises" : "falls", fabs(d),
            c->difference.low, c->difference.high, p_value);
        return;
    case EVAL_VERDICT_TOO_FEW:
        if (!(min_effect > 0) || !(c->difference.error > 0)) {
            put(p, "  ", "%s: %s are too few to tell anything.", c->key,
                count_units(c->n_units, c->unit_name, units, sizeof units));
            return;
        }
        const int64_t needed = eval_units_needed(min_effect, c->difference.error, c->n_units, EVAL_ALPHA, EVAL_POWER);
        put(p, "  ", "%s: %s are too few to see a change of %g; about %lld would be needed (80 %% power).", c->key,
            count_units(c->n_units, c->unit_name, units, sizeof units), min_effect, (long long)needed);
        return;
    case EVAL_VERDICT_WITHHELD: {
        char words[256];
        put(p, "  ", "%s: %.4f -> %.4f, but %s: that shows what a model remembers, not what it has learned.", c->key,
            c->base, c->candidate, eval_change_leak_words(c, p->comparison->base_label, words, sizeof words));
        return;
    }
    case EVAL_VERDICT_SAME:
        if (c->p_holm < EVAL_ALPHA)
            put(p, "  ", "%s: the change of %+.4f is real (%s), but below the %g that matters.", c->key, d, p_value,
                min_effect);
        else if (d == 0 && c->effect.wins + c->effect.losses == 0)
            put(p, "  ", "%s: no %s changes.", c->key, c->unit_name);
        else
            put(p, "  ", "%s: %+.4f is within what chance does (95 %% interval %+.4f to %+.4f, %s%s).", c->key, d,
                c->difference.low, c->difference.high, p_value,
                eval_change_excludes(c, min_effect) ? "; what would matter is excluded" : "");
        return;
    }
}

/* Not so many that the verdict is withheld. */
static void put_few_leaks(const printer *p, const eval_change *c) {
    char words[256];
    if (c->leak.n_leaked > 0 && c->verdict != EVAL_VERDICT_WITHHELD)
        put(p, "  ", "%s: %s.", c->data, eval_change_leak_words(c, p->comparison->base_label, words, sizeof words));
}

/* Metrics that do not decide, but of which as much is known. */
static void append_others(const eval_candidate *candidate, eval_verdict verdict, const char *what, senc_buffer *out) {
    int64_t n = 0;
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        if (c->is_headline || c->is_regression || c->verdict != verdict) continue;
        if (n++ < MOST_OTHERS)
            senc_buffer_printf(out, "%s%s%s %+.4f",
                               n > 1              ? ", "
                               : out->n_bytes > 0 ? " "
                                                  : "",
                               n > 1 ? "" : what, c->key, c->difference.value);
    }
    if (n > MOST_OTHERS) senc_buffer_printf(out, " and %lld more", (long long)n - MOST_OTHERS);
    if (n > 0) senc_buffer_append_text(out, ".");
}

void eval_candidate_others(const eval_candidate *candidate, senc_buffer *out) {
    append_others(candidate, EVAL_VERDICT_BETTER, "Better too: ", out);
    append_others(candidate, EVAL_VERDICT_WORSE, "Worse, without deciding: ", out);
}

/* Names of the data sets whose headline metric has that verdict, behind `what`. */
static void append_data(const eval_candidate *k, eval_verdict verdict, const char *what, senc_buffer *out) {
    bool is_first = true;
    for (int64_t i = 0; i < k->n_changes; i++) {
        if (!k->changes[i].is_headline || k->changes[i].verdict != verdict) continue;
        senc_buffer_printf(out, "%s%s", is_first ? what : ", ", k->changes[i].data);
        is_first = false;
    }
}

void eval_candidate_where(const eval_candidate *k, senc_buffer *out) {
    bool is_mixed = false;
    for (int64_t i = 0; i < k->n_changes; i++)
        is_mixed = is_mixed || (k->changes[i].is_headline && k->changes[i].verdict != k->verdict);
    if (!is_mixed || (k->verdict != EVAL_VERDICT_BETTER && k->verdict != EVAL_VERDICT_WORSE)) return;
    append_data(k, k->verdict, " on ", out);
    if (k->verdict == EVAL_VERDICT_WORSE) append_data(k, EVAL_VERDICT_BETTER, ", better on ", out);
    append_data(k, EVAL_VERDICT_WITHHELD, ", no verdict on ", out);
}

/* "step 64: **better**": bold in Markdown. */
static void put_verdict_line(const printer *p, const char *indent, const eval_candidate *candidate) {
    static const char *const words[EVAL_N_VERDICTS] = {"better", "not distinguishable from ", "worse",
                                                       "cannot be decided: too few units", "no verdict: "};
    char leak[256];
    const char *more = candidate->verdict == EVAL_VERDICT_SAME ? p->base_words : "";
    if (candidate->verdict == EVAL_VERDICT_WITHHELD)
        more = eval_change_leak_words(first_withheld(candidate), p->comparison->base_label, leak, sizeof leak);
    senc_buffer_printf(p->out, "%s%s: %s%s%s", indent, candidate->label, p->markdown ? "**" : "",
                       words[candidate->verdict], more);
    eval_candidate_where(candidate, p->out);
    senc_buffer_append_text(p->out, p->markdown ? "**\n" : "\n");
}

static void put_verdict(const printer *p, const eval_candidate *candidate) {
    put_verdict_line(p, p->markdown ? "" : "  ", candidate);
    if (p->markdown) senc_buffer_append_text(p->out, "\n");
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        if (c->is_headline) put_reason(p, c);
        if (c->is_headline) put_few_leaks(p, c);
        if (!isnan(c->limit) && c->is_regression)
            put(p, "  ", "Regression: %s changes by %+.4f, allowed were %g.", c->key, c->difference.value, c->limit);
        else if (c->may_be_regression)
            put(p, "  ", "A fall of %s by more than %g is not excluded (interval from %+.4f).", c->key, c->limit,
                c->difference.low);
    }
    senc_buffer others = {0};
    eval_candidate_others(candidate, &others);
    if (others.n_bytes > 0) put_line(p, "  ", senc_buffer_text(&others));
    p->out->failed = p->out->failed || others.failed;
    senc_buffer_free(&others);
}

/* ---- costs ---- */

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

static void put_cost_table(const printer *p, const eval_switching_cost *costs, int64_t n, int64_t n_documents) {
    senc_grid grid;
    senc_grid_init(&grid, "lrrrrr");
    static const char *const head[] = {"model", "dimension", "bytes/vector", "index", "texts/s", "embedding all"};
    for (int i = 0; i < 6; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t i = 0; i < n; i++) {
        const eval_switching_cost *c = &costs[i];
        senc_buffer label = {0};
        senc_text_append(&label, c->label, (int64_t)strlen(c->label), p->markdown ? 0 : 18);
        senc_grid_add(&grid, "%s", senc_buffer_text(&label));
        senc_buffer_free(&label);
        if (c->dimension > 0) {
            senc_grid_add(&grid, "%lld", (long long)c->dimension);
            senc_grid_add(&grid, "%lld", (long long)c->bytes_per_vector);
            put_size(&grid, (double)c->bytes_per_vector * (double)n_documents);
        } else {
            for (int k = 0; k < 3; k++) senc_grid_add(&grid, "-");
        }
        if (c->texts_per_second > 0) {
            senc_grid_add(&grid, "%.0f", c->texts_per_second);
            put_duration(&grid, (double)n_documents / c->texts_per_second);
        } else {
            senc_grid_add(&grid, "-");
            senc_grid_add(&grid, "-");
        }
    }
    put_grid(p, &grid);
}

static const char *prompt_text(const char *prompt) {
    return prompt ? prompt : "";
}

static void put_prompt(const printer *p, const char *label, const char *what, const char *old, const char *new) {
    if (strcmp(prompt_text(old), prompt_text(new)) == 0) return;
    put(p, "  ", "%s: the prompt of %s changes from \"%s\" to \"%s\".", label, what, prompt_text(old),
        prompt_text(new));
}

const char *eval_switching_cost_map_words(const eval_switching_cost *c) {
    if (c->map_candidate <= c->map_base) return "There is no gain that the old index could keep.";
    if (c->map_value <= c->map_base) return "No gain is left: embed the documents anew.";
    if (c->map_candidate > c->map_value)
        return "Part of the gain is left: a bridge until the documents are embedded anew.";
    return "The old index can stay.";
}

static void put_map(const printer *p, const eval_switching_cost *c) {
    if (c->from_old_index)
        put(p, "  ", "%s: the same model as today's; its vectors can be made from those of the old index.", c->label);
    if (!c->map_key) return;
    put(p, "  ",
        "%s: keeping the old index through a linear map (%s, fitted on %lld texts; cosine %.3f on others) gives %s "
        "%.4f: today %.4f, with a new index %.4f. %s",
        c->label, c->map_method, (long long)c->map_n_fitted, c->map_cosine, c->map_key, c->map_value, c->map_base,
        c->map_candidate, eval_switching_cost_map_words(c));
}

bool eval_switching_cost_describe(const eval_switching_cost *c, int64_t n_documents, char *out, size_t out_bytes) {
    if (!(c->tokens_per_text > 0) || c->dollars_per_text == 0) return false;
    const double price = c->dollars_per_text / c->tokens_per_text * 1e6,
                 all = c->dollars_per_text * (double)n_documents;
    if (isnan(price))
        snprintf(out, out_bytes, "embedding %lld documents takes about %.0f tokens (%.1f a text), at an unknown price",
                 (long long)n_documents, c->tokens_per_text * (double)n_documents, c->tokens_per_text);
    else
        snprintf(out, out_bytes, "embedding %lld documents costs about $%.2f: %.1f tokens a text at $%.10g per million",
                 (long long)n_documents, all, c->tokens_per_text, price);
    return true;
}

static void put_price(const printer *p, const eval_switching_cost *c, int64_t n_documents) {
    char text[160];
    if (eval_switching_cost_describe(c, n_documents, text, sizeof text)) put(p, "  ", "%s: %s.", c->label, text);
}

static void put_costs(const printer *p, const eval_switching_cost *costs, int64_t n, int64_t n_documents) {
    char heading[96];
    bool is_known = false; /* saved reports may say nothing */
    for (int64_t i = 0; i < n; i++) is_known = is_known || costs[i].dimension > 0 || costs[i].texts_per_second > 0;
    if (!is_known) return;
    snprintf(heading, sizeof heading, "What switching costs, for %lld documents", (long long)n_documents);
    put_heading(p, 2, heading);
    put_cost_table(p, costs, n, n_documents);
    for (int64_t i = 0; i < n; i++) put_price(p, &costs[i], n_documents);
    for (int64_t i = 1; i < n; i++) {
        put_prompt(p, costs[i].label, "queries", costs[0].query_prompt, costs[i].query_prompt);
        put_prompt(p, costs[i].label, "documents", costs[0].document_prompt, costs[i].document_prompt);
        put_map(p, &costs[i]);
    }
}

/* ---- all ---- */

static void put_data(const printer *p, const eval_candidate *candidate, int64_t i) {
    const eval_changed_units *list = &candidate->units[i];
    char heading[256], units[64];
    int64_t n_units = 0;
    for (int64_t k = 0; k < candidate->n_changes; k++)
        if (strcmp(candidate->changes[k].data, list->data) == 0) n_units = candidate->changes[k].n_units;
    snprintf(heading, sizeof heading, "%.150s: %s", list->data,
             count_units(n_units, list->unit_name, units, sizeof units));
    put_heading(p, 3, heading);
    put_changes(p, candidate, list->data);
    if (!p->markdown) senc_buffer_append_text(p->out, "\n");
    put_effects(p, candidate, list->data);
    put_sentences(p, candidate, list->data);
    put_units(p, list);
}

static void put_candidate(const printer *p, const eval_candidate *candidate) {
    senc_buffer heading = {0};
    senc_buffer_printf(&heading, "%s", candidate->label);
    if (candidate->n_runs > 1) senc_buffer_printf(&heading, " (%lld seeds)", (long long)candidate->n_runs);
    senc_buffer_printf(&heading, " against %s", p->comparison->base_label);
    if (p->comparison->n_base_runs > 1)
        senc_buffer_printf(&heading, " (%lld seeds)", (long long)p->comparison->n_base_runs);
    put_heading(p, 2, senc_buffer_text(&heading));
    senc_buffer_free(&heading);
    put_heading(p, 3, "Verdict");
    put_verdict(p, candidate);
    if (candidate->is_regression) put(p, "  ", "This is a regression (exit code 3).");
    for (int64_t i = 0; i < candidate->n_units; i++) put_data(p, candidate, i);
}

void eval_comparison_rules(const eval_comparison *c, char rules[][EVAL_COMPARISON_RULE_BYTES]) {
    snprintf(rules[0], EVAL_COMPARISON_RULE_BYTES,
             "change: new - today, on the same units; intervals: paired bootstrap (studentised, or Student's t, for "
             "means; BCa else)");
    snprintf(rules[1], EVAL_COMPARISON_RULE_BYTES,
             "p: paired permutations (sign flips for means, swapped answers else; several seeds: bootstrap), corrected "
             "(Holm) among the headline metrics (%lld) and among the others (%lld); headline metrics decide",
             (long long)c->n_headline, (long long)c->n_others);
    snprintf(rules[2], EVAL_COMPARISON_RULE_BYTES,
             "wins, ties, losses, d_z (Cohen) and delta (Cliff, within pairs): of single units; visible from: smallest "
             "change seen with 80 %% power at 5 %%");
    snprintf(rules[3], EVAL_COMPARISON_RULE_BYTES, "a change matters from %g on; seed %llu", c->min_effect,
             (unsigned long long)c->seed);
}

static void put_rules(const printer *p) {
    char rules[EVAL_COMPARISON_RULES][EVAL_COMPARISON_RULE_BYTES];
    eval_comparison_rules(p->comparison, rules);
    put_heading(p, 2, "Rules");
    for (int i = 0; i < EVAL_COMPARISON_RULES; i++) put_line(p, "  ", rules[i]);
}

void eval_comparison_print_verdicts(const eval_comparison *c, const char *base_words, bool markdown, senc_buffer *out) {
    const printer p = {.comparison = c, .base_words = base_words, .markdown = markdown, .out = out};
    for (int64_t k = 0; k < c->n_candidates; k++) {
        put_verdict(&p, &c->candidates[k]);
        senc_buffer_append_text(out, "\n");
    }
}

void eval_comparison_print(const eval_comparison *c, const eval_switching_cost *costs, int64_t n_costs,
                           int64_t n_documents, bool markdown, senc_buffer *out) {
    const printer p = {.comparison = c, .base_words = "today", .markdown = markdown, .out = out};
    senc_buffer_append_text(out, markdown ? "# Comparison\n\n" : "");
    senc_buffer_printf(out, markdown ? "Today: **%s**\n\n" : "today: %s\n", c->base_label);
    for (int64_t k = 0; k < c->n_candidates; k++) put_verdict_line(&p, markdown ? "- " : "", &c->candidates[k]);
    for (int64_t k = 0; k < c->n_candidates; k++) put_candidate(&p, &c->candidates[k]);
    if (n_costs > 0) put_costs(&p, costs, n_costs, n_documents);
    put_rules(&p);
}
