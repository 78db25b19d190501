/* A comparison for people: see comparison_report.h. */
#include "eval/statistics/comparison_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/metric_words.h"
#include "eval/report.h"
#include "eval/statistics/comparison_printer.h"

#define MOST_OTHERS 4 /* that are named beside a verdict */

/* ---- numbers ---- */

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

const char *eval_change_name(const eval_change *c, char *out, size_t out_bytes) {
    if (c->metric[0] && c->data)
        snprintf(out, out_bytes, "%s_%s", c->data, c->metric);
    else
        snprintf(out, out_bytes, "%s", c->key);
    return out;
}

bool eval_change_readings(const eval_change *c, const char *base, const char *candidate, char *out, size_t out_bytes) {
    char first[96], second[96];
    if (!c->base_reading || !c->reading || !eval_reading_differs(c->base_reading, c->reading)) return false;
    const bool is_title = strncmp(candidate, "The ", 4) == 0; /* of a report of training */
    snprintf(out, out_bytes, "%s %s, %s%s %s", base, eval_reading_words(c->base_reading, first, sizeof first),
             is_title ? "t" : "", candidate + is_title, eval_reading_words(c->reading, second, sizeof second));
    return true;
}

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
        senc_grid_add(&grid, "%s%s", p_text(c->p_holm, p_value, sizeof p_value), c->is_regression ? " !" : "");
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
                       count_units(c->n_units, c->unit_name, units, sizeof units), c->metric, c->detectable);
        if (!isnan(c->williams))
            eval_print(p, "  ", "Williams' test of %s: %s.", c->metric, p_words(c->williams, p_value, sizeof p_value));
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
    count_units(2, list->unit_name, units, sizeof units);
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

/* How the number came about that decides, without the full stop. */
static void append_reason(const eval_printer *p, const eval_change *c, senc_buffer *out) {
    char p_value[24], units[64], name[256];
    const double d = c->difference.value, min_effect = p->comparison->min_effect;
    const double low = c->difference.low, high = c->difference.high;
    p_words(c->p_holm, p_value, sizeof p_value);
    eval_change_name(c, name, sizeof name);
    count_units(c->n_units, c->unit_name, units, sizeof units);
    switch (c->verdict) {
    case EVAL_VERDICT_BETTER:
    case EVAL_VERDICT_WORSE:
        senc_buffer_printf(out, "%s %s by %.4f (95 %% interval %+.4f to %+.4f, %s)", name, d > 0 ? "rises" : "falls",
                           fabs(d), low, high, p_value);
        return;
    case EVAL_VERDICT_TOO_FEW:
        if (isnan(c->candidate)) {
            senc_buffer_printf(out, "%s is undefined for the new model; senc eval says why", name);
            return;
        }
        if (!(min_effect > 0) || !(c->difference.error > 0)) {
            senc_buffer_printf(out, "%s: %s are too few to tell anything", name, units);
            return;
        }
        const int64_t needed = eval_units_needed(min_effect, c->difference.error, c->n_units, EVAL_ALPHA, EVAL_POWER);
        senc_buffer_printf(out, "%s: %s are too few to see a change of %g; about %lld would be needed (80 %% power)",
                           name, units, min_effect, (long long)needed);
        return;
    case EVAL_VERDICT_WITHHELD: {
        char words[256];
        senc_buffer_printf(out, "%s: %.4f -> %.4f, but %s: that shows what a model remembers, not what it has learned",
                           name, c->base, c->candidate,
                           eval_change_leak_words(c, p->comparison->base_label, words, sizeof words));
        return;
    }
    case EVAL_VERDICT_SAME:
        if (c->p_holm < EVAL_ALPHA)
            senc_buffer_printf(out, "%s: the change of %+.4f is real (%s), but below the %g that matters", name, d,
                               p_value, min_effect);
        else if (d == 0 && c->effect.wins + c->effect.losses == 0)
            senc_buffer_printf(out, "%s: no %s changes", name, c->unit_name);
        else
            senc_buffer_printf(out, "%s: %+.4f is within what chance does (95 %% interval %+.4f to %+.4f, %s%s)", name,
                               d, low, high, p_value,
                               eval_change_excludes(c, min_effect) ? "; what would matter is excluded" : "");
        return;
    }
}

