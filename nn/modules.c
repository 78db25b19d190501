/* modules.json and the folders it names: what comes behind the encoder. Two spellings of a type are read,
 * "sentence_transformers.models.Pooling" (up to 5.3) and
 * "sentence_transformers.sentence_transformer.modules.pooling.Pooling" (since 5.4); the first is written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "nn/weights.h"
#include "nn/model_struct.h"

#define PACKAGE "sentence_transformers."

bool nn_json_load_optional(const char *folder, const char *name, data_json **out, senc_error *err) {
    *out = NULL;
    char *path = senc_path_join(folder, name);
    if (!path) return senc_fail_memory(err, strlen(folder) + strlen(name), "a path");
    bool ok = true;
    if (senc_path_exists(path)) {
        ok = data_json_load(path, out, err);
        if (ok && data_json_get_type(*out) != DATA_JSON_OBJECT) {
            ok = senc_fail(err, SENC_BAD_INPUT, "%s: expected an object, got %s", path,
                           data_json_type_name(data_json_get_type(*out)));
            data_json_free(*out);
            *out = NULL;
        }
    }
    free(path);
    return ok;
}

static bool json_load_required(const char *folder, const char *name, data_json **out, senc_error *err) {
    if (!nn_json_load_optional(folder, name, out, err)) return false;
    return *out || senc_fail(err, SENC_BAD_INPUT, "%s: there is no %s", folder, name);
}

/* ---- reading ---- */

/* Modules lie inside the model's folder, whatever the file says. */
static bool check_path(const char *path, const char *place, senc_error *err) {
    bool outside = path[0] == '/';
    for (const char *at = path; *at && !outside; at += strcspn(at, "/"), at += *at == '/') {
        outside = strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0');
    }
    return !outside || senc_fail(err, SENC_BAD_INPUT,
                                 "%s: \"path\": expected a folder inside the model's, got \"%.128s\"", place, path);
}

static bool load_pooling(nn_module *d, const char *folder, senc_error *err) {
    data_json *file = NULL;
    if (!json_load_required(folder, "config.json", &file, err)) return false;
    d->type = NN_MODULE_POOLING;
    d->pooling_json = file;
    return true;
}

static bool read_dense_activation(const data_json *file, kern_activation *out, senc_error *err) {
    static const struct {
        const char *name;
        kern_activation activation;
    } known[] = {{"Tanh", KERN_TANH}, {"Identity", KERN_NONE}, {"ReLU", KERN_RELU}, {"GELU", KERN_GELU}};
    const data_json *given = data_json_find(file, "activation_function");
    *out = given ? KERN_NONE : KERN_TANH; /* sentence-transformers: absent is Tanh, null is Identity */
    const char *text = NULL;
    if (!data_json_read_string(file, "activation_function", &text, err)) return false;
    if (!text) return true;
    const char *dot = strrchr(text, '.');
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(dot ? dot + 1 : text, known[i].name) == 0) {
            *out = known[i].activation;
            return true;
        }
    }
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s: \"activation_function\": expected Tanh, Identity, ReLU or GELU, got \"%.96s\"",
                     data_json_place(file), text);
}

/* The new layout lets a module read and write any feature, and add its input to its output. */
static bool check_plain(const data_json *file, senc_error *err) {
    static const char *const features[] = {"module_input_name", "module_output_name"};
    for (int i = 0; i < 2; i++) {
        const char *name = "sentence_embedding";
        if (!data_json_read_string(file, features[i], &name, err)) return false;
        if (strcmp(name, "sentence_embedding") != 0) {
            return senc_fail(err, SENC_BAD_INPUT, "%s: \"%s\": expected \"sentence_embedding\", got \"%.64s\"",
                             data_json_place(file), features[i], name);
        }
    }
    bool residual = false;
    if (!data_json_read_bool(file, "use_residual", &residual, err)) return false;
    return !residual ||
           senc_fail(err, SENC_BAD_INPUT, "%s: \"use_residual\": expected false, got true", data_json_place(file));
}

