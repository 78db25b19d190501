/* A corpus through an embedder and into exact searches: queries are embedded once, documents block by block, and
 * nothing of the corpus is kept. Memory: a block of texts and vectors, the queries' vectors, and 16 bytes for each
 * query and place in its list. */
#ifndef EVAL_CORPUS_SEARCH_H
#define EVAL_CORPUS_SEARCH_H

#include "eval/search.h"
#include "eval/system.h"

/* Documents that vectors are fitted to (eval_embedder.prepare), at most; evenly spread over the corpus. */
#define EVAL_PREPARE_DOCUMENTS 10000

/* Sees every block of documents with the queries' vectors, (n, width) and (n_queries, width), before it is gone. */
typedef struct eval_corpus_watch {
    void (*see)(void *context, const float *queries, int64_t first, int64_t n, const float *block);
    void *context;
} eval_corpus_watch;

/* One search for each of the functions; on success all n are finished and the caller's to close. watch may be NULL. */
bool eval_corpus_search(const eval_rank_request *request, const eval_embedder *embedder,
                        const eval_similarity *functions, int n_functions, const eval_corpus_watch *watch,
                        eval_search **searches, senc_error *err);

/* The lists of any system, as a ranker gives them: its ranker's, or by the embedder's own similarity. */
bool eval_corpus_rank(const eval_rank_request *request, const eval_embedder *embedder, eval_hit *hits, int64_t *n_hits,
                      senc_error *err);

#endif
