/* MODEL on the command line: see model_argument.h. */
#include "cli/model_argument.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"
#include "eval/rehearsal.h"
#include "train/base_model.h"
#include "train/run_folder.h"

static bool has_file(const char *folder, const char *name) {
    char *path = senc_path_join(folder, name);
    const bool found = path && senc_path_exists(path);
    free(path);
    return found;
}

/* best/ or final/ of a run folder; NULL when the folder is no run folder. */
static char *find_in_run(const char *folder) {
    static const char *const names[] = {"best", "final"};
    if (has_file(folder, "config.json") || has_file(folder, "modules.json") || data_tokenizer_exists(folder))
        return NULL;
    for (int i = 0; i < 2; i++) {
        char *path = senc_path_join(folder, names[i]);
        if (path && senc_path_is_folder(path)) return path;
        free(path);
    }
    return NULL;
}

bool cli_model_find(const char *name, char **folder, senc_error *err) {
    *folder = NULL;
    if (senc_path_is_folder(name)) {
        *folder = find_in_run(name);
        if (*folder) return true;
        if (has_file(name, TRAIN_RUN_MARK) && !has_file(name, "config.json") && !has_file(name, "modules.json"))
            return senc_fail(err, SENC_BAD_INPUT, "%s: a training run that has no model yet, neither best nor final",
                             name);
    } else if (!senc_path_exists(name)) {
        return train_model_find(name, NULL, folder, err);
    }
    *folder = senc_strdup(name);
    return *folder || senc_fail_memory(err, strlen(name), "a path");
}

bool cli_model_load(const char *name, const nn_overrides *overrides, int64_t batch_tokens, eval_model *m,
                    senc_error *err) {
    char *folder;
    if (!cli_model_find(name, &folder, err)) return false;
    bool ok = eval_model_load(m, folder, overrides, err);
    if (ok && batch_tokens > 0) {
        eval_encoder_free(m->encoder);
        ok = eval_encoder_create(m->model, m->tokenizer, 0, batch_tokens, &m->encoder, err);
        if (!ok) eval_model_free(m);
    }
    if (ok) {
        char described[256];
        senc_info_wrapped(2, "%s: %s", folder, nn_model_describe(m->model, described, sizeof described));
    }
    free(folder);
    return ok;
}

bool cli_is_given(const cli_call *call, const char *field) {
    for (int64_t i = 0; i < call->n_given; i++) {
        if (strcmp(call->given[i].flag->name, field) == 0) return true;
    }
    return false;
}

bool cli_model_prompt(const eval_model *m, const char *model_name, const char *prompt_name, const char **prompt,
                      senc_error *err) {
    return cli_settings_prompt(m->model, model_name, prompt_name, prompt, err);
}

bool cli_settings_prompt(const nn_model *m, const char *model_name, const char *prompt_name, const char **prompt,
                         senc_error *err) {
    *prompt = nn_model_prompt(m, prompt_name);
    if (!prompt_name || nn_model_has_prompt(m, prompt_name)) return true;
    senc_buffer names = {0};
    const char *name;
    for (int64_t i = 0; (name = nn_model_prompt_name(m, i)) != NULL; i++)
        senc_buffer_printf(&names, "%s%s", i > 0 ? ", " : "", name);
    senc_fail(err, SENC_BAD_INPUT, "%s: the model has no prompt \"%s\"; it has %s", model_name, prompt_name,
              names.n_bytes > 0 ? senc_buffer_text(&names) : "none");
    senc_buffer_free(&names);
    return false;
}

const char *cli_count_text(int64_t n, char *out, size_t out_bytes) {
    return senc_count_text(n, out, out_bytes);
}

void cli_progress_watch(cli_progress *progress, eval_encoder *encoder) {
    eval_progress_watch(progress, encoder);
}

int64_t cli_progress_count(eval_job *job, const eval_embedder *embedder) {
    if (!embedder->embed || embedder->ranker || !embedder->reader) return -1;
    eval_rehearsal rehearsal;
    senc_error ignored = {0}; /* the evaluation itself will say it */
    const int64_t n = eval_rehearse(job, embedder->similarity, &rehearsal, &ignored) ? rehearsal.n_texts : -1;
    eval_rehearsal_free(&rehearsal);
    return n;
}

void cli_progress_watch_system(cli_progress *progress, eval_system *system) {
    eval_encoder_stats before;
    int64_t max_length;
    eval_system_get_stats(system, &before, &max_length);
    progress->n_before = before.n_texts;
    progress->ms_before = before.encode_ms;
    eval_system_watch(system, eval_progress_show, progress);
}

void cli_warn_about_texts(int64_t n_texts, int64_t n_truncated, int64_t max_length, int64_t n_empty) {
    char all[32], some[32];
    cli_count_text(n_texts, all, sizeof all);
    if (n_truncated > 0)
        senc_warn("%s of %s texts were cut off at %lld tokens (--max-length)",
                  cli_count_text(n_truncated, some, sizeof some), all, (long long)max_length);
    if (n_empty > 0)
        senc_warn("%s of %s texts are empty: they are encoded as their special tokens alone",
                  cli_count_text(n_empty, some, sizeof some), all);
}
