/* Tests of eval/report.h: the tables and the JSON as they must come out. */
#include "eval/report.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void fill_retrieval(eval_result *r, double shift) {
    senc_error err = {0};
    *r = (eval_result){.type = "retrieval", .greater_is_better = true};
    r->name = strdup("faq");
    r->primary = strdup("faq_cosine_ndcg@10");
    eval_result_add(r, 0.25 + shift, &err, "faq_cosine_recall@1");
    eval_result_add(r, 0.5 + shift, &err, "faq_cosine_recall@10");
    eval_result_add(r, 0.40625 + shift, &err, "faq_cosine_ndcg@10");
    eval_result_add_rule(r, &err, "ties: equal scores are ordered by corpus id");
    eval_result_add_count(r, &err, "queries: 40");
    ck_assert_int_eq(err.kind, SENC_OK);
}

static void fill_sts(eval_result *r, double shift) {
    senc_error err = {0};
    *r = (eval_result){.type = "sts", .greater_is_better = true};
    r->name = strdup("pairs");
    r->primary = strdup("pairs_spearman_cosine");
    eval_result_add(r, 0.75 + shift, &err, "pairs_pearson_cosine");
    eval_result_add(r, 0.5 - shift, &err, "pairs_spearman_cosine");
    eval_result_add(r, 0.625, &err, "pairs_pearson_dot");
    eval_result_add(r, -0.125, &err, "pairs_spearman_dot");
    ck_assert_int_eq(err.kind, SENC_OK);
}

START_TEST(test_print) {
    eval_result results[2];
    fill_retrieval(&results[0], 0);
    fill_sts(&results[1], 0);
    senc_buffer out = {0};
    eval_report_print(results, 2, &out);
    ck_assert_str_eq(senc_buffer_text(&out), "faq (retrieval)\n"
                                             "  faq_cosine_ndcg@10 0.4062\n"
                                             "\n"
                                             "                     @1     @10\n"
                                             "  cosine_recall  0.2500  0.5000\n"
                                             "  cosine_ndcg         -  0.4062\n"
                                             "\n"
                                             "  queries: 40\n"
                                             "  ties: equal scores are ordered by corpus id\n"
                                             "\n"
                                             "pairs (sts)\n"
                                             "  pairs_spearman_cosine 0.5000\n"
                                             "\n"
                                             "            cosine      dot\n"
                                             "  pearson   0.7500   0.6250\n"
                                             "  spearman  0.5000  -0.1250\n");
    senc_buffer_free(&out);
    for (int i = 0; i < 2; i++) eval_result_free(&results[i]);
}
END_TEST

START_TEST(test_markdown) {
    eval_result result;
    fill_retrieval(&result, 0);
    senc_buffer out = {0};
    eval_report_print_markdown(&result, 1, &out);
    ck_assert_str_eq(senc_buffer_text(&out), "### faq (retrieval)\n"
                                             "\n"
                                             "faq_cosine_ndcg@10 0.4062\n"
                                             "\n"
                                             "|  | @1 | @10 |\n"
                                             "|---|--:|--:|\n"
                                             "| cosine_recall | 0.2500 | 0.5000 |\n"
                                             "| cosine_ndcg | - | 0.4062 |\n"
                                             "\n"
                                             "- queries: 40\n"
                                             "- ties: equal scores are ordered by corpus id\n");
    senc_buffer_free(&out);
    eval_result_free(&result);
}
END_TEST

