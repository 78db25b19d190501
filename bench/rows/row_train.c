/* Training with in-batch negatives: long texts (medical questions and answers) and short ones (captions). */
#include <stdlib.h>

#include "bench/inputs.h"
#include "bench/work.h"

/* senc in both precisions, sentence-transformers as installed, and its fastest configuration: bf16 with tcmalloc and
 * eager attention; where the CPU has no bf16 products, fp32 with those two. */
static bool add_entries(bench_row *row, const bench_training *t, senc_error *err) {
    if (!bench_training_senc(row, "senc", "fp32", t, err) || !bench_training_senc(row, "senc", "bf16", t, err))
        return false;
    bench_training_peer(row, "ST default", "fp32", t, false);
    if (!row->settings->has_bf16) bench_training_peer(row, "ST tuned", "fp32", t, true);
    bench_training_peer(row, "ST tuned", "bf16", t, true);
    return true;
}

static bool build_long(bench_row *row, senc_error *err) {
    const bool quick = row->settings->quick;
    char *pairs = bench_input_medquad(row->settings, quick ? 48 : 384, err);
    const bench_training t = {.pairs = pairs, .batch = quick ? 16 : 64, .max_length = 256};
    const bool ok = pairs && add_entries(row, &t, err);
    free(pairs);
    return ok;
}

static bool build_short(bench_row *row, senc_error *err) {
    const bool quick = row->settings->quick;
    char *pairs = bench_input_captions(row->settings, quick ? 96 : 1280, err);
    const bench_training t = {.pairs = pairs, .batch = quick ? 32 : 128, .max_length = 64};
    const bool ok = pairs && add_entries(row, &t, err);
    free(pairs);
    return ok;
}

const bench_row_spec bench_row_train_long = {
    .name = "train_long",
    .title = "train medquad pairs, batch 64, at most 256 tokens",
    .unit = "pairs",
    .needs_model = true,
    .build = build_long,
};

const bench_row_spec bench_row_train_short = {
    .name = "train_short",
    .title = "train multi30k captions, batch 128, at most 64 tokens",
    .unit = "pairs",
    .needs_model = true,
    .build = build_short,
};
