/* nn_model_load: a folder -> a model. Everything is checked before memory for the parameters is taken. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "nn/model_struct.h"
#include "nn/quantize.h"
#include "nn/weights.h"

/* ---- config files ---- */

static bool load_config(nn_model *m, const char *folder, senc_error *err) {
    if (!nn_json_load_optional(folder, "config.json", &m->config_json, err)) return false;
    if (!m->config_json) {
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: there is no config.json, expected a sentence-transformers or Hugging Face model folder",
                         folder);
    }
    return nn_architecture_read(m->config_json, &m->architecture, &m->config, err);
}

/* sentence_bert_config.json's max_seq_length; without it the tokenizer's model_max_length, as sentence-transformers
 * does. Never more than the positions. */
static bool load_max_length(nn_model *m, const char *folder, senc_error *err) {
    static const char *const names[] = {"sentence_bert_config.json",       "sentence_roberta_config.json",
                                        "sentence_distilbert_config.json", "sentence_camembert_config.json",
                                        "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
                                        "sentence_xlnet_config.json"};
    m->max_length = 0;
    data_json *file = NULL;
    for (size_t i = 0; !file && i < sizeof names / sizeof names[0]; i++) {
        if (!nn_json_load_optional(folder, names[i], &file, err)) return false;
    }
    bool ok = !file || (data_json_read_integer(file, "max_seq_length", 3, INT32_MAX, &m->max_length, err) &&
                        data_json_read_bool(file, "do_lower_case", &m->do_lower_case, err));
    data_json_free(file);
    if (ok && m->max_length == 0) {
        double length = HUGE_VAL; /* "no limit" is written as 1e30 */
        ok = nn_json_load_optional(folder, "tokenizer_config.json", &file, err) &&
             (!file || data_json_read_number(file, "model_max_length", 3, HUGE_VAL, &length, err));
        data_json_free(file);
        m->max_length = length < (double)m->config.max_positions ? (int64_t)length : m->config.max_positions;
    }
    if (m->max_length > m->config.max_positions) m->max_length = m->config.max_positions;
    return ok;
}

static bool read_similarity(nn_model *m, const data_json *file, senc_error *err) {
    static const char *const names[] = {"cosine", "dot", "euclidean", "manhattan"};
    const char *name = "cosine";
    if (!data_json_read_string(file, "similarity_fn_name", &name, err)) return false;
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) == 0) {
            m->similarity = names[i];
            return true;
        }
    }
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s: \"similarity_fn_name\": expected cosine, dot, euclidean or manhattan, got \"%.64s\"",
                     data_json_place(file), name);
}

static bool read_prompts(nn_model *m, const data_json *file, senc_error *err) {
    const data_json *prompts = NULL;
    const char *by_default = NULL;
    if (!data_json_read_object(file, "prompts", &prompts, err) ||
        !data_json_read_string(file, "default_prompt_name", &by_default, err)) {
        return false;
    }
    for (const data_json *p = data_json_first(prompts); p; p = data_json_next(p)) {
        size_t n_key = 0, n_text = 0;
        const char *key = data_json_key(p, &n_key), *text = data_json_text(p, &n_text);
        if (data_json_get_type(p) == DATA_JSON_NULL && strlen(key) == n_key) { /* as sentence-transformers takes it */
            if (!nn_model_set_prompt(m, key, "", err)) return false;
            continue;
        }
        if (!text || strlen(text) != n_text || strlen(key) != n_key) {
            return senc_fail(err, SENC_BAD_INPUT, "%s: \"prompts\": \"%.64s\": expected a string, got %s",
                             data_json_place(file), key, data_json_type_name(data_json_get_type(p)));
        }
        if (!nn_model_set_prompt(m, key, text, err)) return false;
    }
    if (!by_default) return true;
    if (!data_json_find(prompts, by_default)) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"default_prompt_name\": there is no prompt \"%.64s\"",
                         data_json_place(file), by_default);
    }
    return nn_text_set(&m->default_prompt_name, by_default, err);
}

