/* Texts to vectors: long ones (documents) and short ones (sentences). */
#include <stdio.h>
#include <stdlib.h>

#include "bench/inputs.h"
#include "bench/work.h"

static void add_ort(bench_row *row, const bench_encoding *w) {
    static const char *const precisions[] = {"fp32", "int8"};
    char folder[1024] = "";
    senc_error problem = {0};
    if (row->settings->python) bench_export_onnx(row->settings, folder, sizeof folder, &problem);
    for (int i = 0; i < 2; i++) {
        bench_entry *e = bench_encoding_ort(row, precisions[i], w, folder);
        snprintf(e->error, sizeof e->error, "%.*s", (int)sizeof e->error - 1, problem.text);
    }
}

static void add_entries(bench_row *row, const char *texts) {
    const bench_encoding w = {.texts = texts};
    bench_encoding_senc(row, "senc", "fp32", &w);
    bench_encoding_senc(row, "senc", "bf16", &w);
    bench_encoding_senc(row, "senc", "int8", &w);
    bench_encoding_st(row, "ST default", "fp32", &w, false);
    if (!row->settings->has_bf16) bench_encoding_st(row, "ST tuned", "fp32", &w, true);
    bench_encoding_st(row, "ST tuned", "bf16", &w, true);
    add_ort(row, &w);
}

static bool build_long(bench_row *row, senc_error *err) {
    char *texts = bench_input_documents(row->settings, row->settings->quick ? 100 : 1500, err);
    if (texts) add_entries(row, texts);
    free(texts);
    return texts != NULL;
}

static bool build_short(bench_row *row, senc_error *err) {
    char *texts = bench_input_sentences(row->settings, row->settings->quick ? 300 : 2758, err);
    if (texts) add_entries(row, texts);
    free(texts);
    return texts != NULL;
}

const bench_row_spec bench_row_encode_long = {
    .name = "encode_long",
    .title = "encode 1,500 NFCorpus documents",
    .unit = "texts",
    .needs_model = true,
    .build = build_long,
};

const bench_row_spec bench_row_encode_short = {
    .name = "encode_short",
    .title = "encode 2,758 STS-B sentences",
    .unit = "texts",
    .needs_model = true,
    .build = build_short,
};
