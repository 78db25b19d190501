/* The benchmark's program: which rows, the peers, the report. See bench.h; ./run bench starts it. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/cpu.h"
#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "bench/bench.h"
#include "cli/arguments.h"

#define SETUP_SECONDS 3600.0 /* the peers are 6 GB */

typedef struct bench_flags {
    bool with_peers, scaling, quick, full, all, list;
    int64_t runs;
    double limit;
    char *rows, *output, *model, *precision, *show;
} bench_flags;

static const senc_option options[] = {
    SENC_OPTION_BOOLEAN(bench_flags, with_peers, "false",
                        "also sentence-transformers, ONNX Runtime and others, installed outside the project (6 GB)"),
    SENC_OPTION_INTEGER(bench_flags, runs, "3", 1, BENCH_MAX_RUNS, "how often each program does each work"),
    SENC_OPTION_STRING(bench_flags, rows, NULL, "only these, as train_long,search; --list names them"),
    SENC_OPTION_BOOLEAN(bench_flags, scaling, "false", "the growth tables instead of the comparison"),
    SENC_OPTION_BOOLEAN(bench_flags, full, "false", "the largest sizes of the growth tables too"),
    SENC_OPTION_BOOLEAN(bench_flags, quick, "false", "small sizes: does it all work?"),
    SENC_OPTION_BOOLEAN(bench_flags, all, "false", "also the peers that are known to be slow on this CPU"),
    SENC_OPTION_STRING(bench_flags, precision, NULL,
                       "of the growth tables and gradcache: fp32 or bf16; unset: bf16 where the CPU has it"),
    SENC_OPTION_PATH(bench_flags, model, NULL, "a BERT model folder; unset: $SENC_MODELS/all-MiniLM-L6-v2"),
    SENC_OPTION_PATH(bench_flags, output, "bench.json",
                     "where the report goes; rows of it that are not measured again stay"),
    SENC_OPTION_REAL(bench_flags, limit, "3600", 1, 1e6, "seconds after which a program is stopped"),
    SENC_OPTION_PATH(bench_flags, show, NULL, "print the table of this report and do nothing else"),
    SENC_OPTION_BOOLEAN(bench_flags, list, "false", "name the rows and do nothing else"),
    {0},
};

/* ---- settings ---- */

static char *join(const char *a, const char *b, senc_error *err) {
    char *path = senc_path_join(a, b);
    if (!path) senc_fail_memory(err, strlen(a) + strlen(b), "a path");
    return path;
}

/* A folder that must be there, from the root: configurations in other folders name it. Takes path. */
static char *absolute(char *path, senc_error *err) {
    char *real = path ? realpath(path, NULL) : NULL;
    if (!path && err->kind == SENC_OK)
        senc_fail_memory(err, 0, "a path");
    else if (path && !real)
        senc_fail_errno(err, "%s", path);
    free(path);
    return real;
}

/* build/release, for build/release/bench/bench. */
static char *programs_folder(senc_error *err) {
    char path[4096];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n < 0) {
        senc_fail_errno(err, "/proc/self/exe");
        return NULL;
    }
    path[n] = '\0';
    for (int i = 0; i < 2; i++) *strrchr(path, '/') = '\0';
    return absolute(senc_strdup(path), err);
}

static char *temporary_folder(senc_error *err) {
    const char *base = getenv("TMPDIR");
    char *path = join(base && *base ? base : "/tmp", "senc-bench-XXXXXX", err);
    if (!path || mkdtemp(path)) return path;
    senc_fail_errno(err, "%s", path);
    free(path);
    return NULL;
}

static char *find_tcmalloc(void) {
    glob_t found;
    char *path = NULL;
    if (glob("/usr/lib/*/libtcmalloc_minimal.so.4", 0, NULL, &found) == 0) path = senc_strdup(found.gl_pathv[0]);
    globfree(&found);
    return path;
}

/* Runs a script of the peers and returns the last line of its output; NULL on failure. */
static char *last_line(const bench_settings *s, const char *program, const char *script, senc_error *err) {
    char path[1024], complaint[512];
    snprintf(path, sizeof path, "%s/%s", s->scripts, script);
    const char *const arguments[] = {program, path, NULL};
    bench_child child;
    if (!bench_child_run(arguments, NULL, s->work, SETUP_SECONDS, &child, err)) return NULL;
    char *line = NULL;
    size_t n_bytes = strlen(child.output);
    while (n_bytes > 0 && child.output[n_bytes - 1] == '\n') child.output[--n_bytes] = '\0';
    const char *start = strrchr(child.output, '\n');
    if (child.exit_code != 0 || n_bytes == 0)
        senc_fail(err, SENC_FAILED, "%s: %s", script, bench_child_complaint(&child, complaint, sizeof complaint));
    else if (!(line = senc_strdup(start ? start + 1 : child.output)))
        senc_fail_memory(err, n_bytes, "a line");
    bench_child_free(&child);
    return line;
}

