/* Files read through gzip and zstd as they are: the first bytes decide, not the name. */
#ifndef DATA_STREAM_H
#define DATA_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/error.h"

typedef struct data_stream data_stream;

bool data_stream_open(const char *path, data_stream **out, senc_error *err);
/* Up to n_bytes of plain content; 0 at the end, -1 on failure: "path: truncated gzip stream after N bytes" (BAD_INPUT;
 * N counts the content that came out). Several gzip members or zstd frames behind one another are one stream. Zeros
 * behind a gzip member are padding and are skipped; anything else there is an error, where gzip warns: a part of the
 * data may be missing. */
int64_t data_stream_read(data_stream *s, void *bytes, size_t n_bytes, senc_error *err);
void data_stream_close(data_stream *s);

/* A whole file as read-only memory. A plain file is mapped; a compressed one is written once, decompressed, to an
 * unlinked temporary file (in $TMPDIR, else /tmp) and that is mapped: content larger than memory works. Empty: data =
 * "". The bytes are as in the file (a byte order mark is left in place). */
typedef struct data_text {
    const char *data;
    size_t n_bytes;
} data_text;
bool data_text_open(const char *path, data_text *out, senc_error *err);
void data_text_close(data_text *t); /* safe on a zeroed one */
/* The first n_bytes need not stay in memory: what is read again comes from the file. Keeps what is resident small while
 * a large text is gone through. */
void data_text_forget(const data_text *t, size_t n_bytes);

/* Number of bytes of `path` without a final ".gz" or ".zst". */
size_t data_path_stem_bytes(const char *path);
/* folder/name, folder/name.gz or folder/name.zst, whichever is there first; NULL when none is or out of memory. */
char *data_path_find_packed(const char *folder, const char *name);

#endif
