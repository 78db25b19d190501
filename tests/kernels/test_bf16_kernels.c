/* The bf16 tables against the reference: norms, dropout, embedding, pooling. Attention and products have files of their
 * own. */
#include "tests/kernels/against_bf16.h"

static const int64_t widths[] = {1, 3, 7, 16, 31, 33, 384};
#define N_WIDTHS (sizeof widths / sizeof *widths)

START_TEST(test_every_fast_table_has_a_bf16_one) {
    int n;
    const kern_table *const *tables = kern_all(&n);
    for (int t = 0; t < n; t++) {
        ck_assert_int_eq(tables[t]->storage, KERN_REAL);
        if (t > 0) ck_assert_ptr_nonnull(tables[t]->bf16);
        if (tables[t]->bf16) ck_assert_int_eq(tables[t]->bf16->storage, KERN_BF16);
    }
}
END_TEST

/* y, mean and rstd are compared with the layer norm of the sum that was stored: backward recomputes from that one. */
static void check_add_norm(int64_t n, int64_t d, kern_dropout dropout) {
    both x = random_both(n * d, 1), residual = random_both(n * d, 2);
    float *gamma = random_floats(d, 3), *shift = random_floats(d, 4), *y = prefilled(n * d, 0.0f, 0);
    float *mean = prefilled(n, 0.0f, 0), *rstd = prefilled(n, 0.0f, 0);
    float *sum = malloc((size_t)(n * d + 1) * sizeof *sum), *stored_sum = malloc((size_t)(n * d + 1) * sizeof *sum);
    ck_assert(sum && stored_sum);
    memcpy(sum, x.wide, (size_t)(n * d) * sizeof *sum);
    kern_reference()->add_norm_forward(n, d, dropout, sum, residual.wide, gamma, shift, 1e-5, y, mean, rstd);
    kept kept_y = {0};
    FOR_EACH_BF16(table, {
        both got = random_both(n * d, 1), got_y = prefilled_both(n * d, 0.0f, 0);
        float *got_mean = prefilled(n, 0.0f, 0), *got_rstd = prefilled(n, 0.0f, 0);
        table->add_norm_forward(n, d, dropout, got.half, residual.half, gamma, shift, 1e-5, got_y.half, got_mean,
                                got_rstd);
        check_rounded(n * d, got.half, sum, 1e-6, table->name, "sum");
        for (int64_t i = 0; i < n * d; i++) stored_sum[i] = kern_from_bf16(got.half[i]);
        kern_reference()->layer_norm_forward(n, d, stored_sum, gamma, shift, 1e-5, y, mean, rstd);
        const double loose = d < 8 ? 2e-3 : 2e-5;
        check_rounded(n * d, got_y.half, y, loose, table->name, "y");
        check_close(n, got_mean, mean, 1e-6, table->name, "mean");
        check_close(n, got_rstd, rstd, loose, table->name, "rstd");
        check_as_with_one_thread(&kept_y, t_, got_y.half, (size_t)(n * d) * sizeof(kern_bf16), "y");
        free_both(got);
        free_both(got_y);
        free(got_mean);
        free(got_rstd);
    });
    free_kept(&kept_y);
    free_both(x);
    free_both(residual);
    float *all[] = {gamma, shift, y, mean, rstd, sum, stored_sum};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void check_norm_backward(int64_t n, int64_t d, kern_dropout dropout, float beta) {
    both x = random_both(n * d, 11), dy = random_both(n * d, 12);
    float *gamma = random_floats(d, 13), *shift = random_floats(d, 14), *y = prefilled(n * d, 0.0f, 0);
    float *mean = prefilled(n, 0.0f, 0), *rstd = prefilled(n, 0.0f, 0);
    float *dgamma = random_floats(d, 5), *dshift = random_floats(d, 6);
    both dx = prefilled_both(n * d, beta, 1), dresidual = prefilled_both(n * d, 1.0f - beta, 2);
    both plain = prefilled_both(n * d, beta, 3);
    kern_reference()->layer_norm_forward(n, d, x.wide, gamma, shift, 1e-5, y, mean, rstd);
    kern_reference()->add_norm_backward(n, d, dropout, x.wide, gamma, mean, rstd, dy.wide, beta, dx.wide, 1.0f - beta,
                                        dresidual.wide, dgamma, dshift);
    kern_reference()->layer_norm_backward(n, d, x.wide, gamma, mean, rstd, dy.wide, beta, plain.wide, dgamma, dshift);
    kept kept_dx = {0}, kept_dgamma = {0};
    FOR_EACH_BF16(table, {
        both got_y = prefilled_both(n * d, 0.0f, 0);
        both got_dx = prefilled_both(n * d, beta, 1), got_dresidual = prefilled_both(n * d, 1.0f - beta, 2);
        both got_plain = prefilled_both(n * d, beta, 3);
        float *got_dgamma = random_floats(d, 5), *got_dshift = random_floats(d, 6);
        float *got_mean = prefilled(n, 0.0f, 0), *got_rstd = prefilled(n, 0.0f, 0);
        table->layer_norm_forward(n, d, x.half, gamma, shift, 1e-5, got_y.half, got_mean, got_rstd);
        table->add_norm_backward(n, d, dropout, x.half, gamma, mean, rstd, dy.half, beta, got_dx.half, 1.0f - beta,
                                 got_dresidual.half, got_dgamma, got_dshift);
        table->layer_norm_backward(n, d, x.half, gamma, mean, rstd, dy.half, beta, got_plain.half, got_dgamma,
                                   got_dshift);
        const double loose = d < 8 ? 5e-3 : 5e-5;
        check_rounded(n * d, got_y.half, y, loose, table->name, "y of layer_norm");
        check_close(n, got_mean, mean, 1e-6, table->name, "mean of layer_norm");
        check_close(n, got_rstd, rstd, loose, table->name, "rstd of layer_norm");
        check_rounded(n * d, got_dx.half, dx.wide, loose, table->name, "dx of add_norm");
        check_rounded(n * d, got_dresidual.half, dresidual.wide, loose, table->name, "dresidual");
        check_rounded(n * d, got_plain.half, plain.wide, loose, table->name, "dx of layer_norm");
        check_close(d, got_dgamma, dgamma, loose * 10, table->name, "dgamma");
        check_close(d, got_dshift, dshift, loose, table->name, "dshift");
        check_as_with_one_thread(&kept_dx, t_, got_dx.half, (size_t)(n * d) * sizeof(kern_bf16), "dx");
        check_as_with_one_thread(&kept_dgamma, t_, got_dgamma, (size_t)d * sizeof(float), "dgamma");
        free_both(got_y);
        free_both(got_dx);
        free_both(got_dresidual);
        free_both(got_plain);
        float *all[] = {got_dgamma, got_dshift, got_mean, got_rstd};
        for (size_t i = 0; i < 4; i++) free(all[i]);
    });
    free_kept(&kept_dx);
    free_kept(&kept_dgamma);
    both stored[] = {x, dy, dx, dresidual, plain};
    for (size_t i = 0; i < 5; i++) free_both(stored[i]);
    float *all[] = {gamma, shift, y, mean, rstd, dgamma, dshift};
    for (size_t i = 0; i < 7; i++) free(all[i]);
}

START_TEST(test_norms) {
    const int64_t rows[] = {0, 1, 2, 65, 200};
    const kern_dropout none = {0}, drop = {.p = 0.25, .key = 99, .first_row = 12345};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_add_norm(rows[i], widths[_i], none);
        check_add_norm(rows[i], widths[_i], drop);
        check_norm_backward(rows[i], widths[_i], none, 0.0f);
        check_norm_backward(rows[i], widths[_i], drop, 1.0f);
    }
}
END_TEST

