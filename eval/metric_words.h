/* Metrics in plain words: one table, from which the terminal, Markdown, HTML and comparisons say what a key means
 * ("right answers found in the top 10: 75 % -> 78 %") and what stands in a report's list of terms. */
#ifndef EVAL_METRIC_WORDS_H
#define EVAL_METRIC_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct eval_metric_words {
    char name[48];       /* the metric without data and similarity: "ndcg@10" */
    char words[112];     /* "right answers found in the top 10" */
    bool is_share;       /* of questions, pairs, ...: reads as per cent */
    const char *term;    /* "nDCG@k": static */
    const char *meaning; /* one line: static */
} eval_metric_words;

/* type: the evaluator's ("retrieval"); NULL: unknown, then the key alone decides. data: the name of the result; NULL:
 * none stands in front. key: "faq_cosine_ndcg@10". False, with everything empty: a metric without words. */
bool eval_metric_find_words(const char *type, const char *data, const char *key, eval_metric_words *out);

/* A value in plain words: "75 %" of a share, else "0.8152"; "-" for NaN. Written to out, which is returned. */
const char *eval_metric_value_text(const eval_metric_words *words, double value, char *out, size_t out_bytes);

/* "right answers found in the top 10: 75 % -> 78 %"; shares get as many digits as show the difference. arrow: "->". */
const char *eval_metric_change_text(const eval_metric_words *words, double before, double after, const char *arrow,
                                    char *out, size_t out_bytes);

#endif
