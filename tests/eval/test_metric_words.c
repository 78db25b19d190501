/* Tests of eval/metric_words.h: every metric that an evaluator gives has words, and numbers read as people say them. */
#include "eval/metric_words.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static const struct {
    const char *type, *key, *name, *words;
    bool is_share;
} cases[] = {
    {"retrieval", "faq_cosine_accuracy@1", "accuracy@1", "the first answer is right", true},
    {"retrieval", "faq_bm25_recall@10", "recall@10", "right answers found in the top 10", true},
    {NULL, "faq_cosine_recall@100", "recall@100", "right answers found in the top 100", true},
    {"retrieval", "faq_dot_ndcg@10", "ndcg@10", "order of the top 10 (1: right answers first)", false},
    {"reranking", "faq_map", "map", "order of all right answers (1: all of them first)", false},
    {"triplet", "faq_cosine_accuracy", "accuracy", "the right text is nearer than the wrong one", true},
    {"classification", "faq_accuracy", "accuracy", "texts that get the right label", true},
    {NULL, "faq_cosine_accuracy", "accuracy", "right answers", true},
    {"pair_classification", "faq_cosine_f1_threshold", "f1_threshold",
     "similarity from which a pair counts as the same", false},
    {"pair_classification", "faq_euclidean_ap", "ap", "what matches stands above what does not (1: all of it)", false},
    {"bitext_mining", "faq_src2trg_accuracy", "src2trg_accuracy", "a first-language text finds its translation", true},
    {"sts", "faq_spearman_cosine", "spearman_cosine", "pairs in the order of the known scores (1: exactly)", false},
    {"clustering", "faq_v_measure", "v_measure", "clusters are the labels (1: exactly)", false},
    {"paraphrase_mining", "faq_accuracy@1", "accuracy@1", "the nearest text says the same", true},
};

START_TEST(test_words) {
    eval_metric_words words;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(eval_metric_find_words(cases[i].type, "faq", cases[i].key, &words), "%s", cases[i].key);
        ck_assert_str_eq(words.name, cases[i].name);
        ck_assert_str_eq(words.words, cases[i].words);
        ck_assert_msg(words.is_share == cases[i].is_share, "%s", cases[i].key);
        ck_assert_msg(*words.term && *words.meaning, "%s", cases[i].key);
    }
    ck_assert(!eval_metric_find_words("retrieval", "faq", "faq_cosine_strange", &words));
    ck_assert_str_eq(words.name, "cosine_strange");
    ck_assert_str_eq(words.words, "");
    ck_assert(!eval_metric_find_words("retrieval", "faq", "faq_cosine_heap", &words)); /* does not end with _ap */
}
END_TEST

START_TEST(test_numbers) {
    eval_metric_words share, other;
    char text[200];
    ck_assert(eval_metric_find_words("retrieval", NULL, "cosine_recall@10", &share));
    ck_assert(eval_metric_find_words("sts", NULL, "spearman_cosine", &other));
    ck_assert_str_eq(eval_metric_change_text(&share, 0.75, 0.78, "->", text, sizeof text),
                     "right answers found in the top 10: 75 % -> 78 %");
    ck_assert_str_eq(eval_metric_change_text(&share, 0.9527, 0.9551, "->", text, sizeof text),
                     "right answers found in the top 10: 95.3 % -> 95.5 %");
    ck_assert_str_eq(eval_metric_change_text(&other, 0.82034, 0.85, "->", text, sizeof text),
                     "pairs in the order of the known scores (1: exactly): 0.8203 -> 0.8500");
    ck_assert_str_eq(eval_metric_value_text(&share, 0.9525, text, sizeof text), "95.2 %");
    ck_assert_str_eq(eval_metric_value_text(&share, NAN, text, sizeof text), "-");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("metric_words");
    TCase *tests = tcase_create("metric_words");
    tcase_add_test(tests, test_words);
    tcase_add_test(tests, test_numbers);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
