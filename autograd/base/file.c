/* Files and paths: see file.h. */
#include "autograd/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/mapping.h"
#include "autograd/base/memory.h"

char *senc_path_join(const char *a, const char *b) {
    senc_buffer out = {0};
    if (b[0] != '/' && a[0]) {
        senc_buffer_append_text(&out, a);
        if (a[strlen(a) - 1] != '/' && b[0]) senc_buffer_append_text(&out, "/");
    }
    senc_buffer_append_text(&out, b);
    return senc_buffer_take(&out);
}

/* Cuts the last part off a path of folders; false when that would change its meaning. */
static bool drop_last_part(char *path) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') path[--n] = '\0';
    const char *last = senc_path_name(path);
    struct stat info;
    if (!last[0] || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) return false;
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode)) return false;
    const size_t kept = (size_t)(last - path);
    path[kept > 1 ? kept - 1 : kept] = '\0';
    return true;
}

char *senc_path_resolve(const char *a, const char *b) {
    char *folder = senc_strdup(a);
    if (!folder) return NULL;
    bool dropped = false;
    while (strncmp(b, "../", 3) == 0 && drop_last_part(folder)) {
        dropped = true;
        for (b += 3; *b == '/'; b++) {
        }
    }
    const bool here = dropped && strcmp(folder, ".") == 0;
    char *joined = senc_path_join(here ? "" : folder, b);
    free(folder);
    return joined;
}

char *senc_path_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return senc_strdup(".");
    if (slash == path) return senc_strdup("/");
    return senc_strndup(path, (size_t)(slash - path));
}

bool senc_path_ends_with(const char *path, const char *ending) {
    const size_t n = strlen(path), n_ending = strlen(ending);
    return n >= n_ending && strcmp(path + n - n_ending, ending) == 0;
}

const char *senc_path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool senc_path_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

bool senc_path_is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool senc_path_is_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool senc_path_create_folders(const char *path, senc_error *err) {
    if (!path[0]) return senc_fail(err, SENC_BAD_INPUT, "expected the path of a folder, got \"\"");
    char *copy = senc_strdup(path);
    if (!copy) return senc_fail_memory(err, strlen(path), "a path");
    bool ok = true;
    for (char *p = copy + 1; ok; p++) {
        if (*p != '/' && *p != '\0') continue;
        const char end = *p;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && !(errno == EEXIST && senc_path_is_folder(copy))) {
            if (errno == EEXIST) errno = ENOTDIR;
            ok = senc_fail_errno(err, "%s: cannot create the folder", copy);
        }
        *p = end;
        if (end == '\0') break;
    }
    free(copy);
    return ok;
}

static bool remove_folder_content(const char *path, senc_error *err) {
    DIR *dir = opendir(path);
    if (!dir) return senc_fail_errno(err, "%s: cannot read the folder", path);
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char *child = senc_path_join(path, e->d_name);
        ok = child ? senc_path_remove(child, err) : senc_fail_memory(err, strlen(path), "a path");
        free(child);
    }
    closedir(dir);
    return ok;
}

bool senc_path_remove(const char *path, senc_error *err) {
    struct stat info;
    if (lstat(path, &info) != 0) return errno == ENOENT ? true : senc_fail_errno(err, "%s: cannot remove", path);
    if (S_ISDIR(info.st_mode) && !remove_folder_content(path, err)) return false;
    if (remove(path) != 0) return senc_fail_errno(err, "%s: cannot remove", path);
    return true;
}

/* Where a file of this path would be written: the target of a link. NULL, with err, for what must not be replaced by a
 * file (a device, a pipe, a folder). The caller frees. */
static char *find_target(const char *path, senc_error *err) {
    struct stat info;
    if (stat(path, &info) != 0) {
        char *copy = senc_strdup(path);
        if (!copy) senc_fail_memory(err, strlen(path), "a path");
        return copy;
    }
    if (S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        senc_fail_errno(err, "%s: cannot write", path);
        return NULL;
    }
    if (!S_ISREG(info.st_mode)) {
        senc_fail(err, SENC_BAD_INPUT, "%s: cannot write: a device or a pipe is there", path);
        return NULL;
    }
    char *target = realpath(path, NULL);
    if (!target) senc_fail_errno(err, "%s: cannot write", path);
    return target;
}

bool senc_file_writer_open(senc_file_writer *w, const char *path, senc_error *err) {
    *w = (senc_file_writer){.target = find_target(path, err)};
    if (!w->target) return false;
    senc_buffer name = {0};
    senc_buffer_printf(&name, "%s.tmp-%ld", w->target, (long)getpid());
    w->path = senc_strdup(path);
    w->temporary = senc_buffer_take(&name);
    if (!w->path || !w->temporary) {
        senc_file_writer_close(w);
        return senc_fail_memory(err, strlen(path), "a path");
    }
    w->stream = fopen(w->temporary, "wb");
    if (!w->stream) {
        senc_fail_errno(err, "%s: cannot write", path);
        senc_file_writer_close(w);
        return false;
    }
    return true;
}

