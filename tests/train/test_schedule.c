/* Learning rates at single steps, against hand values of the Hugging Face trainer's get_linear_schedule_with_warmup,
 * get_cosine_schedule_with_warmup and get_constant_schedule_with_warmup. */
#include "train/schedule.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#define N_STEPS 10

START_TEST(warmup_steps) {
    static const struct {
        double warmup;
        int64_t n_steps, want;
    } cases[] = {
        {0, 100, 0},                      /* none */
        {0.1, 100, 10},                   /* a share */
        {0.1, 101, 11},                   /* rounded up, as TrainingArguments.get_warmup_steps does */
        {0.5, 1, 0},                      /* one step has no room for warm-up: its rate would be 0 */
        {0.999, 10, 9},  {1, 100, 1},     /* a share leaves a step behind it; 1 is a step, not a share */
        {7, 100, 7},     {250, 100, 250}, /* longer than the run: it ends during warm-up */
        {1e-9, 1000, 1}, {2.6, 100, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(train_warmup_steps(cases[i].warmup, cases[i].n_steps) == cases[i].want,
                      "warmup %g of %lld: got %lld, want %lld", cases[i].warmup, (long long)cases[i].n_steps,
                      (long long)train_warmup_steps(cases[i].warmup, cases[i].n_steps), (long long)cases[i].want);
}
END_TEST

static void check_factors(train_schedule schedule, int64_t warmup, int64_t n_steps, const double *want, int64_t n) {
    for (int64_t k = 0; k < n; k++) {
        const double got = train_schedule_factor(schedule, k, warmup, n_steps);
        ck_assert_msg(fabs(got - want[k]) <= 1e-12,
                      "schedule %d, step %lld of %lld, %lld warm-up: got %.15g, want %.15g", (int)schedule,
                      (long long)k, (long long)n_steps, (long long)warmup, got, want[k]);
    }
}

START_TEST(linear) {
    static const double warmed[] = {0, 0.5, 1, 7. / 8, 6. / 8, 5. / 8, 4. / 8, 3. / 8, 2. / 8, 1. / 8, 0};
    static const double cold[] = {1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0};
    static const double all[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
    check_factors(TRAIN_SCHEDULE_LINEAR, 2, N_STEPS, warmed, 11);
    check_factors(TRAIN_SCHEDULE_LINEAR, 0, N_STEPS, cold, 11);
    check_factors(TRAIN_SCHEDULE_LINEAR, 10, N_STEPS, all, 10);
    /* behind the end it stays 0, as max(0, ...) there */
    ck_assert_double_eq(train_schedule_factor(TRAIN_SCHEDULE_LINEAR, 15, 2, N_STEPS), 0);
    /* warm-up longer than the run */
    ck_assert_double_eq(train_schedule_factor(TRAIN_SCHEDULE_LINEAR, 9, 20, N_STEPS), 9.0 / 20);
}
END_TEST

START_TEST(cosine) {
    /* (1 + cos(pi x)) / 2 at eighths: cos(pi/8) = sqrt(2 + sqrt 2) / 2, cos(pi/4) = sqrt(2) / 2, cos(3 pi/8) = sqrt(2 -
     * sqrt 2) / 2 */
    const double a = sqrt(2 + sqrt(2)) / 2, b = sqrt(2) / 2, c = sqrt(2 - sqrt(2)) / 2;
    const double warmed[] = {0,           0.5,         1, (1 + a) / 2, (1 + b) / 2, (1 + c) / 2, 0.5, (1 - c) / 2,
                             (1 - b) / 2, (1 - a) / 2, 0};
    check_factors(TRAIN_SCHEDULE_COSINE, 2, N_STEPS, warmed, 11);
    ck_assert_double_eq_tol(train_schedule_factor(TRAIN_SCHEDULE_COSINE, 0, 0, 4), 1, 1e-12);
    ck_assert_double_eq_tol(train_schedule_factor(TRAIN_SCHEDULE_COSINE, 2, 0, 4), 0.5, 1e-12);
    ck_assert_double_eq_tol(train_schedule_factor(TRAIN_SCHEDULE_COSINE, 3, 0, 4), (1 - b) / 2, 1e-12);
}
END_TEST

START_TEST(constant) {
    static const double warmed[] = {0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1};
    check_factors(TRAIN_SCHEDULE_CONSTANT, 4, N_STEPS, warmed, 11);
    ck_assert_double_eq(train_schedule_factor(TRAIN_SCHEDULE_CONSTANT, 0, 0, 1), 1);
}
END_TEST

/* One step: full rate without warm-up, rate 0 when that step is the warm-up (as in the Hugging Face trainer). Never
 * NaN. */
START_TEST(one_step) {
    for (int schedule = TRAIN_SCHEDULE_LINEAR; schedule <= TRAIN_SCHEDULE_CONSTANT; schedule++) {
        ck_assert_double_eq_tol(train_schedule_factor((train_schedule)schedule, 0, 0, 1), 1, 1e-12);
        ck_assert_double_eq_tol(train_schedule_factor((train_schedule)schedule, 0, 1, 1), 0, 1e-12);
        /* all steps are warm-up: the step behind them still has a rate in [0, 1] */
        const double behind = train_schedule_factor((train_schedule)schedule, 5, 5, 5);
        ck_assert_msg(behind >= 0 && behind <= 1, "schedule %d: %g", schedule, behind);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("schedule");
    TCase *tests = tcase_create("schedule");
    tcase_add_test(tests, warmup_steps);
    tcase_add_test(tests, linear);
    tcase_add_test(tests, cosine);
    tcase_add_test(tests, constant);
    tcase_add_test(tests, one_step);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
