/* Sees what is synced: this fsync and fdatasync take the place of the C library's in the test that includes them, and
 * note every file and folder with what it was at that moment. */
#ifndef TESTS_SYNC_WITNESS_H
#define TESTS_SYNC_WITNESS_H

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYNC_MOST 256

typedef struct synced {
    char path[512];
    bool is_folder;
    long long n_bytes;       /* of a file */
    long long watched_bytes; /* of sync_watched then; -1: there was none */
} synced;

static synced syncs[SYNC_MOST];
static int n_syncs;
static const char *sync_watched; /* a file whose size is noted with every sync */
static int sync_failure;         /* an errno: the next one fails */

/* Notes the file and calls the C library's function, or fails. */
static int note_sync(const char *function, int fd) {
    typedef int sync_function(int);
    union {
        void *symbol;
        sync_function *call;
    } libc = {dlsym(RTLD_NEXT, function)};
    char link[64];
    struct stat s = {0}, watched = {0};
    synced *last = &syncs[n_syncs < SYNC_MOST - 1 ? n_syncs++ : n_syncs];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, last->path, sizeof last->path - 1);
    last->path[n > 0 ? n : 0] = '\0';
    if (fstat(fd, &s) == 0) last->n_bytes = (long long)s.st_size;
    last->is_folder = S_ISDIR(s.st_mode);
    last->watched_bytes = sync_watched && stat(sync_watched, &watched) == 0 ? (long long)watched.st_size : -1;
    if (sync_failure) {
        errno = sync_failure;
        sync_failure = 0;
        return -1;
    }
    return libc.call(fd);
}

int fsync(int fd) {
    return note_sync("fsync", fd);
}

int fdatasync(int fd) {
    return note_sync("fdatasync", fd);
}

#endif
