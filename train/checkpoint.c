/* Checkpoints: see checkpoint.h. */
#include "train/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "data/formats/json.h"
#include "data/formats/safetensors.h"
#include "data/pairs.h"
#include "train/run_folder.h"

#define FORMAT_VERSION 1
#define STEP_PREFIX    "step-"
#define TEMPORARY      ".tmp-" /* name.tmp-PID: being written; name.old-PID: replaced a moment ago */
#define REPLACED       ".old-"
#define REPLACED_ONCE  ".old"             /* as the program named it before */
#define MOST_PROGRESS  (INT64_C(1) << 53) /* of any count: a sum of two of them is far from overflowing */

/* ---- replacing folders ---- */

static char *name_with(const char *path, const char *suffix) {
    senc_buffer out = {0};
    senc_buffer_printf(&out, "%s%s%ld", path, suffix, (long)getpid());
    return senc_buffer_take(&out);
}

static bool move_folder(const char *from, const char *to, senc_error *err) {
    if (rename(from, to) == 0) return true;
    return senc_fail_errno(err, "%s: cannot rename to %s", from, to);
}

/* Names of files in folders inside; files have been synced by who wrote them. */
static bool sync_inside(const char *folder, senc_error *err) {
    DIR *d = opendir(folder);
    if (!d) return senc_fail_errno(err, "%s: cannot read the folder", folder);
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(d));) {
        char *path = e->d_name[0] == '.' ? NULL : senc_path_join(folder, e->d_name);
        if (e->d_name[0] != '.' && !path) ok = senc_fail_memory(err, strlen(folder), "a path");
        if (path && senc_path_is_folder(path)) ok = sync_inside(path, err);
        free(path);
    }
    closedir(d);
    senc_path_sync_folder(folder);
    return ok;
}

static bool put_in_place(const char *temporary, const char *folder, const char *old, senc_error *err) {
    const bool replaces = senc_path_exists(folder);
    if (replaces && !(senc_path_remove(old, err) && move_folder(folder, old, err))) return false;
    if (!move_folder(temporary, folder, err)) {
        if (replaces) (void)rename(old, folder);
        return false;
    }
    senc_path_sync_parent(folder);
    return !replaces || senc_path_remove(old, err);
}

static bool keep_stranger(const char *from, const char *to, senc_error *err);

/* What somebody else put into the folder comes along: files by a second name, so that there is no moment at which
 * they are only in a folder that goes. Names that the new folder has are senc's. */
static bool keep_strangers(const char *from, const char *to, senc_error *err) {
    DIR *d = opendir(from);
    if (!d) return errno == ENOENT || errno == ENOTDIR || senc_fail_errno(err, "%s: cannot read the folder", from);
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char *old = senc_path_join(from, e->d_name), *new = senc_path_join(to, e->d_name);
        ok = (old && new) || senc_fail_memory(err, strlen(from), "a path");
        ok = ok && keep_stranger(old, new, err);
        free(old);
        free(new);
    }
    closedir(d);
    return ok;
}

static bool keep_stranger(const char *from, const char *to, senc_error *err) {
    struct stat old, new;
    if (lstat(from, &old) != 0) return senc_fail_errno(err, "%s: cannot read", from);
    const bool is_new = lstat(to, &new) != 0;
    if (S_ISDIR(old.st_mode)) {
        if (is_new ? mkdir(to, old.st_mode & 07777) != 0 : !S_ISDIR(new.st_mode))
            return senc_fail_errno(err, "%s: cannot be kept", from);
        return keep_strangers(from, to, err);
    }
    return !is_new || linkat(AT_FDCWD, from, AT_FDCWD, to, 0) == 0 ||
           senc_fail_errno(err, "%s: is not senc's, and cannot be kept", from);
}

