/* JSON: what is accepted and refused (with places), lookup, typed members, building, changing and writing. */
#include "data/formats/json.h"

#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/jsonl.h"

static data_json *parse(const char *text) {
    data_json *v;
    senc_error err = {0};
    ck_assert_msg(data_json_parse(text, strlen(text), "t.json", &v, &err), "%s", err.text);
    return v;
}

static void check_dump(const data_json *v, int indent, const char *expected) {
    senc_buffer b = {0};
    ck_assert(data_json_dump(v, indent, &b));
    ck_assert_str_eq(senc_buffer_text(&b), expected);
    senc_buffer_free(&b);
}

/* Text -> text, one line. */
static const struct {
    const char *text, *dumped;
} good[] = {
    {"null", "null"},
    {" [ ] ", "[]"},
    {"{}", "{}"},
    {"\xEF\xBB\xBF[1]", "[1]"},
    {"[true,false,null]", "[true, false, null]"},
    {"{\"b\":1,\"a\":{\"c\":[]}}", "{\"b\": 1, \"a\": {\"c\": []}}"},
    {"[0,-0,-12,9223372036854775807,-9223372036854775808]", "[0, 0, -12, 9223372036854775807, -9223372036854775808]"},
    {"[9223372036854775808,1000000000000000019884624838656]", "[9.223372036854776e+18, 1e+30]"},
    {"[1.0,0.1,1e-12,1E+2,-2.5e-3,5e-324,1.7976931348623157e308,0.30000000000000004]",
     "[1.0, 0.1, 1e-12, 100.0, -0.0025, 5e-324, 1.7976931348623157e+308, 0.30000000000000004]"},
    {"[1e-400,1000000.0,1e15,123456789012345678.0]", "[0.0, 1000000.0, 1e+15, 1.2345678901234568e+17]"},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20AC\\ud83d\\ude00\"",
     "\"\\\"\\\\/\\b\\f\\n\\r\\tA\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\""},
    {"\"\\ud800\\udc00\\udbff\\udfff\\ud83d\\udfff\"", "\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\xF0\x9F\x9F\xBF\""},
    {"\"a\\u0000b\\u001f\x7f\"", "\"a\\u0000b\\u001f\x7f\""},
    {"{\"\":1,\"\\u00e4\":2}", "{\"\": 1, \"\xC3\xA4\": 2}"},
};

START_TEST(accepts) {
    data_json *v = parse(good[_i].text);
    check_dump(v, 0, good[_i].dumped);
    data_json_free(v);
    v = parse(good[_i].dumped);
    check_dump(v, 0, good[_i].dumped);
    data_json_free(v);
}
END_TEST

static const struct {
    const char *text, *message;
} bad[] = {
    {"", "1:1: bad JSON: expected a value, found the end of the text"},
    {"[1,\n 2,]", "2:4: bad JSON: expected a value, found ']'"},
    {"[1 2]", "1:4: bad JSON: expected ',' or ']', found '2'"},
    {"{\"a\" 1}", "1:6: bad JSON: expected ':' behind the key, found '1'"},
    {"{\"a\":1,}", "1:8: bad JSON: expected a key in double quotes, found '}'"},
    {"{'a':1}", "1:2: bad JSON: expected a key in double quotes, found '''"},
    {"{\"\xC3\xA4\":1 \"b\":2}", "1:8: bad JSON: expected ',' or '}', found '\"'"},
    {"{\"a\":1,\n\"b\":2,\n  \"a\":3}", "3:3: bad JSON: the key \"a\" stands twice"},
    {"{\"a\\u0000\":1}", "1:2: bad JSON: a key holds \\u0000"},
    {"[NaN]", "1:2: bad JSON: NaN and Infinity are not JSON"},
    {"[-Infinity]", "1:3: bad JSON: expected a digit, found 'I'"},
    {"[01]", "1:3: bad JSON: expected ',' or ']', found '1'"},
    {"[1.]", "1:4: bad JSON: expected a digit, found ']'"},
    {"[.5]", "1:2: bad JSON: expected a value, found '.'"},
    {"[1e]", "1:4: bad JSON: expected a digit, found ']'"},
    {"[+1]", "1:2: bad JSON: expected a value, found '+'"},
    {"[0x10]", "1:3: bad JSON: expected ',' or ']', found 'x'"},
    {"[1e400]", "1:2: bad JSON: the number is too large for a 64-bit float"},
    {"\"abc", "1:1: bad JSON: the string that begins here never ends"},
    {"\"abc\\\"", "1:1: bad JSON: the string that begins here never ends"},
    {"\"a\nb\"", "1:3: bad JSON: control character 0x0a in a string; expected an escape such as \\n"},
    {"\"\\x\"", "1:3: bad JSON: expected one of \" \\ / b f n r t u behind a backslash, found 'x'"},
    {"\"\\u12g4\"", "1:6: bad JSON: expected a hexadecimal digit, found 'g'"},
    {"\"\\ud800\"", "1:2: bad JSON: \\ud800 is half of a surrogate pair, the other half is missing"},
    {"\"\\ud800\\u0041\"", "1:2: bad JSON: \\ud800 is half of a surrogate pair, the other half is missing"},
    {"\"\\ud800\\udbff\"", "1:2: bad JSON: \\ud800 is half of a surrogate pair, the other half is missing"},
    {"\"\\ud800\\ue000\"", "1:2: bad JSON: \\ud800 is half of a surrogate pair, the other half is missing"},
    {"\"\\udfff\"", "1:2: bad JSON: \\udfff is half of a surrogate pair, the other half is missing"},
    {"\"\\udc00\"", "1:2: bad JSON: \\udc00 is half of a surrogate pair, the other half is missing"},
    {"\"\xC3\xA4\xff\"", "1:3: bad JSON: ill-formed UTF-8 (byte 0xff)"},
    {"[\x01]", "1:2: bad JSON: expected a value, found the control character 0x01"},
    {"[tru]", "1:2: bad JSON: expected a value, found 't'"},
    {"1 2", "1:3: bad JSON: expected the end of the text, found '2'"},
    {"// no\n1", "1:1: bad JSON: expected a value, found '/'"},
};

