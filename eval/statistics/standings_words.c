/* The answer in a sentence, and for machines: see standings.h. */
#include <math.h>
#include <string.h>

#include "eval/report.h"
#include "eval/statistics/standings.h"

static bool is_tied(const eval_standing *x) {
    return x->place == EVAL_PLACE_SAME || x->place == EVAL_PLACE_TOO_FEW;
}

static const eval_standing *find_overall(const eval_standings *s, int64_t model) {
    for (int64_t i = 0; i < s->n_models; i++)
        if (s->overall[i].model == model) return &s->overall[i];
    return NULL;
}

/* "a, b and c": those of that kind but for `except`; returns how many. */
static int64_t append_names(const eval_standings *s, bool tied, int64_t except, senc_buffer *out) {
    int64_t n = 0, at = 0;
    for (int64_t i = 1; i < s->n_models; i++) n += is_tied(&s->overall[i]) == tied && s->overall[i].model != except;
    for (int64_t i = 1; i < s->n_models && out; i++) {
        if (is_tied(&s->overall[i]) != tied || s->overall[i].model == except) continue;
        senc_buffer_printf(out, "%s%s", at == 0 ? "" : at + 1 == n ? " and " : ", ", s->labels[s->overall[i].model]);
        at++;
    }
    return n;
}

/* Systems that read other parts of the texts on one of the data sets. */
static void append_readings(const eval_standings *s, int64_t a, int64_t b, senc_buffer *out) {
    for (int64_t i = 0; i < s->n_sets; i++) {
        const eval_standing *x = NULL, *y = NULL;
        char first[96], second[96];
        for (int64_t m = 0; m < s->n_models; m++) {
            if (s->sets[i].items[m].model == a) x = &s->sets[i].items[m];
            if (s->sets[i].items[m].model == b) y = &s->sets[i].items[m];
        }
        if (!x || !y || !eval_reading_differs(&x->reading, &y->reading)) continue;
        senc_buffer_printf(out, " Mind%s%s: %s %s; %s %s.", s->n_sets > 1 ? ", on " : "",
                           s->n_sets > 1 ? s->sets[i].data : "", s->labels[a],
                           eval_reading_words(&x->reading, first, sizeof first), s->labels[b],
                           eval_reading_words(&y->reading, second, sizeof second));
        return;
    }
}

static void append_best(const eval_standings *s, bool is_certain, senc_buffer *out) {
    const eval_standing *best = &s->overall[0];
    senc_buffer_printf(out, "%s: %s (", is_certain ? "best" : "highest", s->labels[best->model]);
    if (s->n_sets > 1)
        senc_buffer_printf(out, "mean of %lld headline metrics", (long long)s->n_sets);
    else
        senc_buffer_append_text(out, s->sets[0].metric);
    senc_buffer_printf(out, " %.4f)", best->value);
}

/* Some cannot be told from the best, and one of them may be cheaper. */
static void append_tied(const eval_standings *s, const eval_switching_cost *costs, senc_buffer *out) {
    const int64_t best = s->overall[0].model, cheap = s->cheapest;
    char advantage[128];
    if (cheap < 0 || cheap == best) {
        senc_buffer_append_text(out, "; ");
        append_names(s, true, -1, out);
        senc_buffer_printf(out, " cannot be told from it%s.", cheap < 0 ? "" : ", and cost no less");
        return;
    }
    senc_buffer_printf(out, "; %s (%.4f) cannot be told from it and %s.", s->labels[cheap],
                       find_overall(s, cheap)->value,
                       eval_switching_cost_advantage(&costs[cheap], &costs[best], advantage, sizeof advantage));
    if (append_names(s, true, cheap, NULL) == 0) return;
    senc_buffer_append_text(out, " Neither can ");
    append_names(s, true, cheap, out);
    senc_buffer_append_text(out, ".");
}

/* Those that do not count. */
static void append_withheld(const eval_standings *s, senc_buffer *out) {
    int64_t n = 0;
    for (int64_t i = 0; i < s->n_models; i++)
        if (s->overall[i].place == EVAL_PLACE_WITHHELD)
            senc_buffer_printf(out, "%s%s", n++ == 0 ? " Does not count, trained on this data: " : ", ",
                               s->labels[s->overall[i].model]);
    if (n > 0) senc_buffer_append_text(out, ".");
}

