/* A whole evaluation in memory: see saved_report.h. Reading and writing are in saved_report_read.c and
 * saved_report_write.c. */
#include "eval/reports/saved_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"

void eval_saved_report_free(eval_saved_report *r) {
    for (int64_t i = 0; i < r->n_results; i++) eval_result_free(&r->results[i]);
    for (int64_t i = 0; i < r->n_intervals; i++) free(r->intervals[i].key);
    for (int64_t i = 0; i < r->n_options; i++) {
        free(r->options[i].key);
        free(r->options[i].value);
    }
    for (int64_t i = 0; i < r->n_data; i++) {
        free(r->data[i].name);
        free(r->data[i].path);
    }
    for (int64_t i = 0; i < r->n_variants; i++) {
        free(r->variants[i].label);
        free(r->variants[i].key);
    }
    for (int64_t i = 0; i < r->n_leaks; i++) {
        free((void *)(uintptr_t)r->leaks[i].data);
        free((void *)(uintptr_t)r->leaks[i].unit);
    }
    for (int64_t i = 0; i < r->n_names; i++) free(r->names[i]);
    void *const blocks[] = {r->results, r->intervals, r->options, r->data,  r->variants, r->leaks,
                            r->names,   r->senc,      r->created, r->label, r->spec,     r->description};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
    *r = (eval_saved_report){0};
}

static bool has_file(const char *folder, const char *name) {
    char *path = senc_path_join(folder, name);
    const bool found = path && senc_path_is_file(path);
    free(path);
    return found;
}

bool eval_saved_report_exists(const char *path) {
    const size_t n = strlen(path);
    if (!senc_path_is_folder(path)) return n > 5 && strcmp(path + n - 5, ".json") == 0 && senc_path_exists(path);
    const bool is_run = has_file(path, "config.toml"), is_model = has_file(path, "config.json");
    return has_file(path, "report.json") && !is_run && !is_model;
}

/* ---- filling ---- */

static bool fail_memory(senc_error *err) {
    return senc_fail_memory(err, sizeof(eval_saved_report), "a report");
}

bool eval_saved_report_set_text(char **field, const char *text, senc_error *err) {
    char *copy = text ? senc_strdup(text) : NULL;
    if (text && !copy) return fail_memory(err);
    free(*field);
    *field = copy;
    return true;
}

/* Room for one more item behind n, zeroed; NULL: out of memory. */
static void *grow(void *items, int64_t n, size_t item_bytes, senc_error *err) {
    char *grown = senc_realloc(items, (size_t)n + 1, item_bytes);
    if (grown)
        memset(grown + (size_t)n * item_bytes, 0, item_bytes);
    else
        fail_memory(err);
    return grown;
}

bool eval_saved_report_add_option(eval_saved_report *r, const char *key, const char *value, senc_error *err) {
    for (int64_t i = 0; i < r->n_options; i++)
        if (strcmp(r->options[i].key, key) == 0) return eval_saved_report_set_text(&r->options[i].value, value, err);
    eval_report_option *grown = grow(r->options, r->n_options, sizeof *grown, err);
    if (!grown) return false;
    r->options = grown;
    eval_report_option *o = &grown[r->n_options];
    if (!eval_saved_report_set_text(&o->key, key, err)) return false;
    r->n_options++; /* freed from here on */
    return eval_saved_report_set_text(&o->value, value, err);
}

bool eval_saved_report_add_data(eval_saved_report *r, const char *name, const char *path, const char *sha256,
                                int64_t size_bytes, senc_error *err) {
    eval_report_data *grown = grow(r->data, r->n_data, sizeof *grown, err);
    if (!grown) return false;
    r->data = grown;
    eval_report_data *d = &grown[r->n_data++];
    d->size_bytes = size_bytes;
    snprintf(d->sha256, sizeof d->sha256, "%s", sha256 ? sha256 : "");
    return eval_saved_report_set_text(&d->name, name, err) && eval_saved_report_set_text(&d->path, path, err);
}

bool eval_saved_report_add_variant(eval_saved_report *r, const char *label, int64_t bytes_per_vector, const char *key,
                                   double value, senc_error *err) {
    eval_report_variant *grown = grow(r->variants, r->n_variants, sizeof *grown, err);
    if (!grown) return false;
    r->variants = grown;
    eval_report_variant *v = &grown[r->n_variants++];
    v->bytes_per_vector = bytes_per_vector;
    v->value = value;
    return eval_saved_report_set_text(&v->label, label, err) && eval_saved_report_set_text(&v->key, key, err);
}

bool eval_saved_report_add_leak(eval_saved_report *r, const eval_leak *leak, senc_error *err) {
    eval_leak *grown = grow(r->leaks, r->n_leaks, sizeof *grown, err);
    if (!grown) return false;
    r->leaks = grown;
    eval_leak *l = &grown[r->n_leaks++];
    l->n_leaked = leak->n_leaked;
    l->n_units = leak->n_units;
    l->data = senc_strdup(leak->data);
    l->unit = senc_strdup(leak->unit);
    return (l->data && l->unit) || fail_memory(err);
}

const eval_report_interval *eval_saved_report_find_interval(const eval_saved_report *r, const char *key) {
    for (int64_t i = 0; i < r->n_intervals; i++)
        if (strcmp(r->intervals[i].key, key) == 0) return &r->intervals[i];
    return NULL;
}

bool eval_saved_report_add_interval(eval_saved_report *r, const char *key, double low, double high, senc_error *err) {
    eval_report_interval *grown = grow(r->intervals, r->n_intervals, sizeof *grown, err);
    if (!grown) return false;
    r->intervals = grown;
    eval_report_interval *interval = &grown[r->n_intervals];
    interval->low = low;
    interval->high = high;
    if (!eval_saved_report_set_text(&interval->key, key, err)) return false;
    r->n_intervals++;
    return true;
}
