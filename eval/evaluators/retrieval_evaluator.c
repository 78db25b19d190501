/* Retrieval on a BEIR folder or on pairs: for every query with a relevant document all documents are ranked by
 * similarity (exactly) and the ranking is measured. Keys {name}_{function}_{metric}@k and defaults as
 * sentence-transformers' InformationRetrievalEvaluator; what other tools do differently is an option, and every choice
 * is stated in the result's rules.
 *
 * The corpus is read, embedded and searched block by block and never kept: memory is a block of texts and vectors, the
 * queries' vectors, and 16 bytes for each query and place in its list. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "eval/corpus_search.h"
#include "eval/evaluators/retrieval_parts.h"
#include "eval/trec.h"

enum { TIES_ID_ASCENDING, TIES_ID_DESCENDING, TIES_CORPUS_ORDER };

enum { CORPUS_ALL, CORPUS_HELD_OUT };

#define DEEPEST 100000

static const senc_option option_rows[] = {
    SENC_OPTION_PATH(
        retrieval_options, path, "!",
        "BEIR folder (corpus.jsonl, queries.jsonl, qrels/<split>.tsv), or a file of pairs: anchors are the queries, "
        "positives the documents"),
    SENC_OPTION_STRING(retrieval_options, split, "test", "BEIR folder: which qrels"),
    SENC_OPTION_VALUE(retrieval_options, columns,
                      "pairs: as in [[data]]: { anchor = \"question\", positive = \"answer\" }"),
    SENC_OPTION_STRING(retrieval_options, format, NULL, "pairs: as in [[data]]"),
    SENC_OPTION_CHOICE(retrieval_options, header, "auto", "auto|yes|no", "pairs: as in [[data]]"),
    SENC_OPTION_STRING(retrieval_options, delimiter, NULL, "pairs: as in [[data]]"),
    SENC_OPTION_CHOICE(retrieval_options, quoting, "auto", "auto|on|off", "pairs: as in [[data]]"),
    SENC_OPTION_INTEGER(retrieval_options, limit, "0", 0, 1e15, "pairs: as in [[data]]"),
    SENC_OPTION_CHOICE(retrieval_options, on_empty, "error", "error|skip", "pairs: as in [[data]]"),
    SENC_OPTION_REAL(retrieval_options, held_out, "0", 0, 1, "pairs: as in [[data]]"),
    SENC_OPTION_CHOICE(retrieval_options, held_out_by, "group", "group|row", "pairs: as in [[data]]"),
    SENC_OPTION_CHOICE(retrieval_options, part, "all", "all|train|held_out", "pairs: as in [[data]]"),
    SENC_OPTION_CHOICE(
        retrieval_options, corpus, "all", "all|held_out",
        "pairs: search the positives of the whole file, as in production, or only those of the rows that "
        "give the queries"),
    SENC_OPTION_PATHS(retrieval_options, corpus_files,
                      "pairs: files of more documents, one a row in the positives' column or \"text\""),
    SENC_OPTION_STRING(retrieval_options, name, NULL, "first part of the metric keys; default: from the path"),
    SENC_OPTION_CHOICE(retrieval_options, on_bad_utf8, "error", "error|replace", "what to do with ill-formed UTF-8"),
    SENC_OPTION_STRINGS(retrieval_options, similarity, NULL,
                        "cosine, dot, euclidean, manhattan; default: the model's own"),
    SENC_OPTION_INTEGERS(retrieval_options, accuracy_at, "[1, 3, 5, 10]", 1, DEEPEST,
                         "is one of the first k documents relevant?"),
    SENC_OPTION_INTEGERS(retrieval_options, precision_recall_at, "[1, 3, 5, 10, 100]", 1, DEEPEST,
                         "share of the first k that is relevant, share of the relevant ones among the first k"),
    SENC_OPTION_INTEGERS(retrieval_options, mrr_at, "[10]", 1, DEEPEST, "1 / rank of the first relevant document"),
    SENC_OPTION_INTEGERS(retrieval_options, ndcg_at, "[10]", 1, DEEPEST, "normalised discounted cumulative gain"),
    SENC_OPTION_INTEGERS(retrieval_options, map_at, "[100]", 1, DEEPEST, "mean average precision"),
    SENC_OPTION_CHOICE(retrieval_options, gain, "binary", "binary|linear|exponential",
                       "of nDCG: 1 (sentence-transformers), the grade (trec_eval, BEIR, mteb), 2^grade - 1"),
    SENC_OPTION_CHOICE(
        retrieval_options, ap_denominator, "min", "min|relevant",
        "of MAP@k: min(k, relevant documents) (sentence-transformers) or relevant documents (trec_eval)"),
    SENC_OPTION_CHOICE(
        retrieval_options, ties, "id_ascending", "id_ascending|id_descending|corpus_order",
        "order of equal scores: ascending ids (sentence-transformers), descending ids (trec_eval, mteb)"),
    SENC_OPTION_CHOICE(retrieval_options, same_text, "by_id", "by_id|one",
                       "a text under several ids: documents of their own that tie (sentence-transformers), or one "
                       "document, as relevant as the best of them"),
    SENC_OPTION_BOOLEAN(retrieval_options, ignore_identical_ids, "false",
                        "leave a document with the query's own id out of its list (BEIR does)"),
    SENC_OPTION_PATH(retrieval_options, save_run, NULL,
                     "write the lists as a TREC run; of several similarities the first one's"),
    SENC_OPTION_PATH(retrieval_options, save_qrels, NULL, "write the judgements as TREC qrels"),
    SENC_OPTION_INTEGER(retrieval_options, corpus_block, "8192", 1, 1e9,
                        "documents in memory at once; changes nothing but memory and speed"),
    {0},
};

static void retrieval_free(void *task) {
    retrieval_task *t = task;
    if (t == NULL) return;
    data_beir_close(t->beir);
    free(t->queries);
    free(t->tie_rank);
    free(t);
}

static bool find_queries(retrieval_task *t, senc_error *err) {
    const data_beir_relevance *relevance = data_beir_get_relevance(t->beir);
    const int64_t n = data_beir_n_queries(t->beir);
    t->queries = senc_alloc((size_t)n, sizeof(*t->queries));
    if (t->queries == NULL) return senc_fail_memory(err, (size_t)n * sizeof(*t->queries), "queries");
    for (int64_t q = 0; q < n; q++)
        if (relevance->offsets[q + 1] > relevance->offsets[q]) t->queries[t->n_queries++] = q;
    if (t->n_queries > 0) return true;
    return senc_fail(err, SENC_BAD_INPUT, "%s: no query of queries.jsonl has a relevant document in corpus.jsonl",
                     data_beir_qrels_path(t->beir));
}

typedef struct named_document {
    const char *id;
    int64_t document;
} named_document;

static int by_id(const void *a, const void *b) {
    return strcmp(((const named_document *)a)->id, ((const named_document *)b)->id);
}

static bool rank_ids(retrieval_task *t, senc_error *err) {
    const int64_t n = data_beir_n_documents(t->beir);
    if (t->options->ties == TIES_CORPUS_ORDER) return true;
    named_document *order = senc_alloc((size_t)n, sizeof(*order));
    t->tie_rank = senc_alloc((size_t)n, sizeof(*t->tie_rank));
    if (order == NULL || t->tie_rank == NULL) {
        free(order);
        return senc_fail_memory(err, (size_t)n * (sizeof(*order) + sizeof(int64_t)), "the order of document ids");
    }
    for (int64_t i = 0; i < n; i++) order[i] = (named_document){data_beir_document_id(t->beir, i), i};
    qsort(order, (size_t)n, sizeof(*order), by_id);
    for (int64_t i = 0; i < n; i++) t->tie_rank[order[i].document] = i;
    free(order);
    return true;
}

/* The longest list that a metric reads, but not more than there are documents. */
static int64_t depth_of(const retrieval_options *o, int64_t n_documents) {
    int64_t depth = 1;
    for (measure_kind kind = ACCURACY; kind <= MAP; kind++) {
        const senc_integers *ks = eval_retrieval_cutoffs(o, kind);
        for (int64_t i = 0; i < ks->n; i++) depth = ks->items[i] > depth ? ks->items[i] : depth;
    }
    depth += o->ignore_identical_ids;
    if (depth > n_documents) depth = n_documents;
    return depth > 0 ? depth : 1;
}

