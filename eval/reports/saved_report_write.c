/* A saved report -> JSON text: see saved_report.h. Written straight into the buffer, because a tree of values of every
 * unit would take several times the memory of the report. */
#include <math.h>
#include <string.h>

#include "autograd/base/file.h"
#include "data/formats/json.h"
#include "data/formats/utf8.h"
#include "eval/reports/saved_report.h"
#include "eval/reports/saved_report_parts.h"
#include "eval/statistics/series_value.h"

/* {"a": 1, ...}: `first` says whether a comma is due. */
typedef struct json_list {
    senc_buffer *out;
    const char *separator; /* between items: ", " or ",\n" and an indent */
    bool has_items;
} json_list;

static void put_separator(json_list *list) {
    if (list->has_items) senc_buffer_append_text(list->out, list->separator);
    list->has_items = true;
}

/* Texts of data need not be UTF-8; JSON must be. */
static void put_text(senc_buffer *out, const char *text) {
    if (!text) {
        senc_buffer_append_text(out, "null");
        return;
    }
    const size_t n = strlen(text);
    if (data_utf8_check(text, n) == n) {
        data_json_append_string(out, text, n);
        return;
    }
    senc_buffer good = {0};
    data_utf8_append_replaced(text, n, &good);
    data_json_append_string(out, senc_buffer_text(&good), good.n_bytes);
    out->failed = out->failed || good.failed;
    senc_buffer_free(&good);
}

static void put_key(json_list *list, const char *key) {
    put_separator(list);
    put_text(list->out, key);
    senc_buffer_append_text(list->out, ": ");
}

static void put_text_member(json_list *list, const char *key, const char *text) {
    put_key(list, key);
    put_text(list->out, text);
}

static void put_integer_member(json_list *list, const char *key, int64_t value) {
    put_key(list, key);
    senc_buffer_printf(list->out, "%lld", (long long)value);
}

static void put_number_member(json_list *list, const char *key, double value) {
    put_key(list, key);
    data_json_append_number(list->out, value);
}

static void put_numbers(json_list *parent, const char *key, const double *values, int64_t n) {
    put_key(parent, key);
    json_list list = {parent->out, ", ", false};
    senc_buffer_append_text(list.out, "[");
    for (int64_t i = 0; i < n; i++) {
        put_separator(&list);
        data_json_append_number(list.out, values[i]);
    }
    senc_buffer_append_text(list.out, "]");
}

static void put_texts(json_list *parent, const char *key, char *const *texts, int64_t n) {
    put_key(parent, key);
    json_list list = {parent->out, ", ", false};
    senc_buffer_append_text(list.out, "[");
    for (int64_t i = 0; i < n; i++) {
        put_separator(&list);
        put_text(list.out, texts[i]);
    }
    senc_buffer_append_text(list.out, "]");
}

static void put_metrics(json_list *list, const eval_result *r) {
    for (int64_t i = 0; i < r->n_metrics; i++) put_number_member(list, r->metrics[i].key, r->metrics[i].value);
}

/* Why metrics are null, by key. */
static void put_undefined(json_list *parent, const eval_result *r) {
    json_list list = {parent->out, ", ", false};
    for (int64_t i = 0; i < r->n_metrics; i++) {
        if (!r->metrics[i].undefined) continue;
        if (!list.has_items) {
            put_key(parent, "undefined");
            senc_buffer_append_text(list.out, "{");
        }
        put_text_member(&list, r->metrics[i].key, r->metrics[i].undefined);
    }
    if (list.has_items) senc_buffer_append_text(list.out, "}");
}

/* ---- details ---- */

static void put_found(json_list *parent, const eval_unit *u) {
    put_key(parent, "found");
    json_list list = {parent->out, ", ", false};
    senc_buffer_append_text(list.out, "[");
    for (int64_t i = 0; i < u->n_found; i++) {
        const eval_found *f = &u->found[i];
        put_separator(&list);
        json_list o = {parent->out, ", ", false};
        senc_buffer_append_text(o.out, "{");
        put_text_member(&o, "id", f->id);
        put_text_member(&o, "text", f->text);
        put_number_member(&o, "score", f->score);
        put_number_member(&o, "grade", f->grade);
        senc_buffer_append_text(o.out, "}");
    }
    senc_buffer_append_text(list.out, "]");
}

