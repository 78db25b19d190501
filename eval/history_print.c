/* A history for people and for machines: see history.h. */
#include <math.h>
#include <string.h>

#include "autograd/base/terminal.h"
#include "eval/history.h"

#define TABLE_COLUMNS 5 /* metrics side by side: as many as 80 columns hold beside time and name */
#define NAME_WIDTH    25

/* "runs/a", "eval/b: m"; the end of a long one. */
static void add_name(senc_grid *grid, const eval_history_entry *e, const char *what) {
    senc_buffer name = {0};
    senc_buffer_printf(&name, "%s%s", e->path, what);
    const char *text = senc_buffer_text(&name);
    const size_t n = strlen(text);
    senc_buffer shown = {0};
    if (n > NAME_WIDTH) {
        senc_buffer_append_text(&shown, "...");
        senc_text_append(&shown, text + n - NAME_WIDTH + 3, NAME_WIDTH - 3, NAME_WIDTH - 3);
    } else {
        senc_text_append(&shown, text, (int64_t)n, NAME_WIDTH);
    }
    senc_grid_add(grid, "%s", senc_buffer_text(&shown));
    senc_buffer_free(&name);
    senc_buffer_free(&shown);
}

static double value_of(const eval_result *results, int64_t n, const char *key) {
    const eval_history_entry entry = {.results = (eval_result *)results, .n_results = n};
    return eval_history_value(&entry, key);
}

static void add_row(const eval_history *h, int64_t row, bool before, int64_t first, int64_t n, senc_grid *grid) {
    const eval_history_entry *e = &h->entries[row];
    senc_grid_add(grid, "%.16s", before ? "" : e->time);
    add_name(grid, e, before ? " (before)" : e->kind == EVAL_HISTORY_UNFINISHED ? " (unfinished)" : "");
    for (int64_t c = first; c < first + n; c++) {
        const double value =
            before ? value_of(e->before, e->n_before, h->columns[c].key) : eval_history_value(e, h->columns[c].key);
        if (isnan(value))
            senc_grid_add(grid, "-");
        else
            senc_grid_add(grid, "%s%.4f",
                          before                                         ? ""
                          : h->columns[c].best == row                    ? "*"
                          : eval_history_is_leaked(e, h->columns[c].key) ? "!"
                                                                         : "",
                          value);
    }
}

static void print_table(const eval_history *h, bool baselines, int64_t first, int64_t n, senc_buffer *out) {
    static const char *const alignments[] = {"ll", "llr", "llrr", "llrrr", "llrrrr", "llrrrrr"};
    senc_grid grid;
    senc_grid_init(&grid, alignments[n]);
    senc_grid_add(&grid, "time (UTC)");
    senc_grid_add(&grid, "run or report");
    for (int64_t c = first; c < first + n; c++) senc_grid_add(&grid, "[%lld]", (long long)c + 1);
    for (int64_t i = 0; i < h->n_entries; i++) {
        if (baselines && h->entries[i].n_before > 0) add_row(h, i, true, first, n, &grid);
        add_row(h, i, false, first, n, &grid);
    }
    senc_grid_print(&grid, 0, 0, out);
    senc_grid_free(&grid);
}

static bool has_leaks(const eval_history *h) {
    for (int64_t i = 0; i < h->n_entries; i++) {
        for (int64_t c = 0; c < h->n_columns; c++)
            if (eval_history_is_leaked(&h->entries[i], h->columns[c].key)) return true;
    }
    return false;
}

static void print_legend(const eval_history *h, senc_buffer *out) {
    senc_buffer_append_text(out, "\n");
    for (int64_t c = 0; c < h->n_columns; c++) {
        const eval_history_column *column = &h->columns[c];
        senc_buffer_printf(out, "[%lld] %s", (long long)c + 1, column->key);
        if (!column->greater_is_better) senc_buffer_append_text(out, " (lower is better)");
        if (column->best >= 0) senc_buffer_printf(out, ", best (*): %s", h->entries[column->best].path);
        senc_buffer_append_text(out, "\n");
    }
    if (has_leaks(h)) senc_buffer_append_text(out, "!: the run was trained on these questions; it is never the best\n");
}

void eval_history_print(const eval_history *h, bool baselines, senc_buffer *out) {
    if (h->n_columns == 0) print_table(h, baselines, 0, 0, out);
    for (int64_t c = 0; c < h->n_columns; c += TABLE_COLUMNS) {
        if (c > 0) senc_buffer_append_text(out, "\n");
        print_table(h, baselines, c, h->n_columns - c < TABLE_COLUMNS ? h->n_columns - c : TABLE_COLUMNS, out);
    }
    if (h->n_columns > 0) print_legend(h, out);
}

static void put_metrics(data_json *o, const char *key, const eval_result *results, int64_t n) {
    data_json *metrics = data_json_put_object(o, key);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < results[i].n_metrics; k++)
            data_json_put_number(metrics, results[i].metrics[k].key, results[i].metrics[k].value);
    }
}

void eval_history_put_json(const eval_history *h, data_json *object) {
    static const char *const kinds[] = {"run", "unfinished run", "report"};
    data_json *entries = data_json_put_array(object, "entries");
    for (int64_t i = 0; i < h->n_entries; i++) {
        const eval_history_entry *e = &h->entries[i];
        data_json *o = data_json_put_object(entries, NULL);
        data_json_put_string(o, "path", e->path);
        data_json_put_string(o, "kind", kinds[e->kind]);
        data_json_put_string(o, "time", e->time);
        data_json_put_string(o, "model", e->model);
        if (e->kind != EVAL_HISTORY_REPORT) data_json_put_integer(o, "steps", e->steps);
        put_metrics(o, "metrics", e->results, e->n_results);
        data_json *trained_on = e->leaked ? data_json_put_array(o, "trained_on") : NULL;
        for (int64_t k = 0; e->leaked && k < e->n_results; k++)
            if (e->leaked[k]) data_json_put_string(trained_on, NULL, e->results[k].name);
        if (e->n_before > 0) put_metrics(o, "before", e->before, e->n_before);
    }
    data_json *best = data_json_put_array(object, "best");
    for (int64_t c = 0; c < h->n_columns; c++) {
        const eval_history_column *column = &h->columns[c];
        data_json *o = data_json_put_object(best, NULL);
        data_json_put_string(o, "key", column->key);
        data_json_put_bool(o, "greater_is_better", column->greater_is_better);
        if (column->best < 0) continue;
        data_json_put_string(o, "path", h->entries[column->best].path);
        data_json_put_number(o, "value", eval_history_value(&h->entries[column->best], column->key));
    }
}
