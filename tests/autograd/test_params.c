/* Parameters: blocks, offsets, names. */
#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/params.h"

static ag_params declare_three(void) {
    ag_params ps = {0};
    senc_error err = {0};
    ck_assert(ag_params_declare(&ps, "a.weight", 3, 5, false, true, &err) != NULL);
    ck_assert(ag_params_declare(&ps, "a.bias", 1, 3, true, false, &err) != NULL);
    ck_assert(ag_params_declare(&ps, "b.weight", 4, 4, false, true, &err) != NULL);
    return ps;
}

START_TEST(blocks_hold_all_parameters) {
    ag_params ps = declare_three();
    senc_error err = {0};
    ck_assert(ag_params_alloc(&ps, true, &err));
    ck_assert_int_eq(ag_params_count(&ps), 15 + 3 + 16);
    ck_assert_int_eq(ps.n_numbers, 16 + 16 + 16); /* each rounded up to 16 */
    ck_assert_int_eq(ps.items[1]->offset, 16);
    ck_assert_ptr_eq(ps.items[2]->value, ps.values + 32);
    ck_assert_ptr_eq(ps.items[2]->grad, ps.grads + 32);
    ck_assert_uint_eq((uintptr_t)ps.values % 64, 0);
    for (int64_t i = 0; i < ps.n_numbers; i++) {
        ck_assert(ps.values[i] == 0 && ps.grads[i] == 0);
        ps.grads[i] = 1;
    }
    ag_params_zero_grads(&ps);
    for (int64_t i = 0; i < ps.n_numbers; i++) ck_assert(ps.grads[i] == 0);
    ag_params_free(&ps);
}
END_TEST

START_TEST(found_by_name) {
    ag_params ps = declare_three();
    const ag_param *p = ag_params_find(&ps, "a.bias");
    ck_assert(p && p->is_vector && !p->decay);
    ck_assert_int_eq(p->cols, 3);
    ck_assert_ptr_null(ag_params_find(&ps, "a.bia"));
    ag_params_free(&ps);
}
END_TEST

START_TEST(borrowed_values_take_no_room) {
    static const real lent[16] = {1, 2, 3};
    ag_params ps = declare_three();
    senc_error err = {0};
    ag_params_borrow(ps.items[0], lent);
    ck_assert(ag_params_alloc(&ps, false, &err));
    ck_assert_ptr_eq(ps.items[0]->value, lent);
    ck_assert_ptr_eq(ps.items[1]->value, ps.values);
    ck_assert_ptr_eq(ps.items[2]->value, ps.values + 16);
    ag_params_free(&ps);
    ck_assert(lent[2] == 3);
}
END_TEST

START_TEST(borrowed_for_training_aborts) {
    static const real lent[16] = {0};
    ag_params ps = declare_three();
    senc_error err = {0};
    ag_params_borrow(ps.items[0], lent);
    ag_params_alloc(&ps, true, &err);
}
END_TEST

START_TEST(inference_has_no_gradients) {
    ag_params ps = declare_three();
    senc_error err = {0};
    ck_assert(ag_params_alloc(&ps, false, &err));
    ck_assert_ptr_null(ps.grads);
    ck_assert_ptr_null(ps.items[0]->grad);
    ag_params_zero_grads(&ps);
    ag_params_free(&ps);
}
END_TEST

START_TEST(impossible_shapes_are_refused) {
    ag_params ps = {0};
    senc_error err = {0};
    ck_assert_ptr_null(ag_params_declare(&ps, "w", INT64_MAX / 2, 4, false, true, &err));
    ck_assert_msg(strstr(err.text, "parameter w: a shape of") != NULL, "%s", err.text);
    err = (senc_error){0};
    ck_assert_ptr_null(ag_params_declare(&ps, "w", 0, 4, false, true, &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
    ag_params_free(&ps);
}
END_TEST

/* The n-th allocation fails, for every n: an error, no leak, no crash. */
START_TEST(every_allocation_may_fail) {
    bool done = false;
    for (int n = 1; !done; n++) {
        ag_params ps = {0};
        senc_error err = {0};
        ck_assert_int_lt(n, 50);
        senc_alloc_fail_at(n);
        const bool ok = ag_params_declare(&ps, "w", 2, 2, false, true, &err) &&
                        ag_params_declare(&ps, "b", 1, 2, true, false, &err) && ag_params_alloc(&ps, true, &err);
        senc_alloc_fail_at(0);
        if (!ok) ck_assert_msg(strstr(err.text, "out of memory") != NULL, "%s", err.text);
        done = ok;
        ag_params_free(&ps);
        if (n == 1) ck_assert(!ok);
    }
}
END_TEST

START_TEST(declared_twice_aborts) {
    ag_params ps = declare_three();
    ag_params_declare(&ps, "a.bias", 1, 3, true, false, NULL);
}
END_TEST

int main(void) {
    Suite *s = suite_create("params");
    TCase *tc = tcase_create("params");
    tcase_add_test(tc, blocks_hold_all_parameters);
    tcase_add_test(tc, found_by_name);
    tcase_add_test(tc, inference_has_no_gradients);
    tcase_add_test(tc, borrowed_values_take_no_room);
    tcase_add_test_raise_signal(tc, borrowed_for_training_aborts, SIGABRT);
    tcase_add_test(tc, impossible_shapes_are_refused);
    tcase_add_test(tc, every_allocation_may_fail);
    tcase_add_test_raise_signal(tc, declared_twice_aborts, SIGABRT);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