static void put_unit(senc_buffer *out, const eval_unit *u) {
    json_list o = {out, ", ", false};
    senc_buffer_append_text(out, "{");
    put_text_member(&o, "id", u->id);
    put_text_member(&o, "text", u->text);
    if (u->other) put_text_member(&o, "other", u->other);
    if (u->slice) put_text_member(&o, "slice", u->slice);
    put_integer_member(&o, "words", u->n_words);
    if (u->rank >= 0) put_integer_member(&o, "rank", u->rank);
    if (u->n_found > 0) put_found(&o, u);
    senc_buffer_append_text(out, "}");
}

static void put_curves(json_list *parent, const eval_detail *d) {
    put_key(parent, "curves");
    json_list list = {parent->out, ",\n      ", false};
    senc_buffer_append_text(list.out, "[");
    for (int64_t c = 0; c < d->n_curves; c++) {
        put_separator(&list);
        json_list o = {parent->out, ", ", false}, ks = o;
        senc_buffer_append_text(o.out, "{");
        put_text_member(&o, "name", d->curves[c].name);
        put_key(&o, "ks");
        senc_buffer_append_text(o.out, "[");
        for (int64_t i = 0; i < d->curves[c].n; i++) {
            put_separator(&ks);
            senc_buffer_printf(o.out, "%lld", (long long)d->curves[c].ks[i]);
        }
        senc_buffer_append_text(o.out, "]");
        put_numbers(&o, "values", d->curves[c].values, d->curves[c].n);
        senc_buffer_append_text(o.out, "}");
    }
    senc_buffer_append_text(list.out, "]");
}

static void put_detail(json_list *parent, const eval_detail *d) {
    put_key(parent, "detail");
    senc_buffer *out = parent->out;
    json_list o = {out, ",\n     ", false}, units = {out, ",\n      ", false}, series = units;
    senc_buffer_append_text(out, "{");
    put_text_member(&o, "unit", d->unit_name);
    put_key(&o, "units");
    senc_buffer_append_text(out, "[\n      ");
    for (int64_t i = 0; i < d->n_units; i++) {
        put_separator(&units);
        put_unit(out, &d->units[i]);
    }
    senc_buffer_append_text(out, "]");
    if (d->gold) put_numbers(&o, "gold", d->gold, d->n_units);
    put_key(&o, "series");
    senc_buffer_append_text(out, "[");
    for (int64_t i = 0; i < d->n_series; i++) {
        put_separator(&series);
        json_list s = {out, ", ", false};
        senc_buffer_append_text(out, "{");
        put_text_member(&s, "key", d->series[i].key);
        put_text_member(&s, "statistic", eval_statistic_name(d->series[i].statistic));
        put_numbers(&s, "values", d->series[i].values, d->n_units);
        senc_buffer_append_text(out, "}");
    }
    senc_buffer_append_text(out, "]");
    if (d->n_positives > 0) put_numbers(&o, "positives", d->positives, d->n_positives);
    if (d->n_negatives > 0) put_numbers(&o, "negatives", d->negatives, d->n_negatives);
    if (d->n_curves > 0) put_curves(&o, d);
    senc_buffer_append_text(out, "}");
}

static void put_reading(json_list *parent, const eval_reading *r) {
    if (r->n_texts == 0) return;
    put_key(parent, "reading");
    json_list o = {parent->out, ", ", false};
    senc_buffer_append_text(o.out, "{");
    put_integer_member(&o, "texts", r->n_texts);
    put_integer_member(&o, "cut_texts", r->n_cut);
    put_integer_member(&o, "max_length", r->max_length);
    senc_buffer_append_text(o.out, "}");
}

static void put_result(senc_buffer *out, const eval_result *r) {
    json_list o = {out, ",\n    ", false}, metrics = {out, ", ", false};
    senc_buffer_append_text(out, "{");
    put_text_member(&o, "name", r->name);
    put_text_member(&o, "type", r->type);
    put_text_member(&o, "primary", r->primary);
    put_key(&o, "greater_is_better");
    senc_buffer_append_text(out, r->greater_is_better ? "true" : "false");
    put_reading(&o, &r->reading);
    put_key(&o, "metrics");
    senc_buffer_append_text(out, "{");
    put_metrics(&metrics, r);
    senc_buffer_append_text(out, "}");
    put_undefined(&o, r);
    put_texts(&o, "rules", r->rules, r->n_rules);
    put_texts(&o, "counts", r->counts, r->n_counts);
    if (r->detail.n_units > 0) put_detail(&o, &r->detail);
    senc_buffer_append_text(out, "}");
}

