/* Results on standard output. A reader that went away (`senc list losses | head -1`) ends the program quietly; any
 * other failure to write (a full disk) is an error. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"

/* Writes bytes (buffered). Returns false once standard output has failed: stop producing; cli_output_finish says why.
 */
bool cli_output_write(const void *bytes, size_t n_bytes);
/* Writes the buffer and frees it; a buffer that failed is an out-of-memory error, a mapped file that was lost another.
 * False only with err filled. */
bool cli_output_buffer(senc_buffer *b, senc_error *err);
/* Flushes. True when all was written or the reader went away, and no mapped file was lost meanwhile (mapping.h). */
bool cli_output_finish(senc_error *err);

/* A file is replaced as a whole when it is complete. So the output must not be the input (NULL: there is none), nor
 * something that is no file: the device /dev/null itself would be replaced. */
bool cli_output_check(const char *path, const char *input, senc_error *err);
/* Writes text to a path atomically, or to standard output for "-". Frees the buffer. */
bool cli_output_file(const char *path, senc_buffer *b, senc_error *err);

#endif
