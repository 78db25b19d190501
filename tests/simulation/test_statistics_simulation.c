/* A short run of bench/simulate_statistics.c, with bounds that fewer runs allow (four standard errors). */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/threads.h"
#include "eval/statistics/paired_tests.h"
#include "tests/simulation/statistics_simulation.h"

/* Units x resamples: what is left to the long run. */
#define COSTLY 60000

START_TEST(test_rates) {
    senc_error err = {0};
    ck_assert_msg(senc_threads_init(0, &err), "%s", err.text);
    int64_t n, n_run = 0;
    const simulation *all = simulation_all(&n);
    for (int64_t i = 0; i < n; i++) {
        const simulation *s = &all[i];
        if (s->n_units * s->n_resamples > COSTLY) continue;
        const int64_t n_runs = 1000;
        const double expected = s->measure == SIMULATION_POWER
                                    ? eval_power(s->effect, 1 / sqrt((double)s->n_units), s->n_units, 0.05)
                                    : s->expected;
        const double bound = 0.01 + 3 * sqrt(expected * (1 - expected) / (double)n_runs);
        const double found = simulation_rate(s, n_runs, 11);
        const double off = s->measure == SIMULATION_ALARMS_BELOW ? fmax(found - expected, 0) : fabs(found - expected);
        ck_assert_msg(off <= bound, "%s, %s, %lld units: %.3f, expected %.3f +- %.3f", s->name, s->method,
                      (long long)s->n_units, found, expected, bound);
        n_run++;
    }
    ck_assert_int_ge(n_run, 8);
    senc_threads_free();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("statistics_simulation");
    TCase *tests = tcase_create("rates");
    tcase_add_test(tests, test_rates);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed > 0;
}
