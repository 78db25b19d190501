/* What a report shows of a result beyond its metrics: see report_view.h. */
#include "eval/reports/report_view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/formats/utf8.h"
#include "eval/statistics/bootstrap.h"

#define MOST_SLICES     12   /* of the user's column; the rest is one more */
#define LEAST_UNITS     5    /* of a slice: below, its metric says nothing */
#define SLICE_RESAMPLES 2000 /* enough for two digits of an interval's ends */

static bool fail_memory(senc_error *err) {
    return senc_fail_memory(err, sizeof(eval_report_view), "a report");
}

void eval_report_view_free(eval_report_view *view) {
    for (int64_t i = 0; i < view->n_slices; i++) free(view->slices[i].label);
    free(view->slices);
    *view = (eval_report_view){0};
}

/* ---- scripts ---- */

/* Blocks of the Unicode standard by writing system, as far as they matter for texts that people search. */
static const struct {
    uint32_t from, to;
    const char *name;
} scripts[] = {
    {'A', 'Z', "Latin"},        {'a', 'z', "Latin"},          {0xc0, 0x24f, "Latin"},     {0x370, 0x3ff, "Greek"},
    {0x400, 0x52f, "Cyrillic"}, {0x530, 0x58f, "Armenian"},   {0x590, 0x5ff, "Hebrew"},   {0x600, 0x6ff, "Arabic"},
    {0x750, 0x77f, "Arabic"},   {0x900, 0x97f, "Devanagari"}, {0x980, 0x9ff, "Bengali"},  {0xb80, 0xbff, "Tamil"},
    {0xe00, 0xe7f, "Thai"},     {0x10a0, 0x10ff, "Georgian"}, {0x1100, 0x11ff, "Hangul"}, {0x1e00, 0x1eff, "Latin"},
    {0x1f00, 0x1fff, "Greek"},  {0x3040, 0x30ff, "Japanese"}, {0x3400, 0x4dbf, "Han"},    {0x4e00, 0x9fff, "Han"},
    {0xac00, 0xd7af, "Hangul"}, {0x20000, 0x2ffff, "Han"},
};
enum { N_SCRIPTS = sizeof scripts / sizeof *scripts };

const char *eval_script_of(const char *text) {
    int64_t counts[N_SCRIPTS] = {0};
    for (size_t left = strlen(text); left > 0;) {
        uint32_t code;
        const int n = data_utf8_decode(text, left, &code);
        const size_t used = (size_t)(n < 0 ? -n : n);
        int s = 0;
        while (s < N_SCRIPTS && !(code >= scripts[s].from && code <= scripts[s].to)) s++;
        int first = 0;
        while (s < N_SCRIPTS && strcmp(scripts[first].name, scripts[s].name) != 0) first++;
        if (s < N_SCRIPTS) counts[first]++;
        text += used;
        left -= used;
    }
    int best = 0;
    for (int s = 1; s < N_SCRIPTS; s++)
        if (counts[s] > counts[best]) best = s;
    return counts[best] > 0 ? scripts[best].name : "none";
}

/* ---- slices ---- */

/* Adds the slice of the units with part[i] == number; label is copied. */
static bool add_slice(eval_report_view *view, const int32_t *part, int32_t number, const char *kind, const char *label,
                      senc_error *err) {
    const eval_detail *d = &view->result->detail;
    eval_slice *grown = senc_realloc(view->slices, (size_t)view->n_slices + 1, sizeof *grown);
    double *values = senc_alloc((size_t)d->n_units, sizeof *values),
           *gold = senc_alloc((size_t)d->n_units, sizeof *gold);
    if (grown) view->slices = grown;
    eval_slice s = {.kind = kind, .label = senc_strdup(label)};
    bool ok = (grown && values && gold && s.label) || fail_memory(err);
    for (int64_t i = 0; ok && i < d->n_units; i++) {
        if (part[i] != number) continue;
        values[s.n_units] = view->series->values[i];
        gold[s.n_units++] = d->gold ? d->gold[i] : 0;
    }
    const eval_series series = {view->series->key, view->series->statistic, values};
    const eval_bootstrap_options options = {.n_resamples = SLICE_RESAMPLES};
    eval_estimate e = {NAN, NAN, NAN, NAN, NAN, 0};
    if (ok && s.n_units >= LEAST_UNITS)
        ok = eval_bootstrap_series(&series, d->gold ? gold : NULL, s.n_units, &options, &e, err);
    s.value = e.value;
    s.low = e.low;
    s.high = e.high;
    if (ok && s.n_units > 0)
        view->slices[view->n_slices++] = s;
    else
        free(s.label);
    free(values);
    free(gold);
    return ok;
}

