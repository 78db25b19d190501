/* The TOML parser: every rule of the specification (toml_cases.h), places, limits, --set, the environment, lack of
 * memory. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/toml.h"
#include "tests/formats/toml_cases.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Parses a copy that ends where its heap block ends, so that a sanitizer sees a read past the end. */
static bool parse(const char *text, size_t n_bytes, senc_value **out, senc_error *err) {
    char *copy = malloc(n_bytes ? n_bytes : 1);
    memcpy(copy, text, n_bytes);
    const bool ok = data_toml_parse(copy, n_bytes, "t.toml", out, err);
    free(copy);
    return ok;
}

static senc_value *parse_text(const char *text) {
    senc_value *tree = NULL;
    senc_error err = {0};
    ck_assert_msg(parse(text, strlen(text), &tree, &err), "%s: %s", text, err.text);
    return tree;
}

static void check_valid(const toml_case *c) {
    senc_value *tree = NULL;
    senc_error err = {0};
    ck_assert_msg(parse(c->text, c->n_bytes, &tree, &err), "<%s>: %s", c->text, err.text);
    ck_assert_int_eq(err.kind, SENC_OK);
    senc_buffer printed = {0};
    senc_value_print(tree, &printed);
    ck_assert_msg(strcmp(senc_buffer_text(&printed), c->expected) == 0, "<%s>: expected %s, got %s", c->text,
                  c->expected, senc_buffer_text(&printed));
    senc_buffer_free(&printed);
    senc_value_free(tree);
}

START_TEST(valid_documents) {
    for (int i = 0; i < COUNT(valid_cases); i++) check_valid(&valid_cases[i]);
}
END_TEST

/* What the printer writes is TOML for the same tree. */
static void check_prints_back(const char *text) {
    senc_value *tree = parse_text(text);
    senc_buffer document = {0}, again = {0};
    senc_buffer_append_text(&document, "tree = ");
    senc_value_print(tree, &document);
    senc_value *parsed = parse_text(senc_buffer_text(&document));
    senc_buffer_append_text(&again, "tree = ");
    senc_value_print(senc_value_find(parsed, "tree"), &again);
    ck_assert_str_eq(senc_buffer_text(&again), senc_buffer_text(&document));
    senc_buffer_free(&document);
    senc_buffer_free(&again);
    senc_value_free(parsed);
    senc_value_free(tree);
}

START_TEST(printed_trees_parse_back) {
    for (int i = 0; i < COUNT(valid_cases); i++) check_prints_back(valid_cases[i].text);
}
END_TEST

static void check_invalid(const toml_case *c) {
    senc_value *tree = (senc_value *)&tree; /* must become NULL */
    senc_error err = {0};
    ck_assert_msg(!parse(c->text, c->n_bytes, &tree, &err), "<%s> was accepted", c->text);
    ck_assert_ptr_null(tree);
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_int_eq(strncmp(err.text, "t.toml:", 7), 0);
    ck_assert_msg(strcmp(err.text + 7, c->expected) == 0, "<%s>: expected %s, got %s", c->text, c->expected,
                  err.text + 7);
}

START_TEST(invalid_documents) {
    for (int i = 0; i < COUNT(invalid_cases); i++) check_invalid(&invalid_cases[i]);
}
END_TEST

/* Every proper prefix and every one-byte change is either parsed or refused, never a crash or an empty message. */
static void check_survives(const char *text, size_t n_bytes) {
    senc_value *tree = NULL;
    senc_error err = {0};
    if (parse(text, n_bytes, &tree, &err))
        senc_value_free(tree);
    else
        ck_assert_int_ne(err.text[0], '\0');
}

static void check_damage(const toml_case *c) {
    char text[400];
    ck_assert_uint_lt(c->n_bytes, sizeof text);
    for (size_t i = 0; i < c->n_bytes; i++) {
        check_survives(c->text, i);
        for (int bit = 0; bit < 8; bit++) {
            memcpy(text, c->text, c->n_bytes);
            text[i] = (char)(text[i] ^ 1 << bit);
            check_survives(text, c->n_bytes);
        }
    }
}

