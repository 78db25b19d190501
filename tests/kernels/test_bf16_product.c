/* The linear layer of every table whose activations are bf16, against sums in double of the same rounded inputs. */
#include "autograd/kernels/scalar.h"
#include "tests/kernels/against.h"

/* tokens, in, out: around the tiles of all instruction sets (6 or 14 rows; 8, 16 or 32 columns), odd and even depths.
 */
static const int64_t shapes[][3] = {
    {1, 1, 1},    {1, 3, 7},    {2, 31, 33},   {0, 5, 5},    {3, 2, 4},     {5, 17, 63},    {9, 16, 40},
    {31, 33, 5},  {17, 1, 65},  {63, 130, 2},  {65, 40, 31}, {70, 65, 1},   {131, 64, 96},  {100, 2, 130},
    {300, 33, 3}, {64, 63, 17}, {127, 31, 64}, {33, 96, 34}, {130, 50, 75}, {145, 128, 66},
};
static const kern_activation activations[] = {KERN_NONE, KERN_GELU, KERN_TANH, KERN_RELU};

/* Runs `body` for the bf16 table of every table that has one, with 1, 2 and 3 threads. */
#define FOR_EACH_BF16_TABLE(table, ...)                                                                                \
    FOR_EACH_TABLE(float_table_, {                                                                                     \
        const kern_table *table = float_table_->bf16;                                                                  \
        if (table) {                                                                                                   \
            __VA_ARGS__;                                                                                               \
        }                                                                                                              \
    })

/* n numbers of bf16, uniform in [-spread, spread]. */
static kern_bf16 *random_halves(int64_t n, float spread, uint64_t seed) {
    float *x = random_floats(n, seed);
    kern_bf16 *y = malloc((size_t)(n > 0 ? n : 1) * sizeof *y);
    ck_assert_ptr_nonnull(y);
    for (int64_t i = 0; i < n; i++) y[i] = kern_to_bf16(spread * x[i]);
    free(x);
    return y;
}

/* n floats; `rounded`: that bf16 can hold, so that it does not matter whether a table rounds its weights. */
static float *random_weights(int64_t n, bool rounded, uint64_t seed) {
    float *x = random_floats(n, seed);
    for (int64_t i = 0; rounded && i < n; i++) x[i] = kern_from_bf16(kern_to_bf16(x[i]));
    return x;
}

static kern_bf16 *prefilled_halves(int64_t n, float beta, uint64_t seed) {
    kern_bf16 *x = random_halves(n, 1.0f, seed);
    for (int64_t i = 0; beta == 0.0f && i < n; i++) x[i] = 0x7fc0; /* NaN */
    return x;
}

/* A sum, and how far a result may be from it: the terms may each have been rounded to bf16 (an error of at most
 * 2^-8, 0.42 times that on average; seven standard deviations of the sum) or not, and are summed in floats. */
typedef struct exact_sum {
    double sum, squares, magnitude;
} exact_sum;

static void add_term(exact_sum *s, double a, double b) {
    s->sum += a * b;
    s->squares += a * b * a * b;
    s->magnitude += fabs(a * b);
}

static double allowed(const exact_sum *s, bool rounded_terms) {
    return (rounded_terms ? 3.0 / 256.0 * sqrt(s->squares) : 0.0) + 1e-6 * s->magnitude + 1e-30;
}

static void check_half(const char *table, const char *what, int64_t i, kern_bf16 got, double want, double tolerance) {
    const double value = (double)kern_from_bf16(got), error = fabs(value - want);
    const double rounding = ldexp(1.0, ilogb(fabs(want) + tolerance) - 8); /* half a unit in the last of 8 bits */
    if (error <= tolerance + rounding) return;
    ck_abort_msg("%s: %s[%lld]: expected %.9g +- %.3g, got %.9g", table, what, (long long)i, want, tolerance, value);
}

static double half(const kern_bf16 *x, int64_t i) {
    return (double)kern_from_bf16(x[i]);
}

