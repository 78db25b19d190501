/* AdamW over a model's parameter blocks, with gradient clipping by the global norm. */
#ifndef TRAIN_OPTIMIZER_H
#define TRAIN_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/kernels/kernels.h"
#include "autograd/params.h"

typedef struct train_adamw_options {
    double beta1, beta2, epsilon, weight_decay, max_grad_norm; /* max_grad_norm 0: no clipping */
} train_adamw_options;

typedef struct train_optimizer {
    const kern_table *kernels;
    ag_params *params;
    train_adamw_options options;
    real *m, *v; /* (params->n_numbers), first and second moments */
    int64_t n_updates;
} train_optimizer;

bool train_optimizer_init(train_optimizer *o, const kern_table *kernels, ag_params *params, train_adamw_options options,
                          senc_error *err);
void train_optimizer_free(train_optimizer *o);

/* The Euclidean norm of all gradients, after multiplying them by `scale`. Not finite when a gradient is not. */
double train_optimizer_gradient_norm(const train_optimizer *o, double scale);

/* One update from the gradients in params (times `scale`, clipped to max_grad_norm given their norm), decoupled decay
 * on the parameters that want it (Loshchilov, Hutter 2019, algorithm 2). The gradients stay as they are. */
void train_optimizer_step(train_optimizer *o, double learning_rate, double scale, double gradient_norm);

#endif