bool train_folder_replace(const char *folder, train_fill_folder *fill, void *context, senc_error *err) {
    char *temporary = name_with(folder, TEMPORARY), *old = name_with(folder, REPLACED);
    bool ok = temporary && old;
    if (!ok) senc_fail_memory(err, strlen(folder), "a path");
    ok = ok && senc_path_remove(temporary, err) && senc_path_create_folders(temporary, err) &&
         fill(context, temporary, err) && keep_strangers(folder, temporary, err) && sync_inside(temporary, err) &&
         put_in_place(temporary, folder, old, err);
    if (!ok && temporary) senc_path_remove(temporary, NULL);
    free(temporary);
    free(old);
    return ok;
}

/* ---- leftovers ---- */

/* The step in "step-000500"; -1 for any other name. n_bytes: of the name. */
static int64_t step_of(const char *name, size_t n_bytes) {
    const size_t n = strlen(STEP_PREFIX);
    if (n_bytes <= n || n_bytes > n + 18 || strncmp(name, STEP_PREFIX, n) != 0) return -1;
    int64_t step = 0;
    for (size_t i = n; i < n_bytes; i++) {
        if (name[i] < '0' || name[i] > '9') return -1;
        step = 10 * step + (name[i] - '0');
    }
    return step;
}

/* Digits, with one '-' between them at most: the PID, and a number where a name was taken. */
static bool is_pid(const char *text) {
    int n_dashes = 0;
    if (*text < '0' || *text > '9') return false;
    for (; *text; text++) {
        if (*text == '-' && text[1] && n_dashes++ == 0) continue;
        if (*text < '0' || *text > '9') return false;
    }
    return true;
}

typedef enum leftover { NOT_OURS, HALF_WRITTEN, BEING_REPLACED, REPLACED_BEFORE } leftover;

/* What a name in the run folder (in_checkpoints: in its checkpoints/) says; *n_place: bytes of the name without ending.
 */
static leftover leftover_of(const char *name, bool in_checkpoints, size_t *n_place) {
    static const struct {
        const char *ending;
        leftover kind;
    } endings[] = {{TEMPORARY, HALF_WRITTEN}, {REPLACED, BEING_REPLACED}, {REPLACED_ONCE, REPLACED_BEFORE}};
    const char *dot = strrchr(name, '.');
    leftover kind = NOT_OURS;
    for (size_t i = 0; dot && kind == NOT_OURS && i < sizeof endings / sizeof *endings; i++) {
        const size_t n = strlen(endings[i].ending);
        const bool has_pid = endings[i].kind != REPLACED_BEFORE;
        if (strncmp(dot, endings[i].ending, n) == 0 && (has_pid ? is_pid(dot + n) : dot[n] == '\0'))
            kind = endings[i].kind;
    }
    char place[64] = "";
    *n_place = dot ? (size_t)(dot - name) : 0;
    if (kind == NOT_OURS || *n_place >= sizeof place) return NOT_OURS;
    memcpy(place, name, *n_place);
    const bool is_folder =
        in_checkpoints ? step_of(place, *n_place) >= 0 : strcmp(place, "best") == 0 || strcmp(place, "final") == 0;
    const bool is_file =
        !in_checkpoints && kind == HALF_WRITTEN && (train_run_is_part(place) || strcmp(place, TRAIN_RUN_MARK) == 0);
    return is_folder || is_file ? kind : NOT_OURS;
}

static bool clean_entry(const char *dir, const char *name, bool in_checkpoints, senc_error *err) {
    size_t n_place;
    const leftover kind = leftover_of(name, in_checkpoints, &n_place);
    if (kind == NOT_OURS) return true;
    char *path = senc_path_join(dir, name);
    char *place = path ? senc_strndup(path, strlen(path) - strlen(name) + n_place) : NULL;
    bool ok = place || senc_fail_memory(err, strlen(name), "a path");
    if (ok && kind != HALF_WRITTEN && !senc_path_exists(place))
        ok = move_folder(path, place, err);
    else if (ok && kind != REPLACED_BEFORE)
        ok = senc_path_remove(path, err);
    free(place);
    free(path);
    return ok;
}

