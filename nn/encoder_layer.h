/* One post-norm transformer layer (Vaswani et al. 2017, section 3.1; BERT, Devlin et al. 2019), shared by the
 * architectures:
 *
 *     a = layer_norm(x + dropout(out(attention(qkv(x)))))
 *     y = layer_norm(a + dropout(down(activation(up(a))))) */
#ifndef NN_ENCODER_LAYER_H
#define NN_ENCODER_LAYER_H

#include "nn/architecture.h"

/* What the architecture's checkpoints call the parts, behind the layer's own prefix. */
typedef struct nn_layer_names {
    const char *query, *key, *value, *qkv, *out, *norm1, *up, *down, *norm2;
} nn_layer_names;

/* Labels of the nodes, "layer 4 attention"; they live as long as the model. */
typedef enum nn_layer_site {
    NN_SITE_QKV,
    NN_SITE_ATTENTION,
    NN_SITE_OUT,
    NN_SITE_NORM1,
    NN_SITE_UP,
    NN_SITE_DOWN,
    NN_SITE_NORM2,
    NN_N_SITES
} nn_layer_site;

typedef struct nn_layer {
    ag_param *qkv_weight, *qkv_bias; /* (3D,D): query, key, value below one another; (1,3D) */
    ag_param *out_weight, *out_bias, *norm1_weight, *norm1_bias;
    ag_param *up_weight, *up_bias, *down_weight, *down_bias, *norm2_weight, *norm2_bias;
    char labels[NN_N_SITES][32];
} nn_layer;

/* prefix: "encoder.layer.3." */
bool nn_layer_declare(nn_model *m, nn_layer *layer, int64_t index, const char *prefix, const nn_layer_names *names,
                      const nn_encoder_config *config, senc_error *err);

/* x (N,D) -> (N,D). keep_input: somebody else reads x later (the reference tests). */
ag_node *nn_layer_build(const nn_layer *layer, ag_tape *t, ag_node *x, const nn_encoder_config *config, int64_t index,
                        kern_sequences sequences, const nn_pass *pass, bool keep_input);

/* The dropout of one place in the model: site 0 .. 3 of layer `layer` (-1: the embeddings). p is 0 outside training. */
kern_dropout nn_dropout_at(const nn_pass *pass, double p, int64_t layer, int site);

#endif
