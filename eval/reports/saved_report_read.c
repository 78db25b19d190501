/* JSON text -> a saved report: see saved_report.h. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/json.h"
#include "eval/reports/saved_report.h"
#include "eval/reports/saved_report_parts.h"
#include "eval/statistics/series_value.h"

/* Puts "results[0]: " behind the file's name at the front of the message. Returns false. */
__attribute__((format(printf, 3, 4))) static bool within(const data_json *v, senc_error *err, const char *fmt, ...) {
    if (!err || err->kind != SENC_BAD_INPUT) return false;
    char where[128], rest[sizeof err->text];
    va_list args;
    va_start(args, fmt);
    vsnprintf(where, sizeof where, fmt, args);
    va_end(args);
    const char *place = data_json_place(v);
    const size_t n = strlen(place);
    const bool has_place = n > 0 && strncmp(err->text, place, n) == 0 && strncmp(err->text + n, ": ", 2) == 0;
    snprintf(rest, sizeof rest, "%s", has_place ? err->text + n + 2 : err->text);
    snprintf(err->text, sizeof err->text, "%.400s: %s: %.480s", place, where, rest);
    return false;
}

static bool fail_memory(senc_error *err) {
    return senc_fail_memory(err, sizeof(eval_saved_report), "a report");
}

/* *items: as many zeroed ones as the array has. */
static bool make_room(const data_json *array, size_t item_bytes, void **items, senc_error *err) {
    *items = senc_alloc_zero((size_t)data_json_count(array), item_bytes);
    return *items || fail_memory(err);
}

/* ---- members ---- */

/* A text or null. */
static bool read_text(const data_json *o, const char *key, char **out, senc_error *err) {
    const char *text = NULL;
    return data_json_read_string(o, key, &text, err) && eval_saved_report_set_text(out, text, err);
}

static bool require_text(const data_json *o, const char *key, char **out, senc_error *err) {
    const char *text;
    return data_json_require_string(o, key, &text, err) && eval_saved_report_set_text(out, text, err);
}

static bool require_items(const data_json *o, const char *key, const data_json **out, senc_error *err) {
    if (!data_json_read_array(o, key, out, err)) return false;
    return *out ||
           senc_fail(err, SENC_BAD_INPUT, "%s: \"%s\": expected an array, but it is missing", data_json_place(o), key);
}

static bool check_object(const data_json *v, const char *what, int64_t i, senc_error *err) {
    return data_json_get_type(v) == DATA_JSON_OBJECT ||
           senc_fail(err, SENC_BAD_INPUT, "%s: %s[%lld]: expected an object, got %s", data_json_place(v), what,
                     (long long)i, data_json_type_name(data_json_get_type(v)));
}

/* A number, NaN for null. */
static bool read_value(const data_json *v, const char *what, int64_t i, double *out, senc_error *err) {
    *out = data_json_is_number(v) ? data_json_number(v) : NAN;
    return data_json_is_number(v) || data_json_get_type(v) == DATA_JSON_NULL ||
           senc_fail(err, SENC_BAD_INPUT, "%s: \"%s\": item %lld: expected a number or null, got %s",
                     data_json_place(v), what, (long long)i + 1, data_json_type_name(data_json_get_type(v)));
}

/* An array of numbers; absent: *out NULL, *n 0. n_wanted -1: of any length. */
static bool read_numbers(const data_json *o, const char *key, int64_t n_wanted, double **out, int64_t *n,
                         senc_error *err) {
    const data_json *array;
    if (!data_json_read_array(o, key, &array, err)) return false;
    *n = data_json_count(array);
    if (!array) return true;
    if (n_wanted >= 0 && *n != n_wanted)
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"%s\": expected %lld numbers, got %lld", data_json_place(o), key,
                         (long long)n_wanted, (long long)*n);
    void *numbers;
    if (!make_room(array, sizeof **out, &numbers, err)) return false;
    *out = numbers;
    int64_t i = 0;
    for (const data_json *v = data_json_first(array); v; v = data_json_next(v), i++)
        if (!read_value(v, key, i, &(*out)[i], err)) return false;
    return true;
}

