/* Leakage: units of every evaluator that stand in the training data, exactly, folded, nearly, as questions or pairs. */
#include "train/leakage.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/toml.h"
#include "losses/loss.h"

static char folder[64];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/senc-test-leakage-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void) {
    senc_error err = {0};
    ck_assert(senc_path_remove(folder, &err));
}

static const char *write_file(const char *name, const char *text) {
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    senc_error err = {0};
    ck_assert_msg(senc_file_write(path, text, strlen(text), &err), "%s", err.text);
    return path;
}

/* Rows to train on: 1 to 4 of each kind. */
static const char train_text[] =
    "{\"anchor\": \"What is asthma?\", \"positive\": \"A disease of the airways.\"}\n"
    "{\"anchor\": \"how long does a cold last in most healthy people\", \"positive\": \"About a week.\", "
    "\"negative\": \"Ask a nurse\"}\n"
    "{\"anchor\": \"What is a stroke?\", \"positive\": \"What causes gout?\"}\n"
    "{\"anchor\": \"Is flu worse than a cold?\", \"positive\": \"Mostly, yes.\"}\n";

typedef struct bench {
    data_set *set;
    train_columns columns;
    senc_value *tree;
    eval_job job;
} bench;

/* The training rows, and one evaluation by its table. */
static void open_bench(bench *b, const char *table_fmt, const char *path) {
    senc_error err = {0};
    char *train = senc_strdup(write_file("train.jsonl", train_text));
    const data_source source = {.path = train};
    const loss_roles roles = {.texts = {"anchor", "positive"}, .n_texts = 2, .optional_text = "negative"};
    char table[512];
    ck_assert_msg(train_feed_open_data(&source, 1, &roles, "test", &b->set, &b->columns, &err), "%s", err.text);
    snprintf(table, sizeof table, table_fmt, path);
    ck_assert_msg(data_toml_parse(table, strlen(table), "table", &b->tree, &err), "%s", err.text);
    ck_assert_msg(eval_job_open(&b->job, b->tree, "eval", &err), "%s", err.text);
    free(train);
}

static void close_bench(bench *b) {
    eval_job_close(&b->job);
    senc_value_free(b->tree);
    train_columns_free(&b->columns);
    data_set_close(b->set);
}

static void check(const char *table, const char *file, double threshold, const char *unit, int64_t n_units,
                  int64_t n_exact, int64_t n_folded, int64_t n_near, const char *rows_expected) {
    bench b = {0};
    bool rows[4];
    train_leakage l;
    senc_error err = {0};
    open_bench(&b, table, write_file("eval.jsonl", file));
    ck_assert_msg(train_leakage_find(b.set, &b.columns, &b.job, 1, threshold, rows, &l, &err), "%s", err.text);
    ck_assert_int_eq(l.n, 1);
    ck_assert_str_eq(l.items[0].unit, unit);
    ck_assert_int_eq(l.items[0].n_units, n_units);
    ck_assert_int_eq(l.items[0].n[TRAIN_LEAK_EXACT], n_exact);
    ck_assert_int_eq(l.items[0].n[TRAIN_LEAK_FOLDED], n_folded);
    ck_assert_int_eq(l.items[0].n[TRAIN_LEAK_NEAR], n_near);
    ck_assert_int_eq(l.leaks[0].n_leaked, n_exact + n_folded + n_near);
    ck_assert_int_eq(l.items[0].n_examples, n_exact + n_folded + n_near < 3 ? n_exact + n_folded + n_near : 3);
    for (int i = 0; i < 4; i++) ck_assert_msg(rows[i] == (rows_expected[i] == 'x'), "row %d", i + 1);
    train_leakage_free(&l);
    close_bench(&b);
}

#define RETRIEVAL "type = \"retrieval\"\npath = \"%s\"\nname = \"faq\"\n"

START_TEST(questions) {
    /* as anchor, folded, near, as a positive; the answer alone does not count */
    static const char file[] =
        "{\"anchor\": \"What is asthma?\", \"positive\": \"An illness.\"}\n"
        "{\"anchor\": \"what is  ASTHMA\", \"positive\": \"An illness.\"}\n"
        "{\"anchor\": \"So how long does a cold last in most healthy people?\", \"positive\": \"7\"}\n"
        "{\"anchor\": \"What causes gout?\", \"positive\": \"Crystals.\"}\n"
        "{\"anchor\": \"ask a nurse!\", \"positive\": \"Why?\"}\n"
        "{\"anchor\": \"Who was it?\", \"positive\": \"Mostly, yes.\"}\n";
    check(RETRIEVAL, file, 0.8, "question", 6, 2, 2, 1, "xxx.");
    check(RETRIEVAL, file, 1, "question", 6, 2, 2, 0, "xxx.");
    check(RETRIEVAL, file, 0.95, "question", 6, 2, 2, 0, "xxx.");
}
END_TEST

START_TEST(pairs) {
    /* the row itself, the other way round and folded, and texts of two rows, which are no pair */
    static const char file[] =
        "{\"sentence1\": \"What is a stroke?\", \"sentence2\": \"What causes gout?\", \"score\": 1, \"label\": 1}\n"
        "{\"sentence1\": \"mostly YES\", \"sentence2\": \"is flu worse than a cold\", \"score\": 2, \"label\": 0}\n"
        "{\"sentence1\": \"What is asthma?\", \"sentence2\": \"About a week.\", \"score\": 3, \"label\": 1}\n"
        "{\"sentence1\": \"What is asthma?\", \"sentence2\": \"What is asthma?\", \"score\": 3, \"label\": 1}\n"
        "{\"sentence1\": \"How long does a cold last in most healthy people\", \"sentence2\": \"So how long does a "
        "cold last in most healthy people?\", \"score\": 0, \"label\": 0}\n" /* both near one text of a row */
        "{\"sentence1\": \"how long does a cold last in most healthy people?\", \"sentence2\": \"Ask a nurse\", "
        "\"score\": 3, \"label\": 1}\n";
    check("type = \"sts\"\npath = \"%s\"\n", file, 0.8, "pair", 6, 1, 2, 0, ".xxx");
    check("type = \"pair_classification\"\npath = \"%s\"\n", file, 0.8, "pair", 6, 1, 2, 0, ".xxx");
    check("type = \"bitext_mining\"\npath = \"%s\"\n", file, 0.8, "pair", 6, 1, 2, 0, ".xxx");
}
END_TEST

