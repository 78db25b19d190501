/* A comparison for people (80 columns, or Markdown) and for machines (JSON). */
#ifndef EVAL_COMPARISON_REPORT_H
#define EVAL_COMPARISON_REPORT_H

#include "autograd/base/buffer.h"
#include "data/formats/json.h"
#include "eval/statistics/comparison.h"

/* What it costs to run a model, and to change to it. */
typedef struct eval_switching_cost {
    const char *label;
    int64_t dimension, bytes_per_vector;        /* 0: no vectors, or unknown */
    double texts_per_second;                    /* as measured in this run; 0: not measured */
    double tokens_per_text, dollars_per_text;   /* of an embedding API; tokens 0: it is none; dollars NaN: unknown */
    const char *query_prompt, *document_prompt; /* NULL: none or unknown */
    bool from_old_index; /* the same model as today's: its vectors follow from those of the old index */
    /* Can the old index be kept? The candidate's query vectors, mapped into the base's space, against the base's
     * document vectors. key NULL: not measured. */
    const char *map_key, *map_method;
    double map_value, map_base, map_candidate; /* of that metric: mapped, base alone, candidate alone */
    int64_t map_n_fitted;                      /* texts that the map was fitted on */
    double map_cosine;                         /* mean of mapped and old vectors of texts it was not fitted on */
} eval_switching_cost;

/* "embedding 1000000 documents costs about $0.52: 26 tokens a text at $0.02 per million"; false: it is no API, or free.
 */
bool eval_switching_cost_describe(const eval_switching_cost *c, int64_t n_documents, char *out, size_t out_bytes);

/* costs (n_costs): one for each model, the base first; n_costs 0: none are shown. */
void eval_comparison_print(const eval_comparison *c, const eval_switching_cost *costs, int64_t n_costs,
                           int64_t n_documents, bool markdown, senc_buffer *out);
/* What map_value says: whether the old index can stay. */
const char *eval_switching_cost_map_words(const eval_switching_cost *c);
/* " on medquad, better on nfcorpus": where a verdict comes from that not all headline metrics share; else nothing. */
void eval_candidate_where(const eval_candidate *candidate, senc_buffer *out);
/* "Better too: faq_cosine_mrr@10 +0.0312. Worse, without deciding: ...": the other metrics whose change is certain;
 * nothing where there are none. */
void eval_candidate_others(const eval_candidate *candidate, senc_buffer *out);
/* "213 of 213 questions were trained on": why a verdict is withheld; written to out, which is returned. */
const char *eval_change_leak_words(const eval_change *c, const char *base_label, char *out, size_t out_bytes);
/* How numbers and verdicts come about, a line each. */
enum { EVAL_COMPARISON_RULES = 4, EVAL_COMPARISON_RULE_BYTES = 320 };
void eval_comparison_rules(const eval_comparison *c, char rules[][EVAL_COMPARISON_RULE_BYTES]);

/* For each candidate the verdict with its reasons, then an empty line. base_words: "today", "the untouched model". */
void eval_comparison_print_verdicts(const eval_comparison *c, const char *base_words, bool markdown, senc_buffer *out);

void eval_comparison_put_json(const eval_comparison *c, const eval_switching_cost *costs, int64_t n_costs,
                              int64_t n_documents, data_json *object);

#endif
