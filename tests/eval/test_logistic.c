/* Logistic regression: the optimum's condition, the same on any number of threads; L-BFGS on functions whose minimum is
 * known. Its weights against scikit-learn's: test_eval_reference.c. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "eval/solvers/lbfgs.h"
#include "eval/solvers/logistic.h"

/* sum (i + 1)^3 (x_i - i)^2 / 2 + (x_0 - 1)^4: minimum 1 at x_i = i but for x_0 */
static double bowl(void *context, const double *x, double *gradient) {
    const int64_t n = *(int64_t *)context;
    double value = 0;
    for (int64_t i = 0; i < n; i++) {
        const double weight = pow((double)i + 1, 3), away = x[i] - (double)i;
        value += weight * away * away / 2;
        gradient[i] = weight * away;
    }
    gradient[0] += 4 * pow(x[0] - 1, 3);
    return value + pow(x[0] - 1, 4);
}

START_TEST(lbfgs_finds_the_minimum) {
    int64_t n = 20;
    double x[20] = {0};
    const eval_lbfgs_options options = {.max_iterations = 500, .tolerance = 1e-10};
    eval_lbfgs_outcome outcome;
    senc_error err = {0};
    for (int i = 0; i < 20; i++) x[i] = 100 - 7 * i;
    ck_assert(eval_lbfgs_minimize(&options, bowl, &n, n, x, &outcome, &err));
    ck_assert(outcome.converged && outcome.largest_gradient <= 1e-10);
    for (int i = 1; i < 20; i++) ck_assert_msg(fabs(x[i] - i) < 1e-10, "%d: %g", i, x[i]);
    ck_assert(fabs(x[0] + 4 * pow(x[0] - 1, 3)) < 1e-10);
    const eval_lbfgs_options few = {.max_iterations = 2, .tolerance = 1e-10};
    memset(x, 0, sizeof x);
    ck_assert(eval_lbfgs_minimize(&few, bowl, &n, n, x, &outcome, &err));
    ck_assert(!outcome.converged && outcome.n_iterations == 2);
}
END_TEST

/* One number, two classes, symmetric: the intercept is 0 and the weight solves w = C sum |x| / (1 + exp(w |x|)). */
START_TEST(two_points) {
    const float x[] = {-1, 1};
    const int64_t classes[] = {0, 1};
    const eval_logistic_options options = {.c = 3, .max_iterations = 100, .tolerance = 1e-12};
    eval_logistic m;
    senc_error err = {0};
    ck_assert(eval_logistic_fit(&options, x, classes, 2, 1, 2, &m, &err));
    ck_assert_int_eq(m.n_rows, 1);
    ck_assert(m.converged && fabs(m.intercepts[0]) < 1e-10);
    ck_assert(fabs(m.weights[0] - 3 * 2 / (1 + exp(m.weights[0]))) < 1e-10);
    int64_t predicted[2];
    double odds[2];
    ck_assert(eval_logistic_predict(&m, x, 2, predicted, odds, &err));
    ck_assert(predicted[0] == 0 && predicted[1] == 1 && fabs(odds[0] + m.weights[0]) < 1e-9);
    eval_logistic_free(&m);
}
END_TEST

START_TEST(does_not_depend_on_threads) {
    enum { N = 1500, WIDTH = 9, K = 5 };
    static float x[N * WIDTH];
    static int64_t classes[N];
    senc_rng rng;
    senc_rng_init(&rng, 4);
    for (int i = 0; i < N; i++) {
        classes[i] = i % K;
        for (int c = 0; c < WIDTH; c++) x[i * WIDTH + c] = (float)(senc_rng_normal(&rng) + (c == i % K));
    }
    const eval_logistic_options options = {.c = 1, .max_iterations = 100, .tolerance = 1e-8};
    eval_logistic one, four;
    senc_error err = {0};
    ck_assert(eval_logistic_fit(&options, x, classes, N, WIDTH, K, &one, &err));
    ck_assert(senc_threads_init(4, &err));
    ck_assert(eval_logistic_fit(&options, x, classes, N, WIDTH, K, &four, &err));
    ck_assert(one.converged);
    ck_assert(memcmp(one.weights, four.weights, sizeof(double) * K * WIDTH) == 0);
    eval_logistic_free(&one);
    eval_logistic_free(&four);
    senc_threads_free();
}
END_TEST

int main(void) {
    Suite *s = suite_create("logistic");
    TCase *t = tcase_create("all");
    tcase_add_test(t, lbfgs_finds_the_minimum);
    tcase_add_test(t, two_points);
    tcase_add_test(t, does_not_depend_on_threads);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
