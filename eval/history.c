/* Runs and reports under a folder: see history.h. */
#include "eval/history.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/jsonl.h"

#define MOST_DEPTH 6

/* ---- entries ---- */

static void free_results(eval_result *results, int64_t n) {
    for (int64_t i = 0; i < n; i++) eval_result_free(&results[i]);
    free(results);
}

static void free_entry(eval_history_entry *e) {
    free(e->path);
    free(e->model);
    free(e->time);
    free_results(e->results, e->n_results);
    free(e->leaked);
    free_results(e->before, e->n_before);
    *e = (eval_history_entry){0};
}

void eval_history_free(eval_history *h) {
    for (int64_t i = 0; i < h->n_entries; i++) free_entry(&h->entries[i]);
    for (int64_t i = 0; i < h->n_columns; i++) free(h->columns[i].key);
    free(h->entries);
    free(h->columns);
    *h = (eval_history){0};
}

double eval_history_value(const eval_history_entry *entry, const char *key) {
    for (int64_t i = 0; i < entry->n_results; i++) {
        const eval_metric *m = eval_result_find(&entry->results[i], key);
        if (m) return m->value;
    }
    return NAN;
}

bool eval_history_is_leaked(const eval_history_entry *entry, const char *key) {
    for (int64_t i = 0; entry->leaked && i < entry->n_results; i++) {
        if (eval_result_find(&entry->results[i], key)) return entry->leaked[i];
    }
    return false;
}

/* ---- reading ---- */

static bool copy_text(const char *text, char **out, senc_error *err) {
    *out = senc_strdup(text);
    return *out || senc_fail_memory(err, strlen(text), "a report");
}

static bool read_metrics(const data_json *metrics, eval_result *r, senc_error *err) {
    for (const data_json *m = data_json_first(metrics); m; m = data_json_next(m)) {
        const double value = data_json_is_number(m) ? data_json_number(m) : NAN;
        if (!eval_result_add(r, value, err, "%s", data_json_key(m, NULL))) return false;
    }
    return true;
}

static bool read_result(const data_json *o, eval_result *r, senc_error *err) {
    const char *name, *primary;
    const data_json *metrics;
    r->greater_is_better = true;
    return data_json_require_string(o, "name", &name, err) && data_json_require_string(o, "primary", &primary, err) &&
           data_json_read_bool(o, "greater_is_better", &r->greater_is_better, err) &&
           data_json_read_object(o, "metrics", &metrics, err) && copy_text(name, &r->name, err) &&
           copy_text(primary, &r->primary, err) && read_metrics(metrics, r, err);
}

static bool read_results(const data_json *o, eval_result **results, int64_t *n, senc_error *err) {
    const data_json *list = NULL;
    if (!data_json_read_array(o, "results", &list, err)) return false;
    const int64_t count = data_json_count(list);
    if (count == 0) return true;
    *results = senc_alloc_zero((size_t)count, sizeof **results);
    if (!*results) return senc_fail_memory(err, (size_t)count * sizeof **results, "results");
    for (const data_json *item = data_json_first(list); item; item = data_json_next(item)) {
        if (!read_result(item, &(*results)[(*n)++], err)) return false;
    }
    return true;
}

/* Metrics alone, without results: which of them are headlines is not said. */
static bool read_bare_metrics(const data_json *metrics, eval_history_entry *e, senc_error *err) {
    e->results = senc_alloc_zero(1, sizeof *e->results);
    if (!e->results) return senc_fail_memory(err, sizeof *e->results, "results");
    e->n_results = 1;
    e->results[0].greater_is_better = true;
    return read_metrics(metrics, &e->results[0], err);
}

static bool read_time(const data_json *o, const char *path, eval_history_entry *e, senc_error *err) {
    char text[40];
    const char *created = data_json_text(data_json_find(o, "created"), NULL);
    struct stat info;
    struct tm parts;
    if (created && strlen(created) >= 19) {
        snprintf(text, sizeof text, "%.10s %.8s", created, created + 11);
    } else if (stat(path, &info) != 0 || !gmtime_r(&info.st_mtime, &parts)) {
        return senc_fail_errno(err, "%s: cannot read", path);
    } else {
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    }
    return copy_text(text, &e->time, err);
}

static bool fail_shape(const char *path, senc_error *err) {
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s: expected the report of a run or an evaluation, found neither \"after\" "
                     "nor \"results\"",
                     path);
}

