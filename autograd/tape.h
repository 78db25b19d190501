/* The tape: reverse-mode automatic differentiation over row-major matrices (Baydin et al. 2018, section 3.2). An op's
 * builder checks shapes, runs forward at once and appends a node; ag_tape_backward walks the nodes in reverse. Nodes,
 * attributes and saved statistics live in an arena, values and gradients in one region (tape_memory.h); both are reset
 * at once. In backward a node's gradient and its value go back as soon as the node is done and hold gradients of
 * earlier nodes next, so that a step needs little more than its activations. Values that are cheap to compute again
 * (layer norms, dropout, embeddings) are dropped when the forward pass is through with them and restored in backward.
 *
 * Failure is sticky: past the memory limit builders return a node without data (right shape, value NULL), later
 * builders do nothing, and ag_tape_check says so once. So builders never return NULL and nobody checks in between.
 * ag_tape_reset clears it.
 *
 * Inference (ag_tape_init with gradients = false): nothing is kept for backward; ag_release hands a value back for
 * reuse. */
#ifndef AG_TAPE_H
#define AG_TAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/arena.h"
#include "autograd/base/error.h"
#include "autograd/base/real.h"
#include "autograd/kernels/kernels.h"
#include "autograd/params.h"
#include "autograd/tape_memory.h"

#define AG_MAX_INPUTS 6

typedef struct ag_tape ag_tape;
typedef struct ag_node ag_node;
typedef struct ag_op ag_op;

struct ag_node {
    const ag_op *op; /* NULL: a leaf (constant, input or parameter) */
    int64_t rows, cols;
    kern_storage storage; /* what value and grad hold; KERN_BF16: read them through the kernels of ag_kernels only */
    real *value; /* (rows, cols); NULL once the tape has failed, the node was released, or backward has passed it */
    real *grad;  /* NULL until a consumer's backward has written it */
    bool grad_written;
    bool needs_grad;
    bool owns_value; /* value is the tape's memory; false: borrowed by a leaf, or a part of in[0]'s (a view) */
    bool consumed;   /* an op took its storage over: nobody else may read it */
    bool must_stay;  /* the backward of a reader reads value as it is: it cannot be dropped and restored */
    bool dropped;    /* released in training: backward restores it where it is read */
    int n_uses;      /* ops that have it as an input */
    ag_param *param; /* leaf bound to a parameter: grad is the parameter's, always accumulated */
    ag_node *in[AG_MAX_INPUTS]; /* an entry may be NULL: an optional input that is absent */
    int n_in;
    void *attr;        /* the op's own options and saved statistics, in the tape's arena */
    const char *label; /* "layer 4 attention", for SENC_CHECK_FINITE; borrowed */
    ag_node *previous; /* order of the tape */
};

/* An example for the gradient check. Inputs are filled with uniform random numbers in [low, high]; build makes the
 * graph from them and returns its output (any shape). Ids, offsets and other integers are static data of the builder.
 * Every input must matter: an input whose gradient is zero everywhere fails the check, because nothing would be
 * checked. */
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
    bool reads_bf16;                      /* inputs may be stored as bf16; false: the tape refuses them */
    bool keeps_storage;                   /* the output is stored as the first input is; false: as `real` */
    bool backward_reads_output; /* false: node->value is gone (NULL) when backward runs, and a later op may take it over
                                   (add_norm) */
    /* Computes the value once more, into node->value, from what backward keeps: then ag_release can drop it in training
     * too. Cheap, and not with backward_reads_output. Inputs are read through ag_value_take. NULL: it has to be kept.
     */
    void (*restore)(ag_tape *t, ag_node *node);
    bool restores_inputs;       /* backward reads its inputs' values through ag_value_take, or not at all */
    const ag_example *examples; /* ended by {0}; none: the gradient check fails */
};

struct ag_tape {
    const kern_table *kernels;
    senc_arena arena;  /* nodes, attributes, saved statistics */
    ag_memory *memory; /* values and gradients */
    bool owns_memory;  /* false: the memory and the profile are another tape's */
    ag_node *last;
    int64_t n_nodes;
    bool gradients; /* false: inference */
    bool failed;
    bool ran_backward;
    int64_t failed_bytes;     /* what did not fit; 0: the heap gave nothing */
    ag_node spare;            /* stands in for a node when the arena gives none */
    double flops;             /* since init */
    bool fill_nan;            /* tests: every fresh buffer is filled with NaN */
    bool check_finite;        /* SENC_CHECK_FINITE=1 */
    const ag_node *first_bad; /* first node with a NaN or Inf, when check_finite */
    bool first_bad_is_grad;
    int64_t first_bad_index;
    double first_bad_value;
    struct ag_profile *profile; /* SENC_PROFILE=1, else NULL */
};

/* limit_bytes bounds activations + intermediate gradients (0: what the machine has). */
bool ag_tape_init(ag_tape *t, const kern_table *kernels, bool gradients, int64_t limit_bytes, senc_error *err);
/* A further tape in the memory of `first`, under the same limit, with its kernels and its profile: graphs that live at
 * the same time and end at different times. `first` outlives it. One of them works at a time. */