static bool load_dense(nn_module *d, const char *folder, senc_error *err) {
    data_json *file = NULL;
    if (!json_load_required(folder, "config.json", &file, err)) return false;
    d->type = NN_MODULE_DENSE;
    d->has_bias = true;
    const bool ok = data_json_require_integer(file, "in_features", 1, 1 << 20, &d->in_features, err) &&
                    data_json_require_integer(file, "out_features", 1, 1 << 20, &d->out_features, err) &&
                    data_json_read_bool(file, "bias", &d->has_bias, err) &&
                    read_dense_activation(file, &d->activation, err) && check_plain(file, err) &&
                    nn_text_set(&d->folder, folder, err);
    data_json_free(file);
    return ok;
}

/* The folder is empty in the old layout. */
static bool load_normalize(nn_module *d, const char *folder, senc_error *err) {
    data_json *file = NULL;
    if (!nn_json_load_optional(folder, "config.json", &file, err)) return false;
    d->type = NN_MODULE_NORMALIZE;
    const bool ok = !file || check_plain(file, err);
    data_json_free(file);
    return ok;
}

static bool load_module(nn_model *m, const char *type, const char *folder, const char *place, senc_error *err) {
    const char *dot = strrchr(type, '.');
    const char *name = dot && strncmp(type, PACKAGE, strlen(PACKAGE)) == 0 ? dot + 1 : "";
    if (m->n_modules == NN_MAX_MODULES) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected at most %d modules behind the Transformer", place,
                         NN_MAX_MODULES);
    }
    nn_module *d = &m->modules[m->n_modules++];
    if (strcmp(name, "Pooling") == 0) return load_pooling(d, folder, err);
    if (strcmp(name, "Dense") == 0) return load_dense(d, folder, err);
    if (strcmp(name, "Normalize") == 0) return load_normalize(d, folder, err);
    m->n_modules--;
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s: \"type\": expected a Transformer, then Pooling, Dense and Normalize of "
                     "sentence_transformers, got \"%.128s\"",
                     place, type);
}

static bool is_transformer(const char *type) {
    const char *dot = strrchr(type, '.');
    return strncmp(type, PACKAGE, strlen(PACKAGE)) == 0 && dot && strcmp(dot + 1, "Transformer") == 0;
}

static bool load_item(nn_model *m, const data_json *item, int64_t index, const char *folder, char **encoder_folder,
                      senc_error *err) {
    const char *type = NULL, *path = "";
    if (data_json_get_type(item) != DATA_JSON_OBJECT) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected a list of objects, got %s", data_json_place(item),
                         data_json_type_name(data_json_get_type(item)));
    }
    char place[512];
    snprintf(place, sizeof place, "%s: module %lld", data_json_place(item), (long long)index);
    if (!data_json_require_string(item, "type", &type, err) || !data_json_read_string(item, "path", &path, err) ||
        !check_path(path, place, err)) {
        return false;
    }
    char *module_folder = path[0] ? senc_path_join(folder, path) : senc_strdup(folder);
    if (!module_folder) return senc_fail_memory(err, strlen(folder) + strlen(path), "a path");
    if (index == 0 && is_transformer(type)) {
        *encoder_folder = module_folder;
        return true;
    }
    const bool ok = index > 0 ? load_module(m, type, module_folder, place, err)
                              : senc_fail(err, SENC_BAD_INPUT,
                                          "%s: \"type\": expected the Transformer first, got \"%.128s\"", place, type);
    free(module_folder);
    return ok;
}

static bool load_list(nn_model *m, const data_json *list, const char *folder, char **encoder_folder, senc_error *err) {
    if (data_json_get_type(list) != DATA_JSON_ARRAY || data_json_count(list) == 0) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected a list of modules, got %s", data_json_place(list),
                         data_json_count(list) ? data_json_type_name(data_json_get_type(list)) : "nothing in it");
    }
    int64_t index = 0;
    for (const data_json *item = data_json_first(list); item; item = data_json_next(item), index++) {
        if (!load_item(m, item, index, folder, encoder_folder, err)) return false;
    }
    return true;
}

