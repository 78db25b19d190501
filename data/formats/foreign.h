/* Files that are no text of rows, by their first bytes: what they are, and how they become one that senc reads. */
#ifndef DATA_FOREIGN_H
#define DATA_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"

/* bytes: the file's first ones, 64 are enough. False (BAD_INPUT) for a spreadsheet, a Parquet or Arrow file, an archive
 * of another kind, a database, a web page, a pointer of Git LFS, and text in UTF-16 or UTF-32. */
bool data_foreign_check(const char *path, const char *bytes, size_t n_bytes, senc_error *err);

/* Appends the shell command that makes the file UTF-8: "iconv -f UTF-16 -t UTF-8 x.csv > NEW". */
void data_append_conversion(const char *path, const char *from, senc_buffer *out);

#endif
