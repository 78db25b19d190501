/* Where a NaN or Inf came from. */
#ifndef FINITE_H
#define FINITE_H

#include "autograd/tape.h"

/* SENC_CHECK_FINITE: remember the first bad tensor in t->first_bad. */
void ag_finite_check_value(ag_tape *t, const ag_node *node);
/* The gradients that node's backward has written. */
void ag_finite_check_grads(ag_tape *t, const ag_node *node);
/* The error for t->first_bad: name, shape, place. Returns false. */
bool ag_finite_report(const ag_tape *t, senc_error *err);

#endif
