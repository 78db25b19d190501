/* How well scores tell positives from others, and how well predicted classes match the true ones. The formulas and the
 * treatment of ties are scikit-learn's and those of sentence-transformers' BinaryClassificationEvaluator. */
#ifndef EVAL_CLASSIFICATION_H
#define EVAL_CLASSIFICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

/* Of scores (larger: more likely positive) at the best thresholds. A pair is predicted positive when its score is at
 * least the threshold; equal scores are never parted. */
typedef struct eval_binary {
    double accuracy, accuracy_threshold; /* the best accuracy, and where: halfway between the two scores */
    double f1, f1_threshold;             /* the best F1, likewise */
    double precision, recall, mcc;       /* at f1_threshold */
    double best_mcc;                     /* at its own best threshold */
    double average_precision;
} eval_binary;

/* labels (n): > 0 is positive. Both kinds must be among them; scores are finite. False: out of memory. */
bool eval_binary_measure(const double *scores, const double *labels, int64_t n, eval_binary *out, senc_error *err);

/* sum over thresholds of (recall - previous recall) x precision, equal scores together (scikit-learn's
 * average_precision_score). NaN without a positive. False: out of memory. */
bool eval_average_precision(const double *scores, const double *labels, int64_t n, double *out, senc_error *err);

/* Matthews' correlation of two yes/no answers from their counts; 0 where it is undefined, as scikit-learn has it. */
double eval_mcc(int64_t true_positives, int64_t false_positives, int64_t false_negatives, int64_t true_negatives);

/* Of predicted classes. Macro: the mean over the classes that are true or predicted somewhere; weighted: by how often
 * they are true. What is 0 / 0 counts as 0. */
typedef struct eval_classes {
    double accuracy, f1_macro, f1_weighted, precision_weighted, recall_weighted;
} eval_classes;

/* gold, predicted (n), n >= 1: classes from 0 to n_classes - 1. False: out of memory. */
bool eval_classes_measure(const int64_t *gold, const int64_t *predicted, int64_t n, int64_t n_classes,
                          eval_classes *out, senc_error *err);

#endif
