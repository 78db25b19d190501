/* The report for people, from the JSON of report.c: 80 columns. See bench.h.
 *
 *   train medquad pairs, batch 64, at most 256 tokens
 *     3 runs; limit 206 GF/s fp32
 *                              pairs/s     GF/s   limit     memory  x fp32 x bf16
 *     senc fp32                   9.02    130.1    73 %   2.11 GiB
 *     ST default fp32             3.17     45.8    25 %   8.89 GiB    2.84      - */
#include <stdio.h>
#include <string.h>

#include "autograd/base/options.h"
#include "autograd/base/terminal.h"
#include "bench/bench.h"

#define WIDTH      80
#define NAME_WIDTH 24

static const char *const precisions[] = {"fp32", "bf16", "int8"};
enum { N_PRECISIONS = sizeof precisions / sizeof *precisions };

static const char *text_of(const data_json *o, const char *key) {
    const char *text = data_json_text(data_json_find(o, key), NULL);
    return text ? text : "";
}

static double number_of(const data_json *o, const char *key) {
    return data_json_number(data_json_find(o, key));
}

static bool is(const data_json *o, const char *key, const char *value) {
    return strcmp(text_of(o, key), value) == 0;
}

/* A figure with about four digits. */
static void append_figure(senc_buffer *out, int width, double value) {
    senc_buffer_printf(out, " %*.*f", width - 1, value >= 1000 ? 0 : value >= 100 ? 1 : 2, value);
}

/* The ratios that a row of comparisons has: which columns stand behind the memory. */
typedef struct ratio_columns {
    bool any, of[N_PRECISIONS];
} ratio_columns;

static ratio_columns find_columns(const data_json *row) {
    ratio_columns c = {0};
    const data_json *e = data_json_first(data_json_find(row, "entries"));
    for (; e; e = data_json_next(e)) {
        const data_json *ratios = data_json_find(e, "senc_is_times");
        c.any = c.any || data_json_count(ratios) > 0;
        for (int i = 0; i < N_PRECISIONS; i++) c.of[i] = c.of[i] || data_json_find(ratios, precisions[i]);
    }
    return c;
}

static void append_ratio(senc_buffer *out, const data_json *ratios, const char *key) {
    const double value = data_json_number(data_json_find(ratios, key));
    if (value > 0)
        append_figure(out, strcmp(key, "senc") == 0 ? 8 : 7, value);
    else
        senc_buffer_printf(out, "%7s", "-");
}

static void append_relation(senc_buffer *out, const data_json *row, const data_json *e) {
    const ratio_columns c = find_columns(row);
    const data_json *ratios = data_json_find(e, "senc_is_times");
    const double growth = number_of(e, is(row, "relation", "cost") ? "cost" : "speed_up");
    if (growth > 0) senc_buffer_printf(out, " %8.2f", growth);
    if (!ratios) return;
    if (data_json_find(ratios, "senc")) append_ratio(out, ratios, "senc");
    for (int i = 0; i < N_PRECISIONS; i++) {
        if (c.of[i]) append_ratio(out, ratios, precisions[i]);
    }
}

static void append_head(senc_buffer *out, const data_json *row) {
    const ratio_columns c = find_columns(row);
    const bool size = is(row, "measure", "size");
    char unit[32];
    snprintf(unit, sizeof unit, "%s%s", text_of(row, "unit"), is(row, "measure", "rate") ? "/s" : "");
    senc_buffer_printf(out, "%*s %9s", NAME_WIDTH, "", unit);
    if (!size) senc_buffer_printf(out, " %8s %6s %8s", "GF/s", "limit", "memory");
    if (is(row, "relation", "cost")) senc_buffer_printf(out, " %8s", "cost");
    if (is(row, "relation", "speed-up")) senc_buffer_printf(out, " %8s", "speed-up");
    if (c.any && !c.of[0] && !c.of[1] && !c.of[2]) senc_buffer_printf(out, "%8s", size ? "smaller" : "x senc");
    for (int i = 0; i < N_PRECISIONS; i++) {
        if (c.of[i]) senc_buffer_printf(out, " x %s", precisions[i]);
    }
    senc_buffer_append_text(out, "\n");
}

