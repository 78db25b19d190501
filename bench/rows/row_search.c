/* Exact search by inner product: the 100 nearest of random unit vectors. */
#include "bench/bench.h"

static void add_sizes(bench_row *row, bench_entry *e) {
    const bool quick = row->settings->quick;
    bench_entry_argument(row, e, "--queries=%d", quick ? 100 : 1000);
    bench_entry_argument(row, e, "--documents=%d", quick ? 20000 : 200000);
    bench_entry_argument(row, e, "--width=384");
    bench_entry_argument(row, e, "--nearest=100");
    bench_entry_argument(row, e, "--threads=%d", row->settings->threads);
}

static bool build(bench_row *row, senc_error *err) {
    (void)err;
    bench_entry *ours = bench_entry_add(row, BENCH_SENC, "senc", "");
    bench_entry_program(row, ours, "bench/bench_search");
    add_sizes(row, ours);
    ours->read = bench_read_json;
    static const struct {
        const char *name, *tool;
    } peers[] = {{"faiss IndexFlatIP", "faiss"}, {"ST semantic_search", "st"}};
    for (int i = 0; i < 2; i++) {
        bench_entry *e = bench_entry_add(row, BENCH_PEER, peers[i].name, "");
        bench_entry_script(row, e, "search.py");
        bench_entry_argument(row, e, "%s", peers[i].tool);
        add_sizes(row, e);
        e->read = bench_read_json;
    }
    return true;
}

const bench_row_spec bench_row_search = {
    .name = "search",
    .title = "exact top 100 of 200,000 vectors of width 384, 1,000 queries at once",
    .unit = "queries",
    .build = build,
};
