/* Evaluation results for people and for machines: see report.h. */
#include "eval/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"
#include "eval/metrics/similarity.h"

#define REPORT_COLUMNS 80
#define MAX_GRID       12 /* columns of a grid; metrics with more go into a plain list */

/* A metric's key without the data's name, cut into row and column: "ndcg" | "@10", "spearman" | "cosine" (also where
 * the similarity stands first: cosine_f1), else "average_precision" | "". */
typedef struct metric_label {
    const char *row, *column;
    int row_bytes;
} metric_label;

static metric_label label_of(const eval_result *r, const eval_metric *metric) {
    const char *key = metric->key;
    const size_t n = r->name ? strlen(r->name) : 0;
    if (n > 0 && strncmp(key, r->name, n) == 0 && key[n] == '_') key += n + 1;
    const char *cut = strchr(key, '@');
    if (cut) return (metric_label){key, cut, (int)(cut - key)};
    eval_similarity f;
    cut = strrchr(key, '_');
    if (cut && eval_similarity_find(cut + 1, &f)) return (metric_label){key, cut + 1, (int)(cut - key)};
    for (int i = 0; i < EVAL_N_SIMILARITIES; i++) {
        const char *name = eval_similarity_name((eval_similarity)i), *rest = key + strlen(name);
        if (strncmp(key, name, strlen(name)) == 0 && *rest == '_')
            return (metric_label){rest + 1, name, (int)strlen(rest + 1)};
    }
    return (metric_label){key, "", (int)strlen(key)};
}

static bool is_same_row(metric_label a, metric_label b) {
    return a.row_bytes == b.row_bytes && memcmp(a.row, b.row, (size_t)a.row_bytes) == 0;
}

/* The distinct columns in the order of their first metric; -1 when there are more than MAX_GRID. */
static int64_t find_columns(const eval_result *r, const char **columns) {
    int64_t n = 0;
    for (int64_t i = 0; i < r->n_metrics; i++) {
        const char *column = label_of(r, &r->metrics[i]).column;
        int64_t c = 0;
        while (c < n && strcmp(columns[c], column) != 0) c++;
        if (c < n) continue;
        if (n == MAX_GRID) return -1;
        columns[n++] = column;
    }
    return n;
}

static const eval_metric *find_cell(const eval_result *r, metric_label row, const char *column) {
    for (int64_t i = 0; i < r->n_metrics; i++) {
        const metric_label label = label_of(r, &r->metrics[i]);
        if (is_same_row(label, row) && strcmp(label.column, column) == 0) return &r->metrics[i];
    }
    return NULL;
}

static void add_number(senc_grid *grid, const eval_metric *metric) {
    if (!metric)
        senc_grid_add(grid, "-");
    else if (isnan(metric->value))
        senc_grid_add(grid, "undefined");
    else
        senc_grid_add(grid, "%.4f", metric->value);
}

static void fill_list(const eval_result *r, senc_grid *grid) {
    senc_grid_init(grid, "lr");
    senc_grid_add(grid, "metric");
    senc_grid_add(grid, "value");
    for (int64_t i = 0; i < r->n_metrics; i++) {
        senc_grid_add(grid, "%s", r->metrics[i].key);
        add_number(grid, &r->metrics[i]);
    }
}

/* Rows and columns of the metrics; a row is listed at its first metric. */
static void fill_grid(const eval_result *r, senc_grid *grid) {
    static const char *const alignments[MAX_GRID + 1] = {
        "l",        "lr",        "lrr",        "lrrr",        "lrrrr",        "lrrrrr",        "lrrrrrr",
        "lrrrrrrr", "lrrrrrrrr", "lrrrrrrrrr", "lrrrrrrrrrr", "lrrrrrrrrrrr", "lrrrrrrrrrrrr",
    };
    const char *columns[MAX_GRID];
    const int64_t n = find_columns(r, columns);
    if (n < 0) {
        fill_list(r, grid);
        return;
    }
    senc_grid_init(grid, alignments[n]);
    senc_grid_add(grid, "%s", "");
    for (int64_t c = 0; c < n; c++) senc_grid_add(grid, "%s", *columns[c] ? columns[c] : "value");
    for (int64_t i = 0; i < r->n_metrics; i++) {
        const metric_label row = label_of(r, &r->metrics[i]);
        bool is_first = true;
        for (int64_t j = 0; j < i && is_first; j++) is_first = !is_same_row(label_of(r, &r->metrics[j]), row);
        if (!is_first) continue;
        senc_grid_add(grid, "%.*s", row.row_bytes, row.row);
        for (int64_t c = 0; c < n; c++) add_number(grid, find_cell(r, row, columns[c]));
    }
}