static bool open_texts(const retrieval_options *o, data_beir **out, senc_error *err) {
    if (senc_path_is_folder(o->path) && o->limit > 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s: limit: expected a file of pairs, a BEIR folder is read as a whole",
                         o->path);
    if (!senc_path_is_file(o->path))
        return data_beir_open(o->path, o->split, o->on_bad_utf8 == DATA_BAD_UTF8_REPLACE, out, err);
    const data_source source = {.path = o->path,
                                .format = o->format,
                                .columns = o->columns,
                                .header = o->header,
                                .delimiter = o->delimiter,
                                .quoting = o->quoting,
                                .limit = o->limit,
                                .on_bad_utf8 = o->on_bad_utf8,
                                .on_empty = o->on_empty,
                                .held_out = o->held_out,
                                .held_out_by = o->held_out_by,
                                .part = o->part};
    const data_pairs_corpus corpus = {.rows_only = o->corpus == CORPUS_HELD_OUT, .files = &o->corpus_files};
    return data_beir_open_pairs(&source, &corpus, out, err);
}

static bool retrieval_load(const void *options, void **task, senc_error *err) {
    retrieval_task *t = senc_alloc_zero(1, sizeof(*t));
    *task = t;
    if (t == NULL) return senc_fail_memory(err, sizeof(*t), "an evaluation");
    const retrieval_options *o = t->options = options;
    if (o->accuracy_at.n + o->precision_recall_at.n + o->mrr_at.n + o->ndcg_at.n + o->map_at.n == 0)
        return senc_fail(
            err, SENC_BAD_INPUT,
            "evaluator \"retrieval\": expected at least one k in accuracy_at, precision_recall_at, mrr_at, "
            "ndcg_at or map_at, found none");
    if (!eval_similarities_parse(&o->similarity, "evaluator \"retrieval\"", &t->similarities, err) ||
        !open_texts(o, &t->beir, err) || !eval_retrieval_find_same_texts(t, err))
        return false;
    t->depth = depth_of(o, data_beir_n_documents(t->beir));
    return find_queries(t, err) && rank_ids(t, err);
}

