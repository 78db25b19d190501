/* Layer norm, its fused forms and L2 normalisation of every table against the reference. */
#include "tests/kernels/against.h"

static const int64_t rows[] = {0, 1, 2, 63, 64, 65, 200};
static const int64_t widths[] = {1, 3, 7, 16, 31, 33, 384};

#define N_ROWS   (sizeof rows / sizeof *rows)
#define N_WIDTHS (sizeof widths / sizeof *widths)

/* Outputs of one run of all kernels of this file. */
typedef struct outputs {
    float *sum, *y, *mean, *rstd, *plain, *plain_mean, *plain_rstd, *dx, *dresidual, *dplain, *dgamma, *dshift, *unit,
        *norm, *dunit;
} outputs;

static outputs allocate(int64_t n, int64_t d, float beta) {
    return (outputs){.sum = random_floats(n * d, 1),
                     .y = prefilled(n * d, 0.0f, 0),
                     .mean = prefilled(n, 0.0f, 0),
                     .rstd = prefilled(n, 0.0f, 0),
                     .plain = prefilled(n * d, 0.0f, 0),
                     .plain_mean = prefilled(n, 0.0f, 0),
                     .plain_rstd = prefilled(n, 0.0f, 0),
                     .dx = prefilled(n * d, beta, 2),
                     .dresidual = prefilled(n * d, beta, 3),
                     .dplain = prefilled(n * d, beta, 4),
                     .dgamma = random_floats(d, 5),
                     .dshift = random_floats(d, 6),
                     .unit = prefilled(n * d, 0.0f, 0),
                     .norm = prefilled(n, 0.0f, 0),
                     .dunit = prefilled(n * d, beta, 7)};
}