static bool clean_folder(const char *dir, bool in_checkpoints, senc_error *err) {
    DIR *d = opendir(dir);
    if (!d) return errno == ENOENT ? true : senc_fail_errno(err, "%s: cannot read the folder", dir);
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(d));) ok = clean_entry(dir, e->d_name, in_checkpoints, err);
    closedir(d);
    return ok;
}

bool train_checkpoint_clean(const char *run_dir, senc_error *err) {
    char *checkpoints = senc_path_join(run_dir, "checkpoints");
    if (!checkpoints) return senc_fail_memory(err, strlen(run_dir), "a path");
    const bool ok = clean_folder(run_dir, false, err) && clean_folder(checkpoints, true, err);
    free(checkpoints);
    return ok;
}

/* ---- progress <-> JSON ---- */

typedef struct progress_field {
    const char *name;
    size_t offset;
    bool is_real;
} progress_field;

#define INTEGER_FIELD(f)                                                                                               \
    { #f, offsetof(train_progress, f), false }
#define REAL_FIELD(f)                                                                                                  \
    { #f, offsetof(train_progress, f), true }

static const progress_field progress_fields[] = {
    INTEGER_FIELD(step),     INTEGER_FIELD(batch),        INTEGER_FIELD(epoch),
    INTEGER_FIELD(position), INTEGER_FIELD(n_updates),    INTEGER_FIELD(evaluated_step),
    REAL_FIELD(best_value),  INTEGER_FIELD(best_step),    INTEGER_FIELD(evaluations_without_best),
    INTEGER_FIELD(n_masked), INTEGER_FIELD(n_truncated),  INTEGER_FIELD(n_texts),
    INTEGER_FIELD(n_tokens), REAL_FIELD(elapsed_ms),      REAL_FIELD(window_loss),
    REAL_FIELD(window_ms),   INTEGER_FIELD(window_steps), INTEGER_FIELD(window_rows),
    INTEGER_FIELD(threads),  INTEGER_FIELD(n_rows),       INTEGER_FIELD(n_steps),
};
#define N_PROGRESS_FIELDS (sizeof progress_fields / sizeof progress_fields[0])

static void progress_put(data_json *o, const train_progress *p) {
    for (size_t i = 0; i < N_PROGRESS_FIELDS; i++) {
        const progress_field *f = &progress_fields[i];
        const char *at = (const char *)p + f->offset;
        if (f->is_real)
            data_json_put_number(o, f->name, *(const double *)(const void *)at); /* NaN becomes null */
        else
            data_json_put_integer(o, f->name, *(const int64_t *)(const void *)at);
    }
}

static bool progress_read(const data_json *o, train_progress *p, senc_error *err) {
    bool ok = true;
    for (size_t i = 0; ok && i < N_PROGRESS_FIELDS; i++) {
        const progress_field *f = &progress_fields[i];
        char *at = (char *)p + f->offset;
        if (f->offset == offsetof(train_progress, n_steps)) { /* older checkpoints lack it */
            p->n_steps = 0;
            ok = data_json_read_integer(o, f->name, 0, MOST_PROGRESS, &p->n_steps, err);
            continue;
        }
        if (!f->is_real) {
            const bool may_be_none = strcmp(f->name, "evaluated_step") == 0 || strcmp(f->name, "best_step") == 0;
            ok = data_json_require_integer(o, f->name, may_be_none ? -1 : 0, MOST_PROGRESS, (int64_t *)(void *)at, err);
            continue;
        }
        *(double *)(void *)at = NAN;
        ok = data_json_read_number(o, f->name, -HUGE_VAL, HUGE_VAL, (double *)(void *)at, err);
    }
    return ok;
}

/* ---- the state ---- */

static void state_tensors(const train_optimizer *o, data_tensor out[3]) {
    const int64_t n = o->params->n_numbers;
    const char *const names[3] = {"values", "adam_m", "adam_v"};
    const real *const blocks[3] = {o->params->values, o->m, o->v};
    for (int i = 0; i < 3; i++) {
        out[i] = (data_tensor){.name = names[i], .dtype = DATA_F32, .n_dims = 1, .shape = {n}};
        out[i].data = blocks[i];
        out[i].n_bytes = (size_t)n * sizeof(real);
    }
}

static uint64_t state_checksum(const data_tensor tensors[3]) {
    uint64_t h = 0;
    for (int i = 0; i < 3; i++) h = senc_rng_mix(h ^ data_text_hash(tensors[i].data, tensors[i].n_bytes));
    return h;
}

typedef struct save_context {
    const train_progress *progress;
    const data_json *inputs;
    const train_optimizer *optimizer;
} save_context;

static bool fill_checkpoint(void *context, const char *folder, senc_error *err) {
    const save_context *c = context;
    data_tensor tensors[3];
    state_tensors(c->optimizer, tensors);
    char checksum[32];
    snprintf(checksum, sizeof checksum, "%016llx", (unsigned long long)state_checksum(tensors));
    char *weights = senc_path_join(folder, "state.safetensors"), *state = senc_path_join(folder, "state.json");
    data_json *o = data_json_create_object();
    data_json_put_integer(o, "format", FORMAT_VERSION);
    data_json_put_string(o, "checksum", checksum);
    progress_put(o, c->progress);
    if (c->inputs) data_json_put_copy(o, "inputs", c->inputs);
    bool ok = weights && state;
    if (!ok) senc_fail_memory(err, strlen(folder), "a path");
    ok = ok && data_safetensors_save(weights, tensors, 3, NULL, err) && data_json_save(o, 2, state, err);
    data_json_free(o);
    free(weights);
    free(state);
    return ok;
}

/* Steps of the checkpoints in a folder, newest first; *n of them, to be freed. */
static int newest_first(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x > y ? -1 : x < y;
}

static bool list_steps(const char *checkpoints, int64_t **steps, int64_t *n, senc_error *err) {
    *steps = NULL;
    *n = 0;
    DIR *d = opendir(checkpoints);
    if (!d) return errno == ENOENT ? true : senc_fail_errno(err, "%s: cannot read the folder", checkpoints);
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(d));) {
        const int64_t step = step_of(e->d_name, strlen(e->d_name));
        if (step < 0) continue;
        int64_t *grown = senc_realloc(*steps, (size_t)*n + 1, sizeof *grown);
        ok = grown ? true : senc_fail_memory(err, ((size_t)*n + 1) * sizeof *grown, "the list of checkpoints");
        if (ok) (*steps = grown)[(*n)++] = step;
    }
    closedir(d);
    if (*n) qsort(*steps, (size_t)*n, sizeof **steps, newest_first);
    return ok;
}

