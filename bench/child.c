/* Running one program: see child.h. fork, not vfork: a child's peak memory begins with that of the process image it
 * replaces, which after vfork would be ours at its largest. */
#include "bench/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "autograd/base/file.h"

#define KILL_AFTER_SECONDS 10.0 /* of patience with a child that was asked to end */

static volatile sig_atomic_t stopped;

static void on_stop(int signal_number) {
    stopped = signal_number;
}

/* Only there to interrupt wait4. */
static void on_tick(int signal_number) {
    (void)signal_number;
}

void bench_watch_signals(void) {
    struct sigaction stop = {.sa_handler = on_stop}, tick = {.sa_handler = on_tick}; /* no SA_RESTART */
    sigemptyset(&stop.sa_mask);
    sigemptyset(&tick.sa_mask);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGALRM, &tick, NULL);
}

bool bench_stopped(void) {
    return stopped != 0;
}

/* In the child, between fork and exec. */
__attribute__((noreturn)) static void become(const char *const *argv, const char *const *environment, int output,
                                             int messages) {
    setpgid(0, 0); /* so that it and what it starts can be ended together */
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(messages, STDERR_FILENO);
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigaction(SIGINT, &usual, NULL);
    sigaction(SIGTERM, &usual, NULL);
    sigaction(SIGALRM, &usual, NULL);
    for (int i = 0; environment && environment[i]; i++) putenv((char *)environment[i]);
    execvp(argv[0], (char *const *)argv);
    dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static void tick_every(int seconds) {
    const struct itimerval timer = {{seconds, 0}, {seconds, 0}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* Waits for pid; past the limit, or when we are asked to stop, ends it and all it started. */
static bool wait_for(pid_t pid, double limit_seconds, int *status, struct rusage *usage, bool *timed_out) {
    const double start_ms = senc_clock_ms();
    double asked_ms = 0;
    tick_every(1);
    pid_t done;
    while ((done = wait4(pid, status, 0, usage)) < 0 && errno == EINTR) {
        const double now_ms = senc_clock_ms();
        const bool late = now_ms - start_ms > limit_seconds * 1e3;
        if (!late && !stopped) continue;
        *timed_out = *timed_out || late;
        if (asked_ms == 0) asked_ms = now_ms;
        kill(-pid, now_ms - asked_ms > KILL_AFTER_SECONDS * 1e3 ? SIGKILL : SIGTERM);
    }
    tick_every(0);
    kill(-pid, SIGKILL); /* what it may have left running */
    return done == pid;
}

static double seconds_of(struct timeval t) {
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

static bool run_with_files(const char *const *argv, const char *const *environment, int output, int messages,
                           double limit_seconds, bench_child *out, senc_error *err) {
    fflush(NULL);
    const double start_ms = senc_clock_ms();
    const pid_t pid = fork();
    if (pid < 0) return senc_fail_errno(err, "fork");
    if (pid == 0) become(argv, environment, output, messages);
    setpgid(pid, pid); /* whoever is first */
    int status = 0;
    struct rusage usage = {0};
    const bool waited = wait_for(pid, limit_seconds, &status, &usage, &out->timed_out);
    out->wall_seconds = 1e-3 * (senc_clock_ms() - start_ms);
    if (!waited) return senc_fail_errno(err, "%s: waiting for it", argv[0]);
    if (stopped) return senc_fail(err, SENC_INTERRUPTED, "interrupted");
    out->cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    out->peak_bytes = (int64_t)usage.ru_maxrss * 1024;
    out->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

bool bench_child_run(const char *const *argv, const char *const *environment, const char *work, double limit_seconds,
                     bench_child *out, senc_error *err) {
    *out = (bench_child){0};
    char *paths[2] = {senc_path_join(work, "stdout"), senc_path_join(work, "stderr")};
    int files[2] = {-1, -1};
    bool ok = true;
    for (int i = 0; ok && i < 2; i++) {
        files[i] = paths[i] ? open(paths[i], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
        if (files[i] < 0) ok = senc_fail_errno(err, "%s: cannot write", work);
    }
    ok = ok && run_with_files(argv, environment, files[0], files[1], limit_seconds, out, err);
    ok = ok && (out->output = senc_file_read(paths[0], 0, NULL, err)) &&
         (out->messages = senc_file_read(paths[1], 0, NULL, err));
    for (int i = 0; i < 2; i++) {
        if (files[i] >= 0) close(files[i]);
        free(paths[i]);
    }
    if (!ok) bench_child_free(out);
    return ok;
}

void bench_child_free(bench_child *c) {
    free(c->output);
    free(c->messages);
    *c = (bench_child){0};
}

const char *bench_child_complaint(const bench_child *c, char *out, size_t out_bytes) {
    const char *text = c->messages ? c->messages : "", *line = "";
    size_t n_bytes = 0;
    while (*text) {
        const size_t length = strcspn(text, "\n"), blank = strspn(text, " \t\r");
        if (blank < length) {
            line = text + blank;
            n_bytes = length - blank;
        }
        text += length + (text[length] != '\0');
    }
    if (c->timed_out)
        snprintf(out, out_bytes, "stopped after %.0f s", c->wall_seconds);
    else if (n_bytes > 0)
        snprintf(out, out_bytes, "%.*s", (int)n_bytes, line);
    else if (c->exit_code > 128)
        snprintf(out, out_bytes, "ended by signal %d (%s)", c->exit_code - 128, strsignal(c->exit_code - 128));
    else
        snprintf(out, out_bytes, "exit code %d", c->exit_code);
    return out;
}
