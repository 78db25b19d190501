/* Running one program for the benchmark: what comes back, time limits, memory. */
#include "bench/child.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/file.h"

static char work[64];

static void make_work(void) {
    snprintf(work, sizeof work, "/tmp/senc-test-child-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(work));
}

static void remove_work(void) {
    senc_path_remove(work, NULL);
}

static bench_child run(const char *script, double limit_seconds) {
    const char *const arguments[] = {"sh", "-c", script, NULL}, *const environment[] = {"BENCH_WORD=green", NULL};
    senc_error err = {0};
    bench_child child;
    ck_assert_msg(bench_child_run(arguments, environment, work, limit_seconds, &child, &err), "%s", err.text);
    return child;
}

START_TEST(output_and_exit_code) {
    bench_child c = run("cat; echo $BENCH_WORD; echo first >&2; echo 'second  ' >&2; echo >&2; exit 3", 20);
    char text[64];
    ck_assert_str_eq(c.output, "green\n"); /* and nothing on its standard input */
    ck_assert_str_eq(c.messages, "first\nsecond  \n\n");
    ck_assert_int_eq(c.exit_code, 3);
    ck_assert(!c.timed_out);
    ck_assert_str_eq(bench_child_complaint(&c, text, sizeof text), "second  ");
    bench_child_free(&c);
    c = run("exit 4", 20);
    ck_assert_str_eq(bench_child_complaint(&c, text, sizeof text), "exit code 4");
    bench_child_free(&c);
    c = run("kill -SEGV $$", 20);
    ck_assert_int_eq(c.exit_code, 128 + SIGSEGV);
    ck_assert_msg(strstr(bench_child_complaint(&c, text, sizeof text), "signal 11"), "%s", text);
    bench_child_free(&c);
}
END_TEST

START_TEST(missing_program) {
    const char *const arguments[] = {"/nowhere/at-all", NULL};
    bench_child c;
    char text[128];
    ck_assert(bench_child_run(arguments, NULL, work, 20, &c, NULL));
    ck_assert_int_eq(c.exit_code, 127);
    ck_assert_str_eq(bench_child_complaint(&c, text, sizeof text), "/nowhere/at-all: No such file or directory");
    bench_child_free(&c);
}
END_TEST

START_TEST(time_and_memory) {
    /* 40 MB in dd's buffer, and a sleep that costs no CPU time */
    bench_child c = run("sleep 0.3; dd if=/dev/zero of=/dev/null bs=40000000 count=1 2>/dev/null", 60);
    ck_assert_int_eq(c.exit_code, 0);
    ck_assert_msg(c.wall_seconds >= 0.3 && c.wall_seconds < 50, "%g s", c.wall_seconds);
    ck_assert_msg(c.cpu_seconds < c.wall_seconds, "%g s", c.cpu_seconds);
    ck_assert_msg(c.peak_bytes > 40000000 && c.peak_bytes < 1000000000, "%lld", (long long)c.peak_bytes);
    bench_child_free(&c);
}
END_TEST

/* A program that does not end is stopped, and so is what it has started. */
START_TEST(time_limit) {
    bench_watch_signals();
    bench_child c = run("sleep 100 & echo $!; wait", 0.5);
    char text[64];
    ck_assert(c.timed_out);
    ck_assert_int_eq(c.exit_code, 128 + SIGTERM);
    ck_assert_msg(strncmp(bench_child_complaint(&c, text, sizeof text), "stopped after ", 14) == 0, "%s", text);
    const pid_t grandchild = (pid_t)strtol(c.output, NULL, 10);
    ck_assert_int_gt(grandchild, 1);
    bool gone = false;
    for (int i = 0; i < 100 && !gone; i++) { /* its new parent has to take note of its end first */
        gone = kill(grandchild, 0) != 0 && errno == ESRCH;
        char path[64], state[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)grandchild);
        FILE *f = fopen(path, "r");
        gone = gone || !f || !fgets(state, sizeof state, f) || strstr(state, ") Z ");
        if (f) fclose(f);
        if (!gone) usleep(20000);
    }
    ck_assert(gone);
    bench_child_free(&c);
}
END_TEST

/* A signal to us ends the child and stops the benchmark. */
START_TEST(interrupted) {
    bench_watch_signals();
    char script[64];
    snprintf(script, sizeof script, "kill -INT %d; sleep 100", (int)getpid());
    const char *const arguments[] = {"sh", "-c", script, NULL};
    senc_error err = {0};
    bench_child c;
    ck_assert(!bench_child_run(arguments, NULL, work, 50, &c, &err));
    ck_assert_int_eq(err.kind, SENC_INTERRUPTED);
    ck_assert(bench_stopped());
    bench_child_free(&c);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench child");
    TCase *cases = tcase_create("bench child");
    tcase_add_checked_fixture(cases, make_work, remove_work);
    tcase_add_test(cases, output_and_exit_code);
    tcase_add_test(cases, missing_program);
    tcase_add_test(cases, time_and_memory);
    tcase_add_test(cases, time_limit);
    tcase_add_test(cases, interrupted);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