START_TEST(test_dropout) {
    const int64_t shapes[][2] = {{0, 5}, {1, 1}, {3, 7}, {5, 33}, {100, 384}, {2, 40000}};
    const double shares[] = {0.0, 0.1, 0.999};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const int64_t n = shapes[s][0], d = shapes[s][1];
        both x = random_both(n * d, 1);
        for (int p = 0; p < 3; p++) {
            const kern_dropout dropout = {.p = shares[p], .key = 0xfedcba9876543210u, .first_row = INT64_C(1) << 33};
            both want = prefilled_both(n * d, 0.0f, 0), sum = prefilled_both(n * d, 1.0f, 2);
            kern_reference()->dropout_forward(n, d, dropout, x.wide, want.wide);
            kern_reference()->dropout_backward(n, d, dropout, x.wide, 1.0f, sum.wide);
            FOR_EACH_BF16(table, {
                both got = prefilled_both(n * d, 0.0f, 0), dx = prefilled_both(n * d, 1.0f, 2);
                table->dropout_forward(n, d, dropout, x.half, got.half);
                check_rounded(n * d, got.half, want.wide, 0.0, table->name, "dropout");
                table->dropout_backward(n, d, dropout, x.half, 1.0f, dx.half);
                check_rounded(n * d, dx.half, sum.wide, 1e-6, table->name, "dropout backward");
                memcpy(dx.half, x.half, (size_t)(n * d) * sizeof *dx.half); /* in place */
                table->dropout_forward(n, d, dropout, dx.half, dx.half);
                ck_assert_mem_eq(dx.half, got.half, (size_t)(n * d) * sizeof *dx.half);
                free_both(got);
                free_both(dx);
            });
            free_both(want);
            free_both(sum);
        }
        free_both(x);
    }
}
END_TEST

