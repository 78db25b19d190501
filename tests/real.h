/* Tests that need real models or data. ctest runs them as a test of their own, NAME_real: `test_x real`. Without the
 * variable that says where they are it exits with TESTS_SKIPPED, which ctest shows as skipped; no other test may be. */
#ifndef TESTS_REAL_H
#define TESTS_REAL_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TESTS_SKIPPED 77 /* SKIP_RETURN_CODE in tests/CMakeLists.txt */

/* Runs all cases of `suite`, or with the argument "real" that case alone. What main returns. */
static inline int run_with_real(Suite *suite, TCase *real_case, const char *variable, int argc, char **argv) {
    const bool is_real = argc > 1 && strcmp(argv[1], "real") == 0;
    tcase_set_tags(real_case, "real");
    suite_add_tcase(suite, real_case);
    SRunner *runner = srunner_create(suite);
    int result = TESTS_SKIPPED;
    if (is_real && !getenv(variable)) {
        printf("skipped: %s is not set\n", variable);
    } else {
        srunner_run_tagged(runner, NULL, NULL, is_real ? "real" : NULL, is_real ? NULL : "real", CK_ENV);
        result = srunner_ntests_failed(runner) > 0 || srunner_ntests_run(runner) == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    srunner_free(runner);
    return result;
}

#endif
