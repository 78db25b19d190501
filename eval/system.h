/* What can be evaluated and compared: anything that turns texts into vectors (a model, a file of vectors, a remote API,
 * a variant of one of these), and anything that ranks documents without vectors (BM25, a TREC run, a hybrid).
 *
 *     models/m, runs/faq, NAME   a model folder, a run folder, a name in the hub's cache
 *     SPEC?dim=128               a variant: dim=N (the first N dimensions, normalised anew), pca=N, quantize=int8,
 *                                quantize=binary (rescore=N times the list)
 *     vectors:FILE               saved vectors, with ids or texts beside them
 *     run:FILE                   a TREC run (qid Q0 docid rank score tag)
 *     bm25, bm25?k1=1.2&b=0.75   SQLite FTS5
 *     hybrid:A+B                 reciprocal rank fusion (c = 60); ?fusion=sum&weight=0.7: weighted sum of scores
 *     openai:MODEL, tei:URL, ... remote APIs
 *     LABEL=SPEC                 any of these, under a name of your own in tables and reports
 */
#ifndef EVAL_SYSTEM_H
#define EVAL_SYSTEM_H

#include "data/beir.h"
#include "eval/evaluator.h"
#include "eval/nearest.h"

/* Documents of a retrieval in a ranker's hands. tie_rank as in eval_search_options. */
typedef struct eval_rank_request {
    const data_beir *beir;
    const int64_t *queries; /* (n_queries) indices into beir */
    int64_t n_queries, depth;
    const int64_t *tie_rank;
    bool tie_descending;
    int64_t corpus_block;
} eval_rank_request;

/* What ranks: hits (n_queries, depth), best first, n_hits (n_queries) at most depth. A system may have it in place of
 * (or besides) an embedder; retrieval uses it when it is there. */
typedef struct eval_ranker {
    bool (*rank)(void *context, const eval_rank_request *request, eval_hit *hits, int64_t *n_hits, senc_error *err);
    void *context;
    const char *score_name; /* stands where the similarity's name stands in keys: "bm25", "rrf", "run" */
} eval_ranker;

typedef struct eval_system_facts {
    int64_t n_parameters, size_bytes; /* 0: unknown */
    int64_t dimension;                /* 0: no vectors */
    int64_t bytes_per_vector;         /* in an index of this kind */
    int64_t max_length;
    char sha256[65]; /* of the weights; "" without */
} eval_system_facts;

#endif