static void check_forward(const kern_table *table, const int64_t *shape, kern_activation act, bool with_bias,
                          bool rounded) {
    const int64_t n = shape[0], in = shape[1], out = shape[2];
    kern_bf16 *x = random_halves(n * in, 4.0f, 1), *y = prefilled_halves(n * out, 0.0f, 0);
    float *w = random_weights(out * in, rounded, 2), *bias = random_floats(out, 3);
    table->linear_forward(n, in, out, act, x, w, with_bias ? bias : NULL, y);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < out; j++) {
            exact_sum s = {0};
            if (with_bias) add_term(&s, (double)bias[j], 1.0);
            for (int64_t p = 0; p < in; p++)
                add_term(&s, kern_activate(act, half(x, i * in + p)), (double)w[j * in + p]);
            check_half(table->name, "y", i * out + j, y[i * out + j], s.sum,
                       allowed(&s, act == KERN_GELU || act == KERN_TANH || !rounded));
        }
    }
    free(x);
    free(y);
    free(w);
    free(bias);
}

static void check_backward_input(const kern_table *table, const int64_t *shape, kern_activation act, float beta) {
    const int64_t n = shape[0], in = shape[1], out = shape[2];
    kern_bf16 *x = random_halves(n * in, 4.0f, 1), *dy = random_halves(n * out, 1.0f, 3);
    kern_bf16 *dx = prefilled_halves(n * in, beta, 4), *old = prefilled_halves(n * in, 1.0f, 4);
    float *w = random_weights(out * in, true, 2);
    table->linear_backward_input(n, in, out, act, act == KERN_NONE ? NULL : x, w, dy, beta, dx);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t p = 0; p < in; p++) {
            exact_sum s = {0};
            for (int64_t j = 0; j < out; j++) add_term(&s, half(dy, i * out + j), (double)w[j * in + p]);
            const double slope = kern_activate_slope(act, half(x, i * in + p));
            const double product = s.sum * slope, tolerance = allowed(&s, false) + fabs(s.sum) * 2e-4;
            const double want = beta == 0.0f ? product : product + half(old, i * in + p);
            check_half(table->name, "dx", i * in + p, dx[i * in + p], want, tolerance);
        }
    }
    free(x);
    free(dy);
    free(dx);
    free(old);
    free(w);
}

static void check_backward_weight(const kern_table *table, const int64_t *shape, kern_activation act, bool with_bias) {
    const int64_t n = shape[0], in = shape[1], out = shape[2];
    kern_bf16 *x = random_halves(n * in, 4.0f, 1), *dy = random_halves(n * out, 1.0f, 3);
    float *dw = random_floats(out * in, 4), *old = random_floats(out * in, 4);
    float *dbias = random_floats(out, 5), *old_bias = random_floats(out, 5);
    table->linear_backward_weight(n, in, out, act, x, dy, dw, with_bias ? dbias : NULL);
    for (int64_t j = 0; j < out; j++) {
        for (int64_t p = 0; p < in; p++) {
            exact_sum s = {0};
            for (int64_t i = 0; i < n; i++)
                add_term(&s, half(dy, i * out + j), kern_activate(act, half(x, i * in + p)));
            const double tolerance = allowed(&s, act == KERN_GELU || act == KERN_TANH) + 1e-6;
            const double got = (double)dw[j * in + p], want = (double)old[j * in + p] + s.sum;
            if (!(fabs(got - want) <= tolerance))
                ck_abort_msg("%s: dw[%lld]: expected %.9g +- %.3g, got %.9g", table->name, (long long)(j * in + p),
                             want, tolerance, got);
        }
        exact_sum s = {0};
        for (int64_t i = 0; with_bias && i < n; i++) add_term(&s, half(dy, i * out + j), 1.0);
        const double got = (double)dbias[j], want = (double)old_bias[j] + s.sum;
        if (!(fabs(got - want) <= allowed(&s, false) + 1e-6))
            ck_abort_msg("%s: dbias[%lld]: expected %.9g, got %.9g", table->name, (long long)j, want, got);
    }
    free(x);
    free(dy);
    free(dw);
    free(old);
    free(dbias);
    free(old_bias);
}

