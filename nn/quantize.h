/* Inference in int8: the weights of the encoder's linear layers are quantised when the model is loaded, one symmetric
 * scale per output; the kernels quantise activations row by row as they come (kern_int8 in kernels.h). Embeddings,
 * norms, attention and everything behind the pooling stay as they are. */
#ifndef NN_QUANTIZE_H
#define NN_QUANTIZE_H

#include "autograd/tape.h"
#include "nn/model.h"

/* Adds the int8 weights for these kernels, with a warning where int8 is slower. A layer too deep for exact sums stays
 * as it is. False only when out of memory. */
bool nn_quantize(nn_model *m, const kern_table *kernels, senc_error *err);

#endif
