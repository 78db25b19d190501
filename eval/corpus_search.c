/* Queries and documents to vectors to lists: see corpus_search.h. */
#include "eval/corpus_search.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "eval/evaluators/evaluator_parts.h"

/* Query texts of this many queries are in memory at once. */
#define QUERY_BLOCK 4096

typedef struct corpus_run {
    const eval_rank_request *request;
    const eval_embedder *embedder;
    eval_text_block texts;
    data_beir_scratch scratch;
    float *query_vectors; /* (n_queries, width) */
    float *block_vectors; /* (block, width) */
    int64_t block;
} corpus_run;

static bool add_document(corpus_run *run, int64_t i, senc_error *err) {
    const char *text;
    size_t n_bytes;
    return data_beir_document_text(run->request->beir, i, &run->scratch, &text, &n_bytes, err) &&
           eval_text_block_add(&run->texts, text, n_bytes, err);
}

static bool prepare(corpus_run *run, senc_error *err) {
    const eval_embedder *e = run->embedder;
    if (!e->prepare) return true;
    const int64_t n_documents = data_beir_n_documents(run->request->beir);
    const int64_t n = n_documents < EVAL_PREPARE_DOCUMENTS ? n_documents : EVAL_PREPARE_DOCUMENTS;
    for (int64_t i = 0; i < n; i++)
        if (!add_document(run, i * n_documents / n, err)) return false;
    eval_text_block_place(&run->texts);
    const bool ok = e->prepare(e->context, run->texts.texts, n, err);
    eval_text_block_clear(&run->texts);
    return ok;
}

static bool embed_queries(corpus_run *run, senc_error *err) {
    const eval_rank_request *r = run->request;
    for (int64_t first = 0; first < r->n_queries; first += QUERY_BLOCK) {
        const int64_t end = first + QUERY_BLOCK < r->n_queries ? first + QUERY_BLOCK : r->n_queries;
        for (int64_t i = first; i < end; i++) {
            const char *text;
            size_t n_bytes;
            if (!data_beir_query_text(r->beir, r->queries[i], &run->scratch, &text, &n_bytes, err) ||
                !eval_text_block_add(&run->texts, text, n_bytes, err))
                return false;
        }
        float *out = run->query_vectors + first * run->embedder->width;
        if (!eval_text_block_embed(&run->texts, run->embedder, EVAL_QUERY, out, err)) return false;
    }
    return true;
}

static bool open_searches(const corpus_run *run, const eval_similarity *functions, int n, eval_search **searches,
                          senc_error *err) {
    const eval_rank_request *r = run->request;
    for (int f = 0; f < n; f++) {
        const eval_search_options options = {.kernels = kern_best(),
                                             .similarity = functions[f],
                                             .k = r->depth,
                                             .tie_rank = r->tie_rank,
                                             .tie_descending = r->tie_descending};
        if (!eval_search_open(&options, run->query_vectors, r->n_queries, run->embedder->width, &searches[f], err))
            return false;
    }
    return true;
}

static bool search_corpus(corpus_run *run, int n_functions, const eval_corpus_watch *watch, eval_search **searches,
                          senc_error *err) {
    const int64_t n_documents = data_beir_n_documents(run->request->beir);
    for (int64_t first = 0; first < n_documents; first += run->block) {
        const int64_t n = n_documents - first < run->block ? n_documents - first : run->block;
        senc_log_status("searching: %lld of %lld documents", (long long)first, (long long)n_documents);
        for (int64_t i = first; i < first + n; i++)
            if (!add_document(run, i, err)) return false;
        if (!eval_text_block_embed(&run->texts, run->embedder, EVAL_DOCUMENT, run->block_vectors, err)) return false;
        for (int f = 0; f < n_functions; f++)
            if (!eval_search_add(searches[f], run->block_vectors, n, err)) return false;
        if (watch) watch->see(watch->context, run->query_vectors, first, n, run->block_vectors);
    }
    for (int f = 0; f < n_functions; f++) eval_search_finish(searches[f]);
    return true;
}

bool eval_corpus_search(const eval_rank_request *request, const eval_embedder *embedder,
                        const eval_similarity *functions, int n_functions, const eval_corpus_watch *watch,
                        eval_search **searches, senc_error *err) {
    const int64_t n_documents = data_beir_n_documents(request->beir);
    corpus_run run = {.request = request, .embedder = embedder, .block = request->corpus_block};
    if (run.block > n_documents) run.block = n_documents;
    for (int f = 0; f < n_functions; f++) searches[f] = NULL;
    bool ok = prepare(&run, err); /* it may change what follows */
    ok = ok && (run.query_vectors = eval_vectors_alloc(embedder, request->n_queries, err)) &&
         (run.block_vectors = eval_vectors_alloc(embedder, run.block, err)) && embed_queries(&run, err) &&
         open_searches(&run, functions, n_functions, searches, err) &&
         search_corpus(&run, n_functions, watch, searches, err);
    senc_log_status("%s", "");
    for (int f = 0; !ok && f < n_functions; f++) {
        eval_search_close(searches[f]);
        searches[f] = NULL;
    }
    eval_text_block_free(&run.texts);
    data_beir_scratch_free(&run.scratch);
    free(run.query_vectors);
    free(run.block_vectors);
    return ok;
}

bool eval_corpus_rank(const eval_rank_request *request, const eval_embedder *embedder, eval_hit *hits, int64_t *n_hits,
                      senc_error *err) {
    if (embedder->ranker) return embedder->ranker->rank(embedder->ranker->context, request, hits, n_hits, err);
    const eval_similarities none = {0};
    eval_similarities own;
    eval_search *search;
    if (!eval_similarities_resolve(&none, embedder, &own, err) ||
        !eval_corpus_search(request, embedder, own.items, 1, NULL, &search, err))
        return false;
    for (int64_t q = 0; q < request->n_queries; q++) {
        const eval_hit *found = eval_search_hits(search, q, &n_hits[q]);
        memcpy(hits + q * request->depth, found, (size_t)n_hits[q] * sizeof *hits);
    }
    eval_search_close(search);
    return true;
}