static char *step_folder(const char *run_dir, int64_t step) {
    senc_buffer name = {0};
    senc_buffer_printf(&name, "%s/checkpoints/" STEP_PREFIX "%06lld", run_dir, (long long)step);
    return senc_buffer_take(&name);
}

static bool remove_older(const char *run_dir, int64_t keep, senc_error *err) {
    char *checkpoints = senc_path_join(run_dir, "checkpoints");
    if (!checkpoints) return senc_fail_memory(err, strlen(run_dir), "a path");
    int64_t *steps, n;
    bool ok = list_steps(checkpoints, &steps, &n, err);
    for (int64_t i = keep; ok && i < n; i++) {
        char *old = step_folder(run_dir, steps[i]);
        ok = old ? senc_path_remove(old, err) : senc_fail_memory(err, strlen(run_dir), "a path");
        free(old);
    }
    free(steps);
    free(checkpoints);
    return ok;
}

bool train_checkpoint_exists(const char *run_dir) {
    char *checkpoints = senc_path_join(run_dir, "checkpoints");
    int64_t *steps = NULL, n = 0;
    const bool found = checkpoints && list_steps(checkpoints, &steps, &n, NULL) && n > 0;
    free(steps);
    free(checkpoints);
    return found;
}

bool train_checkpoint_save(const char *run_dir, const train_progress *progress, const data_json *inputs,
                           const train_optimizer *optimizer, int64_t keep, senc_error *err) {
    char *folder = step_folder(run_dir, progress->step);
    if (!folder) return senc_fail_memory(err, strlen(run_dir), "a path");
    save_context context = {progress, inputs, optimizer};
    const bool ok = train_folder_replace(folder, fill_checkpoint, &context, err);
    free(folder);
    return ok && remove_older(run_dir, keep, err);
}

