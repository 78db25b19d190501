/* gemm and the linear layer of every table against the reference. */
#include "tests/kernels/against.h"

/* m, n, k around the tile sizes of all instruction sets (6 or 14 rows, 8, 16 or 32 columns) and the depth of a step. */
static const int64_t gemm_shapes[][3] = {
    {1, 1, 1},   {1, 1, 0},    {3, 0, 5},     {0, 4, 5},  {1, 17, 3},   {7, 1, 31},     {6, 16, 4},  {14, 32, 8},
    {13, 33, 5}, {15, 31, 33}, {61, 47, 100}, {2, 70, 1}, {37, 9, 391}, {150, 40, 200}, {5, 300, 7}, {29, 65, 800},
};

static void check_gemm(const kern_table *table, const int64_t *shape, bool ta, bool tb, float alpha, float beta,
                       int64_t extra) {
    const int64_t m = shape[0], n = shape[1], k = shape[2];
    const int64_t lda = (ta ? m : k) + extra, ldb = (tb ? k : n) + 2 * extra, ldc = n + extra;
    const int64_t n_a = (ta ? k : m) * lda + 1, n_b = (tb ? n : k) * ldb + 1, n_c = m * ldc;
    float *a = random_floats(n_a, 1), *b = random_floats(n_b, 2);
    float *got = prefilled(n_c, beta, 3), *want = prefilled(n_c, beta, 3);
    for (int64_t i = 0; i < m; i++) { /* what lies between the rows must stay */
        for (int64_t j = n; j < ldc; j++) got[i * ldc + j] = want[i * ldc + j] = 7.0f;
    }
    kern_reference()->gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, want, ldc);
    table->gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, got, ldc);
    check_close(n_c, got, want, 4e-6 * sqrt((double)(k + 1)), table->name, "c");
    free(a);
    free(b);
    free(got);
    free(want);
}

START_TEST(test_gemm) {
    const float alphas[] = {1.0f, -0.5f, 0.0f}, betas[] = {0.0f, 1.0f, 0.25f};
    FOR_EACH_TABLE(table, {
        for (size_t s = 0; s < sizeof gemm_shapes / sizeof *gemm_shapes; s++) {
            for (int mode = 0; mode < 36; mode++)
                check_gemm(table, gemm_shapes[s], mode & 1, mode & 2, alphas[mode / 4 % 3], betas[mode / 12],
                           s % 2 ? 3 : 0);
        }
    });
}
END_TEST

/* tokens, in, out */
static const int64_t linear_shapes[][3] = {
    {1, 1, 1},  {1, 3, 7},    {2, 31, 33},  {10, 33, 31},  {64, 7, 40},     {65, 40, 7},    {0, 5, 5},
    {70, 1, 3}, {100, 48, 1}, {33, 64, 96}, {300, 33, 50}, {131, 100, 420}, {200, 410, 30},
};
static const kern_activation activations[] = {KERN_NONE, KERN_GELU, KERN_TANH, KERN_RELU};

static void check_linear_forward(const kern_table *table, const int64_t *shape, kern_activation act, bool with_bias) {
    const int64_t n = shape[0], in = shape[1], out = shape[2];
    float *x = random_floats(n * in, 1), *w = random_floats(out * in, 2), *bias = random_floats(out, 3);
    for (int64_t i = 0; i < n * in; i++) x[i] *= 4.0f; /* both tails of the activations */
    float *got = prefilled(n * out, 0.0f, 0), *want = prefilled(n * out, 0.0f, 0);
    kern_reference()->linear_forward(n, in, out, act, x, w, with_bias ? bias : NULL, want);
    table->linear_forward(n, in, out, act, x, w, with_bias ? bias : NULL, got);
    check_close(n * out, got, want, 2e-6 * sqrt((double)in + 1.0), table->name, "y");
    free(x);
    free(w);
    free(bias);
    free(got);
    free(want);
}

static void check_linear_backward_input(const kern_table *table, const int64_t *shape, kern_activation act,
                                        float beta) {
    const int64_t n = shape[0], in = shape[1], out = shape[2];
    float *x = random_floats(n * in, 1), *w = random_floats(out * in, 2), *dy = random_floats(n * out, 3);
    for (int64_t i = 0; i < n * in; i++) x[i] *= 4.0f;
    float *got = prefilled(n * in, beta, 4), *want = prefilled(n * in, beta, 4);
    const float *x_or_null = act == KERN_NONE ? NULL : x;
    kern_reference()->linear_backward_input(n, in, out, act, x_or_null, w, dy, beta, want);
    table->linear_backward_input(n, in, out, act, x_or_null, w, dy, beta, got);
    check_close(n * in, got, want, 2e-6 * sqrt((double)out + 1.0), table->name, "dx");
    free(x);
    free(w);
    free(dy);
    free(got);
    free(want);
}

static void check_linear_backward_weight(const kern_table *table, const int64_t *shape, kern_activation act,
                                         bool with_bias) {
    const int64_t n = shape[0], in = shape[1], out = shape[2];
    float *x = random_floats(n * in, 1), *dy = random_floats(n * out, 3);
    for (int64_t i = 0; i < n * in; i++) x[i] *= 4.0f;
    float *got = random_floats(out * in, 4), *want = random_floats(out * in, 4);
    float *got_bias = random_floats(out, 5), *want_bias = random_floats(out, 5);
    kern_reference()->linear_backward_weight(n, in, out, act, x, dy, want, with_bias ? want_bias : NULL);
    table->linear_backward_weight(n, in, out, act, x, dy, got, with_bias ? got_bias : NULL);
    check_close(out * in, got, want, 3e-6 * sqrt((double)n + 1.0), table->name, "dw");
    check_close(out, got_bias, want_bias, 3e-6 * sqrt((double)n + 1.0), table->name, "dbias");
    free(x);
    free(dy);
    free(got);
    free(want);
    free(got_bias);
    free(want_bias);
}

