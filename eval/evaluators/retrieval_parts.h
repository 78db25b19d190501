/* What the files of the retrieval evaluator share: its options, data, lists, and the measures of one list. */
#ifndef EVAL_RETRIEVAL_PARTS_H
#define EVAL_RETRIEVAL_PARTS_H

#include "data/beir.h"
#include "eval/evaluators/evaluator_parts.h"
#include "eval/metrics/ranking.h"
#include "eval/search.h"
#include "eval/system.h"

typedef struct retrieval_options {
    char *path, *name, *split, *save_run, *save_qrels;
    const senc_value *columns;
    int header, quoting, on_bad_utf8, on_empty, held_out_by, part, corpus;
    char *format, *delimiter;
    int64_t limit;
    double held_out;
    senc_strings corpus_files;
    senc_strings similarity;
    senc_integers accuracy_at, precision_recall_at, mrr_at, ndcg_at, map_at;
    int gain, ap_denominator, ties, same_text;
    bool ignore_identical_ids;
    int64_t corpus_block;
} retrieval_options;

typedef struct retrieval_task {
    const retrieval_options *options;
    eval_similarities similarities;
    data_beir *beir;
    int64_t *queries; /* (n_queries) those with a relevant document */
    int64_t n_queries;
    int64_t *tie_rank; /* (documents), NULL for the corpus order */
    /* Texts under several ids, the documents that have them, and the queries for which one of them is relevant. */
    int64_t n_same_texts, n_same_documents, n_same_queries;
    int64_t depth; /* documents of each list that are needed */
} retrieval_task;

/* A query and a document whose score is looked at for the distributions. */
typedef struct retrieval_pair {
    int64_t document, query; /* query: position among the judged ones */
    bool positive;
    double score;
} retrieval_pair;

typedef struct retrieval_run {
    const retrieval_task *task;
    const eval_embedder *embedder;
    const eval_ranker *ranker;   /* NULL: vectors */
    eval_similarities functions; /* of vectors */
    eval_search *searches[EVAL_N_SIMILARITIES];
    eval_hit *ranked; /* (n_queries, depth) of the ranker */
    int64_t *n_ranked;
    double *grade_of;      /* (documents) of the query at work, else 0 */
    double *grades, *best; /* of its list and of its relevant documents */
    retrieval_pair *pairs; /* (n_pairs) sorted by document; of vectors */
    int64_t n_pairs, next_pair;
} retrieval_run;

/* Score functions (similarities, or the ranker alone), and how keys call them. */
int eval_retrieval_n_functions(const retrieval_run *run);
const char *eval_retrieval_function(const retrieval_run *run, int f);
/* The list of judged query i by function f, best first. */
const eval_hit *eval_retrieval_list(const retrieval_run *run, int f, int64_t i, int64_t *n);
/* Whether the document is left out of the query's list (ignore_identical_ids). */
bool eval_retrieval_leaves_out(const retrieval_task *t, int64_t i, int64_t document);

typedef enum measure_kind { ACCURACY, PRECISION, RECALL, NDCG, MRR, MAP } measure_kind;
extern const char *const eval_measure_names[];
const senc_integers *eval_retrieval_cutoffs(const retrieval_options *o, measure_kind kind);

typedef enum same_text { SAME_TEXT_BY_ID, SAME_TEXT_ONE } same_text;
/* Counts texts that stand under several ids, and makes them one document when the option says so: after the texts are
 * open, before anything else knows the number of documents. */
bool eval_retrieval_find_same_texts(retrieval_task *t, senc_error *err);
/* Says how many there are and what they are taken for; nothing when there are none. */
bool eval_retrieval_describe_same_texts(const retrieval_task *t, eval_result *result, senc_error *err);

/* Fills the metrics of the result with their series, and the curves and ranks of the first function; the detail has its
 * units. */
bool eval_retrieval_measure(retrieval_run *run, eval_result *result, senc_error *err);

/* Room for the details, and before the search the choice of pairs whose scores are kept. */
bool eval_retrieval_start_detail(retrieval_run *run, eval_detail *d, senc_error *err);
/* Scores the chosen pairs of a block of documents (eval_corpus_watch.see; context: the run). */
void eval_retrieval_see_block(void *context, const float *queries, int64_t first, int64_t n, const float *block);
/* After the search: texts, what was found, scores. */
bool eval_retrieval_finish_detail(retrieval_run *run, eval_detail *d, senc_error *err);

#endif