void eval_standings_answer(const eval_standings *s, const eval_switching_cost *costs, senc_buffer *out) {
    int64_t n[EVAL_PLACE_WITHHELD + 1] = {0};
    for (int64_t i = 0; i < s->n_models; i++) n[s->overall[i].place]++;
    const bool is_certain = n[EVAL_PLACE_SAME] + n[EVAL_PLACE_WORSE] > 0;
    if (s->overall[0].place == EVAL_PLACE_WITHHELD) {
        senc_buffer_append_text(out, "best: none can be named, all were trained on this data.");
        return;
    }
    append_best(s, is_certain, out);
    if (!is_certain)
        senc_buffer_append_text(out, n[EVAL_PLACE_UNTESTED] > 0 ? "; the others were not tested against it."
                                                                : "; too few units to tell the others from it.");
    else if (n[EVAL_PLACE_SAME] + n[EVAL_PLACE_TOO_FEW] > 0)
        append_tied(s, costs, out);
    else
        senc_buffer_append_text(out, n[EVAL_PLACE_UNTESTED] > 0
                                         ? "; what was tested against it is worse, the others were not tested."
                                         : "; every other is worse.");
    if (is_certain && s->min_effect > 0) senc_buffer_printf(out, " Differences below %g do not count.", s->min_effect);
    append_withheld(s, out);
    if (is_certain && s->cheapest >= 0 && s->cheapest != s->overall[0].model)
        append_readings(s, s->overall[0].model, s->cheapest, out);
}

void eval_standings_where(const eval_standings *s, const eval_standing *x, senc_buffer *out) {
    senc_buffer_append_text(out, eval_place_words(x->place));
    for (int64_t k = 0, n = 0; x->place == EVAL_PLACE_WORSE && k < s->n_sets && k < 64; k++) {
        if (!(x->worse_on >> k & 1)) continue;
        senc_buffer_printf(out, "%s%s", n++ == 0 ? " on " : ", ", s->sets[k].data);
    }
}

/* ---- for machines ---- */

static void put_interval(data_json *o, const eval_standing *x) {
    data_json *interval = data_json_put_array(o, "interval");
    data_json_put_number(interval, NULL, x->low);
    data_json_put_number(interval, NULL, x->high);
}

static void put_data(data_json *list, const eval_data_standings *set, const eval_standing *x) {
    data_json *o = data_json_put_object(list, NULL);
    data_json_put_string(o, "data", set->data);
    data_json_put_string(o, "metric", set->metric);
    data_json_put_number(o, "value", x->value);
    put_interval(o, x);
    data_json_put_string(o, "against_the_best", eval_place_words(x->place));
    if (!isnan(x->p)) data_json_put_number(o, "p_holm", x->p);
    eval_reading_put_json(&x->reading, "reading", o);
}

void eval_standings_put_json(const eval_standings *s, const eval_switching_cost *costs, data_json *object) {
    data_json *list = data_json_put_array(object, "systems");
    for (int64_t i = 0; i < s->n_models; i++) {
        const eval_standing *x = &s->overall[i];
        data_json *o = data_json_put_object(list, NULL);
        data_json_put_string(o, "model", s->labels[x->model]);
        data_json_put_number(o, s->n_sets > 1 ? "mean" : "value", x->value);
        data_json_put_string(o, "against_the_best", eval_place_words(x->place));
        data_json *data = data_json_put_array(o, "data");
        for (int64_t k = 0; k < s->n_sets; k++)
            for (int64_t m = 0; m < s->n_models; m++)
                if (s->sets[k].items[m].model == x->model) put_data(data, &s->sets[k], &s->sets[k].items[m]);
    }
    senc_buffer text = {0};
    eval_standings_answer(s, costs, &text);
    data_json *answer = data_json_put_object(object, "answer");
    data_json_put_string(answer, "best", s->labels[s->overall[0].model]);
    data_json_put_string(answer, "cheapest", s->cheapest < 0 ? NULL : s->labels[s->cheapest]);
    data_json_put_string(answer, "text", senc_buffer_text(&text));
    data_json_put_integer(answer, "tests", s->n_tests);
    senc_buffer_free(&text);
}