START_TEST(damaged_documents) {
    for (int i = 0; i < COUNT(valid_cases); i++) check_damage(&valid_cases[i]);
}
END_TEST

static void check_place(senc_place place, int line, int column) {
    ck_assert_str_eq(place.file, "t.toml");
    ck_assert_int_eq(place.line, line);
    ck_assert_int_eq(place.column, column);
}

START_TEST(places_count_characters) {
    senc_value *tree = parse_text("# c\r\n"
                                  "\"\xc3\xa9t\xf0\x9f\x98\x80\" = [ 1,\n"
                                  "\t'x', {y.z = 2} ]\n"
                                  "s = \"\"\"\n\n\"\"\"\n"
                                  "\n"
                                  " [ table . sub ]\n"
                                  " k = true\n"
                                  "[[list]]\n"
                                  "[[list]]\n");
    check_place(tree->place, 1, 1);
    const senc_pair *first = &tree->pairs[0];
    check_place(first->place, 2, 1);
    check_place(first->value->place, 2, 9);
    check_place(first->value->items[0]->place, 2, 11);
    check_place(first->value->items[1]->place, 3, 2);
    const senc_value *inline_table = first->value->items[2];
    check_place(inline_table->place, 3, 7);
    check_place(inline_table->pairs[0].place, 3, 8);
    check_place(senc_value_find_pair(inline_table->pairs[0].value, "z")->place, 3, 10);
    check_place(senc_value_find(inline_table->pairs[0].value, "z")->place, 3, 14);
    check_place(senc_value_find_pair(tree, "s")->place, 4, 1);
    check_place(senc_value_find_pair(tree, "table")->place, 8, 4);
    const senc_value *table = senc_value_find(tree, "table");
    check_place(senc_value_find_pair(table, "sub")->place, 8, 12);
    check_place(senc_value_find(table, "sub")->place, 8, 2);
    check_place(senc_value_find(senc_value_find(table, "sub"), "k")->place, 9, 6);
    check_place(senc_value_find(tree, "list")->items[0]->place, 10, 1);
    check_place(senc_value_find(tree, "list")->items[1]->place, 11, 1);
    senc_value_free(tree);
}
END_TEST

/* A super-table that gets its own header later stands where that header stands. */
START_TEST(place_of_a_table_defined_later) {
    senc_value *tree = parse_text("[a.b]\n\n[a]\n");
    check_place(senc_value_find(tree, "a")->place, 3, 1);
    senc_value_free(tree);
}
END_TEST

START_TEST(a_copy_outlives_its_tree) {
    senc_value *tree = parse_text("a = [1, {b = 'x'}]\n[c]\nd = 2024-01-01\n");
    senc_value *copy = senc_value_copy(tree);
    senc_value_free(tree);
    senc_buffer printed = {0};
    senc_value_print(copy, &printed);
    ck_assert_str_eq(senc_buffer_text(&printed), "{ a = [1, { b = \"x\" }], c = { d = 2024-01-01 } }");
    check_place(senc_value_find(senc_value_find(copy, "c"), "d")->place, 3, 5);
    senc_buffer_free(&printed);
    senc_value_free(copy);
}
END_TEST

/* ---- limits ---- */

static void repeat(senc_buffer *b, const char *text, int n) {
    while (n-- > 0) senc_buffer_append_text(b, text);
}

static bool parses(const senc_buffer *b) {
    senc_value *tree = NULL;
    senc_error err = {0};
    const bool ok = parse(b->data, b->n_bytes, &tree, &err);
    if (!ok) ck_assert_ptr_nonnull(strstr(err.text, "expected at most 128 levels of tables and arrays, found more"));
    senc_value_free(tree);
    return ok;
}

static bool nest(const char *head, const char *open, int n, const char *middle, const char *close) {
    senc_buffer b = {0};
    senc_buffer_append_text(&b, head);
    repeat(&b, open, n);
    senc_buffer_append_text(&b, middle);
    repeat(&b, close, n);
    const bool ok = parses(&b);
    senc_buffer_free(&b);
    return ok;
}

