/* The model as a whole: its parameters and tensors, facts about it, and one pass through it. */
#include "nn/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "nn/model_struct.h"

_Static_assert(sizeof(real) == sizeof(float), "model folders hold floats");

void nn_model_free(nn_model *m) {
    if (!m) return;
    free(m->encoder);
    for (int i = 0; i < m->n_modules; i++) {
        free(m->modules[i].folder);
        data_json_free(m->modules[i].pooling_json);
    }
    for (int64_t i = 0; i < m->n_tensors; i++) free(m->tensors[i].name);
    free(m->tensors);
    for (int i = 0; i < NN_N_KEPT; i++) free(m->kept[i].values);
    for (int64_t i = 0; i < m->n_prompts; i++) {
        free(m->prompts[i].name);
        free(m->prompts[i].text);
    }
    free(m->prompts);
    free(m->default_prompt_name);
    data_json_free(m->config_json);
    data_json_free(m->sentence_transformers_json);
    ag_params_free(&m->params);
    nn_model_close_weights(m);
    free(m);
}

void nn_model_close_weights(nn_model *m) {
    for (int i = 0; i <= NN_MAX_MODULES; i++) nn_weights_close(&m->weights[i]);
}

/* ---- parameters and tensors ---- */

bool nn_model_add_tensor(nn_model *m, const char *name, int module, ag_param *param, int64_t offset, int64_t rows,
                         int64_t cols, senc_error *err) {
    if (m->n_tensors == m->tensors_capacity) {
        const int64_t capacity = m->tensors_capacity ? 2 * m->tensors_capacity : 64;
        nn_tensor *grown = senc_realloc(m->tensors, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "the list of tensors");
        m->tensors = grown;
        m->tensors_capacity = capacity;
    }
    char *copy = senc_strdup(name);
    if (!copy) return senc_fail_memory(err, strlen(name) + 1, "a tensor's name");
    /* Tensors of a Dense module are called "2_Dense.linear.weight" here and "linear.weight" in their own file. */
    const char *dot = module > 0 ? strchr(copy, '.') : NULL;
    m->tensors[m->n_tensors++] = (nn_tensor){
        .name = copy,
        .file_name = dot ? dot + 1 : copy,
        .param = param,
        .offset = offset,
        .rows = rows,
        .cols = cols,
        .is_vector = param->is_vector,
        .module = module,
    };
    return true;
}

ag_param *nn_model_declare_fused(nn_model *m, const char *name, int64_t rows, int64_t cols, bool is_vector,
                                 senc_error *err) {
    return ag_params_declare(&m->params, name, rows, cols, is_vector, !is_vector, err);
}

ag_param *nn_model_declare(nn_model *m, const char *name, int64_t rows, int64_t cols, bool is_vector, senc_error *err) {
    ag_param *p = nn_model_declare_fused(m, name, rows, cols, is_vector, err);
    return p && nn_model_add_tensor(m, name, 0, p, 0, rows, cols, err) ? p : NULL;
}

static bool declare_dense(nn_model *m, int index, senc_error *err) {
    nn_module *d = &m->modules[index];
    char name[64];
    snprintf(name, sizeof name, "%d_Dense.linear.weight", index + 1);
    ag_param *weight = nn_model_declare_fused(m, name, d->out_features, d->in_features, false, err);
    if (!weight || !nn_model_add_tensor(m, name, index + 1, weight, 0, weight->rows, weight->cols, err)) return false;
    d->weight = weight;
    if (!d->has_bias) return true;
    snprintf(name, sizeof name, "%d_Dense.linear.bias", index + 1);
    d->bias = nn_model_declare_fused(m, name, 1, d->out_features, true, err);
    return d->bias && nn_model_add_tensor(m, name, index + 1, d->bias, 0, 1, d->out_features, err);
}

bool nn_model_declare_all(nn_model *m, senc_error *err) {
    m->encoder = m->architecture->declare(m, err);
    if (!m->encoder) return false;
    for (int i = 0; i < m->n_modules; i++) {
        if (m->modules[i].type == NN_MODULE_DENSE && !declare_dense(m, i, err)) return false;
    }
    return true;
}

ag_params *nn_model_params(nn_model *m) {
    return &m->params;
}

int64_t nn_model_n_tensors(const nn_model *m) {
    return m->n_tensors;
}

