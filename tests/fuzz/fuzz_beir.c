/* Fuzz target: BEIR folders. The first byte chooses which file the rest is: the judgements, the corpus or the queries;
 * the others are fixed. Whatever the bytes are, the folder is refused with one line of text, or every judgement points
 * at a document whose text can be read. */
#include "tests/fuzz/fuzz_folder.h"

#include "data/beir.h"
#include "data/beir_findings.h"

static const char corpus[] = "{\"_id\": \"d1\", \"title\": \"A\", \"text\": \"one\"}\n"
                             "{\"_id\": \"d2\", \"text\": \"two\"}\n{\"_id\": 3, \"title\": null, \"text\": \"\"}\n";
static const char queries[] = "{\"_id\": \"q1\", \"text\": \"first\"}\n{\"_id\": \"q2\", \"text\": \"second\"}\n";
static const char qrels[] = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\t3\t2\n";

static void check_list(const data_beir *b, int64_t q, data_beir_scratch *scratch) {
    const data_beir_relevance *r = data_beir_get_relevance(b);
    const char *text;
    size_t n_bytes;
    senc_error err = {0};
    SENC_ASSERT(r->offsets[q] <= r->offsets[q + 1] && r->offsets[q + 1] <= r->n_pairs, "query %lld", (long long)q);
    SENC_ASSERT(data_beir_query_text(b, q, scratch, &text, &n_bytes, &err) && data_beir_query_id(b, q)[0], "%s",
                err.text);
    SENC_ASSERT(data_beir_find_query(b, data_beir_query_id(b, q)) == q, "query %lld", (long long)q);
    for (int64_t p = r->offsets[q]; p < r->offsets[q + 1]; p++) {
        const int64_t d = r->documents[p];
        SENC_ASSERT(r->grades[p] > 0 && r->grades[p] < (float)1e39, "grade %g", (double)r->grades[p]);
        SENC_ASSERT(data_beir_document_text(b, d, scratch, &text, &n_bytes, &err), "%s", err.text);
        SENC_ASSERT(data_beir_find_document(b, data_beir_document_id(b, d)) == d, "document %lld", (long long)d);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
    if (n_bytes == 0) return 0;
    const int kind = data[0] % 6; /* 3 to 5: ill-formed UTF-8 is replaced */
    const void *rest = data + 1;
    static bool made;
    if (!made) {
        char path[300];
        snprintf(path, sizeof path, "%s/qrels", fuzz_folder());
        mkdir(path, 0777);
        made = true;
    }
    fuzz_file("qrels/test.tsv", kind % 3 == 0 ? rest : qrels, kind % 3 == 0 ? n_bytes - 1 : sizeof qrels - 1);
    fuzz_file("corpus.jsonl", kind % 3 == 1 ? rest : corpus, kind % 3 == 1 ? n_bytes - 1 : sizeof corpus - 1);
    fuzz_file("queries.jsonl", kind % 3 == 2 ? rest : queries, kind % 3 == 2 ? n_bytes - 1 : sizeof queries - 1);
    data_beir *b;
    senc_error err = {0};
    const bool ok = data_beir_open(fuzz_folder(), NULL, kind >= 3, &b, &err);
    fuzz_check_error(ok, &err);
    data_beir_scratch scratch = {0};
    for (int64_t q = 0; ok && q < data_beir_n_queries(b); q++) check_list(b, q, &scratch);
    data_beir_scratch_free(&scratch);
    if (ok) data_beir_close(b);
    data_beir_findings findings; /* the same mistakes, all of them: what can be opened has none that is refused */
    err = (senc_error){0};
    const bool found = data_beir_find(fuzz_folder(), kind >= 3, &findings, &err);
    fuzz_check_error(found, &err);
    SENC_ASSERT(!ok || (found && findings.n_refused == 0), "%s", err.text);
    if (found) data_beir_findings_free(&findings);
    return 0;
}
