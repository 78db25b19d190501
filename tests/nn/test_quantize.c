/* Weights in int8: within half a step of what they stand for, and never too large for the kernels. */
#include "autograd/kernels/kernels.h"
#include "autograd/params.h"
#include "nn/quantize.h"
#include "tests/nn/model_bench.h"

/* One output's weights w, as q. */
static void check_output(int64_t in, const float *w, const int8_t *q, double scale, double sum) {
    int32_t total = 0, largest = 0;
    for (int64_t p = 0; p < in; p++) {
        const int neighbour = p % 2 ? q[p - 1] : p + 1 < in ? q[p + 1] : 0;
        const int together = abs((q[p] < 0) == (neighbour < 0) ? q[p] + neighbour : q[p]);
        ck_assert_int_le(together, 128);
        largest = together > largest ? together : largest;
        total += q[p];
        ck_assert_double_le(fabs(q[p] * scale - (double)w[p]), 0.5001 * scale);
    }
    ck_assert_int_ge(largest, 126); /* no step is wasted */
    ck_assert_double_eq_tol(sum, scale * total, 1e-6 * scale * (double)in * 127.0);
}

START_TEST(test_weights) {
    senc_error err = {0};
    nn_model *m = model_bench_load(TINY, NULL, false);
    ck_assert_msg(nn_quantize(m, kern_reference(), &err), "%s", err.text); /* which packs rows as they are */
    const ag_params *ps = nn_model_params(m);
    int n_quantized = 0;
    for (int64_t i = 0; i < ps->n; i++) {
        const ag_param *p = ps->items[i];
        ck_assert_int_eq(p->int8 != NULL, p->linear);
        if (!p->int8) continue;
        n_quantized++;
        ck_assert_int_eq(p->int8->in, p->cols);
        ck_assert_int_eq(p->int8->out, p->rows);
        for (int64_t j = 0; j < p->rows; j++)
            check_output(p->cols, p->value + j * p->cols, p->int8->packed + j * p->cols, (double)p->int8->scale[j],
                         (double)p->int8->sum[j]);
    }
    ck_assert_int_gt(n_quantized, 0);
    nn_model_free(m);
}
END_TEST

/* Vectors in int8 point where those in fp32 do. */
START_TEST(test_vectors) {
    nn_overrides int8 = NN_OVERRIDES_NONE;
    int8.precision = NN_INT8;
    model_bench b = model_bench_open();
    nn_model *exact = model_bench_load(TINY, NULL, false), *m = model_bench_load(TINY, &int8, false);
    float *want = model_bench_encode(exact, kern_best(), false, b.ids, b.sequences, NULL);
    float *got = model_bench_encode(m, kern_best(), false, b.ids, b.sequences, NULL);
    const int64_t width = nn_model_width(m);
    for (int64_t i = 0; i < b.sequences.n; i++) {
        double dot = 0, squares = 0, wanted = 0;
        for (int64_t d = 0; d < width; d++) {
            const double x = (double)got[i * width + d], y = (double)want[i * width + d];
            dot += x * y;
            squares += x * x;
            wanted += y * y;
        }
        ck_assert_double_gt(dot / sqrt(squares * wanted), 0.999);
    }
    ck_assert_int_ne(memcmp(got, want, (size_t)(b.sequences.n * width) * sizeof *got), 0);
    free(want);
    free(got);
    nn_model_free(exact);
    nn_model_free(m);
    model_bench_close(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("int8 weights");
    TCase *c = tcase_create("quantize");
    tcase_add_test(c, test_weights);
    tcase_add_test(c, test_vectors);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