START_TEST(test_change) {
    eval_result before[2], after[2];
    senc_error err = {0};
    fill_retrieval(&before[0], 0);
    fill_retrieval(&after[0], 0.125);
    fill_sts(&before[1], 0);
    fill_sts(&after[1], 0.0625);
    eval_result_add(&after[1], 1, &err, "pairs_new");
    senc_buffer out = {0};
    eval_report_print_change(before, after, 2, NULL, false, &out);
    ck_assert_str_eq(senc_buffer_text(&out), "  metric                 before   after   change\n"
                                             "  faq_cosine_ndcg@10     0.4062  0.5312  +0.1250\n"
                                             "  faq_cosine_recall@10   0.5000  0.6250  +0.1250\n"
                                             "  pairs_spearman_cosine  0.5000  0.4375  -0.0625\n");
    senc_buffer_clear(&out);
    eval_report_print_change_markdown(&before[1], &after[1], 1, NULL, true, &out);
    ck_assert_str_eq(senc_buffer_text(&out), "| metric | before | after | change |\n"
                                             "|---|--:|--:|--:|\n"
                                             "| pairs_spearman_cosine | 0.5000 | 0.4375 | -0.0625 |\n"
                                             "| pairs_pearson_cosine | 0.7500 | 0.8125 | +0.0625 |\n"
                                             "| pairs_pearson_dot | 0.6250 | 0.6250 | +0.0000 |\n"
                                             "| pairs_spearman_dot | -0.1250 | -0.1250 | +0.0000 |\n"
                                             "| pairs_new | - | 1.0000 | - |\n");
    senc_buffer_free(&out);
    for (int i = 0; i < 2; i++) {
        eval_result_free(&before[i]);
        eval_result_free(&after[i]);
    }
}
END_TEST

/* A column for what needs no model: it belongs to the rows by the data's name and the measure, whatever its function.
 */
START_TEST(test_change_with_a_baseline) {
    eval_result before[2], after[2], words = {.name = strdup("faq")};
    senc_error err = {0};
    fill_sts(&before[0], 0);
    fill_sts(&after[0], 0);
    fill_retrieval(&before[1], 0);
    fill_retrieval(&after[1], 0.125);
    ck_assert(eval_result_add(&words, 0.9, &err, "faq_bm25_recall@10"));
    ck_assert(eval_result_add(&words, 0.75, &err, "faq_bm25_ndcg@10"));
    const eval_report_baseline bm25 = {"bm25", &words, 1}, none = {"bm25", NULL, 0};
    senc_buffer out = {0};
    eval_report_print_change(before, after, 2, &bm25, false, &out);
    ck_assert_str_eq(senc_buffer_text(&out), "  metric                 before   after   change    bm25\n"
                                             "  pairs_spearman_cosine  0.5000  0.5000  +0.0000       -\n"
                                             "  faq_cosine_ndcg@10     0.4062  0.5312  +0.1250  0.7500\n"
                                             "  faq_cosine_recall@10   0.5000  0.6250  +0.1250  0.9000\n");
    senc_buffer_clear(&out);
    eval_report_print_change(before, after, 1, &none, false, &out);
    ck_assert_ptr_null(strstr(senc_buffer_text(&out), "bm25"));
    senc_buffer_free(&out);
    eval_result_free(&words);
    for (int i = 0; i < 2; i++) {
        eval_result_free(&before[i]);
        eval_result_free(&after[i]);
    }
}
END_TEST

START_TEST(test_json) {
    eval_result result;
    fill_retrieval(&result, 0);
    data_json *object = data_json_create_object();
    senc_buffer out = {0};
    eval_report_put_json(&result, 1, object);
    ck_assert(data_json_dump(object, 0, &out));
    ck_assert_str_eq(
        senc_buffer_text(&out),
        "{\"metrics\": {\"faq_cosine_recall@1\": 0.25, \"faq_cosine_recall@10\": 0.5, \"faq_cosine_ndcg@10\": "
        "0.40625}, "
        "\"rules\": {\"faq\": [\"ties: equal scores are ordered by corpus id\"]}, \"counts\": {\"faq\": [\"queries: "
        "40\"]}, "
        "\"results\": [{\"name\": \"faq\", \"type\": \"retrieval\", \"primary\": \"faq_cosine_ndcg@10\", "
        "\"greater_is_better\": true, \"metrics\": {\"faq_cosine_recall@1\": 0.25, \"faq_cosine_recall@10\": 0.5, "
        "\"faq_cosine_ndcg@10\": 0.40625}}]}");
    data_json_free(object);
    senc_buffer_free(&out);
    eval_result_free(&result);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("report");
    TCase *tests = tcase_create("report");
    tcase_add_test(tests, test_print);
    tcase_add_test(tests, test_markdown);
    tcase_add_test(tests, test_change);
    tcase_add_test(tests, test_change_with_a_baseline);
    tcase_add_test(tests, test_json);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
