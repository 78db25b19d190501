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
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "data/beir.h"
#include "eval/evaluators/evaluator_parts.h"
#include "eval/metrics/ranking.h"
#include "eval/search.h"

/* Query texts of this many queries are in memory at once. */
#define QUERY_BLOCK 4096

enum { TIES_ID_ASCENDING, TIES_ID_DESCENDING, TIES_CORPUS_ORDER };

typedef struct retrieval_options {
    char *path, *name, *split;
    const senc_value *columns;
    int header, on_bad_utf8, on_empty, part;
    double held_out;
    senc_strings similarity;
    senc_integers accuracy_at, precision_recall_at, mrr_at, ndcg_at, map_at;
    int gain, ap_denominator, ties;
    bool ignore_identical_ids;
    int64_t corpus_block;
} retrieval_options;

#define DEEPEST 100000

static const senc_option option_rows[] = {
    SENC_OPTION_PATH(
        retrieval_options, path, "!",
        "BEIR folder (corpus.jsonl, queries.jsonl, qrels/<split>.tsv), or a file of pairs: anchors are the queries, "
        "positives the documents"),
    SENC_OPTION_STRING(retrieval_options, split, "test", "BEIR folder: which qrels"),
    SENC_OPTION_VALUE(retrieval_options, columns,
                      "pairs: as in [[data]]: { anchor = \"question\", positive = \"answer\" }"),
    SENC_OPTION_CHOICE(retrieval_options, header, "auto", "auto|yes|no", "pairs: as in [[data]]"),
    SENC_OPTION_CHOICE(retrieval_options, on_empty, "error", "error|skip", "pairs: as in [[data]]"),
    SENC_OPTION_REAL(retrieval_options, held_out, "0", 0, 1, "pairs: as in [[data]]"),
    SENC_OPTION_CHOICE(retrieval_options, part, "all", "all|train|held_out", "pairs: as in [[data]]"),
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
    SENC_OPTION_BOOLEAN(retrieval_options, ignore_identical_ids, "false",
                        "leave a document with the query's own id out of its list (BEIR does)"),
    SENC_OPTION_INTEGER(retrieval_options, corpus_block, "8192", 1, 1e9,
                        "documents in memory at once; changes nothing but memory and speed"),
    {0},
};

typedef struct retrieval_task {
    const retrieval_options *options;
    eval_similarities similarities;
    data_beir *beir;
    int64_t *queries; /* (n_queries) those with a relevant document */
    int64_t n_queries;
    int64_t *tie_rank; /* (documents), NULL for the corpus order */
    int64_t depth;     /* documents of each list that are needed */
} retrieval_task;

typedef enum measure_kind { ACCURACY, PRECISION, RECALL, NDCG, MRR, MAP } measure_kind;
static const char *const measure_names[] = {"accuracy", "precision", "recall", "ndcg", "mrr", "map"};

typedef struct retrieval_run {
    const retrieval_task *task;
    const eval_embedder *embedder;
    eval_similarities functions;
    eval_search *searches[EVAL_N_SIMILARITIES];
    eval_text_block texts;
    data_beir_scratch scratch;
    float *query_vectors;  /* (n_queries, width) */
    float *block_vectors;  /* (corpus_block, width) */
    double *grade_of;      /* (documents) of the query at work, else 0 */
    double *grades, *best; /* of its list and of its relevant documents */
} retrieval_run;

static const senc_integers *list_of(const retrieval_options *o, measure_kind kind) {
    switch (kind) {
    case ACCURACY:
        return &o->accuracy_at;
    case PRECISION:
    case RECALL:
        return &o->precision_recall_at;
    case NDCG:
        return &o->ndcg_at;
    case MRR:
        return &o->mrr_at;
    case MAP:
        return &o->map_at;
    }
    return NULL; /* not reached: all cases return */
}

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
        const senc_integers *ks = list_of(o, kind);
        for (int64_t i = 0; i < ks->n; i++) depth = ks->items[i] > depth ? ks->items[i] : depth;
    }
    depth += o->ignore_identical_ids;
    if (depth > n_documents) depth = n_documents;
    return depth > 0 ? depth : 1;
}

