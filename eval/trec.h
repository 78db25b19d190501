/* TREC's two text formats, as trec_eval reads them: runs (qid Q0 docid rank score tag) and qrels (qid 0 docid grade).
 * Columns are separated by white space, so ids must not hold any. */
#ifndef EVAL_TREC_H
#define EVAL_TREC_H

#include "data/beir.h"
#include "eval/nearest.h"

/* Lists of a retrieval: hits (n_queries, depth), best first, n_hits (n_queries); queries (n_queries) are indices into
 * beir. */
typedef struct eval_trec_lists {
    const data_beir *beir;
    const int64_t *queries;
    int64_t n_queries, depth;
    const eval_hit *hits;
    const int64_t *n_hits;
    bool ignore_identical_ids; /* a document with the query's own id is left out */
} eval_trec_lists;

/* Scores have nine digits: read as float they are the same. trec_eval orders equal scores by descending document id,
 * whatever their ranks say. */
bool eval_trec_save_run(const char *path, const eval_trec_lists *lists, const char *tag, senc_error *err);
/* The judgements above 0 of the queries. */
bool eval_trec_save_qrels(const char *path, const data_beir *beir, const int64_t *queries, int64_t n_queries,
                          senc_error *err);

/* One line of a run; id pointers are into the line, not NUL-terminated. */
typedef struct eval_trec_line {
    const char *query, *document;
    size_t query_bytes, document_bytes;
    double score;
} eval_trec_line;
/* line_place: "run.txt:12". */
bool eval_trec_parse_line(const char *line, size_t n_bytes, const char *line_place, eval_trec_line *out,
                          senc_error *err);

#endif
