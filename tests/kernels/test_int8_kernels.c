/* The int8 linear layer of every table: the sums are exact, quantisation errs by what its steps allow, and rows that
 * cannot be quantised say so. */
#include "autograd/base/memory.h"
#include "tests/kernels/against_bf16.h"

/* Weights as nn/quantize.c makes them, packed for one table. free_weights() them. */
typedef struct weights {
    int8_t *rows;
    kern_int8 q, reference; /* the same, packed for the table and for the reference */
} weights;

static kern_int8 pack_for(const kern_table *table, int64_t in, int64_t out, const int8_t *rows, float *scale,
                          float *sum) {
    kern_int8 q = {.in = in, .out = out, .scale = scale, .sum = sum, .pack = table->int8_pack};
    q.packed = senc_alloc_aligned((size_t)kern_int8_bytes(in, out), 1);
    ck_assert_ptr_nonnull(q.packed);
    memset(q.packed, 77, (size_t)kern_int8_bytes(in, out)); /* padding that is not cleared would count */
    table->int8_pack(in, out, rows, q.packed);
    return q;
}

static weights make_weights(const kern_table *table, int64_t in, int64_t out, uint64_t seed) {
    const size_t padded = (size_t)(out + 63) / 64 * 64;
    weights w = {.rows = malloc((size_t)(in * out))};
    float *scale = calloc(padded, sizeof *scale), *sum = calloc(padded, sizeof *sum);
    ck_assert(w.rows && scale && sum);
    senc_rng rng;
    senc_rng_init(&rng, seed);
    for (int64_t j = 0; j < out; j++) {
        scale[j] = ldexpf(1.0f, (int)(j % 5) - 16);
        int32_t total = 0;
        for (int64_t p = 0; p < in; p++) {
            int value = (int)(senc_rng_uniform(&rng) * 255.0) - 127;
            const int before = p % 2 ? w.rows[j * in + p - 1] : 0;
            if (value > 0 && before + value > 128) value = 128 - before;
            if (value < 0 && before + value < -128) value = -128 - before;
            if (j % 7 == 0) value = 64; /* sums as large as they get: 16 bits just hold two products */
            if (j % 7 == 1) value = -64;
            if (j % 7 == 2) value = p % 2 ? 127 : 1;
            if (j % 7 == 3) value = p % 2 ? -127 : 127;
            w.rows[j * in + p] = (int8_t)value;
            total += value;
        }
        sum[j] = scale[j] * (float)total;
    }
    w.q = pack_for(table, in, out, w.rows, scale, sum);
    w.reference = pack_for(kern_reference(), in, out, w.rows, scale, sum);
    return w;
}

static void free_weights(weights w) {
    free(w.rows);
    free(w.q.scale);
    free(w.q.sum);
    free(w.q.packed);
    free(w.reference.packed);
}

/* rows, in, out around tiles of 6 and 14 rows, 8, 16 and 32 columns, groups of 4 and blocks of rows. */
static const int64_t shapes[][3] = {
    {1, 1, 1},    {0, 5, 3},    {2, 3, 5},     {5, 4, 9},    {6, 8, 16},    {7, 33, 31},    {13, 64, 33},
    {14, 66, 32}, {15, 31, 64}, {29, 100, 65}, {70, 95, 40}, {130, 384, 7}, {300, 48, 100}, {9, 1537, 35},
};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

/* Inputs that are multiples of 1/64 over a range of exactly 254 steps are met exactly, and so is the product. */
static void check_exact(const kern_table *table, const int64_t *shape, int64_t lowest) {
    const int64_t n = shape[0], in = shape[1], out = shape[2];
    if (in < 2) return;
    weights w = make_weights(table, in, out, 5);
    float *x = random_floats(n * in, 6), *got = prefilled(n * out, 0.0f, 0);
    for (int64_t i = 0; i < n; i++) {
        int64_t *steps = malloc((size_t)in * sizeof *steps);
        ck_assert_ptr_nonnull(steps);
        for (int64_t p = 0; p < in; p++) {
            steps[p] = lowest + (int64_t)((x[i * in + p] + 1.0f) * 127.0f);
            if (i % 3 == 1) steps[p] = lowest + 254; /* every quant at its highest */
        }
        steps[i % in] = lowest;
        steps[(i + 1) % in] = lowest + 254;
        for (int64_t p = 0; p < in; p++) x[i * in + p] = (float)steps[p] / 64.0f;
        free(steps);
    }
    table->linear_int8(n, KERN_NONE, x, &w.q, NULL, got);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < out; j++) {
            double want = 0.0, size = 0.0;
            for (int64_t p = 0; p < in; p++) {
                want += (double)x[i * in + p] * w.rows[j * in + p] * (double)w.q.scale[j];
                size += 254.0 / 64.0 * 127.0 * (double)w.q.scale[j]; /* of what the two parts of the formula may be */
            }
            const double error = fabs((double)got[i * out + j] - want);
            ck_assert_msg(error <= 2e-7 * size, "%s: %lld x %lld: y[%lld,%lld]: expected %.9g, got %.9g", table->name,
                          (long long)in, (long long)out, (long long)i, (long long)j, want, (double)got[i * out + j]);
        }
    }
    free(x);
    free(got);
    free_weights(w);
}

