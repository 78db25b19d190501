/* The weights of a folder: model.safetensors, or the shards that model.safetensors.index.json names. */
#ifndef NN_WEIGHTS_H
#define NN_WEIGHTS_H

#include "data/formats/safetensors.h"
#include "nn/model.h"

typedef struct nn_weights {
    char *place; /* model.safetensors or the index: what messages name */
    data_safetensors *files;
    int64_t n_files;
} nn_weights;

/* False with an error that says what to do when there are only weights in other formats. */
bool nn_weights_open(const char *folder, nn_weights *out, senc_error *err);
void nn_weights_close(nn_weights *c);

/* Every tensor of the module is there, has its shape and a type that converts to float. config: what implies the shape,
 * "config.json". Names may carry the architecture's prefix ("bert.") or the oldest spelling (LayerNorm.gamma,
 * LayerNorm.beta). */
bool nn_weights_check(const nn_weights *c, const nn_model *m, int module, const char *config, senc_error *err);
/* Before the parameters' blocks are taken: parameters that lie in the files as they are needed are used from there, so
 * the files must stay open as long as the model. For inference: whole programs share them, and nothing is copied. */
void nn_weights_borrow(const nn_weights *c, nn_model *m, int module);
/* Copies the others into the parameters; values that are not finite are an error. Warns of tensors that nobody uses. */
bool nn_weights_read(const nn_weights *c, nn_model *m, int module, senc_error *err);
/* Writes the module's tensors as F32 into folder/model.safetensors. */
bool nn_weights_save(const nn_model *m, int module, const char *folder, senc_error *err);

#endif
