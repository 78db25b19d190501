/* Elementwise kernels, reductions and the choice of the table. */
#include "tests/kernels/against.h"

static const int64_t sizes[] = {0, 1, 3, 7, 15, 16, 17, 31, 33, 1000, 32768, 32769, 100003};

START_TEST(test_vectors) {
    const int64_t n = sizes[_i];
    const kern_adamw step = {.learning_rate = 1e-2,
                             .beta1 = 0.9,
                             .beta2 = 0.999,
                             .epsilon = 1e-8,
                             .weight_decay = 0.1,
                             .bias_correction1 = 0.19,
                             .bias_correction2 = 0.002,
                             .gradient_scale = 0.5};
    float *g = random_floats(n, 1);
    FOR_EACH_TABLE(table, {
        float *got[5], *want[5];
        for (uint64_t i = 0; i < 5; i++) {
            got[i] = random_floats(n, 2 + i);
            want[i] = random_floats(n, 2 + i);
        }
        for (int64_t i = 0; i < n; i++) got[2][i] = want[2][i] = fabsf(want[2][i]); /* v */
        kern_reference()->adamw(n, step, want[0], g, want[1], want[2]);
        table->adamw(n, step, got[0], g, got[1], got[2]);
        kern_reference()->axpy(n, 0.3f, g, want[3]);
        table->axpy(n, 0.3f, g, got[3]);
        kern_reference()->scale(n, -2.5f, want[4]);
        table->scale(n, -2.5f, got[4]);
        const char *const names[5] = {"w", "m", "v", "axpy", "scale"};
        for (int i = 0; i < 5; i++) {
            check_close(n, got[i], want[i], 1e-6, table->name, names[i]);
            free(got[i]);
            free(want[i]);
        }
        const double squares = kern_reference()->sum_of_squares(n, g);
        ck_assert_double_eq_tol(table->sum_of_squares(n, g), squares, 1e-12 * (1.0 + squares));
        ck_assert(table->is_finite(n, g));
        for (int64_t at = 0; at < n; at += 1 + n / 5) {
            const float kept = g[at], bad[3] = {NAN, INFINITY, -INFINITY};
            for (int b = 0; b < 3; b++) {
                g[at] = bad[b];
                ck_assert(!table->is_finite(n, g));
            }
            g[at] = kept;
        }
    });
    free(g);
}
END_TEST

START_TEST(test_activation) {
    const int64_t n = sizes[_i];
    float *x = random_floats(n, 1), *dy = random_floats(n, 2), *want = prefilled(n, 0.0f, 0);
    for (int64_t i = 0; i < n; i++) x[i] *= 6.0f;
    for (int act = KERN_NONE; act <= KERN_RELU; act++) {
        FOR_EACH_TABLE(table, {
            float *got = prefilled(n, 0.0f, 0), *dx[2] = {prefilled(n, 0.0f, 0), prefilled(n, 1.0f, 3)};
            float *dwant[2] = {prefilled(n, 0.0f, 0), prefilled(n, 1.0f, 3)};
            kern_reference()->activation_forward((kern_activation)act, n, x, want);
            table->activation_forward((kern_activation)act, n, x, got);
            check_close(n, got, want, 1e-6, table->name, "act(x)");
            for (int beta = 0; beta < 2; beta++) {
                kern_reference()->activation_backward((kern_activation)act, n, x, dy, (float)beta, dwant[beta]);
                table->activation_backward((kern_activation)act, n, x, dy, (float)beta, dx[beta]);
                check_close(n, dx[beta], dwant[beta], 1e-6, table->name, "dx");
                free(dx[beta]);
                free(dwant[beta]);
            }
            free(got);
        });
    }
    free(x);
    free(dy);
    free(want);
}
END_TEST

START_TEST(test_dropout) {
    const int64_t shapes[][2] = {{0, 5}, {1, 1}, {3, 7}, {5, 33}, {100, 384}, {2, 40000}};
    const double shares[] = {0.0, 0.1, 0.5, 0.999};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const int64_t n = shapes[s][0], d = shapes[s][1];
        float *x = random_floats(n * d, 1);
        for (int p = 0; p < 4; p++) {
            const kern_dropout dropout = {.p = shares[p], .key = 0xfedcba9876543210u, .first_row = INT64_C(1) << 33};
            FOR_EACH_TABLE(table, {
                float *got = prefilled(n * d, 0.0f, 0), *want = prefilled(n * d, 0.0f, 0);
                kern_reference()->dropout_forward(n, d, dropout, x, want);
                table->dropout_forward(n, d, dropout, x, got);
                check_close(n * d, got, want, 1e-6, table->name, "dropout");
                kern_reference()->dropout_backward(n, d, dropout, x, 1.0f, want);
                table->dropout_backward(n, d, dropout, x, 1.0f, got);
                check_close(n * d, got, want, 1e-6, table->name, "dropout backward");
                memcpy(got, x, (size_t)(n * d) * sizeof *got); /* in place */
                table->dropout_forward(n, d, dropout, got, got);
                kern_reference()->dropout_forward(n, d, dropout, x, want);
                check_close(n * d, got, want, 1e-6, table->name, "dropout in place");
                free(got);
                free(want);
            });
        }
        free(x);
    }
}
END_TEST

