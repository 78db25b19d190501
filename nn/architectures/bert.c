/* BERT (Devlin et al. 2019): learned positions, post-norm layers, exact GELU. config.json and tensor names are those of
 * transformers' BertModel. Token types are always 0, as sentence-transformers has them for single texts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "nn/encoder_layer.h"
#include "nn/model_struct.h"

typedef struct bert_encoder {
    ag_param *word, *position, *type; /* (V,D), (P,D), (types,D) */
    ag_param *norm_weight, *norm_bias;
    nn_layer layers[];
} bert_encoder;

static const nn_layer_names layer_names = {
    .query = "attention.self.query",
    .key = "attention.self.key",
    .value = "attention.self.value",
    .qkv = "attention.self.qkv",
    .out = "attention.output.dense",
    .norm1 = "attention.output.LayerNorm",
    .up = "intermediate.dense",
    .down = "output.dense",
    .norm2 = "output.LayerNorm",
};

/* What would make another model of the same tensors. */
static bool check_variants(const data_json *file, senc_error *err) {
    const char *positions = "absolute";
    bool decoder = false, cross = false;
    if (!data_json_read_string(file, "position_embedding_type", &positions, err) ||
        !data_json_read_bool(file, "is_decoder", &decoder, err) ||
        !data_json_read_bool(file, "add_cross_attention", &cross, err)) {
        return false;
    }
    if (strcmp(positions, "absolute") != 0) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"position_embedding_type\": expected \"absolute\", got \"%.64s\"",
                         data_json_place(file), positions);
    }
    if (decoder || cross) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"%s\": expected false (an encoder), got true",
                         data_json_place(file), decoder ? "is_decoder" : "add_cross_attention");
    }
    return true;
}

/* Upper bounds keep every product of two sizes far below 2^63; the file's tensors then decide what is true. */
static bool bert_read_config(const data_json *file, nn_encoder_config *out, senc_error *err) {
    *out = (nn_encoder_config){
        .type_vocab_size = 2, .hidden_dropout = 0.1, .attention_dropout = 0.1, .layer_norm_eps = 1e-12};
    if (!data_json_require_integer(file, "vocab_size", 1, 1 << 26, &out->vocab_size, err) ||
        !data_json_require_integer(file, "hidden_size", 1, 1 << 16, &out->hidden_size, err) ||
        !data_json_require_integer(file, "num_hidden_layers", 1, 256, &out->layers, err) ||
        !data_json_require_integer(file, "num_attention_heads", 1, 1 << 16, &out->heads, err) ||
        !data_json_require_integer(file, "intermediate_size", 1, 1 << 20, &out->intermediate_size, err) ||
        !data_json_require_integer(file, "max_position_embeddings", 3, 1 << 20, &out->max_positions, err) ||
        !data_json_read_integer(file, "type_vocab_size", 1, 1 << 16, &out->type_vocab_size, err) ||
        !data_json_read_number(file, "hidden_dropout_prob", 0, 0.999, &out->hidden_dropout, err) ||
        !data_json_read_number(file, "attention_probs_dropout_prob", 0, 0.999, &out->attention_dropout, err) ||
        !data_json_read_number(file, "layer_norm_eps", 0, 1, &out->layer_norm_eps, err) ||
        !nn_architecture_read_activation(file, "hidden_act", &out->activation, err) || !check_variants(file, err)) {
        return false;
    }
    if (out->hidden_size % out->heads != 0) {
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: \"hidden_size\": expected a multiple of \"num_attention_heads\" (%lld), got %lld",
                         data_json_place(file), (long long)out->heads, (long long)out->hidden_size);
    }
    return true;
}