static bool read_lines(const data_json *o, const char *key, eval_result *r,
                       bool (*add)(eval_result *, senc_error *, const char *, ...), senc_error *err) {
    const data_json *array;
    if (!data_json_read_array(o, key, &array, err)) return false;
    int64_t i = 0;
    for (const data_json *v = data_json_first(array); v; v = data_json_next(v), i++) {
        if (data_json_get_type(v) != DATA_JSON_STRING)
            return senc_fail(err, SENC_BAD_INPUT, "%s: \"%s\": item %lld: expected a string, got %s",
                             data_json_place(o), key, (long long)i + 1, data_json_type_name(data_json_get_type(v)));
        if (!add(r, err, "%s", data_json_text(v, NULL))) return false;
    }
    return true;
}

/* ---- details ---- */

static bool read_found(const data_json *o, eval_unit *u, senc_error *err) {
    const data_json *array;
    void *items;
    if (!data_json_read_array(o, "found", &array, err)) return false;
    if (!array) return true;
    if (!make_room(array, sizeof *u->found, &items, err)) return false;
    u->found = items;
    for (const data_json *v = data_json_first(array); v; v = data_json_next(v)) {
        if (!check_object(v, "found", u->n_found, err)) return false;
        eval_found *f = &u->found[u->n_found++];
        f->score = f->grade = NAN;
        if (!require_text(v, "id", &f->id, err) || !read_text(v, "text", &f->text, err) ||
            !data_json_read_number(v, "score", -HUGE_VAL, HUGE_VAL, &f->score, err) ||
            !data_json_read_number(v, "grade", -HUGE_VAL, HUGE_VAL, &f->grade, err))
            return within(v, err, "found[%lld]", (long long)u->n_found - 1);
    }
    return true;
}

static bool read_unit(const data_json *o, eval_unit *u, senc_error *err) {
    return require_text(o, "id", &u->id, err) && require_text(o, "text", &u->text, err) &&
           read_text(o, "other", &u->other, err) && read_text(o, "slice", &u->slice, err) &&
           data_json_require_integer(o, "words", 0, INT64_MAX, &u->n_words, err) &&
           data_json_read_integer(o, "rank", 0, INT64_MAX, &u->rank, err) && read_found(o, u, err);
}

static bool read_units(const data_json *array, eval_detail *d, senc_error *err) {
    int64_t i = 0;
    for (const data_json *v = data_json_first(array); v; v = data_json_next(v), i++)
        if (!check_object(v, "units", i, err) || !read_unit(v, &d->units[i], err))
            return within(v, err, "units[%lld]", (long long)i);
    return true;
}

static bool read_series(const data_json *o, eval_detail *d, senc_error *err) {
    const char *key, *name;
    double *values;
    const data_json *array;
    if (!data_json_require_string(o, "key", &key, err) || !data_json_require_string(o, "statistic", &name, err) ||
        !require_items(o, "values", &array, err))
        return false;
    eval_statistic statistic;
    if (!eval_statistic_find(name, &statistic))
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"statistic\": expected \"mean\", \"spearman\", ..., got \"%.60s\"",
                         data_json_place(o), name);
    if (statistic != EVAL_MEAN && !d->gold)
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"%s\" needs \"gold\" beside \"units\", but it is missing",
                         data_json_place(o), name);
    if (data_json_count(array) != d->n_units)
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"values\": expected %lld numbers, one a unit, got %lld",
                         data_json_place(o), (long long)d->n_units, (long long)data_json_count(array));
    if (!eval_detail_add_series(d, key, statistic, &values, err)) return false;
    int64_t i = 0;
    for (const data_json *v = data_json_first(array); v; v = data_json_next(v), i++)
        if (!read_value(v, "values", i, &values[i], err)) return false;
    return true;
}