static bool open_texts(const retrieval_options *o, data_beir **out, senc_error *err) {
    if (!senc_path_is_file(o->path))
        return data_beir_open(o->path, o->split, o->on_bad_utf8 == DATA_BAD_UTF8_REPLACE, out, err);
    const data_source source = {.path = o->path,
                                .columns = o->columns,
                                .header = o->header,
                                .on_bad_utf8 = o->on_bad_utf8,
                                .on_empty = o->on_empty,
                                .held_out = o->held_out,
                                .part = o->part};
    return data_beir_open_pairs(&source, out, err);
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
        !open_texts(o, &t->beir, err))
        return false;
    t->depth = depth_of(o, data_beir_n_documents(t->beir));
    return find_queries(t, err) && rank_ids(t, err);
}

static bool embed_queries(retrieval_run *run, senc_error *err) {
    const retrieval_task *t = run->task;
    const int64_t width = run->embedder->width;
    for (int64_t first = 0; first < t->n_queries; first += QUERY_BLOCK) {
        const int64_t end = first + QUERY_BLOCK < t->n_queries ? first + QUERY_BLOCK : t->n_queries;
        for (int64_t i = first; i < end; i++) {
            const char *text;
            size_t n_bytes;
            if (!data_beir_query_text(t->beir, t->queries[i], &run->scratch, &text, &n_bytes, err) ||
                !eval_text_block_add(&run->texts, text, n_bytes, err))
                return false;
        }
        float *out = run->query_vectors + first * width;
        if (!eval_text_block_embed(&run->texts, run->embedder, EVAL_QUERY, out, err)) return false;
    }
    return true;
}

static bool open_searches(retrieval_run *run, senc_error *err) {
    const retrieval_task *t = run->task;
    for (int f = 0; f < run->functions.n; f++) {
        const eval_search_options options = {.kernels = kern_best(),
                                             .similarity = run->functions.items[f],
                                             .k = t->depth,
                                             .tie_rank = t->tie_rank,
                                             .tie_descending = t->options->ties == TIES_ID_DESCENDING};
        if (!eval_search_open(&options, run->query_vectors, t->n_queries, run->embedder->width, &run->searches[f], err))
            return false;
    }
    return true;
}

static bool search_corpus(retrieval_run *run, int64_t block, senc_error *err) {
    const retrieval_task *t = run->task;
    const int64_t n_documents = data_beir_n_documents(t->beir);
    for (int64_t first = 0; first < n_documents; first += block) {
        const int64_t n = n_documents - first < block ? n_documents - first : block;
        senc_log_status("searching: %lld of %lld documents", (long long)first, (long long)n_documents);
        for (int64_t i = first; i < first + n; i++) {
            const char *text;
            size_t n_bytes;
            if (!data_beir_document_text(t->beir, i, &run->scratch, &text, &n_bytes, err) ||
                !eval_text_block_add(&run->texts, text, n_bytes, err))
                return false;
        }
        if (!eval_text_block_embed(&run->texts, run->embedder, EVAL_DOCUMENT, run->block_vectors, err)) return false;
        for (int f = 0; f < run->functions.n; f++)
            if (!eval_search_add(run->searches[f], run->block_vectors, n, err)) return false;
    }
    for (int f = 0; f < run->functions.n; f++) eval_search_finish(run->searches[f]);
    return true;
}

