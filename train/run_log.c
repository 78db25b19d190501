/* The course of a run: see run_log.h. */
#include "train/run_log.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/json.h"
#include "data/formats/jsonl.h"

static void free_curve(train_log_curve *c) {
    free(c->steps);
    free(c->values);
    *c = (train_log_curve){0};
}

void train_log_free(train_log *log) {
    free_curve(&log->loss);
    free_curve(&log->learning_rate);
    free_curve(&log->metric);
}

static bool add_point(train_log_curve *c, double step, double value, senc_error *err) {
    if (!isfinite(value)) return true;
    if ((c->n & (c->n - 1)) == 0) { /* room for the next power of two */
        const size_t room = c->n ? 2 * (size_t)c->n : 1;
        double *steps = senc_realloc(c->steps, room, sizeof *steps);
        if (steps) c->steps = steps;
        double *values = senc_realloc(c->values, room, sizeof *values);
        if (values) c->values = values;
        if (!steps || !values) return senc_fail_memory(err, room * sizeof *steps, "the log");
    }
    c->steps[c->n] = step;
    c->values[c->n++] = value;
    return true;
}

static double number_of(const data_json *o, const char *key) {
    const data_json *v = data_json_find(o, key);
    return data_json_is_number(v) ? data_json_number(v) : NAN;
}

static bool add_line(const data_json *o, const char *key, train_log *log, senc_error *err) {
    const double step = number_of(o, "step");
    const data_json *metrics = data_json_find(o, "metrics");
    if (!isfinite(step)) return true;
    if (metrics) return add_point(&log->metric, step, number_of(metrics, key), err);
    return add_point(&log->loss, step, number_of(o, "loss"), err) &&
           add_point(&log->learning_rate, step, number_of(o, "learning_rate"), err);
}

/* At most TRAIN_LOG_POINTS points: each the mean of equally many neighbours, at the last one's step. */
static void thin_out(train_log_curve *c) {
    const int64_t width = (c->n + TRAIN_LOG_POINTS - 1) / TRAIN_LOG_POINTS;
    if (width <= 1) return;
    int64_t kept = 0;
    for (int64_t from = 0; from < c->n; from += width) {
        const int64_t to = from + width < c->n ? from + width : c->n;
        double sum = 0;
        for (int64_t i = from; i < to; i++) sum += c->values[i];
        c->steps[kept] = c->steps[to - 1];
        c->values[kept++] = sum / (double)(to - from);
    }
    c->n = kept;
}

bool train_log_read(const char *path, const char *key, train_log *out, senc_error *err) {
    *out = (train_log){0};
    size_t n_text, n_bytes;
    char *text = senc_file_read(path, 0, &n_text, err);
    if (!text) return false;
    data_cursor cursor = data_cursor_first(text, n_text);
    const char *line;
    bool ok = true;
    while (ok && data_line_next(text, n_text, &cursor, &line, &n_bytes)) {
        data_json *o;
        senc_error ignored = {0};
        if (!data_json_parse(line, n_bytes, path, &o, &ignored)) continue;
        ok = add_line(o, key, out, err);
        data_json_free(o);
    }
    free(text);
    thin_out(&out->loss);
    thin_out(&out->learning_rate);
    thin_out(&out->metric);
    if (!ok) train_log_free(out);
    return ok;
}
