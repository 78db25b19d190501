/* Gradient check of the examples in the op and loss registries, in the build where `real` is double.
 *
 * 1. Derivatives come from the forward pass alone, by central differences of fourth order.
 * 2. The objective is a random projection of the output, not its sum: a sum hides errors in softmax and layer norm.
 * 3. Gradients hold random numbers before backward (parameters: finds `=` for `+=`), and NaN where the first writer
 * must overwrite.
 * 4. Every fresh buffer of the tape holds NaN, so an output element that is not written is found.
 * 5. The worst element counts, and fails unless error <= tolerance: NaN fails.
 * 6. Nothing is left out: no examples, or an input whose derivative is zero everywhere, is a failure.
 *
 * Each example runs with its inputs as parameters (accumulate), as inputs (overwrite), and with one input after the
 * other constant. */
#ifndef GRADIENT_CHECK_H
#define GRADIENT_CHECK_H

#include <stdbool.h>

#include "autograd/tape.h"

#define GRADIENT_CHECK_TOLERANCE 1e-6 /* relative; the differences themselves are good to about 1e-9 */

typedef struct gradient_report {
    double worst;   /* largest relative error of all examples */
    char text[512]; /* the worst element, or what else is wrong: "linear, gelu: input 1 [2,0]: ..." */
} gradient_report;

/* True when all examples ({0}-terminated; name: the op's or loss's) have the right gradients. */
bool gradient_check(const char *name, const ag_example *examples, gradient_report *report);

/* True when a node of this op is in the graph of at least one of the examples. */
bool gradient_check_reaches(const ag_op *op, const ag_example *examples);

#endif
