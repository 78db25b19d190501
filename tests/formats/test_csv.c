/* CSV and TSV records: quoting, line ends, places of mistakes. */
#include "data/formats/csv.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

/* All records as "[field|field] [..." with the line of each, or the error's text. */
static const char *read_all(const char *text, size_t n_bytes, data_csv_format format) {
    static char out[1024];
    senc_buffer b = {0};
    data_csv_record r = {0};
    data_cursor cursor = data_cursor_first(text, n_bytes);
    senc_error err = {0};
    int got;
    while ((got = data_csv_next(text, n_bytes, format, "t.csv", &cursor, &r, &err)) == 1) {
        senc_buffer_printf(&b, "%s%" PRId64 "[", b.n_bytes ? " " : "", r.line);
        for (int64_t i = 0; i < r.n_fields; i++) {
            senc_buffer_append_text(&b, i ? "|" : "");
            senc_buffer_append(&b, r.fields[i].text, r.fields[i].n_bytes);
        }
        senc_buffer_append_text(&b, "]");
    }
    snprintf(out, sizeof out, "%s", got < 0 ? err.text : senc_buffer_text(&b));
    senc_buffer_free(&b);
    data_csv_record_free(&r);
    return out;
}

static const data_csv_format comma = {',', true}, tab = {'\t', false};

static const struct {
    const char *text, *records;
} csv_cases[] = {
    {"", ""},
    {"\n\r\n", ""},
    {"a", "1[a]"},
    {"a,b\nc,d", "1[a|b] 2[c|d]"},
    {"a,b\r\nc,d\r\n", "1[a|b] 2[c|d]"},
    {"\xEF\xBB\xBF"
     "a,b\n",
     "1[a|b]"},
    {",\n,,\n", "1[|] 2[||]"},
    {"\n\na,b\n\nc\n", "3[a|b] 5[c]"},
    {"\"a,b\",\"c\"\n", "1[a,b|c]"},
    {"\"a\nb\r\nc\",d\ne,f\n", "1[a\nb\r\nc|d] 4[e|f]"},
    {"\"a\"\"b\",\"\"\"\",\"\"\n", "1[a\"b|\"|]"},
    {"\"\"\"\"\"\",x,\"q\"\"\"\n", "1[\"\"|x|q\"]"},
    {"a\"b,c\"\n", "1[a\"b|c\"]"}, /* a quote that does not begin a field is a character */
    {"a\rb,c\r", "1[a\rb|c]"},
    {" \"a\" ,b\n", "1[ \"a\" |b]"},
    {"\"a\"\r\n\"b\"", "1[a] 2[b]"},
    {"a,\"b", "t.csv:1:3: the quoted field that begins here never ends"},
    {"x,y\n\xC3\xA4,\"b\n\n", "t.csv:2:3: the quoted field that begins here never ends"},
    {"\"a\"b,c\n", "t.csv:1:4: text behind a closing quote; expected the delimiter or the end of the line (a quote "
                   "inside a quoted field is written twice)"},
    {"a,\"\nb\" ,c\n", "t.csv:2:3: text behind a closing quote; expected the delimiter or the end of the line (a quote "
                       "inside a quoted field is written twice)"},
};

START_TEST(csv) {
    ck_assert_str_eq(read_all(csv_cases[_i].text, strlen(csv_cases[_i].text), comma), csv_cases[_i].records);
}
END_TEST

START_TEST(tsv_without_quoting) {
    const char *text = "\"a\t b \tc\"\"\r\nd,e\t\t\"\n";
    ck_assert_str_eq(read_all(text, strlen(text), tab), "1[\"a| b |c\"\"] 2[d,e||\"]");
    ck_assert_str_eq(read_all("a;b,c\n", 6, (data_csv_format){';', true}), "1[a|b,c]");
    ck_assert_str_eq(read_all("a\0b,c\n", 6, comma),
                     "1[a"); /* a NUL is a character like any other (here it ends the print) */
}
END_TEST

static const char *width_error(const char *text, int64_t n) {
    static senc_error err;
    err = (senc_error){0};
    data_csv_record r = {0};
    data_cursor cursor = {0, 1};
    ck_assert_int_eq(data_csv_next(text, strlen(text), comma, "t.csv", &cursor, &r, &err), 1);
    const bool ok = data_csv_check_width(&r, text, n, "t.csv", &err);
    ck_assert_int_eq(ok, err.kind == SENC_OK);
    data_csv_record_free(&r);
    return err.text;
}

START_TEST(wrong_number_of_fields) {
    ck_assert_str_eq(width_error("a,b\n", 2), "");
    ck_assert_str_eq(width_error("a,b\n", 3), "t.csv:1:4: expected 3 fields, found 2");
    ck_assert_str_eq(width_error("a,\xC3\xA4,\"c\nd\",e\n", 2), "t.csv:1:5: expected 2 fields, found 4");
    ck_assert_str_eq(width_error("a,b,\"c\nd\",e\n", 3), "t.csv:2:4: expected 3 fields, found 4");
}
END_TEST

START_TEST(every_allocation_may_fail) {
    const char *text = "1,2,3,4,5,6,7,8,9,10,\"a\"\"b\"\n";
    bool done = false;
    int64_t n = 1;
    for (; !done; n++) {
        data_csv_record r = {0};
        data_cursor cursor = {0, 1};
        senc_error err = {0};
        senc_alloc_fail_at(n);
        const int got = data_csv_next(text, strlen(text), comma, "t.csv", &cursor, &r, &err);
        senc_alloc_fail_at(0);
        done = got == 1;
        ck_assert_msg(done || (got == -1 && err.kind == SENC_FAILED), "%s", err.text);
        if (done) ck_assert_int_eq(r.n_fields, 11);
        data_csv_record_free(&r);
    }
    ck_assert_int_gt(n, 3);
}
END_TEST

int main(void) {
    Suite *s = suite_create("csv");
    TCase *t = tcase_create("csv");
    tcase_add_loop_test(t, csv, 0, (int)(sizeof csv_cases / sizeof csv_cases[0]));
    tcase_add_test(t, tsv_without_quoting);
    tcase_add_test(t, wrong_number_of_fields);
    tcase_add_test(t, every_allocation_may_fail);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
