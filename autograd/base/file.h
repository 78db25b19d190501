/* Files and paths. Everything senc writes goes to a temporary name in the same folder, is synced, then renamed: a
 * reader never sees half a file, and a failed write never replaces a good one. */
#ifndef SENC_FILE_H
#define SENC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "autograd/base/error.h"

/* A file being written. open -> fwrite/fprintf on `stream` -> commit; close without commit removes the temporary. */
typedef struct senc_file_writer {
    FILE *stream;
    char *path; /* as given, for messages */
    char *target, *temporary;
} senc_file_writer;

/* Through a link its target is written. A device, a pipe or a folder in that place is refused. */
bool senc_file_writer_open(senc_file_writer *w, const char *path, senc_error *err);
/* Flushes, syncs, renames over `path`; fails when a mapped file was lost (mapping.h). On failure (disk full, ...) the
 * temporary is removed and the old file stays. */
bool senc_file_writer_commit(senc_file_writer *w, senc_error *err);
/* Safe after commit and on a zeroed writer. */
void senc_file_writer_close(senc_file_writer *w);
/* All of the above for bytes at hand. */
bool senc_file_write(const char *path, const void *bytes, size_t n_bytes, senc_error *err);

/* Whole file into a fresh NUL-terminated block (n_bytes without the NUL; may be NULL). max_bytes guards against the
 * absurd; 0: none. NULL on failure. */
char *senc_file_read(const char *path, size_t max_bytes, size_t *n_bytes, senc_error *err);

/* A read-only memory map, guarded (mapping.h); empty files give data = "" and n_bytes = 0. */
typedef struct senc_file_map {
    const char *data;
    size_t n_bytes;
} senc_file_map;
bool senc_file_map_open(senc_file_map *map, const char *path, senc_error *err);
void senc_file_map_close(senc_file_map *map);

bool senc_path_exists(const char *path);
bool senc_path_is_folder(const char *path);
bool senc_path_is_file(const char *path);
/* mkdir -p. */
bool senc_path_create_folders(const char *path, senc_error *err);
/* rm -r of a file or folder that may be absent. */
bool senc_path_remove(const char *path, senc_error *err);
/* "a" + "b/c" -> "a/b/c"; b absolute -> b. The caller frees; NULL when out of memory. */
char *senc_path_join(const char *a, const char *b);
/* As senc_path_join, with leading "../" of b taken off against a where that is safe (a's last part is a folder, not a
 * link): "configs" + "../runs/x" -> "runs/x". */
char *senc_path_resolve(const char *a, const char *b);
/* The folder part: "a/b.toml" -> "a", "b.toml" -> ".". The caller frees. */
char *senc_path_folder(const char *path);
/* Points behind the last '/'. */
const char *senc_path_name(const char *path);
/* Whether the path ends with these characters (".tsv"). */
bool senc_path_ends_with(const char *path, const char *ending);

/* Milliseconds of a clock that only goes forward. */
double senc_clock_ms(void);
/* Now, as "2026-11-21T15:24:27Z"; written to out, which is returned. */
const char *senc_utc_text(char out[32]);

#endif