static bool read_curve(const data_json *o, struct eval_curve *c, senc_error *err) {
    const data_json *ks;
    int64_t n_values = 0, i = 0;
    void *items;
    if (!require_text(o, "name", &c->name, err) || !require_items(o, "ks", &ks, err) ||
        !make_room(ks, sizeof *c->ks, &items, err))
        return false;
    c->ks = items;
    for (const data_json *v = data_json_first(ks); v; v = data_json_next(v), i++) {
        c->ks[i] = data_json_integer(v);
        if (data_json_get_type(v) != DATA_JSON_INTEGER || c->ks[i] < 1)
            return senc_fail(err, SENC_BAD_INPUT, "%s: \"ks\": item %lld: expected an integer >= 1, got %s",
                             data_json_place(o), (long long)i + 1, data_json_type_name(data_json_get_type(v)));
    }
    if (!read_numbers(o, "values", i, &c->values, &n_values, err)) return false;
    if (!c->values)
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"values\": expected an array, but it is missing",
                         data_json_place(o));
    c->n = i;
    return true;
}

static bool read_curves(const data_json *o, eval_detail *d, senc_error *err) {
    const data_json *array;
    void *items;
    if (!data_json_read_array(o, "curves", &array, err)) return false;
    if (!array) return true;
    if (!make_room(array, sizeof *d->curves, &items, err)) return false;
    d->curves = items;
    for (const data_json *v = data_json_first(array); v; v = data_json_next(v)) {
        const int64_t c = d->n_curves++;
        if (!check_object(v, "curves", c, err) || !read_curve(v, &d->curves[c], err))
            return within(v, err, "curves[%lld]", (long long)c);
    }
    return true;
}

/* A text that results point to and the report owns. */
static bool keep_name(eval_saved_report *r, const char *text, const char **out, senc_error *err) {
    for (int64_t i = 0; i < r->n_names; i++) {
        if (strcmp(r->names[i], text) != 0) continue;
        *out = r->names[i];
        return true;
    }
    char **grown = senc_realloc(r->names, (size_t)r->n_names + 1, sizeof *grown);
    if (!grown) return fail_memory(err);
    r->names = grown;
    *out = grown[r->n_names] = senc_strdup(text);
    return grown[r->n_names] ? (r->n_names++, true) : fail_memory(err);
}

static bool read_detail(const data_json *o, eval_saved_report *r, eval_detail *d, senc_error *err) {
    const char *unit;
    const data_json *units, *series;
    int64_t n_gold;
    if (!data_json_require_string(o, "unit", &unit, err) || !keep_name(r, unit, &unit, err) ||
        !require_items(o, "units", &units, err) || !eval_detail_init(d, unit, data_json_count(units), false, err) ||
        !read_units(units, d, err) || !read_numbers(o, "gold", d->n_units, &d->gold, &n_gold, err) ||
        !require_items(o, "series", &series, err))
        return false;
    int64_t i = 0;
    for (const data_json *v = data_json_first(series); v; v = data_json_next(v), i++)
        if (!check_object(v, "series", i, err) || !read_series(v, d, err))
            return within(v, err, "series[%lld]", (long long)i);
    return read_numbers(o, "positives", -1, &d->positives, &d->n_positives, err) &&
           read_numbers(o, "negatives", -1, &d->negatives, &d->n_negatives, err) && read_curves(o, d, err);
}

/* ---- results ---- */

/* One metric and, where it is null, the reason that `undefined` has for its key; older reports have none. */
static bool read_metric(const data_json *m, const data_json *undefined, eval_result *result, senc_error *err) {
    double value;
    const char *key = data_json_key(m, NULL), *reason = NULL;
    if (!read_value(m, key, 0, &value, err) || !eval_result_add(result, value, err, "%s", key)) return false;
    if (!undefined || !isnan(value)) return true;
    return data_json_read_string(undefined, key, &reason, err) &&
           eval_saved_report_set_text(&result->metrics[result->n_metrics - 1].undefined, reason, err);
}

static bool read_count(const data_json *o, const char *key, int64_t *out, senc_error *err) {
    return data_json_read_integer(o, key, 0, INT64_MAX, out, err);
}

