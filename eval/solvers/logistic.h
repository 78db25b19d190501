/* Logistic regression on fixed vectors, as scikit-learn's LogisticRegression has it (L2, intercepts not penalised):
 *
 *     minimise  C sum_i loss(x_i, y_i) + |W|^2 / 2
 *
 * with the multinomial loss, and for two classes the binomial one with a single row of weights. It is convex; where it
 * ends does not depend on who minimises it, but on how far. */
#ifndef EVAL_LOGISTIC_H
#define EVAL_LOGISTIC_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

typedef struct eval_logistic_options {
    double c; /* > 0 */
    int64_t max_iterations;
    double tolerance; /* largest component of the gradient of the objective / (C n) */
} eval_logistic_options;

typedef struct eval_logistic {
    int64_t n_classes, n_rows, width; /* n_rows: 1 for two classes, else n_classes */
    double *weights;                  /* (n_rows, width) */
    double *intercepts;               /* (n_rows) */
    int64_t n_iterations;
    bool converged;
} eval_logistic;

/* x (n, width), classes (n) from 0 to n_classes - 1, n_classes >= 2. Uses all threads; the result does not depend on
 * their number. False: out of memory. */
bool eval_logistic_fit(const eval_logistic_options *options, const float *x, const int64_t *classes, int64_t n,
                       int64_t width, int64_t n_classes, eval_logistic *out, senc_error *err);
void eval_logistic_free(eval_logistic *m);

/* predicted (n): the likeliest class, the first of several. decision (n) or NULL: with two classes, the log odds of
 * class 1, else of the predicted class against nothing (its linear score). False: out of memory. */
bool eval_logistic_predict(const eval_logistic *m, const float *x, int64_t n, int64_t *predicted, double *decision,
                           senc_error *err);

#endif