/* ---- the whole ---- */

static void put_system(json_list *parent, const eval_saved_report *r) {
    put_key(parent, "system");
    json_list o = {parent->out, ",\n    ", false};
    senc_buffer_append_text(o.out, "{");
    put_text_member(&o, "spec", r->spec);
    put_text_member(&o, "description", r->description);
    put_integer_member(&o, "parameters", r->facts.n_parameters);
    put_integer_member(&o, "size_bytes", r->facts.size_bytes);
    put_integer_member(&o, "dimension", r->facts.dimension);
    put_integer_member(&o, "bytes_per_vector", r->facts.bytes_per_vector);
    put_integer_member(&o, "max_length", r->facts.max_length);
    put_text_member(&o, "sha256", r->facts.sha256);
    const eval_encoder_stats *s = &r->stats;
    if (s->n_texts > 0) {
        put_integer_member(&o, "texts", s->n_texts);
        put_integer_member(&o, "tokens", s->n_tokens);
        put_integer_member(&o, "truncated_texts", s->n_truncated);
        put_integer_member(&o, "empty_texts", s->n_empty);
        put_number_member(&o, "encode_seconds", s->encode_ms * 1e-3);
        put_number_member(&o, "texts_per_second", s->encode_ms > 0 ? (double)s->n_texts * 1e3 / s->encode_ms : NAN);
    }
    senc_buffer_append_text(o.out, "}");
}

static void put_bill(json_list *parent, const eval_system_bill *b) {
    if (b->n_apis == 0) return;
    put_key(parent, "api");
    json_list o = {parent->out, ",\n    ", false};
    senc_buffer_append_text(o.out, "{");
    put_integer_member(&o, "systems", b->n_apis);
    put_integer_member(&o, "texts_sent", b->n_sent);
    put_integer_member(&o, "texts_cached", b->n_cached);
    put_integer_member(&o, "requests", b->n_requests);
    put_integer_member(&o, "tokens", b->n_tokens);
    put_key(&o, "tokens_estimated");
    senc_buffer_append_text(o.out, b->tokens_estimated ? "true" : "false");
    put_number_member(&o, "dollars", b->dollars);
    put_number_member(&o, "tokens_per_text", b->tokens_per_text);
    put_number_member(&o, "dollars_per_text", b->dollars_per_text);
    senc_buffer_append_text(o.out, "}");
}

static void put_ranking(json_list *parent, const eval_ranking_cost *c) {
    if (c->n_documents == 0) return;
    put_key(parent, "ranking");
    json_list o = {parent->out, ",\n    ", false};
    senc_buffer_append_text(o.out, "{");
    put_integer_member(&o, "documents", c->n_documents);
    put_integer_member(&o, "queries", c->n_queries);
    put_integer_member(&o, "index_bytes", c->index_bytes);
    put_number_member(&o, "index_seconds", c->index_ms * 1e-3);
    put_number_member(&o, "query_seconds", c->query_ms * 1e-3);
    senc_buffer_append_text(o.out, "}");
}

static void put_lists(json_list *parent, const eval_saved_report *r) {
    senc_buffer *out = parent->out;
    json_list options = {out, ",\n    ", false}, data = options, variants = options;
    put_key(parent, "options");
    senc_buffer_append_text(out, "{");
    for (int64_t i = 0; i < r->n_options; i++) put_text_member(&options, r->options[i].key, r->options[i].value);
    senc_buffer_append_text(out, "}");
    put_key(parent, "data");
    senc_buffer_append_text(out, "[");
    for (int64_t i = 0; i < r->n_data; i++) {
        put_separator(&data);
        json_list o = {out, ", ", false};
        senc_buffer_append_text(out, "{");
        put_text_member(&o, "name", r->data[i].name);
        put_text_member(&o, "path", r->data[i].path);
        put_text_member(&o, "sha256", r->data[i].sha256);
        put_integer_member(&o, "size_bytes", r->data[i].size_bytes);
        senc_buffer_append_text(out, "}");
    }
    senc_buffer_append_text(out, "]");
    put_key(parent, "variants");
    senc_buffer_append_text(out, "[");
    for (int64_t i = 0; i < r->n_variants; i++) {
        put_separator(&variants);
        json_list o = {out, ", ", false};
        senc_buffer_append_text(out, "{");
        put_text_member(&o, "label", r->variants[i].label);
        put_integer_member(&o, "bytes_per_vector", r->variants[i].bytes_per_vector);
        put_text_member(&o, "key", r->variants[i].key);
        put_number_member(&o, "value", r->variants[i].value);
        senc_buffer_append_text(out, "}");
    }
    senc_buffer_append_text(out, "]");
}

