/* The run folder: see run_folder.h. */
#include "train/run_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "data/formats/json.h"
#include "train/checkpoint.h"
#include "train/run_folder_scan.h"

#define EARLIER    "earlier"
#define UNFINISHED "unfinished"
#define MOVING     ".moving"

static const char *const parts[] = {"config.toml", "log.jsonl", "checkpoints", "best",          "final",    "best.json",
                                    "report.json", "report.md", "report.html", "baseline.json", "bm25.json"};
#define N_PARTS (sizeof parts / sizeof *parts)

bool train_run_is_part(const char *name) {
    for (size_t i = 0; i < N_PARTS; i++) {
        if (strcmp(name, parts[i]) == 0) return true;
    }
    return false;
}

/* ---- names ---- */

static bool is_there(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

/* dir/a, with b behind it; fresh. */
static char *path_in(const char *dir, const char *a, const char *b, senc_error *err) {
    senc_buffer path = {0};
    senc_buffer_printf(&path, "%s/%s%s", dir, a, b);
    char *text = senc_buffer_take(&path);
    if (!text) senc_fail_memory(err, strlen(dir), "a path");
    return text;
}

static bool has_part(const char *dir, const char *name) {
    char *path = path_in(dir, name, "", NULL);
    const bool found = path && is_there(path);
    free(path);
    return found;
}

static bool has_run(const char *dir) {
    for (size_t i = 0; i < N_PARTS; i++) {
        if (has_part(dir, parts[i])) return true;
    }
    return false;
}

/* A run that was refused before its first evaluation leaves its configuration only: nobody misses that. */
static bool has_results(const char *dir) {
    for (size_t i = 0; i < N_PARTS; i++) {
        if (strcmp(parts[i], "config.toml") != 0 && has_part(dir, parts[i])) return true;
    }
    return false;
}

/* A folder inside the run folder that senc made. */
static bool holds_set_aside(const char *dir, const char *name) {
    char *path = path_in(dir, name, "", NULL);
    const bool found = path && train_run_has_mark(path, TRAIN_RUN_MARK);
    free(path);
    return found;
}

static bool write_mark(const char *dir, senc_error *err) {
    if (train_run_has_mark(dir, TRAIN_RUN_MARK)) return true;
    char *path = path_in(dir, TRAIN_RUN_MARK, "", err);
    data_json *o = data_json_create_object();
    data_json_put_string(o, "senc", SENC_VERSION);
    data_json_put_string(o, "folder", "training run");
    const bool ok = path && data_json_save(o, 2, path, err);
    data_json_free(o);
    free(path);
    return ok;
}

/* ---- moving runs ---- */

static bool move(const char *from, const char *to, senc_error *err) {
    return rename(from, to) == 0 || senc_fail_errno(err, "%s: cannot rename to %s", from, to);
}

static bool move_parts(const char *from, const char *to, senc_error *err) {
    bool ok = true;
    for (size_t i = 0; ok && i < N_PARTS; i++) {
        if (!has_part(from, parts[i])) continue;
        char *a = path_in(from, parts[i], "", err), *b = path_in(to, parts[i], "", err);
        ok = a && b;
        if (ok && is_there(b)) ok = senc_fail(err, SENC_FAILED, "%s: cannot bring it back: %s is in the way", a, b);
        ok = ok && move(a, b, err);
        free(a);
        free(b);
    }
    senc_path_sync_folder(to);
    senc_path_sync_folder(from);
    return ok;
}

static bool remove_part(const char *dir, const char *name, senc_error *err) {
    char *path = path_in(dir, name, "", err);
    const bool ok = path && senc_path_remove(path, err);
    free(path);
    return ok;
}

static bool remove_parts(const char *dir, senc_error *err) {
    bool ok = true;
    for (size_t i = 0; ok && i < N_PARTS; i++) ok = remove_part(dir, parts[i], err);
    return ok;
}

/* A folder that senc made, without its run; with files of others in it it stays. */
static bool remove_shell(const char *path, const char *mark, senc_error *err) {
    if (!remove_part(path, mark, err)) return false;
    if (rmdir(path) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST) return true;
    return senc_fail_errno(err, "%s: cannot remove", path);
}

/* What is left of a run that is being removed. */
static bool finish_drop(const char *path, senc_error *err) {
    return !train_run_has_mark(path, TRAIN_RUN_REMOVED) ||
           (remove_parts(path, err) && remove_shell(path, TRAIN_RUN_REMOVED, err));
}

/* Removes the run in dir/name. Its mark goes first, so that a kill leaves no half of a run that looks like a whole one.
 */
static bool drop(const char *dir, const char *name, senc_error *err) {
    char *path = path_in(dir, name, "", err), *mark = path ? path_in(path, TRAIN_RUN_MARK, "", err) : NULL;
    char *removed = mark ? path_in(path, TRAIN_RUN_REMOVED, "", err) : NULL;
    bool ok = removed != NULL;
    if (ok && train_run_has_mark(path, TRAIN_RUN_MARK)) {
        ok = move(mark, removed, err);
        senc_path_sync_folder(path);
    }
    ok = ok && finish_drop(path, err);
    free(path);
    free(mark);
    free(removed);
    return ok;
}

/* The run in dir goes to dir/name. */
static bool set_aside(const char *dir, const char *name, senc_error *err) {
    char *path = path_in(dir, name, "", err), *moving = path_in(dir, name, MOVING, err);
    bool ok = path && moving && drop(dir, name, err);
    if (ok && is_there(path))
        ok = senc_fail(err, SENC_BAD_INPUT, "%s: is in the way, senc puts runs aside by this name; move it away", path);
    ok = ok && senc_path_create_folders(moving, err) && write_mark(moving, err) && move_parts(dir, moving, err) &&
         move(moving, path, err);
    senc_path_sync_folder(dir);
    free(path);
    free(moving);
    return ok;
}

/* What a killed move has left comes back; also the second half of bring_back. */
static bool undo_move(const char *dir, const char *name, senc_error *err) {
    char *moving = path_in(dir, name, MOVING, err);
    bool ok = moving != NULL;
    if (ok && train_run_has_mark(moving, TRAIN_RUN_MARK))
        ok = move_parts(moving, dir, err) && remove_shell(moving, TRAIN_RUN_MARK, err);
    senc_path_sync_folder(dir);
    free(moving);
    return ok;
}

/* The run in dir/name comes to dir, which holds none. */
static bool bring_back(const char *dir, const char *name, senc_error *err) {
    char *path = path_in(dir, name, "", err), *moving = path_in(dir, name, MOVING, err);
    const bool ok = path && moving && move(path, moving, err) && undo_move(dir, name, err);
    free(path);
    free(moving);
    return ok;
}

/* Moves and removals that a kill cut short. */
static bool recover(const char *dir, senc_error *err) {
    static const char *const names[] = {EARLIER, UNFINISHED};
    bool ok = true;
    for (int i = 0; ok && i < 2; i++) {
        char *path = path_in(dir, names[i], "", err);
        ok = path && undo_move(dir, names[i], err) && finish_drop(path, err);
        free(path);
    }
    return ok;
}

/* The new run in dir has no evaluation of its own: the earlier one takes its place again. *kept: what the new one had
 * saved is in unfinished/. */
static bool restore_earlier(const char *dir, bool *kept, senc_error *err) {
    *kept = train_checkpoint_exists(dir);
    return (*kept ? set_aside(dir, UNFINISHED, err) : remove_parts(dir, err)) && bring_back(dir, EARLIER, err);
}

/* ---- before the run ---- */

/* Whether the run in dir (inside "": the folder itself) can be gone on with by this configuration. */
static bool has_same_config(const char *dir, const char *inside, const train_config *config,
                            const train_run_options *options, senc_error *err) {
    char *path = path_in(dir, inside, inside[0] ? "/config.toml" : "config.toml", err);
    bool ok = path != NULL;
    if (ok && !senc_path_is_file(path))
        ok = senc_fail(err, SENC_BAD_INPUT, "%s: is missing, so nobody can say whether this configuration is the run's",
                       path);
    ok = ok && train_config_check_same(config, path, options->extend, err);
    free(path);
    return ok;
}

/* An earlier run is aside: the one that was to replace it was killed, or interrupted and gone on with. */
static bool settle_earlier(train_run_folder *f, const train_config *config, const train_run_options *options,
                           senc_error *err) {
    senc_error ignored = {0};
    bool kept;
    if (!has_run(f->dir)) return bring_back(f->dir, EARLIER, err);
    if (options->resume && has_same_config(f->dir, "", config, options, &ignored)) {
        f->has_earlier = true;
        return true;
    }
    if (!restore_earlier(f->dir, &kept, err)) return false;
    senc_info("%s: the earlier run is back; the one that was to replace it", f->dir);
    senc_info("was killed before its first evaluation%s", kept ? " and is in " UNFINISHED "/" : "");
    return true;
}

static bool refuse_run(const train_run_folder *f, bool has_unfinished, senc_error *err) {
    if (has_unfinished)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: holds an earlier run, and in " UNFINISHED "/ one that was to replace it and was "
                         "interrupted; --resume goes on with that one, --overwrite starts anew",
                         f->dir);
    return senc_fail(err, SENC_BAD_INPUT, "%s: holds an earlier run; --resume goes on with it, --overwrite replaces it",
                     f->dir);
}