static bool find_peers(bench_settings *s, senc_error *err) {
    senc_info("looking for the peers (installing them takes some minutes and 6 GB)");
    s->python = last_line(s, "sh", "setup.sh", err);
    char *versions = s->python ? last_line(s, s->python, "versions.py", err) : NULL;
    const bool ok = versions && data_json_parse(versions, strlen(versions), "versions.py", &s->with, err);
    free(versions);
    s->tcmalloc = find_tcmalloc();
    return ok;
}

static bool fill_settings(bench_settings *s, const bench_flags *f, int64_t threads, senc_error *err) {
    const char *models = getenv("SENC_MODELS"), *data = getenv("SENC_DATA");
    const senc_cpu *cpu = senc_cpu_get();
    s->threads = threads > 0 ? (int)threads : senc_threads_cpus();
    s->runs = (int)f->runs;
    s->quick = f->quick;
    s->full = f->full;
    s->all = f->all;
    s->limit_seconds = f->limit;
    s->has_bf16 = cpu->avx512_bf16 || cpu->amx_bf16;
    s->precision = f->precision ? f->precision : s->has_bf16 ? "bf16" : "fp32";
    if (strcmp(s->precision, "fp32") != 0 && strcmp(s->precision, "bf16") != 0)
        return senc_fail(err, SENC_BAD_INPUT, "--precision: expected fp32 or bf16, got \"%s\"", s->precision);
    if (!(s->programs = programs_folder(err)) || !(s->work = temporary_folder(err))) return false;
    if (!(s->scripts = absolute(senc_strdup(BENCH_SCRIPTS), err))) return false;
    if (data && *data && !(s->data = absolute(senc_strdup(data), err))) return false;
    if (f->model)
        s->model = absolute(senc_strdup(f->model), err);
    else if (models && *models)
        s->model = absolute(join(models, "all-MiniLM-L6-v2", err), err);
    return err->kind == SENC_OK && (!f->with_peers || find_peers(s, err));
}

static void free_settings(bench_settings *s) {
    if (s->work) senc_path_remove(s->work, NULL);
    free(s->programs);
    free(s->scripts);
    free(s->work);
    free(s->model);
    free(s->data);
    free(s->python);
    free(s->tcmalloc);
    data_json_free(s->with);
    *s = (bench_settings){0};
}

/* ---- running them ---- */

static bool is_wanted(const bench_flags *f, int i) {
    return f->rows ? bench_rows_is_listed(f->rows, bench_row_get(i)->name) : bench_row_is_growth(i) == f->scaling;
}

/* ---- the report ---- */

static bool is_same_text(const data_json *a, const char *key, const char *text) {
    const char *other = data_json_text(data_json_find(a, key), NULL);
    return other && strcmp(other, text) == 0;
}

/* The earlier report of this machine, to go on with, else a new one. */
static data_json *open_report(const bench_settings *s, const char *path) {
    data_json *o = NULL;
    if (senc_path_exists(path) && data_json_load(path, &o, NULL)) {
        const data_json *machine = data_json_find(o, "machine");
        if (data_json_find(o, "rows") && is_same_text(o, "senc", SENC_VERSION) &&
            is_same_text(machine, "cpu", senc_cpu_get()->name) &&
            data_json_integer(data_json_find(machine, "threads")) == s->threads)
            return o;
        senc_info("%s: of another machine, number of threads or version: a new report takes its place", path);
        data_json_free(o);
    }
    o = data_json_create_object();
    return o;
}

static bool print_buffer(senc_buffer *text, senc_error *err) {
    bool ok = text->failed ? senc_fail_memory(err, text->n_bytes, "a table") : true;
    if (ok && (fputs(senc_buffer_text(text), stdout) < 0 || fflush(stdout) != 0))
        ok = senc_fail_errno(err, "standard output");
    senc_buffer_free(text);
    return ok;
}

/* Builds and measures a row; what goes wrong with it stands in it. False only when we were stopped. */
static bool run_row(bench_row *row, senc_error *err) {
    senc_error problem = {0};
    bool ok = true;
    if (row->spec->needs_model && !row->settings->model)
        ok = senc_fail(&problem, SENC_BAD_INPUT, "no model: set SENC_MODELS, or give --model");
    ok = ok && row->spec->build(row, &problem);
    if (ok && row->failed) ok = senc_fail_memory(&problem, 0, "a row");
    if (!ok) {
        snprintf(row->error, sizeof row->error, "%.*s", (int)sizeof row->error - 1, problem.text);
        senc_info("%s: %s", row->spec->name, row->error);
        return !bench_stopped() || senc_fail(err, SENC_INTERRUPTED, "interrupted");
    }
    return bench_row_measure(row, err);
}