START_TEST(test_shapes) {
    FOR_EACH_BF16_TABLE(table, {
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            for (int a = 0; a < 4; a++) {
                for (int variant = 0; variant < 2; variant++) {
                    check_forward(table, shapes[s], activations[a], variant, true);
                    check_backward_input(table, shapes[s], activations[a], (float)variant);
                    check_backward_weight(table, shapes[s], activations[a], variant);
                }
            }
        }
    });
}
END_TEST

/* Weights are floats: those that bf16 cannot hold are rounded at most once each. */
START_TEST(test_master_weights) {
    const int64_t shape[3] = {70, 130, 65};
    FOR_EACH_BF16_TABLE(table, check_forward(table, shape, KERN_NONE, true, false));
}
END_TEST

/* Several steps of depth whose sums must not be rounded between them, several columns of held tiles, several rounds of
 * tokens, rows a power of two apart. */
START_TEST(test_large) {
    const int64_t deep[3] = {70, 3300, 40}, wide[3] = {66, 1100, 3300}, tall[3] = {3400, 40, 9};
    const int64_t even[3] = {66, 1024, 33}, none[3] = {70, 0, 40};
    FOR_EACH_BF16_TABLE(table, {
        if (threads_ != 2) continue;
        check_forward(table, deep, KERN_NONE, true, true);
        check_forward(table, deep, KERN_GELU, true, true);
        check_forward(table, even, KERN_NONE, false, true);
        check_forward(table, none, KERN_NONE, true, true);
        check_backward_input(table, wide, KERN_GELU, 1.0f);
        check_backward_weight(table, tall, KERN_NONE, true);
        check_backward_weight(table, tall, KERN_GELU, true);
    });
}
END_TEST

/* The same bits whatever the number of threads. */
START_TEST(test_threads_do_not_matter) {
    const int64_t n = 333, in = 100, out = 150;
    kern_bf16 *x = random_halves(n * in, 2.0f, 1), *dy = random_halves(n * out, 1.0f, 3);
    float *w = random_floats(out * in, 2), *bias = random_floats(out, 5);
    int n_tables;
    const kern_table *const *tables = kern_all(&n_tables);
    for (int t = 0; t < n_tables; t++) {
        const kern_table *table = tables[t]->bf16;
        if (!table) continue;
        kern_bf16 *y[5];
        kern_bf16 *dx[5];
        float *dw[5];
        float *dbias[5];
        for (int threads = 1; threads < 5; threads++) {
            start_threads(threads == 4 ? 7 : threads);
            y[threads] = prefilled_halves(n * out, 0.0f, 0);
            dx[threads] = prefilled_halves(n * in, 1.0f, 6);
            dw[threads] = random_floats(out * in, 7);
            dbias[threads] = random_floats(out, 8);
            table->linear_forward(n, in, out, KERN_GELU, x, w, bias, y[threads]);
            table->linear_backward_input(n, in, out, KERN_GELU, x, w, dy, 1.0f, dx[threads]);
            table->linear_backward_weight(n, in, out, KERN_GELU, x, dy, dw[threads], dbias[threads]);
            senc_threads_free();
        }
        for (int threads = 2; threads < 5; threads++) {
            ck_assert_msg(memcmp(y[1], y[threads], (size_t)(n * out) * 2) == 0, "%s: y", table->name);
            ck_assert_msg(memcmp(dx[1], dx[threads], (size_t)(n * in) * 2) == 0, "%s: dx", table->name);
            check_same(out * in, dw[1], dw[threads], table->name, "dw");
            check_same(out, dbias[1], dbias[threads], table->name, "dbias");
        }
        for (int threads = 1; threads < 5; threads++) {
            free(y[threads]);
            free(dx[threads]);
            free(dw[threads]);
            free(dbias[threads]);
        }
    }
    free(x);
    free(dy);
    free(w);
    free(bias);
}
END_TEST