START_TEST(other_units) {
    check("type = \"triplet\"\npath = \"%s\"\n",
          "{\"anchor\": \"What is asthma?\", \"positive\": \"A disease of the airways\", \"negative\": \"x\"}\n"
          "{\"anchor\": \"What is asthma?\", \"positive\": \"x\", \"negative\": \"A disease of the airways.\"}\n",
          0.8, "triplet", 2, 0, 1, 0, "x...");
    check("type = \"reranking\"\npath = \"%s\"\n",
          "{\"query\": \"What is asthma?\", \"positive\": [\"a\"], \"negative\": [\"b\"]}\n"
          "{\"query\": \"x\", \"positive\": [\"What is asthma?\"], \"negative\": [\"b\"]}\n",
          0.8, "question", 2, 1, 0, 0, "x...");
    const char *labels = "{\"text\": \"About a week\", \"label\": \"a\"}\n{\"text\": \"x\", \"label\": \"a\"}\n"
                         "{\"text\": \"y\", \"label\": \"b\"}\n{\"text\": \"Mostly, yes.\", \"label\": \"b\"}\n";
    check("type = \"clustering\"\npath = \"%s\"\n", labels, 0.8, "text", 4, 1, 1, 0, ".x.x");
    check("type = \"paraphrase_mining\"\npath = \"%s\"\n", labels, 0.8, "text", 4, 1, 1, 0, ".x.x");
    write_file("train2.jsonl", "{\"text\": \"u\", \"label\": \"a\"}\n{\"text\": \"Mostly, yes.\", \"label\": \"b\"}\n");
    char table[256];
    snprintf(table, sizeof table, "type = \"classification\"\ntrain = \"%s/train2.jsonl\"\npath = \"%%s\"\n", folder);
    check(table, labels, 0.8, "text", 4, 1, 1, 0, ".x.x");
    write_file("pairs.jsonl", "{\"id1\": \"1\", \"id2\": \"2\"}\n{\"id1\": \"3\", \"id2\": \"2\"}\n");
    snprintf(table, sizeof table, "type = \"paraphrase_mining\"\nduplicates = \"%s/pairs.jsonl\"\npath = \"%%s\"\n",
             folder);
    check(table,
          "{\"text\": \"About a week\", \"id\": \"1\"}\n{\"text\": \"ask a nurse\", \"id\": \"2\"}\n"
          "{\"text\": \"What is asthma?\", \"id\": \"3\"}\n",
          0.8, "pair", 2, 0, 1, 0, ".x..");
}
END_TEST

/* Whoever writes a new evaluator says what must not be trained on. */
START_TEST(every_evaluator_has_units) {
    int n;
    const eval_spec *const *all = eval_all(&n);
    for (int i = 0; i < n; i++) ck_assert_msg(all[i]->units != NULL, "%s", all[i]->name);
}
END_TEST

START_TEST(printed) {
    bench b = {0};
    bool rows[4];
    train_leakage l;
    senc_error err = {0};
    senc_buffer out = {0};
    open_bench(&b, RETRIEVAL,
               write_file("eval.jsonl", "{\"anchor\": \"what is asthma\", \"positive\": \"An illness.\"}\n"
                                        "{\"anchor\": \"new\", \"positive\": \"An illness.\"}\n"));
    ck_assert_msg(train_leakage_find(b.set, &b.columns, &b.job, 1, 0.8, rows, &l, &err), "%s", err.text);
    train_leakage_print(&l, 72, &out);
    ck_assert_str_eq(senc_buffer_text(&out),
                     "faq: 1 of 2 questions is in the training data: 1 but for case, blanks or\npunctuation\n"
                     "  train.jsonl:1: what is asthma\n"
                     "Above 1 % there is no verdict; train.on_leakage = \"drop\" leaves the rows\nout of training.\n");
    ck_assert(eval_leak_withholds(&l.leaks[0]));
    train_leakage_set_dropped(&l, 1);
    ck_assert(!eval_leak_withholds(&l.leaks[0]));
    senc_buffer_clear(&out);
    train_leakage_print(&l, 72, &out);
    ck_assert_msg(strstr(senc_buffer_text(&out), "1 of 4 rows were left out of training"), "%s", out.data);
    data_json *o = data_json_create_object();
    train_leakage_put_json(&l, o);
    const data_json *e = data_json_first(data_json_find(o, "evaluations"));
    ck_assert_int_eq(data_json_integer(data_json_find(e, "folded")), 1);
    ck_assert_int_eq(data_json_integer(data_json_find(o, "dropped_rows")), 1);
    data_json_free(o);
    senc_buffer_free(&out);
    train_leakage_free(&l);
    close_bench(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("leakage");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, questions);
    tcase_add_test(tests, pairs);
    tcase_add_test(tests, other_units);
    tcase_add_test(tests, every_evaluator_has_units);
    tcase_add_test(tests, printed);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? 1 : 0;
}
