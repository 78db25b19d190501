/* Files being written: see file.h. */
#include "autograd/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/log.h"
#include "autograd/base/mapping.h"
#include "autograd/base/memory.h"
#include "autograd/base/read_files.h"

static bool names_always;

void senc_file_use_names(bool always) {
    names_always = always;
}

/* ---- where ---- */

/* The descriptor that a path stands for; -1: none. What is behind it was opened by somebody else, perhaps to append. */
static int descriptor_of(const char *path) {
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0) return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0) return STDERR_FILENO;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const size_t n = strlen(folders[i]);
        char *end = NULL;
        const long fd = strncmp(path, folders[i], n) == 0 ? strtol(path + n, &end, 10) : -1;
        if (fd >= 0 && fd < 1 << 20 && end > path + n && *end == '\0') return (int)fd;
    }
    return -1;
}

bool senc_path_is_stream(const char *path) {
    struct stat info;
    return descriptor_of(path) >= 0 ||
           (stat(path, &info) == 0 && (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode)));
}

bool senc_file_check_new(const char *path, senc_error *err) {
    struct stat info;
    if (senc_path_is_stream(path)) return true;
    if (stat(path, &info) != 0) {
        if (lstat(path, &info) != 0) return true;
        return senc_fail(err, SENC_BAD_INPUT, "%s: cannot write: a link that leads nowhere is there", path);
    }
    if (S_ISDIR(info.st_mode)) return senc_fail(err, SENC_BAD_INPUT, "%s: cannot write: Is a directory", path);
    if (S_ISREG(info.st_mode) && info.st_size == 0) return true;
    return senc_fail(err, SENC_BAD_INPUT, "%s: is there already; --overwrite replaces it", path);
}

bool senc_file_check_folder(const char *path, senc_error *err) {
    if (senc_path_is_stream(path)) return true;
    char *folder = senc_path_folder(path), *inside = folder ? senc_path_join(folder, ".") : NULL;
    bool ok = inside || senc_fail_memory(err, strlen(path), "a path");
    if (ok && access(inside, W_OK | X_OK) != 0) ok = senc_fail_errno(err, "%s: cannot write", path);
    free(inside);
    free(folder);
    return ok;
}

/* Fills target and what is known of the file that is there. */
static bool find_target(senc_file_writer *w, senc_error *err) {
    struct stat info;
    if (stat(w->path, &info) != 0) { /* also for a link that leads nowhere: it is replaced */
        w->target = senc_strdup(w->path);
        return w->target || senc_fail_memory(err, strlen(w->path), "a path");
    }
    if (S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        return senc_fail_errno(err, "%s: cannot write", w->path);
    }
    if (!S_ISREG(info.st_mode)) return senc_fail(err, SENC_BAD_INPUT, "%s: cannot write: a disk is there", w->path);
    w->replaces = true;
    w->target = realpath(w->path, NULL);
    return w->target || senc_fail_errno(err, "%s: cannot write", w->path);
}

/* ---- opening ---- */

static bool open_stream(senc_file_writer *w, senc_error *err) {
    const int shared = descriptor_of(w->path);
    if (shared == STDOUT_FILENO) fflush(stdout);
    const int fd = shared >= 0 ? fcntl(shared, F_DUPFD_CLOEXEC, 3) : open(w->path, O_WRONLY | O_CLOEXEC);
    w->is_stream = true;
    w->stream = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (w->stream) return true;
    senc_fail_errno(err, "%s: cannot write", w->path);
    if (fd >= 0) close(fd);
    return false;
}

/* target.tmp-PID, or with a number behind it where somebody else has such a file. make(name) returns -1 and EEXIST
 * then.
 */
static int take_name(senc_file_writer *w, int (*make)(const senc_file_writer *w, const char *name)) {
    for (int i = 0; i < 1000; i++) {
        senc_buffer name = {0};
        senc_buffer_printf(&name, "%s.tmp-%ld", w->target, (long)getpid());
        if (i > 0) senc_buffer_printf(&name, "-%d", i);
        char *temporary = senc_buffer_take(&name);
        errno = ENOMEM;
        const int made = temporary ? make(w, temporary) : -1;
        if (made >= 0) {
            w->temporary = temporary;
            return made;
        }
        free(temporary);
        if (errno != EEXIST) return -1;
    }
    return -1;
}

/* Others may not read a file before it has the mode of the one it replaces. */
static mode_t first_mode(const senc_file_writer *w) {
    return w->replaces ? 0600 : 0666;
}

static int create_named(const senc_file_writer *w, const char *name) {
    return open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, first_mode(w));
}

static int create_unnamed(const senc_file_writer *w) {
    char folder[4096];
    if (names_always || !senc_path_folder_in(w->target, folder, sizeof folder) || access("/proc/self/fd", X_OK) != 0)
        return -1;
    return open(folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, first_mode(w));
}

static bool open_file(senc_file_writer *w, senc_error *err) {
    if (!find_target(w, err)) return false;
    int fd = create_unnamed(w);
    if (fd < 0) fd = take_name(w, create_named);
    w->stream = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (w->stream) return true;
    if (errno == ENOMEM)
        senc_fail_memory(err, strlen(w->path), "a path");
    else
        senc_fail_errno(err, "%s: cannot write", w->path);
    if (fd >= 0) close(fd);
    return false;
}

