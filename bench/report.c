/* Runs -> JSON: every single run, medians, shares of the limit, ratios. See bench.h; table.c reads what is written
 * here. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "autograd/base/cpu.h"
#include "autograd/base/file.h"
#include "autograd/base/threads.h"
#include "bench/bench.h"

/* What is compared: units a second, milliseconds or megabytes. */
static double run_value(const bench_row_spec *spec, const bench_run *run) {
    if (spec->measure == BENCH_SIZE) return run->units;
    return spec->measure == BENCH_TIME ? 1e3 * run->seconds : run->units / run->seconds;
}

typedef double run_number(const bench_row_spec *spec, const bench_run *run);

static double run_gflops(const bench_row_spec *spec, const bench_run *run) {
    (void)spec;
    return run->seconds > 0 ? run->gflop / run->seconds : 0;
}

static double run_peak(const bench_row_spec *spec, const bench_run *run) {
    (void)spec;
    return (double)run->peak_bytes;
}

static double entry_median(const bench_row *row, const bench_entry *e, run_number *number) {
    double values[BENCH_MAX_RUNS];
    for (int i = 0; i < e->n_runs; i++) values[i] = number(row->spec, &e->runs[i]);
    return bench_median(values, e->n_runs);
}

/* (highest - lowest) / median of what is compared. */
static double entry_spread(const bench_row *row, const bench_entry *e) {
    double low = run_value(row->spec, &e->runs[0]), high = low;
    for (int i = 1; i < e->n_runs; i++) {
        const double value = run_value(row->spec, &e->runs[i]);
        if (value < low) low = value;
        if (value > high) high = value;
    }
    const double middle = entry_median(row, e, run_value);
    return middle > 0 ? (high - low) / middle : 0;
}

static double limit_median(const bench_row *row, const char *precision) {
    double values[BENCH_MAX_RUNS];
    for (int i = 0; i < row->n_limits; i++) {
        const bench_limits *l = &row->limits[i];
        values[i] = strcmp(precision, "bf16") == 0 ? l->bf16 : strcmp(precision, "int8") == 0 ? l->int8 : l->fp32;
    }
    return bench_median(values, row->n_limits);
}

static void put_runs(const bench_entry *e, data_json *o) {
    data_json *runs = data_json_put_array(o, "runs");
    for (int i = 0; i < e->n_runs; i++) {
        const bench_run *r = &e->runs[i];
        data_json *item = data_json_put_object(runs, NULL);
        data_json_put_number(item, "units", r->units);
        data_json_put_number(item, "seconds", r->seconds);
        if (r->gflop > 0) data_json_put_number(item, "gflop", r->gflop);
        data_json_put_number(item, "wall_seconds", r->wall_seconds);
        data_json_put_integer(item, "peak_memory_bytes", r->peak_bytes);
    }
}

/* How many times as fast (or as small) `ours` is. */
static double ratio(const bench_row *row, const bench_entry *ours, const bench_entry *theirs) {
    const double a = entry_median(row, ours, run_value), b = entry_median(row, theirs, run_value);
    if (!(a > 0) || !(b > 0)) return 0;
    return row->spec->measure == BENCH_RATE ? a / b : b / a;
}

static void put_ratios(const bench_row *row, const bench_entry *theirs, data_json *o) {
    data_json *ratios = data_json_put_object(o, "senc_is_times");
    for (int i = 0; i < row->n_entries; i++) {
        const bench_entry *ours = &row->entries[i];
        if (ours->side == BENCH_SENC && ours->n_runs > 0)
            data_json_put_number(ratios, *ours->precision ? ours->precision : "senc", ratio(row, ours, theirs));
    }
}

static const bench_entry *find_base(const bench_row *row, const bench_entry *e) {
    for (int i = 0; i < row->n_entries; i++) {
        if (!e->base || strcmp(row->entries[i].name, e->base) == 0) return &row->entries[i];
    }
    return NULL;
}

/* Growth: cost of an operation (of a unit where they are not counted) over the base's; or rate over the base's. */
static void put_growth(const bench_row *row, const bench_entry *e, data_json *o) {
    const bench_entry *base = find_base(row, e);
    if (!base || base->n_runs == 0) return;
    const bool counted = entry_median(row, e, run_gflops) > 0 && entry_median(row, base, run_gflops) > 0;
    const double mine = entry_median(row, e, counted ? run_gflops : run_value);
    const double first = entry_median(row, base, counted ? run_gflops : run_value);
    if (row->spec->relation == BENCH_SPEEDUP)
        data_json_put_number(o, "speed_up", mine / first);
    else
        data_json_put_number(o, "cost", first / mine);
}