static void bert_write_config(const nn_encoder_config *c, data_json *file) {
    data_json_put_string(data_json_put_array(file, "architectures"), NULL, "BertModel");
    data_json_put_number(file, "attention_probs_dropout_prob", c->attention_dropout);
    data_json_put_string(file, "hidden_act", c->activation == KERN_RELU ? "relu" : "gelu");
    data_json_put_number(file, "hidden_dropout_prob", c->hidden_dropout);
    data_json_put_integer(file, "hidden_size", c->hidden_size);
    data_json_put_number(file, "initializer_range", 0.02);
    data_json_put_integer(file, "intermediate_size", c->intermediate_size);
    data_json_put_number(file, "layer_norm_eps", c->layer_norm_eps);
    data_json_put_integer(file, "max_position_embeddings", c->max_positions);
    data_json_put_string(file, "model_type", "bert");
    data_json_put_integer(file, "num_attention_heads", c->heads);
    data_json_put_integer(file, "num_hidden_layers", c->layers);
    data_json_put_integer(file, "pad_token_id", 0);
    data_json_put_string(file, "position_embedding_type", "absolute");
    data_json_put_string(file, "torch_dtype", "float32");
    data_json_put_integer(file, "type_vocab_size", c->type_vocab_size);
    data_json_put_integer(file, "vocab_size", c->vocab_size);
}

static bool declare_embeddings(nn_model *m, bert_encoder *e, senc_error *err) {
    const nn_encoder_config *c = &m->config;
    const int64_t d = c->hidden_size;
    e->word = nn_model_declare(m, "embeddings.word_embeddings.weight", c->vocab_size, d, false, err);
    if (!e->word) return false;
    e->position = nn_model_declare(m, "embeddings.position_embeddings.weight", c->max_positions, d, false, err);
    if (!e->position) return false;
    e->type = nn_model_declare(m, "embeddings.token_type_embeddings.weight", c->type_vocab_size, d, false, err);
    if (!e->type) return false;
    e->norm_weight = nn_model_declare(m, "embeddings.LayerNorm.weight", 1, d, true, err);
    if (!e->norm_weight) return false;
    e->norm_bias = nn_model_declare(m, "embeddings.LayerNorm.bias", 1, d, true, err);
    return e->norm_bias != NULL;
}

static void *bert_declare(nn_model *m, senc_error *err) {
    const int64_t n = m->config.layers;
    bert_encoder *e = senc_alloc_zero(1, sizeof *e + (size_t)n * sizeof(nn_layer));
    if (!e) {
        senc_fail_memory(err, sizeof *e + (size_t)n * sizeof(nn_layer), "the encoder's layers");
        return NULL;
    }
    bool ok = declare_embeddings(m, e, err);
    for (int64_t i = 0; ok && i < n; i++) {
        char prefix[48];
        snprintf(prefix, sizeof prefix, "encoder.layer.%lld.", (long long)i);
        ok = nn_layer_declare(m, &e->layers[i], i, prefix, &layer_names, &m->config, err);
    }
    if (ok) return e;
    free(e);
    return NULL;
}

static ag_node *bert_encode(const nn_model *m, ag_tape *t, const int32_t *ids, kern_sequences sequences,
                            const nn_pass *pass, ag_node **hidden) {
    const bert_encoder *e = m->encoder;
    ag_node *sum = ag_embed(t, ag_param_node(t, e->word), ag_param_node(t, e->position), ag_param_node(t, e->type), ids,
                            sequences, 0, pass->storage);
    ag_label(sum, "embeddings");
    ag_node *x = ag_layer_norm(t, sum, ag_param_node(t, e->norm_weight), ag_param_node(t, e->norm_bias),
                               m->config.layer_norm_eps);
    ag_label(x, "embeddings norm");
    ag_release(t, sum);
    const kern_dropout dropout = nn_dropout_at(pass, m->config.hidden_dropout, -1, 0);
    if (dropout.p > 0) {
        ag_node *dropped = ag_dropout(t, x, dropout);
        ag_label(dropped, "embeddings dropout");
        ag_release(t, x);
        x = dropped;
    }
    if (hidden) hidden[0] = x;
    for (int64_t i = 0; i < m->config.layers; i++) {
        x = nn_layer_build(&e->layers[i], t, x, &m->config, i, sequences, pass, hidden != NULL);
        if (hidden) hidden[i + 1] = x;
    }
    return x;
}

extern const nn_architecture nn_architecture_bert;
const nn_architecture nn_architecture_bert = {
    .name = "bert",
    .family = "Bert",
    .prefix = "bert.",
    .read_config = bert_read_config,
    .write_config = bert_write_config,
    .declare = bert_declare,
    .encode = bert_encode,
};
