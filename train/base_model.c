/* The model that training starts from: see base_model.h. */
#include "train/base_model.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "data/tokenizers/wordpiece_trainer.h"
#include "eval/embed.h"

/* Takes ownership of `path`: keeps it when it is a folder with a config.json. */
static bool accept_folder(char *path, char **folder) {
    char *config = path ? senc_path_join(path, "config.json") : NULL;
    if (config && senc_path_is_file(config))
        *folder = path;
    else
        free(path);
    free(config);
    return *folder != NULL;
}

static char *format_path(const char *fmt, const char *a, const char *b) {
    senc_buffer out = {0};
    senc_buffer_printf(&out, fmt, a, b);
    return senc_buffer_take(&out);
}

/* The folder of the Hugging Face hub's cache; fresh, NULL when unknown. */
static char *hub_cache(void) {
    const char *cache = getenv("HF_HUB_CACHE"), *home = getenv("HF_HOME"), *user = getenv("HOME");
    if (cache && cache[0]) return senc_strdup(cache);
    if (home && home[0]) return senc_path_join(home, "hub");
    return user && user[0] ? senc_path_join(user, ".cache/huggingface/hub") : NULL;
}

/* CACHE/models--ORG--NAME/snapshots/REVISION, REVISION as refs/main says. */
static bool find_in_hub_cache(const char *name, char **folder) {
    char *cache = hub_cache();
    senc_buffer repository = {0};
    for (const char *p = name; *p; p++) {
        if (*p == '/')
            senc_buffer_append_text(&repository, "--");
        else
            senc_buffer_append(&repository, p, 1);
    }
    char *root =
        cache && !repository.failed ? format_path("%s/models--%s", cache, senc_buffer_text(&repository)) : NULL;
    char *ref = root ? senc_path_join(root, "refs/main") : NULL;
    char *revision = ref && senc_path_is_file(ref) ? senc_file_read(ref, 1024, NULL, NULL) : NULL;
    if (revision) {
        revision[strcspn(revision, "\r\n \t")] = '\0';
        accept_folder(format_path("%s/snapshots/%s", root, revision), folder);
    }
    free(revision);
    free(ref);
    free(root);
    free(cache);
    senc_buffer_free(&repository);
    return *folder != NULL;
}

/* "ORG/NAME" or "NAME", in letters that the hub allows: not a path that was meant for the disk. */
static bool looks_like_hub_name(const char *name) {
    int n_slashes = 0;
    if (name[0] == '.' || name[0] == '/' || name[0] == '\0') return false;
    for (const char *p = name; *p; p++) {
        n_slashes += *p == '/';
        if (*p != '/' && *p != '-' && *p != '_' && *p != '.' && !isalnum((unsigned char)*p)) return false;
    }
    return n_slashes == 1 && name[strlen(name) - 1] != '/';
}

static bool fail_no_model(const char *name, senc_error *err) {
    static const char expected[] = "expected a folder, a name under $SENC_MODELS, or one in the Hugging Face cache";
    if (!looks_like_hub_name(name)) return senc_fail(err, SENC_BAD_INPUT, "%s: no such model: %s", name, expected);
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s: no such model here: %s; if it is a name on the hub, this fetches it into that cache: hf "
                     "download %s   (pip install huggingface_hub)",
                     name, expected, name);
}

bool train_model_find(const char *name, const char *relative_to, char **folder, senc_error *err) {
    *folder = NULL;
    char *path = relative_to ? senc_path_join(relative_to, name) : senc_strdup(name);
    if (!path) return senc_fail_memory(err, strlen(name), "a path");
    if (senc_path_is_folder(path)) { /* an unusable folder is the loader's to complain about */
        *folder = path;
        return true;
    }
    free(path);
    const char *models = getenv("SENC_MODELS");
    if (models && models[0] && name[0] != '/') {
        if (accept_folder(format_path("%s/%s", models, name), folder)) return true;
        if (accept_folder(format_path("%s/%s", models, senc_path_name(name)), folder)) return true;
    }
    if (name[0] != '/' && find_in_hub_cache(name, folder)) return true;
    return fail_no_model(name, err);
}

bool train_base_model_find(const train_config *config, char **folder, senc_error *err) {
    char *relative_to = senc_path_folder(config->path);
    if (!relative_to) return senc_fail_memory(err, strlen(config->path), "a path");
    bool ok = train_model_find(config->model.base, strcmp(relative_to, ".") == 0 ? NULL : relative_to, folder, err);
    free(relative_to);
    return ok ? true : senc_error_prefix(err, "%s: model.base: ", config->path);
}

bool train_base_model_check(const train_config *config, senc_error *err) {
    if (!config->model.base) return true;
    char *folder;
    if (!train_base_model_find(config, &folder, err)) return false;
    bool ok = data_tokenizer_exists(folder);
    if (!ok) senc_fail(err, SENC_BAD_INPUT, "%s: no tokenizer: expected tokenizer.json or vocab.txt", folder);
    free(folder);
    return ok;
}

static nn_overrides overrides_of(const train_config *config) {
    nn_overrides overrides = NN_OVERRIDES_NONE;
    overrides.pooling = config->model.pooling;
    overrides.max_length = config->model.max_length;
    if (config->train.dropout >= 0) overrides.dropout = config->train.dropout;
    return overrides;
}