static bool read_block(const data_safetensors *file, const char *name, real *out, int64_t n, senc_error *err) {
    const data_tensor *t = data_safetensors_find(file, name);
    if (!t) return senc_fail(err, SENC_BAD_INPUT, "%s: tensor \"%s\" is missing", file->path, name);
    if (data_tensor_count(t) != n)
        return senc_fail(err, SENC_BAD_INPUT, "%s: tensor \"%s\" has %lld numbers, the model has %lld", file->path,
                         name, (long long)data_tensor_count(t), (long long)n);
    return data_tensor_to_floats(t, file->path, out, err);
}

static bool read_state(const char *folder, const data_json *o, train_optimizer *optimizer, senc_error *err) {
    char *path = senc_path_join(folder, "state.safetensors");
    if (!path) return senc_fail_memory(err, strlen(folder), "a path");
    data_safetensors file;
    const char *checksum = NULL;
    bool ok = data_json_require_string(o, "checksum", &checksum, err) && data_safetensors_open(path, &file, err);
    if (ok) {
        const int64_t n = optimizer->params->n_numbers;
        ok = read_block(&file, "values", optimizer->params->values, n, err) &&
             read_block(&file, "adam_m", optimizer->m, n, err) && read_block(&file, "adam_v", optimizer->v, n, err);
        data_safetensors_close(&file);
        data_tensor tensors[3];
        state_tensors(optimizer, tensors);
        char found[32];
        snprintf(found, sizeof found, "%016llx", (unsigned long long)state_checksum(tensors));
        if (ok && strcmp(found, checksum) != 0)
            ok = senc_fail(err, SENC_BAD_INPUT, "%s: checksum %s expected, found %s", path, checksum, found);
    }
    free(path);
    return ok;
}

static bool load_one(const char *folder, train_progress *progress, data_json **inputs, train_optimizer *optimizer,
                     senc_error *err) {
    char *path = senc_path_join(folder, "state.json");
    if (!path) return senc_fail_memory(err, strlen(folder), "a path");
    data_json *o = NULL;
    int64_t format = 0;
    const bool ok = data_json_load(path, &o, err) &&
                    data_json_require_integer(o, "format", 1, FORMAT_VERSION, &format, err) &&
                    progress_read(o, progress, err) && read_state(folder, o, optimizer, err);
    if (ok) optimizer->n_updates = progress->n_updates;
    const data_json *said = ok && inputs ? data_json_find(o, "inputs") : NULL;
    if (said) {
        *inputs = data_json_create_object();
        data_json_put_copy(*inputs, "inputs", said);
    }
    data_json_free(o);
    free(path);
    return ok;
}

bool train_checkpoint_load(const char *run_dir, train_progress *progress, data_json **inputs,
                           train_optimizer *optimizer, bool *found, senc_error *err) {
    *found = false;
    if (inputs) *inputs = NULL;
    char *checkpoints = senc_path_join(run_dir, "checkpoints");
    if (!checkpoints) return senc_fail_memory(err, strlen(run_dir), "a path");
    int64_t *steps, n;
    bool ok = list_steps(checkpoints, &steps, &n, err);
    senc_error last = {0};
    for (int64_t i = 0; ok && !*found && i < n; i++) {
        char *folder = step_folder(run_dir, steps[i]);
        if (!folder) {
            ok = senc_fail_memory(err, strlen(run_dir), "a path");
            break;
        }
        last = (senc_error){0};
        *found = load_one(folder, progress, inputs, optimizer, &last);
        if (!*found) senc_warn("%s; trying an older checkpoint", last.text);
        free(folder);
    }
    if (ok && !*found && n > 0) ok = senc_fail(err, last.kind, "%s (no checkpoint can be read)", last.text);
    free(steps);
    free(checkpoints);
    return ok;
}