START_TEST(nesting_is_limited) {
    ck_assert(nest("a = ", "[", 127, "", "]"));
    ck_assert(!nest("a = ", "[", 128, "", "]"));
    ck_assert(!nest("a = ", "[", 100000, "", "]"));
    ck_assert(nest("a = ", "{b = ", 127, "1", "}"));
    ck_assert(!nest("a = ", "{b = ", 128, "1", "}"));
    ck_assert(nest("", "a.", 127, "a = 1", ""));
    ck_assert(!nest("", "a.", 128, "a = 1", ""));
    ck_assert(!nest("", "a.", 100000, "a = 1", ""));
    ck_assert(nest("[", "a.", 64, "a]", ""));
    ck_assert(!nest("[", "a.", 65, "a]", ""));
    ck_assert(!nest("[[", "a.", 100000, "a]]", ""));
    ck_assert(!nest("a = [", "[{b.c.d=", 60, "1", "}]"));
}
END_TEST

/* A million values in one line take a moment, not minutes: columns are counted once. */
START_TEST(long_lines_are_linear) {
    senc_buffer b = {0};
    senc_buffer_append_text(&b, "a = [");
    repeat(&b, "1,", 300000);
    senc_buffer_append_text(&b, "]");
    senc_value *tree = NULL;
    senc_error err = {0};
    const double start_ms = senc_clock_ms();
    ck_assert_msg(parse(b.data, b.n_bytes, &tree, &err), "%s", err.text);
    ck_assert(senc_clock_ms() - start_ms < 20000);
    ck_assert_int_eq(senc_value_find(tree, "a")->n, 300000);
    check_place(senc_value_find(tree, "a")->items[299999]->place, 1, 600004);
    senc_value_free(tree);
    senc_buffer_free(&b);
}
END_TEST