static const int64_t lengths[] = {0, 1, 2, 17, 0, 33, 200, 5};
#define N_SEQUENCES 8

static int64_t lay_out(int64_t *offsets) {
    offsets[0] = 0;
    for (int i = 0; i < N_SEQUENCES; i++) offsets[i + 1] = offsets[i] + lengths[i];
    return offsets[N_SEQUENCES];
}

START_TEST(test_embed) {
    enum { V = 50, P = 210, FIRST = 2 };
    int64_t offsets[N_SEQUENCES + 1];
    const int64_t n = lay_out(offsets), d = widths[_i];
    const kern_sequences sequences = {offsets, N_SEQUENCES};
    int32_t *ids = calloc((size_t)n, sizeof *ids);
    ck_assert_ptr_nonnull(ids);
    for (int64_t i = 0; i < n; i++) ids[i] = (int32_t)(senc_rng_mix((uint64_t)i) % V);
    float *word = random_floats(V * d, 1), *position = random_floats(P * d, 2), *type = random_floats(d, 3);
    both dout = random_both(n * d, 4);
    for (int parts = 0; parts < 4; parts++) {
        const float *p = parts & 1 ? position : NULL, *t = parts & 2 ? type : NULL;
        float *want = prefilled(n * d, 0.0f, 0);
        float *dword = random_floats(V * d, 5), *dposition = random_floats(P * d, 6), *dtype = random_floats(d, 7);
        kern_reference()->embed_forward(sequences, d, ids, FIRST, word, p, t, want);
        kern_reference()->embed_backward(sequences, d, ids, FIRST, dout.wide, dword, p ? dposition : NULL,
                                         t ? dtype : NULL);
        kept kept_word = {0};
        FOR_EACH_BF16(table, {
            both got = prefilled_both(n * d, 0.0f, 0);
            float *gw = random_floats(V * d, 5), *gp = random_floats(P * d, 6), *gt = random_floats(d, 7);
            table->embed_forward(sequences, d, ids, FIRST, word, p, t, got.half);
            table->embed_backward(sequences, d, ids, FIRST, dout.half, gw, p ? gp : NULL, t ? gt : NULL);
            check_rounded(n * d, got.half, want, 1e-9, table->name, "out");
            check_close(V * d, gw, dword, 1e-5, table->name, "dword");
            check_close(P * d, gp, dposition, 1e-5, table->name, "dposition");
            check_close(d, gt, dtype, 1e-5, table->name, "dtype");
            check_as_with_one_thread(&kept_word, t_, gw, (size_t)(V * d) * sizeof *gw, "dword");
            free_both(got);
            free(gw);
            free(gp);
            free(gt);
        });
        free_kept(&kept_word);
        float *all[] = {want, dword, dposition, dtype};
        for (size_t i = 0; i < 4; i++) free(all[i]);
    }
    free_both(dout);
    free(ids);
    free(word);
    free(position);
    free(type);
}
END_TEST

