/* A model folder's key: see model_key.h. */
#include "eval/model_key.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/sha256.h"

typedef struct key_files {
    char **items; /* paths relative to the folder */
    int64_t n, capacity;
} key_files;

static bool counts(const char *name) {
    static const char *const endings[] = {".json", ".safetensors", ".txt"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++) {
        if (strcmp(dot, endings[i]) == 0) return true;
    }
    return false;
}

static bool add_file(key_files *files, const char *inside, const char *name, senc_error *err) {
    if (files->n == files->capacity) {
        const int64_t capacity = files->capacity ? 2 * files->capacity : 32;
        char **grown = senc_realloc(files->items, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "a model's files");
        files->items = grown;
        files->capacity = capacity;
    }
    files->items[files->n] = senc_path_join(inside, name);
    return files->items[files->n++] || senc_fail_memory(err, strlen(name), "a path");
}

/* inside: "" or a module's folder. */
static bool list_files(const char *folder, const char *inside, key_files *files, senc_error *err) {
    char *path = senc_path_join(folder, inside);
    DIR *dir = path ? opendir(path) : NULL;
    if (!dir) {
        senc_fail_errno(err, "%s: cannot read the folder", folder);
        free(path);
        return false;
    }
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(dir));) {
        char *child = senc_path_join(path, e->d_name);
        if (!child) ok = senc_fail_memory(err, strlen(e->d_name), "a path");
        if (ok && counts(e->d_name) && senc_path_is_file(child))
            ok = add_file(files, inside, e->d_name, err);
        else if (ok && !inside[0] && e->d_name[0] >= '0' && e->d_name[0] <= '9' && senc_path_is_folder(child))
            ok = list_files(folder, e->d_name, files, err);
        free(child);
    }
    closedir(dir);
    free(path);
    return ok;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void eval_model_files_free(char **items, int64_t n) {
    for (int64_t i = 0; i < n; i++) free(items[i]);
    free(items);
}

bool eval_model_files(const char *folder, char ***items, int64_t *n, senc_error *err) {
    key_files files = {0};
    const bool ok = list_files(folder, "", &files, err);
    if (files.n > 0) qsort(files.items, (size_t)files.n, sizeof *files.items, by_name);
    if (!ok) eval_model_files_free(files.items, files.n);
    *items = ok ? files.items : NULL;
    *n = ok ? files.n : 0;
    return ok;
}

bool eval_model_key(const char *folder, char out[65], senc_error *err) {
    key_files files = {0};
    bool ok = eval_model_files(folder, &files.items, &files.n, err);
    senc_buffer all = {0};
    for (int64_t i = 0; ok && i < files.n; i++) {
        char *path = senc_path_join(folder, files.items[i]), digest[65];
        ok = path ? data_sha256_file(path, digest, err) : senc_fail_memory(err, 64, "a path");
        if (ok) senc_buffer_printf(&all, "%s %s\n", files.items[i], digest);
        free(path);
    }
    if (ok && all.failed) ok = senc_fail_memory(err, all.n_bytes, "a model's key");
    if (ok) data_sha256_hex(senc_buffer_text(&all), all.n_bytes, out);
    senc_buffer_free(&all);
    eval_model_files_free(files.items, files.n);
    return ok;
}
