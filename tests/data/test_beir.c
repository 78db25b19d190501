/* BEIR folders: texts, ids, judgements, and the messages of folders that are wrong. */
#include "data/beir.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "data/table.h"
#include "tests/real.h"

static char folder[64];

static void write_file(const char *name, const char *text) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    senc_error err = {0};
    ck_assert_msg(senc_file_write(path, text, strlen(text), &err), "%s", err.text);
}

#define CORPUS                                                                                                         \
    "{\"_id\": \"d1\", \"title\": \"Moss\", \"text\": \"grows on stones\"}\n"                                          \
    "{\"_id\": 2, \"title\": \"\", \"text\": \"rivers\\u0020run\"}\n\n"                                                \
    "{\"_id\": \"d3\", \"text\": \"\", \"metadata\": {}}\n"
#define QUERIES                                                                                                        \
    "{\"_id\": \"q1\", \"text\": \"what grows?\"}\n{\"_id\": \"q2\", \"text\": \"who runs?\"}\n{\"_id\": \"q3\", "     \
    "\"text\": \"?\"}\n"

static void make_folder(void) {
    char qrels[96];
    senc_error err = {0};
    snprintf(folder, sizeof folder, "/tmp/senc-test-beir-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(qrels, sizeof qrels, "%s/qrels", folder);
    ck_assert(senc_path_create_folders(qrels, &err));
    write_file("corpus.jsonl", CORPUS);
    write_file("queries.jsonl", QUERIES);
    write_file("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq2\td3\t1\nq1\td1\t2\nq2\t2\t1\nq1\td3\t0\n");
    senc_log_set_level(SENC_LOG_QUIET);
}

static void remove_folder(void) {
    senc_error err = {0};
    ck_assert(senc_path_remove(folder, &err));
}

static data_beir *open_folder(const char *split) {
    data_beir *b;
    senc_error err = {0};
    ck_assert_msg(data_beir_open(folder, split, false, &b, &err), "%s", err.text);
    return b;
}

static const char *refusal(void) {
    static senc_error err;
    err = (senc_error){0};
    data_beir *b;
    ck_assert(!data_beir_open(folder, NULL, false, &b, &err));
    ck_assert_ptr_null(b);
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    const size_t n = strlen(folder);
    return strncmp(err.text, folder, n) == 0 ? err.text + n + 1 : err.text;
}

static void check_document(const data_beir *b, int64_t i, const char *expected) {
    data_beir_scratch s = {0};
    senc_error err = {0};
    const char *text;
    size_t n;
    ck_assert_msg(data_beir_document_text(b, i, &s, &text, &n, &err), "%s", err.text);
    ck_assert_msg(n == strlen(expected) && memcmp(text, expected, n) == 0, "\"%.*s\"", (int)n, text);
    data_beir_scratch_free(&s);
}

START_TEST(texts_and_ids) {
    data_beir *b = open_folder(NULL);
    ck_assert_int_eq(data_beir_n_documents(b), 3);
    ck_assert_int_eq(data_beir_n_queries(b), 3);
    check_document(b, 0, "Moss grows on stones");
    check_document(b, 1, "rivers run");
    check_document(b, 2, "");
    ck_assert_str_eq(data_beir_document_id(b, 1), "2");
    ck_assert_str_eq(data_beir_query_id(b, 2), "q3");
    ck_assert_int_eq(data_beir_find_document(b, "d3"), 2);
    ck_assert_int_eq(data_beir_find_document(b, "d"), -1);
    ck_assert_int_eq(data_beir_find_query(b, "q2"), 1);
    data_beir_scratch s = {0};
    senc_error err = {0};
    const char *text;
    size_t n;
    ck_assert(data_beir_query_text(b, 1, &s, &text, &n, &err));
    ck_assert_mem_eq(text, "who runs?", 9);
    data_beir_scratch_free(&s);
    data_beir_close(b);
}
END_TEST

START_TEST(judgements) {
    data_beir *b = open_folder("test");
    const data_beir_relevance *r = data_beir_get_relevance(b);
    const int64_t offsets[] = {0, 1, 3, 3}, documents[] = {0, 2, 1}, lines[] = {3, 2, 4};
    const float grades[] = {2, 1, 1};
    ck_assert_int_eq(r->n_pairs, 3);
    ck_assert_mem_eq(r->offsets, offsets, sizeof offsets);
    ck_assert_mem_eq(r->documents, documents, sizeof documents);
    ck_assert_mem_eq(r->grades, grades, sizeof grades);
    ck_assert_mem_eq(r->lines, lines, sizeof lines);
    ck_assert_int_eq(r->n_judged_queries, 2);
    ck_assert_int_eq(r->n_unjudged_queries, 1);
    ck_assert_int_eq(r->n_zero, 1);
    data_beir_close(b);
}
END_TEST

START_TEST(trec_columns_unknown_ids_and_repeats) {
    write_file("qrels/dev.tsv", "q1 0  d1 1\nq9 0 d1 1\nq1 0 d9 1\nq1 0 d1 1\n");
    data_beir *b = open_folder("dev");
    const data_beir_relevance *r = data_beir_get_relevance(b);
    ck_assert_int_eq(r->n_pairs, 1);
    ck_assert_int_eq(r->n_unknown_queries, 1);
    ck_assert_int_eq(r->n_unknown_documents, 1);
    ck_assert_int_eq(r->n_repeated, 1);
    data_beir_close(b);
}
END_TEST

START_TEST(messages) {
    write_file("qrels/test.tsv", "q1\td1\t1\nq1\td1\n");
    ck_assert_str_eq(
        refusal(),
        "qrels/test.tsv:2: expected query-id, corpus-id and score (or TREC's four columns), found 2 columns");
    write_file("qrels/test.tsv", "q1\td1\t1\nq1\td3\tmuch\n");
    ck_assert_str_eq(refusal(), "qrels/test.tsv:2: expected a number as the score, found \"much\"");
    write_file("qrels/test.tsv", "q1\td1\t1\nq2\td1\t1\nq1\td1\t2\n");
    ck_assert_str_eq(refusal(), "qrels/test.tsv:3: query \"q1\" and document \"d1\" are judged 2, but 1 on line 1");
    write_file("qrels/test.tsv", "q9\td1\t1\n");
    ck_assert_str_eq(
        refusal(),
        "qrels/test.tsv: no query has a relevant document (1 lines name unknown queries, 0 unknown documents)");
    write_file("queries.jsonl", QUERIES "{\"_id\": \"q2\", \"text\": \"again\"}\n");
    ck_assert_str_eq(refusal(), "queries.jsonl:4: _id \"q2\" stands twice; the first is on line 2");
    write_file("queries.jsonl", "{\"_id\": \"q2\"}\n");
    ck_assert_str_eq(refusal(), "queries.jsonl:1: field \"text\" is missing");
    write_file("queries.jsonl", "{\"_id\": [], \"text\": \"x\"}\n");
    ck_assert_str_eq(refusal(), "queries.jsonl:1: field \"_id\": expected a string, got an array");
    write_file("queries.jsonl", "{\"_id\": \"\", \"text\": \"x\"}\n");
    ck_assert_str_eq(refusal(), "queries.jsonl:1: field \"_id\" is empty or holds a tab, a newline or \\u0000");
    write_file("corpus.jsonl", CORPUS "{\"_id\": \"d7\", \"text\": 5}\n");
    ck_assert_str_eq(refusal(), "corpus.jsonl:5: field \"text\": expected a string, got an integer");
    write_file("corpus.jsonl", CORPUS "{\"_id\": \"d7\", \n");
    ck_assert_str_eq(refusal(),
                     "corpus.jsonl:5:15: bad JSON: expected a key in double quotes, found the end of the text");
    write_file("corpus.jsonl", "\n");
    ck_assert_str_eq(refusal(), "corpus.jsonl: no rows");
}
END_TEST

START_TEST(messages_about_missing_files) {
    senc_error err = {0};
    data_beir *b;
    ck_assert(!data_beir_open(folder, "train", false, &b, &err));
    ck_assert_ptr_nonnull(
        strstr(err.text, "no judgements for the split \"train\" (qrels/train.tsv); the folder has test"));
    err = (senc_error){0};
    ck_assert(!data_beir_open("/nowhere/at-all", NULL, false, &b, &err));
    ck_assert_str_eq(err.text,
                     "/nowhere/at-all: expected a BEIR folder (corpus.jsonl, queries.jsonl, qrels/), there is nothing");
}
END_TEST

START_TEST(as_training_pairs) {
    static const data_role roles[] = {
        {.name = "anchor"}, {.name = "positive"}, {.name = "score", .kind = DATA_ROLE_SCORE, .optional = true}};
    double range[] = {0, 2};
    data_source source = {.path = folder, .split = "test", .score_range = {range, 2}};
    write_file("corpus.jsonl", "{\"_id\":\"d1\",\"title\":\"T\",\"text\":\"x\"}\n{\"_id\":\"2\",\"text\":\"y\"}\n{\"_"
                               "id\":\"d3\",\"text\":\"z\"}\n");
    data_set *set;
    senc_error err = {0};
    ck_assert_msg(data_set_open(&source, 1, roles, 3, "loss \"cosent\"", &set, &err), "%s", err.text);
    ck_assert_int_eq(data_set_n_rows(set), 3);
    data_row row = {0};
    ck_assert(data_set_row(set, 0, &row, &err));
    ck_assert_mem_eq(row.values[0].text, "what grows?", 11);
    ck_assert_mem_eq(row.values[1].text, "T x", 3);
    ck_assert_double_eq(row.values[2].number, 1.0);
    ck_assert(data_set_row(set, 2, &row, &err));
    ck_assert_mem_eq(row.values[0].text, "who runs?", 9);
    ck_assert_mem_eq(row.values[1].text, "y", 1);
    data_row_free(&row);
    const char *path;
    int64_t line;
    ck_assert(data_set_where(set, 2, &path, &line, &err));
    ck_assert_ptr_nonnull(strstr(path, "qrels/test.tsv"));
    ck_assert_int_eq(line, 4);
    data_set_close(set);
}
END_TEST

/* d1, d4 and d5 have one text, 2 and d6 another. */
static data_beir *open_copies(data_beir_copies *copies) {
    write_file("corpus.jsonl", CORPUS "{\"_id\": \"d4\", \"text\": \"Moss grows on stones\"}\n"
                                      "{\"_id\": \"d5\", \"title\": \"Moss grows\", \"text\": \"on stones\"}\n"
                                      "{\"_id\": \"d6\", \"text\": \"rivers run\"}\n");
    write_file("qrels/copies.tsv", "q1\td4\t1\nq1\td3\t1\nq1\td5\t3\nq1\td1\t2\nq2\td6\t1\nq3\td6\t1\nq3\td1\t1\n");
    data_beir *b = open_folder("copies");
    senc_error err = {0};
    ck_assert_msg(data_beir_find_copies(b, copies, &err), "%s", err.text);
    return b;
}

START_TEST(texts_under_several_ids) {
    data_beir_copies copies;
    data_beir *b = open_copies(&copies);
    const int64_t first[] = {0, 1, 2, 0, 0, 1};
    ck_assert_mem_eq(copies.first, first, sizeof first);
    ck_assert_int_eq(copies.n_texts, 2);
    ck_assert_int_eq(copies.n_documents, 5);
    data_beir_copies_free(&copies);
    data_beir_close(b);
}
END_TEST

START_TEST(copies_become_one_document) {
    data_beir_copies copies;
    data_beir *b = open_copies(&copies);
    senc_error err = {0};
    ck_assert_msg(data_beir_merge_copies(b, &copies, &err), "%s", err.text);
    ck_assert_int_eq(data_beir_n_documents(b), 3);
    check_document(b, 0, "Moss grows on stones");
    check_document(b, 1, "rivers run");
    check_document(b, 2, "");
    static const char *const ids[] = {"d1", "d4", "d5", "2", "d6", "d3", "d7"};
    const int64_t found[] = {0, 0, 0, 1, 1, 2, -1};
    for (int i = 0; i < 7; i++) ck_assert_int_eq(data_beir_find_document(b, ids[i]), found[i]);
    ck_assert_str_eq(data_beir_document_id(b, 1), "2");
    const data_beir_relevance *r = data_beir_get_relevance(b);
    const int64_t offsets[] = {0, 2, 3, 5}, documents[] = {0, 2, 1, 1, 0}, lines[] = {1, 2, 5, 6, 7};
    const float grades[] = {3, 1, 1, 1, 1};
    ck_assert_int_eq(r->n_pairs, 5);
    ck_assert_mem_eq(r->offsets, offsets, sizeof offsets);
    ck_assert_mem_eq(r->documents, documents, sizeof documents);
    ck_assert_mem_eq(r->grades, grades, sizeof grades);
    ck_assert_mem_eq(r->lines, lines, sizeof lines);
    data_beir_copies_free(&copies);
    data_beir_close(b);
}
END_TEST

START_TEST(every_allocation_may_fail) {
    bool done = false;
    data_beir_copies some;
    data_beir_close(open_copies(&some));
    data_beir_copies_free(&some);
    for (int64_t n = 1; !done; n++) {
        senc_error err = {0};
        data_beir *b = NULL;
        data_beir_scratch s = {0};
        data_beir_copies copies = {0};
        const char *text;
        size_t n_bytes;
        senc_alloc_fail_at(n);
        const bool ok = data_beir_open(folder, "test", false, &b, &err) &&
                        data_beir_document_text(b, 0, &s, &text, &n_bytes, &err) &&
                        data_beir_find_copies(b, &copies, &err) && data_beir_merge_copies(b, &copies, &err);
        senc_alloc_fail_at(0);
        data_beir_copies_free(&copies);
        done = ok && n > 60;
        /* Looking for corpus.jsonl fails like its absence when there is no memory for its name. */
        ck_assert_msg(ok || err.kind == SENC_FAILED || strstr(err.text, "there is no ") ||
                          strstr(err.text, "no judgements"),
                      "%s", err.text);
        data_beir_scratch_free(&s);
        data_beir_close(b);
    }
}
END_TEST

START_TEST(real_folder) {
    char *path = senc_path_join(getenv("SENC_DATA"), "nfcorpus");
    data_beir *b;
    senc_error err = {0};
    ck_assert_msg(data_beir_open(path, "test", false, &b, &err), "%s", err.text);
    ck_assert_int_eq(data_beir_n_documents(b), 3633);
    ck_assert_int_eq(data_beir_n_queries(b), 3237);
    const data_beir_relevance *r = data_beir_get_relevance(b);
    ck_assert_int_eq(r->n_judged_queries, 323);
    ck_assert_int_eq(r->n_pairs, 12334);
    ck_assert_int_eq(r->n_unknown_queries + r->n_unknown_documents, 0);
    data_beir_close(b);
    free(path);
}
END_TEST

int main(int argc, char **argv) {
    Suite *s = suite_create("beir");
    TCase *t = tcase_create("beir");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_test(t, texts_and_ids);
    tcase_add_test(t, judgements);
    tcase_add_test(t, trec_columns_unknown_ids_and_repeats);
    tcase_add_test(t, messages);
    tcase_add_test(t, messages_about_missing_files);
    tcase_add_test(t, as_training_pairs);
    tcase_add_test(t, texts_under_several_ids);
    tcase_add_test(t, copies_become_one_document);
    tcase_add_test(t, every_allocation_may_fail);
    suite_add_tcase(s, t);
    TCase *real_case = tcase_create("real");
    tcase_add_test(real_case, real_folder);
    return run_with_real(s, real_case, "SENC_DATA", argc, argv);
}
