/* Files and paths. Everything senc writes goes to a file without a name in the same folder (where the file system has
 * no such files: to PATH.tmp-PID), is synced, then put in its place: a reader never sees half a file, a failed write
 * never replaces a good one, a killed one leaves nothing. */
#ifndef SENC_FILE_H
#define SENC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "autograd/base/error.h"

/* A file being written. open -> fwrite/fprintf on `stream` -> commit; close without commit leaves everything as it was.
 */
typedef struct senc_file_writer {
    FILE *stream;
    char *path;               /* as given, for messages */
    char *target, *temporary; /* through links; temporary NULL: without a name, or a stream */
    bool is_stream;           /* written as it comes: senc_path_is_stream */
    bool must_be_new, replaces;
    bool is_output; /* named by the user: no file that was read may be in its place (read_files.h) */
} senc_file_writer;

/* Through a link its target is written. A file that is replaced keeps its mode and, where that is allowed, its owner. A
 * stream (senc_path_is_stream) is written directly. A folder or a block device in that place is refused. */
bool senc_file_writer_open(senc_file_writer *w, const char *path, senc_error *err);
/* For what users name. Without `overwrite` it refuses what senc_file_check_new refuses, and always a file that this
 * process has read (read_files.h); at once, and when such a file is there by the end. */
bool senc_file_writer_open_output(senc_file_writer *w, const char *path, bool overwrite, senc_error *err);
/* Flushes, syncs, takes the place of `path`, syncs the folder; fails when a mapped file was lost (mapping.h). On
 * failure (disk full, ...) the old file stays. */
bool senc_file_writer_commit(senc_file_writer *w, senc_error *err);
/* Safe after commit and on a zeroed writer. */
void senc_file_writer_close(senc_file_writer *w);
/* Gives an open file the mode and the owner of the one whose place it takes; no such file: nothing to do. Where the
 * owner cannot be kept it says so. */
bool senc_file_take_over(int fd, const char *target, senc_error *err);
/* Gives a finished file its name. must_be_new: false with errno EEXIST when there is one by now. The caller syncs the
 * folder. */
bool senc_file_move(const char *from, const char *to, bool must_be_new);
/* A file that is there and holds something is in the way: BAD_INPUT, naming --overwrite. Streams and empty files are
 * not. */
bool senc_file_check_new(const char *path, senc_error *err);
/* Whether a file can be made there, before the work for it begins: the folder is there and may be written. */
bool senc_file_check_folder(const char *path, senc_error *err);
/* For tests: as on a file system that knows no files without a name. */
void senc_file_use_names(bool always);
/* All of the above for bytes at hand. */
bool senc_file_write(const char *path, const void *bytes, size_t n_bytes, senc_error *err);
/* The same for what users name and may be replaced (senc_file_writer_open_output). */
bool senc_file_write_output(const char *path, const void *bytes, size_t n_bytes, senc_error *err);

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
/* Whether the folder is there and may be written, or could be made: before the work for it begins. Changes nothing. */
bool senc_path_check_folder(const char *path, senc_error *err);
/* Where a file cannot be replaced, only written to: a character device, a pipe, a socket, "-" (standard output),
 * /dev/stdout, /dev/fd/N. */
bool senc_path_is_stream(const char *path);
/* rm -r of a file or folder that may be absent. A link is removed, never followed. */
bool senc_path_remove(const char *path, senc_error *err);
/* Makes names in a folder, or in the one that holds `path`, durable. Best effort: some file systems refuse to sync
 * folders. */
void senc_path_sync_folder(const char *path);
void senc_path_sync_parent(const char *path);
/* "a" + "b/c" -> "a/b/c"; b absolute -> b. The caller frees; NULL when out of memory. */
char *senc_path_join(const char *a, const char *b);
/* As senc_path_join, with leading "../" of b taken off against a where that is safe (a's last part is a folder, not a
 * link): "configs" + "../runs/x" -> "runs/x". */
char *senc_path_resolve(const char *a, const char *b);
/* The folder part: "a/b.toml" -> "a", "b.toml" -> ".". The caller frees. */
char *senc_path_folder(const char *path);
/* The same into out; false where it does not fit. */
bool senc_path_folder_in(const char *path, char *out, size_t out_bytes);
/* Points behind the last '/'. */
const char *senc_path_name(const char *path);
/* Whether the path ends with these characters (".tsv"). */
bool senc_path_ends_with(const char *path, const char *ending);

/* Milliseconds of a clock that only goes forward. */
double senc_clock_ms(void);
/* Now, as "2026-11-21T15:24:27Z"; written to out, which is returned. */
const char *senc_utc_text(char out[32]);

#endif
