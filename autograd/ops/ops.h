/* Builders of all ops. Each is documented, implemented, differentiated and exampled in the file of its name (ag_linear:
 * op_linear.c). */
#ifndef AG_OPS_H
#define AG_OPS_H

#include "autograd/tape.h"

/* y (N,D) = layer_norm(residual + dropout(x)). Consumes x: its storage holds the sum afterwards, so x must be an op's
 * output that nobody else reads and whose backward does not need it. gamma, shift (1,D). */
ag_node *ag_add_norm(ag_tape *t, ag_node *x, ag_node *residual, ag_node *gamma, ag_node *shift, double eps,
                     kern_dropout dropout);
/* (N,D) -> (N,D), elementwise. */
ag_node *ag_activation(ag_tape *t, ag_node *x, kern_activation act);
/* Self-attention of packed sequences; qkv (N,3D) -> (N,D). sequences.offsets must outlive the tape's step. */
ag_node *ag_attention(ag_tape *t, ag_node *qkv, kern_sequences sequences, int64_t heads, kern_dropout dropout);
/* x itself when p is 0. */
ag_node *ag_dropout(ag_tape *t, ag_node *x, kern_dropout dropout);
/* Sum of word, position and token-type embeddings; ids (N) must outlive the step and be below word->rows. position and
 * type may be NULL. storage: of the sum and of everything computed from it, up to the pooling. */
ag_node *ag_embed(ag_tape *t, ag_node *word, ag_node *position, ag_node *type, const int32_t *ids,
                  kern_sequences sequences, int64_t first_position, kern_storage storage);
ag_node *ag_layer_norm(ag_tape *t, ag_node *x, ag_node *gamma, ag_node *shift, double eps);
/* Rows of x by number, any order, repeats allowed; rows (n) must outlive the step. */
ag_node *ag_gather(ag_tape *t, ag_node *x, const int64_t *rows, int64_t n);
/* y (N,out) = act(x) w^T + bias; w (out,in), bias (1,out) or NULL. */
ag_node *ag_linear(ag_tape *t, ag_node *x, ag_node *w, ag_node *bias, kern_activation act);
/* Rows scaled to length 1: x / max(|x|, 1e-12). */
ag_node *ag_normalize(ag_tape *t, ag_node *x);
/* (N,D) -> (B,D). */
ag_node *ag_pool(ag_tape *t, ag_node *x, kern_sequences sequences, kern_pooling mode);
/* Rows [first, first + n) of x as a node, without a copy: releasing x ends it. */
ag_node *ag_rows(ag_tape *t, ag_node *x, int64_t first, int64_t n);
/* a x + b y elementwise, same shapes. */
ag_node *ag_add(ag_tape *t, ag_node *x, double a, ag_node *y, double b);
/* Columns side by side: (N,D1), (N,D2) -> (N,D1+D2). For concatenated poolings. */
ag_node *ag_concat(ag_tape *t, ag_node *x, ag_node *y);

/* All ops (ops.def), for the gradient check and the profile; n entries. */
const ag_op *const *ag_ops_all(int *n);

#define AG_OP(name) extern const ag_op ag_op_##name;
#include "autograd/ops/ops.def"
#undef AG_OP

/* For the ops with a layer norm: where dgamma and dshift (1,D) go; scratch for one that needs no gradient. Give back
 * after use. */
typedef struct ag_row_grads {
    real *dgamma, *dshift;
    bool dgamma_is_scratch, dshift_is_scratch;
} ag_row_grads;
ag_row_grads ag_row_grads_take(ag_tape *t, ag_node *gamma, ag_node *shift, int64_t d);
void ag_row_grads_give(ag_tape *t, ag_row_grads *g, int64_t d);

#endif
