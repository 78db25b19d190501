/* The files that a run reads: see run_inputs.h. */
#include "train/run_inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "data/formats/sha256.h"
#include "data/formats/stream.h"
#include "eval/model_key.h"
#include "train/base_model.h"

static const data_json *find_path(const data_json *list, const char *path) {
    for (const data_json *m = data_json_first(list); m; m = data_json_next(m)) {
        const char *other = data_json_text(data_json_find(m, "path"), NULL);
        if (other && strcmp(other, path) == 0) return m;
    }
    return NULL;
}

/* ---- collecting ---- */

/* The same text from wherever senc is started; fresh, NULL without memory. */
static char *absolute(const char *path) {
    char *folder = senc_path_folder(path), *resolved = folder ? realpath(folder, NULL) : NULL;
    char *whole = resolved ? senc_path_join(resolved, senc_path_name(path)) : folder ? senc_strdup(path) : NULL;
    free(folder);
    free(resolved);
    return whole;
}

/* Pipes and what is not there are left out: there is nothing to come back to. */
static bool add_file(data_json *list, const char *path, senc_error *err) {
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return true;
    char *whole = absolute(path);
    if (!whole) return senc_fail_memory(err, strlen(path), "a path");
    if (!find_path(list, whole)) {
        data_json *o = data_json_put_object(list, NULL);
        data_json_put_string(o, "path", whole);
        data_json_put_integer(o, "bytes", (int64_t)info.st_size);
        data_json_put_integer(o, "modified", (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec);
    }
    free(whole);
    return true;
}

/* A file, or those of a BEIR folder. */
static bool add_data(data_json *list, const char *path, const char *split, senc_error *err) {
    if (!senc_path_is_folder(path)) return add_file(list, path, err);
    char qrels[256];
    snprintf(qrels, sizeof qrels, "qrels/%.200s.tsv", split);
    const char *const names[] = {"corpus.jsonl", "queries.jsonl", qrels};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof names / sizeof *names; i++) {
        char *found = data_path_find_packed(path, names[i]);
        ok = !found || add_file(list, found, err);
        free(found);
    }
    return ok;
}

/* Every path among an evaluation's options but those that it writes to. */
static bool add_job(data_json *list, const eval_job *job, senc_error *err) {
    const char *split = eval_job_text(job, "split");
    bool ok = true;
    for (const senc_option *o = job->spec->options; ok && o->name; o++) {
        const bool is_output = strncmp(o->name, "save_", 5) == 0;
        if (o->type == SENC_OPTION_TYPE_PATH && !is_output) {
            const char *path = eval_job_text(job, o->name);
            ok = !path || add_data(list, path, split ? split : "test", err);
        } else if (o->type == SENC_OPTION_TYPE_STRINGS && o->low == 1 && !is_output) { /* SENC_OPTION_PATHS */
            const senc_strings *paths = (const senc_strings *)(const void *)((const char *)job->options + o->offset);
            for (int64_t i = 0; ok && i < paths->n; i++) ok = add_data(list, paths->items[i], "test", err);
        }
    }
    return ok;
}

static bool add_model(data_json *list, const char *folder, senc_error *err) {
    char **files;
    int64_t n;
    if (!eval_model_files(folder, &files, &n, err)) return false;
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        char *path = senc_path_join(folder, files[i]);
        ok = path || senc_fail_memory(err, strlen(folder), "a path");
        ok = ok && add_file(list, path, err);
        free(path);
    }
    eval_model_files_free(files, n);
    return ok;
}

bool train_inputs_collect(const train_config *config, const eval_job *jobs, int64_t n_jobs, data_json **out,
                          senc_error *err) {
    char *base = NULL;
    *out = data_json_create_object();
    data_json *list = data_json_put_array(*out, "inputs");
    bool ok = list || senc_fail_memory(err, 64, "the list of inputs");
    for (int64_t i = 0; ok && i < config->n_sources; i++) {
        const data_source *source = &config->sources[i];
        ok = add_data(list, source->path, source->split ? source->split : "train", err);
    }
    for (int64_t i = 0; ok && i < n_jobs; i++) ok = add_job(list, &jobs[i], err);
    if (ok && config->model.base) ok = train_base_model_find(config, &base, err) && add_model(list, base, err);
    free(base);
    return ok;
}

