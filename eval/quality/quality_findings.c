/* Findings: see quality_findings.h. */
#include "eval/quality/quality_findings.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"

/* From where on a number is worth a warning. */
#define HIGH_MEAN_COSINE     0.5
#define LOW_RANK_SHARE       0.1
#define HIGH_DUPLICATE_SHARE 0.01
#define LOW_PAIR_COSINE      0.9
#define LOW_OVERLAP          0.5
#define SMALL_P              0.01

/* ---- warnings ---- */

__attribute__((format(printf, 3, 4))) static bool warn(eval_findings *f, senc_error *err, const char *fmt, ...) {
    senc_buffer text = {0};
    char line[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    senc_buffer_append_text(&text, line);
    char **grown = senc_realloc(f->warnings.items, (size_t)f->warnings.n + 1, sizeof *grown);
    if (grown) f->warnings.items = grown;
    char *copy = grown ? senc_buffer_take(&text) : NULL;
    senc_buffer_free(&text);
    if (!copy) return senc_fail_memory(err, sizeof line, "a warning");
    f->warnings.items[f->warnings.n++] = copy;
    return true;
}

/* "rows 3, 17, 20, ..." */
static const char *rows_text(const eval_quality_rows *rows, char *out, size_t out_bytes) {
    size_t at = 0;
    const int64_t shown = rows->n < EVAL_QUALITY_SHOWN ? rows->n : EVAL_QUALITY_SHOWN;
    for (int64_t i = 0; i < shown && at < out_bytes; i++)
        at += (size_t)snprintf(out + at, out_bytes - at, "%s%lld", i ? ", " : "", (long long)rows->shown[i] + 1);
    if (rows->n > shown && at < out_bytes) snprintf(out + at, out_bytes - at, ", ...");
    return out;
}

/* "NAME: 3 of 100 vectors WHAT (rows 3, 17, 20)"; nothing when there are none. */
static bool warn_rows(eval_findings *f, int i, const eval_quality_rows *rows, const char *what, senc_error *err) {
    char list[128];
    return rows->n == 0 || warn(f, err, "%s: %lld of %lld vectors %s (rows %s)", f->names[i], (long long)rows->n,
                                (long long)f->quality[i].n_rows, what, rows_text(rows, list, sizeof list));
}

static bool judge_rows(eval_findings *f, int i, senc_error *err) {
    const eval_quality *q = &f->quality[i];
    char list[128];
    if (q->n_rows == 0 && !warn(f, err, "%s: no vectors", f->names[i])) return false;
    if (!warn_rows(f, i, &q->not_finite, "with a NaN or an infinite number", err) ||
        !warn_rows(f, i, &q->zero, "with nothing but zeros", err))
        return false;
    const int64_t not_unit = q->not_unit.n - q->zero.n;
    if (not_unit > 0 && not_unit < q->n_rows / 2 &&
        !warn_rows(f, i, &q->not_unit, "without the length 1 that the others have", err))
        return false;
    if (q->constant.n > 0 &&
        !warn(f, err, "%s: %lld of %lld dimensions the same everywhere (%s)", f->names[i], (long long)q->constant.n,
              (long long)q->width, rows_text(&q->constant, list, sizeof list)))
        return false;
    return (double)q->duplicate.n <= HIGH_DUPLICATE_SHARE * (double)q->n_rows ||
           warn_rows(f, i, &q->duplicate, "equal to an earlier one: duplicate texts?", err);
}

static bool judge_shape(eval_findings *f, int i, senc_error *err) {
    const eval_quality *q = &f->quality[i];
    const char *name = f->names[i];
    if (q->mean_cosine > HIGH_MEAN_COSINE &&
        !warn(f, err,
              "%s: the mean cosine of all pairs is %.2f: the vectors point the same way, so thresholds lie close "
              "together",
              name, q->mean_cosine))
        return false;
    /* A covariance of few rows has a low rank whatever the vectors are. */
    return q->n_sample < 4 * q->width || q->effective_rank >= LOW_RANK_SHARE * (double)q->width ||
           warn(f, err, "%s: the effective rank is %.1f of %lld: few dimensions are in use", name, q->effective_rank,
                (long long)q->width);
}

static bool judge_suspects(eval_findings *f, senc_error *err) {
    const eval_quality_suspects *s = &f->suspects;
    if (s->alike.n > 0 &&
        !warn(f, err, "pairs of different texts with a cosine above 0.999: %lld (first: rows %lld and %lld)",
              (long long)s->alike.n, (long long)s->alike.shown[0].a + 1, (long long)s->alike.shown[0].b + 1))
        return false;
    return s->apart.n == 0 ||
           warn(f, err,
                "pairs of near-identical texts with a cosine below 0.7: %lld (first: rows %lld and %lld); do texts and "
                "vectors belong together?",
                (long long)s->apart.n, (long long)s->apart.shown[0].a + 1, (long long)s->apart.shown[0].b + 1);
}

static bool judge_change(eval_findings *f, senc_error *err) {
    const eval_drift *d = &f->drift;
    if (f->has_drift && !d->same_width &&
        !warn(f, err, "the widths differ: cosines and Procrustes are not defined, only neighbours are compared"))
        return false;
    if (f->has_drift && d->cosine_mean < LOW_PAIR_COSINE &&
        !warn(f, err, "the mean cosine of a text's two vectors is %.3f: the two sets must not be mixed in one index",
              d->cosine_mean))
        return false;
    if (f->has_drift && d->overlap < LOW_OVERLAP &&
        !warn(f, err, "only %.0f %% of the 10 nearest texts are the same", 100 * d->overlap))
        return false;
    return !f->has_shift || f->shift.p > SMALL_P ||
           warn(f, err, "the two samples differ (p = %.3f, energy distance %.4f)", f->shift.p, f->shift.energy);
}

bool eval_findings_judge(eval_findings *f, senc_error *err) {
    for (int i = 0; i < f->n_sets; i++) {
        if (!judge_rows(f, i, err) || !judge_shape(f, i, err)) return false;
    }
    return (!f->has_suspects || judge_suspects(f, err)) && judge_change(f, err);
}

void eval_findings_free(eval_findings *f) {
    for (int64_t i = 0; i < f->warnings.n; i++) free(f->warnings.items[i]);
    free(f->warnings.items);
    f->warnings = (senc_strings){0};
}

/* ---- the table ---- */

typedef struct measure {
    const char *name, *key, *help;
    double values[2];
    int digits;
    bool optional; /* no row when it is NaN everywhere */
} measure;

enum { N_MEASURES = 15 };

static void measures_of(const eval_findings *f, measure out[N_MEASURES]) {
    static const measure rows[N_MEASURES] = {
        {"vectors", "rows", "", {0}, 0, false},
        {"width", "width", "", {0}, 0, false},
        {"not finite", "not_finite", "with a NaN or an infinity", {0}, 0, false},
        {"zero", "zero", "all numbers 0", {0}, 0, false},
        {"not unit", "not_unit", "length not 1", {0}, 0, false},
        {"duplicates", "duplicates", "equal to an earlier one", {0}, 0, false},
        {"constant", "constant_dimensions", "dimensions", {0}, 0, false},
        {"length, least", "norm_least", "", {0}, 4, false},
        {"length, mean", "norm_mean", "", {0}, 4, false},
        {"length, most", "norm_largest", "", {0}, 4, false},
        {"mean cosine", "mean_cosine", "of all pairs; 0: even", {0}, 4, false},
        {"effective rank", "effective_rank", "dimensions in use", {0}, 1, false},
        {"90 % variance", "dimensions_of_90_percent", "dimensions that hold it", {0}, 0, false},
        {"uniformity", "uniformity", "lower: more even", {0}, 4, false},
        {"alignment", "alignment", "of pairs; lower: nearer", {0}, 4, true},
    };
    memcpy(out, rows, sizeof rows);
    for (int i = 0; i < f->n_sets; i++) {
        const eval_quality *q = &f->quality[i];
        const double values[N_MEASURES] = {(double)q->n_rows,     (double)q->width,      (double)q->not_finite.n,
                                           (double)q->zero.n,     (double)q->not_unit.n, (double)q->duplicate.n,
                                           (double)q->constant.n, q->norm_least,         q->norm_mean,
                                           q->norm_largest,       q->mean_cosine,        q->effective_rank,
                                           (double)q->rank_90,    q->uniformity,         q->alignment};
        for (int m = 0; m < N_MEASURES; m++) out[m].values[i] = values[m];
    }
}

static void add_value(senc_grid *grid, double value, int digits) {
    if (isnan(value))
        senc_grid_add(grid, "-");
    else
        senc_grid_add(grid, "%.*f", digits, value);
}

static void add_name(senc_grid *grid, const char *name) {
    senc_buffer text = {0};
    const int64_t n = (int64_t)strlen(name), most = 20;
    if (n > most) /* the end of a path says more than its beginning */
        senc_buffer_printf(&text, "...%s", name + n - most + 3);
    else
        senc_buffer_append_text(&text, name);
    senc_buffer shown = {0};
    senc_text_append(&shown, senc_buffer_text(&text), (int64_t)text.n_bytes, most);
    senc_grid_add(grid, "%s", senc_buffer_text(&shown));
    senc_buffer_free(&text);
    senc_buffer_free(&shown);
}

static void print_quality(const eval_findings *f, senc_buffer *out) {
    measure rows[N_MEASURES];
    measures_of(f, rows);
    senc_grid grid;
    senc_grid_init(&grid, f->n_sets == 2 ? "lrrl" : "lrl");
    senc_grid_add(&grid, "%s", "");
    for (int i = 0; i < f->n_sets; i++) add_name(&grid, f->names[i]);
    senc_grid_add(&grid, "%s", "");
    for (int m = 0; m < N_MEASURES; m++) {
        if (rows[m].optional && isnan(rows[m].values[0]) && (f->n_sets < 2 || isnan(rows[m].values[1]))) continue;
        senc_grid_add(&grid, "%s", rows[m].name);
        for (int i = 0; i < f->n_sets; i++) add_value(&grid, rows[m].values[i], rows[m].digits);
        senc_grid_add(&grid, "%s", rows[m].help);
    }
    senc_grid_print(&grid, 0, 80, out);
    senc_grid_free(&grid);
}

static void print_numbers(const char *title, const measure *rows, int n, senc_buffer *out) {
    senc_buffer_printf(out, "\n%s\n", title);
    senc_grid grid;
    senc_grid_init(&grid, "lrl");
    for (int i = 0; i < n; i++) {
        senc_grid_add(&grid, "%s", rows[i].name);
        add_value(&grid, rows[i].values[0], rows[i].digits);
        senc_grid_add(&grid, "%s", rows[i].help);
    }
    senc_grid_print(&grid, 2, 80, out);
    senc_grid_free(&grid);
}

enum { N_DRIFT = 8, N_SHIFT = 7, N_SUSPECTS = 3 };

static void drift_of(const eval_findings *f, measure out[N_DRIFT]) {
    const eval_drift *d = &f->drift;
    const measure rows[N_DRIFT] = {
        {"texts", "compared", "sound in both", {(double)d->n_compared}, 0, false},
        {"cosine, mean", "cosine_mean", "of a text's two vectors", {d->cosine_mean}, 4, false},
        {"cosine, 5 %", "cosine_p5", "5 % of the texts lie below", {d->cosine_p5}, 4, false},
        {"cosine, least", "cosine_least", "", {d->cosine_least}, 4, false},
        {"length", "norm_ratio", "second / first, mean", {d->norm_ratio}, 4, false},
        {"overlap@10", "neighbour_overlap@10", "common texts among the 10 nearest", {d->overlap}, 4, false},
        {"Procrustes", "procrustes_disparity", "0: the same after a rotation", {d->disparity}, 4, false},
        {"searched", "searched", "texts behind overlap@10", {(double)d->n_searched}, 0, false},
    };
    memcpy(out, rows, sizeof rows);
}

static void shift_of(const eval_findings *f, measure out[N_SHIFT]) {
    const eval_shift *s = &f->shift;
    const measure rows[N_SHIFT] = {
        {"first", "first", "vectors in the sample", {(double)s->n_a}, 0, false},
        {"second", "second", "vectors in the sample", {(double)s->n_b}, 0, false},
        {"mean shift", "mean_shift", "distance of the means", {s->mean_distance}, 4, false},
        {"cosine", "mean_cosine", "of the means", {s->mean_cosine}, 4, false},
        {"energy", "energy_distance", "energy distance", {s->energy}, 4, false},
        {"p", "p", "of a permutation test", {s->p}, 3, false},
        {"permutations", "permutations", "", {(double)s->n_permutations}, 0, false},
    };
    memcpy(out, rows, sizeof rows);
}

static void suspects_of(const eval_findings *f, measure out[N_SUSPECTS]) {
    const eval_quality_suspects *s = &f->suspects;
    const measure rows[N_SUSPECTS] = {
        {"too alike", "different_texts_above_0.999", "different texts, cosine > 0.999", {(double)s->alike.n}, 0, false},
        {"too far",
         "near_identical_texts_below_0.7",
         "near-identical texts, cosine < 0.7",
         {(double)s->apart.n},
         0,
         false},
        {"searched", "searched", "texts behind the first", {(double)s->n_searched}, 0, false},
    };
    memcpy(out, rows, sizeof rows);
}

static void print_warnings(const eval_findings *f, senc_buffer *out) {
    senc_buffer_append_text(out, f->warnings.n ? "\nwarnings\n" : "\nno warnings\n");
    for (int64_t i = 0; i < f->warnings.n; i++) {
        senc_buffer_append_text(out, "- ");
        senc_text_wrap(out, f->warnings.items[i], 2, 2, 80);
    }
}

void eval_findings_print(const eval_findings *f, senc_buffer *out) {
    measure rows[N_MEASURES];
    print_quality(f, out);
    if (f->has_suspects) {
        suspects_of(f, rows);
        print_numbers("texts and vectors", rows, N_SUSPECTS, out);
    }
    if (f->has_drift) {
        drift_of(f, rows);
        print_numbers("the same texts in both", rows, N_DRIFT, out);
    }
    if (f->has_shift) {
        shift_of(f, rows);
        print_numbers("two samples of other texts", rows, N_SHIFT, out);
    }
    print_warnings(f, out);
}

/* ---- JSON ---- */

static void put_measures(data_json *o, const measure *rows, int n, int column) {
    for (int i = 0; i < n; i++) {
        const double value = rows[i].values[column];
        if (rows[i].digits == 0 && isfinite(value))
            data_json_put_integer(o, rows[i].key, (int64_t)value);
        else
            data_json_put_number(o, rows[i].key, value);
    }
}

static void put_pairs(data_json *o, const char *key, const eval_quality_pair *pairs, int64_t n) {
    data_json *list = data_json_put_array(o, key);
    for (int64_t i = 0; i < n && i < EVAL_QUALITY_SHOWN; i++) {
        data_json *pair = data_json_put_object(list, NULL);
        data_json_put_integer(pair, "row", pairs[i].a + 1);
        if (pairs[i].b != pairs[i].a) data_json_put_integer(pair, "other_row", pairs[i].b + 1);
        data_json_put_number(pair, "cosine", pairs[i].score);
    }
}

void eval_findings_put_json(const eval_findings *f, data_json *object) {
    measure rows[N_MEASURES];
    measures_of(f, rows);
    data_json *sets = data_json_put_array(object, "vectors");
    for (int i = 0; i < f->n_sets; i++) {
        data_json *set = data_json_put_object(sets, NULL);
        data_json_put_string(set, "name", f->names[i]);
        put_measures(set, rows, N_MEASURES, i);
        data_json_put_integer(set, "sample", f->quality[i].n_sample);
    }
    if (f->has_suspects) {
        data_json *o = data_json_put_object(object, "texts");
        suspects_of(f, rows);
        put_measures(o, rows, N_SUSPECTS, 0);
        put_pairs(o, "too_alike", f->suspects.alike.shown, f->suspects.alike.n);
        put_pairs(o, "too_far", f->suspects.apart.shown, f->suspects.apart.n);
    }
    if (f->has_drift) {
        data_json *o = data_json_put_object(object, "drift");
        drift_of(f, rows);
        put_measures(o, rows, N_DRIFT, 0);
        put_pairs(o, "moved_most", f->drift.moved, f->drift.n_moved);
    }
    if (f->has_shift) {
        shift_of(f, rows);
        put_measures(data_json_put_object(object, "shift"), rows, N_SHIFT, 0);
    }
    data_json *warnings = data_json_put_array(object, "warnings");
    for (int64_t i = 0; i < f->warnings.n; i++) data_json_put_string(warnings, NULL, f->warnings.items[i]);
}