START_TEST(refuses) {
    data_json *v;
    senc_error err = {0};
    ck_assert(!data_json_parse(bad[_i].text, strlen(bad[_i].text), "t.json", &v, &err));
    ck_assert_ptr_null(v);
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_int_eq(strncmp(err.text, "t.json:", 7), 0);
    ck_assert_str_eq(err.text + 7, bad[_i].message);
}
END_TEST

START_TEST(depth_is_limited) {
    char text[2048];
    data_json *v;
    senc_error err = {0};
    memset(text, '[', 1000);
    memset(text + 1000, ']', 1000);
    ck_assert(!data_json_parse(text, 2000, "t.json", &v, &err));
    ck_assert_str_eq(err.text, "t.json:1:513: bad JSON: nested deeper than 512 levels");
    ck_assert(data_json_parse(text + 488, 1024, "t.json", &v, NULL));
    data_json_free(v);
}
END_TEST

START_TEST(lookup) {
    data_json *v = parse("{\"a\":{\"b\":[10,\"x\\u0000y\",2.5]},\"n\":null}");
    const data_json *b = data_json_find(data_json_find(v, "a"), "b");
    size_t n;
    ck_assert_int_eq(data_json_count(b), 3);
    ck_assert_int_eq(data_json_integer(data_json_at(b, 0)), 10);
    ck_assert_double_eq(data_json_number(data_json_at(b, 0)), 10);
    ck_assert_mem_eq(data_json_text(data_json_at(b, 1), &n), "x\0y", 4);
    ck_assert_uint_eq(n, 3);
    ck_assert_double_eq(data_json_number(data_json_at(b, 2)), 2.5);
    ck_assert_ptr_null(data_json_at(b, 3));
    ck_assert_ptr_null(data_json_find(v, "absent"));
    ck_assert_ptr_null(data_json_find(b, "a"));
    ck_assert_ptr_null(data_json_find(NULL, "a"));
    ck_assert_int_eq(data_json_get_type(data_json_find(v, "n")), DATA_JSON_NULL);
    ck_assert_str_eq(data_json_key(data_json_next(data_json_first(v)), NULL), "n");
    data_json_free(v);
}
END_TEST

/* Large enough for the key table, parsed and built; also after removals. */
START_TEST(many_members) {
    data_json *built = data_json_create_object();
    char key[24];
    const int n = 5000;
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof key, "key %d", i);
        data_json_put_integer(built, key, i);
    }
    data_json_put_integer(built, "key 77", -77); /* replaces in place */
    for (int i = 0; i < n; i += 3) {
        snprintf(key, sizeof key, "key %d", i);
        data_json_remove(built, key);
    }
    senc_buffer b = {0};
    ck_assert(data_json_dump(built, 0, &b));
    data_json *parsed = parse(senc_buffer_text(&b));
    ck_assert_int_eq(data_json_count(parsed), n - (n + 2) / 3);
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof key, "key %d", i);
        const data_json *x = data_json_find(built, key), *y = data_json_find(parsed, key);
        ck_assert_int_eq(x == NULL, i % 3 == 0);
        ck_assert_int_eq(y == NULL, i % 3 == 0);
        if (y) ck_assert_int_eq(data_json_integer(y), i == 77 ? -77 : i);
        if (x) ck_assert_int_eq(data_json_integer(x), data_json_integer(y));
    }
    senc_buffer_free(&b);
    data_json_free(parsed);
    data_json_free(built);
}
END_TEST

