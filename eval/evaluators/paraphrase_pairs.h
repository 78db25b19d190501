/* Pairs of texts: which belong together, and which a search found. Inside of paraphrase_mining_evaluator.c. */
#ifndef EVAL_PARAPHRASE_PAIRS_H
#define EVAL_PARAPHRASE_PAIRS_H

#include "data/table.h"
#include "eval/search.h"

/* Which rows belong together: those of one group, or those whose pair is listed. */
typedef struct eval_duplicates {
    int64_t n;       /* rows */
    int64_t *groups; /* (n), or NULL and */
    int64_t *keys;   /* (n_pairs) a * n + b for a < b, ascending */
    int64_t n_pairs; /* that belong together */
    int64_t n_ignored;
    bool *has_one; /* (n) whether a row has a counterpart */
} eval_duplicates;

bool eval_duplicates_of_labels(const data_set *set, int64_t label_slot, eval_duplicates *out, senc_error *err);
/* Pairs of a row with itself and those with an id that no row has are ignored. An id that stands twice is an error.
 * transitive: whatever hangs together is one group. */
bool eval_duplicates_of_pairs(const data_set *set, int64_t id_slot, const data_set *pairs, int64_t slot1, int64_t slot2,
                              bool transitive, eval_duplicates *out, senc_error *err);
void eval_duplicates_free(eval_duplicates *d);
bool eval_duplicates_has(const eval_duplicates *d, int64_t a, int64_t b);

typedef struct eval_scored_pair {
    int64_t a, b; /* a < b */
    double score;
} eval_scored_pair;

typedef struct eval_pair_list {
    eval_scored_pair *items; /* best first; equal scores in the order of a, b */
    int64_t n;
} eval_pair_list;

/* The max_pairs best pairs of a text and one of its top_k nearest others, each pair once. The search holds at least
 * min(n, top_k + 1) hits of every text. The caller frees items. */
bool eval_pairs_collect(const eval_search *search, int64_t n, int64_t top_k, int64_t max_pairs, eval_pair_list *out,
                        senc_error *err);

/* Scores all pairs again in double, from the vectors (n, width) of the texts: floats would make equal what is not. */
void eval_pairs_score(eval_pair_list *pairs, eval_similarity similarity, const float *vectors, int64_t width);

typedef struct eval_mining {
    double average_precision, f1, precision, recall, threshold;
} eval_mining;

/* As sentence-transformers' ParaphraseMiningEvaluator: equal scores are never parted; average precision and recall are
 * of all pairs that belong together; f1 is the best one, its threshold halfway to the next score. */
eval_mining eval_pairs_judge(const eval_pair_list *pairs, const eval_duplicates *duplicates);

#endif
