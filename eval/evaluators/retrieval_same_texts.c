/* Texts that stand under several ids of a retrieval corpus: see retrieval_parts.h. */
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "eval/evaluators/retrieval_parts.h"

/* Queries with a relevant document whose text stands elsewhere too. */
static int64_t count_queries(const data_beir *b, const bool *is_shared) {
    const data_beir_relevance *r = data_beir_get_relevance(b);
    int64_t n = 0;
    for (int64_t q = 0; q < data_beir_n_queries(b); q++) {
        bool found = false;
        for (int64_t p = r->offsets[q]; p < r->offsets[q + 1] && !found; p++) found = is_shared[r->documents[p]];
        n += found;
    }
    return n;
}

static bool count(retrieval_task *t, const data_beir_copies *copies, senc_error *err) {
    const int64_t n = data_beir_n_documents(t->beir);
    bool *is_shared = senc_alloc_zero((size_t)n, sizeof *is_shared);
    if (!is_shared) return senc_fail_memory(err, (size_t)n * sizeof *is_shared, "documents");
    for (int64_t i = 0; i < n; i++)
        if (copies->first[i] != i) is_shared[i] = is_shared[copies->first[i]] = true;
    t->n_same_texts = copies->n_texts;
    t->n_same_documents = copies->n_documents;
    t->n_same_queries = count_queries(t->beir, is_shared);
    free(is_shared);
    return true;
}

bool eval_retrieval_find_same_texts(retrieval_task *t, senc_error *err) {
    data_beir_copies copies;
    if (!data_beir_find_copies(t->beir, &copies, err)) return false;
    const bool ok = copies.n_texts == 0 || (count(t, &copies, err) && (t->options->same_text == SAME_TEXT_BY_ID ||
                                                                       data_beir_merge_copies(t->beir, &copies, err)));
    data_beir_copies_free(&copies);
    return ok;
}

bool eval_retrieval_describe_same_texts(const retrieval_task *t, eval_result *result, senc_error *err) {
    if (t->n_same_texts == 0) return true;
    return eval_result_add_count(
               result, err, "texts under several ids: %lld (%lld documents), relevant for %lld of the queries",
               (long long)t->n_same_texts, (long long)t->n_same_documents, (long long)t->n_same_queries) &&
           eval_result_add_rule(result, err,
                                t->options->same_text == SAME_TEXT_ONE
                                    ? "same text under several ids: one document, as relevant as the best of them"
                                    : "same text under several ids: documents of their own, ordered like other ties "
                                      "(sentence-transformers); same_text = \"one\" makes them one document");
}
