/* The choice of a precision: see precision.h. */
#include "nn/precision.h"

bool nn_precision_choose(nn_precision wanted, const kern_table *kernels, const char *place, kern_storage *out,
                         senc_error *err) {
    *out = KERN_REAL;
    if (wanted == NN_BF16 && !kernels->bf16)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected \"auto\" or \"fp32\" with the kernels \"%s\", got \"bf16\"",
                         place, kernels->name);
    if (wanted == NN_BF16 || (wanted != NN_FP32 && kernels->bf16 && kern_bf16_is_fast())) *out = KERN_BF16;
    return true;
}

const char *nn_precision_text(kern_storage storage) {
    if (storage == KERN_REAL) return "fp32";
    return kern_bf16_is_fast() ? "bf16" : "bf16 (stored; this CPU multiplies in fp32)";
}
