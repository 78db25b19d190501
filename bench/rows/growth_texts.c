/* More and more texts: time should grow in proportion, memory not at all. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/inputs.h"
#include "bench/work.h"

static bool build(bench_row *row, senc_error *err) {
    const bench_settings *s = row->settings;
    const int64_t largest = s->quick ? 4000 : s->full ? 1000000 : 100000;
    for (int64_t n = s->quick ? 40 : 1000; n <= largest; n *= 10) {
        char *texts = bench_input_caption_texts(s, n, err), name[32];
        if (!texts) return false;
        snprintf(name, sizeof name, "%lld texts,", (long long)n);
        const bench_encoding w = {.texts = texts};
        bench_encoding_senc(row, name, s->precision, &w);
        free(texts);
    }
    return true;
}

const bench_row_spec bench_row_texts = {
    .name = "texts",
    .title = "encode more and more captions",
    .unit = "texts",
    .needs_model = true,
    .relation = BENCH_COST,
    .max_runs = 1,
    .build = build,
};
