/* WordPiece on one thread: text in memory to token ids. */
#include <stdlib.h>

#include "bench/inputs.h"
#include "bench/work.h"

static bool build(bench_row *row, senc_error *err) {
    const bench_settings *s = row->settings;
    char *texts = bench_input_documents(s, s->quick ? 300 : 3000, err);
    if (!texts) return false;
    bench_entry *ours = bench_entry_add(row, BENCH_SENC, "senc", "");
    bench_entry_program(row, ours, "bench/bench_tokenise");
    bench_entry *theirs = bench_entry_add(row, BENCH_PEER, "tokenizers", "");
    bench_entry_script(row, theirs, "tokenise.py");
    bench_entry_environment(row, theirs, "TOKENIZERS_PARALLELISM=false");
    bench_entry *const both[] = {ours, theirs};
    for (int i = 0; i < 2; i++) {
        bench_entry_argument(row, both[i], "%s", s->model);
        bench_entry_argument(row, both[i], "%s", texts);
        bench_entry_argument(row, both[i], "%d", s->quick ? 1 : 3); /* passes */
        both[i]->read = bench_read_json;
    }
    free(texts);
    return true;
}

const bench_row_spec bench_row_tokenise = {
    .name = "tokenise",
    .title = "tokenise NFCorpus documents (WordPiece), one thread",
    .unit = "MB",
    .needs_model = true,
    .build = build,
};
