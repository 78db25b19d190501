/* From nothing to the vector of one sentence: start the program, load the model, encode, end. */
#include <stdlib.h>

#include "bench/inputs.h"
#include "bench/work.h"

static bool build(bench_row *row, senc_error *err) {
    char *sentence = bench_input_sentence(row->settings, err);
    if (!sentence) return false;
    const bench_encoding w = {.texts = sentence};
    bench_encoding_senc(row, "senc", "fp32", &w)->read = bench_read_wall;
    bench_encoding_senc(row, "senc", "bf16", &w)->read = bench_read_wall;
    bench_entry *st = bench_entry_add(row, BENCH_PEER, "ST default", "fp32");
    bench_entry_script(row, st, "st_startup.py");
    bench_entry_argument(row, st, "%s", row->settings->model);
    st->read = bench_read_wall;
    free(sentence);
    return true;
}

const bench_row_spec bench_row_startup = {
    .name = "startup",
    .title = "start, load the model, encode one sentence, end",
    .unit = "ms",
    .needs_model = true,
    .measure = BENCH_TIME,
    .warm_up = true,
    .build = build,
};
