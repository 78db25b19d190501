/* Every op of ops.def has the gradients that its forward pass implies. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops/ops.h"
#include "tests/gradients/gradient_check.h"

START_TEST(gradients_are_right) {
    int n;
    const ag_op *op = ag_ops_all(&n)[_i];
    gradient_report report;
    const bool ok = gradient_check(op->name, op->examples, &report);
    ck_assert_msg(ok, "%s", report.text);
}
END_TEST

START_TEST(examples_reach_their_op) {
    int n;
    const ag_op *op = ag_ops_all(&n)[_i];
    ck_assert_msg(gradient_check_reaches(op, op->examples), "no example of %s builds it", op->name);
}
END_TEST

START_TEST(ops_are_sorted_and_complete) {
    int n;
    const ag_op *const *ops = ag_ops_all(&n);
    for (int i = 0; i < n; i++) {
        ck_assert_msg(ops[i]->forward && ops[i]->backward, "%s has no forward or backward", ops[i]->name);
        if (i)
            ck_assert_msg(strcmp(ops[i - 1]->name, ops[i]->name) < 0, "%s stands before %s", ops[i - 1]->name,
                          ops[i]->name);
    }
}
END_TEST

int main(void) {
    int n;
    ag_ops_all(&n);
    Suite *s = suite_create("op_gradients");
    TCase *tc = tcase_create("ops");
    tcase_add_loop_test(tc, gradients_are_right, 0, n);
    tcase_add_loop_test(tc, examples_reach_their_op, 0, n);
    tcase_add_test(tc, ops_are_sorted_and_complete);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
