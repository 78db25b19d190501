/* Entries of a row: command lines and how their results are read. See bench.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "bench/bench.h"

bench_entry *bench_entry_add(bench_row *row, bench_side side, const char *who, const char *precision) {
    SENC_ASSERT(row->n_entries < BENCH_MAX_ENTRIES, "row %s has too many entries", row->spec->name);
    bench_entry *e = &row->entries[row->n_entries];
    *e = (bench_entry){.precision = precision, .side = side};
    snprintf(e->name, sizeof e->name, "%s%s%s", who, *precision ? " " : "", precision);
    senc_buffer path = {0};
    senc_buffer_printf(&path, "%s/%s_%d", row->settings->work, row->spec->name, row->n_entries++);
    e->folder = senc_buffer_take(&path);
    row->failed = row->failed || !e->folder;
    return e;
}

static void append(bench_row *row, char **list, int capacity, const char *fmt, va_list values) {
    char text[1024];
    const int length = vsnprintf(text, sizeof text, fmt, values);
    int n = 0;
    while (n < capacity && list[n]) n++;
    SENC_ASSERT(n + 1 < capacity, "row %s: too many arguments", row->spec->name);
    list[n] = length >= 0 && (size_t)length < sizeof text ? strdup(text) : NULL;
    row->failed = row->failed || !list[n];
}

void bench_entry_argument(bench_row *row, bench_entry *e, const char *fmt, ...) {
    va_list values;
    va_start(values, fmt);
    append(row, e->arguments, BENCH_MAX_ARGUMENTS, fmt, values);
    va_end(values);
}

void bench_entry_environment(bench_row *row, bench_entry *e, const char *fmt, ...) {
    va_list values;
    va_start(values, fmt);
    append(row, e->environment, (int)(sizeof e->environment / sizeof *e->environment), fmt, values);
    va_end(values);
}

void bench_entry_skip(bench_entry *e, const char *fmt, ...) {
    if (e->skipped[0]) return; /* the first reason is the best */
    va_list values;
    va_start(values, fmt);
    vsnprintf(e->skipped, sizeof e->skipped, fmt, values);
    va_end(values);
}

void bench_row_free(bench_row *row) {
    for (int i = 0; i < row->n_entries; i++) {
        bench_entry *e = &row->entries[i];
        for (char **a = e->arguments; *a; a++) free(*a);
        for (char **v = e->environment; *v; v++) free(*v);
        free(e->folder);
    }
    *row = (bench_row){0};
}

void bench_entry_program(bench_row *row, bench_entry *e, const char *name) {
    bench_entry_argument(row, e, "%s/%s", row->settings->programs, name);
}

void bench_entry_script(bench_row *row, bench_entry *e, const char *script) {
    const bench_settings *s = row->settings;
    if (!s->python) bench_entry_skip(e, "without peers");
    bench_entry_argument(row, e, "%s", s->python ? s->python : "python3");
    bench_entry_argument(row, e, "%s/%s", s->scripts, script);
    bench_entry_environment(row, e, "OMP_NUM_THREADS=%d", s->threads);
    bench_entry_environment(row, e, "RAYON_NUM_THREADS=%d", s->threads); /* the tokenizers library */
}

void bench_entry_tcmalloc(bench_row *row, bench_entry *e) {
    if (!row->settings->python) return;
    if (row->settings->tcmalloc)
        bench_entry_environment(row, e, "LD_PRELOAD=%s", row->settings->tcmalloc);
    else
        bench_entry_skip(e, "libtcmalloc-minimal4 is not installed");
}

void bench_entry_needs_bf16(bench_row *row, bench_entry *e) {
    if (!row->settings->has_bf16 && !row->settings->all)
        bench_entry_skip(e, "slow without bf16 instructions, which this CPU has not; --all runs it");
}

/* ---- readers ---- */

bool bench_read_json(const bench_entry *e, const bench_child *child, bench_run *out, senc_error *err) {
    const char *line = NULL;
    size_t n_bytes = 0;
    for (const char *text = child->output; *text;) {
        const size_t length = strcspn(text, "\n");
        if (text[0] == '{') {
            line = text;
            n_bytes = length;
        }
        text += length + (text[length] != '\0');
    }
    if (!line) return senc_fail(err, SENC_FAILED, "%s wrote no JSON line", senc_path_name(e->arguments[0]));
    data_json *o = NULL;
    double gflop = 0;
    const bool ok = data_json_parse(line, n_bytes, e->name, &o, err) &&
                    data_json_require_number(o, "units", 0, 1e15, &out->units, err) &&
                    data_json_require_number(o, "seconds", 0, 1e9, &out->seconds, err) &&
                    data_json_read_number(o, "gflop", 0, 1e15, &gflop, err);
    out->gflop = gflop;
    data_json_free(o);
    return ok;
}

bool bench_read_wall(const bench_entry *e, const bench_child *child, bench_run *out, senc_error *err) {
    (void)e;
    (void)err;
    out->units = 1;
    out->seconds = child->wall_seconds;
    return true;
}
