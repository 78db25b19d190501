/* L-BFGS (Nocedal, Wright: Numerical Optimization, 2nd ed., algorithm 7.4) for smooth convex functions. */
#ifndef EVAL_LBFGS_H
#define EVAL_LBFGS_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

/* The function at x (n) and its gradient (n). */
typedef double eval_objective(void *context, const double *x, double *gradient);

typedef struct eval_lbfgs_options {
    int64_t max_iterations;
    double tolerance; /* done when no component of the gradient is larger */
} eval_lbfgs_options;

typedef struct eval_lbfgs_outcome {
    int64_t n_iterations;
    bool converged; /* false: the iterations, or the digits of a double, ran out first */
    double value, largest_gradient;
} eval_lbfgs_outcome;

/* x (n): where to start, and where it ended. Deterministic. False: out of memory. */
bool eval_lbfgs_minimize(const eval_lbfgs_options *options, eval_objective *objective, void *context, int64_t n,
                         double *x, eval_lbfgs_outcome *outcome, senc_error *err);

#endif