bool nn_modules_load(nn_model *m, const char *folder, char **encoder_folder, senc_error *err) {
    *encoder_folder = NULL;
    char *path = senc_path_join(folder, "modules.json");
    if (!path) return senc_fail_memory(err, strlen(folder) + 16, "a path");
    bool ok;
    if (!senc_path_exists(path)) {
        m->modules[m->n_modules++] = (nn_module){
            .type = NN_MODULE_POOLING,
            .pooling = {.modes = {KERN_POOL_MEAN}, .n_modes = 1, .include_prompt = true},
        };
        ok = nn_text_set(encoder_folder, folder, err);
    } else {
        data_json *list = NULL;
        ok = data_json_load(path, &list, err) && load_list(m, list, folder, encoder_folder, err);
        data_json_free(list);
    }
    free(path);
    if (ok) return true;
    free(*encoder_folder);
    *encoder_folder = NULL;
    return false;
}

bool nn_modules_read_pooling(nn_model *m, senc_error *err) {
    for (int i = 0; i < m->n_modules; i++) {
        nn_module *d = &m->modules[i];
        if (!d->pooling_json) continue;
        if (!nn_pooling_read(d->pooling_json, m->config.hidden_size, &d->pooling, err)) return false;
        data_json_free(d->pooling_json);
        d->pooling_json = NULL;
    }
    return true;
}

/* ---- writing ---- */

static const char *type_name(nn_module_type type) {
    switch (type) {
    case NN_MODULE_POOLING:
        return "Pooling";
    case NN_MODULE_DENSE:
        return "Dense";
    case NN_MODULE_NORMALIZE:
        return "Normalize";
    }
    return "";
}

static bool save_json(data_json *file, const char *folder, const char *name, senc_error *err) {
    char *path = senc_path_join(folder, name);
    const bool ok = path ? data_json_save(file, 2, path, err) : senc_fail_memory(err, strlen(folder), "a path");
    free(path);
    data_json_free(file);
    return ok;
}

static bool save_dense(const nn_model *m, int index, const char *folder, senc_error *err) {
    static const char *const names[] = {
        [KERN_NONE] = "torch.nn.modules.linear.Identity",
        [KERN_TANH] = "torch.nn.modules.activation.Tanh",
        [KERN_RELU] = "torch.nn.modules.activation.ReLU",
        [KERN_GELU] = "torch.nn.modules.activation.GELU",
    };
    const nn_module *d = &m->modules[index];
    data_json *file = data_json_create_object();
    data_json_put_integer(file, "in_features", d->in_features);
    data_json_put_integer(file, "out_features", d->out_features);
    data_json_put_bool(file, "bias", d->has_bias);
    data_json_put_string(file, "activation_function", names[d->activation]);
    return save_json(file, folder, "config.json", err) && nn_weights_save(m, index + 1, folder, err);
}

static bool save_module(const nn_model *m, int index, const char *folder, senc_error *err) {
    if (!senc_path_create_folders(folder, err)) return false;
    const nn_module *d = &m->modules[index];
    if (d->type == NN_MODULE_DENSE) return save_dense(m, index, folder, err);
    if (d->type == NN_MODULE_NORMALIZE) return true;
    data_json *file = data_json_create_object();
    nn_pooling_write(&d->pooling, m->config.hidden_size, file);
    return save_json(file, folder, "config.json", err);
}

static void list_module(data_json *list, int64_t index, const char *path, const char *name) {
    char number[24], type[64];
    snprintf(number, sizeof number, "%lld", (long long)index);
    snprintf(type, sizeof type, PACKAGE "models.%s", name);
    data_json *item = data_json_put_object(list, NULL);
    data_json_put_integer(item, "idx", index);
    data_json_put_string(item, "name", number);
    data_json_put_string(item, "path", path);
    data_json_put_string(item, "type", type);
}

bool nn_modules_save(const nn_model *m, const char *folder, senc_error *err) {
    data_json *list = data_json_create_array();
    list_module(list, 0, "", "Transformer");
    bool ok = true;
    for (int i = 0; ok && i < m->n_modules; i++) {
        char name[48];
        snprintf(name, sizeof name, "%d_%s", i + 1, type_name(m->modules[i].type));
        char *path = senc_path_join(folder, name);
        ok = path ? save_module(m, i, path, err) : senc_fail_memory(err, strlen(folder), "a path");
        free(path);
        list_module(list, i + 1, name, type_name(m->modules[i].type));
    }
    if (!ok) {
        data_json_free(list);
        return false;
    }
    return save_json(list, folder, "modules.json", err);
}
