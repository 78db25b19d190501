/* The evaluators of pairs, lists and labels on small files whose numbers can be redone by hand, what users get wrong,
 * and what happens when memory runs out. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "evaluator_fixture.h"

/* cosines 1, 0.6, 0.8, -1: in order, labels 1 0 1 0 */
static const char pairs[] = "sentence1,sentence2,label,kind\n"
                            "a: 1 0 0,b: 2 0 0,1,near\n"
                            "c: 1 0 0,d: 3 4 0,1,near\n"
                            "e: 0 2 0,f: 3 4 0,0,far\n"
                            "g: 0 0 1,h: 0 0 -3,0,far\n";

START_TEST(pairs_by_hand) {
    write_file("p.csv", pairs);
    witness w = {0};
    senc_value *table = job_table("pair_classification", "p.csv");
    put(table, "slice", text_value(_i == 0 ? "kind" : "4"));
    eval_result r = run_good(table, &w);
    ck_assert_str_eq(r.primary, "p_cosine_ap");
    ck_assert_int_eq(r.n_metrics, 8);
    expect(&r, "p_cosine_accuracy", 0.75);
    expect(&r, "p_cosine_accuracy_threshold", 0.9);
    expect(&r, "p_cosine_f1", 0.8); /* of three, two are right, and none is missed */
    expect(&r, "p_cosine_f1_threshold", -0.2);
    expect(&r, "p_cosine_precision", 2.0 / 3);
    expect(&r, "p_cosine_recall", 1);
    expect(&r, "p_cosine_mcc", (2 * 1 - 1 * 0) / sqrt(3 * 2 * 2 * 1));
    expect(&r, "p_cosine_ap", 0.5 * 1 + 0.5 * 2 / 3);
    ck_assert_int_eq(w.n_texts[EVAL_TEXT], 8);
    ck_assert_int_eq(r.detail.n_units, 4);
    ck_assert_str_eq(r.detail.units[2].slice, "far");
    ck_assert_str_eq(r.detail.units[1].other, "d: 3 4 0");
    ck_assert_int_eq(r.detail.n_positives, 2);
    ck_assert_int_eq(r.detail.n_negatives, 2);
    eval_result_free(&r);
}
END_TEST

START_TEST(pairs_by_distance_and_without_header) {
    /* distances 1, 2, 3 with labels 1, 0, 1 */
    write_file("d.tsv", "a: 0 0 0\tb: 1 0 0\t1\nc: 0 0 0\td: 0 2 0\t0\ne: 1 1 1\tf: 1 1 4\t1\n");
    witness w = {0};
    senc_value *table = job_table("pair_classification", "d.tsv");
    put(table, "similarity", text_value("euclidean"));
    put(table, "mcc", text_value("best"));
    eval_result r = run_good(table, &w);
    expect(&r, "d_euclidean_accuracy", 2.0 / 3);
    expect(&r, "d_euclidean_accuracy_threshold", 1.5); /* a distance */
    expect(&r, "d_euclidean_f1_threshold", 3);
    expect(&r, "d_euclidean_mcc", (1 * 1 - 0) / sqrt(1 * 2 * 1 * 2));
    ck_assert(has_text(r.rules, r.n_rules, "no header"));
    ck_assert(has_text(r.rules, r.n_rules, "its own best threshold"));
    eval_result_free(&r);
}
END_TEST

/* Row 1: positive 1, negative 0.6, then a positive and a negative of 0. Row 2: its positive is among the documents. Row
 * 3 has nothing else. Row 4: the positive is ranked although the documents lack it. */
static const char lists[] =
    "{\"query\": \"q: 1 0 0\", \"positive\": [\"p: 1 0 0\", \"r: 0 1 0\"], \"negative\": [\"n: 3 4 0\", \"o: 0 0 "
    "1\"]}\n"
    "{\"query\": \"q: 0 1 0\", \"positive\": \"p: 0 1 0\", \"documents\": [\"n: 0 1 1\", \"p: 0 1 0\"]}\n"
    "{\"query\": \"q: 0 1 0\", \"positive\": [\"p: 0 1 0\"], \"documents\": [\"p: 0 1 0\"]}\n"
    "{\"query\": \"q: 0 1 0\", \"positive\": [\"p: 0 1 1\"], \"documents\": [\"n: 0 1 0\", \"o: 1 1 0\", \"s: 1 0 "
    "0\"]}\n";