/* ---- lists ---- */

int eval_retrieval_n_functions(const retrieval_run *run) {
    return run->ranker ? 1 : run->functions.n;
}

const char *eval_retrieval_function(const retrieval_run *run, int f) {
    return run->ranker ? run->ranker->score_name : eval_similarity_name(run->functions.items[f]);
}

const eval_hit *eval_retrieval_list(const retrieval_run *run, int f, int64_t i, int64_t *n) {
    if (!run->ranker) return eval_search_hits(run->searches[f], i, n);
    *n = run->n_ranked[i];
    return run->ranked + i * run->task->depth;
}

bool eval_retrieval_leaves_out(const retrieval_task *t, int64_t i, int64_t document) {
    return t->options->ignore_identical_ids &&
           data_beir_find_document(t->beir, data_beir_query_id(t->beir, t->queries[i])) == document;
}

static bool rank_documents(retrieval_run *run, const eval_rank_request *request, senc_error *err) {
    const size_t n_queries = (size_t)request->n_queries, depth = (size_t)request->depth;
    run->ranked =
        depth <= SIZE_MAX / sizeof *run->ranked / n_queries ? senc_alloc(n_queries * depth, sizeof *run->ranked) : NULL;
    run->n_ranked = senc_alloc_zero(n_queries, sizeof *run->n_ranked);
    if (!run->ranked || !run->n_ranked)
        return senc_fail_memory(err, n_queries * depth * sizeof *run->ranked, "the lists of every query");
    return run->ranker->rank(run->ranker->context, request, run->ranked, run->n_ranked, err);
}

static bool find_lists(retrieval_run *run, senc_error *err) {
    const retrieval_task *t = run->task;
    const eval_rank_request request = {.beir = t->beir,
                                       .queries = t->queries,
                                       .n_queries = t->n_queries,
                                       .depth = t->depth,
                                       .tie_rank = t->tie_rank,
                                       .tie_descending = t->options->ties == TIES_ID_DESCENDING,
                                       .corpus_block = t->options->corpus_block};
    if (run->ranker) return rank_documents(run, &request, err);
    const eval_corpus_watch watch = {eval_retrieval_see_block, run};
    return eval_corpus_search(&request, run->embedder, run->functions.items, run->functions.n, &watch, run->searches,
                              err);
}