bool senc_file_writer_open(senc_file_writer *w, const char *path, senc_error *err) {
    *w = (senc_file_writer){.path = senc_strdup(path)};
    if (!w->path) return senc_fail_memory(err, strlen(path), "a path");
    if (senc_path_is_stream(path) ? open_stream(w, err) : open_file(w, err)) return true;
    senc_file_writer_close(w);
    return false;
}

bool senc_file_writer_open_output(senc_file_writer *w, const char *path, bool overwrite, senc_error *err) {
    *w = (senc_file_writer){0};
    if ((!overwrite && !senc_file_check_new(path, err)) || !senc_file_writer_open(w, path, err)) return false;
    w->must_be_new = !overwrite && !w->is_stream && !w->replaces;
    w->is_output = true;
    if (senc_read_files_check(path, err)) return true;
    senc_file_writer_close(w);
    return false;
}

/* ---- into its place ---- */

bool senc_file_take_over(int fd, const char *target, senc_error *err) {
    struct stat old, info;
    if (stat(target, &old) != 0) return true;
    if (fstat(fd, &info) != 0) return senc_fail_errno(err, "%s: cannot write", target);
    if (info.st_gid != old.st_gid && fchown(fd, (uid_t)-1, old.st_gid) != 0)
        senc_warn("%s: its group cannot be kept", target);
    if (info.st_uid != old.st_uid && fchown(fd, old.st_uid, (gid_t)-1) != 0)
        senc_warn("%s: its owner cannot be kept", target);
    if (fchmod(fd, old.st_mode & 07777) == 0) return true; /* behind fchown, which may take bits away */
    return senc_fail_errno(err, "%s: cannot keep its mode", target);
}

static int link_stream(const senc_file_writer *w, const char *name) {
    char source[64];
    snprintf(source, sizeof source, "/proc/self/fd/%d", fileno(w->stream));
    return linkat(AT_FDCWD, source, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

bool senc_file_move(const char *from, const char *to, bool must_be_new) {
    struct stat info;
    if (!must_be_new) return rename(from, to) == 0;
    if (link(from, to) == 0) return unlink(from) == 0;
    if (errno == EEXIST || lstat(to, &info) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0; /* a file system without links */
}

/* False with errno. */
static bool put_in_place(senc_file_writer *w) {
    if (w->must_be_new && !w->temporary) return link_stream(w, w->target) == 0;
    if (!w->temporary && take_name(w, link_stream) < 0) return false;
    if (!senc_file_move(w->temporary, w->target, w->must_be_new)) return false;
    free(w->temporary);
    w->temporary = NULL;
    return true;
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

/* A stream need not know how to sync. */
static bool sync_stream(const senc_file_writer *w) {
    return fsync(fileno(w->stream)) == 0 || (w->is_stream && (errno == EINVAL || errno == ENOTSUP || errno == EROFS));
}

static bool finish(senc_file_writer *w, senc_error *err) {
    if (!senc_mappings_check(err)) return false; /* what was written may come from zeros */
    errno = 0;
    const bool written = fflush(w->stream) == 0 && !ferror(w->stream);
    if (!written && ferror(w->stream) && errno == 0) errno = ask_again(w->stream);
    if (!written) return senc_fail_errno(err, "%s: cannot write", w->path);
    if (w->replaces && !senc_file_take_over(fileno(w->stream), w->target, err)) return false;
    if (!sync_stream(w)) return senc_fail_errno(err, "%s: cannot write", w->path);
    if (w->is_stream || put_in_place(w)) return true;
    if (errno == EEXIST)
        return senc_fail(err, SENC_FAILED, "%s: cannot write: somebody else has made this file meanwhile", w->path);
    return senc_fail_errno(err, "%s: cannot write", w->path);
}

bool senc_file_writer_commit(senc_file_writer *w, senc_error *err) {
    const bool ok = (!w->is_output || senc_read_files_check(w->path, err)) && finish(w, err);
    if (ok && fclose(w->stream) != 0 && w->is_stream) {
        w->stream = NULL;
        senc_fail_errno(err, "%s: cannot write", w->path);
        senc_file_writer_close(w);
        return false;
    }
    if (ok) w->stream = NULL; /* a file has been synced: nothing was left to write */
    if (ok && w->target) senc_path_sync_parent(w->target);
    senc_file_writer_close(w);
    return ok;
}

void senc_file_writer_close(senc_file_writer *w) {
    if (w->stream) fclose(w->stream);
    if (w->temporary) unlink(w->temporary);
    free(w->path);
    free(w->target);
    free(w->temporary);
    *w = (senc_file_writer){0};
}

static bool write_all(senc_file_writer *w, const void *bytes, size_t n_bytes, senc_error *err) {
    if (n_bytes) fwrite(bytes, 1, n_bytes, w->stream); /* a failure is sticky in the stream: commit reports it */
    return senc_file_writer_commit(w, err);
}

bool senc_file_write(const char *path, const void *bytes, size_t n_bytes, senc_error *err) {
    senc_file_writer w;
    return senc_file_writer_open(&w, path, err) && write_all(&w, bytes, n_bytes, err);
}

bool senc_file_write_output(const char *path, const void *bytes, size_t n_bytes, senc_error *err) {
    senc_file_writer w;
    return senc_file_writer_open_output(&w, path, true, err) && write_all(&w, bytes, n_bytes, err);
}