const data_json *train_inputs_list(const data_json *inputs) {
    return data_json_find(inputs, "inputs");
}

/* ---- hashes ---- */

static bool hash_file(data_json *o, senc_error *err) {
    char hash[65];
    if (!data_sha256_file(data_json_text(data_json_find(o, "path"), NULL), hash, err)) return false;
    data_json_put_string(o, "sha256", hash);
    return true;
}

bool train_inputs_hash(data_json *inputs, senc_error *err) {
    bool ok = true;
    const data_json *list = train_inputs_list(inputs);
    for (const data_json *m = data_json_first(list); ok && m; m = data_json_next(m))
        ok = hash_file((data_json *)m, err); /* a member of a document that is ours to change */
    return ok;
}

static bool fail_changed(const char *path, const char *how, senc_error *err) {
    return senc_fail(
        err, SENC_BAD_INPUT,
        "%s: %s since the run was started; put it back as it was, or start anew with another output.dir or "
        "--overwrite",
        path, how);
}

static bool check_one(data_json *now, const data_json *then, senc_error *err) {
    static const char *const numbers[] = {"bytes", "modified"};
    const char *path = data_json_text(data_json_find(now, "path"), NULL), *hash;
    int64_t differ = 0;
    if (!data_json_require_string(then, "sha256", &hash, err)) return false;
    for (int i = 0; i < 2; i++)
        differ +=
            data_json_integer(data_json_find(now, numbers[i])) != data_json_integer(data_json_find(then, numbers[i]));
    if (!differ) {
        data_json_put_string(now, "sha256", hash);
        return true;
    }
    if (!hash_file(now, err)) return false;
    return strcmp(hash, data_json_text(data_json_find(now, "sha256"), NULL)) == 0 ||
           fail_changed(path, "has changed", err);
}

bool train_inputs_check_same(data_json *now, const data_json *then, senc_error *err) {
    const data_json *list = train_inputs_list(now), *old = train_inputs_list(then);
    if (!old) {
        senc_warn("the checkpoint is of an older senc and does not say which files it was trained on: not checked");
        return train_inputs_hash(now, err);
    }
    bool ok = true;
    for (const data_json *m = data_json_first(list); ok && m; m = data_json_next(m)) {
        const char *path = data_json_text(data_json_find(m, "path"), NULL);
        const data_json *other = find_path(old, path);
        ok = other ? check_one((data_json *)m, other, err) : fail_changed(path, "has come", err);
    }
    for (const data_json *m = data_json_first(old); ok && m; m = data_json_next(m)) {
        const char *path = data_json_text(data_json_find(m, "path"), NULL);
        if (path && !find_path(list, path)) ok = fail_changed(path, "has gone", err);
    }
    return ok;
}

bool train_inputs_check_data(const train_config *config, const data_json *then, senc_error *err) {
    data_json *now = data_json_create_object(), *list = data_json_put_array(now, "inputs");
    bool ok = list || senc_fail_memory(err, 64, "the list of inputs");
    for (int64_t i = 0; ok && then && i < config->n_sources; i++) {
        const data_source *source = &config->sources[i];
        ok = add_data(list, source->path, source->split ? source->split : "train", err);
    }
    for (const data_json *m = data_json_first(list); ok && m; m = data_json_next(m)) {
        const char *path = data_json_text(data_json_find(m, "path"), NULL);
        const data_json *other = find_path(then, path);
        senc_error why = {0};
        if (!other || check_one((data_json *)m, other, &why)) continue;
        ok = why.kind == SENC_BAD_INPUT
                 ? senc_fail(err, SENC_BAD_INPUT, "%s has changed since the run was started", path)
                 : senc_fail(err, why.kind, "%s", why.text);
    }
    data_json_free(now);
    return ok;
}