/* The lists of the first function. */
static bool save_run(const retrieval_run *run, senc_error *err) {
    const retrieval_task *t = run->task;
    int64_t *n_hits = senc_alloc((size_t)t->n_queries, sizeof *n_hits);
    if (!n_hits) return senc_fail_memory(err, (size_t)t->n_queries * sizeof *n_hits, "a run");
    for (int64_t i = 0; i < t->n_queries; i++) eval_retrieval_list(run, 0, i, &n_hits[i]);
    int64_t n;
    const eval_trec_lists lists = {.beir = t->beir,
                                   .queries = t->queries,
                                   .n_queries = t->n_queries,
                                   .depth = t->depth,
                                   .hits = eval_retrieval_list(run, 0, 0, &n),
                                   .n_hits = n_hits,
                                   .ignore_identical_ids = t->options->ignore_identical_ids};
    const bool ok = eval_trec_save_run(t->options->save_run, &lists, eval_retrieval_function(run, 0), err);
    free(n_hits);
    return ok;
}

static bool save_files(const retrieval_run *run, senc_error *err) {
    const retrieval_task *t = run->task;
    const retrieval_options *o = t->options;
    if (run->embedder->writes_nothing) return true;
    return (!o->save_run || save_run(run, err)) &&
           (!o->save_qrels || eval_trec_save_qrels(o->save_qrels, t->beir, t->queries, t->n_queries, err));
}

/* ---- the result ---- */

/* nDCG@10 of the first function, else its nDCG at the largest k, else its first metric. */
static bool name_primary(const retrieval_run *run, eval_result *result, senc_error *err) {
    const senc_integers *ks = &run->task->options->ndcg_at;
    int64_t k = 0;
    for (int64_t i = 0; i < ks->n && k != 10; i++) k = ks->items[i] == 10 || ks->items[i] > k ? ks->items[i] : k;
    senc_buffer key = {0};
    if (k == 0)
        senc_buffer_append_text(&key, result->metrics[0].key);
    else
        senc_buffer_printf(&key, "%s_%s_ndcg@%lld", result->name, eval_retrieval_function(run, 0), (long long)k);
    result->primary = senc_buffer_take(&key);
    return result->primary != NULL || senc_fail_memory(err, 1, "an evaluation result");
}

/* Queries for which a ranker found nothing at all. */
static bool count_empty_lists(const retrieval_run *run, eval_result *result, senc_error *err) {
    int64_t n_empty = 0;
    for (int64_t i = 0; run->ranker && i < run->task->n_queries; i++) n_empty += run->n_ranked[i] == 0;
    return n_empty == 0 || eval_result_add_count(result, err, "queries without any document found: %lld (0 everywhere)",
                                                 (long long)n_empty);
}

static bool add_counts(const retrieval_run *run, eval_result *result, senc_error *err) {
    const retrieval_task *t = run->task;
    const data_beir_relevance *r = data_beir_get_relevance(t->beir);
    const int64_t left_out = data_beir_n_queries(t->beir) - t->n_queries;
    bool ok = left_out > 0
                  ? eval_result_add_count(result, err, "queries: %lld (%lld without relevant documents left out)",
                                          (long long)t->n_queries, (long long)left_out)
                  : eval_result_add_count(result, err, "queries: %lld", (long long)t->n_queries);
    ok = ok && eval_result_add_count(result, err, "documents: %lld", (long long)data_beir_n_documents(t->beir)) &&
         eval_result_add_count(result, err, "relevant pairs: %lld", (long long)r->n_pairs);
    if (ok && data_beir_is_pairs(t->beir)) ok = eval_result_add_left_out(result, data_beir_pairs(t->beir), err);
    if (ok && r->n_unknown_queries + r->n_unknown_documents > 0)
        ok = eval_result_add_count(result, err, "judgements of unknown queries or documents left out: %lld",
                                   (long long)(r->n_unknown_queries + r->n_unknown_documents));
    return ok && eval_retrieval_describe_same_texts(t, result, err) && count_empty_lists(run, result, err);
}

