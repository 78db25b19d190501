/* Results on standard output: see output.h. */
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/base/file.h"
#include "autograd/base/mapping.h"

static int failure; /* errno of the first failed write: stdio does not keep it */

bool cli_output_write(const void *bytes, size_t n_bytes) {
    if (failure) return false;
    errno = 0;
    if (n_bytes > 0 && fwrite(bytes, 1, n_bytes, stdout) != n_bytes) failure = errno ? errno : EIO;
    return failure == 0;
}

bool cli_output_buffer(senc_buffer *b, senc_error *err) {
    const bool ok = (!b->failed || senc_fail_memory(err, b->n_bytes, "the output")) && senc_mappings_check(err);
    if (ok) cli_output_write(senc_buffer_text(b), b->n_bytes);
    senc_buffer_free(b);
    return ok;
}

bool cli_output_finish(senc_error *err) {
    if (!senc_mappings_check(err)) return false;
    errno = 0;
    if (fflush(stdout) != 0 && !failure) failure = errno ? errno : EIO;
    if (!failure || failure == EPIPE) return true;
    return senc_fail(err, SENC_FAILED, "standard output: cannot write: %s", strerror(failure));
}

bool cli_output_check(const char *path, const char *input, senc_error *err) {
    struct stat output, source;
    if (stat(path, &output) != 0 || S_ISDIR(output.st_mode)) return true; /* writing will tell what is wrong */
    if (!S_ISREG(output.st_mode))
        return senc_fail(err, SENC_BAD_INPUT, "%s: cannot write: expected a file, found a device or a pipe", path);
    if (input && stat(input, &source) == 0 && source.st_dev == output.st_dev && source.st_ino == output.st_ino)
        return senc_fail(err, SENC_BAD_INPUT, "%s: cannot write: it is the input", path);
    return true;
}

bool cli_output_file(const char *path, senc_buffer *b, senc_error *err) {
    if (strcmp(path, "-") == 0) return cli_output_buffer(b, err);
    bool ok = !b->failed || senc_fail_memory(err, b->n_bytes, "the output");
    ok = ok && cli_output_check(path, NULL, err);
    ok = ok && senc_file_write(path, senc_buffer_text(b), b->n_bytes, err);
    senc_buffer_free(b);
    return ok;
}
