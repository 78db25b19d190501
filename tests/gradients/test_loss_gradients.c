/* Every loss of losses.def has the gradients that its value implies. */
#include <check.h>
#include <stdlib.h>

#include "losses/loss.h"
#include "tests/gradients/gradient_check.h"

START_TEST(gradients_are_right) {
    int n;
    const loss_spec *loss = loss_all(&n)[_i];
    gradient_report report;
    const bool ok = gradient_check(loss->name, loss->examples, &report);
    ck_assert_msg(ok, "%s", report.text);
}
END_TEST

int main(void) {
    int n;
    loss_all(&n);
    Suite *s = suite_create("loss_gradients");
    TCase *t = tcase_create("losses");
    tcase_add_loop_test(t, gradients_are_right, 0, n);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
