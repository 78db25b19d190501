/* SENC_PROFILE=1: the table of ops. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/ops/ops.h"
#include "autograd/profile.h"

static ag_tape open_tape(const char *profile) {
    ag_tape t;
    senc_error err = {0};
    setenv("SENC_PROFILE", profile, 1);
    ck_assert(ag_tape_init(&t, kern_reference(), true, 1 << 20, &err));
    unsetenv("SENC_PROFILE");
    return t;
}

START_TEST(off_unless_asked) {
    ag_tape t = open_tape("0");
    ck_assert_ptr_null(t.profile);
    ag_profile_print(&t); /* nothing */
    ag_tape_free(&t);
}
END_TEST

START_TEST(table_lists_every_op_in_80_columns) {
    ag_tape t = open_tape("1");
    static real x[64 * 64], dy[64 * 64];
    for (int step = 0; step < 3; step++) {
        ag_node *nx = ag_input(&t, x, 64, 64);
        ag_node *y = ag_linear(&t, ag_linear(&t, nx, nx, NULL, KERN_NONE), nx, NULL, KERN_NONE);
        ag_tape_backward(&t, ag_normalize(&t, y), dy);
        ag_tape_reset(&t);
    }
    /* however long another program kept this one waiting in between */
    ag_profile_row *linears = &t.profile->rows[0], *others = &t.profile->rows[1];
    linears->backward_ms += others->forward_ms + others->backward_ms;
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    ck_assert_ptr_nonnull(out);
    ag_profile_write(t.profile, out);
    fclose(out);
    char linear[64], normalize[64], all[64];
    snprintf(linear, sizeof linear, "\n%-19s %8d ", "linear", 6);
    snprintf(normalize, sizeof normalize, "\n%-19s %8d ", "normalize", 3);
    snprintf(all, sizeof all, "\n%-19s %8d ", "all", 9);
    const char *first = strstr(text, linear), *second = strstr(text, normalize), *last = strstr(text, all);
    ck_assert_msg(first && second && last, "%s", text);
    ck_assert_msg(first < second && second < last, "sorted by time:\n%s", text);
    ck_assert_msg(strstr(last, " 100.0\n") != NULL, "%s", text);
    int lines = 0;
    for (const char *line = text; *line; line = strchr(line, '\n') + 1, lines++) {
        ck_assert_msg(strcspn(line, "\n") <= 80, "%s", line);
    }
    ck_assert_int_eq(lines, 4);
    const ag_profile_row *row = &t.profile->rows[0];
    ck_assert(row->forward_ms > 0 && row->backward_ms > 0);
    ck_assert(row->forward_flops == 6 * 2.0 * 64 * 64 * 64);
    ck_assert(row->backward_flops == 2 * row->forward_flops);
    free(text);
    ag_tape_free(&t);
}
END_TEST

int main(void) {
    Suite *s = suite_create("profile");
    TCase *tc = tcase_create("profile");
    tcase_add_test(tc, off_unless_asked);
    tcase_add_test(tc, table_lists_every_op_in_80_columns);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
