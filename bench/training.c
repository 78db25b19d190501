/* Training as rows measure it: see work.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/value.h"
#include "bench/work.h"
#include "data/formats/jsonl.h"

static void append_key(senc_buffer *text, const char *key, const char *value) {
    senc_buffer_printf(text, "%s = ", key);
    senc_value_print_string(value, strlen(value), text);
    senc_buffer_append_text(text, "\n");
}

/* Batches in the order of the file, no evaluation, no checkpoint, a line of the log a step. */
static bool write_config(const bench_row *row, const bench_entry *e, const bench_training *t, const char *path,
                         senc_error *err) {
    senc_buffer text = {0};
    senc_buffer_append_text(&text, "[model]\n");
    append_key(&text, "base", row->settings->model);
    senc_buffer_printf(&text, "max_length = %lld\n\n[[data]]\n", (long long)t->max_length);
    append_key(&text, "path", t->pairs);
    senc_buffer_append_text(&text, "\n[loss]\ntype = \"mnrl\"\n\n[train]\nshuffle = false\ndrop_last = true\n"
                                   "checkpoint_every = 0\nlog_every = 1\n");
    senc_buffer_printf(&text, "batch_size = %lld\n", (long long)t->batch);
    append_key(&text, "precision", e->precision);
    if (t->memory_limit) append_key(&text, "memory_limit", t->memory_limit);
    senc_buffer_append_text(&text, "\n[output]\n");
    append_key(&text, "dir", e->folder);
    const bool ok = text.failed ? senc_fail_memory(err, text.n_bytes, "a configuration")
                                : senc_file_write(path, text.data, text.n_bytes, err);
    senc_buffer_free(&text);
    return ok;
}

/* Rows and seconds of the steps of a log, the first one left out unless it is the only one. */
static bool read_log(const char *folder, double batch, bench_run *out, senc_error *err) {
    char *path = senc_path_join(folder, "log.jsonl");
    char *text = path ? senc_file_read(path, 0, NULL, err) : NULL;
    bool ok = text != NULL;
    double first = 0, others = 0;
    int64_t n_steps = 0;
    for (char *line = text; ok && *line;) {
        const size_t length = strcspn(line, "\n");
        data_json *o = NULL;
        double rate = 0;
        ok = data_json_parse(line, length, path, &o, err) &&
             data_json_require_number(o, "rows_per_second", 1e-9, 1e9, &rate, err);
        data_json_free(o);
        if (ok) *(n_steps++ == 0 ? &first : &others) += batch / rate;
        line += length + (line[length] != '\0');
    }
    if (ok && n_steps == 0) ok = senc_fail(err, SENC_FAILED, "no step was trained");
    out->units = batch * (double)(n_steps > 1 ? n_steps - 1 : 1);
    out->seconds = n_steps > 1 ? others : first;
    free(text);
    free(path);
    return ok;
}

/* Useful operations of the timed rows: those of an average row of the run. */
static bool read_report(const char *folder, bench_run *out, senc_error *err) {
    char *path = senc_path_join(folder, "report.json");
    data_json *o = NULL;
    double rate = 0, seconds = 0, texts = 0;
    const bool ok = path && data_json_load(path, &o, err) &&
                    data_json_require_number(o, "useful_gflops_per_second", 0, 1e9, &rate, err) &&
                    data_json_require_number(o, "training_seconds", 0, 1e9, &seconds, err) &&
                    data_json_require_number(o, "texts", 1, 1e15, &texts, err);
    if (ok) out->gflop = rate * seconds / (texts / 2) * out->units;
    data_json_free(o);
    free(path);
    return ok;
}

static bool read_training(const bench_entry *e, const bench_child *child, bench_run *out, senc_error *err) {
    (void)child;
    return read_log(e->folder, e->batch, out, err) && read_report(e->folder, out, err);
}

bench_entry *bench_training_senc(bench_row *row, const char *who, const char *precision, const bench_training *t,
                                 senc_error *err) {
    bench_entry *e = bench_entry_add(row, BENCH_SENC, who, precision);
    char path[1024];
    snprintf(path, sizeof path, "%s.toml", e->folder);
    if (!write_config(row, e, t, path, err)) return NULL;
    bench_entry_program(row, e, "bin/senc");
    bench_entry_argument(row, e, "train");
    bench_entry_argument(row, e, "--quiet");
    bench_entry_argument(row, e, "--config");
    bench_entry_argument(row, e, "%s", path);
    bench_entry_argument(row, e, "--threads");
    bench_entry_argument(row, e, "%d", t->threads ? t->threads : row->settings->threads);
    bench_entry_argument(row, e, "--set");
    bench_entry_argument(row, e, "train.batch_size=%lld", (long long)t->batch);
    e->batch = (double)t->batch;
    e->read = read_training;
    return e;
}

bench_entry *bench_training_peer(bench_row *row, const char *who, const char *precision, const bench_training *t,
                                 bool tuned) {
    bench_entry *e = bench_entry_add(row, BENCH_PEER, who, precision);
    bench_entry_script(row, e, "st_train.py");
    bench_entry_argument(row, e, "%s", row->settings->model);
    bench_entry_argument(row, e, "%s", t->pairs);
    bench_entry_argument(row, e, "--batch=%lld", (long long)t->batch);
    bench_entry_argument(row, e, "--max-length=%lld", (long long)t->max_length);
    bench_entry_argument(row, e, "--threads=%d", row->settings->threads);
    bench_entry_argument(row, e, "--precision=%s", precision);
    if (t->cached) bench_entry_argument(row, e, "--cached=%lld", (long long)t->cached);
    if (strcmp(precision, "bf16") == 0) bench_entry_needs_bf16(row, e);
    if (tuned) {
        bench_entry_tcmalloc(row, e);
        bench_entry_argument(row, e, "--attention=eager");
    }
    e->read = bench_read_json;
    return e;
}