/* The evaluations without a verdict because the run was trained on them. */
static bool read_leakage(const data_json *leakage, eval_history_entry *e, senc_error *err) {
    const data_json *list = data_json_find(leakage, "evaluations");
    if (!list || e->n_results == 0) return true;
    e->leaked = senc_alloc_zero((size_t)e->n_results, sizeof *e->leaked);
    if (!e->leaked) return senc_fail_memory(err, (size_t)e->n_results, "a report");
    for (const data_json *o = data_json_first(list); o; o = data_json_next(o)) {
        const char *name = data_json_text(data_json_find(o, "name"), NULL);
        for (int64_t i = 0; name && i < e->n_results; i++) {
            if (e->results[i].name && strcmp(e->results[i].name, name) == 0)
                e->leaked[i] = data_json_bool(data_json_find(o, "withheld"));
        }
    }
    return true;
}

static bool read_report(const char *path, eval_history_entry *e, senc_error *err) {
    data_json *root = NULL;
    if (!data_json_load(path, &root, err)) return false;
    const data_json *o = data_json_find(root, "report") ? data_json_find(root, "report") : root;
    const data_json *after = data_json_find(o, "after"), *metrics = data_json_find(o, "metrics");
    bool ok = read_time(o, path, e, err);
    if (ok && after) {
        e->kind = EVAL_HISTORY_RUN;
        ok = data_json_read_integer(o, "steps", 0, INT64_MAX, &e->steps, err) &&
             read_results(after, &e->results, &e->n_results, err) &&
             read_leakage(data_json_find(o, "leakage"), e, err) &&
             (!data_json_find(o, "before") || read_results(data_json_find(o, "before"), &e->before, &e->n_before, err));
    } else if (ok) {
        const char *model = data_json_text(data_json_find(o, "model"), NULL);
        e->kind = EVAL_HISTORY_REPORT;
        if (!data_json_find(o, "results") && !metrics) ok = fail_shape(path, err);
        ok = ok && (!model || copy_text(model, &e->model, err)) && read_results(o, &e->results, &e->n_results, err);
        if (ok && e->n_results == 0 && metrics) ok = read_bare_metrics(metrics, e, err);
    }
    data_json_free(root);
    return ok;
}

/* The last metrics of a log. A line that was cut off by a kill ends it. */
static bool read_log(const char *path, eval_history_entry *e, senc_error *err) {
    senc_file_map map;
    if (!senc_file_map_open(&map, path, err)) return false;
    data_json *last = NULL;
    data_cursor cursor = data_cursor_first(map.data, map.n_bytes);
    const char *line;
    size_t n_bytes;
    int64_t n_lines = 0;
    while (data_line_next(map.data, map.n_bytes, &cursor, &line, &n_bytes)) {
        data_json *o;
        senc_error ignored = {0};
        if (!data_json_parse(line, n_bytes, path, &o, &ignored)) break;
        n_lines++;
        e->steps = data_json_integer(data_json_find(o, "step"));
        const bool has_metrics = data_json_find(o, "metrics") != NULL;
        data_json_free(has_metrics ? last : o);
        if (has_metrics) last = o;
    }
    e->kind = EVAL_HISTORY_UNFINISHED;
    bool ok = n_lines > 0 || map.n_bytes == 0 ||
              senc_fail(err, SENC_BAD_INPUT, "%s:1: expected a JSON object a line, found something else", path);
    ok = ok && read_time(NULL, path, e, err) && (!last || read_bare_metrics(data_json_find(last, "metrics"), e, err));
    data_json_free(last);
    senc_file_map_close(&map);
    return ok;
}

/* ---- the search ---- */

typedef struct history_search {
    const char *top;
    eval_history *out;
    void (*warn)(const char *text);
} history_search;

static bool add_entry(history_search *s, const char *folder, const char *file, bool is_report, senc_error *err) {
    eval_history *h = s->out;
    if (h->n_entries == h->capacity) {
        const int64_t capacity = h->capacity ? 2 * h->capacity : 16;
        eval_history_entry *grown = senc_realloc(h->entries, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "runs");
        h->entries = grown;
        h->capacity = capacity;
    }
    eval_history_entry e = {0};
    senc_error broken = {0};
    const char *below = folder + strlen(s->top);
    while (*below == '/') below++;
    if (!copy_text(*below ? below : ".", &e.path, err)) return false;
    if (is_report ? read_report(file, &e, &broken) : read_log(file, &e, &broken)) {
        h->entries[h->n_entries++] = e;
        return true;
    }
    free_entry(&e);
    s->warn(broken.text);
    return true;
}

