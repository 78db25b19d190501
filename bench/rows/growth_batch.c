/* Larger and larger batches under one memory limit: the cost of a pair, and the memory. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/inputs.h"
#include "bench/work.h"

static bool build(bench_row *row, senc_error *err) {
    const bench_settings *s = row->settings;
    const int64_t largest = s->quick ? 256 : 16384, fewest = s->quick ? 64 : 1024;
    bool ok = true;
    for (int64_t batch = s->quick ? 16 : 64; ok && batch <= largest; batch *= 4) {
        char *pairs = bench_input_captions(s, batch > fewest ? batch : fewest, err), name[32];
        snprintf(name, sizeof name, "batch %lld,", (long long)batch);
        const bench_training t = {
            .pairs = pairs, .batch = batch, .max_length = 64, .memory_limit = s->quick ? "64MiB" : "1GiB"};
        ok = pairs && bench_training_senc(row, name, s->precision, &t, err) != NULL;
        free(pairs);
    }
    return ok;
}

const bench_row_spec bench_row_batch = {
    .name = "batch",
    .title = "train captions in larger and larger batches, memory_limit 1 GiB",
    .unit = "pairs",
    .needs_model = true,
    .relation = BENCH_COST,
    .max_runs = 1,
    .build = build,
};