/* "  name   " up to where the figures begin; the name's column. */
static void append_name(senc_buffer *out, const char *name) {
    senc_buffer_printf(out, "  %-*s", NAME_WIDTH - 2, name);
}

static void append_note(senc_buffer *out, const char *kind, const char *text) {
    senc_buffer note = {0};
    senc_buffer_printf(&note, "%s%s", kind, text);
    senc_text_wrap(out, senc_buffer_text(&note), NAME_WIDTH, NAME_WIDTH + 1, WIDTH);
    out->failed = out->failed || note.failed;
    senc_buffer_free(&note);
}

static void append_entry(senc_buffer *out, const data_json *row, const data_json *e) {
    append_name(out, text_of(e, "name"));
    if (data_json_find(e, "error")) {
        append_note(out, " failed: ", text_of(e, "error"));
        return;
    }
    if (data_json_find(e, "skipped")) {
        append_note(out, " not run: ", text_of(e, "skipped"));
        return;
    }
    append_figure(out, 10, number_of(e, "median"));
    if (!is(row, "measure", "size")) {
        const double gflops = number_of(e, "gflops"), share = number_of(e, "share_of_limit");
        char memory[32];
        if (gflops > 0)
            senc_buffer_printf(out, " %8.1f", gflops);
        else
            senc_buffer_printf(out, " %8s", "");
        if (share > 0)
            senc_buffer_printf(out, " %4.0f %%", 100 * share);
        else
            senc_buffer_printf(out, " %6s", "");
        senc_buffer_printf(out, " %8s",
                           senc_bytes_text((int64_t)number_of(e, "peak_memory_bytes"), memory, sizeof memory));
    }
    append_relation(out, row, e);
    senc_buffer_append_text(out, "\n");
}

static double median_limit(const data_json *row, const char *key) {
    double values[BENCH_MAX_RUNS];
    int n = 0;
    const data_json *l = data_json_first(data_json_find(row, "limits"));
    for (; l && n < BENCH_MAX_RUNS; l = data_json_next(l)) values[n++] = number_of(l, key);
    return bench_median(values, n);
}

/* "  3 runs; limit 206 GF/s fp32, 412 GF/s bf16" */
static void append_conditions(senc_buffer *out, const data_json *row) {
    static const char *const keys[] = {"fp32_gflops", "bf16_gflops", "int8_gops"};
    const int64_t runs = data_json_integer(data_json_find(row, "runs"));
    senc_buffer_printf(out, "  %lld run%s", (long long)runs, runs == 1 ? "" : "s");
    const char *separator = "; limit";
    for (int i = 0; i < N_PRECISIONS; i++) {
        const double limit = median_limit(row, keys[i]);
        if (limit > 0) {
            senc_buffer_printf(out, "%s %.0f GF/s %s", separator, limit, precisions[i]);
            separator = ",";
        }
    }
    senc_buffer_append_text(out, "\n");
}

void bench_table_print_row(const data_json *row, senc_buffer *out) {
    senc_text_wrap(out, text_of(row, "title"), 0, 0, WIDTH);
    if (data_json_bool(data_json_find(row, "quick")))
        senc_buffer_append_text(out, "  QUICK: small sizes, only to see that everything works\n");
    if (data_json_find(row, "error")) {
        senc_buffer_append_text(out, "  failed: ");
        senc_text_wrap(out, text_of(row, "error"), 10, 10, WIDTH);
        return;
    }
    append_conditions(out, row);
    append_head(out, row);
    const data_json *e = data_json_first(data_json_find(row, "entries"));
    for (; e; e = data_json_next(e)) append_entry(out, row, e);
}

