/* The tape: reverse-mode automatic differentiation over row-major matrices (Baydin et al. 2018, section 3.2). An op's builder checks
 * shapes, runs forward at once and appends a node; ag_tape_backward walks the nodes in reverse. Values and saved statistics live in an
 * arena that is reset at once; gradients of intermediates come from free lists and go back as soon as their node's backward ran.
 *
 * Failure is sticky: past the memory limit builders return a node without data, later builders do nothing, and ag_tape_check says so once.
 * So builders never return NULL and nobody checks in between.
 *
 * Inference (ag_tape_init with gradients = false): nothing is kept; ag_release hands a value back for reuse. */
#ifndef AG_TAPE_H
#define AG_TAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/arena.h"
#include "autograd/base/error.h"
#include "autograd/base/real.h"
#include "autograd/kernels/kernels.h"
#include "autograd/params.h"

#define AG_MAX_INPUTS 6

typedef struct ag_tape ag_tape;
typedef struct ag_node ag_node;
typedef struct ag_op ag_op;

struct ag_node {
    const ag_op *op;  /* NULL: a leaf (constant, input or parameter) */
    int64_t rows, cols;
    real *value;      /* (rows, cols); NULL once the tape has failed */
    real *grad;       /* NULL until a consumer's backward has written it */
    bool grad_written;
    bool needs_grad;
    ag_param *param;  /* leaf bound to a parameter: grad is the parameter's, always accumulated */
    ag_node *in[AG_MAX_INPUTS];
    int n_in;
    void *attr;       /* the op's own options and saved statistics, in the tape's arena */
    const char *label; /* "layer 4 attention", for SENC_CHECK_FINITE; borrowed */
    ag_node *previous; /* order of the tape */
};

/* An example for the gradient check. Inputs are filled with uniform random numbers in [low, high]; build makes the graph from them and
 * returns its output (any shape). context: static data the builder needs. */
typedef struct ag_example {
    const char *name;
    int n_inputs;
    int64_t shapes[AG_MAX_INPUTS][2];
    double low, high;
    ag_node *(*build)(ag_tape *t, ag_node **inputs);
} ag_example;

struct ag_op {
    const char *name;
    void (*forward)(ag_tape *t, ag_node *node);
    /* Adds to the gradients of node->in[...] through ag_grad; node->grad holds the gradient of the output. */
    void (*backward)(ag_tape *t, ag_node *node);
    double (*flops)(const ag_node *node); /* useful floating-point operations of forward; NULL: not counted */
    bool backward_reads_output;            /* false: the output's memory may be reused before backward (add_norm does) */
    const ag_example *examples;            /* ended by {0}; none: the gradient check fails */
};

struct ag_tape {
    const kern_table *kernels;
    senc_arena arena;
    ag_node *last;
    bool gradients; /* false: inference */
    bool failed;
    int64_t n_nodes;
    struct ag_pool *pool; /* free lists for gradients and, in inference, values */
    double backward_flops_factor;
    bool check_finite; /* SENC_CHECK_FINITE=1 */
    const ag_node *first_bad; /* first node with a NaN or Inf, when check_finite */
    struct ag_profile *profile; /* SENC_PROFILE=1, else NULL */
};

/* limit_bytes bounds activations + intermediate gradients (0: none). */
bool ag_tape_init(ag_tape *t, const kern_table *kernels, bool gradients, int64_t limit_bytes, senc_error *err);
void ag_tape_free(ag_tape *t);
/* Forgets all nodes, keeps the memory. */
void ag_tape_reset(ag_tape *t);
/* False, with one clear error, once the tape has failed (memory limit) or a non-finite value was found under check_finite. */
bool ag_tape_check(const ag_tape *t, senc_error *err);
/* Highest bytes used for values and gradients so far. */
int64_t ag_tape_peak_bytes(const ag_tape *t);

/* Leaves. ag_constant borrows data (rows, cols); ag_input also wants its gradient, found in node->grad after backward (valid until
 * reset; NULL when nothing flowed into it); ag_param_node binds a parameter. */
ag_node *ag_constant(ag_tape *t, const real *data, int64_t rows, int64_t cols);
ag_node *ag_input(ag_tape *t, real *data, int64_t rows, int64_t cols);
ag_node *ag_param_node(ag_tape *t, ag_param *p);

/* For op builders: a node with room for its value and attr_bytes of zeroed attributes; needs_grad if any input does. Follow with
 * ag_run, which runs forward (and the profile and finite checks). When the tape failed, both do nothing. */
ag_node *ag_node_create(ag_tape *t, const ag_op *op, int64_t rows, int64_t cols, ag_node *const *in, int n_in,
                        size_t attr_bytes);
ag_node *ag_run(ag_tape *t, ag_node *node);
/* Memory that lives as long as the node (arena); NULL when failed. */
void *ag_node_alloc(ag_tape *t, size_t n, size_t size_bytes);
/* Scratch during one forward or backward: take, then give back. NULL when failed. */
real *ag_scratch_take(ag_tape *t, int64_t n);
void ag_scratch_give(ag_tape *t, real *scratch, int64_t n);

/* For backward: where the gradient of `in` goes, and beta (0 first writer, 1 afterwards; parameters always 1). NULL when `in` needs
 * none. */
real *ag_grad(ag_tape *t, ag_node *in, real *beta);

/* The value of this node will not be read again in this forward pass: inference hands its memory on, training does nothing. */
void ag_release(ag_tape *t, ag_node *node);

void ag_label(ag_node *node, const char *label);

/* Backward from `output` with the given gradient (rows, cols), or 1 for a 1x1 output when seed is NULL. Parameter gradients are
 * accumulated into their params. */
void ag_tape_backward(ag_tape *t, ag_node *output, const real *seed);

/* Useful floating-point operations counted on this tape since init (forward; backward counts twice that of its node). */
double ag_tape_flops(const ag_tape *t);
/* Prints the SENC_PROFILE table (op, calls, ms, GF/s, forward and backward) to stderr; nothing when off. */
void ag_profile_print(const ag_tape *t);

#endif
