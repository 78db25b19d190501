/* Errors. The user or the world is wrong: a function returns false and fills a senc_error (first error wins); the
 * programmer is wrong: SENC_ASSERT prints the values and aborts. */
#ifndef SENC_ERROR_H
#define SENC_ERROR_H

#include <stdbool.h>
#include <stddef.h>

typedef enum senc_error_kind {
    SENC_OK = 0,
    SENC_FAILED,      /* failed while running: disk, memory                   (exit code 1) */
    SENC_BAD_INPUT,   /* wrong usage, config, data or model folder            (exit code 2) */
    SENC_INTERRUPTED, /* SIGINT or SIGTERM, after the state has been saved    (exit code 130) */
    SENC_NOT_FINITE,  /* a NaN or infinite loss or norm: training diverged    (exit code 1) */
    SENC_FILE_LOST,   /* a file changed while it was in use: mapping.h        (exit code 1) */
} senc_error_kind;

/* {0} is "no error". text is one line: place: what is wrong, what was expected, what was found. */
typedef struct senc_error {
    senc_error_kind kind;
    char text[1024];
} senc_error;

/* Fills err unless it already holds an error or is NULL. Always returns false, so that `return senc_fail(...)` works.
 */
__attribute__((format(printf, 3, 4))) bool senc_fail(senc_error *err, senc_error_kind kind, const char *fmt, ...);

/* "what: <strerror(errno)>" as SENC_FAILED; ENOENT, EACCES, EISDIR and ENOTDIR become SENC_BAD_INPUT. Returns false. */
__attribute__((format(printf, 2, 3))) bool senc_fail_errno(senc_error *err, const char *fmt, ...);

/* "out of memory (N bytes for WHAT)" as SENC_FAILED. Returns false. */
bool senc_fail_memory(senc_error *err, size_t n_bytes, const char *what);

/* Puts context in front of the error's text. Does nothing when err holds no error. Always returns false. */
__attribute__((format(printf, 2, 3))) bool senc_error_prefix(senc_error *err, const char *fmt, ...);

/* The process exit code for an error: 0, 1, 2 or 130. */
int senc_error_exit_code(const senc_error *err);

__attribute__((noreturn, format(printf, 4, 5))) void senc_abort(const char *file, int line, const char *condition,
                                                                const char *fmt, ...);

/* On in every build. SENC_ASSERT(rows == n, "rows %lld, n %lld", ...) */
#define SENC_ASSERT(cond, ...) ((cond) ? (void)0 : senc_abort(__FILE__, __LINE__, #cond, __VA_ARGS__))

#endif