static void append_headline(const eval_result *r, senc_buffer *out) {
    const eval_metric *primary = r->primary ? eval_result_find(r, r->primary) : NULL;
    if (primary && isnan(primary->value))
        senc_buffer_printf(out, "%s undefined\n", primary->key);
    else if (primary)
        senc_buffer_printf(out, "%s %.4f%s\n", primary->key, primary->value,
                           r->greater_is_better ? "" : " (lower is better)");
}

static void append_lines(char *const *lines, int64_t n, senc_buffer *out) {
    for (int64_t i = 0; i < n; i++) {
        senc_buffer_append_text(out, "  ");
        senc_text_wrap(out, lines[i], 2, 4, REPORT_COLUMNS);
    }
}

void eval_report_print(const eval_result *results, int64_t n, senc_buffer *out) {
    for (int64_t i = 0; i < n; i++) {
        const eval_result *r = &results[i];
        if (i > 0) senc_buffer_append_text(out, "\n");
        senc_buffer_printf(out, "%s (%s)\n  ", r->name, r->type);
        append_headline(r, out);
        senc_buffer_append_text(out, "\n");
        senc_grid grid;
        fill_grid(r, &grid);
        senc_grid_print(&grid, 2, REPORT_COLUMNS, out);
        senc_grid_free(&grid);
        if (r->n_counts + r->n_rules > 0) senc_buffer_append_text(out, "\n");
        append_lines(r->counts, r->n_counts, out);
        append_lines(r->rules, r->n_rules, out);
    }
}

void eval_report_print_markdown(const eval_result *results, int64_t n, senc_buffer *out) {
    for (int64_t i = 0; i < n; i++) {
        const eval_result *r = &results[i];
        senc_buffer_printf(out, "%s### %s (%s)\n\n", i > 0 ? "\n" : "", r->name, r->type);
        append_headline(r, out);
        senc_buffer_append_text(out, "\n");
        senc_grid grid;
        fill_grid(r, &grid);
        senc_grid_print_markdown(&grid, out);
        senc_grid_free(&grid);
        senc_buffer_append_text(out, "\n");
        for (int64_t j = 0; j < r->n_counts; j++) senc_buffer_printf(out, "- %s\n", r->counts[j]);
        for (int64_t j = 0; j < r->n_rules; j++) senc_buffer_printf(out, "- %s\n", r->rules[j]);
    }
}

/* The metric of a key behind the data's name and the function: "cosine_ndcg@10" -> "ndcg@10"; NULL: it has no function.
 */
static const char *measure_of(const eval_result *r, const char *key) {
    const size_t n = r->name ? strlen(r->name) : 0;
    if (n == 0 || strncmp(key, r->name, n) != 0 || key[n] != '_') return NULL;
    const char *cut = strchr(key + n + 1, '_');
    return cut ? cut + 1 : NULL;
}

const eval_metric *eval_report_find_baseline(const eval_report_baseline *baseline, const eval_result *result,
                                             const char *key) {
    const char *wanted = measure_of(result, key);
    for (int64_t i = 0; wanted && baseline && i < baseline->n; i++) {
        const eval_result *r = &baseline->results[i];
        if (strcmp(r->name, result->name) != 0) continue;
        for (int64_t k = 0; k < r->n_metrics; k++) {
            const char *measure = measure_of(r, r->metrics[k].key);
            if (measure && strcmp(measure, wanted) == 0) return &r->metrics[k];
        }
    }
    return NULL;
}

typedef struct change_table {
    const eval_result *before, *after;
    int64_t n;
    const eval_report_baseline *baseline; /* NULL: no column for it */
    bool all;
} change_table;

static void add_change(senc_grid *grid, const change_table *t, int64_t i, const char *key) {
    const eval_metric *old = eval_result_find(&t->before[i], key), *new = eval_result_find(&t->after[i], key);
    senc_grid_add(grid, "%s", key);
    add_number(grid, old);
    add_number(grid, new);
    if (old && new && !isnan(new->value - old->value))
        senc_grid_add(grid, "%+.4f", new->value - old->value);
    else
        senc_grid_add(grid, "-");
    if (t->baseline) add_number(grid, eval_report_find_baseline(t->baseline, &t->after[i], key));
}

