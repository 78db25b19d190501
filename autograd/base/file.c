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
#include "autograd/base/read_files.h"

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

bool senc_path_folder_in(const char *path, char *out, size_t out_bytes) {
    const char *slash = strrchr(path, '/');
    const size_t n = !slash ? 0 : slash == path ? 1 : (size_t)(slash - path);
    return (size_t)snprintf(out, out_bytes, "%.*s", (int)(n ? n : 1), n ? path : ".") < out_bytes;
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
        if (mkdir(copy, 0777) == 0) {
            senc_path_sync_parent(copy);
        } else if (errno != EEXIST || !senc_path_is_folder(copy)) {
            if (errno == EEXIST) errno = ENOTDIR;
            ok = senc_fail_errno(err, "%s: cannot create the folder", copy);
        }
        *p = end;
        if (end == '\0') break;
    }
    free(copy);
    return ok;
}

bool senc_path_check_folder(const char *path, senc_error *err) {
    char at[4096];
    struct stat info;
    if (!path[0]) return senc_fail(err, SENC_BAD_INPUT, "expected the path of a folder, got \"\"");
    if ((size_t)snprintf(at, sizeof at, "%s", path) >= sizeof at) return true; /* making it will tell */
    while (stat(at, &info) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        size_t n = strlen(at);
        while (n > 1 && at[n - 1] == '/') at[--n] = '\0';
        const char *slash = strrchr(at, '/');
        if (slash == at || !slash)
            snprintf(at, sizeof at, "%s", slash ? "/" : ".");
        else
            at[slash - at] = '\0';
    }
    if (stat(at, &info) == 0 && !S_ISDIR(info.st_mode))
        return senc_fail(err, SENC_BAD_INPUT, "%s: cannot be created: %s is a file, expected a folder", path, at);
    return access(at, W_OK | X_OK) == 0 || senc_fail_errno(err, "%s: cannot be written: %s", path, at);
}

/* ---- removing ---- */

/* What is being removed, for messages; without memory, so that removing works when there is none. */
typedef struct removal {
    char path[4096];
} removal;

static bool remove_entry(removal *r, int folder, const char *name, senc_error *err);

/* Everything in a folder that has been opened; takes the descriptor. */
static bool remove_content(removal *r, int fd, senc_error *err) {
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return senc_fail_errno(err, "%s: cannot read the folder", r->path);
    }
    const size_t n = strlen(r->path);
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        snprintf(r->path + n, sizeof r->path - n, "/%s", e->d_name);
        ok = remove_entry(r, dirfd(dir), e->d_name, err);
        r->path[n] = '\0';
    }
    closedir(dir);
    return ok;
}

/* A link is removed, not what it points to: a folder is opened as itself or not at all. */
static bool remove_entry(removal *r, int folder, const char *name, senc_error *err) {
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? true : senc_fail_errno(err, "%s: cannot remove", r->path);
    const bool is_folder = S_ISDIR(info.st_mode);
    if (is_folder) {
        const int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) return senc_fail_errno(err, "%s: cannot read the folder", r->path);
        if (!remove_content(r, fd, err)) return false;
    }
    if (unlinkat(folder, name, is_folder ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT) return true;
    return senc_fail_errno(err, "%s: cannot remove", r->path);
}

bool senc_path_remove(const char *path, senc_error *err) {
    removal r;
    snprintf(r.path, sizeof r.path, "%s", path);
    return remove_entry(&r, AT_FDCWD, path, err);
}

/* ---- syncing ---- */

void senc_path_sync_folder(const char *path) {
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

void senc_path_sync_parent(const char *path) {
    char folder[4096];
    if (senc_path_folder_in(path, folder, sizeof folder)) senc_path_sync_folder(folder);
}

/* ---- reading ---- */

char *senc_file_read(const char *path, size_t max_bytes, size_t *n_bytes, senc_error *err) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        senc_fail_errno(err, "%s: cannot read", path);
        return NULL;
    }
    senc_read_files_note(fileno(f));
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
    senc_read_files_note(fd);
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
