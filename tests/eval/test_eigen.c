/* Eigenvectors: a matrix that can be done by hand, and residuals of larger ones. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/rng.h"
#include "eval/solvers/eigen.h"

/* (2 1; 1 2): 3 for (1, 1), 1 for (1, -1). */
START_TEST(by_hand) {
    double a[4] = {2, 1, 1, 2}, values[2];
    senc_error err = {0};
    ck_assert(eval_eigen_symmetric(a, 2, values, &err));
    const double h = sqrt(0.5);
    ck_assert_double_eq_tol(values[0], 3, 1e-14);
    ck_assert_double_eq_tol(values[1], 1, 1e-14);
    ck_assert_double_eq_tol(a[0], h, 1e-14);
    ck_assert_double_eq_tol(a[1], h, 1e-14);
    ck_assert_double_eq_tol(fabs(a[2] - a[3]), 2 * h, 1e-14);
}
END_TEST

/* A v = value v, vectors at right angles and of length 1, values falling; rank deficient where `rank` says so. */
static void check_random(int n, int rank) {
    double *a = calloc((size_t)(n * n), sizeof *a), *b = malloc((size_t)(n * n) * sizeof *b);
    double *values = malloc((size_t)n * sizeof *values), *x = malloc((size_t)n * sizeof *x);
    senc_rng rng;
    senc_rng_init(&rng, (uint64_t)(n + rank));
    for (int r = 0; r < rank; r++) {
        for (int i = 0; i < n; i++) x[i] = senc_rng_normal(&rng);
        const double weight = r % 3 - 1.25;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) a[i * n + j] += weight * x[i] * x[j];
    }
    memcpy(b, a, (size_t)(n * n) * sizeof *b);
    senc_error err = {0};
    double *c = malloc((size_t)(n * n) * sizeof *c), *alone = malloc((size_t)n * sizeof *alone);
    memcpy(c, a, (size_t)(n * n) * sizeof *c);
    ck_assert_msg(eval_eigen_symmetric(a, n, values, &err), "%s", err.text);
    ck_assert_msg(eval_eigenvalues(c, n, alone, &err), "%s", err.text);
    double scale = 1;
    for (int i = 0; i < n; i++) scale = fmax(scale, fabs(values[i]));
    for (int i = 0; i < n; i++) {
        ck_assert(i == 0 || values[i] <= values[i - 1]);
        ck_assert_double_eq_tol(alone[i], values[i], 1e-13 * scale);
        for (int r = 0; r < n; r++) {
            double sum = 0, product = 0;
            for (int k = 0; k < n; k++) {
                sum += b[r * n + k] * a[i * n + k];
                product += a[i * n + k] * a[r * n + k];
            }
            ck_assert_double_eq_tol(sum, values[i] * a[i * n + r], 1e-13 * scale);
            ck_assert_double_eq_tol(product, i == r, 1e-13);
        }
    }
    free(a);
    free(b);
    free(c);
    free(alone);
    free(values);
    free(x);
}

START_TEST(residuals) {
    for (int n = 1; n <= 12; n++) {
        check_random(n, n);
        check_random(n, 0);
        check_random(n, (n + 1) / 2);
    }
    check_random(100, 100);
    check_random(100, 10);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eigen");
    TCase *c = tcase_create("eigen");
    tcase_add_test(c, by_hand);
    tcase_add_test(c, residuals);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