const nn_tensor *nn_model_tensor(const nn_model *m, int64_t i) {
    SENC_ASSERT(i >= 0 && i < m->n_tensors, "tensor %lld of %lld", (long long)i, (long long)m->n_tensors);
    return &m->tensors[i];
}

const nn_tensor *nn_model_find_tensor(const nn_model *m, const char *name) {
    for (int64_t i = 0; i < m->n_tensors; i++) {
        if (strcmp(m->tensors[i].name, name) == 0) return &m->tensors[i];
    }
    return NULL;
}

/* ---- modules and overrides ---- */

bool nn_model_check_modules(const nn_model *m, const char *place, senc_error *err) {
    int64_t width = 0;
    for (int i = 0; i < m->n_modules; i++) {
        const nn_module *d = &m->modules[i];
        if ((d->type == NN_MODULE_POOLING) != (i == 0)) {
            return senc_fail(err, SENC_BAD_INPUT, "%s: expected exactly one Pooling, right behind the Transformer",
                             place);
        }
        if (d->type == NN_MODULE_POOLING) width = d->pooling.n_modes * m->config.hidden_size;
        if (d->type != NN_MODULE_DENSE) continue;
        if (d->in_features != width) {
            return senc_fail(err, SENC_BAD_INPUT,
                             "%s: the Dense module %d takes %lld features, the module before gives %lld", place, i + 1,
                             (long long)d->in_features, (long long)width);
        }
        width = d->out_features;
    }
    if (m->n_modules == 0) return senc_fail(err, SENC_BAD_INPUT, "%s: there is no Pooling module", place);
    return true;
}

static bool override_normalize(nn_model *m, bool on, const char *place, senc_error *err) {
    const bool is = m->n_modules > 0 && m->modules[m->n_modules - 1].type == NN_MODULE_NORMALIZE;
    if (is == on) return true;
    if (!on) {
        free(m->modules[--m->n_modules].folder);
        return override_normalize(m, on, place, err); /* two in a row do no more than one */
    }
    if (m->n_modules == NN_MAX_MODULES) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected at most %d modules", place, NN_MAX_MODULES);
    }
    m->modules[m->n_modules++] = (nn_module){.type = NN_MODULE_NORMALIZE};
    return true;
}

bool nn_model_override(nn_model *m, const nn_overrides *overrides, const char *place, senc_error *err) {
    if (!overrides) return true;
    if (overrides->pooling) {
        const bool include_prompt = m->modules[0].pooling.include_prompt;
        if (!nn_pooling_parse(overrides->pooling, place, &m->modules[0].pooling, err)) return false;
        m->modules[0].pooling.include_prompt = include_prompt;
    }
    if (overrides->normalize >= 0 && !override_normalize(m, overrides->normalize != 0, place, err)) return false;
    if (overrides->max_length > 0) {
        if (overrides->max_length > m->config.max_positions) {
            return senc_fail(err, SENC_BAD_INPUT,
                             "%s: max_length: expected at most %lld (the model's positions), got %lld", place,
                             (long long)m->config.max_positions, (long long)overrides->max_length);
        }
        m->max_length = overrides->max_length;
    }
    if (overrides->dropout >= 0) {
        if (!(overrides->dropout < 1)) {
            return senc_fail(err, SENC_BAD_INPUT, "%s: dropout: expected a number below 1, got %g", place,
                             overrides->dropout);
        }
        m->config.hidden_dropout = m->config.attention_dropout = overrides->dropout;
    }
    m->int8 = overrides->precision == NN_INT8;
    return nn_precision_choose(overrides->precision, kern_best(), place, &m->storage, err) &&
           nn_pooling_check(&m->modules[0].pooling, place, err);
}

/* ---- facts ---- */

int64_t nn_model_width(const nn_model *m) {
    int64_t width = m->config.hidden_size;
    for (int i = 0; i < m->n_modules; i++) {
        if (m->modules[i].type == NN_MODULE_POOLING) width *= m->modules[i].pooling.n_modes;
        if (m->modules[i].type == NN_MODULE_DENSE) width = m->modules[i].out_features;
    }
    return width;
}

int64_t nn_model_max_length(const nn_model *m) {
    return m->max_length;
}

int64_t nn_model_vocab_size(const nn_model *m) {
    return m->config.vocab_size;
}