START_TEST(reranking_by_hand) {
    write_file("r.jsonl", lists);
    const double ideal = 1 + 1 / log2(3);
    for (int last = 0; last < 2; last++) {
        witness w = {0};
        senc_value *table = job_table("reranking", "r.jsonl");
        put(table, "at", integer_value(3));
        put(table, "ties", text_value(last ? "last" : "shared"));
        eval_result r = run_good(table, &w);
        ck_assert_str_eq(r.primary, "r_ndcg@3");
        /* The last row: n 1, then p and o of the same cosine, then s. Shared: two share one hit, places 2 and 3. */
        const double shared = 0.5 * (1 / log2(3) + 0.5);
        expect(&r, "r_map", (0.75 + 1 + 1.0 / 3) / 3);
        expect(&r, "r_mrr@3", (1 + 1 + 1.0 / 3) / 3);
        expect(&r, "r_ndcg@3", ((last ? 1 : 1 + 0.5 * 0.5) / ideal + 1 + (last ? 0.5 : shared)) / 3);
        ck_assert_int_eq(w.n_texts[EVAL_QUERY], 3);
        ck_assert_int_eq(w.n_texts[EVAL_DOCUMENT], 4 + 2 + 4);
        ck_assert(has_text(r.counts, r.n_counts, "left out: 1"));
        ck_assert_int_eq(r.detail.n_units, 3);
        ck_assert_str_eq(r.detail.units[2].id, "4");
        ck_assert_int_eq(r.detail.units[0].rank, 1);
        ck_assert_int_eq(r.detail.units[2].rank, 3);
        ck_assert_int_eq(r.detail.n_positives, 4);
        ck_assert_int_eq(r.detail.n_negatives, 6);
        eval_result_free(&r);
    }
}
END_TEST

/* Rows 1 and 2 find each other; row 3's other text is found by row 1's first; row 4 repeats row 2's text. */
START_TEST(bitext_by_hand) {
    write_file("b.csv", "sentence1,sentence2\n"
                        "a: 1 0 0,A: 1 0 0\n"
                        "b: 0 1 0,B: 0 1 0.1\n"
                        "c: 0 0 1,C: 0.9 0 0.5\n"
                        "d: 0 2 0,B: 0 1 0.1\n");
    witness w = {0};
    eval_result r = run_good(job_table("bitext_mining", "b.csv"), &w);
    ck_assert_str_eq(r.primary, "b_mean_accuracy");
    expect(&r, "b_src2trg_accuracy", 1);       /* d finds row 2's B, which is the same text */
    expect(&r, "b_trg2src_accuracy", 2.0 / 4); /* C finds a; the second B finds b, whose text is not d's */
    expect(&r, "b_mean_accuracy", 0.75);
    /* By rows: 1 2 3 2. F1 of class 2: 2 / 3, of class 4: 0. */
    expect(&r, "b_f1", (1 + 2.0 / 3 + 1 + 0) / 4);
    expect(&r, "b_precision", (1 + 0.5 + 1 + 0) / 4);
    expect(&r, "b_recall", 0.75);
    eval_result_free(&r);
}
END_TEST

/* Cosines: 1-2 1, 3-4 0.8, 1-3 and 2-3 0.6, 1-4 and 2-4 0. */
static const char texts[] = "{\"id\": 1, \"text\": \"a: 1 0 0\", \"label\": \"x\"}\n"
                            "{\"id\": \"2\", \"text\": \"b: 2 0 0\", \"label\": \"x\"}\n"
                            "{\"id\": 3, \"text\": \"c: 3 4 0\", \"label\": \"x\"}\n"
                            "{\"id\": 4, \"text\": \"d: 0 1 0\", \"label\": \"y\"}\n";

START_TEST(paraphrases_by_hand) {
    write_file("t.jsonl", texts);
    write_file("same.csv", "id1,id2\n1,2\n2,3\n3,2\n9,1\n4,4\n");
    for (int way = 0; way < 3; way++) { /* labels; pairs; pairs and what follows from them */
        witness w = {0};
        senc_value *table = job_table("paraphrase_mining", "t.jsonl");
        if (way > 0) put_path(table, "duplicates", "same.csv");
        if (way == 2) put(table, "transitive", flag_value(true));
        eval_result r = run_good(table, &w);
        ck_assert_str_eq(r.primary, "t_average_precision");
        /* 1 | 0.8 | 0.6 0.6 | 0 0: right are the first and both (1-3 is not a listed pair: one) of the third step */
        expect(&r, "t_average_precision", way == 1 ? (1 + 2.0 / 4) / 2 : (1 + 2 * 3.0 / 4) / 3);
        expect(&r, "t_f1", way == 1 ? 2.0 / 3 : 2 * 0.75 / 1.75);
        expect(&r, "t_recall", way == 1 ? 0.5 : 1);
        expect(&r, "t_threshold", way == 1 ? 0.9 : 0.3);
        /* a and b find each other first; c finds d, then a and b */
        expect(&r, "t_accuracy@1", 2.0 / 3);
        expect(&r, "t_mrr@10", way == 1 ? (1 + 1 + 1.0 / 3) / 3 : (1 + 1 + 0.5) / 3);
        ck_assert_int_eq(r.detail.n_units, 3);
        if (way > 0) ck_assert(has_text(r.counts, r.n_counts, "left out: 2"));
        eval_result_free(&r);
    }
}
END_TEST

