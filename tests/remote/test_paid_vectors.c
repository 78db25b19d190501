/* The cache of vectors that were paid for: what another program or a disk made of its file is refused, not used. */
#include "eval/remote/paid_vectors.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "data/formats/database.h"

static char folder[64], path[96];
static const uint8_t digest[1][EVAL_PAID_DIGEST] = {{1, 2, 3}};

static void set_up(void) {
    snprintf(folder, sizeof folder, "/tmp/senc-paid-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cache.db", folder);
}

static void tear_down(void) {
    senc_path_remove(folder, NULL);
}

static eval_paid_vectors *open_cache(senc_error *err) {
    eval_paid_vectors *c = NULL;
    return eval_paid_vectors_open(path, "space", &c, err) ? c : NULL;
}

static void store_one(void) {
    static const float vector[3] = {1, 2, 3};
    senc_error err = {0};
    eval_paid_vectors *c = open_cache(&err);
    ck_assert_msg(c && eval_paid_vectors_store(c, "", digest, vector, 1, 3, &err), "%s", err.text);
    eval_paid_vectors_close(c);
}

static void change(const char *sql) {
    data_database *db;
    senc_error err = {0};
    ck_assert_msg(data_database_open(path, &db, &err) && data_database_run(db, sql, &err), "%s", err.text);
    data_database_close(db);
}

START_TEST(sizes_that_cannot_be) {
    static const char *const widths[] = {"-1", "65537", "4611686018427387904"};
    store_one();
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        char sql[96], expected[96];
        snprintf(sql, sizeof sql, "UPDATE spaces SET width = %s", widths[i]);
        change(sql);
        senc_error err = {0};
        ck_assert_ptr_null(open_cache(&err));
        snprintf(expected, sizeof expected, "the cache says a vector has %s numbers; expected 0 to 65536", widths[i]);
        ck_assert_msg(strstr(err.text, expected) != NULL, "%s", err.text);
    }
}
END_TEST

START_TEST(a_vector_of_another_length) {
    const float *vector;
    store_one();
    change("UPDATE spaces SET width = 2");
    senc_error err = {0};
    eval_paid_vectors *c = open_cache(&err);
    ck_assert_ptr_nonnull(c);
    ck_assert(!eval_paid_vectors_find(c, "", digest[0], &vector, &err));
    ck_assert_msg(strstr(err.text, "expected a vector of 8 bytes, found 12") != NULL, "%s", err.text);
    eval_paid_vectors_close(c);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("paid_vectors");
    TCase *t = tcase_create("paid_vectors");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, sizes_that_cannot_be);
    tcase_add_test(t, a_vector_of_another_length);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
