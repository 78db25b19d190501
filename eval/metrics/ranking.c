/* See ranking.h: every formula stands at its declaration. */
#include "eval/metrics/ranking.h"

#include <math.h>

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t hits_at(const eval_ranking *r, int64_t k) {
    int64_t hits = 0;
    for (int64_t i = 0; i < smaller(k, r->n); i++) hits += r->grades[i] > 0;
    return hits;
}

double eval_accuracy_at(const eval_ranking *r, int64_t k) {
    return hits_at(r, k) > 0;
}

double eval_precision_at(const eval_ranking *r, int64_t k) {
    return (double)hits_at(r, k) / (double)k;
}

double eval_recall_at(const eval_ranking *r, int64_t k) {
    return (double)hits_at(r, k) / (double)r->n_relevant;
}

double eval_reciprocal_rank_at(const eval_ranking *r, int64_t k) {
    for (int64_t i = 0; i < smaller(k, r->n); i++)
        if (r->grades[i] > 0) return 1.0 / (double)(i + 1);
    return 0;
}

double eval_average_precision_at(const eval_ranking *r, int64_t k, eval_ap_denominator denominator) {
    int64_t hits = 0;
    double sum = 0;
    for (int64_t i = 0; i < smaller(k, r->n); i++) {
        if (!(r->grades[i] > 0)) continue;
        hits++;
        sum += (double)hits / (double)(i + 1);
    }
    return sum / (double)(denominator == EVAL_AP_MIN ? smaller(k, r->n_relevant) : r->n_relevant);
}

static double gain_of(double grade, eval_gain gain) {
    if (!(grade > 0)) return 0;
    switch (gain) {
    case EVAL_GAIN_BINARY:
        return 1;
    case EVAL_GAIN_LINEAR:
        return grade;
    case EVAL_GAIN_EXPONENTIAL:
        return exp2(grade) - 1;
    }
    return (double)NAN; /* not reached: all cases return */
}

static double dcg_of(const double *grades, int64_t n, eval_gain gain) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += gain_of(grades[i], gain) / log2((double)(i + 2));
    return sum;
}

double eval_ndcg_at(const eval_ranking *r, int64_t k, eval_gain gain) {
    return dcg_of(r->grades, smaller(k, r->n), gain) / dcg_of(r->relevant, smaller(k, r->n_relevant), gain);
}

double eval_ndcg_shared_at(const eval_ranking *r, const double *scores, int64_t k, eval_gain gain) {
    double sum = 0;
    for (int64_t first = 0, end; first < smaller(k, r->n); first = end) {
        double gains = 0, discounts = 0;
        for (end = first; end < r->n && scores[end] == scores[first]; end++) {
            gains += gain_of(r->grades[end], gain);
            if (end < k) discounts += 1 / log2((double)(end + 2));
        }
        sum += gains / (double)(end - first) * discounts;
    }
    return sum / dcg_of(r->relevant, smaller(k, r->n_relevant), gain);
}