START_TEST(test_linear) {
    FOR_EACH_TABLE(table, {
        for (size_t s = 0; s < sizeof linear_shapes / sizeof *linear_shapes; s++) {
            for (int a = 0; a < 4; a++) {
                for (int variant = 0; variant < 2; variant++) {
                    check_linear_forward(table, linear_shapes[s], activations[a], variant);
                    check_linear_backward_input(table, linear_shapes[s], activations[a], (float)variant);
                    check_linear_backward_weight(table, linear_shapes[s], activations[a], variant);
                }
            }
        }
    });
}
END_TEST

/* A real layer once: several steps of depth, several groups of packed depth (5600 tokens), several blocks of rows. */
START_TEST(test_linear_of_real_size) {
    const int64_t wide[3] = {400, 384, 1152}, deep[3] = {150, 1536, 40}, tall[3] = {5600, 400, 7};
    FOR_EACH_TABLE(table, {
        if (threads_ != 2) continue;
        check_linear_forward(table, deep, KERN_GELU, true);
        check_linear_backward_input(table, wide, KERN_NONE, 1.0f);
        check_linear_backward_input(table, deep, KERN_GELU, 0.0f);
        check_linear_backward_weight(table, tall, KERN_GELU, true);
    });
}
END_TEST

/* The same bytes on every run. */
START_TEST(test_products_repeat) {
    const int64_t n = 333, in = 100, out = 150;
    float *x = random_floats(n * in, 1), *w = random_floats(out * in, 2), *dy = random_floats(n * out, 3);
    float *y[2], *dx[2], *dw[2], *db[2];
    FOR_EACH_TABLE(table, {
        for (int run = 0; run < 2; run++) {
            y[run] = prefilled(n * out, 0.0f, 0);
            dx[run] = random_floats(n * in, 1);
            dw[run] = random_floats(out * in, 2);
            db[run] = random_floats(out, 3);
            table->linear_forward(n, in, out, KERN_GELU, x, w, NULL, y[run]);
            table->linear_backward_input(n, in, out, KERN_GELU, x, w, dy, 1.0f, dx[run]);
            table->linear_backward_weight(n, in, out, KERN_GELU, x, dy, dw[run], db[run]);
        }
        check_same(n * out, y[0], y[1], table->name, "y");
        check_same(n * in, dx[0], dx[1], table->name, "dx");
        check_same(out * in, dw[0], dw[1], table->name, "dw");
        check_same(out, db[0], db[1], table->name, "dbias");
        for (int run = 0; run < 2; run++) {
            free(y[run]);
            free(dx[run]);
            free(dw[run]);
            free(db[run]);
        }
    });
    free(x);
    free(w);
    free(dy);
}
END_TEST

/* GELU itself, at the points where an approximation is worst: the error stays below 1.5e-7 max(1, |x|), the slope's
 * below 4e-7. */
START_TEST(test_gelu_accuracy) {
    enum { N = 40001 };
    static float x[N], y[N], one[N], slope[N];
    for (int i = 0; i < N; i++) {
        x[i] = (float)(i - N / 2) * 6e-4f;
        one[i] = 1.0f;
    }
    FOR_EACH_TABLE(table, {
        table->activation_forward(KERN_GELU, N, x, y);
        table->activation_backward(KERN_GELU, N, x, one, 0.0f, slope);
        for (int i = 0; i < N; i++) {
            const double v = (double)x[i], phi = 0.5 * erfc(-v * sqrt(0.5));
            const double error = fabs((double)y[i] - v * phi) / fmax(1.0, fabs(v));
            const double slope_error = fabs((double)slope[i] - (phi + v * exp(-0.5 * v * v) * 0.3989422804014327));
            if (!(error <= 1.5e-7)) ck_abort_msg("%s: gelu(%g) is off by %g", table->name, v, error);
            if (!(slope_error <= 4e-7)) ck_abort_msg("%s: gelu'(%g) is off by %g", table->name, v, slope_error);
        }
    });
}
END_TEST

/* A NaN or an infinity in the data must reach the output of every activation, so that the loop can stop. */
START_TEST(test_activations_keep_nan) {
    FOR_EACH_TABLE(table, {
        for (int a = 0; a < 4; a++) {
            float x[20] = {0}, y[20], dx[20], dy[20] = {0};
            x[3] = x[18] = NAN;
            x[5] = INFINITY;
            dy[3] = dy[18] = 1.0f;
            table->activation_forward(activations[a], 20, x, y);
            ck_assert(isnan(y[3]) && isnan(y[18]) && !isnan(y[4]) && !isnan(y[5]));
            if (activations[a] == KERN_GELU || activations[a] == KERN_TANH) {
                table->activation_backward(activations[a], 20, x, dy, 0.0f, dx);
                ck_assert(isnan(dx[3]) && isnan(dx[18]));
            }
        }
    });
}
END_TEST

int main(void) {
    Suite *suite = suite_create("product kernels");
    TCase *c = tcase_create("products");
    tcase_set_timeout(c, 240);
    tcase_add_test(c, test_gemm);
    tcase_add_test(c, test_linear);
    tcase_add_test(c, test_linear_of_real_size);
    tcase_add_test(c, test_products_repeat);
    tcase_add_test(c, test_gelu_accuracy);
    tcase_add_test(c, test_activations_keep_nan);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