/* Not so many that the verdict is withheld. */
static void put_few_leaks(const eval_printer *p, const eval_change *c) {
    char words[256];
    if (c->leak.n_leaked > 0 && c->verdict != EVAL_VERDICT_WITHHELD)
        eval_print(p, "  ", "%s: %s.", c->data,
                   eval_change_leak_words(c, p->comparison->base_label, words, sizeof words));
}

/* Models that read other parts of the texts are compared, but not silently. */
static void put_reason(const eval_printer *p, const eval_candidate *candidate, const eval_change *c) {
    senc_buffer reason = {0};
    char readings[512];
    append_reason(p, c, &reason);
    if (eval_change_readings(c, p->comparison->base_label, candidate->label, readings, sizeof readings))
        senc_buffer_printf(&reason, "; %s", readings);
    senc_buffer_append_text(&reason, ".");
    eval_print_line(p, "  ", senc_buffer_text(&reason));
    p->out->failed = p->out->failed || reason.failed;
    senc_buffer_free(&reason);
}

/* Metrics that do not decide, but of which as much is known. */
static void append_others(const eval_candidate *candidate, eval_verdict verdict, const char *what, senc_buffer *out) {
    int64_t n = 0;
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        if (c->is_headline || c->is_regression || c->verdict != verdict) continue;
        char name[256];
        if (n++ < MOST_OTHERS)
            senc_buffer_printf(out, "%s%s%s %+.4f",
                               n > 1              ? ", "
                               : out->n_bytes > 0 ? " "
                                                  : "",
                               n > 1 ? "" : what, eval_change_name(c, name, sizeof name), c->difference.value);
    }
    if (n > MOST_OTHERS) senc_buffer_printf(out, " and %lld more", (long long)n - MOST_OTHERS);
    if (n > 0) senc_buffer_append_text(out, ".");
}

void eval_candidate_others(const eval_candidate *candidate, senc_buffer *out) {
    append_others(candidate, EVAL_VERDICT_BETTER, "Better too: ", out);
    append_others(candidate, EVAL_VERDICT_WORSE, "Worse, without deciding: ", out);
}

/* Shares first, because they are understood at once; then the other headline metrics. */
static void append_plain_words(const eval_candidate *candidate, bool shares, const char *arrow, const char *separator,
                               senc_buffer *out) {
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        eval_metric_words words;
        char text[224];
        if (!eval_metric_find_words(c->type, c->data, c->key, &words) || words.is_share != shares) continue;
        if (!c->is_headline && !(words.is_share && eval_report_is_often_quoted(c->key))) continue;
        eval_metric_change_text(&words, c->base, c->candidate, arrow, text, sizeof text);
        senc_buffer_printf(out, "%s%s%s%s", out->n_bytes > 0 ? separator : "", candidate->n_units > 1 ? c->data : "",
                           candidate->n_units > 1 ? ": " : "", text);
    }
}

void eval_candidate_plain_words(const eval_candidate *candidate, const char *arrow, const char *separator,
                                senc_buffer *out) {
    append_plain_words(candidate, true, arrow, separator, out);
    append_plain_words(candidate, false, arrow, separator, out);
}