static bool check_resume(train_run_folder *f, const train_config *config, const train_run_options *options,
                         bool has_unfinished, senc_error *err) {
    senc_error other = {0};
    f->resumes = f->holds_run;
    f->resumes_unfinished = has_unfinished && has_same_config(f->dir, UNFINISHED, config, options, &other);
    if (!f->resumes || f->resumes_unfinished) return true;
    if (!has_same_config(f->dir, "", config, options, err)) return false;
    /* Begun again it would replace its models before it has others. */
    const bool has_models = has_part(f->dir, "best") || has_part(f->dir, "final");
    if (!has_models || f->has_earlier || train_checkpoint_exists(f->dir)) return true;
    senc_info("%s: no checkpoint to go on from: starting from the beginning", f->dir);
    f->resumes = false;
    return true;
}

bool train_run_folder_check(train_run_folder *f, const train_config *config, const train_run_options *options,
                            senc_error *err) {
    *f = (train_run_folder){.dir = config->output.dir};
    if (!train_run_scan(f->dir, err)) return false;
    const bool may_change = !options->dry_run && train_run_has_mark(f->dir, TRAIN_RUN_MARK);
    if (may_change && !(recover(f->dir, err) && train_checkpoint_clean(f->dir, err))) return false;
    if (may_change && holds_set_aside(f->dir, EARLIER) && !settle_earlier(f, config, options, err)) return false;
    const bool has_unfinished = holds_set_aside(f->dir, UNFINISHED);
    f->holds_run = has_run(f->dir);
    if (options->resume) return check_resume(f, config, options, has_unfinished, err);
    if (!f->holds_run || options->overwrite || (!has_results(f->dir) && !has_unfinished)) return true;
    if (!options->dry_run) return refuse_run(f, has_unfinished, err);
    senc_info_wrapped(2, "%s: holds an earlier run; the run itself needs --resume or --overwrite", f->dir);
    return true;
}

