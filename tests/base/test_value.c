/* Value trees: growth, lookup, merging, printing, lack of memory. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/value.h"

static const senc_place nowhere = {.file = "--set"};

static senc_value *integer(int64_t i) {
    senc_value *v = senc_value_create(SENC_VALUE_INTEGER, nowhere);
    v->integer = i;
    return v;
}

static senc_value *string(const char *text) {
    return senc_value_create_string(text, strlen(text), nowhere);
}

static senc_value *table(void) {
    return senc_value_create(SENC_VALUE_TABLE, nowhere);
}

/* Frees v; the text lives until the next call. */
static const char *printed(senc_value *v) {
    static char text[4096];
    senc_buffer out = {0};
    senc_value_print(v, &out);
    snprintf(text, sizeof text, "%s", senc_buffer_text(&out));
    senc_buffer_free(&out);
    senc_value_free(v);
    return text;
}

START_TEST(grows_and_finds) {
    senc_value *t = table(), *a = senc_value_create(SENC_VALUE_ARRAY, nowhere);
    char key[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        ck_assert(senc_value_put(t, key, nowhere, integer(i)));
        ck_assert(senc_value_append(a, integer(-i)));
    }
    ck_assert_int_eq(t->n, 1000);
    ck_assert_int_eq(senc_value_find(t, "k0")->integer, 0);
    ck_assert_int_eq(senc_value_find(t, "k999")->integer, 999);
    ck_assert_str_eq(senc_value_find_pair(t, "k500")->key, "k500");
    ck_assert_ptr_null(senc_value_find(t, "k1000"));
    ck_assert_ptr_null(senc_value_find(a, "k0"));
    ck_assert_ptr_null(senc_value_find(NULL, "k0"));
    ck_assert_int_eq(a->items[999]->integer, -999);
    senc_value *copy = senc_value_copy(t);
    ck_assert(senc_value_put(copy, "one more", nowhere, integer(1))); /* a copy grows like its original */
    ck_assert_int_eq(copy->n, 1001);
    senc_value_free(copy);
    senc_value_free(t);
    senc_value_free(a);
    senc_value_free(NULL);
}
END_TEST

START_TEST(put_replaces_in_place) {
    senc_value *t = table();
    senc_value_put(t, "a", nowhere, integer(1));
    senc_value_put(t, "b", nowhere, integer(2));
    senc_value_put(t, "a", (senc_place){"f", 3, 4}, string("x"));
    ck_assert_int_eq(t->pairs[0].place.line, 3);
    ck_assert_str_eq(printed(t), "{ a = \"x\", b = 2 }");
}
END_TEST

START_TEST(places) {
    char text[40];
    ck_assert_str_eq(senc_place_text((senc_place){"a.toml", 3, 14}, text, sizeof text), "a.toml:3:14: ");
    ck_assert_str_eq(senc_place_text(nowhere, text, sizeof text), "--set: ");
    ck_assert_str_eq(senc_place_text((senc_place){0}, text, sizeof text), "");
    ck_assert_str_eq(senc_place_text((senc_place){"a.toml", 3, 14}, text, 5), "a.to");
}
END_TEST

/* {a = {b = 1, c = 2}, list = [{p = 1}, {p = 2}], s = "x"} */
static senc_value *config(void) {
    senc_value *t = table(), *a = table(), *list = senc_value_create(SENC_VALUE_ARRAY, nowhere);
    senc_value_put(a, "b", nowhere, integer(1));
    senc_value_put(a, "c", nowhere, integer(2));
    for (int i = 1; i <= 2; i++) {
        senc_value *item = table();
        senc_value_put(item, "p", nowhere, integer(i));
        senc_value_append(list, item);
    }
    senc_value_put(t, "a", nowhere, a);
    senc_value_put(t, "list", nowhere, list);
    senc_value_put(t, "s", nowhere, string("x"));
    return t;
}

/* {first = {second = value}}, or {first = {second = {third = value}}}. */
static senc_value *path(const char *first, const char *second, const char *third, senc_value *value) {
    senc_value *outer = table(), *middle = table();
    if (third) {
        senc_value *inner = table();
        senc_value_put(inner, third, nowhere, value);
        value = inner;
    }
    senc_value_put(middle, second, nowhere, value);
    senc_value_put(outer, first, nowhere, middle);
    return outer;
}

static const char *merged(senc_value *from) {
    senc_value *t = config();
    senc_error err = {0};
    ck_assert_msg(senc_value_merge(t, from, &err), "%s", err.text);
    return printed(t);
}

START_TEST(merge_lays_over) {
    ck_assert_str_eq(merged(path("a", "b", NULL, integer(9))),
                     "{ a = { b = 9, c = 2 }, list = [{ p = 1 }, { p = 2 }], s = \"x\" }");
    ck_assert_str_eq(merged(path("a", "n", NULL, integer(9))),
                     "{ a = { b = 1, c = 2, n = 9 }, list = [{ p = 1 }, { p = 2 }], s = \"x\" }");
    ck_assert_str_eq(merged(path("new", "n", NULL, integer(9))),
                     "{ a = { b = 1, c = 2 }, list = [{ p = 1 }, { p = 2 }], s = \"x\", new = { n = 9 } }");
    ck_assert_str_eq(merged(path("a", "b", "deep", integer(9))),
                     "{ a = { b = { deep = 9 }, c = 2 }, list = [{ p = 1 }, { p = 2 }], s = \"x\" }");
    ck_assert_str_eq(merged(path("s", "b", NULL, integer(9))),
                     "{ a = { b = 1, c = 2 }, list = [{ p = 1 }, { p = 2 }], s = { b = 9 } }");
    senc_value *scalar = table();
    senc_value_put(scalar, "a", nowhere, integer(7));
    ck_assert_str_eq(merged(scalar), "{ a = 7, list = [{ p = 1 }, { p = 2 }], s = \"x\" }");
}
END_TEST

