/* See small_beir.h. */
#include "small_beir.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/threads.h"
#include "eval/corpus_search.h"

char small_folder[64];
bool small_merges;
const eval_system_options small_options = {.overrides = {.normalize = -1, .dropout = -1.0}};

const char *small_text(const char *fmt) {
    static char texts[8][1024];
    static int next;
    char *out = texts[next++ % 8];
    size_t n = 0;
    for (const char *p = fmt; *p; p++) {
        if (p[0] == '%' && p[1] == 's') {
            n += (size_t)snprintf(out + n, sizeof texts[0] - n, "%s", small_folder);
            p++;
        } else {
            out[n++] = *p;
        }
    }
    out[n] = '\0';
    return out;
}

void small_write(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", small_folder, name);
    senc_error err = {0};
    ck_assert_msg(senc_file_write(path, text, strlen(text), &err), "%s", err.text);
}

void small_setup(void) {
    snprintf(small_folder, sizeof small_folder, "/tmp/senc-systems-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(small_folder));
    senc_log_set_level(SENC_LOG_QUIET);
    senc_error err = {0};
    ck_assert(senc_threads_init(2, &err));
    ck_assert(senc_path_create_folders(small_text("%s/qrels"), &err));
    small_write("corpus.jsonl", "{\"_id\": \"d1\", \"text\": \"the cat sat\"}\n"
                                "{\"_id\": \"d2\", \"text\": \"the dog sat on the cat\"}\n"
                                "{\"_id\": \"d3\", \"text\": \"birds fly\"}\n"
                                "{\"_id\": \"d4\", \"title\": \"a cat\", \"text\": \"a dog a bird\"}\n");
    small_write("queries.jsonl", "{\"_id\": \"q1\", \"text\": \"cat\"}\n"
                                 "{\"_id\": \"q2\", \"text\": \"dog bird\"}\n"
                                 "{\"_id\": \"q3\", \"text\": \"the\"}\n");
    small_write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td2\t2\nq1\td4\t1\nq2\td4\t1\n");
}

void small_teardown(void) {
    senc_threads_free();
    senc_error err = {0};
    ck_assert(senc_path_remove(small_folder, &err));
}

static bool rank_system(eval_system *s, const data_beir *beir, int64_t depth, char *text, size_t size,
                        senc_error *err) {
    enum { MOST = 16 };
    const int64_t n = data_beir_n_queries(beir);
    int64_t queries[MOST], n_hits[MOST];
    eval_hit hits[MOST * MOST];
    ck_assert(n <= MOST && depth <= MOST);
    for (int64_t q = 0; q < n; q++) queries[q] = q;
    const eval_rank_request request = {
        .beir = beir, .queries = queries, .n_queries = n, .depth = depth, .corpus_block = 3};
    const eval_embedder embedder = eval_system_embedder(s);
    if (!eval_corpus_rank(&request, &embedder, hits, n_hits, err)) return false;
    size_t used = 0;
    text[0] = '\0';
    for (int64_t q = 0; q < n; q++) {
        used += (size_t)snprintf(text + used, size - used, "%s:", data_beir_query_id(beir, q));
        for (int64_t h = 0; h < n_hits[q]; h++)
            used += (size_t)snprintf(text + used, size - used, "%s %s %.4f", h > 0 ? "," : "",
                                     data_beir_document_id(beir, hits[q * depth + h].document),
                                     (double)hits[q * depth + h].score);
        used += (size_t)snprintf(text + used, size - used, "\n");
    }
    return true;
}

static bool open_folder(data_beir **beir, senc_error *err) {
    data_beir_copies copies = {0};
    const bool ok =
        data_beir_open(small_folder, "test", false, beir, err) &&
        (!small_merges || (data_beir_find_copies(*beir, &copies, err) && data_beir_merge_copies(*beir, &copies, err)));
    data_beir_copies_free(&copies);
    return ok;
}

const char *small_rank(const char *spec, int64_t depth, char *text, size_t n) {
    senc_error err = {0};
    eval_system *s = NULL;
    data_beir *beir = NULL;
    if (!eval_system_open(spec, &small_options, &s, &err) || !open_folder(&beir, &err) ||
        !rank_system(s, beir, depth, text, n, &err))
        snprintf(text, n, "%s", err.text);
    eval_system_free(s);
    data_beir_close(beir);
    return text;
}

const char *small_open_error(const char *spec, char *text, size_t n) {
    senc_error err = {0};
    eval_system *s = NULL;
    ck_assert(eval_system_open(spec, &small_options, &s, &err) == (err.kind == SENC_OK));
    snprintf(text, n, "%s", err.text);
    eval_system_free(s);
    return text;
}