static void put_plain_words(const eval_printer *p, const eval_candidate *candidate) {
    senc_buffer words = {0};
    eval_candidate_plain_words(candidate, "->", "; ", &words);
    if (words.n_bytes > 0) eval_print(p, "  ", "In plain words: %s.", senc_buffer_text(&words));
    p->out->failed = p->out->failed || words.failed;
    senc_buffer_free(&words);
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

const char *eval_candidate_why_undecided(const eval_candidate *candidate) {
    for (int64_t i = 0; i < candidate->n_changes; i++)
        if (candidate->changes[i].is_headline && isnan(candidate->changes[i].candidate)) return "a metric is undefined";
    return "too few units";
}

/* "step 64: **better**": bold in Markdown. */
static void put_verdict_line(const eval_printer *p, const char *indent, const eval_candidate *candidate) {
    static const char *const words[EVAL_N_VERDICTS] = {"better", "not distinguishable from ", "worse",
                                                       "cannot be decided: ", "no verdict: "};
    char leak[256];
    const char *more = candidate->verdict == EVAL_VERDICT_SAME      ? p->base_words
                       : candidate->verdict == EVAL_VERDICT_TOO_FEW ? eval_candidate_why_undecided(candidate)
                                                                    : "";
    if (candidate->verdict == EVAL_VERDICT_WITHHELD)
        more = eval_change_leak_words(first_withheld(candidate), p->comparison->base_label, leak, sizeof leak);
    senc_buffer_printf(p->out, "%s%s: %s%s%s", indent, candidate->label, p->markdown ? "**" : "",
                       words[candidate->verdict], more);
    eval_candidate_where(candidate, p->out);
    senc_buffer_append_text(p->out, p->markdown ? "**\n" : "\n");
}

static void put_verdict(const eval_printer *p, const eval_candidate *candidate) {
    put_verdict_line(p, p->markdown ? "" : "  ", candidate);
    if (p->markdown) senc_buffer_append_text(p->out, "\n");
    for (int64_t i = 0; i < candidate->n_changes; i++) {
        const eval_change *c = &candidate->changes[i];
        char name[256];
        eval_change_name(c, name, sizeof name);
        if (c->is_headline) put_reason(p, candidate, c);
        if (c->is_headline) put_few_leaks(p, c);
        if (!isnan(c->limit) && c->is_regression)
            eval_print(p, "  ", "Regression: %s changes by %+.4f, allowed were %g.", name, c->difference.value,
                       c->limit);
        else if (c->may_be_regression)
            eval_print(p, "  ", "A fall of %s by more than %g is not excluded (interval from %+.4f).", name, c->limit,
                       c->difference.low);
    }
    senc_buffer others = {0};
    eval_candidate_others(candidate, &others);
    if (others.n_bytes > 0) eval_print_line(p, "  ", senc_buffer_text(&others));
    p->out->failed = p->out->failed || others.failed;
    senc_buffer_free(&others);
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

static void put_data(const eval_printer *p, const eval_candidate *candidate, int64_t i) {
    const eval_changed_units *list = &candidate->units[i];
    char heading[256], units[64];
    int64_t n_units = 0;
    for (int64_t k = 0; k < candidate->n_changes; k++)
        if (strcmp(candidate->changes[k].data, list->data) == 0) n_units = candidate->changes[k].n_units;
    snprintf(heading, sizeof heading, "%.150s: %s", list->data,
             count_units(n_units, list->unit_name, units, sizeof units));
    eval_print_heading(p, 3, heading);
    put_readings(p, candidate, list->data);
    put_changes(p, candidate, list->data);
    if (!p->markdown) senc_buffer_append_text(p->out, "\n");
    put_effects(p, candidate, list->data);
    put_sentences(p, candidate, list->data);
    put_units(p, list);
}

static void put_candidate(const eval_printer *p, const eval_candidate *candidate) {
    senc_buffer heading = {0};
    senc_buffer_printf(&heading, "%s", candidate->label);
    if (candidate->n_runs > 1) senc_buffer_printf(&heading, " (%lld seeds)", (long long)candidate->n_runs);
    senc_buffer_printf(&heading, " against %s", p->comparison->base_label);
    if (p->comparison->n_base_runs > 1)
        senc_buffer_printf(&heading, " (%lld seeds)", (long long)p->comparison->n_base_runs);
    eval_print_heading(p, 2, senc_buffer_text(&heading));
    senc_buffer_free(&heading);
    eval_print_heading(p, 3, "Verdict");
    put_verdict(p, candidate);
    put_plain_words(p, candidate);
    if (candidate->is_regression) eval_print(p, "  ", "This is a regression (exit code 3).");
    for (int64_t i = 0; i < candidate->n_units; i++) put_data(p, candidate, i);
}

int eval_comparison_rules(const eval_comparison *c, const eval_standings *s,
                          char rules[EVAL_COMPARISON_RULES][EVAL_COMPARISON_RULE_BYTES]) {
    int n = 0;
    snprintf(rules[n++], EVAL_COMPARISON_RULE_BYTES,
             "change: new - today, on the same units; intervals: paired bootstrap (studentised, or Student's t, for "
             "means; BCa else)");
    snprintf(rules[n++], EVAL_COMPARISON_RULE_BYTES,
             "p: paired permutations (sign flips for means, swapped answers else; several seeds: bootstrap), corrected "
             "(Holm) among the headline metrics (%lld) and among the others (%lld); headline metrics decide",
             (long long)c->n_headline, (long long)c->n_others);
    if (c->n_pairs > 0)
        snprintf(rules[n++], EVAL_COMPARISON_RULE_BYTES,
                 "every pair of the %lld systems is tested, and all these tests are corrected together: with 95 %% no "
                 "two systems are wrongly told apart; --no-pairs tests against today only, with fewer tests to "
                 "correct for",
                 (long long)c->n_candidates + 1);
    if (s)
        snprintf(rules[n++], EVAL_COMPARISON_RULE_BYTES,
                 "best: the best headline metric%s; not told from it: no test finds the best better%s; cheapest: by "
                 "dollars of an API, then bytes a vector, parameters, bytes of an index of words",
                 s->n_sets > 1 ? " in the mean of the data sets" : "", s->n_sets > 1 ? " on any data set" : "");
    snprintf(rules[n++], EVAL_COMPARISON_RULE_BYTES,
             "wins, ties, losses, d_z (Cohen) and delta (Cliff, within pairs): of single units; visible from: smallest "
             "change seen with 80 %% power at 5 %%");
    snprintf(rules[n++], EVAL_COMPARISON_RULE_BYTES, "a change matters from %g on; seed %llu", c->min_effect,
             (unsigned long long)c->seed);
    return n;
}

static void put_rules(const eval_printer *p, const eval_standings *s) {
    char rules[EVAL_COMPARISON_RULES][EVAL_COMPARISON_RULE_BYTES];
    const int n = eval_comparison_rules(p->comparison, s, rules);
    eval_print_heading(p, 2, "Rules");
    for (int i = 0; i < n; i++) eval_print_line(p, "  ", rules[i]);
}

static void put_answer(const eval_printer *p, const eval_comparison_costs *costs) {
    senc_buffer answer = {0};
    eval_standings_answer(costs->standings, costs->items, &answer);
    if (p->markdown)
        senc_buffer_printf(p->out, "**%s**\n\n", senc_buffer_text(&answer));
    else
        eval_print_line(p, "", senc_buffer_text(&answer));
    p->out->failed = p->out->failed || answer.failed;
    senc_buffer_free(&answer);
}

void eval_comparison_print_verdicts(const eval_comparison *c, const char *base_words, bool markdown, senc_buffer *out) {
    const eval_printer p = {.comparison = c, .base_words = base_words, .markdown = markdown, .out = out};
    for (int64_t k = 0; k < c->n_candidates; k++) {
        put_verdict(&p, &c->candidates[k]);
        senc_buffer_append_text(out, "\n");
    }
}

void eval_comparison_print(const eval_comparison *c, const eval_comparison_costs *costs, bool markdown,
                           senc_buffer *out) {
    const eval_printer p = {.comparison = c, .base_words = "today", .markdown = markdown, .out = out};
    senc_buffer_append_text(out, markdown ? "# Comparison\n\n" : "");
    if (costs->standings) put_answer(&p, costs);
    senc_buffer_printf(out, markdown ? "Today: **%s**\n\n" : "today: %s\n", c->base_label);
    for (int64_t k = 0; k < c->n_candidates; k++) put_verdict_line(&p, markdown ? "- " : "", &c->candidates[k]);
    if (costs->standings) eval_print_standings(&p, costs->standings, costs->items);
    for (int64_t k = 0; k < c->n_candidates; k++) put_candidate(&p, &c->candidates[k]);
    if (costs->n > 0) eval_print_costs(&p, costs->items, costs->n, costs->n_documents);
    put_rules(&p, costs->standings);
}