static bool write_config(const train_run_folder *f, const train_config *config, bool replace, senc_error *err) {
    char *path = path_in(f->dir, "config.toml", "", err);
    senc_buffer text = {0};
    senc_file_writer w = {0};
    bool ok = path && train_config_print(config, true, &text, err) &&
              (replace ? senc_file_writer_open(&w, path, err) : senc_file_writer_open_output(&w, path, false, err));
    if (ok) fwrite(senc_buffer_text(&text), 1, text.n_bytes, w.stream); /* a failure is sticky: commit reports it */
    ok = ok && senc_file_writer_commit(&w, err);
    senc_file_writer_close(&w);
    senc_buffer_free(&text);
    free(path);
    return ok;
}

bool train_run_folder_begin(train_run_folder *f, const train_config *config, const train_run_options *options,
                            senc_error *err) {
    if (!senc_path_create_folders(f->dir, err) || !write_mark(f->dir, err) || !train_checkpoint_clean(f->dir, err))
        return false;
    if (f->resumes_unfinished) {
        if (!set_aside(f->dir, EARLIER, err)) return false;
        f->has_earlier = true;
        if (!bring_back(f->dir, UNFINISHED, err)) return false;
    } else if (f->holds_run && !f->resumes) {
        if (!set_aside(f->dir, EARLIER, err)) return false;
        f->has_earlier = true;
        senc_info("the earlier run waits in %s/" EARLIER, f->dir);
        senc_info("until this one has its first evaluation or checkpoint");
    }
    if (f->resumes) return !options->extend || write_config(f, config, true, err);
    return write_config(f, config, false, err);
}

/* ---- behind the run ---- */

bool train_run_folder_commit(train_run_folder *f, senc_error *err) {
    if (!f->has_earlier) return true;
    f->has_earlier = false;
    return drop(f->dir, EARLIER, err) && drop(f->dir, UNFINISHED, err);
}

bool train_run_folder_give_back(train_run_folder *f, senc_error *err) {
    senc_error failure = {0};
    bool kept = false;
    if (!f->has_earlier) return false;
    f->has_earlier = false;
    if (!has_run(f->dir) ? !bring_back(f->dir, EARLIER, &failure) : !restore_earlier(f->dir, &kept, &failure)) {
        senc_warn("%s", failure.text);
        return false;
    }
    const senc_error told = *err;
    *err = (senc_error){0};
    if (kept)
        return senc_fail(err, told.kind,
                         "%s; before its first evaluation, so the earlier run is back in %s and this one in "
                         "%s/" UNFINISHED ", where --resume finds it",
                         told.text, f->dir, f->dir);
    return senc_fail(err, told.kind, "%s; the earlier run is back in %s", told.text, f->dir);
}
