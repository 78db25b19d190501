/* What can be evaluated and compared: anything that turns texts into vectors (a model, a file of vectors, a remote API,
 * a variant of one of these), and anything that ranks documents without vectors (BM25, a TREC run, a hybrid).
 *
 *     models/m, runs/faq, NAME   a model folder, a run folder, a name in the hub's cache
 *     SPEC?dim=128               a variant: dim=N (the first N dimensions, normalised anew), pca=N, quantize=int8,
 *                                quantize=binary (rescore=N times the list)
 *     vectors:FILE               saved vectors, with ids or texts beside them
 *     run:FILE                   a TREC run (qid Q0 docid rank score tag)
 *     bm25, bm25?k1=1.2&b=0.75   words, from an index of SQLite FTS5
 *     hybrid:A+B                 reciprocal rank fusion (c = 60); ?fusion=sum&weight=0.7: weighted sum of scores. Parts
 *                                with options of their own stand in parentheses: hybrid:(models/m?dim=128)+bm25
 *     openai:MODEL, tei:URL, ... embedding APIs (remote/remote.h): openai:m?url=http://127.0.0.1:8000/v1&dim=256
 *     LABEL=SPEC                 any of these, under a name of your own in tables and reports
 *
 * What exists as a path is a path, whatever it is called, but for the bare names of kinds (./bm25 is a folder). One
 * kind = one file in systems/ and one line in systems.def; its option table is the parser and documentation of the
 * keys behind '?'.
 */
#ifndef EVAL_SYSTEM_H
#define EVAL_SYSTEM_H

#include "data/beir.h"
#include "eval/embed.h"
#include "eval/evaluator.h"
#include "eval/nearest.h"
#include "nn/model.h"

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

/* What ranking by words took, over all evaluations. */
typedef struct eval_ranking_cost {
    int64_t n_documents, n_queries; /* n_documents 0: nothing of the system ranks so, and nothing else counts */
    int64_t index_bytes;
    double index_ms, query_ms; /* of the machine it ran on, all threads together */
} eval_ranking_cost;

/* How models are found and loaded; {0} with .overrides = NN_OVERRIDES_NONE: as their folders say. Borrowed while a
 * system is open. */
typedef struct eval_system_options {
    nn_overrides overrides;
    const char *query_prompt, *document_prompt; /* NULL: the model's own */
    int64_t batch_tokens;                       /* 0: a good number */
    bool yes;                                   /* remote APIs may be sent more than their limit (remote.h) */
    struct eval_kept_pool *kept; /* kept_pool.h: models that stand in several systems embed once; or NULL */
    /* The folder of a model's name, fresh; NULL: the name is the folder. */
    bool (*find_model)(const char *name, char **folder, senc_error *err);
    /* Told the folder of every model that is opened; NULL: nobody wants to know. */
    bool (*opened)(void *context, const char *folder, senc_error *err);
    void *opened_context;
} eval_system_options;

typedef struct eval_system eval_system;

/* Reads the specification and opens all that it names; *out is NULL on failure. */
bool eval_system_open(const char *spec, const eval_system_options *options, eval_system **out, senc_error *err);
/* A variant ("dim=128", "quantize=int8") of an embedder with vectors, which must outlive it. */
bool eval_system_open_variant(const eval_embedder *embedder, const char *keys, eval_system **out, senc_error *err);
void eval_system_free(eval_system *s); /* NULL is fine */

/* What a specification is called in tables and reports: its LABEL, else what it says without the folders:
 * "runs/faq/best?dim=128" -> "faq?dim=128", "hybrid:models/m+bm25" -> "hybrid:m+bm25". The models of a run are called
 * as the run. n_folders: how many folders stay in front of names, to tell equal ones apart ("a/m", "b/m"; "faq/best",
 * "faq/final"). Fresh; NULL: out of memory. */
char *eval_system_name(const char *spec, int n_folders);
/* The name of what it was opened with (n_folders 0); lives as long as the system. */
const char *eval_system_label(const eval_system *s);
const char *eval_system_spec(const eval_system *s); /* without the label */
/* What evaluators measure, valid while the system is open: .embed is NULL where there are no vectors, .ranker is set
 * where the system ranks by itself. */
eval_embedder eval_system_embedder(eval_system *s);
/* Reads the weights' file, for its hash. */
bool eval_system_get_facts(const eval_system *s, eval_system_facts *facts, senc_error *err);
/* What a model, or the model behind a variant, puts in front of texts of that role; NULL: nothing, or unknown. */
const char *eval_system_prompt(const eval_system *s, eval_role role);
/* As eval_encoder_watch, for every model in the system. */
void eval_system_watch(eval_system *s, eval_encoder_progress *show, void *context);
/* Sums over the models in the system; max_length: the shortest of theirs, 0 without models. */
void eval_system_get_stats(const eval_system *s, eval_encoder_stats *stats, int64_t *max_length);

/* Sums over the systems in it that rank by words. */
void eval_system_get_ranking(const eval_system *s, eval_ranking_cost *cost);

/* ---- embedding APIs in the system ---- */

/* What they were sent, all together, and what it costs. */
typedef struct eval_system_bill {
    int64_t n_apis; /* 0: none, and nothing else counts */
    int64_t n_sent, n_cached, n_requests, n_tokens;
    bool tokens_estimated;
    double dollars;                           /* NaN: a price is not known */
    double tokens_per_text, dollars_per_text; /* of documents where there were any, sent or not; as estimated */
} eval_system_bill;
void eval_system_get_bill(const eval_system *s, eval_system_bill *bill);

/* Whether the specification may name an API; where it does not, nothing is sent. */
bool eval_system_may_send(const char *spec);
/* Before anything is sent: counts what the jobs would send to the system's APIs that cost something, says it (log), and
 * fails above the limit. */
bool eval_system_plan(eval_system *s, eval_job *jobs, int64_t n_jobs, senc_error *err);

/* For lists and help: kind i with its form ("vectors:FILE"), a line of help and its keys (NULL: none); false behind the
 * last. The last two are the keys of APIs and of variants. */
bool eval_system_list(int i, const char **form, const char **help, const senc_option **options);

#endif
