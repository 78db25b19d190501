/* Growable byte strings. */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/memory.h"

START_TEST(appends) {
    senc_buffer b = {0};
    ck_assert_str_eq(senc_buffer_text(&b), "");
    senc_buffer_append(&b, NULL, 0);
    ck_assert_str_eq(senc_buffer_text(&b), "");
    senc_buffer_append_text(&b, "ab");
    senc_buffer_append(&b, "c\0d", 3);
    senc_buffer_printf(&b, "%d-%s", 42, "x");
    ck_assert_uint_eq(b.n_bytes, 9);
    ck_assert_int_eq(memcmp(b.data, "abc\0d42-x", 10), 0); /* with the NUL behind it */
    senc_buffer_clear(&b);
    ck_assert_uint_eq(b.n_bytes, 0);
    ck_assert_str_eq(senc_buffer_text(&b), "");
    senc_buffer_append_text(&b, "again");
    ck_assert_str_eq(senc_buffer_text(&b), "again");
    senc_buffer_free(&b);
    ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(grows) {
    senc_buffer b = {0};
    for (int i = 0; i < 20000; i++) senc_buffer_printf(&b, "%05d,", i);
    ck_assert_uint_eq(b.n_bytes, 120000);
    ck_assert_int_eq(memcmp(b.data + 6 * 12345, "12345,", 6), 0);
    ck_assert(!b.failed && b.capacity_bytes > b.n_bytes && b.data[b.n_bytes] == '\0');
    char *text = malloc(300001);
    memset(text, 'x', 300000);
    text[300000] = '\0';
    senc_buffer_printf(&b, "%s", text); /* longer than any doubling */
    ck_assert_uint_eq(b.n_bytes, 420000);
    free(text);
    senc_buffer_free(&b);
}
END_TEST

START_TEST(takes) {
    senc_buffer b = {0};
    char *empty = senc_buffer_take(&b);
    ck_assert_str_eq(empty, "");
    free(empty);
    senc_buffer_append_text(&b, "x");
    char *text = senc_buffer_take(&b);
    ck_assert_str_eq(text, "x");
    ck_assert(!b.data && b.n_bytes == 0 && b.capacity_bytes == 0);
    free(text);
}
END_TEST

START_TEST(failure_is_sticky_and_keeps_the_content) {
    senc_buffer b = {0};
    senc_buffer_append_text(&b, "kept");
    senc_alloc_fail_at(1);
    for (int i = 0; i < 50; i++) senc_buffer_append_text(&b, "0123456789");
    senc_alloc_fail_at(0);
    ck_assert(b.failed);
    ck_assert_int_eq(strncmp(b.data, "kept0123456789", 14), 0);
    const size_t n_bytes = b.n_bytes;
    ck_assert_uint_lt(n_bytes, 100);
    senc_buffer_append_text(&b, "");
    senc_buffer_printf(&b, "%d", 1);
    ck_assert_uint_eq(b.n_bytes, n_bytes);
    ck_assert_ptr_null(senc_buffer_take(&b));
    ck_assert(!b.failed && !b.data);
}
END_TEST

/* Sizes near the end of the address space fail; they neither wrap around nor loop. */
START_TEST(absurd_sizes_fail) {
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 2 + 1, (size_t)PTRDIFF_MAX - 3};
    for (int i = 0; i < 5; i++) {
        senc_buffer b = {0};
        senc_buffer_append_text(&b, "abc");
        senc_buffer_append(&b, "abc", sizes[i]);
        ck_assert(b.failed);
        ck_assert_str_eq(senc_buffer_text(&b), "abc");
        senc_buffer_free(&b);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("buffer");
    TCase *cases = tcase_create("buffer");
    tcase_add_test(cases, appends);
    tcase_add_test(cases, grows);
    tcase_add_test(cases, takes);
    tcase_add_test(cases, failure_is_sticky_and_keeps_the_content);
    tcase_add_test(cases, absurd_sizes_fail);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