static bool read_reading(const data_json *result, eval_reading *r, senc_error *err) {
    const data_json *o;
    if (!data_json_read_object(result, "reading", &o, err)) return false;
    if (!o) return true;
    if (!read_count(o, "texts", &r->n_texts, err) || !read_count(o, "cut_texts", &r->n_cut, err) ||
        !read_count(o, "max_length", &r->max_length, err))
        return within(o, err, "reading");
    return r->n_cut <= r->n_texts ||
           senc_fail(err, SENC_BAD_INPUT, "%s: \"cut_texts\": expected at most the %lld \"texts\", got %lld",
                     data_json_place(o), (long long)r->n_texts, (long long)r->n_cut);
}

static bool read_result(const data_json *o, eval_saved_report *r, eval_result *result, senc_error *err) {
    const char *type;
    const data_json *metrics, *undefined, *detail;
    result->greater_is_better = true;
    if (!require_text(o, "name", &result->name, err) || !data_json_require_string(o, "type", &type, err) ||
        !keep_name(r, type, &result->type, err) || !read_text(o, "primary", &result->primary, err) ||
        !data_json_read_bool(o, "greater_is_better", &result->greater_is_better, err) ||
        !read_reading(o, &result->reading, err) || !data_json_read_object(o, "metrics", &metrics, err) ||
        !data_json_read_object(o, "undefined", &undefined, err) ||
        !read_lines(o, "rules", result, eval_result_add_rule, err) ||
        !read_lines(o, "counts", result, eval_result_add_count, err) ||
        !data_json_read_object(o, "detail", &detail, err))
        return false;
    for (const data_json *m = data_json_first(metrics); m; m = data_json_next(m))
        if (!read_metric(m, undefined, result, err)) return false;
    if (detail && !read_detail(detail, r, &result->detail, err)) return within(detail, err, "detail");
    return true;
}

/* What `senc eval --json` has outside of its results: rules and counts by the result's name. */
static bool read_outer_lines(const data_json *root, eval_result *r, senc_error *err) {
    const data_json *rules, *counts;
    if (!data_json_read_object(root, "rules", &rules, err) || !data_json_read_object(root, "counts", &counts, err))
        return false;
    return (r->n_rules > 0 || read_lines(rules, r->name, r, eval_result_add_rule, err)) &&
           (r->n_counts > 0 || read_lines(counts, r->name, r, eval_result_add_count, err));
}

static bool read_results(const data_json *root, eval_saved_report *r, senc_error *err) {
    const data_json *array;
    void *items;
    if (!require_items(root, "results", &array, err) || !make_room(array, sizeof *r->results, &items, err))
        return false;
    r->results = items;
    for (const data_json *v = data_json_first(array); v; v = data_json_next(v)) {
        const int64_t i = r->n_results++;
        if (!check_object(v, "results", i, err) || !read_result(v, r, &r->results[i], err) ||
            !read_outer_lines(root, &r->results[i], err))
            return within(v, err, "results[%lld]", (long long)i);
    }
    return true;
}

/* ---- the rest ---- */

static bool read_hash(const data_json *o, char out[65], senc_error *err) {
    const char *text = "";
    if (!data_json_read_string(o, "sha256", &text, err)) return false;
    snprintf(out, 65, "%s", text);
    return true;
}

static bool read_system(const data_json *root, eval_saved_report *r, senc_error *err) {
    const data_json *o;
    double seconds = 0;
    if (!data_json_read_object(root, "system", &o, err)) return false;
    if (!o) return true;
    eval_system_facts *f = &r->facts;
    eval_encoder_stats *s = &r->stats;
    const bool ok =
        read_text(o, "spec", &r->spec, err) && read_text(o, "description", &r->description, err) &&
        read_count(o, "parameters", &f->n_parameters, err) && read_count(o, "size_bytes", &f->size_bytes, err) &&
        read_count(o, "dimension", &f->dimension, err) &&
        read_count(o, "bytes_per_vector", &f->bytes_per_vector, err) &&
        read_count(o, "max_length", &f->max_length, err) && read_hash(o, f->sha256, err) &&
        read_count(o, "texts", &s->n_texts, err) && read_count(o, "tokens", &s->n_tokens, err) &&
        read_count(o, "truncated_texts", &s->n_truncated, err) && read_count(o, "empty_texts", &s->n_empty, err) &&
        data_json_read_number(o, "encode_seconds", 0, HUGE_VAL, &seconds, err);
    s->encode_ms = seconds * 1e3;
    return ok || within(o, err, "system");
}