START_TEST(members_of_a_config) {
    data_json *v =
        parse("{\"n\":3,\"f\":3.0,\"x\":0.5,\"s\":\"t\",\"z\":\"a\\u0000\",\"b\":true,\"l\":[1],\"o\":{},\"u\":null}");
    senc_error err = {0};
    int64_t n = -1;
    double x = -1;
    bool b = false;
    const char *s = "default";
    const data_json *l;
    ck_assert(data_json_read_integer(v, "n", 0, 9, &n, &err) && n == 3);
    ck_assert(data_json_read_integer(v, "f", 0, 9, &n, &err) && n == 3);
    ck_assert(data_json_read_integer(v, "absent", 0, 9, &n, &err) && n == 3);
    ck_assert(data_json_read_number(v, "x", 0, 1, &x, &err) && x == 0.5);
    ck_assert(data_json_read_number(v, "n", 0, 5, &x, &err) && x == 3);
    ck_assert(data_json_read_bool(v, "b", &b, &err) && b);
    ck_assert(data_json_read_string(v, "u", &s, &err) && strcmp(s, "default") == 0);
    ck_assert(data_json_read_string(v, "s", &s, &err) && strcmp(s, "t") == 0);
    ck_assert(data_json_read_array(v, "l", &l, &err) && data_json_count(l) == 1);
    ck_assert(data_json_read_object(v, "absent", &l, &err) && l == NULL);
    ck_assert_str_eq(err.text, "");
#define REFUSED(call, message)                                                                                         \
    err = (senc_error){0};                                                                                             \
    ck_assert(!(call));                                                                                                \
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);                                                                        \
    ck_assert_str_eq(err.text, message)
    REFUSED(data_json_read_integer(v, "n", 4, 9, &n, &err), "t.json: \"n\": expected an integer from 4 to 9, got 3");
    REFUSED(data_json_read_integer(v, "x", 1, INT64_MAX, &n, &err), "t.json: \"x\": expected an integer >= 1, got 0.5");
    REFUSED(data_json_read_integer(v, "s", INT64_MIN, INT64_MAX, &n, &err),
            "t.json: \"s\": expected an integer, got \"t\"");
    REFUSED(data_json_read_number(v, "b", 0, 1, &x, &err), "t.json: \"b\": expected a number from 0 to 1, got true");
    REFUSED(data_json_read_bool(v, "l", &b, &err), "t.json: \"l\": expected true or false, got an array");
    REFUSED(data_json_read_string(v, "z", &s, &err),
            "t.json: \"z\": expected a string without \\u0000, got \"a\\u0000\"");
    REFUSED(data_json_read_array(v, "o", &l, &err), "t.json: \"o\": expected an array, got an object");
    REFUSED(data_json_require_integer(v, "u", 0, 9, &n, &err), "t.json: \"u\": expected an integer, but it is missing");
    REFUSED(data_json_require_string(v, "absent", &s, &err),
            "t.json: \"absent\": expected a string, but it is missing");
    data_json_free(v);
}
END_TEST

START_TEST(building_and_changing) {
    data_json *v = data_json_create_object(), *child;
    data_json_put_integer(v, "one", 1);
    child = data_json_put_array(v, "list");
    data_json_put_bool(child, NULL, true);
    data_json_put_null(child, NULL);
    data_json_put_number(child, NULL, 2);
    data_json_put_number(child, NULL, NAN);
    data_json_put_text(data_json_put_object(v, "o"), "k", "a\0b", 3);
    data_json_put_string(v, "one", "replaced");
    data_json_put_string(v, "null", NULL);
    check_dump(
        v, 0,
        "{\"one\": \"replaced\", \"list\": [true, null, 2.0, null], \"o\": {\"k\": \"a\\u0000b\"}, \"null\": null}");
    check_dump(v, 2,
               "{\n  \"one\": \"replaced\",\n  \"list\": [\n    true,\n    null,\n    2.0,\n    null\n  ],\n  \"o\": "
               "{\n    \"k\": \"a\\u0000b\"\n  },\n  \"null\": null\n}");
    data_json *other = parse("{\"deep\":[{\"x\":[1,2.5,\"s\"]},{}]}");
    data_json_put_copy(v, "list", other);
    data_json_free(other);
    data_json_remove(v, "one");
    data_json_remove(v, "null");
    data_json_remove(v, "absent");
    check_dump(v, 0, "{\"list\": {\"deep\": [{\"x\": [1, 2.5, \"s\"]}, {}]}, \"o\": {\"k\": \"a\\u0000b\"}}");
    data_json_put_bool(v, "last", false);
    check_dump(data_json_find(v, "last"), 0, "false");
    data_json_free(v);
}
END_TEST

