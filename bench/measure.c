/* Rounds: the limits, then every entry once, then again. See bench.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "bench/bench.h"

static int compare_numbers(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(const double *values, int n) {
    double sorted[BENCH_MAX_RUNS];
    if (n <= 0) return 0;
    memcpy(sorted, values, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_numbers);
    return n % 2 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
}

bool bench_limits_measure(const bench_settings *s, bench_limits *out, senc_error *err) {
    *out = (bench_limits){0};
    char program[1024], threads[16];
    snprintf(program, sizeof program, "%s/bench/bench_kernels", s->programs);
    snprintf(threads, sizeof threads, "%d", s->threads);
    const char *const arguments[] = {program, "--limits", "--threads", threads, NULL};
    bench_child child;
    if (!bench_child_run(arguments, NULL, s->work, 60, &child, err)) return false;
    data_json *o = NULL;
    char complaint[256];
    bool ok = child.exit_code == 0 || senc_fail(err, SENC_FAILED, "bench_kernels --limits: %s",
                                                bench_child_complaint(&child, complaint, sizeof complaint));
    ok = ok && data_json_parse(child.output, strlen(child.output), "bench_kernels --limits", &o, err) &&
         data_json_require_number(o, "fp32_gflops", 0, 1e9, &out->fp32, err) &&
         data_json_read_number(o, "bf16_gflops", 0, 1e9, &out->bf16, err) &&
         data_json_read_number(o, "int8_gops", 0, 1e9, &out->int8, err) &&
         data_json_read_number(o, "copy_gbytes", 0, 1e9, &out->copy, err);
    data_json_free(o);
    bench_child_free(&child);
    return ok;
}

static const char *program_text(const bench_entry *e, const bench_run *run, const bench_row_spec *spec, char *out,
                                size_t out_bytes) {
    if (e->error[0] || e->skipped[0])
        snprintf(out, out_bytes, "%s: %s", e->error[0] ? "failed" : "not run", e->error[0] ? e->error : e->skipped);
    else if (spec->measure == BENCH_SIZE)
        snprintf(out, out_bytes, "%.1f MB", run->units);
    else if (spec->measure == BENCH_TIME)
        snprintf(out, out_bytes, "%.1f ms", 1e3 * run->seconds);
    else
        snprintf(out, out_bytes, "%.2f %s/s (%.0f s)", run->seconds > 0 ? run->units / run->seconds : 0, spec->unit,
                 run->wall_seconds);
    return out;
}

/* A complaint without what only this run knows: the temporary folder, and who says it. */
static void tidy(const bench_settings *s, char *text) {
    static const char *const speakers[] = {"error: ", "senc: "};
    for (size_t i = 0; i < sizeof speakers / sizeof *speakers; i++) {
        const size_t n = strlen(speakers[i]);
        if (strncmp(text, speakers[i], n) == 0) memmove(text, text + n, strlen(text + n) + 1);
    }
    const size_t n = strlen(s->work);
    for (char *p; (p = strstr(text, s->work)) && p[n] == '/';) memmove(p, p + n + 1, strlen(p + n + 1) + 1);
}

/* Why a program failed. That this build or CPU has no bf16 or int8 is no failure: senc says so with exit code 2. */
static void note_failure(const bench_row *row, bench_entry *e, const bench_child *child, senc_error *problem) {
    if (problem->kind == SENC_OK && child->exit_code != 0)
        bench_child_complaint(child, problem->text, sizeof problem->text / 2);
    tidy(row->settings, problem->text);
    if (e->side == BENCH_SENC && child->exit_code == 2 && strcmp(e->precision, "fp32") != 0 && *e->precision)
        bench_entry_skip(e, "%s", problem->text);
    else
        snprintf(e->error, sizeof e->error, "%.*s", (int)sizeof e->error - 1, problem->text);
}

/* One run of one entry; a failure is noted in the entry. False only when we were stopped. */
static bool run_entry(const bench_row *row, bench_entry *e, bool counted, senc_error *err) {
    senc_error problem = {0};
    bench_child child = {0};
    bool ok = senc_path_remove(e->folder, &problem) && senc_path_create_folders(e->folder, &problem) &&
              bench_child_run((const char *const *)e->arguments, (const char *const *)e->environment,
                              row->settings->work, row->settings->limit_seconds, &child, &problem);
    bench_run run = {.wall_seconds = child.wall_seconds, .peak_bytes = child.peak_bytes};
    ok = ok && child.exit_code == 0 && e->read(e, &child, &run, &problem);
    if (ok && !(run.seconds > 0) && row->spec->measure != BENCH_SIZE)
        ok = senc_fail(&problem, SENC_FAILED, "nothing was timed");
    if (!ok) note_failure(row, e, &child, &problem);
    bench_child_free(&child);
    senc_path_remove(e->folder, NULL);
    if (bench_stopped()) return senc_fail(err, SENC_INTERRUPTED, "interrupted");
    if (ok && counted) e->runs[e->n_runs++] = run;
    char text[512];
    senc_info("  %-28s %s", e->name, program_text(e, &run, row->spec, text, sizeof text));
    return true;
}

bool bench_row_measure(bench_row *row, senc_error *err) {
    const bench_row_spec *spec = row->spec;
    int rounds = row->settings->runs;
    if (spec->max_runs > 0 && rounds > spec->max_runs) rounds = spec->max_runs;
    for (int round = spec->warm_up ? -1 : 0; round < rounds; round++) {
        if (round < 0)
            senc_info("%s: warming up", spec->name);
        else
            senc_info("%s: run %d of %d", spec->name, round + 1, rounds);
        if (round >= 0 && spec->measure == BENCH_RATE) {
            if (!bench_limits_measure(row->settings, &row->limits[row->n_limits], err)) return false;
            row->n_limits++;
        }
        for (int i = 0; i < row->n_entries; i++) {
            bench_entry *e = &row->entries[i];
            if (!e->skipped[0] && !e->error[0] && !run_entry(row, e, round >= 0, err)) return false;
        }
    }
    return true;
}
