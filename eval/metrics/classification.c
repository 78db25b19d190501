/* See classification.h: every formula stands at its declaration. */
#include "eval/metrics/classification.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"

typedef struct scored {
    double score;
    bool positive;
} scored;

static int highest_first(const void *a, const void *b) {
    const scored *p = a, *q = b;
    return (p->score < q->score) - (p->score > q->score);
}

/* The scores from the highest to the lowest; NULL when memory runs out. */
static scored *sort_scores(const double *scores, const double *labels, int64_t n, int64_t *n_positives,
                           senc_error *err) {
    scored *order = senc_alloc((size_t)n, sizeof *order);
    if (!order) {
        senc_fail_memory(err, (size_t)n * sizeof *order, "scores");
        return NULL;
    }
    *n_positives = 0;
    for (int64_t i = 0; i < n; i++) {
        order[i] = (scored){scores[i], labels[i] > 0};
        *n_positives += order[i].positive;
    }
    qsort(order, (size_t)n, sizeof *order, highest_first);
    return order;
}

double eval_mcc(int64_t true_positives, int64_t false_positives, int64_t false_negatives, int64_t true_negatives) {
    const double tp = (double)true_positives, fp = (double)false_positives, fn = (double)false_negatives,
                 tn = (double)true_negatives;
    const double under = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn);
    return under > 0 ? (tp * tn - fp * fn) / sqrt(under) : 0;
}

/* Behind score i: halfway to the next one; the score itself where the middle would round to the next. */
static double threshold_behind(const scored *order, int64_t n, int64_t i) {
    if (i + 1 == n) return order[i].score;
    const double middle = (order[i].score + order[i + 1].score) / 2;
    return middle == order[i + 1].score ? order[i].score : middle;
}

/* What the first `taken` scores, of which `hits` are positive, would give as the predicted positives. */
static void try_threshold(const scored *order, int64_t n, int64_t n_positives, int64_t taken, int64_t hits,
                          eval_binary *best) {
    const int64_t misses = taken - hits, left = n_positives - hits, rest = n - n_positives - misses;
    const double accuracy = (double)(hits + rest) / (double)n;
    if (accuracy > best->accuracy) {
        best->accuracy = accuracy;
        best->accuracy_threshold = threshold_behind(order, n, taken - 1);
    }
    const double mcc = eval_mcc(hits, misses, left, rest);
    if (mcc > best->best_mcc) best->best_mcc = mcc;
    if (hits == 0) return;
    const double precision = (double)hits / (double)taken, recall = (double)hits / (double)n_positives;
    const double f1 = 2 * precision * recall / (precision + recall);
    if (!(f1 > best->f1)) return;
    best->f1 = f1;
    best->precision = precision;
    best->recall = recall;
    best->mcc = mcc;
    best->f1_threshold = threshold_behind(order, n, taken - 1);
}

bool eval_binary_measure(const double *scores, const double *labels, int64_t n, eval_binary *out, senc_error *err) {
    int64_t n_positives, hits = 0, hits_before = 0;
    scored *order = sort_scores(scores, labels, n, &n_positives, err);
    if (!order) return false;
    SENC_ASSERT(n_positives > 0 && n_positives < n, "%lld of %lld positive", (long long)n_positives, (long long)n);
    /* No pair at all is predicted positive: the threshold just above all scores. */
    *out = (eval_binary){.accuracy = (double)(n - n_positives) / (double)n,
                         .accuracy_threshold = nextafter(order[0].score, HUGE_VAL)};
    for (int64_t i = 0; i < n; i++) {
        hits += order[i].positive;
        if (i + 1 < n && order[i].score == order[i + 1].score) continue;
        try_threshold(order, n, n_positives, i + 1, hits, out);
        out->average_precision += (double)(hits - hits_before) / (double)n_positives * ((double)hits / (double)(i + 1));
        hits_before = hits;
    }
    free(order);
    return true;
}

bool eval_average_precision(const double *scores, const double *labels, int64_t n, double *out, senc_error *err) {
    int64_t n_positives, hits = 0, hits_before = 0;
    scored *order = sort_scores(scores, labels, n, &n_positives, err);
    if (!order) return false;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        hits += order[i].positive;
        if (i + 1 < n && order[i].score == order[i + 1].score) continue;
        sum += (double)(hits - hits_before) / (double)n_positives * ((double)hits / (double)(i + 1));
        hits_before = hits;
    }
    free(order);
    *out = n_positives > 0 ? sum : NAN;
    return true;
}

/* ---- classes ---- */

typedef struct class_counts {
    int64_t gold, predicted, both;
} class_counts;

bool eval_classes_measure(const int64_t *gold, const int64_t *predicted, int64_t n, int64_t n_classes,
                          eval_classes *out, senc_error *err) {
    class_counts *counts = senc_alloc_zero((size_t)n_classes, sizeof *counts);
    if (!counts) return senc_fail_memory(err, (size_t)n_classes * sizeof *counts, "classes");
    int64_t n_right = 0, n_seen = 0;
    for (int64_t i = 0; i < n; i++) {
        counts[gold[i]].gold++;
        counts[predicted[i]].predicted++;
        if (gold[i] != predicted[i]) continue;
        counts[gold[i]].both++;
        n_right++;
    }
    *out = (eval_classes){.accuracy = (double)n_right / (double)n};
    for (int64_t k = 0; k < n_classes; k++) {
        const double g = (double)counts[k].gold, p = (double)counts[k].predicted, b = (double)counts[k].both;
        if (counts[k].gold + counts[k].predicted == 0) continue;
        n_seen++;
        const double f1 = 2 * b / (g + p);
        out->f1_macro += f1;
        out->f1_weighted += f1 * g / (double)n;
        out->precision_weighted += p > 0 ? b / p * g / (double)n : 0;
        out->recall_weighted += b / (double)n;
    }
    out->f1_macro /= (double)n_seen;
    free(counts);
    return true;
}