/* A rename is durable once its folder is synced. Best effort: some file systems refuse to sync a folder. */
static void sync_folder_of(const char *path) {
    char *folder = senc_path_folder(path);
    const int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

/* Why an earlier write failed: its errno is gone, so more is written to ask again (a byte might still fit on a full
 * disk). */
static int ask_again(FILE *stream) {
    static const char zeros[1 << 16];
    clearerr(stream);
    errno = 0;
    fwrite(zeros, 1, sizeof zeros, stream);
    if (errno == 0) fflush(stream);
    return errno ? errno : EIO;
}

bool senc_file_writer_commit(senc_file_writer *w, senc_error *err) {
    if (!senc_mappings_check(err)) { /* what was written may come from zeros */
        senc_file_writer_close(w);
        return false;
    }
    errno = 0;
    bool ok = fflush(w->stream) == 0 && !ferror(w->stream) && fsync(fileno(w->stream)) == 0;
    int code = errno;
    if (!ok && ferror(w->stream) && code == 0) code = ask_again(w->stream);
    if (fclose(w->stream) != 0 && ok) {
        ok = false;
        code = errno;
    }
    w->stream = NULL;
    if (ok && rename(w->temporary, w->target) != 0) {
        ok = false;
        code = errno;
    }
    if (!ok) {
        errno = code;
        senc_fail_errno(err, "%s: cannot write", w->path);
        senc_file_writer_close(w);
        return false;
    }
    sync_folder_of(w->target);
    free(w->temporary);
    w->temporary = NULL;
    senc_file_writer_close(w);
    return true;
}

void senc_file_writer_close(senc_file_writer *w) {
    if (w->stream) fclose(w->stream);
    if (w->temporary) remove(w->temporary);
    free(w->path);
    free(w->target);
    free(w->temporary);
    *w = (senc_file_writer){0};
}

bool senc_file_write(const char *path, const void *bytes, size_t n_bytes, senc_error *err) {
    senc_file_writer w;
    if (!senc_file_writer_open(&w, path, err)) return false;
    if (n_bytes) fwrite(bytes, 1, n_bytes, w.stream); /* a failure is sticky in the stream: commit reports it */
    return senc_file_writer_commit(&w, err);
}

char *senc_file_read(const char *path, size_t max_bytes, size_t *n_bytes, senc_error *err) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        senc_fail_errno(err, "%s: cannot read", path);
        return NULL;
    }
    senc_buffer content = {0};
    char chunk[65536];
    size_t n;
    bool ok = true;
    while (ok && (n = fread(chunk, 1, sizeof chunk, f)) > 0) {
        senc_buffer_append(&content, chunk, n);
        if (content.failed) break;
        if (max_bytes && content.n_bytes > max_bytes)
            ok = senc_fail(err, SENC_BAD_INPUT, "%s: larger than %zu bytes", path, max_bytes);
    }
    if (ok && ferror(f)) ok = senc_fail_errno(err, "%s: cannot read", path);
    if (ok && content.failed) ok = senc_fail_memory(err, content.n_bytes, path);
    fclose(f);
    if (n_bytes) *n_bytes = content.n_bytes;
    if (ok) {
        char *text = senc_buffer_take(&content);
        if (!text) senc_fail_memory(err, 1, path);
        return text;
    }
    senc_buffer_free(&content);
    return NULL;
}

bool senc_file_map_open(senc_file_map *map, const char *path, senc_error *err) {
    *map = (senc_file_map){.data = ""};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return senc_fail_errno(err, "%s: cannot read", path);
    struct stat info;
    bool ok = fstat(fd, &info) == 0;
    if (ok && S_ISDIR(info.st_mode)) {
        ok = false;
        errno = EISDIR;
    }
    if (!ok) senc_fail_errno(err, "%s: cannot read", path);
    if (ok && info.st_size > 0) {
        const char *data = senc_mapping_open(fd, (size_t)info.st_size, path, err);
        ok = data != NULL;
        if (ok) *map = (senc_file_map){data, (size_t)info.st_size};
    }
    close(fd);
    return ok;
}

void senc_file_map_close(senc_file_map *map) {
    if (map->n_bytes) senc_mapping_close(map->data);
    *map = (senc_file_map){.data = ""};
}

double senc_clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

const char *senc_utc_text(char out[32]) {
    const time_t now = time(NULL);
    struct tm parts;
    out[0] = '\0';
    if (gmtime_r(&now, &parts)) strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return out;
}
