/* The units of two evaluations of the same data, side by side. */
#ifndef EVAL_PAIRING_H
#define EVAL_PAIRING_H

#include "eval/evaluator.h"

/* order (n_units of a): order[i] is the unit of b with the id of a's unit i. Ids that a side lacks or has twice, and
 * other texts or gold scores behind an id, are BAD_INPUT errors with counts; the labels name the sides in messages. */
bool eval_pair_units(const eval_result *a, const char *a_label, const eval_result *b, const char *b_label,
                     int64_t **order, senc_error *err);

/* The series of b that measures the same as a's: the same key, else the same key but for the function in it
 * ("faq_cosine_ndcg@10", "faq_bm25_ndcg@10"). NULL: none. */
const eval_series *eval_pair_series(const eval_result *a, const eval_series *series, const eval_result *b);

/* The metric of a key of r: without its data's name, "cosine_ndcg@10", and without_function also without the function,
 * "ndcg@10", "spearman". Returns out. */
const char *eval_metric_name(const eval_result *r, const char *key, bool without_function, char *out, size_t out_bytes);

/* Whether `key` ends with the metric at a '_' or is it. */
bool eval_key_matches(const char *key, const char *metric);

#endif
