/* BM25 against numbers worked out by hand and against SQLite's own bm25(). */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/formats/database.h"
#include "small_beir.h"

static char text[4096];

/* Lengths 3, 6, 2, 6; mean 4.25. "cat" is in three of four documents: FTS5's idf is 1e-6 (log(1.5 / 3.5) < 0); Lucene's
 * is log(1 + 1.5 / 3.5). "bird" is in d4 alone: log(3.5 / 1.5), log(1 + 3.5 / 1.5). "dog" and "the" are in two:
 * log(2.5 / 2.5) = 0, so 1e-6; log(2). A word that comes once counts 2.2 / (1 + 1.2 (0.25 + 0.75 x length / 4.25)). */
START_TEST(small_corpus) {
    const double once6 = 2.2 / (1 + 1.2 * (0.25 + 0.75 * 6 / 4.25)), once3 = 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 4.25));
    char expected[512];
    snprintf(expected, sizeof expected,
             "q1: d1 0.0000, d2 0.0000, d4 0.0000\nq2: d4 %.4f, d2 0.0000\nq3: d2 0.0000, d1 0.0000\n",
             log(3.5 / 1.5) * once6);
    ck_assert_str_eq(small_rank("bm25", 10, text, sizeof text), expected);
    const double twice6 = 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 6 / 4.25)), half = log(2), most = log(1 + 1.5 / 3.5);
    snprintf(expected, sizeof expected, "q1: d1 %.4f, d2 %.4f, d4 %.4f\nq2: d4 %.4f, d2 %.4f\nq3: d2 %.4f, d1 %.4f\n",
             most * once3, most * once6, most * once6, (log(1 + 3.5 / 1.5) + half) * once6, half * once6, half * twice6,
             half * once3);
    ck_assert_str_eq(small_rank("bm25?idf=lucene", 10, text, sizeof text), expected);
}
END_TEST

/* b = 0 forgets lengths, k1 = 0 counts: what is left is idf. */
START_TEST(constants) {
    char expected[512];
    const double half = log(2), most = log(1 + 1.5 / 3.5);
    snprintf(expected, sizeof expected, "q1: d1 %.4f, d2 %.4f\nq2: d4 %.4f, d2 %.4f\nq3: d1 %.4f, d2 %.4f\n", most,
             most, log(1 + 3.5 / 1.5) + half, half, half, half);
    ck_assert_str_eq(small_rank("bm25?idf=lucene&k1=0&b=0", 2, text, sizeof text), expected);
}
END_TEST

/* porter: "birds" is a "bird". */
START_TEST(endings) {
    ck_assert_ptr_null(strstr(small_rank("bm25?idf=lucene", 10, text, sizeof text), "d3"));
    ck_assert_ptr_nonnull(strstr(small_rank("bm25?idf=lucene&tokenize=porter", 10, text, sizeof text), "d3"));
}
END_TEST

/* Words of a query that FTS5's own syntax would trip over, and queries of which nothing is left. */
START_TEST(any_text_is_a_query) {
    small_write("queries.jsonl", "{\"_id\": \"q1\", \"text\": \"NOT \\\"bird\\\" AND ( * ^ NEAR cat:\"}\n"
                                 "{\"_id\": \"q2\", \"text\": \"?!\"}\n{\"_id\": \"q3\", \"text\": \"zebra\"}\n");
    small_rank("bm25?idf=lucene", 1, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "q1: d4"));
    ck_assert_ptr_nonnull(strstr(text, "q2:\nq3:\n"));
}
END_TEST

enum { DOCUMENTS = 60, QUERIES = 9 };

/* Words w0..w19, the low ones common. */
static void make_text(int seed, int length, char *out, size_t size) {
    size_t n = 0;
    uint64_t x = (uint64_t)seed * 2654435761u + 1;
    for (int i = 0; i < length; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        const int a = (int)(x >> 33) % 20, b = (int)(x >> 43) % 20;
        n += (size_t)snprintf(out + n, size - n, "w%d ", a < b ? a : b);
    }
}

static void fill(data_database *db, char *corpus, size_t size) {
    senc_error err = {0};
    data_statement *insert;
    size_t n = 0;
    ck_assert(data_database_run(db, "CREATE VIRTUAL TABLE d USING fts5(text)", &err));
    ck_assert(data_database_prepare(db, "INSERT INTO d (rowid, text) VALUES (?1, ?2)", &insert, &err));
    for (int i = 0; i < DOCUMENTS; i++) {
        char words[512];
        bool has_row;
        make_text(i, 3 + i % 30, words, sizeof words);
        n += (size_t)snprintf(corpus + n, size - n, "{\"_id\": \"%d\", \"text\": \"%s\"}\n", i, words);
        data_statement_bind_integer(insert, 1, i + 1);
        data_statement_bind_text(insert, 2, words, (int64_t)strlen(words));
        ck_assert_msg(data_statement_step(insert, &has_row, &err), "%s", err.text);
    }
    data_statement_free(insert);
}

START_TEST(equals_sqlite) {
    static char corpus[65536], queries[8192], expected[4096];
    size_t n = 0, e = 0;
    senc_error err = {0};
    data_database *db;
    data_statement *search;
    ck_assert(data_database_open(":memory:", &db, &err));
    fill(db, corpus, sizeof corpus);
    ck_assert(data_database_prepare(
        db, "SELECT rowid - 1, -bm25(d) FROM d WHERE d MATCH ?1 ORDER BY bm25(d), rowid LIMIT 10", &search, &err));
    for (int q = 0; q < QUERIES; q++) {
        n += (size_t)snprintf(queries + n, sizeof queries - n, "{\"_id\": \"%d\", \"text\": \"w%d, w%d W%d\"}\n", q, q,
                              2 * q, 19 - q);
        char match[64];
        bool has_row;
        snprintf(match, sizeof match, "w%d OR w%d OR w%d", q, 2 * q, 19 - q);
        e += (size_t)snprintf(expected + e, sizeof expected - e, "%d:", q);
        data_statement_bind_text(search, 1, match, (int64_t)strlen(match));
        for (int h = 0; data_statement_step(search, &has_row, &err) && has_row; h++)
            e += (size_t)snprintf(expected + e, sizeof expected - e, "%s %d %.4f", h > 0 ? "," : "",
                                  (int)data_statement_get_integer(search, 0), data_statement_get_real(search, 1));
        ck_assert_msg(err.kind == SENC_OK, "%s", err.text);
        e += (size_t)snprintf(expected + e, sizeof expected - e, "\n");
    }
    data_statement_free(search);
    data_database_close(db);
    small_write("corpus.jsonl", corpus);
    small_write("queries.jsonl", queries);
    small_write("qrels/test.tsv", "0\t1\t1\n");
    ck_assert_str_eq(small_rank("bm25", 10, text, sizeof text), expected);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bm25");
    TCase *c = tcase_create("bm25");
    tcase_add_checked_fixture(c, small_setup, small_teardown);
    tcase_add_test(c, small_corpus);
    tcase_add_test(c, constants);
    tcase_add_test(c, endings);
    tcase_add_test(c, any_text_is_a_query);
    tcase_add_test(c, equals_sqlite);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