int64_t nn_model_layers(const nn_model *m) {
    return m->config.layers;
}

kern_storage nn_model_storage(const nn_model *m) {
    return m->storage;
}

const char *nn_model_similarity(const nn_model *m) {
    return m->similarity;
}

bool nn_model_lowers_case(const nn_model *m) {
    return m->do_lower_case;
}

bool nn_model_includes_prompt(const nn_model *m) {
    return m->modules[0].pooling.include_prompt;
}

bool nn_text_set(char **slot, const char *text, senc_error *err) {
    char *copy = senc_strdup(text);
    if (!copy) return senc_fail_memory(err, strlen(text) + 1, "a text");
    free(*slot);
    *slot = copy;
    return true;
}

static nn_prompt *find_prompt(const nn_model *m, const char *name) {
    for (int64_t i = 0; i < m->n_prompts; i++) {
        if (strcmp(m->prompts[i].name, name) == 0) return &m->prompts[i];
    }
    return NULL;
}

const char *nn_model_prompt(const nn_model *m, const char *name) {
    if (!name) name = m->default_prompt_name;
    const nn_prompt *p = name ? find_prompt(m, name) : NULL;
    return p ? p->text : "";
}

const char *nn_model_document_prompt(const nn_model *m) {
    return nn_model_prompt(m, "document");
}

const char *nn_model_unused_prompt(const nn_model *m) {
    static const char *const names[] = {"passage", "corpus"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (nn_model_prompt(m, names[i])[0] && !nn_model_document_prompt(m)[0]) return names[i];
    }
    return NULL;
}

const char *nn_model_prompt_name(const nn_model *m, int64_t i) {
    return i >= 0 && i < m->n_prompts ? m->prompts[i].name : NULL;
}

bool nn_model_has_prompt(const nn_model *m, const char *name) {
    return find_prompt(m, name) != NULL;
}

bool nn_model_set_prompt(nn_model *m, const char *name, const char *text, senc_error *err) {
    nn_prompt *p = find_prompt(m, name);
    if (p) return nn_text_set(&p->text, text, err);
    nn_prompt *grown = senc_realloc(m->prompts, (size_t)m->n_prompts + 1, sizeof *grown);
    if (!grown) return senc_fail_memory(err, ((size_t)m->n_prompts + 1) * sizeof *grown, "the prompts");
    m->prompts = grown;
    nn_prompt fresh = {0};
    if (!nn_text_set(&fresh.name, name, err) || !nn_text_set(&fresh.text, text, err)) {
        free(fresh.name);
        return false;
    }
    m->prompts[m->n_prompts++] = fresh;
    return true;
}

const char *nn_model_describe(const nn_model *m, char *out, size_t out_bytes) {
    char pooling[96];
    const nn_encoder_config *c = &m->config;
    int n_dense = 0;
    for (int i = 0; i < m->n_modules; i++) n_dense += m->modules[i].type == NN_MODULE_DENSE;
    const bool normalized = m->modules[m->n_modules - 1].type == NN_MODULE_NORMALIZE;
    char dense[48] = "";
    if (n_dense) snprintf(dense, sizeof dense, ", dense to %lld", (long long)nn_model_width(m));
    const double millions = (double)ag_params_count(&m->params) / 1e6;
    snprintf(out, out_bytes, "%s, %lld layers, %lld wide, %lld heads, pooling %s%s%s, %.*f M parameters",
             m->architecture->name, (long long)c->layers, (long long)c->hidden_size, (long long)c->heads,
             nn_pooling_text(&m->modules[0].pooling, pooling, sizeof pooling), dense, normalized ? ", normalized" : "",
             millions < 1 ? 3 : 1, millions);
    return out;
}

/* Kept for backward in each layer: qkv 3D, attention's output D, both sums D, up F, log-sum-exp H and four statistics;
 * norms, dropout and embeddings are computed again, but two of width D leave holes behind that nobody fills when the
 * next chunk is larger. While it runs, the largest gradients alive at once: of up (F) and two of width D. Without
 * gradients: up (F), its input and output and a residual. A sequence has its vector pooled, normalised, and the
 * gradients of both. */
