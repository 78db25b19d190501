/* One program run to its end: wall time, CPU time, peak memory, what it wrote. Prefix: bench_. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

typedef struct bench_child {
    double wall_seconds, cpu_seconds; /* from fork to exit; user and system time of it and of what it waited for */
    int64_t peak_bytes;               /* of resident memory (getrusage) */
    int exit_code;                    /* 128 + n: ended by signal n */
    bool timed_out;
    char *output, *messages; /* stdout and stderr, NUL-terminated */
} bench_child;

/* From now on SIGINT and SIGTERM end the running child, and the caller asks bench_stopped. */
void bench_watch_signals(void);
bool bench_stopped(void);

/* Runs argv (NULL-terminated, argv[0] looked up on PATH) with `environment` ("NAME=value", NULL-terminated, may be
 * NULL) added to ours and nothing on standard input. `work` is a folder for its output. After limit_seconds it is
 * killed. False only when it could not be run or was stopped by a signal to us: a child that fails is a result. */
bool bench_child_run(const char *const *argv, const char *const *environment, const char *work, double limit_seconds,
                     bench_child *out, senc_error *err);
void bench_child_free(bench_child *c); /* safe on a zeroed one */

/* The last line of its messages that is not blank, else how it ended; written to out, which is returned. */
const char *bench_child_complaint(const bench_child *c, char *out, size_t out_bytes);

#endif
