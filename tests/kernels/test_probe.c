/* The probe of the machine's limits: which kinds there are, that a rate is one, and that it keeps to its time. */
#include "autograd/kernels/cpu/probe.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "autograd/base/cpu.h"
#include "autograd/base/threads.h"
#include "autograd/kernels/kernels.h"

/* No core does 1,000 times what a vector of 16 does in a cycle, none less than an operation in 1,000 cycles. */
static void check_rate(double rate) {
    ck_assert_double_gt(rate, 1e6);
    ck_assert_double_lt(rate, 1e15);
}

START_TEST(test_kinds) {
    senc_error err = {0};
    ck_assert(senc_threads_init(2, &err));
    check_rate(kern_probe_operations(KERN_PROBE_FP32, 0.0));
    const double bf16 = kern_probe_operations(KERN_PROBE_BF16, 0.0), int8 = kern_probe_operations(KERN_PROBE_INT8, 0.0);
    if (senc_cpu_get()->avx512_bf16)
        check_rate(bf16);
    else
        ck_assert_double_eq(bf16, 0.0);
    if (senc_cpu_get()->avx2)
        check_rate(int8);
    else
        ck_assert_double_eq(int8, 0.0);
    check_rate(kern_probe_bytes(0.0));
    senc_threads_free();
}
END_TEST

/* A product of real size stays below the limit: else it would be none. */
START_TEST(test_nothing_is_faster) {
    enum { N = 256, D = 256 };
    senc_error err = {0};
    ck_assert(senc_threads_init(1, &err));
    float *x = calloc(N * D, sizeof *x), *w = calloc(D * D, sizeof *w), *y = calloc(N * D, sizeof *y);
    ck_assert(x && w && y);
    const double limit = kern_probe_operations(KERN_PROBE_FP32, 0.05);
    double best = 1e9;
    for (int run = 0; run < 20; run++) {
        struct timespec before, after;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        kern_best()->linear_forward(N, D, D, KERN_NONE, x, w, NULL, y);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        const double seconds = (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
        if (seconds < best) best = seconds;
    }
    ck_assert_double_lt(2.0 * N * D * D / best, 1.3 * limit); /* 1.3: the clock may change in between */
    free(x);
    free(w);
    free(y);
    senc_threads_free();
}
END_TEST

START_TEST(test_time) {
    senc_error err = {0};
    ck_assert(senc_threads_init(1, &err)); /* CPU time: other programs do not count */
    struct timespec before, after;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    kern_probe_operations(KERN_PROBE_FP32, 0.1);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    const double seconds = (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
    ck_assert_double_gt(seconds, 0.0);
#ifdef __OPTIMIZE__
    ck_assert_double_lt(seconds, 0.2);
#endif
    senc_threads_free();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("probe");
    TCase *tests = tcase_create("probe");
    tcase_add_test(tests, test_kinds);
    tcase_add_test(tests, test_nothing_is_faster);
    tcase_add_test(tests, test_time);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