static bool read_bill(const data_json *root, eval_system_bill *b, senc_error *err) {
    const data_json *o;
    if (!data_json_read_object(root, "api", &o, err)) return false;
    if (!o) return true;
    b->dollars = b->tokens_per_text = b->dollars_per_text = NAN; /* null */
    const bool ok = read_count(o, "systems", &b->n_apis, err) && read_count(o, "texts_sent", &b->n_sent, err) &&
                    read_count(o, "texts_cached", &b->n_cached, err) &&
                    read_count(o, "requests", &b->n_requests, err) && read_count(o, "tokens", &b->n_tokens, err) &&
                    data_json_read_bool(o, "tokens_estimated", &b->tokens_estimated, err) &&
                    data_json_read_number(o, "dollars", 0, HUGE_VAL, &b->dollars, err) &&
                    data_json_read_number(o, "tokens_per_text", 0, HUGE_VAL, &b->tokens_per_text, err) &&
                    data_json_read_number(o, "dollars_per_text", 0, HUGE_VAL, &b->dollars_per_text, err);
    return ok || within(o, err, "api");
}

static bool read_ranking(const data_json *root, eval_ranking_cost *c, senc_error *err) {
    const data_json *o;
    double index_seconds = 0, query_seconds = 0;
    if (!data_json_read_object(root, "ranking", &o, err)) return false;
    if (!o) return true;
    const bool ok = read_count(o, "documents", &c->n_documents, err) && read_count(o, "queries", &c->n_queries, err) &&
                    read_count(o, "index_bytes", &c->index_bytes, err) &&
                    data_json_read_number(o, "index_seconds", 0, HUGE_VAL, &index_seconds, err) &&
                    data_json_read_number(o, "query_seconds", 0, HUGE_VAL, &query_seconds, err);
    c->index_ms = index_seconds * 1e3;
    c->query_ms = query_seconds * 1e3;
    return ok || within(o, err, "ranking");
}

static bool read_options(const data_json *root, eval_saved_report *r, senc_error *err) {
    const data_json *o;
    if (!data_json_read_object(root, "options", &o, err)) return false;
    for (const data_json *m = data_json_first(o); m; m = data_json_next(m)) {
        const char *key = data_json_key(m, NULL), *text = NULL;
        if (!data_json_read_string(o, key, &text, err)) return within(o, err, "options");
        if (text && !eval_saved_report_add_option(r, key, text, err)) return false;
    }
    return true;
}

static bool read_data(const data_json *root, eval_saved_report *r, senc_error *err) {
    const data_json *array;
    if (!data_json_read_array(root, "data", &array, err)) return false;
    int64_t i = 0;
    for (const data_json *v = data_json_first(array); v; v = data_json_next(v), i++) {
        const char *name, *path;
        char hash[65];
        int64_t size_bytes = 0;
        if (!check_object(v, "data", i, err)) return false;
        if (!data_json_require_string(v, "name", &name, err) || !data_json_require_string(v, "path", &path, err) ||
            !read_hash(v, hash, err) || !read_count(v, "size_bytes", &size_bytes, err) ||
            !eval_saved_report_add_data(r, name, path, hash, size_bytes, err))
            return within(v, err, "data[%lld]", (long long)i);
    }
    return true;
}

static bool read_variants(const data_json *root, eval_saved_report *r, senc_error *err) {
    const data_json *array;
    if (!data_json_read_array(root, "variants", &array, err)) return false;
    int64_t i = 0;
    for (const data_json *v = data_json_first(array); v; v = data_json_next(v), i++) {
        const char *label, *key;
        int64_t bytes = 0;
        double value = NAN;
        if (!check_object(v, "variants", i, err)) return false;
        if (!data_json_require_string(v, "label", &label, err) || !data_json_require_string(v, "key", &key, err) ||
            !read_count(v, "bytes_per_vector", &bytes, err) ||
            !data_json_read_number(v, "value", -HUGE_VAL, HUGE_VAL, &value, err) ||
            !eval_saved_report_add_variant(r, label, bytes, key, value, err))
            return within(v, err, "variants[%lld]", (long long)i);
    }
    return true;
}