START_TEST(test_sums_are_exact) {
    FOR_EACH_TABLE(table, {
        for (size_t s = 0; s < N_SHAPES; s++) {
            check_exact(table, shapes[s], 0);
            check_exact(table, shapes[s], -100);
            check_exact(table, shapes[s], -254);
        }
    });
}
END_TEST

static const kern_activation activations[] = {KERN_NONE, KERN_GELU, KERN_TANH, KERN_RELU};

/* Largest |w| of a column times a few steps of the row: two roundings may fall on different sides. */
static double slack(const float *x, const weights *w, int64_t row, int64_t column) {
    double largest = 0.0, weight = 0.0;
    for (int64_t p = 0; p < w->q.in; p++) {
        largest = fmax(largest, fabs((double)x[row * w->q.in + p]));
        weight += abs(w->rows[column * w->q.in + p]);
    }
    const double step = 2.0 * largest / 254.0, scale = (double)w->q.scale[column];
    return step * scale * 127.0 * 3.0 + 1e-5 * largest * scale * weight;
}

static void check_forward(const kern_table *table, const int64_t *shape, kern_activation act, bool with_bias) {
    const int64_t n = shape[0], in = shape[1], out = shape[2];
    weights w = make_weights(table, in, out, 1);
    float *bias = random_floats(out, 3), *values = random_floats(n * in, 2);
    for (int64_t i = 0; i < n * in; i++) values[i] *= 4.0f;
    both x = round_both(n * in, values);
    float *want = prefilled(n * out, 0.0f, 0), *got = prefilled(n * out, 0.0f, 0);
    kern_reference()->linear_int8(n, act, x.wide, &w.reference, with_bias ? bias : NULL, want);
    table->linear_int8(n, act, x.wide, &w.q, with_bias ? bias : NULL, got);
    both half = prefilled_both(n * out, 0.0f, 0);
    if (table->bf16) table->bf16->linear_int8(n, act, x.half, &w.q, with_bias ? bias : NULL, half.half);
    for (int64_t i = 0; i < n * out; i++) {
        const double allowed = slack(x.wide, &w, i / out, i % out), expected = (double)want[i];
        ck_assert_msg(fabs((double)got[i] - expected) <= allowed, "%s: y[%lld]: expected %.9g +- %.3g, got %.9g",
                      table->name, (long long)i, expected, allowed, (double)got[i]);
        const double rounded = table->bf16 ? (double)kern_from_bf16(half.half[i]) : expected;
        ck_assert_msg(fabs(rounded - expected) <= allowed + ldexp(fabs(expected), -8),
                      "%s in bf16: y[%lld]: expected %.9g +- %.3g, got %.9g", table->name, (long long)i, expected,
                      allowed, rounded);
    }
    free_both(x);
    free_both(half);
    free(bias);
    free(want);
    free(got);
    free_weights(w);
}

START_TEST(test_against_reference) {
    FOR_EACH_TABLE(table, {
        for (size_t s = 0; s < N_SHAPES; s++) {
            for (int a = 0; a < 4; a++) check_forward(table, shapes[s], activations[a], (s + (size_t)a) % 2);
        }
    });
}
END_TEST

/* The reference itself against the product of the numbers that the weights stand for. */
START_TEST(test_reference_is_near_the_product) {
    const int64_t n = 20, in = 200, out = 30;
    weights w = make_weights(kern_reference(), in, out, 1);
    float *x = random_floats(n * in, 2), *bias = random_floats(out, 3), *y = prefilled(n * out, 0.0f, 0);
    kern_reference()->linear_int8(n, KERN_GELU, x, &w.q, bias, y);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < out; j++) {
            double want = (double)bias[j], weight = 0.0;
            for (int64_t p = 0; p < in; p++) {
                const double v = (double)x[i * in + p], activated = 0.5 * v * (1.0 + erf(v * 0.70710678118654752));
                want += activated * w.rows[j * in + p] * (double)w.q.scale[j];
                weight += abs(w.rows[j * in + p]) * (double)w.q.scale[j];
            }
            /* values within [-0.16, 0.85], 254 steps, an error of half a step each at the worst */
            ck_assert_double_le(fabs((double)y[i * out + j] - want), 0.51 * (1.01 / 254.0) * weight + 1e-5);
        }
    }
    free(x);
    free(bias);
    free(y);
    free_weights(w);
}
END_TEST

