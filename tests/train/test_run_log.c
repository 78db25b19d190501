/* Tests of train/run_log.h: what a chart shows of a log, also of a long one and of one that a kill cut off. */
#include "train/run_log.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/file.h"

static char path[] = "run_log.XXXXXX";

static void setup(void) {
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
}

static void teardown(void) {
    unlink(path);
}

static void write_log(const char *text) {
    senc_error err = {0};
    ck_assert_msg(senc_file_write(path, text, strlen(text), &err), "%s", err.text);
}

START_TEST(test_curves) {
    train_log log;
    senc_error err = {0};
    write_log("{\"step\": 0, \"metrics\": {\"a_ndcg@10\": 0.25, \"b\": 1}}\n"
              "{\"step\": 10, \"loss\": 2.5, \"learning_rate\": 0.001}\n"
              "{\"step\": 20, \"loss\": null, \"learning_rate\": 0.0005}\n"
              "{\"step\": 20, \"metrics\": {\"a_ndcg@10\": 0.5}}\n"
              "{\"step\": 30, \"metrics\": {\"a_ndcg@10\": null}}\n"
              "{\"step\": 40, \"lo");
    ck_assert_msg(train_log_read(path, "a_ndcg@10", &log, &err), "%s", err.text);
    ck_assert_int_eq(log.loss.n, 1);
    ck_assert_double_eq(log.loss.values[0], 2.5);
    ck_assert_int_eq(log.learning_rate.n, 2);
    ck_assert_int_eq(log.metric.n, 2);
    ck_assert_double_eq(log.metric.steps[0], 0);
    ck_assert_double_eq(log.metric.values[1], 0.5);
    train_log_free(&log);
    write_log("");
    ck_assert_msg(train_log_read(path, "", &log, &err), "%s", err.text);
    ck_assert_int_eq(log.loss.n + log.metric.n, 0);
    train_log_free(&log);
}
END_TEST

/* Steps 1 to 1000 with a loss that is the step: the mean of every five, at the last of them. */
START_TEST(test_long) {
    train_log log;
    senc_error err = {0};
    FILE *f = fopen(path, "w");
    for (int i = 1; i <= 1000; i++) fprintf(f, "{\"step\": %d, \"loss\": %d, \"learning_rate\": 1}\n", i, i);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_msg(train_log_read(path, "", &log, &err), "%s", err.text);
    ck_assert_int_eq(log.loss.n, TRAIN_LOG_POINTS);
    ck_assert_double_eq(log.loss.values[0], 3);
    ck_assert_double_eq(log.loss.steps[0], 5);
    ck_assert_double_eq(log.loss.values[TRAIN_LOG_POINTS - 1], 998);
    train_log_free(&log);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("run_log");
    TCase *tests = tcase_create("run_log");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_curves);
    tcase_add_test(tests, test_long);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
