/* Rows of pairs as a retrieval task: which documents are searched, and which are relevant. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "data/beir.h"
#include "data/row_groups.h"

static char folder[64];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/senc-test-pairs-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void) {
    senc_error err = {0};
    ck_assert(senc_path_remove(folder, &err));
    data_row_groups_forget();
}

static char *file_of(const char *name, const char *text) {
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    senc_error err = {0};
    ck_assert_msg(senc_file_write(path, text, strlen(text), &err), "%s", err.text);
    return path;
}

static data_beir *open_pairs(const data_source *source, bool rows_only, const senc_strings *files) {
    const data_pairs_corpus corpus = {.rows_only = rows_only, .files = files};
    data_beir *b;
    senc_error err = {0};
    ck_assert_msg(data_beir_open_pairs(source, &corpus, &b, &err), "%s", err.text);
    ck_assert(data_beir_is_pairs(b));
    return b;
}

/* The number of a document, or query, by its text; -1: there is none. */
static int64_t find_text(const data_beir *b, bool query, const char *wanted) {
    data_beir_scratch scratch = {0};
    senc_error err = {0};
    int64_t found = -1;
    const int64_t n = query ? data_beir_n_queries(b) : data_beir_n_documents(b);
    for (int64_t i = 0; i < n; i++) {
        const char *text;
        size_t n_bytes;
        ck_assert((query ? data_beir_query_text : data_beir_document_text)(b, i, &scratch, &text, &n_bytes, &err));
        if (n_bytes == strlen(wanted) && memcmp(text, wanted, n_bytes) == 0) found = i;
    }
    data_beir_scratch_free(&scratch);
    return found;
}

static bool is_relevant(const data_beir *b, const char *query, const char *document) {
    const data_beir_relevance *r = data_beir_get_relevance(b);
    const int64_t q = find_text(b, true, query), d = find_text(b, false, document);
    ck_assert_msg(q >= 0 && d >= 0, "%s, %s", query, document);
    for (int64_t i = r->offsets[q]; i < r->offsets[q + 1]; i++)
        if (r->documents[i] == d) return true;
    return false;
}

#define N_ROWS 200

static char *many_rows(void) {
    senc_buffer text = {0};
    for (int i = 0; i < N_ROWS; i++)
        senc_buffer_printf(&text, "{\"anchor\": \"question %d\", \"positive\": \"answer %d\"}\n", i, i);
    char *path = file_of("many.jsonl", senc_buffer_text(&text));
    senc_buffer_free(&text);
    return path;
}

START_TEST(all_answers_are_searched) {
    const data_source source = {.path = many_rows(), .held_out = 0.2, .part = DATA_PART_HELD_OUT};
    data_beir *all = open_pairs(&source, false, NULL), *own = open_pairs(&source, true, NULL);
    ck_assert_int_eq(data_beir_n_documents(all), N_ROWS);
    ck_assert_int_eq(data_beir_n_documents(own), data_beir_n_queries(own));
    ck_assert_int_eq(data_beir_n_queries(all), data_beir_n_queries(own));
    ck_assert(data_beir_n_queries(own) > N_ROWS / 10 && data_beir_n_queries(own) < N_ROWS / 3);
    ck_assert_int_eq(data_beir_get_relevance(all)->n_pairs, data_beir_n_queries(all));
    for (int64_t q = 0; q < data_beir_n_queries(all); q++)
        ck_assert_str_eq(data_beir_query_id(all, q), data_beir_query_id(own, q));
    data_beir_close(all);
    data_beir_close(own);
    const data_source first = {.path = source.path, .limit = 7}; /* a limit is of queries */
    all = open_pairs(&first, false, NULL);
    ck_assert_int_eq(data_beir_n_queries(all), 7);
    ck_assert_int_eq(data_beir_n_documents(all), N_ROWS);
    data_beir_close(all);
}
END_TEST

START_TEST(answers_of_equal_questions) {
    const data_source source = {.path = file_of("a.jsonl",
                                                "{\"anchor\": \"Where is Oslo?\", \"positive\": \"In Norway.\"}\n"
                                                "{\"anchor\": \"where is OSLO\", \"positive\": \"In the north.\"}\n"
                                                "{\"anchor\": \"Where is Rome?\", \"positive\": \"In Italy.\"}\n"
                                                "{\"anchor\": \"Where is Rome?\", \"positive\": \"In Italy.\"}\n")};
    data_beir *b = open_pairs(&source, false, NULL);
    ck_assert_int_eq(data_beir_n_queries(b), 3);
    ck_assert_int_eq(data_beir_n_documents(b), 3);
    ck_assert(is_relevant(b, "Where is Oslo?", "In Norway.") && is_relevant(b, "Where is Oslo?", "In the north."));
    ck_assert(is_relevant(b, "where is OSLO", "In Norway.") && is_relevant(b, "where is OSLO", "In the north."));
    ck_assert(is_relevant(b, "Where is Rome?", "In Italy.") && !is_relevant(b, "Where is Rome?", "In Norway."));
    ck_assert_int_eq(data_beir_get_relevance(b)->n_pairs, 5);
    data_beir_close(b);
}
END_TEST

/* Documents of other files: one column, the positives' column, or "text"; a text that is there already is one document.
 */
START_TEST(more_documents) {
    static data_column_map columns[] = {{"anchor", "q", 0}, {"positive", "a", 0}};
    const data_source source = {
        .path = file_of("a.csv", "q,a\nWhere?,Here\nWhen?,Now\n"), .mapped = columns, .n_mapped = 2};
    char *paths[] = {file_of("b.txt", "Never\nHere\n"), file_of("c.jsonl", "{\"id\": 1, \"text\": \"Soon\"}\n"),
                     file_of("d.csv", "text,a\nno,Then\n")};
    const senc_strings files = {paths, 3};
    data_beir *b = open_pairs(&source, false, &files);
    ck_assert_int_eq(data_beir_n_queries(b), 2);
    ck_assert_int_eq(data_beir_n_documents(b), 5);
    static const char *const texts[] = {"Here", "Now", "Never", "Soon", "Then"};
    for (int i = 0; i < 5; i++) ck_assert_int_eq(find_text(b, false, texts[i]), i);
    ck_assert(is_relevant(b, "Where?", "Here") && !is_relevant(b, "Where?", "Soon"));
    data_beir_close(b);
    char *wrong[] = {file_of("e.csv", "x,y\n1,2\n")};
    const senc_strings wrong_files = {wrong, 1};
    const data_pairs_corpus corpus = {.files = &wrong_files};
    senc_error err = {0};
    ck_assert(!data_beir_open_pairs(&source, &corpus, &b, &err));
    ck_assert_msg(strstr(err.text, "e.csv: no column \"a\" and none \"text\""), "%s", err.text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("beir_pairs");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, all_answers_are_searched);
    tcase_add_test(tests, answers_of_equal_questions);
    tcase_add_test(tests, more_documents);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? 1 : 0;
}
