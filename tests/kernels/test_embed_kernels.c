/* Embedding and pooling of every table against the reference. */
#include "tests/kernels/against.h"

static const int64_t lengths[] = {0, 1, 2, 17, 0, 33, 512, 5};
#define N_SEQUENCES 8
static const int64_t widths[] = {1, 3, 7, 31, 33, 384};

static int64_t lay_out(int64_t *offsets) {
    offsets[0] = 0;
    for (int i = 0; i < N_SEQUENCES; i++) offsets[i + 1] = offsets[i] + lengths[i];
    return offsets[N_SEQUENCES];
}

START_TEST(test_embed) {
    enum { V = 50, P = 520, FIRST = 2 };
    int64_t offsets[N_SEQUENCES + 1];
    const int64_t n = lay_out(offsets), d = widths[_i];
    const kern_sequences sequences = {offsets, N_SEQUENCES};
    int32_t *ids = calloc((size_t)n, sizeof *ids);
    ck_assert_ptr_nonnull(ids);
    for (int64_t i = 0; i < n; i++) ids[i] = (int32_t)(senc_rng_mix((uint64_t)i) % V);
    float *word = random_floats(V * d, 1), *position = random_floats(P * d, 2), *type = random_floats(d, 3);
    float *dout = random_floats(n * d, 4), *want = prefilled(n * d, 0.0f, 0);
    for (int parts = 0; parts < 8; parts++) {
        const float *p = parts & 1 ? position : NULL, *t = parts & 2 ? type : NULL;
        kern_reference()->embed_forward(sequences, d, ids, FIRST, word, p, t, want);
        float *dword = random_floats(V * d, 5), *dposition = random_floats(P * d, 6), *dtype = random_floats(d, 7);
        kern_reference()->embed_backward(sequences, d, ids, FIRST, dout, parts & 4 ? dword : NULL, p ? dposition : NULL,
                                         t ? dtype : NULL);
        FOR_EACH_TABLE(table, {
            float *got = prefilled(n * d, 0.0f, 0), *gw = random_floats(V * d, 5), *gp = random_floats(P * d, 6);
            float *gt = random_floats(d, 7);
            table->embed_forward(sequences, d, ids, FIRST, word, p, t, got);
            table->embed_backward(sequences, d, ids, FIRST, dout, parts & 4 ? gw : NULL, p ? gp : NULL, t ? gt : NULL);
            check_close(n * d, got, want, 1e-6, table->name, "out");
            check_close(V * d, gw, dword, 1e-5, table->name, "dword");
            check_close(P * d, gp, dposition, 1e-5, table->name, "dposition");
            check_close(d, gt, dtype, 1e-5, table->name, "dtype");
            free(got);
            free(gw);
            free(gp);
            free(gt);
        });
        free(dword);
        free(dposition);
        free(dtype);
    }
    free(ids);
    free(word);
    free(position);
    free(type);
    free(dout);
    free(want);
}
END_TEST

static void check_pool(kern_pooling mode, int64_t d, float beta) {
    int64_t offsets[N_SEQUENCES + 1];
    const int64_t n = lay_out(offsets);
    const kern_sequences sequences = {offsets, N_SEQUENCES};
    float *x = random_floats(n * d, 1), *dy = random_floats(N_SEQUENCES * d, 2);
    for (int64_t i = 0; i < n * d; i++) x[i] = roundf(x[i] * 8.0f); /* equal maxima */
    float *want = prefilled(N_SEQUENCES * d, 0.0f, 0), *dwant = prefilled(n * d, beta, 3);
    int64_t *rows_want = calloc((size_t)(N_SEQUENCES * d), sizeof *rows_want);
    int64_t *rows_got = calloc((size_t)(N_SEQUENCES * d), sizeof *rows_got);
    const bool max = mode == KERN_POOL_MAX;
    kern_reference()->pool_forward(mode, sequences, d, x, want, max ? rows_want : NULL);
    kern_reference()->pool_backward(mode, sequences, d, max ? rows_want : NULL, dy, beta, dwant);
    FOR_EACH_TABLE(table, {
        float *got = prefilled(N_SEQUENCES * d, 0.0f, 0), *dgot = prefilled(n * d, beta, 3);
        table->pool_forward(mode, sequences, d, x, got, max ? rows_got : NULL);
        table->pool_backward(mode, sequences, d, max ? rows_want : NULL, dy, beta, dgot);
        check_close(N_SEQUENCES * d, got, want, 3e-6, table->name, "pooled");
        check_close(n * d, dgot, dwant, 1e-6, table->name, "dx");
        for (int64_t i = 0; i < N_SEQUENCES * d; i++) {
            if (rows_got[i] != rows_want[i]) ck_abort_msg("%s: argmax[%lld]", table->name, (long long)i);
        }
        free(got);
        free(dgot);
    });
    free(x);
    free(dy);
    free(want);
    free(dwant);
    free(rows_want);
    free(rows_got);
}

START_TEST(test_pool) {
    for (int mode = KERN_POOL_MEAN; mode <= KERN_POOL_LAST; mode++) {
        check_pool((kern_pooling)mode, widths[_i], 0.0f);
        check_pool((kern_pooling)mode, widths[_i], 1.0f);
    }
}
END_TEST

/* Rows 1, 2, 6 of one column: mean 3, cls 1, max 6, 9/sqrt(3), (1 + 4 + 18)/6, last 6. */
START_TEST(test_pool_by_hand) {
    const float x[3] = {1.0f, 2.0f, 6.0f};
    const double want[] = {3.0, 1.0, 6.0, 9.0 / sqrt(3.0), 23.0 / 6.0, 6.0};
    const int64_t offsets[2] = {0, 3};
    int n_tables;
    const kern_table *const *tables = kern_all(&n_tables);
    for (int t = 0; t < n_tables; t++) {
        for (int mode = KERN_POOL_MEAN; mode <= KERN_POOL_LAST; mode++) {
            float y;
            int64_t argmax;
            tables[t]->pool_forward((kern_pooling)mode, (kern_sequences){offsets, 1}, 1, x, &y, &argmax);
            ck_assert_double_eq_tol((double)y, want[mode], 1e-6);
            if (mode == KERN_POOL_MAX) ck_assert_int_eq(argmax, 2);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("embed kernels");
    TCase *c = tcase_create("embed");
    tcase_set_timeout(c, 240);
    tcase_add_loop_test(c, test_embed, 0, sizeof widths / sizeof *widths);
    tcase_add_loop_test(c, test_pool, 0, sizeof widths / sizeof *widths);
    tcase_add_test(c, test_pool_by_hand);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