static void put_entry(const bench_row *row, const bench_entry *e, data_json *entries) {
    data_json *o = data_json_put_object(entries, NULL);
    data_json_put_string(o, "name", e->name);
    data_json_put_string(o, "side", e->side == BENCH_SENC ? "senc" : "peer");
    data_json_put_string(o, "precision", e->precision);
    if (e->skipped[0]) data_json_put_string(o, "skipped", e->skipped);
    if (e->error[0]) data_json_put_string(o, "error", e->error);
    if (e->n_runs == 0) return;
    const bench_row_spec *spec = row->spec;
    put_runs(e, o);
    data_json_put_number(o, "median", entry_median(row, e, run_value));
    data_json_put_number(o, "spread", entry_spread(row, e));
    const double gflops = entry_median(row, e, run_gflops), limit = limit_median(row, e->precision);
    if (gflops > 0) {
        data_json_put_number(o, "gflops", gflops);
        if (limit > 0) data_json_put_number(o, "share_of_limit", gflops / limit);
    }
    if (spec->measure != BENCH_SIZE)
        data_json_put_integer(o, "peak_memory_bytes", (int64_t)entry_median(row, e, run_peak));
    if (spec->relation != BENCH_RATIO)
        put_growth(row, e, o);
    else if (e->side == BENCH_PEER)
        put_ratios(row, e, o);
}

static void put_limits(const bench_row *row, data_json *o) {
    data_json *list = data_json_put_array(o, "limits");
    for (int i = 0; i < row->n_limits; i++) {
        data_json *item = data_json_put_object(list, NULL);
        data_json_put_number(item, "fp32_gflops", row->limits[i].fp32);
        data_json_put_number(item, "bf16_gflops", row->limits[i].bf16);
        data_json_put_number(item, "int8_gops", row->limits[i].int8);
        data_json_put_number(item, "copy_gbytes", row->limits[i].copy);
    }
}

static void put_date(data_json *o) {
    char date[32];
    data_json_put_string(o, "date", senc_utc_text(date));
}

void bench_report_head(const bench_settings *s, data_json *report) {
    const senc_cpu *cpu = senc_cpu_get();
    struct utsname kernel;
    data_json_put_string(report, "senc", SENC_VERSION);
    put_date(report);
    data_json *machine = data_json_put_object(report, "machine");
    data_json_put_string(machine, "cpu", cpu->name);
    data_json_put_integer(machine, "cpus", senc_threads_cpus());
    data_json_put_integer(machine, "threads", s->threads);
    data_json_put_bool(machine, "avx2", cpu->avx2);
    data_json_put_bool(machine, "avx512", cpu->avx512);
    data_json_put_bool(machine, "avx512_vnni", cpu->avx512_vnni);
    data_json_put_bool(machine, "avx512_bf16", cpu->avx512_bf16);
    data_json_put_bool(machine, "amx_bf16", cpu->amx_bf16);
    data_json_put_integer(machine, "memory_bytes", (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGE_SIZE));
    if (uname(&kernel) == 0) data_json_put_string(machine, "linux", kernel.release);
    if (s->with) data_json_put_copy(report, "peers", s->with);
}

static int count_runs(const bench_row *row) {
    int most = 0;
    for (int i = 0; i < row->n_entries; i++) {
        if (row->entries[i].n_runs > most) most = row->entries[i].n_runs;
    }
    return most;
}

void bench_report_row(const bench_row *row, data_json *rows) {
    static const char *const relations[] = {"ratio", "cost", "speed-up"}, *const measures[] = {"rate", "time", "size"};
    const bench_row_spec *spec = row->spec;
    data_json *o = data_json_put_object(rows, spec->name);
    data_json_put_string(o, "title", spec->title);
    data_json_put_string(o, "unit", spec->unit);
    data_json_put_string(o, "relation", relations[spec->relation]);
    data_json_put_string(o, "measure", measures[spec->measure]);
    put_date(o);
    data_json_put_bool(o, "quick", row->settings->quick);
    data_json_put_integer(o, "runs", count_runs(row));
    if (row->error[0]) data_json_put_string(o, "error", row->error);
    put_limits(row, o);
    data_json *entries = data_json_put_array(o, "entries");
    for (int i = 0; i < row->n_entries; i++) {
        if (row->entries[i].side == BENCH_SENC || row->settings->python) put_entry(row, &row->entries[i], entries);
    }
}