static bool read_leaks(const data_json *root, eval_saved_report *r, senc_error *err) {
    const data_json *array;
    if (!data_json_read_array(root, "trained_on", &array, err)) return false;
    int64_t i = 0;
    for (const data_json *v = data_json_first(array); v; v = data_json_next(v), i++) {
        eval_leak leak = {0};
        if (!check_object(v, "trained_on", i, err)) return false;
        if (!data_json_require_string(v, "name", &leak.data, err) ||
            !data_json_require_string(v, "unit", &leak.unit, err) || !read_count(v, "units", &leak.n_units, err) ||
            !read_count(v, "trained_on", &leak.n_leaked, err) || !eval_saved_report_add_leak(r, &leak, err))
            return within(v, err, "trained_on[%lld]", (long long)i);
    }
    return true;
}

static bool read_intervals(const data_json *root, eval_saved_report *r, senc_error *err) {
    const data_json *o;
    if (!data_json_read_object(root, "intervals", &o, err)) return false;
    for (const data_json *m = data_json_first(o); m; m = data_json_next(m)) {
        double *ends = NULL;
        int64_t n = 0;
        const char *key = data_json_key(m, NULL);
        const bool ok = read_numbers(o, key, 2, &ends, &n, err);
        const bool added = ok && ends && eval_saved_report_add_interval(r, key, ends[0], ends[1], err);
        free(ends);
        if (!ok) return within(o, err, "intervals");
        if (n > 0 && !added) return false;
    }
    return true;
}

/* Whether this is a report at all, and one that this program knows. */
static bool read_head(const data_json *root, eval_saved_report *r, senc_error *err) {
    const char *format = NULL, *place = data_json_place(root);
    if (data_json_get_type(root) != DATA_JSON_OBJECT ||
        (!data_json_find(root, "format") && !data_json_find(root, "results")))
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: expected a report of senc eval (--report or --json), found other JSON", place);
    int64_t version = 1;
    if (!data_json_read_string(root, "format", &format, err) ||
        !data_json_read_integer(root, "version", 1, INT64_MAX, &version, err))
        return false;
    if (format && strcmp(format, EVAL_REPORT_FORMAT) != 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"format\": expected \"%s\", got \"%.60s\"", place,
                         EVAL_REPORT_FORMAT, format);
    if (version > EVAL_REPORT_VERSION)
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"version\": this senc reads reports up to version %d, got %lld",
                         place, EVAL_REPORT_VERSION, (long long)version);
    return read_text(root, "senc", &r->senc, err) && read_text(root, "created", &r->created, err) &&
           require_text(root, "model", &r->label, err);
}

bool eval_saved_report_parse(const char *text, size_t n_bytes, const char *place, eval_saved_report *r,
                             senc_error *err) {
    *r = (eval_saved_report){0};
    data_json *root;
    if (!data_json_parse(text, n_bytes, place, &root, err)) return false;
    const bool ok = read_head(root, r, err) && read_results(root, r, err) && read_system(root, r, err) &&
                    read_bill(root, &r->bill, err) && read_ranking(root, &r->ranking, err) &&
                    read_options(root, r, err) && read_data(root, r, err) && read_variants(root, r, err) &&
                    read_leaks(root, r, err) && read_intervals(root, r, err);
    data_json_free(root);
    if (!ok) eval_saved_report_free(r);
    return ok;
}

bool eval_saved_report_load(const char *path, eval_saved_report *r, senc_error *err) {
    *r = (eval_saved_report){0};
    char *file = senc_path_is_folder(path) ? senc_path_join(path, "report.json") : senc_strdup(path);
    if (!file) return fail_memory(err);
    size_t n_bytes;
    char *text = senc_file_read(file, 0, &n_bytes, err);
    const bool ok = text && eval_saved_report_parse(text, n_bytes, file, r, err);
    free(text);
    free(file);
    return ok;
}