/* One row each of zeros, of numbers near both ends of float, and with a NaN or an infinity somewhere. */
static void check_odd_rows(const kern_table *table, int64_t in, int64_t bad) {
    enum { ZEROS, HUGE_ROW, TINY, NANS, INFINITE, PLAIN, ROWS };
    const int64_t out = 35;
    weights w = make_weights(table, in, out, 8);
    float *x = random_floats(ROWS * in, 9), *bias = random_floats(out, 3), *y = prefilled(ROWS * out, 0.0f, 0);
    for (int64_t p = 0; p < in; p++) {
        x[ZEROS * in + p] = 0.0f;
        x[HUGE_ROW * in + p] = p % 2 ? -3e38f : 3e38f;
        x[TINY * in + p] *= 1e-40f;
    }
    x[NANS * in + bad] = NAN;
    x[INFINITE * in + bad] = -INFINITY;
    table->linear_int8(ROWS, KERN_NONE, x, &w.q, bias, y);
    for (int64_t j = 0; j < out; j++) {
        double want = 0.0, weight = 0.0;
        for (int64_t p = 0; p < in; p++) {
            want += (double)x[HUGE_ROW * in + p] * w.rows[j * in + p] * (double)w.q.scale[j];
            weight += abs(w.rows[j * in + p]) * (double)w.q.scale[j];
        }
        ck_assert_msg(y[ZEROS * out + j] == bias[j], "%s: a row of zeros", table->name);
        ck_assert_msg(y[TINY * out + j] == bias[j], "%s: a row of tiny numbers", table->name);
        ck_assert_msg(isnan(y[NANS * out + j]), "%s: NaN at %lld of %lld is lost", table->name, (long long)bad,
                      (long long)in);
        ck_assert_msg(isnan(y[INFINITE * out + j]), "%s: Inf at %lld of %lld is lost", table->name, (long long)bad,
                      (long long)in);
        ck_assert_msg(isfinite(y[PLAIN * out + j]), "%s: a NaN spreads to other rows", table->name);
        const double got = (double)y[HUGE_ROW * out + j]; /* where a part of the formula overflows, Inf or NaN */
        if (3e38 * weight < 3e38)
            ck_assert_msg(fabs(got - want) <= 6e38 / 254.0 * weight, "%s: huge numbers: expected %g, got %g",
                          table->name, want, got);
    }
    free(x);
    free(bias);
    free(y);
    free_weights(w);
}

START_TEST(test_odd_rows) {
    FOR_EACH_TABLE(table, {
        const int64_t places[][2] = {{1, 0}, {40, 0}, {40, 39}, {41, 40}, {64, 17}, {3, 2}};
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) check_odd_rows(table, places[i][0], places[i][1]);
    });
}
END_TEST

/* The same bytes however many rows come together and however many threads work. */
START_TEST(test_rows_are_independent) {
    const int64_t n = 500, in = 100, out = 70;
    kept first = {{0}};
    float *x = random_floats(n * in, 2);
    FOR_EACH_TABLE(table, {
        weights w = make_weights(table, in, out, 1);
        float *all = prefilled(n * out, 0.0f, 0), *few = prefilled(n * out, 0.0f, 0);
        table->linear_int8(n, KERN_GELU, x, &w.q, NULL, all);
        check_as_with_one_thread(&first, t_, all, (size_t)(n * out) * sizeof *all, table->name);
        for (int64_t i = 0; i < n; i += 3)
            table->linear_int8(n - i < 3 ? n - i : 3, KERN_GELU, x + i * in, &w.q, NULL, few + i * out);
        check_same(n * out, few, all, table->name, "y of three rows");
        free(all);
        free(few);
        free_weights(w);
    });
    free(x);
    free_kept(&first);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("int8 kernels");
    TCase *tests = tcase_create("int8");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_sums_are_exact);
    tcase_add_test(tests, test_against_reference);
    tcase_add_test(tests, test_reference_is_near_the_product);
    tcase_add_test(tests, test_odd_rows);
    tcase_add_test(tests, test_rows_are_independent);
    return run_suite(suite);
}
