/* Encoding as rows measure it: see work.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "bench/work.h"

/* The number behind a name at the beginning of a line of `senc encode --stats`. */
static bool find_stat(const char *text, const char *name, double *out, senc_error *err) {
    const size_t n_bytes = strlen(name);
    while (*text) {
        if (strncmp(text, name, n_bytes) == 0 && text[n_bytes] == ' ') {
            *out = strtod(text + n_bytes, NULL);
            return true;
        }
        text += strcspn(text, "\n");
        text += *text != '\0';
    }
    return senc_fail(err, SENC_FAILED, "senc encode --stats printed no \"%s\"", name);
}

static bool read_stats(const bench_entry *e, const bench_child *child, bench_run *out, senc_error *err) {
    (void)e;
    double rate = 0;
    if (!find_stat(child->output, "texts", &out->units, err) ||
        !find_stat(child->output, "seconds", &out->seconds, err) || !find_stat(child->output, "GF/s", &rate, err))
        return false;
    out->gflop = rate * out->seconds;
    return true;
}

bench_entry *bench_encoding_senc(bench_row *row, const char *who, const char *precision, const bench_encoding *w) {
    bench_entry *e = bench_entry_add(row, BENCH_SENC, who, precision);
    bench_entry_program(row, e, "bin/senc");
    bench_entry_argument(row, e, "encode");
    bench_entry_argument(row, e, "%s", row->settings->model);
    bench_entry_argument(row, e, "--quiet");
    bench_entry_argument(row, e, "--stats");
    bench_entry_argument(row, e, "--input");
    bench_entry_argument(row, e, "%s", w->texts);
    bench_entry_argument(row, e, "--output");
    bench_entry_argument(row, e, "%s/vectors.npy", e->folder);
    bench_entry_argument(row, e, "--threads");
    bench_entry_argument(row, e, "%d", w->threads ? w->threads : row->settings->threads);
    bench_entry_argument(row, e, "--precision");
    bench_entry_argument(row, e, "%s", precision);
    if (w->max_length) {
        bench_entry_argument(row, e, "--max-length");
        bench_entry_argument(row, e, "%lld", (long long)w->max_length);
    }
    e->read = read_stats;
    return e;
}

bench_entry *bench_encoding_st(bench_row *row, const char *who, const char *precision, const bench_encoding *w,
                               bool tuned) {
    bench_entry *e = bench_entry_add(row, BENCH_PEER, who, precision);
    bench_entry_script(row, e, "st_encode.py");
    bench_entry_argument(row, e, "%s", row->settings->model);
    bench_entry_argument(row, e, "%s", w->texts);
    bench_entry_argument(row, e, "--threads=%d", row->settings->threads);
    bench_entry_argument(row, e, "--precision=%s", precision);
    if (strcmp(precision, "bf16") == 0) bench_entry_needs_bf16(row, e);
    if (tuned) bench_entry_tcmalloc(row, e);
    e->read = bench_read_json;
    return e;
}

bool bench_export_onnx(const bench_settings *s, char *folder, size_t folder_bytes, senc_error *err) {
    char *bin = senc_path_folder(s->python);
    snprintf(folder, folder_bytes, "%s/../onnx/%s", bin ? bin : ".", senc_path_name(s->model));
    free(bin);
    char last[1100], script[1024];
    snprintf(last, sizeof last, "%s/int8-fused.onnx", folder);
    if (senc_path_exists(last)) return true;
    senc_info("exporting the model for ONNX Runtime to %s", folder);
    snprintf(script, sizeof script, "%s/ort_export.py", s->scripts);
    const char *const arguments[] = {s->python, script, s->model, folder, NULL};
    bench_child child;
    if (!bench_child_run(arguments, NULL, s->work, s->limit_seconds, &child, err)) return false;
    char complaint[256];
    const bool ok = child.exit_code == 0 || senc_fail(err, SENC_FAILED, "ort_export.py: %s",
                                                      bench_child_complaint(&child, complaint, sizeof complaint));
    bench_child_free(&child);
    return ok;
}

bench_entry *bench_encoding_ort(bench_row *row, const char *precision, const bench_encoding *w, const char *folder) {
    bench_entry *e = bench_entry_add(row, BENCH_PEER, "ORT", precision);
    bench_entry_script(row, e, "ort_encode.py");
    bench_entry_argument(row, e, "%s", row->settings->model);
    bench_entry_argument(row, e, "%s", folder);
    bench_entry_argument(row, e, "%s", precision);
    bench_entry_argument(row, e, "%s", w->texts);
    bench_entry_argument(row, e, "--threads=%d", row->settings->threads);
    e->read = bench_read_json;
    return e;
}
