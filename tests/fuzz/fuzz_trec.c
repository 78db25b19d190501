/* Fuzz target: TREC runs, on the way of `senc eval run:FILE`. Whatever the bytes are, the file is refused with one line
 * of text, or the lists hold documents of the corpus, best first. */
#include "tests/fuzz/fuzz_folder.h"

#include "eval/system.h"

static data_beir *open_data(void) {
    static const char corpus[] = "{\"_id\": \"d1\", \"text\": \"one\"}\n{\"_id\": \"d2\", \"text\": \"two\"}\n"
                                 "{\"_id\": \"d3\", \"text\": \"three\"}\n";
    static const char queries[] = "{\"_id\": \"q1\", \"text\": \"first\"}\n{\"_id\": \"q2\", \"text\": \"second\"}\n";
    static const char qrels[] = "q1 0 d1 1\nq2 0 d2 1\n";
    char path[300];
    data_beir *b;
    senc_error err = {0};
    snprintf(path, sizeof path, "%s/qrels", fuzz_folder());
    mkdir(path, 0777);
    fuzz_file("corpus.jsonl", corpus, sizeof corpus - 1);
    fuzz_file("queries.jsonl", queries, sizeof queries - 1);
    fuzz_file("qrels/test.tsv", qrels, sizeof qrels - 1);
    SENC_ASSERT(data_beir_open(fuzz_folder(), NULL, false, &b, &err), "%s", err.text);
    return b;
}

static void check_lists(const eval_ranker *ranker, const data_beir *b) {
    enum { DEPTH = 2, N_QUERIES = 2 };
    static const int64_t queries[N_QUERIES] = {0, 1};
    eval_hit hits[N_QUERIES * DEPTH];
    int64_t n_hits[N_QUERIES];
    senc_error err = {0};
    const eval_rank_request request = {
        .beir = b, .queries = queries, .n_queries = N_QUERIES, .depth = DEPTH, .corpus_block = 100};
    const bool ok = ranker->rank(ranker->context, &request, hits, n_hits, &err);
    fuzz_check_error(ok, &err);
    for (int q = 0; ok && q < N_QUERIES; q++) {
        SENC_ASSERT(n_hits[q] >= 0 && n_hits[q] <= DEPTH, "%lld hits", (long long)n_hits[q]);
        for (int64_t h = 0; h < n_hits[q]; h++) {
            const eval_hit *hit = &hits[q * DEPTH + h];
            SENC_ASSERT(hit->document >= 0 && hit->document < 3, "document %lld", (long long)hit->document);
            SENC_ASSERT(h == 0 || hit[-1].score >= hit->score, "%g, %g", (double)hit[-1].score, (double)hit->score);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
    static data_beir *b; /* for the whole run: the data are not the target */
    if (!b) b = open_data();
    char spec[320];
    const eval_system_options options = {.overrides = NN_OVERRIDES_NONE};
    snprintf(spec, sizeof spec, "run:%s", fuzz_file("run.txt", data, n_bytes));
    eval_system *system;
    senc_error err = {0};
    const bool ok = eval_system_open(spec, &options, &system, &err);
    fuzz_check_error(ok, &err);
    if (ok) check_lists(eval_system_embedder(system).ranker, b);
    eval_system_free(system);
    return 0;
}
