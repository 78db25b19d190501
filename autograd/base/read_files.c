/* Files that were read: see read_files.h. */
#include "autograd/base/read_files.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "autograd/base/memory.h"

typedef struct read_file {
    dev_t device;
    ino_t number;
} read_file;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static read_file *files;
static int64_t n_files, capacity;
static bool is_noting;

static bool is_noted(const struct stat *info) {
    for (int64_t i = n_files - 1; i >= 0; i--) {
        if (files[i].device == info->st_dev && files[i].number == info->st_ino) return true;
    }
    return false;
}

static void forget_all(void) {
    free(files);
    files = NULL;
    n_files = capacity = 0;
}

/* Without memory a file is not noted: then it is only protected by what commands check themselves. */
static void note(const struct stat *info) {
    if (is_noted(info)) return;
    if (n_files == capacity) {
        const int64_t wanted = capacity ? 2 * capacity : 64;
        read_file *grown = senc_realloc(files, (size_t)wanted, sizeof *grown);
        if (!grown) return;
        if (capacity == 0) atexit(forget_all);
        files = grown;
        capacity = wanted;
    }
    files[n_files++] = (read_file){info->st_dev, info->st_ino};
}

void senc_read_files_begin(void) {
    pthread_mutex_lock(&mutex);
    is_noting = true;
    pthread_mutex_unlock(&mutex);
}

void senc_read_files_note(int fd) {
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return;
    pthread_mutex_lock(&mutex);
    if (is_noting) note(&info);
    pthread_mutex_unlock(&mutex);
}

bool senc_read_files_check(const char *path, senc_error *err) {
    struct stat info;
    if (stat(path, &info) != 0) return true;
    pthread_mutex_lock(&mutex);
    const bool noted = is_noted(&info);
    pthread_mutex_unlock(&mutex);
    return !noted || senc_fail(err, SENC_BAD_INPUT, "%s: cannot write: it has been read as an input", path);
}
