/* What an encoder computes in: see kern_storage. */
#ifndef NN_PRECISION_H
#define NN_PRECISION_H

#include <stdbool.h>

#include "autograd/base/error.h"
#include "autograd/tape.h"

typedef enum nn_precision { NN_AUTO, NN_FP32, NN_BF16, NN_INT8 } nn_precision;
#define NN_PRECISIONS          "auto|fp32|bf16|int8" /* of inference */
#define NN_TRAINING_PRECISIONS "auto|fp32|bf16"

/* NN_AUTO: bf16 where the CPU multiplies bf16 faster than fp32 (kern_bf16_is_fast), else fp32. bf16 elsewhere halves
 * the memory of activations at the speed of fp32. NN_INT8 multiplies in int8 (nn/quantize.h) and stores as auto does.
 * place: what a message begins with. False when the kernels have no
 * bf16. */
bool nn_precision_choose(nn_precision wanted, const kern_table *kernels, const char *place, kern_storage *out,
                         senc_error *err);
/* "fp32", "bf16", or "bf16 (stored; this CPU multiplies in fp32)". */
const char *nn_precision_text(kern_storage storage);

#endif