static int compare_integers(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Quarters of the units by the number of words; equal lengths are never cut apart. */
static bool add_lengths(eval_report_view *view, int32_t *part, senc_error *err) {
    const eval_detail *d = &view->result->detail;
    int64_t *words = senc_alloc((size_t)d->n_units, sizeof *words);
    if (!words) return fail_memory(err);
    for (int64_t i = 0; i < d->n_units; i++) words[i] = d->units[i].n_words;
    qsort(words, (size_t)d->n_units, sizeof *words, compare_integers);
    int64_t low = words[0];
    const int64_t longest = words[d->n_units - 1];
    bool ok = true;
    for (int32_t q = 0; ok && q < 4 && words[0] < longest; q++) {
        const int64_t high = q == 3 ? longest : words[d->n_units * (q + 1) / 4];
        if (high < low) continue;
        char label[64];
        if (low == high)
            snprintf(label, sizeof label, "%lld word%s", (long long)low, low == 1 ? "" : "s");
        else
            snprintf(label, sizeof label, "%lld to %lld words", (long long)low, (long long)high);
        for (int64_t i = 0; i < d->n_units; i++) part[i] = d->units[i].n_words >= low && d->units[i].n_words <= high;
        ok = add_slice(view, part, 1, "length", label, err);
        low = high + 1;
    }
    free(words);
    return ok;
}

/* Units of one label, behind one another after sorting. */
typedef struct labelled {
    const char *label;
    int64_t unit;
} labelled;

static int compare_labels(const void *a, const void *b) {
    const labelled *x = a, *y = b;
    const int order = strcmp(x->label, y->label);
    return order ? order : (x->unit > y->unit) - (x->unit < y->unit);
}

/* The largest run of equal labels whose units have no part yet: its first item, its length in *n_run. */
static int64_t largest_run(const labelled *items, int64_t n, const int32_t *part, int64_t *n_run) {
    int64_t best = 0;
    *n_run = 0;
    for (int64_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && strcmp(items[to].label, items[from].label) == 0;) to++;
        if (part[items[from].unit] < 0 && to - from > *n_run) best = from, *n_run = to - from;
    }
    return best;
}

/* Parts by a label of every unit (NULL: none): at most MOST_SLICES, the largest first, then the rest. */
static bool add_labels(eval_report_view *view, const char *kind, const char *const *labels, int32_t *part,
                       senc_error *err) {
    const int64_t n_units = view->result->detail.n_units;
    labelled *items = senc_alloc((size_t)n_units, sizeof *items);
    if (!items) return fail_memory(err);
    int64_t n = 0, n_run;
    for (int64_t i = 0; i < n_units; i++) {
        part[i] = -1;
        if (labels[i]) items[n++] = (labelled){labels[i], i};
    }
    qsort(items, (size_t)n, sizeof *items, compare_labels);
    int64_t n_rest = n, first = largest_run(items, n, part, &n_run);
    bool ok = true;
    if (n_run == n_units) n_rest = 0; /* all units alike: nothing to compare */
    for (int32_t number = 0; ok && n_rest > 0 && number < MOST_SLICES; number++) {
        for (int64_t i = first; i < first + n_run; i++) part[items[i].unit] = number;
        ok = add_slice(view, part, number, kind, items[first].label, err);
        n_rest -= n_run;
        first = largest_run(items, n, part, &n_run);
    }
    if (ok && n_rest > 0) {
        for (int64_t i = 0; i < n_units; i++) part[i] = part[i] < 0 && labels[i];
        ok = add_slice(view, part, 1, kind, "all others", err);
    }
    free(items);
    return ok;
}

static bool add_slices(eval_report_view *view, senc_error *err) {
    const eval_detail *d = &view->result->detail;
    int32_t *part = senc_alloc((size_t)d->n_units, sizeof *part);
    const char **labels = senc_alloc((size_t)d->n_units, sizeof *labels);
    bool ok = (part && labels) || fail_memory(err);
    ok = ok && add_lengths(view, part, err);
    for (int64_t i = 0; ok && i < d->n_units; i++) labels[i] = d->units[i].slice;
    ok = ok && add_labels(view, "slice", labels, part, err);
    for (int64_t i = 0; ok && i < d->n_units; i++) labels[i] = eval_script_of(d->units[i].text ? d->units[i].text : "");
    ok = ok && add_labels(view, "script", labels, part, err);
    free(part);
    free(labels);
    return ok;
}