/* A NaN in the data or in a weight reaches what depends on it and nothing else. */
START_TEST(test_nan_reaches_the_output) {
    enum { N = 40, IN = 33, OUT = 37 };
    FOR_EACH_BF16_TABLE(table, {
        for (int a = 0; a < 4; a++) {
            kern_bf16 *x = random_halves(N * IN, 1.0f, 1);
            kern_bf16 *dy = random_halves(N * OUT, 1.0f, 2);
            kern_bf16 *y = prefilled_halves(N * OUT, 1.0f, 0);
            kern_bf16 *dx = prefilled_halves(N * IN, 1.0f, 0);
            float *w = random_floats(OUT * IN, 3);
            float *dw = random_floats(OUT * IN, 4);
            x[20 * IN + 32] = 0x7fc0; /* NaN */
            w[5 * IN + 7] = NAN;
            table->linear_forward(N, IN, OUT, activations[a], x, w, NULL, y);
            table->linear_backward_input(N, IN, OUT, activations[a], x, w, dy, 0.0f, dx);
            table->linear_backward_weight(N, IN, OUT, activations[a], x, dy, dw, NULL);
            const char *name = table->name;
            for (int i = 0; i < N; i++) {
                for (int j = 0; j < OUT; j++)
                    ck_assert_msg(!!isnan(half(y, i * OUT + j)) == (i == 20 || j == 5), "%s: y %d %d", name, i, j);
                for (int p = 0; p < IN; p++) {
                    const bool smooth = activations[a] == KERN_GELU || activations[a] == KERN_TANH;
                    const bool want = p == 7 || (smooth && i == 20 && p == 32);
                    ck_assert_msg(!!isnan(half(dx, i * IN + p)) == want, "%s: dx %d %d", name, i, p);
                }
            }
            for (int j = 0; j < OUT; j++) {
                for (int p = 0; p < IN; p++)
                    ck_assert_msg(!!isnan(dw[j * IN + p]) == (p == 32), "%s: dw %d %d", name, j, p);
            }
            free(x);
            free(dy);
            free(y);
            free(dx);
            free(w);
            free(dw);
        }
    });
}
END_TEST

/* GELU and its slope at every finite number of bf16, through a layer of one weight: besides the rounding at the end
 * GELU is off by at most 0.03 units in the last place or 2e-7, its slope by 1e-4. */
START_TEST(test_gelu_of_every_number) {
    enum { N = 65536 };
    static kern_bf16 x[N], ones[N], y[N], dx[N];
    for (int i = 0; i < N; i++) {
        x[i] = (kern_bf16)i;
        ones[i] = 0x3f80;
    }
    const float weight = 1.0f;
    FOR_EACH_BF16_TABLE(table, {
        table->linear_forward(N, 1, 1, KERN_GELU, x, &weight, NULL, y);
        table->linear_backward_input(N, 1, 1, KERN_GELU, x, &weight, ones, 0.0f, dx);
        for (int i = 0; i < N; i++) {
            const double v = half(x, i);
            if (!isfinite(v)) continue;
            const double gelu = kern_activate(KERN_GELU, v), slope = kern_activate_slope(KERN_GELU, v);
            const double place = fabs(gelu) < 1e-37 ? 1e-40 : ldexp(1.0, ilogb(gelu) - 7);
            check_half(table->name, "gelu", i, y[i], gelu, 0.03 * place + 2e-7);
            check_half(table->name, "slope", i, dx[i], slope, 1e-4);
        }
    });
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bf16 products");
    TCase *c = tcase_create("linear");
    tcase_set_timeout(c, 240);
    tcase_add_test(c, test_shapes);
    tcase_add_test(c, test_master_weights);
    tcase_add_test(c, test_large);
    tcase_add_test(c, test_threads_do_not_matter);
    tcase_add_test(c, test_gelu_of_every_number);
    tcase_add_test(c, test_nan_reaches_the_output);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