START_TEST(paraphrases_within_limits) {
    write_file("t.jsonl", texts);
    witness w = {0};
    senc_value *table = job_table("paraphrase_mining", "t.jsonl");
    put(table, "max_pairs", integer_value(2)); /* 1-2, 3-4 */
    eval_result r = run_good(table, &w);
    expect(&r, "t_average_precision", 1.0 / 3);
    ck_assert(has_text(r.counts, r.n_counts, "candidate pairs: 2"));
    eval_result_free(&r);
    table = job_table("paraphrase_mining", "t.jsonl");
    put(table, "top_k", integer_value(1)); /* the same: everyone's nearest */
    r = run_good(table, &w);
    expect(&r, "t_average_precision", 1.0 / 3);
    eval_result_free(&r);
}
END_TEST

START_TEST(clusters_by_hand) {
    write_file("c.csv", "text,label\na: 1 0 0,9\nb: 1 0.1 0,9\nc: 0 0 5,10\nd: 0 0.1 5,10\ne: 0 0 5.1,9\n");
    witness w = {0};
    eval_result r = run_good(job_table("clustering", "c.csv"), &w);
    ck_assert_str_eq(r.primary, "c_v_measure");
    /* clusters ab | cde with labels 99 | 10 10 9 */
    const double of_labels = -(0.6 * log(0.6) + 0.4 * log(0.4));
    const double rest = -0.6 * (2.0 / 3 * log(2.0 / 3) + 1.0 / 3 * log(1.0 / 3));
    const double h = 1 - rest / of_labels; /* two of two and three of five: the entropies of both are the same */
    expect(&r, "c_homogeneity", h);
    expect(&r, "c_completeness", h);
    expect(&r, "c_v_measure", h);
    expect(&r, "c_purity", 0.8);
    eval_result_free(&r);
    senc_value *table = job_table("clustering", "c.csv");
    put(table, "clusters", integer_value(1));
    r = run_good(table, &w);
    expect(&r, "c_homogeneity", 0);
    expect(&r, "c_completeness", 1);
    expect(&r, "c_v_measure", 0);
    expect(&r, "c_purity", 0.6);
    eval_result_free(&r);
}
END_TEST

static const char train[] = "text,label\na: 1 0 0,no\nb: 2 0.1 0,no\nc: 0 1 0,yes\nd: 0.1 2 0,yes\n";

START_TEST(classification_by_hand) {
    write_file("train.csv", train);
    /* the third is misplaced */
    write_file("test.csv", "text,label\nx: 1 0 0,no\ny: 0 1 0,yes\nz: 0.2 1 0,no\n");
    for (int method = 0; method < 2; method++) {
        witness w = {0};
        senc_value *table = job_table("classification", "test.csv");
        put_path(table, "train", "train.csv");
        put(table, "method", text_value(method == 0 ? "logistic" : "neighbours"));
        put(table, "neighbours", integer_value(3));
        eval_result r = run_good(table, &w);
        ck_assert_str_eq(r.primary, "test_accuracy");
        expect(&r, "test_accuracy", 2.0 / 3);
        expect(&r, "test_f1_macro", 2.0 / 3);
        expect(&r, "test_f1_weighted", 2.0 / 3);
        expect(&r, "test_ap", method == 0 ? 1 : 0.5); /* "y" is surer than "z"; by votes both are */
        ck_assert(has_text(r.rules, r.n_rules, "\"yes\""));
        ck_assert_str_eq(r.detail.units[2].found[0].id, "yes");
        ck_assert_str_eq(r.detail.units[2].other, "no");
        eval_result_free(&r);
    }
}
END_TEST