static bool load_sentence_transformers_config(nn_model *m, const char *folder, senc_error *err) {
    m->similarity = "cosine";
    if (!nn_json_load_optional(folder, "config_sentence_transformers.json", &m->sentence_transformers_json, err))
        return false;
    const data_json *file = m->sentence_transformers_json;
    if (!file) return true;
    int64_t truncate = 0;
    if (!data_json_read_integer(file, "truncate_dim", 0, INT32_MAX, &truncate, err)) return false;
    if (truncate > 0) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: \"truncate_dim\": expected null, got %lld", data_json_place(file),
                         (long long)truncate);
    }
    return read_similarity(m, file, err) && read_prompts(m, file, err);
}

/* ---- weights ---- */

static bool open_weights(nn_model *m, const char *encoder_folder, senc_error *err) {
    nn_weights *all = m->weights;
    if (!nn_weights_open(encoder_folder, &all[0], err) || !nn_weights_check(&all[0], m, 0, "config.json", err)) {
        return false;
    }
    for (int i = 0; i < m->n_modules; i++) {
        if (m->modules[i].type != NN_MODULE_DENSE) continue;
        if (!nn_weights_open(m->modules[i].folder, &all[i + 1], err) ||
            !nn_weights_check(&all[i + 1], m, i + 1, "its config.json", err)) {
            return false;
        }
    }
    return true;
}

static bool load_weights(nn_model *m, const char *encoder_folder, bool gradients, senc_error *err) {
    bool ok = open_weights(m, encoder_folder, err);
    for (int i = 0; ok && !gradients && i <= m->n_modules; i++) {
        if (m->weights[i].n_files) nn_weights_borrow(&m->weights[i], m, i);
    }
    ok = ok && ag_params_alloc(&m->params, gradients, err);
    for (int i = 0; ok && i <= m->n_modules; i++) {
        if (m->weights[i].n_files) ok = nn_weights_read(&m->weights[i], m, i, err);
    }
    if (gradients) nn_model_close_weights(m);
    return ok;
}

/* ---- the whole ---- */

/* All but the weights. */
static bool load_settings(nn_model *m, const char *folder, const nn_overrides *overrides, char **encoder_folder,
                          senc_error *err) {
    if (!senc_path_is_folder(folder)) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected a model folder, found %s", folder,
                         senc_path_exists(folder) ? "a file" : "nothing");
    }
    return nn_modules_load(m, folder, encoder_folder, err) && load_config(m, *encoder_folder, err) &&
           nn_modules_read_pooling(m, err) && load_max_length(m, *encoder_folder, err) &&
           load_sentence_transformers_config(m, folder, err) && nn_model_check_modules(m, folder, err) &&
           nn_model_override(m, overrides, folder, err) && nn_model_check_modules(m, folder, err);
}

static bool load_parameters(nn_model *m, const char *encoder_folder, bool gradients, senc_error *err) {
    return nn_model_declare_all(m, err) && load_weights(m, encoder_folder, gradients, err) &&
           (!m->int8 || nn_quantize(m, kern_best(), err));
}

static bool load(const char *folder, const nn_overrides *overrides, bool parameters, bool gradients, nn_model **out,
                 senc_error *err) {
    *out = NULL;
    nn_model *m = senc_alloc_zero(1, sizeof *m);
    if (!m) return senc_fail_memory(err, sizeof *m, "the model");
    char *encoder_folder = NULL;
    const bool ok = load_settings(m, folder, overrides, &encoder_folder, err) &&
                    (!parameters || load_parameters(m, encoder_folder, gradients, err));
    free(encoder_folder);
    if (ok)
        *out = m;
    else
        nn_model_free(m);
    return ok;
}

bool nn_model_load(const char *folder, const nn_overrides *overrides, bool gradients, nn_model **out, senc_error *err) {
    return load(folder, overrides, true, gradients, out, err);
}

bool nn_model_load_settings(const char *folder, const nn_overrides *overrides, nn_model **out, senc_error *err) {
    return load(folder, overrides, false, false, out, err);
}
