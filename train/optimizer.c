/* AdamW: see optimizer.h. */
#include "train/optimizer.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

bool train_optimizer_init(train_optimizer *o, const kern_table *kernels, ag_params *params, train_adamw_options options,
                          senc_error *err) {
    *o = (train_optimizer){.kernels = kernels, .params = params, .options = options};
    const size_t n_bytes = (size_t)params->n_numbers * sizeof(real);
    o->m = senc_alloc_aligned(n_bytes, 1);
    o->v = senc_alloc_aligned(n_bytes, 1);
    if (o->m && o->v) {
        senc_parallel_zero(o->m, n_bytes);
        senc_parallel_zero(o->v, n_bytes);
        return true;
    }
    train_optimizer_free(o);
    return senc_fail_memory(err, 2 * n_bytes, "the optimizer's moments");
}

void train_optimizer_free(train_optimizer *o) {
    free(o->m);
    free(o->v);
    *o = (train_optimizer){0};
}

double train_optimizer_gradient_norm(const train_optimizer *o, double scale) {
    /* the padding between parameters is zero, so the whole block can be summed at once */
    return scale * sqrt(o->kernels->sum_of_squares(o->params->n_numbers, o->params->grads));
}

void train_optimizer_step(train_optimizer *o, double learning_rate, double scale, double gradient_norm) {
    const train_adamw_options *a = &o->options;
    o->n_updates++;
    double clip = 1.0;
    if (a->max_grad_norm > 0)
        clip = fmin(1.0, a->max_grad_norm / (gradient_norm + 1e-6)); /* 1e-6: torch's clip_grad_norm_ */
    kern_adamw step = {.learning_rate = learning_rate,
                       .beta1 = a->beta1,
                       .beta2 = a->beta2,
                       .epsilon = a->epsilon,
                       .bias_correction1 = 1.0 - pow(a->beta1, (double)o->n_updates),
                       .bias_correction2 = 1.0 - pow(a->beta2, (double)o->n_updates),
                       .gradient_scale = scale * clip};
    for (int64_t i = 0; i < o->params->n; i++) {
        const ag_param *p = o->params->items[i];
        step.weight_decay = p->decay ? a->weight_decay : 0.0;
        o->kernels->adamw(p->rows * p->cols, step, p->value, p->grad, o->m + p->offset, o->v + p->offset);
    }
}