static int highest_first(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* The list of query i (of the judged ones) as grades; sets grade_of back to zeros. */
static eval_ranking ranking_of(retrieval_run *run, const eval_search *search, int64_t i) {
    const retrieval_task *t = run->task;
    const data_beir_relevance *relevance = data_beir_get_relevance(t->beir);
    const int64_t query = t->queries[i], first = relevance->offsets[query], end = relevance->offsets[query + 1];
    eval_ranking r = {.grades = run->grades, .relevant = run->best, .n_relevant = end - first};
    for (int64_t p = first; p < end; p++) {
        run->grade_of[relevance->documents[p]] = (double)relevance->grades[p];
        run->best[p - first] = (double)relevance->grades[p];
    }
    qsort(run->best, (size_t)r.n_relevant, sizeof(*run->best), highest_first);
    int64_t n_hits;
    const eval_hit *hits = eval_search_hits(search, i, &n_hits);
    const char *own = t->options->ignore_identical_ids ? data_beir_query_id(t->beir, query) : NULL;
    for (int64_t h = 0; h < n_hits; h++) {
        if (own != NULL && strcmp(own, data_beir_document_id(t->beir, hits[h].document)) == 0) continue;
        run->grades[r.n++] = run->grade_of[hits[h].document];
    }
    for (int64_t p = first; p < end; p++) run->grade_of[relevance->documents[p]] = 0;
    return r;
}

static double measure(const retrieval_options *o, const eval_ranking *r, measure_kind kind, int64_t k) {
    switch (kind) {
    case ACCURACY:
        return eval_accuracy_at(r, k);
    case PRECISION:
        return eval_precision_at(r, k);
    case RECALL:
        return eval_recall_at(r, k);
    case NDCG:
        return eval_ndcg_at(r, k, (eval_gain)o->gain);
    case MRR:
        return eval_reciprocal_rank_at(r, k);
    case MAP:
        return eval_average_precision_at(r, k, (eval_ap_denominator)o->ap_denominator);
    }
    return (double)NAN; /* not reached: all cases return */
}

/* Appends one metric with value 0 for each kind and k of a function; a k given twice counts once. */
static bool add_metrics(const retrieval_options *o, eval_similarity function, eval_result *result, senc_error *err) {
    for (measure_kind kind = ACCURACY; kind <= MAP; kind++) {
        const senc_integers *ks = list_of(o, kind);
        for (int64_t i = 0; i < ks->n; i++) {
            bool again = false;
            for (int64_t j = 0; j < i; j++) again = again || ks->items[j] == ks->items[i];
            if (!again &&
                !eval_result_add(result, 0, err, "%s_%s_%s@%lld", result->name, eval_similarity_name(function),
                                 measure_names[kind], (long long)ks->items[i]))
                return false;
        }
    }
    return true;
}

/* Adds what the metrics from `first` on, in the order of add_metrics, are for one query. */
static void sum_metrics(const retrieval_options *o, const eval_ranking *r, eval_metric *first) {
    for (measure_kind kind = ACCURACY; kind <= MAP; kind++) {
        const senc_integers *ks = list_of(o, kind);
        for (int64_t i = 0; i < ks->n; i++) {
            bool again = false;
            for (int64_t j = 0; j < i; j++) again = again || ks->items[j] == ks->items[i];
            if (!again) (first++)->value += measure(o, r, kind, ks->items[i]);
        }
    }
}

static bool measure_all(retrieval_run *run, eval_result *result, senc_error *err) {
    const retrieval_task *t = run->task;
    for (int f = 0; f < run->functions.n; f++) {
        const int64_t first = result->n_metrics;
        if (!add_metrics(t->options, run->functions.items[f], result, err)) return false;
        for (int64_t i = 0; i < t->n_queries; i++) {
            const eval_ranking r = ranking_of(run, run->searches[f], i);
            sum_metrics(t->options, &r, result->metrics + first);
        }
        for (int64_t m = first; m < result->n_metrics; m++) result->metrics[m].value /= (double)t->n_queries;
    }
    return true;
}

/* nDCG@10 of the first function, else its nDCG at the largest k, else its first metric. */
static bool name_primary(const retrieval_run *run, eval_result *result, senc_error *err) {
    const senc_integers *ks = &run->task->options->ndcg_at;
    int64_t k = 0;
    for (int64_t i = 0; i < ks->n && k != 10; i++) k = ks->items[i] == 10 || ks->items[i] > k ? ks->items[i] : k;
    senc_buffer key = {0};
    if (k == 0)
        senc_buffer_append_text(&key, result->metrics[0].key);
    else
        senc_buffer_printf(&key, "%s_%s_ndcg@%lld", result->name, eval_similarity_name(run->functions.items[0]),
                           (long long)k);
    result->primary = senc_buffer_take(&key);
    return result->primary != NULL || senc_fail_memory(err, 1, "an evaluation result");
}

static bool add_counts(const retrieval_task *t, eval_result *result, senc_error *err) {
    const data_beir_relevance *r = data_beir_get_relevance(t->beir);
    const int64_t left_out = data_beir_n_queries(t->beir) - t->n_queries;
    bool ok = left_out > 0
                  ? eval_result_add_count(result, err, "queries: %lld (%lld without relevant documents left out)",
                                          (long long)t->n_queries, (long long)left_out)
                  : eval_result_add_count(result, err, "queries: %lld", (long long)t->n_queries);
    ok = ok && eval_result_add_count(result, err, "documents: %lld", (long long)data_beir_n_documents(t->beir)) &&
         eval_result_add_count(result, err, "relevant pairs: %lld", (long long)r->n_pairs);
    if (ok && r->n_unknown_queries + r->n_unknown_documents > 0)
        ok = eval_result_add_count(result, err, "judgements of unknown queries or documents left out: %lld",
                                   (long long)(r->n_unknown_queries + r->n_unknown_documents));
    return ok;
}

static bool add_rules(const retrieval_options *o, eval_result *result, senc_error *err) {
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
           eval_result_add_rule(result, err, "text of a document: title, a space, text; search is exact");
}

static bool take_memory(retrieval_run *run, int64_t block, senc_error *err) {
    const retrieval_task *t = run->task;
    const size_t n_documents = (size_t)data_beir_n_documents(t->beir);
    run->query_vectors = eval_vectors_alloc(run->embedder, t->n_queries, err);
    if (run->query_vectors == NULL) return false;
    run->block_vectors = eval_vectors_alloc(run->embedder, block, err);
    if (run->block_vectors == NULL) return false;
    run->grade_of = senc_alloc_zero(n_documents, sizeof(double));
    run->grades = senc_alloc((size_t)t->depth, sizeof(double));
    run->best = senc_alloc((size_t)data_beir_get_relevance(t->beir)->n_pairs, sizeof(double));
    if (run->grade_of && run->grades && run->best) return true;
    return senc_fail_memory(err, n_documents * sizeof(double), "relevance");
}

static bool run_all(retrieval_run *run, eval_result *result, senc_error *err) {
    const retrieval_task *t = run->task;
    const int64_t n_documents = data_beir_n_documents(t->beir);
    const int64_t block = t->options->corpus_block < n_documents ? t->options->corpus_block : n_documents;
    const bool searched = take_memory(run, block, err) && embed_queries(run, err) && open_searches(run, err) &&
                          search_corpus(run, block, err);
    senc_log_status("%s", "");
    return searched && measure_all(run, result, err) && name_primary(run, result, err) && add_counts(t, result, err) &&
           add_rules(t->options, result, err);
}

static bool retrieval_evaluate(void *task, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const retrieval_task *t = task;
    retrieval_run run = {.task = t, .embedder = embedder};
    result->name = eval_data_name(t->options->name, t->options->path);
    if (result->name == NULL) return senc_fail_memory(err, 1, "an evaluation result");
    const bool ok =
        eval_similarities_resolve(&t->similarities, embedder, &run.functions, err) && run_all(&run, result, err);
    for (int f = 0; f < EVAL_N_SIMILARITIES; f++) eval_search_close(run.searches[f]);
    eval_text_block_free(&run.texts);
    data_beir_scratch_free(&run.scratch);
    free(run.query_vectors);
    free(run.block_vectors);
    free(run.grade_of);
    free(run.grades);
    free(run.best);
    return ok || senc_error_prefix(err, "evaluation \"%s\": ", result->name);
}

const eval_spec eval_retrieval_spec = {
    .name = "retrieval",
    .help = "a BEIR folder: accuracy, precision, recall, nDCG, MRR and MAP of exact search",
    .options = option_rows,
    .options_bytes = sizeof(retrieval_options),
    .load = retrieval_load,
    .run = retrieval_evaluate,
    .free_task = retrieval_free,
};