bool eval_report_is_often_quoted(const char *key) {
    static const char *const endings[] = {"_accuracy@1", "_mrr@10", "_recall@10"};
    const size_t n = strlen(key);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t n_ending = strlen(endings[i]);
        if (n > n_ending && strcmp(key + n - n_ending, endings[i]) == 0) return true;
    }
    return false;
}

static void fill_change(const change_table *t, senc_grid *grid) {
    senc_grid_init(grid, t->baseline ? "lrrrr" : "lrrr");
    static const char *const head[] = {"metric", "before", "after", "change"};
    for (int c = 0; c < 4; c++) senc_grid_add(grid, "%s", head[c]);
    if (t->baseline) senc_grid_add(grid, "%s", t->baseline->label);
    for (int64_t i = 0; i < t->n; i++) {
        const eval_result *after = &t->after[i];
        const char *primary = after->primary;
        if (primary) add_change(grid, t, i, primary);
        for (int64_t j = 0; j < after->n_metrics; j++) {
            const char *key = after->metrics[j].key;
            if (!t->all && !eval_report_is_often_quoted(key)) continue;
            if (!primary || strcmp(key, primary) != 0) add_change(grid, t, i, key);
        }
    }
}

void eval_report_print_change(const eval_result *before, const eval_result *after, int64_t n,
                              const eval_report_baseline *baseline, bool all, senc_buffer *out) {
    const change_table t = {before, after, n, baseline && baseline->n > 0 ? baseline : NULL, all};
    senc_grid grid;
    fill_change(&t, &grid);
    senc_grid_print(&grid, 2, REPORT_COLUMNS, out);
    senc_grid_free(&grid);
}

void eval_report_print_change_markdown(const eval_result *before, const eval_result *after, int64_t n,
                                       const eval_report_baseline *baseline, bool all, senc_buffer *out) {
    const change_table t = {before, after, n, baseline && baseline->n > 0 ? baseline : NULL, all};
    senc_grid grid;
    fill_change(&t, &grid);
    senc_grid_print_markdown(&grid, out);
    senc_grid_free(&grid);
}

/* Why metrics are null, by key. */
static void put_undefined(data_json *object, const eval_result *r) {
    data_json *undefined = NULL;
    for (int64_t i = 0; i < r->n_metrics; i++) {
        if (!r->metrics[i].undefined) continue;
        if (!undefined) undefined = data_json_put_object(object, "undefined");
        data_json_put_string(undefined, r->metrics[i].key, r->metrics[i].undefined);
    }
}

static void put_lines(data_json *object, const char *name, char *const *lines, int64_t n) {
    data_json *array = data_json_put_array(object, name);
    for (int64_t i = 0; i < n; i++) data_json_put_string(array, NULL, lines[i]);
}

void eval_reading_put_json(const eval_reading *r, const char *name, data_json *object) {
    if (r->n_texts == 0) return;
    data_json *o = data_json_put_object(object, name);
    data_json_put_integer(o, "texts", r->n_texts);
    data_json_put_integer(o, "cut_texts", r->n_cut);
    data_json_put_number(o, "cut_share", eval_reading_share(r));
    data_json_put_integer(o, "max_length", r->max_length);
}

void eval_report_put_json(const eval_result *results, int64_t n, data_json *object) {
    data_json *metrics = data_json_put_object(object, "metrics");
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < results[i].n_metrics; j++)
            data_json_put_number(metrics, results[i].metrics[j].key, results[i].metrics[j].value);
    }
    data_json *rules = data_json_put_object(object, "rules");
    for (int64_t i = 0; i < n; i++) put_lines(rules, results[i].name, results[i].rules, results[i].n_rules);
    data_json *counts = data_json_put_object(object, "counts");
    for (int64_t i = 0; i < n; i++) put_lines(counts, results[i].name, results[i].counts, results[i].n_counts);
    data_json *list = data_json_put_array(object, "results");
    for (int64_t i = 0; i < n; i++) {
        data_json *result = data_json_put_object(list, NULL);
        data_json_put_string(result, "name", results[i].name);
        data_json_put_string(result, "type", results[i].type);
        data_json_put_string(result, "primary", results[i].primary);
        data_json_put_bool(result, "greater_is_better", results[i].greater_is_better);
        eval_reading_put_json(&results[i].reading, "reading", result);
        data_json *own = data_json_put_object(result, "metrics");
        for (int64_t j = 0; j < results[i].n_metrics; j++)
            data_json_put_number(own, results[i].metrics[j].key, results[i].metrics[j].value);
        put_undefined(result, &results[i]);
    }
}
