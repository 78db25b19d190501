/* SENC_PROFILE=1: time and floating-point rate of every op, forward and backward. */
#ifndef PROFILE_H
#define PROFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "autograd/tape.h"

#define AG_PROFILE_ROWS 64 /* kinds of ops; the ops and losses of senc are fewer, further kinds share the last row */

typedef struct ag_profile_row {
    const ag_op *op; /* NULL: free */
    int64_t calls;
    double forward_ms, backward_ms, forward_flops, backward_flops;
} ag_profile_row;

typedef struct ag_profile {
    ag_profile_row rows[AG_PROFILE_ROWS];
} ag_profile;

/* NULL when out of memory. Freed with free(). */
ag_profile *ag_profile_create(void);
/* Milliseconds of a clock that only goes forward. */
double ag_profile_clock_ms(void);
void ag_profile_add(ag_profile *p, const ag_node *node, bool backward, double ms);
/* Rows by time, longest first; 80 columns. */
void ag_profile_write(const ag_profile *p, FILE *out);

#endif
