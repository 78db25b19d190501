/* UTF-8: which bytes are well-formed, where the first bad one is, and one U+FFFD for each maximal subpart. */
#include "data/formats/utf8.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    size_t bad; /* offset of the first ill-formed sequence; the length when there is none */
    const char *replaced;
} cases[] = {
#define R "\xEF\xBF\xBD"
    {"", 0, ""},
    {"plain ascii, longer than a word", 31, "plain ascii, longer than a word"},
    {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", 9, "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"},
    {"a\x80z", 1, "a" R "z"},          /* a continuation alone */
    {"12345678\xC3", 8, "12345678" R}, /* cut */
    {"\xC0\xAF", 0, R R},              /* overlong: C0 is never a lead byte */
    {"\xE0\x80\xAF", 0, R R R},        /* overlong: E0 wants A0..BF */
    {"\xE2\x82z", 0, R "z"},           /* one maximal subpart of two bytes */
    {"\xF0\x9F\x98z", 0, R "z"},       /* of three */
    {"\xED\xA0\x80", 0, R R R},        /* a surrogate */
    {"\xF4\x90\x80\x80", 0, R R R R},  /* above U+10FFFF */
    {"\xF4\x8F\xBF\xBF\xEE\x80\x80", 7, "\xF4\x8F\xBF\xBF\xEE\x80\x80"},
    {"\xF5\xFF", 0, R R},
    {"\xF1\x80\x80\xE1\x80\xC2z\x80", 0, R R R "z" R}, /* the standard's own example has this shape (table 3-8) */
#undef R
};

START_TEST(check_and_replace) {
    const size_t n = strlen(cases[_i].text);
    ck_assert_uint_eq(data_utf8_check(cases[_i].text, n), cases[_i].bad);
    senc_buffer b = {0};
    const int64_t n_replaced = data_utf8_append_replaced(cases[_i].text, n, &b);
    ck_assert_str_eq(senc_buffer_text(&b), cases[_i].replaced);
    ck_assert_int_eq(n_replaced == 0, cases[_i].bad == n);
    ck_assert_uint_eq(data_utf8_check(senc_buffer_text(&b), b.n_bytes), b.n_bytes);
    senc_buffer_free(&b);
}
END_TEST

START_TEST(every_character_goes_round) {
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        if (code >= 0xD800 && code <= 0xDFFF) continue;
        char text[4];
        uint32_t back;
        const int n = data_utf8_encode(code, text);
        if (data_utf8_decode(text, (size_t)n, &back) != n) ck_abort_msg("U+%04X has another length", code);
        if (back != code) ck_abort_msg("U+%04X became U+%04X", code, back);
        if (n > 1 && data_utf8_decode(text, (size_t)n - 1, &back) != -(n - 1))
            ck_abort_msg("U+%04X, cut, was accepted", code);
    }
}
END_TEST

START_TEST(counts_characters) {
    ck_assert_int_eq(data_utf8_count("a\xC3\xA4\xE2\x82\xAC", 6), 3);
    ck_assert_int_eq(data_utf8_count("a\xE2\x82", 3), 2);
}
END_TEST

/* A bad byte at every offset of texts of every length: the word-at-a-time path must not step over it. */
START_TEST(finds_a_bad_byte_anywhere) {
    char text[40];
    for (size_t n = 1; n <= sizeof text; n++) {
        for (size_t bad = 0; bad < n; bad++) {
            memset(text, 'x', sizeof text);
            text[bad] = (char)0xFF;
            ck_assert_uint_eq(data_utf8_check(text, n), bad);
        }
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("utf8");
    TCase *t = tcase_create("utf8");
    tcase_add_loop_test(t, check_and_replace, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(t, every_character_goes_round);
    tcase_add_test(t, counts_characters);
    tcase_add_test(t, finds_a_bad_byte_anywhere);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