/* The share of zeros is p; a batch cut in two draws the same mask. */
START_TEST(test_dropout_mask) {
    enum { N = 200, D = 500 };
    static float ones[N * D], whole[N * D], parts[N * D];
    for (int i = 0; i < N * D; i++) ones[i] = 1.0f;
    const kern_dropout first = {.p = 0.2, .key = 5, .first_row = 0}, second = {.p = 0.2, .key = 5, .first_row = 80};
    FOR_EACH_TABLE(table, {
        table->dropout_forward(N, D, first, ones, whole);
        table->dropout_forward(80, D, first, ones, parts);
        table->dropout_forward(N - 80, D, second, ones, parts + 80 * D);
        check_same(N * D, whole, parts, table->name, "mask of two chunks");
        int zeros = 0;
        for (int i = 0; i < N * D; i++) zeros += whole[i] == 0.0f;
        /* 100,000 draws: a standard deviation is 126. */
        ck_assert_msg(abs(zeros - 20000) < 700, "%d of 100000 dropped", zeros);
    });
}
END_TEST

/* A cell equal to the threshold is kept: p is chosen so that column 5 is such a cell. */
START_TEST(test_dropout_threshold_is_kept) {
    enum { D = 40 };
    float ones[D], y[D];
    for (int i = 0; i < D; i++) ones[i] = 1.0f;
    const uint32_t cell = senc_rng_cell(senc_rng_row_key(77, 3), 5);
    const kern_dropout dropout = {.p = (double)cell / 4294967296.0, .key = 77, .first_row = 3};
    FOR_EACH_TABLE(table, {
        table->dropout_forward(1, D, dropout, ones, y);
        ck_assert(y[5] > 0.0f);
    });
}
END_TEST

/* One step of AdamW with numbers that can be followed: g = 2, m = v = 0, both corrections undo the decay, so the update
 * is lr * g / |g| + lr * weight_decay * w = 0.1 + 0.1 * 0.5 * 1. */
START_TEST(test_adamw_by_hand) {
    const kern_adamw step = {.learning_rate = 0.1,
                             .beta1 = 0.9,
                             .beta2 = 0.99,
                             .weight_decay = 0.5,
                             .bias_correction1 = 0.1,
                             .bias_correction2 = 0.01,
                             .gradient_scale = 1.0};
    int n_tables;
    const kern_table *const *tables = kern_all(&n_tables);
    for (int t = 0; t < n_tables; t++) {
        float w = 1.0f, g = 2.0f, m = 0.0f, v = 0.0f;
        tables[t]->adamw(1, step, &w, &g, &m, &v);
        ck_assert_float_eq_tol(w, 0.85f, 1e-6f);
        ck_assert_float_eq_tol(m, 0.2f, 1e-6f);
        ck_assert_float_eq_tol(v, 0.04f, 1e-6f);
    }
}
END_TEST

START_TEST(test_environment_chooses_the_table) {
    setenv("SENC_KERNELS", "ref", 1);
    ck_assert_str_eq(kern_best()->name, "ref");
}
END_TEST

START_TEST(test_unknown_table_gives_the_best) {
    setenv("SENC_KERNELS", "abacus", 1);
    setenv("SENC_LOG", "quiet", 1);
    ck_assert_str_ne(kern_best()->name, "ref");
    ck_assert_str_ne(kern_best()->name, "wide");
    ck_assert_ptr_nonnull(kern_product_backend());
}
END_TEST

START_TEST(test_openblas_can_be_chosen) {
    int n;
    const kern_table *const *tables = kern_all(&n);
    setenv("SENC_KERNELS", "openblas", 1);
    setenv("SENC_LOG", "quiet", 1);
    bool there = false; /* else the best without it */
    for (int i = 0; i < n; i++) there |= strcmp(tables[i]->name, "openblas") == 0;
    ck_assert_int_eq(there, strcmp(kern_best()->name, "openblas") == 0);
    ck_assert_int_eq(there, strncmp(kern_product_backend(), "OpenBLAS ", 9) == 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("vector kernels");
    TCase *c = tcase_create("vectors");
    tcase_set_timeout(c, 240);
    tcase_add_loop_test(c, test_vectors, 0, sizeof sizes / sizeof *sizes);
    tcase_add_loop_test(c, test_activation, 0, sizeof sizes / sizeof *sizes);
    tcase_add_test(c, test_dropout);
    tcase_add_test(c, test_dropout_mask);
    tcase_add_test(c, test_dropout_threshold_is_kept);
    tcase_add_test(c, test_adamw_by_hand);
    tcase_add_test(c, test_environment_chooses_the_table);
    tcase_add_test(c, test_unknown_table_gives_the_best);
    tcase_add_test(c, test_openblas_can_be_chosen);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