/* Shortest text that reads back: random bit patterns, and what %g would lose. */
START_TEST(numbers_read_back) {
    uint64_t state = 12345;
    for (int i = 0; i < 20000; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        double x;
        memcpy(&x, &state, sizeof x);
        if (i % 4 == 0) x = (double)(float)x;
        if (!isfinite(x)) continue;
        senc_buffer b = {0};
        data_json_append_number(&b, x);
        ck_assert_double_eq(strtod(senc_buffer_text(&b), NULL), x);
        ck_assert_ptr_nonnull(strpbrk(senc_buffer_text(&b), ".e"));
        senc_buffer_free(&b);
    }
}
END_TEST

START_TEST(saved_and_loaded) {
    char path[] = "/tmp/senc-test-json-XXXXXX";
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    data_json *v = parse("{\"a\":[1,2]}"), *back;
    senc_error err = {0};
    ck_assert_msg(data_json_save(v, 2, path, &err), "%s", err.text);
    ck_assert_msg(data_json_load(path, &back, &err), "%s", err.text);
    check_dump(back, 0, "{\"a\": [1, 2]}");
    ck_assert_str_eq(data_json_place(back), path);
    data_json_free(back);
    data_json_free(v);
    remove(path);
    ck_assert(!data_json_load(path, &back, &err));
    ck_assert_ptr_null(back);
}
END_TEST

START_TEST(lines) {
    const char *text = "\xEF\xBB\xBF{\"a\":1}\r\n \t\n{\"a\":2}";
    data_cursor cursor = data_cursor_first(text, strlen(text)), start;
    data_json_pool *pool = data_json_pool_create();
    senc_buffer scratch = {0};
    const data_json *row;
    senc_error err = {0};
    ck_assert_int_eq(data_jsonl_next(text, strlen(text), "t", false, &cursor, &start, pool, &scratch, &row, &err), 1);
    ck_assert_int_eq(data_json_integer(data_json_find(row, "a")), 1);
    ck_assert_int_eq(start.line, 1);
    ck_assert_int_eq(data_jsonl_next(text, strlen(text), "t", false, &cursor, &start, pool, &scratch, &row, &err), 1);
    ck_assert_int_eq(data_json_integer(data_json_find(row, "a")), 2);
    ck_assert_int_eq(start.line, 3);
    ck_assert_int_eq(data_jsonl_next(text, strlen(text), "t", false, &cursor, &start, pool, &scratch, &row, &err), 0);
    senc_buffer_free(&scratch);
    data_json_pool_free(pool);
}
END_TEST

START_TEST(every_allocation_may_fail) {
    senc_buffer text = {0};
    senc_buffer_append_text(&text, "{\"list\":[");
    for (int i = 0; i < 300; i++) senc_buffer_printf(&text, "%s{\"k%d\":\"text\",\"x\":0.5}", i ? "," : "", i);
    senc_buffer_append_text(&text, "]");
    for (int i = 0; i < 100; i++) senc_buffer_printf(&text, ",\"m%d\":%d", i, i);
    senc_buffer_append_text(&text, "}");
    bool done = false;
    int64_t n = 1;
    for (; !done; n++) {
        data_json *v = NULL, *copy = NULL;
        senc_error err = {0};
        senc_buffer dumped = {0};
        senc_alloc_fail_at(n);
        const bool parsed = data_json_parse(text.data, text.n_bytes, "t", &v, &err);
        if (parsed) {
            copy = data_json_create_object();
            data_json_put_copy(copy, "c", v);
            data_json_put_string(copy, "d", "e");
            data_json_remove(copy, "c");
            data_json_put_copy(copy, "f", v);
        }
        done = parsed && data_json_dump(copy, 2, &dumped);
        senc_alloc_fail_at(0);
        if (!parsed) ck_assert_msg(err.kind == SENC_FAILED && strstr(err.text, "out of memory"), "%s", err.text);
        if (done) ck_assert_ptr_nonnull(strstr(dumped.data, "\"m99\": 99"));
        senc_buffer_free(&dumped);
        data_json_free(copy);
        data_json_free(v);
    }
    ck_assert_int_gt(n, 15);
    senc_buffer_free(&text);
}
END_TEST

int main(void) {
    Suite *s = suite_create("json");
    TCase *t = tcase_create("json");
    tcase_add_loop_test(t, accepts, 0, (int)(sizeof good / sizeof good[0]));
    tcase_add_loop_test(t, refuses, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(t, depth_is_limited);
    tcase_add_test(t, lookup);
    tcase_add_test(t, many_members);
    tcase_add_test(t, members_of_a_config);
    tcase_add_test(t, building_and_changing);
    tcase_add_test(t, numbers_read_back);
    tcase_add_test(t, saved_and_loaded);
    tcase_add_test(t, lines);
    tcase_add_test(t, every_allocation_may_fail);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
