/* The transformer layer: see encoder_layer.h. */
#include "nn/encoder_layer.h"

#include <stdio.h>

#include "autograd/base/rng.h"
#include "nn/model_struct.h"

#define NAME_BYTES 160

kern_dropout nn_dropout_at(const nn_pass *pass, double p, int64_t layer, int site) {
    if (!pass->training || p <= 0) return (kern_dropout){0};
    uint64_t key = senc_rng_mix(pass->seed);
    key = senc_rng_mix(key ^ (uint64_t)pass->step);
    key = senc_rng_mix(key ^ (uint64_t)((layer + 1) * 8 + site));
    return (kern_dropout){.p = p, .key = key, .first_row = pass->first_token};
}

static ag_param *declare(nn_model *m, const char *prefix, const char *part, const char *kind, int64_t rows,
                         int64_t cols, bool is_vector, senc_error *err) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s%s.%s", prefix, part, kind);
    return nn_model_declare(m, name, rows, cols, is_vector, err);
}

static bool declare_linear(nn_model *m, const char *prefix, const char *part, int64_t in, int64_t out,
                           ag_param **weight, ag_param **bias, senc_error *err) {
    *weight = declare(m, prefix, part, "weight", out, in, false, err);
    if (*weight) (*weight)->linear = true;
    *bias = *weight ? declare(m, prefix, part, "bias", 1, out, true, err) : NULL;
    return *bias != NULL;
}

static bool declare_norm(nn_model *m, const char *prefix, const char *part, int64_t d, ag_param **weight,
                         ag_param **bias, senc_error *err) {
    *weight = declare(m, prefix, part, "weight", 1, d, true, err);
    *bias = *weight ? declare(m, prefix, part, "bias", 1, d, true, err) : NULL;
    return *bias != NULL;
}

/* The tensors query, key and value are rows [0,D), [D,2D), [2D,3D) of the fused matrix. */
static bool declare_qkv(nn_model *m, nn_layer *layer, const char *prefix, const nn_layer_names *names, int64_t d,
                        senc_error *err) {
    const char *parts[3] = {names->query, names->key, names->value};
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s%s.weight", prefix, names->qkv);
    layer->qkv_weight = nn_model_declare_fused(m, name, 3 * d, d, false, err);
    if (!layer->qkv_weight) return false;
    layer->qkv_weight->linear = true;
    snprintf(name, sizeof name, "%s%s.bias", prefix, names->qkv);
    layer->qkv_bias = nn_model_declare_fused(m, name, 1, 3 * d, true, err);
    if (!layer->qkv_bias) return false;
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s.weight", prefix, parts[i]);
        if (!nn_model_add_tensor(m, name, 0, layer->qkv_weight, i * d * d, d, d, err)) return false;
        snprintf(name, sizeof name, "%s%s.bias", prefix, parts[i]);
        if (!nn_model_add_tensor(m, name, 0, layer->qkv_bias, i * d, 1, d, err)) return false;
    }
    return true;
}

bool nn_layer_declare(nn_model *m, nn_layer *layer, int64_t index, const char *prefix, const nn_layer_names *names,
                      const nn_encoder_config *config, senc_error *err) {
    static const char *const sites[NN_N_SITES] = {"query, key, value", "attention",       "attention output",
                                                  "attention norm",    "feed-forward up", "feed-forward",
                                                  "feed-forward norm"};
    for (int i = 0; i < NN_N_SITES; i++) {
        snprintf(layer->labels[i], sizeof layer->labels[i], "layer %lld %s", (long long)(index + 1), sites[i]);
    }
    const int64_t d = config->hidden_size, f = config->intermediate_size;
    return declare_qkv(m, layer, prefix, names, d, err) &&
           declare_linear(m, prefix, names->out, d, d, &layer->out_weight, &layer->out_bias, err) &&
           declare_norm(m, prefix, names->norm1, d, &layer->norm1_weight, &layer->norm1_bias, err) &&
           declare_linear(m, prefix, names->up, d, f, &layer->up_weight, &layer->up_bias, err) &&
           declare_linear(m, prefix, names->down, f, d, &layer->down_weight, &layer->down_bias, err) &&
           declare_norm(m, prefix, names->norm2, d, &layer->norm2_weight, &layer->norm2_bias, err);
}

static ag_node *linear(ag_tape *t, ag_node *x, ag_param *weight, ag_param *bias, kern_activation act,
                       const char *label) {
    ag_node *y = ag_linear(t, x, ag_param_node(t, weight), ag_param_node(t, bias), act);
    ag_label(y, label);
    return y;
}

static ag_node *add_norm(ag_tape *t, ag_node *branch, ag_node *residual, ag_param *weight, ag_param *bias, double eps,
                         kern_dropout dropout, const char *label) {
    ag_node *y = ag_add_norm(t, branch, residual, ag_param_node(t, weight), ag_param_node(t, bias), eps, dropout);
    ag_label(y, label);
    return y;
}

ag_node *nn_layer_build(const nn_layer *layer, ag_tape *t, ag_node *x, const nn_encoder_config *config, int64_t index,
                        kern_sequences sequences, const nn_pass *pass, bool keep_input) {
    const double eps = config->layer_norm_eps;
    ag_node *qkv = linear(t, x, layer->qkv_weight, layer->qkv_bias, KERN_NONE, layer->labels[NN_SITE_QKV]);
    ag_node *attended =
        ag_attention(t, qkv, sequences, config->heads, nn_dropout_at(pass, config->attention_dropout, index, 0));
    ag_label(attended, layer->labels[NN_SITE_ATTENTION]);
    ag_release(t, qkv);
    ag_node *out = linear(t, attended, layer->out_weight, layer->out_bias, KERN_NONE, layer->labels[NN_SITE_OUT]);
    ag_release(t, attended);
    ag_node *a = add_norm(t, out, x, layer->norm1_weight, layer->norm1_bias, eps,
                          nn_dropout_at(pass, config->hidden_dropout, index, 1), layer->labels[NN_SITE_NORM1]);
    if (!keep_input) ag_release(t, x);
    ag_node *up = linear(t, a, layer->up_weight, layer->up_bias, KERN_NONE, layer->labels[NN_SITE_UP]);
    ag_node *down =
        linear(t, up, layer->down_weight, layer->down_bias, config->activation, layer->labels[NN_SITE_DOWN]);
    ag_release(t, up);
    ag_node *y = add_norm(t, down, a, layer->norm2_weight, layer->norm2_bias, eps,
                          nn_dropout_at(pass, config->hidden_dropout, index, 2), layer->labels[NN_SITE_NORM2]);
    ag_release(t, a);
    return y;
}