START_TEST(files) {
    char folder[] = "/tmp/senc-toml-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    char path[100], expected[200];
    snprintf(path, sizeof path, "%s/c.toml", folder);
    senc_error err = {0};
    senc_value *tree = NULL;
    ck_assert(!data_toml_load(path, &tree, &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    snprintf(expected, sizeof expected, "%s: cannot read: No such file or directory", path);
    ck_assert_str_eq(err.text, expected);
    err = (senc_error){0};
    ck_assert(senc_file_write(path, "a = 1\nb =\n", 10, &err));
    ck_assert(!data_toml_load(path, &tree, &err));
    snprintf(expected, sizeof expected, "%s:2:4: expected a value, found newline", path);
    ck_assert_str_eq(err.text, expected);
    err = (senc_error){0};
    ck_assert(senc_file_write(path, "a = 1\n", 6, &err));
    ck_assert(data_toml_load(path, &tree, &err));
    ck_assert_str_eq(senc_value_find(tree, "a")->place.file, path);
    senc_value_free(tree);
    ck_assert(senc_path_remove(folder, &err));
}
END_TEST

/* ---- --set ---- */

static const struct {
    const char *text, *expected; /* the printed tree, or the error */
} assignments[] = {
    {"train.batch_size=16", "{ train = { batch_size = 16 } }"},
    {"a = 1", "{ a = 1 }"},
    {" a.\"b c\" = 'x' ", "{ a = { \"b c\" = \"x\" } }"},
    {"a=[1, 2]", "{ a = [1, 2] }"},
    {"a={b=1}", "{ a = { b = 1 } }"},
    {"a=[1,\n2]", "{ a = [1, 2] }"},
    {"a=true", "{ a = true }"},
    {"a=2e-5", "{ a = 2e-5 }"},
    {"a=2024-01-31", "{ a = 2024-01-31 }"},
    {"a=\"\"", "{ a = \"\" }"},
    {"model.pooling=cls", "{ model = { pooling = \"cls\" } }"},
    {"a=data/x y.jsonl ", "{ a = \"data/x y.jsonl\" }"},
    {"a=/x#y", "{ a = \"/x#y\" }"},
    {"a=4GiB", "{ a = \"4GiB\" }"},
    {"a=1 # c", "{ a = \"1 # c\" }"},
    {"a=1 2", "{ a = \"1 2\" }"},
    {"a=trueish", "{ a = \"trueish\" }"},
    {"a=b=c", "{ a = \"b=c\" }"},
    {"a=2024-13-01", "{ a = \"2024-13-01\" }"},
    {"a=9223372036854775808", "{ a = \"9223372036854775808\" }"},
    {"a=\xc3\xa9", "{ a = \"\xc3\xa9\" }"},
    {"data.0.path=x", "{ data = { 0 = { path = \"x\" } } }"},
    {"", "--set: expected a key, found end of text"},
    {"a", "--set: expected \"=\" after the key, found end of text"},
    {"=1", "--set: expected a key, found \"=\""},
    {"a b=1", "--set: expected \"=\" after the key, found \"b\""},
    {"a=", "--set: expected a value (for an empty string write \"\" with its quotes), found end of text"},
    {"a=  ", "--set: expected a value (for an empty string write \"\" with its quotes), found end of text"},
    {"a=[1", "--set: expected \",\" or \"]\" in an array, found end of text"},
    {"a=\"x", "--set: expected the closing '\"' of the string, found end of text"},
    {"a=[1,\n2 3]", "--set: expected \",\" or \"]\" in an array, found \"3\""},
    {"a='x'y", "--set: expected nothing after the value, found \"y\""},
    {"a={b=1} 2", "--set: expected nothing after the value, found \"2\""},
    {"a.=1", "--set: expected a key, found \"=\""},
    {"a=\xff", "--set: expected UTF-8, found the byte 0xFF"},
};

START_TEST(assignment) {
    senc_value *tree = NULL;
    senc_error err = {0};
    senc_buffer printed = {0};
    const bool ok = data_toml_parse_assignment(assignments[_i].text, &tree, &err);
    if (ok) {
        senc_value_print(tree, &printed);
        ck_assert_str_eq(tree->pairs[0].value->place.file, "--set");
        ck_assert_int_eq(tree->pairs[0].value->place.line, 0);
        ck_assert_int_eq(tree->pairs[0].place.line, 0);
    }
    ck_assert_str_eq(ok ? senc_buffer_text(&printed) : err.text, assignments[_i].expected);
    ck_assert(ok == (tree != NULL));
    senc_buffer_free(&printed);
    senc_value_free(tree);
}
END_TEST

/* ---- the environment ---- */

static const struct {
    const char *text, *expected;
} expansions[] = {
    {"a = '${SENC_T}'", "{ a = \"va$l\" }"},
    {"a = 'x${SENC_T}y${SENC_EMPTY}z'", "{ a = \"xva$lyz\" }"},
    {"a = ['${SENC_T}', {b = '${SENC_T}'}]\n[t]\nc = '${SENC_T}'",
     "{ a = [\"va$l\", { b = \"va$l\" }], t = { c = \"va$l\" } }"},
    {"a = '$SENC_T $ $$ {} $}'", "{ a = \"$SENC_T $ $$ {} $}\" }"},
    {"a = '$${SENC_T}'", "{ a = \"$${SENC_T}\" }"}, /* the value is ${SENC_T}, printed with its dollar doubled */
    {"a = '$$${SENC_T}'", "{ a = \"$$${SENC_T}\" }"},
    {"a = '${SENC_NESTED}'", "{ a = \"$${SENC_T}\" }"}, /* not expanded again */
    {"'${SENC_T}' = 1", "{ \"${SENC_T}\" = 1 }"},
    {"a = \"\\u0000${SENC_T}\"", "{ a = \"\\u0000va$l\" }"},
    {"a = 1\nb = '${SENC_UNSET}'", "t.toml:2:5: the environment variable is not set: \"${SENC_UNSET}\""},
    {"a = '${}'", "t.toml:1:5: expected the form ${NAME} (write $${ for a literal ${), found \"${}\""},
    {"a = '${SENC_T'", "t.toml:1:5: expected the form ${NAME} (write $${ for a literal ${), found \"${SENC_T\""},
    {"a = '${1A}'", "t.toml:1:5: expected the form ${NAME} (write $${ for a literal ${), found \"${1\""},
    {"a = '${A-B}'", "t.toml:1:5: expected the form ${NAME} (write $${ for a literal ${), found \"${A-\""},
    {"a = '${A\xc3\xa9}'", "t.toml:1:5: expected the form ${NAME} (write $${ for a literal ${), found \"${A\""},
    {"a = '${'", "t.toml:1:5: expected the form ${NAME} (write $${ for a literal ${), found \"${\""},
    {"a = '${SENC_BYTES}'", "t.toml:1:5: the environment variable is not UTF-8: \"${SENC_BYTES}\""},
};

START_TEST(environment) {
    setenv("SENC_T", "va$l", 1);
    setenv("SENC_EMPTY", "", 1);
    setenv("SENC_NESTED", "${SENC_T}", 1);
    setenv("SENC_BYTES", "\xff", 1);
    unsetenv("SENC_UNSET");
    senc_value *tree = parse_text(expansions[_i].text);
    senc_error err = {0};
    senc_buffer printed = {0};
    const bool ok = data_toml_expand_environment(tree, &err);
    if (ok)
        senc_value_print(tree, &printed);
    else
        ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_str_eq(ok ? senc_buffer_text(&printed) : err.text, expansions[_i].expected);
    senc_buffer_free(&printed);
    senc_value_free(tree);
}
END_TEST

/* ---- lack of memory ---- */

static const char memory_text[] =
    "a = 'x'\n\"b\".c = [1, 2.5_0, \"y\", 2024-01-01, true]\n[t.u]\nv = {w = '${SENC_T}'}\n[[t.l]]\n[[t.l]]\n";

static bool parse_and_expand(senc_error *err) {
    senc_value *tree = NULL;
    const bool ok = data_toml_parse(memory_text, sizeof memory_text - 1, "t.toml", &tree, err) &&
                    data_toml_expand_environment(tree, err);
    senc_value_free(tree);
    return ok;
}

static bool assign_and_merge(senc_error *err) {
    senc_value *config = NULL, *set = NULL;
    bool ok = data_toml_parse("[a]\nb = 1\n", 10, "t.toml", &config, err) &&
              data_toml_parse_assignment("a.c.d=word", &set, err);
    if (ok) ok = senc_value_merge(config, set, err);
    senc_value_free(config);
    return ok;
}

static bool copy(senc_error *err) {
    senc_value *tree = NULL;
    if (!data_toml_parse(memory_text, sizeof memory_text - 1, "t.toml", &tree, err)) return false;
    senc_value *twin = senc_value_copy(tree);
    senc_value_free(tree);
    senc_value_free(twin);
    return twin || senc_fail_memory(err, 1, "the copy");
}

START_TEST(every_allocation_may_fail) {
    static bool (*const actions[])(senc_error *) = {parse_and_expand, assign_and_merge, copy};
    setenv("SENC_T", "va$l", 1);
    int64_t n = 1;
    for (;; n++) {
        senc_error err = {0};
        senc_alloc_fail_at(n);
        const bool ok = actions[_i](&err);
        senc_alloc_fail_at(0);
        if (ok) break;
        ck_assert_msg(err.kind == SENC_FAILED, "allocation %lld: %d %s", (long long)n, err.kind, err.text);
        ck_assert_ptr_nonnull(strstr(err.text, "out of memory"));
        ck_assert_int_lt(n, 1000);
    }
    ck_assert_int_gt(n, 10); /* it did fail some */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("toml");
    TCase *cases = tcase_create("toml");
    tcase_add_test(cases, valid_documents);
    tcase_add_test(cases, printed_trees_parse_back);
    tcase_add_test(cases, invalid_documents);
    tcase_add_test(cases, damaged_documents);
    tcase_add_test(cases, places_count_characters);
    tcase_add_test(cases, place_of_a_table_defined_later);
    tcase_add_test(cases, a_copy_outlives_its_tree);
    tcase_add_test(cases, nesting_is_limited);
    tcase_add_test(cases, long_lines_are_linear);
    tcase_add_test(cases, files);
    tcase_add_loop_test(cases, assignment, 0, COUNT(assignments));
    tcase_add_loop_test(cases, environment, 0, COUNT(expansions));
    tcase_add_loop_test(cases, every_allocation_may_fail, 0, 3);
    tcase_set_timeout(cases, 240);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
