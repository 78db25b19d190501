/* More and more threads on the same work. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/inputs.h"
#include "bench/work.h"

/* 1, 2, 4, ... and the number asked for. */
static int next_threads(int threads, int most) {
    return threads == most ? most + 1 : 2 * threads < most ? 2 * threads : most;
}

static const char *name_of(int threads, char *out, size_t out_bytes) {
    snprintf(out, out_bytes, "%d thread%s", threads, threads == 1 ? "," : "s,");
    return out;
}

static bool build_encoding(bench_row *row, senc_error *err) {
    const bench_settings *s = row->settings;
    char *texts = bench_input_documents(s, s->quick ? 100 : 1500, err), name[32];
    if (!texts) return false;
    for (int n = 1; n <= s->threads; n = next_threads(n, s->threads)) {
        const bench_encoding w = {.texts = texts, .threads = n};
        bench_encoding_senc(row, name_of(n, name, sizeof name), s->precision, &w);
    }
    free(texts);
    return true;
}

static bool build_training(bench_row *row, senc_error *err) {
    const bench_settings *s = row->settings;
    char *pairs = bench_input_medquad(s, s->quick ? 48 : 256, err), name[32];
    bool ok = pairs != NULL;
    for (int n = 1; ok && n <= s->threads; n = next_threads(n, s->threads)) {
        const bench_training t = {.pairs = pairs, .batch = s->quick ? 16 : 64, .max_length = 256, .threads = n};
        ok = bench_training_senc(row, name_of(n, name, sizeof name), s->precision, &t, err) != NULL;
    }
    free(pairs);
    return ok;
}

const bench_row_spec bench_row_encode_threads = {
    .name = "encode_threads",
    .title = "encode NFCorpus documents with more threads",
    .unit = "texts",
    .needs_model = true,
    .relation = BENCH_SPEEDUP,
    .build = build_encoding,
};

const bench_row_spec bench_row_train_threads = {
    .name = "train_threads",
    .title = "train medquad pairs, batch 64, with more threads",
    .unit = "pairs",
    .needs_model = true,
    .relation = BENCH_SPEEDUP,
    .build = build_training,
};
