/* nn_model_save: the old, verbose layout of sentence-transformers, which its versions 2 to 6, text-embeddings-inference
 * and llama.cpp's converter read. */
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "nn/weights.h"
#include "nn/model_struct.h"

static bool save_and_free(data_json *file, const char *folder, const char *name, senc_error *err) {
    char *path = senc_path_join(folder, name);
    const bool ok = path ? data_json_save(file, 2, path, err) : senc_fail_memory(err, strlen(folder), "a path");
    free(path);
    data_json_free(file);
    return ok;
}

static data_json *copy_members(const data_json *from) {
    data_json *file = data_json_create_object();
    for (const data_json *p = data_json_first(from); p; p = data_json_next(p)) {
        data_json_put_copy(file, data_json_key(p, NULL), p);
    }
    return file;
}

/* The weights are written as F32, whatever they were; transformers 5 calls the key "dtype". */
static bool save_config(const nn_model *m, const char *folder, senc_error *err) {
    data_json *file = copy_members(m->config_json);
    const bool new_key = data_json_find(m->config_json, "dtype") != NULL;
    if (new_key) data_json_put_string(file, "dtype", "float32");
    if (!new_key || data_json_find(m->config_json, "torch_dtype")) data_json_put_string(file, "torch_dtype", "float32");
    data_json_put_string(file, "model_type", m->architecture->name);
    return save_and_free(file, folder, "config.json", err);
}

/* Without "__version__": sentence-transformers warns of folders newer than itself, and this one is of no version of it.
 */
static bool save_sentence_transformers_config(const nn_model *m, const char *folder, senc_error *err) {
    data_json *file = copy_members(m->sentence_transformers_json);
    data_json_remove(file, "__version__");
    data_json *prompts = data_json_put_object(file, "prompts");
    for (int64_t i = 0; i < m->n_prompts; i++) data_json_put_string(prompts, m->prompts[i].name, m->prompts[i].text);
    data_json_put_string(file, "default_prompt_name", m->default_prompt_name);
    data_json_put_string(file, "similarity_fn_name", m->similarity);
    return save_and_free(file, folder, "config_sentence_transformers.json", err);
}

static bool save_max_length(const nn_model *m, const char *folder, senc_error *err) {
    data_json *file = data_json_create_object();
    data_json_put_integer(file, "max_seq_length", m->max_length);
    data_json_put_bool(file, "do_lower_case", m->do_lower_case);
    return save_and_free(file, folder, "sentence_bert_config.json", err);
}

bool nn_model_save(const nn_model *m, const char *folder, senc_error *err) {
    return nn_weights_save(m, 0, folder, err) && save_config(m, folder, err) && save_max_length(m, folder, err) &&
           save_sentence_transformers_config(m, folder, err) && nn_modules_save(m, folder, err);
}
