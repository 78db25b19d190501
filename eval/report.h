/* Evaluation results for people (tables on the terminal, Markdown) and for machines (JSON). */
#ifndef EVAL_REPORT_H
#define EVAL_REPORT_H

#include "autograd/base/buffer.h"
#include "data/formats/json.h"
#include "eval/evaluator.h"

/* For each result: name, type, the headline metric with its full key, all metrics as a grid (spearman x cosine, ndcg x
 * @10), then the counts and the rules. 80 columns. */
void eval_report_print(const eval_result *results, int64_t n, senc_buffer *out);

/* What stands beside before and after in a column of its own: BM25. Results belong to the others by their names. */
typedef struct eval_report_baseline {
    const char *label;
    const eval_result *results; /* (n) of some of the data */
    int64_t n;
} eval_report_baseline;
/* The baseline's metric that measures what `key` does of the result of that name: in keys of rankings only the function
 * differs ("nfcorpus_cosine_ndcg@10", "nfcorpus_bm25_ndcg@10"). NULL: there is none. */
const eval_metric *eval_report_find_baseline(const eval_report_baseline *baseline, const eval_result *result,
                                             const char *key);

/* The same results before and after training (same order, same data): metric, before, after, change, and where there is
 * one the baseline (NULL, n = 0: none). The headline metrics with those often quoted beside them (accuracy@1, MRR@10,
 * recall@10), or all metrics. A metric that one side lacks is shown as "-". */
void eval_report_print_change(const eval_result *before, const eval_result *after, int64_t n,
                              const eval_report_baseline *baseline, bool all, senc_buffer *out);

/* Metrics that stand beside the headline one in a short table: what people quote of a retrieval. */
bool eval_report_is_often_quoted(const char *key);

/* As above, as Markdown tables. */
void eval_report_print_markdown(const eval_result *results, int64_t n, senc_buffer *out);
void eval_report_print_change_markdown(const eval_result *before, const eval_result *after, int64_t n,
                                       const eval_report_baseline *baseline, bool all, senc_buffer *out);

/* Puts into an object: "metrics" {key: value} of all results, "rules" and "counts" {name: [text]}, and "results"
 * [{"name", "type", "primary", "greater_is_better", "reading", "metrics"}]. Failure is the document's (sticky). */
void eval_report_put_json(const eval_result *results, int64_t n, data_json *object);
/* name: {"texts", "cut_texts", "cut_share", "max_length"}; nothing where it is unknown. */
void eval_reading_put_json(const eval_reading *r, const char *name, data_json *object);

#endif