static bool load_base(const train_config *config, nn_model **model, data_tokenizer **tokenizer, senc_error *err) {
    const nn_overrides overrides = overrides_of(config);
    char *folder;
    if (!train_base_model_find(config, &folder, err)) return false;
    bool ok = data_tokenizer_load(folder, NULL, tokenizer, err) && nn_model_load(folder, &overrides, true, model, err);
    if (ok && !eval_tokenizer_check(*model, *tokenizer, err)) ok = senc_error_prefix(err, "%s: ", folder);
    free(folder);
    return ok;
}

static bool add_all_texts(data_wordpiece_trainer *trainer, const data_set *set, const train_columns *columns,
                          senc_error *err) {
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < data_set_n_rows(set); i++) {
        ok = data_set_row(set, i, &row, err);
        for (int64_t c = 0; ok && c < columns->n; c++) {
            const data_value *v = &row.values[columns->slots[c]];
            if (v->present) ok = data_wordpiece_trainer_add(trainer, v->text, v->n_bytes, err);
        }
    }
    data_row_free(&row);
    return ok;
}

static bool train_vocabulary(const train_config *config, const data_set *set, const train_columns *columns,
                             data_tokenizer **tokenizer, senc_error *err) {
    const data_wordpiece_options options = {.vocab_size = config->model.vocab_size,
                                            .min_frequency = 2,
                                            .lowercase = config->model.lowercase,
                                            .model_max_length = config->model.max_positions};
    data_wordpiece_trainer *trainer = data_wordpiece_trainer_create(&options);
    if (!trainer) return senc_fail_memory(err, 4096, "the vocabulary trainer");
    const bool ok = add_all_texts(trainer, set, columns, err) && data_wordpiece_trainer_finish(trainer, tokenizer, err);
    data_wordpiece_trainer_free(trainer);
    return ok;
}

static bool create_fresh(const train_config *config, const data_set *set, const train_columns *columns,
                         nn_model **model, data_tokenizer **tokenizer, senc_error *err) {
    const train_model_config *m = &config->model;
    if (!train_vocabulary(config, set, columns, tokenizer, err)) return false;
    const nn_new_config fresh = {.architecture = m->architecture,
                                 .vocab_size = data_tokenizer_vocab_size(*tokenizer),
                                 .hidden_size = m->hidden_size,
                                 .layers = m->layers,
                                 .heads = m->heads,
                                 .intermediate_size = m->intermediate_size,
                                 .max_positions = m->max_positions,
                                 .max_length = m->max_length ? m->max_length : m->max_positions,
                                 .dropout = config->train.dropout >= 0 ? config->train.dropout : 0.1, /* BERT's */
                                 .pooling = m->pooling ? m->pooling : "mean",
                                 .normalize = m->normalize,
                                 .seed = (uint64_t)config->train.seed};
    return nn_model_create(&fresh, true, model, err);
}

static bool set_prompts(const train_config *config, nn_model *model, senc_error *err) {
    const train_model_config *m = &config->model;
    return (!m->query_prompt || nn_model_set_prompt(model, "query", m->query_prompt, err)) &&
           (!m->document_prompt || nn_model_set_prompt(model, "document", m->document_prompt, err));
}

/* A longer one than the model's would train on what the model never reads afterwards. */
static bool check_training_length(const train_config *config, const nn_model *model, senc_error *err) {
    const int64_t longest = nn_model_max_length(model), wanted = config->train.max_length;
    return wanted <= longest ||
           senc_fail(err, SENC_BAD_INPUT,
                     "%s: train.max_length: expected at most the model's %lld tokens (model.max_length changes what it "
                     "reads and is saved with), got %lld",
                     config->path, (long long)longest, (long long)wanted);
}

bool train_base_model_open(const train_config *config, const data_set *set, const train_columns *columns,
                           nn_model **model, data_tokenizer **tokenizer, senc_error *err) {
    *model = NULL;
    *tokenizer = NULL;
    bool ok = config->model.base ? load_base(config, model, tokenizer, err)
                                 : create_fresh(config, set, columns, model, tokenizer, err);
    if (ok && set_prompts(config, *model, err) && check_training_length(config, *model, err)) return true;
    nn_model_free(*model);
    data_tokenizer_free(*tokenizer);
    *model = NULL;
    *tokenizer = NULL;
    return false;
}

/* ---- the untouched model ---- */

bool train_base_model_is_changed(const train_config *config) {
    const train_model_config *m = &config->model;
    return m->base && (m->max_length > 0 || m->pooling || m->query_prompt || m->document_prompt);
}

bool train_base_model_open_untouched(const train_config *config, eval_model *out, senc_error *err) {
    char *folder;
    const nn_overrides overrides = NN_OVERRIDES_NONE;
    *out = (eval_model){0};
    if (!train_base_model_find(config, &folder, err)) return false;
    const bool ok = eval_model_load(out, folder, &overrides, err);
    free(folder);
    return ok;
}

bool train_base_model_settings(const train_config *config, bool is_untouched, nn_model **out, senc_error *err) {
    *out = NULL;
    if (!config->model.base) return true;
    const nn_overrides overrides = is_untouched ? NN_OVERRIDES_NONE : overrides_of(config);
    char *folder;
    if (!train_base_model_find(config, &folder, err)) return false;
    bool ok = nn_model_load_settings(folder, &overrides, out, err);
    free(folder);
    if (!ok || is_untouched || set_prompts(config, *out, err)) return ok;
    nn_model_free(*out);
    *out = NULL;
    return false;
}