/* Only where something is known: whoever was not trained by senc has nothing to say. */
static void put_leaks(json_list *parent, const eval_saved_report *r) {
    senc_buffer *out = parent->out;
    json_list leaks = {out, ",\n    ", false};
    if (r->n_leaks == 0) return;
    put_key(parent, "trained_on");
    senc_buffer_append_text(out, "[");
    for (int64_t i = 0; i < r->n_leaks; i++) {
        put_separator(&leaks);
        json_list o = {out, ", ", false};
        senc_buffer_append_text(out, "{");
        put_text_member(&o, "name", r->leaks[i].data);
        put_text_member(&o, "unit", r->leaks[i].unit);
        put_integer_member(&o, "units", r->leaks[i].n_units);
        put_integer_member(&o, "trained_on", r->leaks[i].n_leaked);
        senc_buffer_append_text(out, "}");
    }
    senc_buffer_append_text(out, "]");
}

/* The members that `senc eval --json` has, of all results together. */
static void put_summary(json_list *parent, const eval_saved_report *r) {
    senc_buffer *out = parent->out;
    json_list metrics = {out, ",\n    ", false}, intervals = metrics, rules = metrics, counts = metrics;
    put_key(parent, "metrics");
    senc_buffer_append_text(out, "{");
    for (int64_t i = 0; i < r->n_results; i++) put_metrics(&metrics, &r->results[i]);
    senc_buffer_append_text(out, "}");
    put_key(parent, "intervals");
    senc_buffer_append_text(out, "{");
    for (int64_t i = 0; i < r->n_intervals; i++)
        put_numbers(&intervals, r->intervals[i].key, (const double[]){r->intervals[i].low, r->intervals[i].high}, 2);
    senc_buffer_append_text(out, "}");
    put_key(parent, "rules");
    senc_buffer_append_text(out, "{");
    for (int64_t i = 0; i < r->n_results; i++)
        put_texts(&rules, r->results[i].name, r->results[i].rules, r->results[i].n_rules);
    senc_buffer_append_text(out, "}");
    put_key(parent, "counts");
    senc_buffer_append_text(out, "{");
    for (int64_t i = 0; i < r->n_results; i++)
        put_texts(&counts, r->results[i].name, r->results[i].counts, r->results[i].n_counts);
    senc_buffer_append_text(out, "}");
}

void eval_saved_report_print(const eval_saved_report *r, senc_buffer *out) {
    json_list o = {out, ",\n  ", false}, results = {out, ",\n   ", false};
    senc_buffer_append_text(out, "{\n  ");
    put_text_member(&o, "format", EVAL_REPORT_FORMAT);
    put_integer_member(&o, "version", EVAL_REPORT_VERSION);
    put_text_member(&o, "senc", r->senc);
    put_text_member(&o, "created", r->created);
    put_text_member(&o, "model", r->label);
    put_summary(&o, r);
    put_system(&o, r);
    put_bill(&o, &r->bill);
    put_ranking(&o, &r->ranking);
    put_lists(&o, r);
    put_leaks(&o, r);
    put_key(&o, "results");
    senc_buffer_append_text(out, "[\n   ");
    for (int64_t i = 0; i < r->n_results; i++) {
        put_separator(&results);
        put_result(out, &r->results[i]);
    }
    senc_buffer_append_text(out, "]\n}\n");
}

bool eval_saved_report_save(const eval_saved_report *r, const char *path, senc_error *err) {
    senc_buffer out = {0};
    eval_saved_report_print(r, &out);
    const bool ok = (!out.failed || senc_fail_memory(err, out.n_bytes, "a report")) &&
                    senc_file_write(path, out.data, out.n_bytes, err);
    senc_buffer_free(&out);
    return ok;
}
