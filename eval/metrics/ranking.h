/* Metrics of one ranked list, for retrieval. A document is relevant when its grade is above 0. */
#ifndef EVAL_RANKING_H
#define EVAL_RANKING_H

#include <stdbool.h>
#include <stdint.h>

/* What the list was found to hold. n may be below k: what was not found counts as not relevant. */
typedef struct eval_ranking {
    const double *grades; /* (n) of the found documents, best first; <= 0: not relevant */
    int64_t n;
    const double *relevant; /* (n_relevant) grades of all relevant documents, all > 0, from the highest to the lowest */
    int64_t n_relevant;     /* >= 1 */
} eval_ranking;

/* What a relevant document is worth in nDCG. */
typedef enum eval_gain {
    EVAL_GAIN_BINARY,      /* 1 (sentence-transformers) */
    EVAL_GAIN_LINEAR,      /* its grade (trec_eval, BEIR, mteb) */
    EVAL_GAIN_EXPONENTIAL, /* 2^grade - 1 (Burges et al. 2005) */
} eval_gain;

/* What average precision at k divides by. */
typedef enum eval_ap_denominator {
    EVAL_AP_MIN,      /* min(k, relevant documents) (sentence-transformers) */
    EVAL_AP_RELEVANT, /* relevant documents (trec_eval's map_cut) */
} eval_ap_denominator;

/* 1 when one of the first k is relevant, else 0. All: k >= 1. */
double eval_accuracy_at(const eval_ranking *r, int64_t k);
/* Relevant ones among the first k, divided by k. */
double eval_precision_at(const eval_ranking *r, int64_t k);
/* Relevant ones among the first k, divided by all relevant ones. */
double eval_recall_at(const eval_ranking *r, int64_t k);
/* 1 / rank of the first relevant one among the first k, 0 without one; its mean is MRR@k. */
double eval_reciprocal_rank_at(const eval_ranking *r, int64_t k);
/* Sum over the relevant ones among the first k of the precision at their rank, divided as the rule says; its mean is
 * MAP@k. */
double eval_average_precision_at(const eval_ranking *r, int64_t k, eval_ap_denominator denominator);
/* DCG@k / that of the best possible list of all relevant documents; DCG = sum gain / log2(rank + 1) (Jarvelin,
 * Kekalainen 2002). */
double eval_ndcg_at(const eval_ranking *r, int64_t k, eval_gain gain);

/* The same where documents of equal score share their places: each has the mean gain of all of them (McSherry, Najork
 * 2008; scikit-learn's ndcg_score). scores (n) of the found documents, best first. */
double eval_ndcg_shared_at(const eval_ranking *r, const double *scores, int64_t k, eval_gain gain);

#endif