static void check_pool(kern_pooling mode, int64_t d, float beta) {
    int64_t offsets[N_SEQUENCES + 1];
    const int64_t n = lay_out(offsets);
    const kern_sequences sequences = {offsets, N_SEQUENCES};
    both x = random_both(n * d, 1), dwant = prefilled_both(n * d, beta, 3);
    float *dy = random_floats(N_SEQUENCES * d, 2), *want = prefilled(N_SEQUENCES * d, 0.0f, 0);
    int64_t *rows_want = calloc((size_t)(N_SEQUENCES * d), sizeof *rows_want);
    int64_t *rows_got = calloc((size_t)(N_SEQUENCES * d), sizeof *rows_got);
    const bool max = mode == KERN_POOL_MAX;
    kern_reference()->pool_forward(mode, sequences, d, x.wide, want, max ? rows_want : NULL);
    kern_reference()->pool_backward(mode, sequences, d, max ? rows_want : NULL, dy, beta, dwant.wide);
    FOR_EACH_BF16(table, {
        float *got = prefilled(N_SEQUENCES * d, 0.0f, 0);
        both dgot = prefilled_both(n * d, beta, 3);
        table->pool_forward(mode, sequences, d, x.half, got, max ? rows_got : NULL);
        table->pool_backward(mode, sequences, d, max ? rows_want : NULL, dy, beta, dgot.half);
        check_close(N_SEQUENCES * d, got, want, 3e-6, table->name, "pooled");
        check_rounded(n * d, dgot.half, dwant.wide, 1e-8, table->name, "dx");
        for (int64_t i = 0; i < N_SEQUENCES * d; i++) {
            if (rows_got[i] != rows_want[i]) ck_abort_msg("%s: argmax[%lld]", table->name, (long long)i);
        }
        free(got);
        free_both(dgot);
    });
    free_both(x);
    free_both(dwant);
    free(dy);
    free(want);
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

/* A NaN or an infinity anywhere is seen, also in the last elements. */
START_TEST(test_is_finite_stored) {
    const int64_t sizes[] = {0, 1, 15, 33, 32769};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const int64_t n = sizes[s];
        both x = random_both(n, 1);
        FOR_EACH_TABLE(table, {
            ck_assert(table->is_finite_stored(n, x.wide));
            ck_assert(table->bf16->is_finite_stored(n, x.half));
            for (int64_t at = 0; at < n; at += 1 + n / 5) {
                const float bad[3] = {NAN, INFINITY, -INFINITY};
                for (int b = 0; b < 3; b++) {
                    const float was = x.wide[at];
                    const kern_bf16 was_half = x.half[at];
                    x.wide[at] = bad[b];
                    x.half[at] = kern_to_bf16(bad[b]);
                    ck_assert(!table->is_finite_stored(n, x.wide));
                    ck_assert(!table->bf16->is_finite_stored(n, x.half));
                    x.wide[at] = was;
                    x.half[at] = was_half;
                }
            }
        });
        free_both(x);
    }
}
END_TEST

/* What every table stores is the nearest bf16, ties to even, for all kinds of floats; NaN and infinity survive. An
 * embedding alone is a plain copy that rounds. */
START_TEST(test_rounding) {
    enum { N = 4096 };
    static float word[N];
    static kern_bf16 got[N], want[N];
    senc_rng rng;
    senc_rng_init(&rng, 5);
    for (int i = 0; i < N; i++) {
        uint32_t bits = (uint32_t)senc_rng_next(&rng);
        if (i % 4 == 0) bits = (bits & 0xffff0000u) | 0x8000u; /* a tie */
        if (i % 64 == 1) bits |= 0x7f800000u;                  /* NaN */
        if ((bits & 0x7f800000u) == 0) bits |= 0x00800000u;    /* no denormals: some machines flush them */
        memcpy(&word[i], &bits, sizeof bits);
        want[i] = kern_to_bf16(word[i]);
    }
    word[2] = INFINITY;
    want[2] = 0x7f80;
    const int64_t offsets[2] = {0, 1};
    const int32_t id = 0;
    FOR_EACH_BF16(table, {
        table->embed_forward((kern_sequences){offsets, 1}, N, &id, 0, word, NULL, NULL, got);
        for (int i = 0; i < N; i++) {
            const bool same = isnan(word[i]) ? isnan(kern_from_bf16(got[i])) : got[i] == want[i];
            ck_assert_msg(same, "%s: %a became %04x, expected %04x", table->name, (double)word[i], got[i], want[i]);
        }
    });
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bf16 kernels");
    TCase *c = tcase_create("bf16");
    tcase_set_timeout(c, 240);
    tcase_add_test(c, test_every_fast_table_has_a_bf16_one);
    tcase_add_loop_test(c, test_norms, 0, N_WIDTHS);
    tcase_add_test(c, test_dropout);
    tcase_add_loop_test(c, test_embed, 0, N_WIDTHS);
    tcase_add_loop_test(c, test_pool, 0, N_WIDTHS);
    tcase_add_test(c, test_is_finite_stored);
    tcase_add_test(c, test_rounding);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
