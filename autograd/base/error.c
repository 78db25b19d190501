/* Errors: see error.h. */
#include "autograd/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An error is one line: control characters (a newline in a path or in quoted user data) become spaces. A text that was
 * cut at the end of its field is not cut inside a character. */
static void keep_one_line(char *text, size_t n_max) {
    size_t n = 0;
    for (; text[n]; n++) {
        if ((unsigned char)text[n] < 0x20 || text[n] == 0x7f) text[n] = ' ';
    }
    if (n < n_max) return;
    size_t start = n; /* of the last character */
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80) start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xc0) start--;
    const unsigned char lead = (unsigned char)text[start];
    const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (lead >= 0xc0 && n - start < length) text[start] = '\0';
}

bool senc_fail(senc_error *err, senc_error_kind kind, const char *fmt, ...) {
    if (!err || err->kind != SENC_OK) return false;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    keep_one_line(err->text, sizeof err->text - 1);
    err->kind = kind;
    return false;
}

bool senc_fail_errno(senc_error *err, const char *fmt, ...) {
    const int code = errno;
    if (!err || err->kind != SENC_OK) return false;
    char what[768];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    const bool user = code == ENOENT || code == EACCES || code == EISDIR || code == ENOTDIR || code == EROFS;
    return senc_fail(err, user ? SENC_BAD_INPUT : SENC_FAILED, "%s: %s", what, strerror(code));
}

bool senc_fail_memory(senc_error *err, size_t n_bytes, const char *what) {
    return senc_fail(err, SENC_FAILED, "out of memory (%zu bytes for %s)", n_bytes, what);
}

bool senc_error_prefix(senc_error *err, const char *fmt, ...) {
    if (!err || err->kind == SENC_OK) return false;
    char old[sizeof err->text];
    memcpy(old, err->text, sizeof old);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    if (n < 0) n = 0;
    if ((size_t)n < sizeof err->text) snprintf(err->text + n, sizeof err->text - (size_t)n, "%s", old);
    keep_one_line(err->text, sizeof err->text - 1);
    return false;
}

int senc_error_exit_code(const senc_error *err) {
    switch (err->kind) {
    case SENC_OK:
        return 0;
    case SENC_FAILED:
    case SENC_NOT_FINITE:
    case SENC_FILE_LOST:
        return 1;
    case SENC_BAD_INPUT:
        return 2;
    case SENC_INTERRUPTED:
        return 130;
    }
    return 1;
}

void senc_abort(const char *file, int line, const char *condition, const char *fmt, ...) {
    fflush(stdout);
    fprintf(stderr, "%s:%d: assertion failed: %s: ", file, line, condition);
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}
