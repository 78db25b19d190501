/* A model folder as a system. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "data/formats/sha256.h"
#include "eval/systems/system_parts.h"

typedef struct model_state {
    eval_model model;
    char *folder;
} model_state;

static void close_model(eval_system *s) {
    model_state *m = s->state;
    if (!m) return;
    eval_model_free(&m->model);
    free(m->folder);
    free(m);
}

/* A name that is nowhere may be a kind of system with a slip of the pen. */
static bool find_folder(const char *name, const eval_system_options *how, char **folder, senc_error *err) {
    senc_error found = {0};
    if (!how->find_model) {
        *folder = senc_strdup(name);
        return *folder || senc_fail_memory(err, strlen(name), "a path");
    }
    if (how->find_model(name, folder, &found)) return true;
    const char *near = found.kind == SENC_BAD_INPUT && !strchr(name, '/') ? eval_system_kind_nearest(name) : NULL;
    return senc_fail(err, found.kind, "%s%s%s%s", found.text, near ? "; did you mean the system \"" : "",
                     near ? eval_system_kind_find(near)->form : "", near ? "\"?" : "");
}

static bool set_up_model(eval_model *m, const eval_system_options *how, senc_error *err) {
    if (how->batch_tokens > 0) {
        eval_encoder_free(m->encoder);
        m->encoder = NULL;
        if (!eval_encoder_create(m->model, m->tokenizer, 0, how->batch_tokens, &m->encoder, err)) return false;
    }
    return (!how->query_prompt || nn_model_set_prompt(m->model, "query", how->query_prompt, err)) &&
           (!how->document_prompt || nn_model_set_prompt(m->model, "document", how->document_prompt, err));
}

static bool open_model(eval_system *s, const char *argument, const void *options, const eval_system_options *how,
                       senc_error *err) {
    (void)options;
    model_state *m = s->state = senc_alloc_zero(1, sizeof *m);
    if (!m) return senc_fail_memory(err, sizeof *m, "a system");
    if (!find_folder(argument, how, &m->folder, err) ||
        (how->opened && !how->opened(how->opened_context, m->folder, err)) ||
        !eval_model_load(&m->model, m->folder, &how->overrides, err) || !set_up_model(&m->model, how, err))
        return false;
    char described[256];
    senc_info_wrapped(2, "%s: %s", m->folder, nn_model_describe(m->model.model, described, sizeof described));
    s->embedder = eval_encoder_embedder(m->model.encoder);
    s->encoder = m->model.encoder;
    if (how->kept && !eval_kept_pool_share(how->kept, m->folder, &s->embedder, &s->share, &s->embedder, err))
        return false;
    s->max_length = nn_model_max_length(m->model.model);
    return true;
}

/* Bytes of the weights' files in the folder and its modules' folders. */
static int64_t weight_bytes(const char *folder, bool with_modules) {
    int64_t sum = 0;
    DIR *list = opendir(folder);
    for (const struct dirent *entry; list && (entry = readdir(list));) {
        if (entry->d_name[0] == '.') continue;
        char *path = senc_path_join(folder, entry->d_name);
        struct stat info;
        if (path && stat(path, &info) == 0) {
            if (S_ISDIR(info.st_mode) && with_modules)
                sum += weight_bytes(path, false);
            else if (S_ISREG(info.st_mode) &&
                     (senc_path_ends_with(path, ".safetensors") || senc_path_ends_with(path, "pytorch_model.bin")))
                sum += (int64_t)info.st_size;
        }
        free(path);
    }
    if (list) closedir(list);
    return sum;
}

static bool add_model_facts(const eval_system *s, eval_system_facts *facts, senc_error *err) {
    const model_state *m = s->state;
    for (int64_t i = 0; i < nn_model_n_tensors(m->model.model); i++) {
        const nn_tensor *t = nn_model_tensor(m->model.model, i);
        facts->n_parameters += t->rows * t->cols;
    }
    facts->size_bytes = weight_bytes(m->folder, true);
    char *path = senc_path_join(m->folder, "model.safetensors");
    if (!path) return senc_fail_memory(err, strlen(m->folder), "a path");
    const bool ok = !senc_path_is_file(path) || data_sha256_file(path, facts->sha256, err);
    free(path);
    return ok;
}

const eval_system_kind eval_model_system = {
    .name = "model",
    .form = "MODEL",
    .help = "a model folder, a run folder, a name in Hugging Face's cache",
    .takes_argument = true,
    .has_vectors = true,
    .open = open_model,
    .close = close_model,
    .add_facts = add_model_facts,
};