/* ---- ranks and the worst ---- */

static void count_ranks(eval_report_view *view) {
    static const struct {
        int64_t last;
        const char *label;
    } buckets[EVAL_VIEW_RANKS] = {{1, "1"},    {2, "2"},    {3, "3"},      {5, "≤5"},           {10, "≤10"},
                                  {20, "≤20"}, {50, "≤50"}, {100, "≤100"}, {INT64_MAX, ">100"}, {0, "none"}};
    const eval_detail *d = &view->result->detail;
    int64_t n_ranked = 0, n_far = 0;
    for (int b = 0; b < EVAL_VIEW_RANKS; b++) view->ranks[b].label = buckets[b].label;
    for (int64_t i = 0; i < d->n_units; i++) {
        const int64_t rank = d->units[i].rank;
        if (rank < 0) continue;
        int b = 0;
        while (rank > 0 && rank > buckets[b].last) b++;
        view->ranks[rank == 0 ? EVAL_VIEW_RANKS - 1 : b].n++;
        n_ranked++;
        n_far += rank > 100;
    }
    view->n_ranks = n_ranked > 0 ? EVAL_VIEW_RANKS : 0;
    if (n_far > 0 || n_ranked == 0) return;
    view->ranks[EVAL_VIEW_RANKS - 2] = view->ranks[EVAL_VIEW_RANKS - 1]; /* nothing was looked at that far down */
    view->n_ranks = EVAL_VIEW_RANKS - 1;
}

/* Among equally bad units: what was not found at all, then the farthest, then the most confident mistake. */
static bool is_worse(const eval_detail *d, const double *scores, int64_t a, int64_t b) {
    if (scores[a] != scores[b]) return scores[a] < scores[b];
    const eval_unit *x = &d->units[a], *y = &d->units[b];
    const int64_t rank_x = x->rank == 0 ? INT64_MAX : x->rank, rank_y = y->rank == 0 ? INT64_MAX : y->rank;
    if (rank_x != rank_y) return rank_x > rank_y;
    const double top_x = x->n_found > 0 ? x->found[0].score : 0, top_y = y->n_found > 0 ? y->found[0].score : 0;
    return top_x != top_y ? top_x > top_y : a < b;
}

static bool find_worst(eval_report_view *view, senc_error *err) {
    const eval_detail *d = &view->result->detail;
    eval_series_plan plan;
    if (!eval_series_plan_init(&plan, view->series->statistic, view->series->values, d->gold, d->n_units, err))
        return false;
    double *scores = senc_alloc((size_t)d->n_units, sizeof *scores);
    double *scratch = senc_alloc((size_t)eval_series_plan_scratch(&plan), sizeof *scratch);
    const bool ok = (scores && scratch) || fail_memory(err);
    if (ok) eval_series_unit_scores(&plan, scores, scratch);
    double best = -HUGE_VAL;
    for (int64_t i = 0; ok && i < d->n_units; i++) {
        if (!view->result->greater_is_better && view->series->statistic == EVAL_MEAN) scores[i] = -scores[i];
        best = fmax(best, scores[i]);
    }
    for (int64_t i = 0; ok && i < d->n_units; i++) {
        if (!(scores[i] < best)) continue;
        int64_t at = view->n_worst;
        while (at > 0 && is_worse(d, scores, i, view->worst[at - 1])) at--;
        if (at >= EVAL_VIEW_WORST) continue;
        const int64_t n_kept = view->n_worst < EVAL_VIEW_WORST ? view->n_worst : EVAL_VIEW_WORST - 1;
        memmove(&view->worst[at + 1], &view->worst[at], (size_t)(n_kept - at) * sizeof *view->worst);
        view->worst[at] = i;
        view->n_worst = n_kept + 1;
    }
    free(scores);
    free(scratch);
    eval_series_plan_free(&plan);
    return ok;
}

bool eval_report_view_init(eval_report_view *view, const eval_result *result, senc_error *err) {
    *view = (eval_report_view){.result = result};
    const eval_detail *d = &result->detail;
    view->series = result->primary && d->n_units > 0 ? eval_detail_find(d, result->primary) : NULL;
    if (!view->series) return true;
    count_ranks(view);
    if (add_slices(view, err) && find_worst(view, err)) return true;
    eval_report_view_free(view);
    return false;
}
