/* Longer and longer texts, all cut at the same length: the cost of a useful operation. Each point has about as many
 * tokens. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/inputs.h"
#include "bench/work.h"

static bool build_encoding(bench_row *row, senc_error *err) {
    const bench_settings *s = row->settings;
    const int64_t tokens = s->quick ? 4096 : 131072;
    for (int64_t length = 16; length <= 512; length *= 2) {
        char *texts = bench_input_long_texts(s, tokens / length, length, err), name[32];
        if (!texts) return false;
        snprintf(name, sizeof name, "%lld tokens,", (long long)length);
        const bench_encoding w = {.texts = texts, .max_length = length};
        bench_encoding_senc(row, name, s->precision, &w);
        free(texts);
    }
    return true;
}

static bool build_training(bench_row *row, senc_error *err) {
    const bench_settings *s = row->settings;
    const int64_t tokens = s->quick ? 2048 : 8192; /* of a batch, two texts a row */
    bool ok = true;
    for (int64_t length = 16; ok && length <= 512; length *= 2) {
        const int64_t batch = tokens / length / 2;
        char *pairs = bench_input_long_pairs(s, 3 * batch, length, err), name[32];
        snprintf(name, sizeof name, "%lld tokens,", (long long)length);
        const bench_training t = {.pairs = pairs, .batch = batch, .max_length = length};
        ok = pairs && bench_training_senc(row, name, s->precision, &t, err) != NULL;
        free(pairs);
    }
    return ok;
}

const bench_row_spec bench_row_length = {
    .name = "length",
    .title = "encode longer and longer texts; cost of a useful operation",
    .unit = "texts",
    .needs_model = true,
    .relation = BENCH_COST,
    .build = build_encoding,
};

const bench_row_spec bench_row_train_length = {
    .name = "train_length",
    .title = "train longer and longer texts, equal tokens a batch; cost of a useful operation",
    .unit = "pairs",
    .needs_model = true,
    .relation = BENCH_COST,
    .build = build_training,
};
