/* Whose folder is it: see run_folder_scan.h. */
#include "train/run_folder_scan.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/json.h"
#include "data/formats/toml.h"
#include "train/checkpoint.h"
#include "train/run_folder.h"

static bool is_plain_file(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool train_run_has_mark(const char *dir, const char *name) {
    char *path = senc_path_join(dir, name);
    data_json *o = NULL;
    const char *what = NULL;
    if (path && is_plain_file(path) && data_json_load(path, &o, NULL))
        what = data_json_text(data_json_find(o, "folder"), NULL);
    const bool found = what && strcmp(what, "training run") == 0;
    data_json_free(o);
    free(path);
    return found;
}

/* ---- runs of the program before the mark ---- */

/* A configuration as senc prints it: with keys that nobody writes down. */
static bool is_printed_config(const char *path) {
    static const char *const keys[] = {"beta1",        "beta2",           "epsilon",
                                       "weight_decay", "log_every",       "mask_known_positives",
                                       "patience",     "keep_checkpoints"};
    senc_value *tree = NULL;
    bool ok = is_plain_file(path) && data_toml_load(path, &tree, NULL);
    const senc_value *train = ok ? senc_value_find(tree, "train") : NULL,
                     *output = ok ? senc_value_find(tree, "output") : NULL;
    ok = train && train->type == SENC_VALUE_TABLE && output && output->type == SENC_VALUE_TABLE;
    for (size_t i = 0; ok && i < sizeof keys / sizeof *keys; i++) ok = senc_value_find(train, keys[i]) != NULL;
    senc_value_free(tree);
    return ok;
}

/* A log as senc writes it: its first line is an object with a step. */
static bool is_log(const char *path) {
    char *text = is_plain_file(path) ? senc_file_read(path, 0, NULL, NULL) : NULL;
    const char *end = text ? strchr(text, '\n') : NULL;
    data_json *o = NULL;
    const bool ok = end && data_json_parse(text, (size_t)(end - text), path, &o, NULL) && data_json_find(o, "step");
    data_json_free(o);
    free(text);
    return ok;
}

static bool is_older_run(const char *dir) {
    char *config = senc_path_join(dir, "config.toml"), *log = senc_path_join(dir, "log.jsonl");
    const bool found = config && log && is_printed_config(config) && (is_log(log) || train_checkpoint_exists(dir));
    free(config);
    free(log);
    return found;
}

/* ---- strangers ---- */

enum { SHOWN = 3 };

/* The first names by the alphabet, so that the message does not depend on the file system. */
static bool note_name(char *names[SHOWN], const char *name, senc_error *err) {
    char *fresh = senc_strdup(name);
    if (!fresh) return senc_fail_memory(err, strlen(name), "a name");
    for (int i = 0; i < SHOWN; i++) {
        if (names[i] && strcmp(names[i], fresh) <= 0) continue;
        char *later = names[i];
        names[i] = fresh;
        fresh = later;
        if (!fresh) break;
    }
    free(fresh);
    return true;
}

static bool refuse_strangers(const char *dir, DIR *d, senc_error *err) {
    char *names[SHOWN] = {NULL};
    int n = 0;
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        ok = note_name(names, e->d_name, err);
        n++;
    }
    senc_buffer list = {0};
    for (int i = 0; i < SHOWN && names[i]; i++) senc_buffer_printf(&list, "%s%.60s", i ? ", " : "", names[i]);
    if (n > SHOWN) senc_buffer_printf(&list, " and %d more", n - SHOWN);
    if (ok && n > 0)
        ok = senc_fail(err, SENC_BAD_INPUT,
                       "%s: holds files that are no run of senc (%s); expected a new or an empty folder", dir,
                       senc_buffer_text(&list));
    senc_buffer_free(&list);
    for (int i = 0; i < SHOWN; i++) free(names[i]);
    return ok;
}

static bool refuse_link(const char *dir, const char *name, senc_error *err) {
    struct stat info;
    char *path = senc_path_join(dir, name);
    if (!path) return senc_fail_memory(err, strlen(dir), "a path");
    const bool ok = lstat(path, &info) != 0 || !S_ISLNK(info.st_mode) ||
                    senc_fail(err, SENC_BAD_INPUT, "%s: expected a folder, found a link", path);
    free(path);
    return ok;
}

bool train_run_scan(const char *dir, senc_error *err) {
    if (train_run_has_mark(dir, TRAIN_RUN_MARK) || is_older_run(dir)) return refuse_link(dir, "checkpoints", err);
    DIR *d = opendir(dir);
    if (!d) return errno == ENOENT || senc_fail_errno(err, "%s: cannot read the folder", dir);
    const bool ok = refuse_strangers(dir, d, err);
    closedir(d);
    return ok;
}