static bool look_at_folder(history_search *s, const char *folder, bool *found, senc_error *err) {
    static const char *const names[] = {"report.json", "log.jsonl"};
    *found = false;
    for (int i = 0; i < 2 && !*found; i++) {
        char *file = senc_path_join(folder, names[i]);
        if (!file) return senc_fail_memory(err, strlen(folder), "a path");
        *found = senc_path_is_file(file);
        const bool ok = !*found || add_entry(s, folder, file, i == 0, err);
        free(file);
        if (!ok) return false;
    }
    return true;
}

static bool search_folder(history_search *s, const char *folder, int depth, senc_error *err) {
    bool found;
    if (!look_at_folder(s, folder, &found, err)) return false;
    DIR *dir = opendir(folder);
    if (!dir) {
        senc_error closed = {0};
        if (depth == 0) return senc_fail_errno(err, "%s: cannot read the folder", folder);
        senc_fail_errno(&closed, "%s: cannot read the folder", folder);
        s->warn(closed.text);
        return true;
    }
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(dir));) {
        static const char *const inside[] = {"checkpoints", "best", "final"}; /* of a run: models, no runs */
        bool skipped = e->d_name[0] == '.';
        for (int i = 0; i < 3; i++) skipped = skipped || (found && strcmp(e->d_name, inside[i]) == 0);
        char *child = skipped ? NULL : senc_path_join(folder, e->d_name);
        struct stat info;
        if (child && depth < MOST_DEPTH && lstat(child, &info) == 0 && S_ISDIR(info.st_mode))
            ok = search_folder(s, child, depth + 1, err);
        if (!skipped && !child) ok = senc_fail_memory(err, strlen(folder), "a path");
        free(child);
    }
    closedir(dir);
    return ok;
}

static int by_time(const void *a, const void *b) {
    const eval_history_entry *x = a, *y = b;
    const int order = strcmp(x->time, y->time);
    return order ? order : strcmp(x->path, y->path);
}

/* ---- columns ---- */

static bool add_column(eval_history *h, const eval_result *r, senc_error *err) {
    for (int64_t i = 0; i < h->n_columns; i++) {
        if (strcmp(h->columns[i].key, r->primary) == 0) return true;
    }
    eval_history_column *grown = senc_realloc(h->columns, (size_t)h->n_columns + 1, sizeof *grown);
    if (!grown) return senc_fail_memory(err, sizeof *grown, "columns");
    h->columns = grown;
    h->columns[h->n_columns] = (eval_history_column){.greater_is_better = r->greater_is_better, .best = -1};
    if (!copy_text(r->primary, &h->columns[h->n_columns].key, err)) return false;
    h->n_columns++;
    return true;
}

/* Of equal ones the oldest is the best: it was there first. */
static void find_best(eval_history *h, eval_history_column *c) {
    double best = NAN;
    for (int64_t i = 0; i < h->n_entries; i++) {
        const double value = eval_history_value(&h->entries[i], c->key);
        if (isnan(value) || eval_history_is_leaked(&h->entries[i], c->key) ||
            (c->best >= 0 && !(c->greater_is_better ? value > best : value < best)))
            continue;
        best = value;
        c->best = i;
    }
}

bool eval_history_load(const char *folder, void (*warn)(const char *text), eval_history *out, senc_error *err) {
    *out = (eval_history){0};
    history_search s = {folder, out, warn};
    bool ok = search_folder(&s, folder, 0, err);
    if (ok && out->n_entries > 0) qsort(out->entries, (size_t)out->n_entries, sizeof *out->entries, by_time);
    for (int64_t i = 0; ok && i < out->n_entries; i++) {
        for (int64_t k = 0; ok && k < out->entries[i].n_results; k++) {
            if (out->entries[i].results[k].primary) ok = add_column(out, &out->entries[i].results[k], err);
        }
    }
    for (int64_t i = 0; ok && i < out->n_columns; i++) find_best(out, &out->columns[i]);
    if (!ok) eval_history_free(out);
    return ok;
}
