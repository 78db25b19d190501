/* A comparison for people (80 columns, or Markdown) and for machines (JSON). */
#ifndef EVAL_COMPARISON_REPORT_H
#define EVAL_COMPARISON_REPORT_H

#include "autograd/base/buffer.h"
#include "data/formats/json.h"
#include "eval/statistics/comparison.h"
#include "eval/statistics/standings.h"
#include "eval/statistics/switching_cost.h"

/* What stands beside the verdicts; {0}: nothing. */
typedef struct eval_comparison_costs {
    const eval_switching_cost *items; /* (n) one for each model, the base first */
    int64_t n, n_documents;           /* of the index that the costs are told for */
    const eval_standings *standings;  /* of three models and more; or NULL */
} eval_comparison_costs;

void eval_comparison_print(const eval_comparison *c, const eval_comparison_costs *costs, bool markdown,
                           senc_buffer *out);
/* "the first answer is right: 81 % -> 85 %; ...": the headline metrics and what is often quoted beside them in plain
 * words (metric_words.h), with the name of the data where there are several. */
void eval_candidate_plain_words(const eval_candidate *candidate, const char *arrow, const char *separator,
                                senc_buffer *out);
/* What a change is of: "nfcorpus_ndcg@10". Returns out. */
const char *eval_change_name(const eval_change *c, char *out, size_t out_bytes);
/* "m reads 256 tokens and cut 94.6 % of the texts, bm25 read everything"; false: they read the same, or it is not
 * known.
 */
bool eval_change_readings(const eval_change *c, const char *base, const char *candidate, char *out, size_t out_bytes);
/* " on medquad, better on nfcorpus": where a verdict comes from that not all headline metrics share; else nothing. */
void eval_candidate_where(const eval_candidate *candidate, senc_buffer *out);
/* "Better too: faq_cosine_mrr@10 +0.0312. Worse, without deciding: ...": the other metrics whose change is certain;
 * nothing where there are none. */
void eval_candidate_others(const eval_candidate *candidate, senc_buffer *out);
/* "too few units": what is missing for a verdict EVAL_VERDICT_TOO_FEW. */
const char *eval_candidate_why_undecided(const eval_candidate *candidate);
/* "213 of 213 questions were trained on": why a verdict is withheld; written to out, which is returned. */
const char *eval_change_leak_words(const eval_change *c, const char *base_label, char *out, size_t out_bytes);
/* How numbers and verdicts come about, a line each; returns how many. standings: NULL: there are none. */
enum { EVAL_COMPARISON_RULES = 6, EVAL_COMPARISON_RULE_BYTES = 320 };
int eval_comparison_rules(const eval_comparison *c, const eval_standings *standings,
                          char rules[EVAL_COMPARISON_RULES][EVAL_COMPARISON_RULE_BYTES]);

/* For each candidate the verdict with its reasons, then an empty line. base_words: "today", "the untouched model". */
void eval_comparison_print_verdicts(const eval_comparison *c, const char *base_words, bool markdown, senc_buffer *out);

/* The verdicts and the costs (n_costs: one for each model, or 0); the standings have a function of their own. */
void eval_comparison_put_json(const eval_comparison *c, const eval_switching_cost *costs, int64_t n_costs,
                              int64_t n_documents, data_json *object);

#endif
