/* Tests of autograd/base/terminal.h. */
#include "autograd/base/terminal.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static int64_t width_of(const char *text) {
    return senc_text_width(text, (int64_t)strlen(text));
}

START_TEST(test_width) {
    ck_assert_int_eq(width_of(""), 0);
    ck_assert_int_eq(width_of("plain"), 5);
    ck_assert_int_eq(width_of("na\xC3\xAFve"), 5);             /* i with diaeresis, one code point */
    ck_assert_int_eq(width_of("nai\xCC\x88ve"), 5);            /* the same as i and a combining mark */
    ck_assert_int_eq(width_of("\xE6\xB0\xB4\xE7\x81\xAB"), 4); /* two CJK ideographs */
    ck_assert_int_eq(width_of("\xF0\x9F\x98\x80"), 2);         /* an emoji */
    ck_assert_int_eq(width_of("\xFF\xFE"), 2);                 /* ill-formed: one column a byte */
    ck_assert_int_eq(width_of("\xE6\xB0"), 2);                 /* cut short */
}
END_TEST

static void check_append(const char *text, int64_t width, const char *expected) {
    senc_buffer out = {0};
    senc_text_append(&out, text, (int64_t)strlen(text), width);
    ck_assert_str_eq(senc_buffer_text(&out), expected);
    senc_buffer_free(&out);
}

START_TEST(test_append) {
    check_append("short", 10, "short");
    check_append("exactly ten", 11, "exactly ten");
    check_append("more than ten", 10, "more th...");
    check_append("never cut", 0, "never cut");
    check_append("ab", 1, ".");
    check_append("\xE6\xB0\xB4\xE7\x81\xAB\xE6\xB0\xB4", 5, "\xE6\xB0\xB4..."); /* a wide character is not halved */
    check_append("red\x1b[31m\ttab", 0, "red [31m tab");                        /* escapes are disarmed */
    check_append("\xC2\x9B"
                 "2J",
                 0, " 2J"); /* C1 control too */
}
END_TEST

static void check_wrap(const char *text, int64_t column, int64_t indent, int64_t width, const char *expected) {
    senc_buffer out = {0};
    senc_text_wrap(&out, text, column, indent, width);
    ck_assert_str_eq(senc_buffer_text(&out), expected);
    senc_buffer_free(&out);
}

START_TEST(test_wrap) {
    check_wrap("one two three four", 0, 0, 9, "one two\nthree\nfour\n");
    check_wrap("one two three four", 0, 2, 11, "one two\n  three\n  four\n");
    check_wrap("one two", 7, 2, 10, "one\n  two\n");
    check_wrap("first\n  kept indentation", 0, 0, 80, "first\n  kept indentation\n");
    check_wrap("unbreakablylong word", 0, 0, 6, "unbreakablylong\nword\n");
    check_wrap("a\n\nb", 0, 0, 80, "a\n\nb\n");
    check_wrap("", 0, 0, 80, "\n");
    check_wrap("not wrapped at all", 0, 0, 0, "not wrapped at all\n");
}
END_TEST

START_TEST(test_grid) {
    senc_grid grid;
    senc_buffer out = {0};
    senc_grid_init(&grid, "lrl");
    senc_grid_add(&grid, "name");
    senc_grid_add(&grid, "n");
    senc_grid_add(&grid, "note");
    senc_grid_add(&grid, "\xE6\xB0\xB4");
    senc_grid_add(&grid, "%d", 1234);
    senc_grid_add(&grid, "a|b <i></i> 1 < 2");
    senc_grid_add(&grid, "x");
    senc_grid_end_row(&grid);
    senc_grid_print(&grid, 1, 80, &out);
    ck_assert_str_eq(senc_buffer_text(&out), " name     n  note\n"
                                             " \xE6\xB0\xB4    1234  a|b <i></i> 1 < 2\n"
                                             " x\n");
    senc_buffer_clear(&out);
    senc_grid_print_markdown(&grid, &out);
    ck_assert_str_eq(senc_buffer_text(&out), "| name | n | note |\n"
                                             "|---|--:|---|\n"
                                             "| \xE6\xB0\xB4 | 1234 | a\\|b \\<i>\\</i> 1 < 2 |\n"
                                             "| x |  |  |\n");
    senc_grid_free(&grid);
    senc_buffer_free(&out);
}
END_TEST

START_TEST(test_grid_wraps_last_column) {
    senc_grid grid;
    senc_buffer out = {0};
    senc_grid_init(&grid, "ll");
    senc_grid_add(&grid, "key");
    senc_grid_add(&grid, "a sentence that is too long for one line");
    senc_grid_print(&grid, 0, 30, &out);
    ck_assert_str_eq(senc_buffer_text(&out), "key  a sentence that is too\n"
                                             "     long for one line\n");
    senc_grid_free(&grid);
    senc_buffer_free(&out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("terminal");
    TCase *tests = tcase_create("terminal");
    tcase_add_test(tests, test_width);
    tcase_add_test(tests, test_append);
    tcase_add_test(tests, test_wrap);
    tcase_add_test(tests, test_grid);
    tcase_add_test(tests, test_grid_wraps_last_column);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
