/* Errors: the first wins, one line, context in front, exit codes; assertions print and abort. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/error.h"

START_TEST(first_error_wins) {
    senc_error err = {0};
    ck_assert(!senc_fail(&err, SENC_BAD_INPUT, "%s:%d: wrong", "a.toml", 3));
    ck_assert_str_eq(err.text, "a.toml:3: wrong");
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert(!senc_fail(&err, SENC_FAILED, "later"));
    errno = ENOENT;
    ck_assert(!senc_fail_errno(&err, "later"));
    ck_assert(!senc_fail_memory(&err, 1, "later"));
    ck_assert_str_eq(err.text, "a.toml:3: wrong");
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert(!senc_fail(NULL, SENC_FAILED, "nobody listens"));
    ck_assert(!senc_fail_errno(NULL, "nobody listens"));
    ck_assert(!senc_error_prefix(NULL, "nobody listens"));
}
END_TEST

START_TEST(errno_tells_who_is_wrong) {
    static const struct {
        int code;
        senc_error_kind kind;
    } cases[] = {{ENOENT, SENC_BAD_INPUT},  {EACCES, SENC_BAD_INPUT}, {EISDIR, SENC_BAD_INPUT},
                 {ENOTDIR, SENC_BAD_INPUT}, {ENOSPC, SENC_FAILED},    {EIO, SENC_FAILED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        senc_error err = {0};
        errno = cases[i].code;
        senc_fail_errno(&err, "%s: cannot read", "x");
        ck_assert_int_eq(err.kind, cases[i].kind);
        ck_assert_int_eq(strncmp(err.text, "x: cannot read: ", 16), 0);
        ck_assert_str_eq(err.text + 16, strerror(cases[i].code));
    }
    senc_error err = {0};
    senc_fail_memory(&err, 4096, "the tape");
    ck_assert_str_eq(err.text, "out of memory (4096 bytes for the tape)");
    ck_assert_int_eq(err.kind, SENC_FAILED);
}
END_TEST

START_TEST(prefix_goes_in_front) {
    senc_error err = {0};
    senc_error_prefix(&err, "nothing: ");
    ck_assert_str_eq(err.text, "");
    senc_fail(&err, SENC_FAILED, "inner");
    ck_assert(!senc_error_prefix(&err, "step %d: ", 7));
    ck_assert_str_eq(err.text, "step 7: inner");
}
END_TEST

START_TEST(text_is_one_line) {
    senc_error err = {0};
    senc_fail(&err, SENC_FAILED, "a\nb\r\x01\x7f");
    ck_assert_str_eq(err.text, "a b   ");
    senc_error_prefix(&err, "p\n");
    ck_assert_str_eq(err.text, "p a b   ");
}
END_TEST

/* Long texts end between two characters. The prefix wins over the old text. */
START_TEST(long_texts_are_cut) {
    const size_t room = sizeof((senc_error *)0)->text - 1;
    char text[2000];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', sizeof text);
        for (size_t i = shift; i + 4 < sizeof text; i += 4) memcpy(text + i, "\xf0\x9f\x98\x80", 4);
        text[sizeof text - 1] = '\0';
        senc_error err = {0};
        senc_fail(&err, SENC_FAILED, "%s", text);
        const size_t whole = (room - shift) / 4 * 4 + shift;
        ck_assert_uint_eq(strlen(err.text), whole);
        ck_assert_int_eq(memcmp(err.text, text, whole), 0);
        memset(text, 'y', room);
        text[room] = '\0';
        senc_error_prefix(&err, "%s", text);
        ck_assert_str_eq(err.text, text);
    }
}
END_TEST

START_TEST(exit_codes) {
    ck_assert_int_eq(senc_error_exit_code(&(senc_error){0}), 0);
    ck_assert_int_eq(senc_error_exit_code(&(senc_error){.kind = SENC_FAILED}), 1);
    ck_assert_int_eq(senc_error_exit_code(&(senc_error){.kind = SENC_BAD_INPUT}), 2);
    ck_assert_int_eq(senc_error_exit_code(&(senc_error){.kind = SENC_INTERRUPTED}), 130);
}
END_TEST

START_TEST(true_assertions_are_silent) {
    int n = 0;
    SENC_ASSERT(++n == 1, "n %d", n);
    ck_assert_int_eq(n, 1); /* evaluated once */
}
END_TEST

START_TEST(false_assertions_abort) {
    SENC_ASSERT(1 + 1 == 3, "this message is expected in the test's output: %d", 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("error");
    TCase *cases = tcase_create("error");
    tcase_add_test(cases, first_error_wins);
    tcase_add_test(cases, errno_tells_who_is_wrong);
    tcase_add_test(cases, prefix_goes_in_front);
    tcase_add_test(cases, text_is_one_line);
    tcase_add_test(cases, long_texts_are_cut);
    tcase_add_test(cases, exit_codes);
    tcase_add_test(cases, true_assertions_are_silent);
    tcase_add_test_raise_signal(cases, false_assertions_abort, SIGABRT);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
