/* Metrics of one ranked list. */
#include <check.h>
#include <math.h>

#include "eval/metrics/ranking.h"

static void near(double got, double want) {
    ck_assert_msg(fabs(got - want) <= 1e-12, "got %.15g, want %.15g", got, want);
}

START_TEST(by_hand) {
    /* irrelevant, grade 2, irrelevant, grade 1; a third relevant document of grade 3 is not found */
    const double grades[] = {0, 2, 0, 1}, relevant[] = {3, 2, 1};
    const eval_ranking r = {grades, 4, relevant, 3};
    near(eval_accuracy_at(&r, 1), 0);
    near(eval_accuracy_at(&r, 2), 1);
    near(eval_precision_at(&r, 4), 0.5);
    near(eval_recall_at(&r, 4), 2.0 / 3);
    near(eval_reciprocal_rank_at(&r, 1), 0);
    near(eval_reciprocal_rank_at(&r, 4), 0.5);
    near(eval_average_precision_at(&r, 2, EVAL_AP_MIN), 0.5 / 2);
    near(eval_average_precision_at(&r, 2, EVAL_AP_RELEVANT), 0.5 / 3);
    near(eval_average_precision_at(&r, 4, EVAL_AP_MIN), (0.5 + 0.5) / 3);
    near(eval_ndcg_at(&r, 2, EVAL_GAIN_BINARY), (1 / log2(3)) / (1 + 1 / log2(3)));
    near(eval_ndcg_at(&r, 2, EVAL_GAIN_LINEAR), (2 / log2(3)) / (3 + 2 / log2(3)));
    near(eval_ndcg_at(&r, 2, EVAL_GAIN_EXPONENTIAL), (3 / log2(3)) / (7 + 3 / log2(3)));
}
END_TEST

/* sentence-transformers 6.2: InformationRetrievalEvaluator.compute_metrics of one query over 20 documents d00 .. d19,
 * the first ten found in this order with these grades, and two more relevant documents (grades 2 and 1) that are not
 * found; for the graded gains sklearn.metrics.ndcg_score with true relevance grade (linear) or 2^grade - 1
 * (exponential). */
START_TEST(equals_sentence_transformers_and_sklearn) {
    const double grades[] = {0, 2, 0, 1, 0, 0, 3, 0, 0, 1}, relevant[] = {3, 2, 2, 1, 1, 1};
    const eval_ranking r = {grades, 10, relevant, 6};
    near(eval_accuracy_at(&r, 1), 0);
    near(eval_accuracy_at(&r, 3), 1);
    near(eval_precision_at(&r, 3), 0.3333333333333333);
    near(eval_precision_at(&r, 10), 0.4);
    near(eval_recall_at(&r, 3), 0.16666666666666666);
    near(eval_recall_at(&r, 10), 0.6666666666666666);
    near(eval_reciprocal_rank_at(&r, 10), 0.5);
    near(eval_ndcg_at(&r, 3, EVAL_GAIN_BINARY), 0.2960819109658652);
    near(eval_ndcg_at(&r, 10, EVAL_GAIN_BINARY), 0.5095838173569847);
    near(eval_average_precision_at(&r, 3, EVAL_AP_MIN), 0.16666666666666666);
    near(eval_average_precision_at(&r, 10, EVAL_AP_MIN), 0.3047619047619048);
    near(eval_average_precision_at(&r, 100, EVAL_AP_MIN), 0.3047619047619048);
    near(eval_ndcg_at(&r, 3, EVAL_GAIN_LINEAR), 0.239812466568);
    near(eval_ndcg_at(&r, 10, EVAL_GAIN_LINEAR), 0.463298327605);
    near(eval_ndcg_at(&r, 3, EVAL_GAIN_EXPONENTIAL), 0.182125242149);
    near(eval_ndcg_at(&r, 10, EVAL_GAIN_EXPONENTIAL), 0.427601516509);
}
END_TEST

START_TEST(a_short_list) {
    /* fewer documents than k: precision still divides by k, nothing is read behind the list */
    const double grades[] = {1, 0}, relevant[] = {1};
    const eval_ranking r = {grades, 2, relevant, 1};
    near(eval_precision_at(&r, 10), 0.1);
    near(eval_recall_at(&r, 10), 1);
    near(eval_ndcg_at(&r, 10, EVAL_GAIN_LINEAR), 1);
    near(eval_average_precision_at(&r, 10, EVAL_AP_MIN), 1);
    const eval_ranking nothing = {grades, 0, relevant, 1};
    near(eval_accuracy_at(&nothing, 5), 0);
    near(eval_recall_at(&nothing, 5), 0);
    near(eval_ndcg_at(&nothing, 5, EVAL_GAIN_BINARY), 0);
}
END_TEST

START_TEST(negative_grades_are_not_relevant) {
    const double grades[] = {-1, 1}, relevant[] = {1};
    const eval_ranking r = {grades, 2, relevant, 1};
    near(eval_accuracy_at(&r, 1), 0);
    near(eval_reciprocal_rank_at(&r, 2), 0.5);
    near(eval_ndcg_at(&r, 2, EVAL_GAIN_LINEAR), 1 / log2(3));
}
END_TEST

int main(void) {
    Suite *s = suite_create("ranking");
    TCase *t = tcase_create("all");
    tcase_add_test(t, by_hand);
    tcase_add_test(t, equals_sentence_transformers_and_sklearn);
    tcase_add_test(t, a_short_list);
    tcase_add_test(t, negative_grades_are_not_relevant);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