void ag_tape_init_beside(ag_tape *t, const ag_tape *first, bool gradients);
void ag_tape_free(ag_tape *t);
/* Forgets all nodes and any failure, keeps the memory. What other tapes hold in the same memory stays. */
void ag_tape_reset(ag_tape *t);
/* False, with one clear error, once the tape has failed (memory limit) or a non-finite value was found under
 * check_finite. */
bool ag_tape_check(const ag_tape *t, senc_error *err);
/* Highest bytes used for values, gradients and saved statistics so far, by all tapes that share the memory. */
int64_t ag_tape_peak_bytes(const ag_tape *t);

/* Leaves. ag_constant borrows data (rows, cols); ag_input also wants its gradient, found in node->grad after backward
 * (valid until reset; NULL when nothing flowed into it); ag_param_node binds a parameter. */
ag_node *ag_constant(ag_tape *t, const real *data, int64_t rows, int64_t cols);
ag_node *ag_input(ag_tape *t, real *data, int64_t rows, int64_t cols);
ag_node *ag_param_node(ag_tape *t, ag_param *p);

/* For op builders: a node with room for its value and attr_bytes of zeroed attributes; needs_grad if any input does.
 * Follow with ag_run, which runs forward (and the profile and finite checks). When the tape failed, both do nothing:
 * node->attr is NULL then, so a builder that fills it returns the node as it is. Entries of in may be NULL. */
ag_node *ag_node_create(ag_tape *t, const ag_op *op, int64_t rows, int64_t cols, ag_node *const *in, int n_in,
                        size_t attr_bytes);
/* The same with a storage of the builder's choice. */
ag_node *ag_node_create_stored(ag_tape *t, const ag_op *op, kern_storage storage, int64_t rows, int64_t cols,
                               ag_node *const *in, int n_in, size_t attr_bytes);
ag_node *ag_run(ag_tape *t, ag_node *node);
/* The kernels for activations stored as this node is. */
const kern_table *ag_kernels(const ag_tape *t, const ag_node *node);
/* Bytes of one number. */
size_t ag_storage_bytes(kern_storage storage);
/* A node whose value is rows [first, first + rows) of x's: no copy. */
ag_node *ag_view_create(ag_tape *t, const ag_op *op, ag_node *x, int64_t first, int64_t rows, size_t attr_bytes);
/* For a builder, after ag_node_create: its op writes over x's value. x must be an op's output with no other reader, and
 * its own backward must not need it. In inference the op ends with ag_release(t, x). */
void ag_consume(ag_tape *t, ag_node *x);
/* For shape checks in builders: SENC_ASSERT that a failed tape skips (its stand-in node has any shape). */
#define AG_CHECK(t, cond, ...) SENC_ASSERT((t)->failed || (cond), __VA_ARGS__)
/* Memory that lives as long as the node (arena); NULL when failed. */
void *ag_node_alloc(ag_tape *t, size_t n, size_t size_bytes);
/* Scratch during one forward or backward: take, then give back. NULL when failed. */
real *ag_scratch_take(ag_tape *t, int64_t n);
void ag_scratch_give(ag_tape *t, real *scratch, int64_t n);

/* For backward: where the gradient of `in` goes, and beta (0 first writer: the buffer may hold NaN; 1 afterwards;
 * parameters always 1). NULL when `in` is NULL or needs none, or the tape failed. Call it right before the write: it
 * counts as written. */
kern_stored *ag_grad(ag_tape *t, ag_node *in, real *beta);
/* The same for a kernel that always accumulates: the first writer finds zeros. */
kern_stored *ag_grad_sum(ag_tape *t, ag_node *in);
/* gradient of in += a * d, d (rows, cols) of in, stored as `real`; nothing when in needs none. */
void ag_grad_add(ag_tape *t, ag_node *in, real a, const real *d);

/* The value of this node will not be read again in this forward pass: inference hands its memory on; training does so
 * where backward can compute the value again (ag_op.restore). Releasing twice is fine; views of it (ag_rows) end with
 * it. */
void ag_release(ag_tape *t, ag_node *node);

/* For backward and restore: the value of an input, computed again when it was dropped; NULL when the tape failed. Give
 * it back as soon as it has been read: that ends a restored one. */
const kern_stored *ag_value_take(ag_tape *t, ag_node *in);
void ag_value_give(ag_tape *t, ag_node *in);

void ag_label(ag_node *node, const char *label);
/* What to call it in a message: its label, its parameter's name, or its op's name. */
const char *ag_node_name(const ag_node *node);

/* Backward from `output` with the given gradient (rows, cols), or 1 for a 1x1 output when seed is NULL. Parameter
 * gradients are accumulated into their params. Once per reset; afterwards only output's value and the leaves can still
 * be read. */
void ag_tape_backward(ag_tape *t, ag_node *output, const real *seed);

/* The first node, in the order of building, whose value holds a NaN or Inf; NULL: none. For the message after a NaN
 * loss; call it before backward, which recycles the values. */
const ag_node *ag_tape_find_non_finite(ag_tape *t);

/* Useful floating-point operations counted on this tape since init (forward; backward counts twice that of its node).
 */
double ag_tape_flops(const ag_tape *t);
/* Prints the SENC_PROFILE table (op, calls, ms, GF/s, forward and backward) to stderr; nothing when off. */
void ag_profile_print(const ag_tape *t);

#endif