static bool run_rows(const bench_settings *s, const bench_flags *f, data_json *report, senc_error *err) {
    bench_report_head(s, report);
    data_json *measured = data_json_find_mutable(report, "rows");
    if (!measured) measured = data_json_put_object(report, "rows");
    senc_buffer head = {0};
    bench_table_print_head(report, &head);
    bench_row *row = senc_alloc_zero(1, sizeof *row);
    bool ok = print_buffer(&head, err) && (row || senc_fail_memory(err, sizeof *row, "a row"));
    for (int i = 0; ok && bench_row_get(i); i++) {
        if (!is_wanted(f, i)) continue;
        *row = (bench_row){.spec = bench_row_get(i), .settings = s};
        ok = run_row(row, err);
        if (ok) bench_report_row(row, measured);
        bench_row_free(row);
        senc_buffer table = {0};
        senc_buffer_append_text(&table, "\n");
        if (ok) bench_table_print_row(data_json_find(measured, bench_row_get(i)->name), &table);
        ok = ok && print_buffer(&table, err) && data_json_save(report, 1, f->output, err);
        senc_buffer_free(&table);
    }
    free(row);
    senc_buffer memory = {0};
    if (ok) bench_table_print_memory(report, &memory);
    ok = ok && print_buffer(&memory, err);
    senc_buffer_free(&memory);
    if (ok) senc_info("\nwritten to %s", f->output);
    return ok;
}

static bool measure(const bench_flags *f, int64_t threads, senc_error *err) {
    if (f->rows && !bench_rows_check(f->rows, err)) return false;
    bench_watch_signals();
    setenv("HF_HUB_OFFLINE", "1", 1);
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    bench_settings s = {0};
    bool ok = fill_settings(&s, f, threads, err);
    data_json *report = ok ? open_report(&s, f->output) : NULL;
    if (ok && !report) ok = senc_fail_memory(err, 0, "a report");
    ok = ok && run_rows(&s, f, report, err);
    data_json_free(report);
    free_settings(&s);
    return ok;
}

static bool show(const char *path, senc_error *err) {
    data_json *report = NULL;
    if (!data_json_load(path, &report, err)) return false;
    senc_buffer table = {0};
    bench_table_print(report, &table);
    data_json_free(report);
    return print_buffer(&table, err);
}

static bool list_rows(senc_error *err) {
    senc_buffer text = {0};
    for (int i = 0; bench_row_get(i); i++)
        senc_buffer_printf(&text, "%-15s %s%s\n", bench_row_get(i)->name, bench_row_is_growth(i) ? "scaling: " : "",
                           bench_row_get(i)->title);
    return print_buffer(&text, err);
}

static bool run(cli_call *call, senc_error *err) {
    const bench_flags *f = call->flags;
    if (f->list) return list_rows(err);
    return f->show ? show(f->show, err) : measure(f, call->threads, err);
}

static const cli_command command = {
    .name = "bench",
    .synopsis = "[--with-peers] [--runs N] [--rows LIST] [--output PATH] [--scaling] [--quick]",
    .help = "senc's speed and memory beside its peers': the same work in turns, medians, shares of the machine's limit",
    .details = "Data come from $SENC_DATA (medquad, multi30k, nfcorpus, stsb).",
    .flags = options,
    .flags_bytes = sizeof(bench_flags),
    .run = run,
};

static bool print_help(senc_error *err) {
    static const char begin[] = "usage: senc bench"; /* what the parser of senc's commands writes */
    senc_buffer text = {0}, help = {0};
    cli_arguments_help(&command, &help);
    senc_buffer_printf(&text, "usage: ./run bench%s", senc_buffer_text(&help) + (help.n_bytes ? sizeof begin - 1 : 0));
    text.failed = text.failed || help.failed;
    senc_buffer_free(&help);
    return print_buffer(&text, err);
}

int main(int argc, char **argv) {
    senc_error err = {0};
    bench_flags flags = {0};
    cli_call call = {.flags = senc_alloc_zero(1, sizeof flags)};
    cli_common common = {0};
    bool ok = call.flags || senc_fail_memory(&err, sizeof flags, "flags");
    ok = ok && cli_arguments_parse(&command, argc - 1, argv + 1, &call, &common, &err);
    if (ok && common.quiet) senc_log_set_level(SENC_LOG_QUIET);
    if (ok) ok = common.help ? print_help(&err) : run(&call, &err);
    if (call.flags) cli_arguments_free(&command, &call);
    if (!ok) fprintf(stderr, "bench: %s\n", err.text);
    return senc_error_exit_code(&err);
}