START_TEST(merge_reaches_into_arrays) {
    ck_assert_str_eq(merged(path("list", "1", "p", integer(9))),
                     "{ a = { b = 1, c = 2 }, list = [{ p = 1 }, { p = 9 }], s = \"x\" }");
    ck_assert_str_eq(merged(path("list", "0", NULL, integer(9))),
                     "{ a = { b = 1, c = 2 }, list = [9, { p = 2 }], s = \"x\" }");
}
END_TEST

START_TEST(merge_refuses_what_is_no_item) {
    static const char *const keys[] = {"2", "99999999999999999999", "-1", "01", "", "p"};
    for (int i = 0; i < 6; i++) {
        senc_value *t = config();
        senc_error err = {0};
        char expected[200];
        ck_assert(!senc_value_merge(t, path("list", keys[i], "p", integer(9)), &err));
        snprintf(expected, sizeof expected, "--set: \"%s\" is no item of the array, which has 2 (counted from 0)",
                 keys[i]);
        ck_assert_str_eq(err.text, expected);
        ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
        senc_value_free(t);
    }
}
END_TEST

static const char *number_text(double x) {
    static char text[64];
    senc_buffer out = {0};
    senc_value_print_number(x, &out);
    snprintf(text, sizeof text, "%s", senc_buffer_text(&out));
    senc_buffer_free(&out);
    return text;
}

START_TEST(numbers_print_short_and_exact) {
    ck_assert_str_eq(number_text(1), "1.0");
    ck_assert_str_eq(number_text(0.05), "0.05");
    ck_assert_str_eq(number_text(2e-5), "2e-5");
    ck_assert_str_eq(number_text(-1e300), "-1e300");
    ck_assert_str_eq(number_text(1e-100), "1e-100");
    ck_assert_str_eq(number_text(-0.0), "-0.0");
    ck_assert_str_eq(number_text(1.0 / 3), "0.3333333333333333");
    ck_assert_str_eq(number_text(0.1 + 0.2), "0.30000000000000004");
    ck_assert_str_eq(number_text((double)INFINITY), "inf");
    ck_assert_str_eq(number_text(-(double)INFINITY), "-inf");
    ck_assert_str_eq(number_text((double)NAN), "nan");
    ck_assert_str_eq(number_text(1e15), "1e15");
    ck_assert_str_eq(number_text(123456789012.0), "123456789012.0");
    for (double x = 1e-320; x < 1e300; x *= 1.7) ck_assert_double_eq(strtod(number_text(x), NULL), x);
}
END_TEST

START_TEST(strings_and_keys_are_quoted) {
    ck_assert_str_eq(printed(senc_value_create_string("a\"b\\c\n\t\r\b\f\x01\x7f\0z\xc3\xa9", 16, nowhere)),
                     "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u007F\\u0000z\xc3\xa9\"");
    ck_assert_str_eq(printed(string("${A} $${B} $")), "\"$${A} $$${B} $\"");
    senc_value *t = table();
    senc_value_put(t, "bare_Key-1", nowhere, integer(1));
    senc_value_put(t, "", nowhere, integer(2));
    senc_value_put(t, "a.b", nowhere, integer(3));
    senc_value_put(t, "${A}\n", nowhere, table());
    ck_assert_str_eq(printed(t), "{ bare_Key-1 = 1, \"\" = 2, \"a.b\" = 3, \"${A}\\n\" = {} }");
}
END_TEST

START_TEST(type_names) {
    ck_assert_str_eq(senc_value_type_name(SENC_VALUE_STRING), "a string");
    ck_assert_str_eq(senc_value_type_name(SENC_VALUE_TABLE), "a table");
}
END_TEST

/* The owner of a value never leaks it nor frees it twice when there is no room for it. */
START_TEST(failed_allocations_free_what_was_given) {
    for (int n = 1; n <= 3; n++) {
        senc_value *t = table(), *a = senc_value_create(SENC_VALUE_ARRAY, nowhere), *x = integer(1), *y = integer(2);
        senc_alloc_fail_at(n);
        const bool put = senc_value_put(t, "k", nowhere, x), appended = senc_value_append(a, y);
        senc_alloc_fail_at(0);
        ck_assert(put == (n > 2) && appended == (n < 3)); /* put: grow, copy the key; append: grow */
        ck_assert_int_eq(t->n, put);
        ck_assert_int_eq(a->n, appended);
        ck_assert(!senc_value_append(a, NULL));
        ck_assert(!senc_value_put(t, "k", nowhere, NULL));
        senc_value_free(t);
        senc_value_free(a);
    }
    senc_alloc_fail_at(1);
    ck_assert_ptr_null(senc_value_create(SENC_VALUE_TABLE, nowhere));
    senc_alloc_fail_at(2);
    ck_assert_ptr_null(string("x"));
    senc_alloc_fail_at(0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("value");
    TCase *cases = tcase_create("value");
    tcase_add_test(cases, grows_and_finds);
    tcase_add_test(cases, put_replaces_in_place);
    tcase_add_test(cases, places);
    tcase_add_test(cases, merge_lays_over);
    tcase_add_test(cases, merge_reaches_into_arrays);
    tcase_add_test(cases, merge_refuses_what_is_no_item);
    tcase_add_test(cases, numbers_print_short_and_exact);
    tcase_add_test(cases, strings_and_keys_are_quoted);
    tcase_add_test(cases, type_names);
    tcase_add_test(cases, failed_allocations_free_what_was_given);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