static void release(outputs *o) {
    float *all[] = {o->sum,    o->y,      o->mean, o->rstd, o->plain, o->dx,         o->dresidual, o->dplain,
                    o->dgamma, o->dshift, o->unit, o->norm, o->dunit, o->plain_mean, o->plain_rstd};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* Statistics come from the reference's run (`from`), so that every kernel is compared by itself. */
static void run_all(const kern_table *k, int64_t n, int64_t d, kern_dropout dropout, float beta, outputs *o,
                    const outputs *from) {
    float *x = random_floats(n * d, 11), *residual = random_floats(n * d, 12), *dy = random_floats(n * d, 13);
    float *gamma = random_floats(d, 14), *shift = random_floats(d, 15);
    for (int64_t j = 0; j < d && n > 2; j++) x[2 * d + j] = 0.0f; /* a row without variance and without length */
    k->add_norm_forward(n, d, dropout, o->sum, residual, gamma, shift, 1e-5, o->y, o->mean, o->rstd);
    k->add_norm_backward(n, d, dropout, from->sum, gamma, from->mean, from->rstd, dy, beta, o->dx, 1.0f - beta,
                         o->dresidual, o->dgamma, o->dshift);
    k->layer_norm_forward(n, d, x, gamma, shift, 1e-5, o->plain, o->plain_mean, o->plain_rstd);
    k->layer_norm_backward(n, d, x, gamma, from->plain_mean, from->plain_rstd, dy, beta, o->dplain, o->dgamma,
                           o->dshift);
    k->normalize_forward(n, d, 1e-12, x, o->unit, o->norm);
    k->normalize_backward(n, d, 0.2, from->unit, from->norm, dy, beta, o->dunit); /* 0.2: some rows are clamped */
    free(x);
    free(residual);
    free(dy);
    free(gamma);
    free(shift);
}

static void check_shape(int64_t n, int64_t d, kern_dropout dropout, float beta) {
    outputs want = allocate(n, d, beta);
    /* dresidual has the other beta, so it holds numbers when dx holds NaN and the other way round. */
    free(want.dresidual);
    want.dresidual = prefilled(n * d, 1.0f - beta, 3);
    run_all(kern_reference(), n, d, dropout, beta, &want, &want);
    FOR_EACH_TABLE(table, {
        outputs got = allocate(n, d, beta);
        free(got.dresidual);
        got.dresidual = prefilled(n * d, 1.0f - beta, 3);
        run_all(table, n, d, dropout, beta, &got, &want);
        /* A row of width 1 or of equal numbers has rstd 1/sqrt(eps): differences of rounding come out 300 times larger.
         */
        const double loose = d < 8 ? 2e-3 : 2e-5;
        check_close(n * d, got.sum, want.sum, 1e-6, table->name, "sum");
        check_close(n * d, got.y, want.y, loose, table->name, "y of add_norm");
        check_close(n * d, got.plain, want.plain, loose, table->name, "y of layer_norm");
        check_close(n, got.mean, want.mean, 1e-6, table->name, "mean");
        check_close(n, got.rstd, want.rstd, loose, table->name, "rstd");
        check_close(n, got.plain_mean, want.plain_mean, 1e-6, table->name, "mean of layer_norm");
        check_close(n, got.plain_rstd, want.plain_rstd, loose, table->name, "rstd of layer_norm");
        check_close(n * d, got.dx, want.dx, loose, table->name, "dx of add_norm");
        check_close(n * d, got.dresidual, want.dresidual, loose, table->name, "dresidual");
        check_close(n * d, got.dplain, want.dplain, loose, table->name, "dx of layer_norm");
        check_close(d, got.dgamma, want.dgamma, loose * 10, table->name, "dgamma");
        check_close(d, got.dshift, want.dshift, loose, table->name, "dshift");
        check_close(n * d, got.unit, want.unit, 1e-6, table->name, "unit");
        check_close(n, got.norm, want.norm, 1e-6, table->name, "norm");
        check_close(n * d, got.dunit, want.dunit, 1e-5, table->name, "dunit");
        release(&got);
    });
    release(&want);
}

START_TEST(test_norms) {
    const kern_dropout none = {0}, drop = {.p = 0.25, .key = 99, .first_row = 12345};
    for (size_t i = 0; i < N_ROWS; i++) {
        check_shape(rows[i], widths[_i], none, 0.0f);
        check_shape(rows[i], widths[_i], drop, 1.0f);
        check_shape(rows[i], widths[_i], drop, 0.0f);
    }
}
END_TEST

/* dx or dresidual may be NULL, and so may the gradients of frozen parameters. */
START_TEST(test_outputs_may_be_missing) {
    enum { N = 5, D = 33 };
    float *x = random_floats(N * D, 1), *gamma = random_floats(D, 2), *dy = random_floats(N * D, 3), mean[N], rstd[N];
    float y[N * D], both[2][N * D], alone[2][N * D], dgamma[D] = {0};
    const kern_dropout drop = {.p = 0.5, .key = 4};
    kern_reference()->layer_norm_forward(N, D, x, gamma, gamma, 1e-12, y, mean, rstd);
    int n_tables;
    const kern_table *const *tables = kern_all(&n_tables);
    start_threads(2);
    for (int t = 0; t < n_tables; t++) {
        tables[t]->add_norm_backward(N, D, drop, x, gamma, mean, rstd, dy, 0, both[0], 0, both[1], dgamma, dgamma);
        tables[t]->add_norm_backward(N, D, drop, x, gamma, mean, rstd, dy, 0, alone[0], 0, NULL, NULL, NULL);
        tables[t]->add_norm_backward(N, D, drop, x, gamma, mean, rstd, dy, 0, NULL, 0, alone[1], NULL, dgamma);
        check_same(N * D, both[0], alone[0], tables[t]->name, "dx");
        check_same(N * D, both[1], alone[1], tables[t]->name, "dresidual");
    }
    senc_threads_free();
    free(x);
    free(gamma);
    free(dy);
}
END_TEST

/* Rows (1, 3): mean 2, variance 1; with gamma 10 and shift 1 the output is (-9, 11). */
START_TEST(test_layer_norm_by_hand) {
    const float x[2] = {1.0f, 3.0f}, gamma[2] = {10.0f, 10.0f}, shift[2] = {1.0f, 1.0f};
    int n_tables;
    const kern_table *const *tables = kern_all(&n_tables);
    for (int t = 0; t < n_tables; t++) {
        float y[2], mean, rstd;
        tables[t]->layer_norm_forward(1, 2, x, gamma, shift, 0.0, y, &mean, &rstd);
        ck_assert_float_eq_tol(y[0], -9.0f, 1e-5f);
        ck_assert_float_eq_tol(y[1], 11.0f, 1e-5f);
        ck_assert_float_eq(mean, 2.0f);
        ck_assert_float_eq(rstd, 1.0f);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("norm kernels");
    TCase *c = tcase_create("norms");
    tcase_set_timeout(c, 240);
    tcase_add_loop_test(c, test_norms, 0, N_WIDTHS);
    tcase_add_test(c, test_outputs_may_be_missing);
    tcase_add_test(c, test_layer_norm_by_hand);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
