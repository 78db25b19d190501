/* Messages on stderr: levels, prefixes, nothing of a terminal where there is none. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/log.h"

/* stderr goes to a file from start to stop, which returns what was written (until the next call). Check runs each test
 * in a process of its own, so levels and the environment are fresh. */
static FILE *caught;
static int saved_stderr;

static void start(void) {
    fflush(stderr);
    caught = tmpfile();
    saved_stderr = dup(STDERR_FILENO);
    dup2(fileno(caught), STDERR_FILENO);
}

static const char *stop(void) {
    static char text[1000];
    fflush(stderr);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    rewind(caught);
    text[fread(text, 1, sizeof text - 1, caught)] = '\0';
    fclose(caught);
    return text;
}

static void say_everything(void) {
    senc_info("info %d", 1);
    senc_warn("warn %s", "x");
    senc_debug("debug");
}

START_TEST(levels) {
    static const char *const expected[] = {"", "warning: warn x\n", "info 1\nwarning: warn x\n",
                                           "info 1\nwarning: warn x\ndebug: debug\n"};
    for (int level = 0; level < 4; level++) {
        senc_log_set_level((senc_log_level)level);
        start();
        say_everything();
        ck_assert_str_eq(stop(), expected[level]);
        ck_assert_int_eq(senc_log_get_level(), level);
    }
}
END_TEST

START_TEST(level_from_the_environment) {
    setenv("SENC_LOG", "warning", 1);
    start();
    say_everything();
    ck_assert_str_eq(stop(), "warning: warn x\n");
}
END_TEST

START_TEST(unknown_level_is_info) {
    setenv("SENC_LOG", "loud", 1);
    ck_assert_int_eq(senc_log_get_level(), SENC_LOG_INFO);
}
END_TEST

START_TEST(no_status_without_a_terminal) {
    start();
    ck_assert(!senc_log_has_terminal());
    ck_assert(!senc_log_has_color(STDERR_FILENO));
    ck_assert_int_eq(senc_log_columns(), 80);
    senc_log_status("progress %d", 1);
    senc_info("done");
    ck_assert_str_eq(stop(), "done\n");
}
END_TEST

/* Progress becomes a line when nothing was said for a while, and only then. */
START_TEST(progress_in_a_log) {
    senc_log_set_silence(40);
    start();
    senc_log_status("1 of 4");
    usleep(60 * 1000);
    senc_log_status("2 of 4");
    senc_log_status("3 of 4");
    usleep(60 * 1000);
    senc_info("a message");
    senc_log_status("4 of 4");
    usleep(60 * 1000);
    senc_log_status("%s", "");
    ck_assert_str_eq(stop(), "2 of 4\na message\n");
    senc_log_set_level(SENC_LOG_WARNING);
    start();
    usleep(60 * 1000);
    senc_log_status("5 of 4");
    ck_assert_str_eq(stop(), "");
}
END_TEST

START_TEST(wrapped) {
    start();
    senc_info_wrapped(4, "data    %s", "short");
    senc_info_wrapped(4, "data %s words that take more than eighty columns are %s",
                      "0123456789012345678901234567890123456789", "broken between words");
    ck_assert_str_eq(stop(), "data    short\n"
                             "data 0123456789012345678901234567890123456789 words that take more than eighty\n"
                             "    columns are broken between words\n");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("log");
    TCase *cases = tcase_create("log");
    tcase_add_test(cases, progress_in_a_log);
    tcase_add_test(cases, wrapped);
    tcase_add_test(cases, levels);
    tcase_add_test(cases, level_from_the_environment);
    tcase_add_test(cases, unknown_level_is_info);
    tcase_add_test(cases, no_status_without_a_terminal);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
