/* The few calls of SQLite: values there and back, rows, failures with the path in front, FTS5 (BM25 needs it). */
#include "data/formats/database.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/file.h"

static char folder[64];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/senc-database-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void) {
    ck_assert(senc_path_remove(folder, NULL));
}

static data_database *open_memory(void) {
    data_database *db;
    senc_error err = {0};
    ck_assert_msg(data_database_open(":memory:", &db, &err), "%s", err.text);
    return db;
}

static void run(data_database *db, const char *sql) {
    senc_error err = {0};
    ck_assert_msg(data_database_run(db, sql, &err), "%s", err.text);
}

static data_statement *prepare(data_database *db, const char *sql) {
    senc_error err = {0};
    data_statement *s;
    ck_assert_msg(data_database_prepare(db, sql, &s, &err), "%s", err.text);
    return s;
}

static bool step(data_statement *s) {
    senc_error err = {0};
    bool has_row;
    ck_assert_msg(data_statement_step(s, &has_row, &err), "%s", err.text);
    return has_row;
}

START_TEST(values_there_and_back) {
    data_database *db = open_memory();
    run(db, "CREATE TABLE t (i INTEGER, r REAL, t TEXT, b BLOB, n TEXT)");
    data_statement *insert = prepare(db, "INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5)");
    data_statement_bind_integer(insert, 1, INT64_MIN);
    data_statement_bind_real(insert, 2, 0.1);
    data_statement_bind_text(insert, 3, "caf\xc3\xa9 and more", 5);
    data_statement_bind_blob(insert, 4, "a\0b", 3);
    data_statement_bind_null(insert, 5);
    ck_assert(!step(insert));
    data_statement *find = prepare(db, "SELECT i, r, t, b, n FROM t");
    ck_assert(step(find));
    int64_t n = -1;
    ck_assert_int_eq(data_statement_get_integer(find, 0), INT64_MIN);
    ck_assert(data_statement_get_real(find, 1) == 0.1);
    ck_assert_str_eq(data_statement_get_text(find, 2, &n), "caf\xc3\xa9");
    ck_assert_int_eq(n, 5);
    ck_assert_mem_eq(data_statement_get_blob(find, 3, &n), "a\0b", 3);
    ck_assert_int_eq(n, 3);
    ck_assert_str_eq(data_statement_get_text(find, 4, &n), "");
    ck_assert_int_eq(n, 0);
    data_statement_get_blob(find, 4, &n);
    ck_assert_int_eq(n, 0);
    ck_assert(!step(find));
    ck_assert(step(find)); /* it is reset by itself */
    data_statement_free(insert);
    data_statement_free(find);
    data_database_close(db);
}
END_TEST

START_TEST(statements_run_again) {
    data_database *db = open_memory();
    run(db, "CREATE TABLE t (i INTEGER PRIMARY KEY)");
    data_statement *insert = prepare(db, "INSERT INTO t VALUES (?1)");
    for (int i = 0; i < 10; i++) {
        data_statement_bind_integer(insert, 1, i);
        ck_assert(!step(insert));
    }
    data_statement *find = prepare(db, "SELECT i FROM t WHERE i >= ?1 ORDER BY i");
    for (int from = 0; from < 10; from++) {
        data_statement_bind_integer(find, 1, from);
        ck_assert(step(find));
        ck_assert_int_eq(data_statement_get_integer(find, 0), from);
        data_statement_reset(find); /* rows are left over */
    }
    data_statement_free(insert);
    data_statement_free(find);
    data_database_close(db);
}
END_TEST

START_TEST(a_file_keeps_its_rows) {
    char *path = senc_path_join(folder, "a.sqlite");
    for (int round = 0; round < 3; round++) {
        data_database *db;
        senc_error err = {0};
        ck_assert_msg(data_database_open(path, &db, &err), "%s", err.text);
        run(db, "CREATE TABLE IF NOT EXISTS t (i INTEGER); INSERT INTO t VALUES (1)");
        data_statement *count = prepare(db, "SELECT count(*) FROM t");
        ck_assert(step(count));
        ck_assert_int_eq(data_statement_get_integer(count, 0), round + 1);
        data_statement_free(count);
        data_database_close(db);
    }
    free(path);
}
END_TEST

START_TEST(failures_name_the_file) {
    data_database *db;
    senc_error err = {0};
    char *missing = senc_path_join(folder, "no/folder.sqlite"), *text = senc_path_join(folder, "text");
    ck_assert(!data_database_open(missing, &db, &err));
    ck_assert_ptr_null(db);
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "no/folder.sqlite: cannot open the database: unable to open"));

    char junk[200];
    memset(junk, 'x', sizeof junk);
    ck_assert(senc_file_write(text, junk, sizeof junk, NULL));
    err = (senc_error){0};
    ck_assert(!data_database_open(text, &db, &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "text: cannot open the database: file is not a database"));
    free(missing);
    free(text);
}
END_TEST

START_TEST(wrong_sql_is_an_error) {
    data_database *db = open_memory();
    data_statement *s;
    senc_error err = {0};
    ck_assert(!data_database_run(db, "NONSENSE", &err));
    ck_assert_ptr_nonnull(strstr(err.text, ":memory:: the database refused: near \"NONSENSE\""));
    err = (senc_error){0};
    ck_assert(!data_database_prepare(db, "SELECT x FROM nowhere", &s, &err));
    ck_assert_ptr_null(s);
    ck_assert_ptr_nonnull(strstr(err.text, "no such table: nowhere"));

    run(db, "CREATE TABLE t (i INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    data_statement *insert = prepare(db, "INSERT INTO t VALUES (?1)");
    bool has_row = true;
    err = (senc_error){0};
    data_statement_bind_integer(insert, 1, 1);
    ck_assert(!data_statement_step(insert, &has_row, &err));
    ck_assert(!has_row);
    ck_assert_ptr_nonnull(strstr(err.text, "UNIQUE constraint failed"));
    err = (senc_error){0};
    data_statement_bind_integer(insert, 2, 1); /* there is no ?2 */
    ck_assert(!data_statement_step(insert, &has_row, &err));
    data_statement_bind_integer(insert, 1, 2);
    ck_assert(!step(insert)); /* and it goes on */
    data_statement_free(insert);
    data_database_close(db);
}
END_TEST

START_TEST(full_text_search_is_there) {
    data_database *db = open_memory();
    run(db, "CREATE VIRTUAL TABLE d USING fts5(text); INSERT INTO d VALUES ('rain falls'), ('the kettle sings')");
    data_statement *find = prepare(db, "SELECT rowid, bm25(d) FROM d WHERE d MATCH ?1");
    data_statement_bind_text(find, 1, "kettle", 6);
    ck_assert(step(find));
    ck_assert_int_eq(data_statement_get_integer(find, 0), 2);
    ck_assert(data_statement_get_real(find, 1) < 0);
    data_statement_free(find);
    data_database_close(db);
}
END_TEST

int main(void) {
    TCase *cases = tcase_create("database");
    tcase_add_checked_fixture(cases, make_folder, remove_folder);
    tcase_add_test(cases, values_there_and_back);
    tcase_add_test(cases, statements_run_again);
    tcase_add_test(cases, a_file_keeps_its_rows);
    tcase_add_test(cases, failures_name_the_file);
    tcase_add_test(cases, wrong_sql_is_an_error);
    tcase_add_test(cases, full_text_search_is_there);
    Suite *suite = suite_create("database");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