nn_activation_bytes nn_model_activation_bytes(const nn_model *m, kern_storage storage) {
    const nn_encoder_config *c = &m->config;
    const int64_t d = c->hidden_size, f = c->intermediate_size;
    const int64_t number = (int64_t)ag_storage_bytes(storage), statistic = (int64_t)sizeof(real);
    return (nn_activation_bytes){
        .kept = c->layers * ((6 * d + f) * number + (c->heads + 4) * statistic) + 2 * d * number + 2 * statistic,
        .passing = (f + 2 * d) * number,
        .inference = (f > 3 * d ? f + 3 * d : 6 * d) * number + c->layers * (c->heads + 4) * statistic,
        .sequence = 4 * nn_model_width(m) * statistic,
        .nodes = (c->layers + 2) * 24 * (int64_t)sizeof(ag_node), /* about 20 nodes a layer, some with attributes */
    };
}

/* Per token and layer: products of 4 D^2 and 2 D F, two operations each (24 D^2 when F = 4 D); attention 4 T D. */
double nn_model_forward_flops(const nn_model *m, kern_sequences sequences) {
    const double d = (double)m->config.hidden_size, f = (double)m->config.intermediate_size;
    double sum = 0;
    for (int64_t s = 0; s < sequences.n; s++) {
        const double length = (double)(sequences.offsets[s + 1] - sequences.offsets[s]);
        sum += length * (8 * d * d + 4 * d * f + 4 * length * d);
    }
    return sum * (double)m->config.layers;
}

/* ---- one pass ---- */

/* The rows of x that belong to no prompt, and the sequences they make. The last token always stays. */
static ag_node *leave_out_prompts(ag_tape *t, ag_node *x, kern_sequences *sequences, const int64_t *prompt_tokens) {
    const kern_sequences all = *sequences;
    int64_t *rows = ag_node_alloc(t, (size_t)all.offsets[all.n] + 1, sizeof *rows);
    int64_t *offsets = ag_node_alloc(t, (size_t)all.n + 1, sizeof *offsets);
    if (!rows || !offsets) return x;
    int64_t n = 0;
    for (int64_t s = 0; s < all.n; s++) {
        const int64_t last = all.offsets[s + 1] - 1, first = all.offsets[s] + prompt_tokens[s];
        offsets[s] = n;
        for (int64_t i = first < last ? first : last; i <= last; i++) rows[n++] = i;
    }
    offsets[all.n] = n;
    *sequences = (kern_sequences){offsets, all.n};
    return ag_gather(t, x, rows, n);
}

static ag_node *build_pooling(ag_tape *t, const nn_pooling *pooling, ag_node *x, kern_sequences sequences,
                              const nn_pass *pass, bool keep_input) {
    if (!pooling->include_prompt && pass->prompt_tokens) x = leave_out_prompts(t, x, &sequences, pass->prompt_tokens);
    ag_node *y = ag_pool(t, x, sequences, pooling->modes[0]);
    for (int i = 1; i < pooling->n_modes; i++) y = ag_concat(t, y, ag_pool(t, x, sequences, pooling->modes[i]));
    ag_label(y, "pooling");
    if (!keep_input) ag_release(t, x);
    return y;
}

static ag_node *build_module(ag_tape *t, const nn_module *d, ag_node *x) {
    if (d->type == NN_MODULE_NORMALIZE) {
        x = ag_normalize(t, x);
        ag_label(x, "normalize");
        return x;
    }
    ag_node *bias = d->bias ? ag_param_node(t, d->bias) : NULL;
    x = ag_linear(t, x, ag_param_node(t, d->weight), bias, KERN_NONE);
    ag_label(x, "dense");
    if (d->activation == KERN_NONE) return x;
    x = ag_activation(t, x, d->activation);
    ag_label(x, "dense activation");
    return x;
}

ag_node *nn_model_encode_layers(nn_model *m, ag_tape *t, const int32_t *ids, kern_sequences sequences,
                                const nn_pass *pass, ag_node **hidden) {
    ag_node *x = m->architecture->encode(m, t, ids, sequences, pass, hidden);
    x = build_pooling(t, &m->modules[0].pooling, x, sequences, pass, hidden != NULL);
    for (int i = 1; i < m->n_modules; i++) x = build_module(t, &m->modules[i], x);
    return x;
}

ag_node *nn_model_encode(nn_model *m, ag_tape *t, const int32_t *ids, kern_sequences sequences, const nn_pass *pass) {
    return nn_model_encode_layers(m, t, ids, sequences, pass, NULL);
}