START_TEST(classification_of_unknown_labels) {
    write_file("train.csv", train);
    write_file("test.csv", "text,label\nx: 1 0 0,no\ny: 0 1 0,maybe\n");
    witness w = {0};
    senc_value *table = job_table("classification", "test.csv");
    put_path(table, "train", "train.csv");
    eval_result r = run_good(table, &w);
    expect(&r, "test_accuracy", 0.5);
    expect(&r, "test_f1_macro", 1.0 / 3); /* of no 1, of maybe and yes 0 */
    ck_assert(has_text(r.counts, r.n_counts, "lacks: 1"));
    ck_assert_ptr_null(eval_result_find(&r, "test_ap"));
    eval_result_free(&r);
}
END_TEST

START_TEST(labels_that_are_numbers_are_ordered_as_numbers) {
    write_file("train.csv", "text,label\na: 1 0 0,10\nb: 1 0 0,9\n");
    write_file("test.csv", "text,label\nx: 1 0 0,9\n");
    witness w = {0};
    senc_value *table = job_table("classification", "test.csv");
    put_path(table, "train", "train.csv");
    put(table, "method", text_value("neighbours"));
    eval_result r = run_good(table, &w);
    expect(&r, "test_accuracy", 1); /* one vote each: the smaller number wins */
    eval_result_free(&r);
}
END_TEST

START_TEST(sts_and_triplets_keep_details) {
    write_file("s.csv",
               "sentence1,sentence2,score,kind\na: 1 0 0,b: 2 0 0,5,x\nc: 1 0 0,d: 3 4 0,4,y\ne: 0 2 0,f: 4 3 0,2,x\n");
    write_file("t.csv", "anchor,positive,negative\na: 1 0 0,b: 1 0 0,c: 0 1 0\na: 1 0 0,b: 0 1 0,c: 1 1 0\n");
    witness w = {0};
    senc_value *table = job_table("sts", "s.csv");
    put(table, "slice", text_value("kind"));
    eval_result r = run_good(table, &w);
    ck_assert_int_eq(r.detail.n_series, 8);
    ck_assert_str_eq(r.detail.units[1].slice, "y");
    ck_assert(r.detail.gold[2] == 2);
    eval_result_free(&r);
    r = run_good(job_table("triplet", "t.csv"), &w);
    ck_assert_int_eq(r.detail.n_series, 4);
    ck_assert_int_eq(r.detail.units[0].rank, 1);
    ck_assert_int_eq(r.detail.units[1].rank, 2);
    ck_assert_str_eq(r.detail.units[1].found[0].id, "negative");
    ck_assert_int_eq(r.detail.n_positives + r.detail.n_negatives, 4);
    eval_result_free(&r);
}
END_TEST

static void expect_error_of(const char *type, const char *text, const char *part) {
    write_file("x.jsonl", text);
    senc_value *table = job_table(type, "x.jsonl");
    if (strcmp(type, "classification") == 0) put_path(table, "train", "x.jsonl");
    expect_error(table, part);
}

