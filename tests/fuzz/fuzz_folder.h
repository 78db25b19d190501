/* A folder for targets whose code reads paths, and what several of them do. Included by one source file each. */
#ifndef FUZZ_FOLDER_H
#define FUZZ_FOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/base/error.h"
#include "autograd/base/file.h"
#include "autograd/base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static char fuzz_folder_path[200];

static void fuzz_folder_remove(void) {
    senc_path_remove(fuzz_folder_path, NULL);
}

/* Made by the first call, in memory where there is a place for that; removed at the end. */
static const char *fuzz_folder(void) {
    if (fuzz_folder_path[0]) return fuzz_folder_path;
    const char *top = getenv("TMPDIR");
    if (!top || !*top) top = senc_path_is_folder("/dev/shm") ? "/dev/shm" : "/tmp";
    snprintf(fuzz_folder_path, sizeof fuzz_folder_path, "%.150s/senc-fuzz-XXXXXX", top);
    SENC_ASSERT(mkdtemp(fuzz_folder_path), "%s", fuzz_folder_path);
    atexit(fuzz_folder_remove);
    senc_log_set_level(SENC_LOG_QUIET);
    return fuzz_folder_path;
}

/* folder/name with these bytes; the path is good until the fourth call from here. Plain writing: nothing is synced. */
static const char *fuzz_file(const char *name, const void *bytes, size_t n_bytes) {
    static char paths[4][300];
    static int next;
    char *path = paths[next = (next + 1) % 4];
    snprintf(path, sizeof paths[0], "%s/%s", fuzz_folder(), name);
    FILE *f = fopen(path, "wb");
    SENC_ASSERT(f && fwrite(bytes, 1, n_bytes, f) == n_bytes && fclose(f) == 0, "%s", path);
    return path;
}

/* A refusal is one line of text; success leaves the error empty. */
static inline void fuzz_check_error(bool ok, const senc_error *err) {
    SENC_ASSERT(ok == (err->kind == SENC_OK) && (ok || err->text[0]) && !strchr(err->text, '\n'), "ok %d: %d \"%s\"",
                ok, err->kind, err->text);
}

#endif