static bool add_rules(const retrieval_run *run, eval_result *result, senc_error *err) {
    const retrieval_options *o = run->task->options;
    static const char *const gains[] = {"binary (1 for every relevant document)", "linear (the grade)",
                                        "exponential (2^grade - 1)"};
    static const char *const denominators[] = {"min(k, relevant documents)", "relevant documents"};
    static const char *const ties[] = {"ascending document id", "descending document id", "position in the corpus"};
    return eval_result_add_rule(result, err,
                                "relevant: a grade above 0; queries without a relevant document do not count") &&
           eval_result_add_rule(result, err, "gain of nDCG: %s", gains[o->gain]) &&
           eval_result_add_rule(result, err, "MAP@k divides by %s", denominators[o->ap_denominator]) &&
           eval_result_add_rule(result, err, "ties: equal scores are ordered by %s", ties[o->ties]) &&
           eval_result_add_rule(result, err, "identical ids: a document with the query's own id is %s",
                                o->ignore_identical_ids ? "left out of its list" : "ranked like any other") &&
           (data_beir_is_pairs(run->task->beir)
                ? eval_result_add_rule(
                      result, err, "documents: the positives of %s%s; relevant: all of an equal question%s",
                      o->corpus == CORPUS_ALL ? "the whole file" : "the queries' rows",
                      o->corpus_files.n > 0 ? " and corpus_files" : "", run->ranker ? "" : "; search is exact")
                : eval_result_add_rule(result, err, "text of a document: title, a space, text%s",
                                       run->ranker ? "" : "; search is exact"));
}

static bool take_memory(retrieval_run *run, senc_error *err) {
    const retrieval_task *t = run->task;
    const size_t n_documents = (size_t)data_beir_n_documents(t->beir);
    run->grade_of = senc_alloc_zero(n_documents, sizeof(double));
    run->grades = senc_alloc((size_t)t->depth, sizeof(double));
    run->best = senc_alloc((size_t)data_beir_get_relevance(t->beir)->n_pairs, sizeof(double));
    if (run->grade_of && run->grades && run->best) return true;
    return senc_fail_memory(err, n_documents * sizeof(double), "relevance");
}

static bool run_all(retrieval_run *run, eval_result *result, senc_error *err) {
    return (run->ranker || eval_similarities_resolve(&run->task->similarities, run->embedder, &run->functions, err)) &&
           eval_retrieval_start_detail(run, &result->detail, err) && find_lists(run, err) && take_memory(run, err) &&
           eval_retrieval_measure(run, result, err) && eval_retrieval_finish_detail(run, &result->detail, err) &&
           name_primary(run, result, err) && add_counts(run, result, err) && add_rules(run, result, err) &&
           save_files(run, err);
}

static bool retrieval_evaluate(void *task, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const retrieval_task *t = task;
    retrieval_run run = {.task = t, .embedder = embedder, .ranker = embedder->ranker};
    result->name = eval_data_name(t->options->name, t->options->path);
    if (result->name == NULL) return senc_fail_memory(err, 1, "an evaluation result");
    const bool ok = run_all(&run, result, err);
    for (int f = 0; f < EVAL_N_SIMILARITIES; f++) eval_search_close(run.searches[f]);
    free(run.ranked);
    free(run.n_ranked);
    free(run.grade_of);
    free(run.grades);
    free(run.best);
    free(run.pairs);
    return ok || senc_error_prefix(err, "evaluation \"%s\": ", result->name);
}

static bool retrieval_units(void *task, eval_unit_visit visit, void *context, senc_error *err) {
    const retrieval_task *t = task;
    data_beir_scratch scratch = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < t->n_queries; i++) {
        eval_unit_texts u = {.unit = "question", .n_texts = 1};
        if (!data_beir_is_pairs(t->beir)) u.id = data_beir_query_id(t->beir, t->queries[i]);
        size_t n_bytes;
        ok = data_beir_query_text(t->beir, t->queries[i], &scratch, &u.texts[0].bytes, &n_bytes, err);
        if (ok) u.texts[0].n_bytes = (int64_t)n_bytes;
        ok = ok && visit(context, &u, err);
    }
    data_beir_scratch_free(&scratch);
    return ok;
}

const eval_spec eval_retrieval_spec = {
    .name = "retrieval",
    .help = "a BEIR folder: accuracy, precision, recall, nDCG, MRR and MAP of exact search",
    .options = option_rows,
    .options_bytes = sizeof(retrieval_options),
    .load = retrieval_load,
    .run = retrieval_evaluate,
    .free_task = retrieval_free,
    .units = retrieval_units,
    .can_rank = true,
};