START_TEST(bad_input) {
    const char *pair = "{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": 1}\n";
    char text[512];
    expect_error_of("pair_classification", pair, "expected pairs of both labels, 0 and 1, found 1 of label 1");
    snprintf(text, sizeof text, "%s{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": 2}\n", pair);
    expect_error_of("pair_classification", text,
                    "x.jsonl:2: field \"label\" expected 0 or 1, found 2; label_map says what other numbers mean");
    expect_error_of("pair_classification", "{\"text1\": \"a\", \"text2\": \"b\", \"label\": 1}\n",
                    "say which is which");
    expect_error_of("reranking", "{\"query\": \"a\", \"positive\": [\"b\"], \"documents\": []}\n",
                    "x.jsonl:1: expected other documents");
    expect_error_of("reranking", "{\"query\": \"a\", \"positive\": [\"b\"]}\n", "x.jsonl:1: expected other documents");
    expect_error_of("reranking", "{\"query\": \"a\", \"positive\": [], \"negative\": [\"b\"]}\n",
                    "\"positive\" is missing");
    expect_error_of("reranking", "{\"query\": \"a\", \"positive\": [\"b\"], \"documents\": [\"b\"]}\n", "no row has");
    expect_error_of("bitext_mining", "{\"sentence1\": \"a\", \"sentence2\": \"b\"}\n", "at least 2 rows");
    expect_error_of("clustering", "{\"text\": \"a\", \"label\": \"b\"}\n", "at least 2 labels, found 1");
    expect_error_of("classification", "{\"text\": \"a\", \"label\": \"b\"}\n", "found 1 (\"b\")");
    expect_error_of("paraphrase_mining", "{\"text\": \"a\", \"label\": \"b\"}\n", "share a label");
    expect_error_of("paraphrase_mining", "{\"text\": \"a\", \"id\": \"b\"}\n", "\"label\"");
    write_file("x.jsonl", "{\"text\": \"a\", \"id\": 1}\n{\"text\": \"a\", \"id\": \"1\"}\n");
    write_file("y.csv", "id1,id2\n1,2\n");
    senc_value *table = job_table("paraphrase_mining", "x.jsonl");
    put_path(table, "duplicates", "y.csv");
    expect_error(table, "x.jsonl:2: field \"id\": \"1\" stands twice");
    write_file("x.jsonl", "{\"text\": \"a\", \"id\": 1}\n{\"text\": \"a\", \"id\": 3}\n");
    table = job_table("paraphrase_mining", "x.jsonl");
    put_path(table, "duplicates", "y.csv");
    expect_error(table, "expected pairs of ids of two texts");
    write_file("p.csv", pairs);
    table = job_table("pair_classification", "p.csv");
    put(table, "slice", text_value("kinds"));
    expect_error(table, "did you mean \"kind\"?");
    write_file("p.jsonl", "{\"sentence1\": \"a\", \"sentence2\": \"b\", \"score\": 1}\n");
    table = job_table("sts", "p.jsonl");
    put(table, "slice", text_value("kinds"));
    expect_error(table, "slice: no row has a field \"kinds\"");
    write_file("c.csv", "text,label\na,1\nb,2\n");
    table = job_table("clustering", "c.csv");
    put(table, "clusters", integer_value(3));
    expect_error(table, "at least as many texts as clusters (3), found 2");
    table = job_table("bitext_mining", "p.csv");
    put(table, "similarity", text_value("cosin"));
    expect_error(table, "did you mean \"cosine\"?");
}
END_TEST

/* Every allocation fails once; nothing leaks or crashes, and the job works afterwards. */
START_TEST(without_memory) {
    static const struct {
        const char *type, *file, *text;
    } jobs[] = {
        {"pair_classification", "p.csv", pairs},
        {"reranking", "r.jsonl", lists},
        {"bitext_mining", "p.csv", pairs},
        {"paraphrase_mining", "t.jsonl", texts},
        {"clustering", "c.csv", train},
        {"classification", "c.csv", train},
        {"sts", "p.csv", pairs},
    };
    write_file(jobs[_i].file, jobs[_i].text);
    senc_value *table = job_table(jobs[_i].type, jobs[_i].file);
    if (strcmp(jobs[_i].type, "classification") == 0) put_path(table, "train", jobs[_i].file);
    if (strcmp(jobs[_i].type, "sts") == 0) {
        senc_value *columns = senc_value_create(SENC_VALUE_TABLE, (senc_place){0});
        put(columns, "score", text_value("label"));
        put(table, "columns", columns);
    }
    witness w = {0};
    const eval_embedder embedder = embedder_of(&w);
    bool ok = false;
    for (int64_t n = 1; !ok && n < 5000; n++) {
        senc_error err = {0};
        eval_job job;
        eval_result r = {0};
        senc_alloc_fail_at(n);
        ok = eval_job_open(&job, table, "eval", &err) && eval_job_run(&job, &embedder, &r, &err);
        senc_alloc_fail_at(0);
        ck_assert(ok || err.kind != SENC_OK);
        if (ok) check_detail(&r);
        eval_result_free(&r);
        eval_job_close(&job);
    }
    ck_assert(ok);
    senc_value_free(table);
}
END_TEST

int main(void) {
    Suite *s = suite_create("label_evaluators");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_loop_test(t, pairs_by_hand, 0, 2);
    tcase_add_test(t, pairs_by_distance_and_without_header);
    tcase_add_test(t, reranking_by_hand);
    tcase_add_test(t, bitext_by_hand);
    tcase_add_test(t, paraphrases_by_hand);
    tcase_add_test(t, paraphrases_within_limits);
    tcase_add_test(t, clusters_by_hand);
    tcase_add_test(t, classification_by_hand);
    tcase_add_test(t, classification_of_unknown_labels);
    tcase_add_test(t, labels_that_are_numbers_are_ordered_as_numbers);
    tcase_add_test(t, sts_and_triplets_keep_details);
    tcase_add_test(t, bad_input);
    tcase_add_loop_test(t, without_memory, 0, 7);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
