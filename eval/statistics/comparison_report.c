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

/* ---- verdicts ---- */

const char *eval_change_leak_words(const eval_change *c, const char *base_label, char *out, size_t out_bytes) {
    char units[64];
    eval_print_units(c->leak.n_units, c->leak.unit, units, sizeof units);
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
    eval_print_p_words(c->p_holm, p_value, sizeof p_value);
    eval_change_name(c, name, sizeof name);
    eval_print_units(c->n_units, c->unit_name, units, sizeof units);
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
    for (int64_t i = 0; i < candidate->n_units; i++) eval_print_data(p, candidate, i);
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