static void append_versions(senc_buffer *out, const data_json *report) {
    const data_json *peers = data_json_find(report, "peers");
    if (!peers) return;
    senc_buffer text = {0};
    senc_buffer_printf(
        &text,
        "ST: sentence-transformers %s on torch %s; tuned: with tcmalloc and eager attention. ORT: ONNX Runtime %s. ",
        text_of(peers, "sentence-transformers"), text_of(peers, "torch"), text_of(peers, "onnxruntime"));
    senc_buffer_printf(&text, "tokenizers %s, faiss %s.", text_of(peers, "tokenizers"), text_of(peers, "faiss-cpu"));
    senc_text_wrap(out, senc_buffer_text(&text), 0, 0, WIDTH);
    out->failed = out->failed || text.failed;
    senc_buffer_free(&text);
}

void bench_table_print_head(const data_json *report, senc_buffer *out) {
    const data_json *machine = data_json_find(report, "machine");
    senc_buffer text = {0};
    senc_buffer_printf(&text, "%s, %lld threads, senc %s, medians of alternating runs", text_of(machine, "cpu"),
                       (long long)data_json_integer(data_json_find(machine, "threads")), text_of(report, "senc"));
    senc_text_wrap(out, senc_buffer_text(&text), 0, 0, WIDTH);
    senc_buffer_clear(&text);
    senc_buffer_append_text(
        &text, "GF/s: useful ones, real tokens only. limit: share of what a probe reaches on all threads in "
               "the same minutes. x fp32: how many times as fast senc's fp32 is.");
    senc_text_wrap(out, senc_buffer_text(&text), 0, 0, WIDTH);
    out->failed = out->failed || text.failed;
    senc_buffer_free(&text);
    append_versions(out, report);
}

/* ---- memory of all rows ---- */

static const data_json *find_entry(const data_json *row, const char *name) {
    const data_json *e = data_json_first(data_json_find(row, "entries"));
    while (e && !is(e, "name", name)) e = data_json_next(e);
    return data_json_find(e, "peak_memory_bytes") ? e : NULL;
}

static void append_bytes(senc_buffer *out, const data_json *e) {
    char text[32] = "-";
    if (e) senc_bytes_text((int64_t)number_of(e, "peak_memory_bytes"), text, sizeof text);
    senc_buffer_printf(out, " %10s", text);
}

static void append_times(senc_buffer *out, const data_json *ours, const data_json *theirs) {
    if (ours)
        senc_buffer_printf(out, " %6.1f",
                           number_of(theirs, "peak_memory_bytes") / number_of(ours, "peak_memory_bytes"));
    else
        senc_buffer_printf(out, " %6s", "-");
}

void bench_table_print_memory(const data_json *report, senc_buffer *out) {
    bool begun = false;
    const data_json *row = data_json_first(data_json_find(report, "rows"));
    for (; row; row = data_json_next(row)) {
        const data_json *fp32 = find_entry(row, "senc fp32"), *bf16 = find_entry(row, "senc bf16");
        const data_json *st = find_entry(row, "ST default fp32");
        if (!st || (!fp32 && !bf16)) continue;
        if (!begun)
            senc_buffer_printf(out, "\npeak memory; ST default needs x times as much\n%*s %10s %10s %10s %6s %6s\n",
                               NAME_WIDTH, "", "senc fp32", "senc bf16", "ST default", "x fp32", "x bf16");
        begun = true;
        append_name(out, data_json_key(row, NULL));
        append_bytes(out, fp32);
        append_bytes(out, bf16);
        append_bytes(out, st);
        append_times(out, fp32, st);
        append_times(out, bf16, st);
        senc_buffer_append_text(out, "\n");
    }
}

void bench_table_print(const data_json *report, senc_buffer *out) {
    bench_table_print_head(report, out);
    const data_json *row = data_json_first(data_json_find(report, "rows"));
    for (; row; row = data_json_next(row)) {
        senc_buffer_append_text(out, "\n");
        bench_table_print_row(row, out);
    }
    bench_table_print_memory(report, out);
}
