/* Results on standard output. A reader that went away (`senc list losses | head -1`) ends the program quietly; any
 * other failure to write (a full disk) is an error. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"
#include "autograd/base/options.h"

/* Writes bytes (buffered). Returns false once standard output has failed: stop producing; cli_output_finish says why.
 */
bool cli_output_write(const void *bytes, size_t n_bytes);
/* Writes the buffer and frees it; a buffer that failed is an out-of-memory error, a mapped file that was lost another.
 * False only with err filled. */
bool cli_output_buffer(senc_buffer *b, senc_error *err);
/* Flushes. True when all was written or the reader went away, and no mapped file was lost meanwhile (mapping.h). */
bool cli_output_finish(senc_error *err);

/* ---- files that a call writes ----
 *
 * One rule for all commands: a file that is there and holds something is replaced only with --overwrite. */

/* The flag; the command's struct has `bool overwrite`. */
#define CLI_OVERWRITE_ROW(struct_type)                                                                                 \
    SENC_OPTION_BOOLEAN(struct_type, overwrite, "false", "replace files that are there")

typedef struct cli_outputs {
    const char *input; /* must not be written over; NULL: none */
    bool overwrite;
    int n;
    struct {
        const char *name;
        uint64_t device, folder;
    } items[64];
} cli_outputs;

/* Checks one output before the work begins: it is not in the way of a file, nor the input, nor an output that was added
 * before, and its folder may be written. Devices and pipes are written to as they are. path NULL: not asked for. */
bool cli_outputs_add(cli_outputs *o, const char *path, senc_error *err);
/* The files that eval_report_write_folder makes in a folder. */
bool cli_outputs_add_report(cli_outputs *o, const char *folder, senc_error *err);
/* Writes text to a path at once, or to standard output for "-". Frees the buffer. */
bool cli_output_file(const char *path, bool overwrite, senc_buffer *b, senc_error *err);

#endif
