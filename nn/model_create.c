/* nn_model_create: a fresh random model. It is made through a config.json, so that a created model and a loaded one are
 * checked by the same code and saved by the same code. */
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "nn/model_struct.h"

#define INITIALIZER_RANGE 0.02 /* BERT's initializer_range: the standard deviation of its weights */

/* Matrices ~ N(0, 0.02), biases 0, layer norm 1 and 0 (BERT's initialisation). */
static void fill(nn_model *m, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    for (int64_t i = 0; i < m->params.n; i++) {
        ag_param *p = m->params.items[i];
        const size_t n_name = strlen(p->name);
        const bool is_norm = p->is_vector && n_name > 7 && strcmp(p->name + n_name - 7, ".weight") == 0;
        for (int64_t k = 0; k < p->rows * p->cols; k++) {
            if (!p->is_vector)
                p->value[k] = (real)(INITIALIZER_RANGE * senc_rng_normal(&rng));
            else if (is_norm)
                p->value[k] = 1;
        }
    }
}

static bool make_config(nn_model *m, const nn_new_config *c, senc_error *err) {
    const nn_architecture *architecture = nn_architecture_find(c->architecture ? c->architecture : "");
    if (!architecture) {
        int n;
        return senc_fail(err, SENC_BAD_INPUT, "new model: unknown architecture \"%s\", expected for instance \"%s\"",
                         c->architecture ? c->architecture : "", nn_architecture_all(&n)[0]->name);
    }
    const nn_encoder_config sizes = {
        .vocab_size = c->vocab_size,
        .hidden_size = c->hidden_size,
        .layers = c->layers,
        .heads = c->heads,
        .intermediate_size = c->intermediate_size,
        .max_positions = c->max_positions,
        .type_vocab_size = 2,
        .hidden_dropout = c->dropout,
        .attention_dropout = c->dropout,
        .layer_norm_eps = 1e-12,
        .activation = KERN_GELU,
    };
    m->config_json = data_json_create_object();
    architecture->write_config(&sizes, m->config_json);
    senc_buffer probe = {0};
    const bool built = data_json_dump(m->config_json, 0, &probe); /* building fails silently, dumping does not */
    senc_buffer_free(&probe);
    if (!built) return senc_fail_memory(err, sizeof sizes, "the model's config");
    return nn_architecture_read(m->config_json, &m->architecture, &m->config, err) ||
           senc_error_prefix(err, "new model: ");
}

static bool create_into(nn_model *m, const nn_new_config *c, bool gradients, senc_error *err) {
    m->similarity = "cosine";
    if (!make_config(m, c, err)) return false;
    m->max_length = m->config.max_positions;
    m->modules[m->n_modules++].type = NN_MODULE_POOLING;
    const nn_overrides overrides = {
        .pooling = c->pooling ? c->pooling : "mean",
        .normalize = c->normalize,
        .max_length = c->max_length,
        .dropout = -1,
        .precision = NN_FP32,
    };
    m->modules[0].pooling.include_prompt = true;
    if (!nn_model_override(m, &overrides, "new model", err) || !nn_model_check_modules(m, "new model", err) ||
        !nn_model_declare_all(m, err) || !ag_params_alloc(&m->params, gradients, err)) {
        return false;
    }
    fill(m, c->seed);
    return true;
}

bool nn_model_create(const nn_new_config *config, bool gradients, nn_model **out, senc_error *err) {
    *out = NULL;
    nn_model *m = senc_alloc_zero(1, sizeof *m);
    if (!m) return senc_fail_memory(err, sizeof *m, "the model");
    if (create_into(m, config, gradients, err)) {
        *out = m;
        return true;
    }
    nn_model_free(m);
    return false;
}
