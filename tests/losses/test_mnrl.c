/* mnrl: cases to redo by hand, values of sentence-transformers, masks, blocks. */
#include "tests/losses/loss_bench.h"

/* anchors e1, e2, positives e1, e2 */
static const real orthogonal[] = {1, 0, 0, 1, 1, 0, 0, 1};
static const bench_option at_one[] = {BENCH_NUMBER("temperature", 1), {0}};

START_TEST(by_hand) {
    const loss_batch batch = {.n_rows = 2, .n_columns = 2};
    bench_result r = bench_run("mnrl", at_one, &batch, orthogonal, 2);
    bench_near(r.loss, log(1 + exp(-1)), 1e-6, "log(e + 1) - 1");
    bench_free(&r);
    r = bench_run("infonce", NULL, &batch, orthogonal, 2);
    bench_near(r.loss, log1p(exp(-20)), 1e-8, "the default temperature is 0.05");
    bench_free(&r);
}
END_TEST

START_TEST(length_matters_only_for_dot) {
    const real x[] = {2, 0, 0, 3, 4, 0, 0, 5};
    const bench_option dot[] = {BENCH_NUMBER("temperature", 1), BENCH_TEXT("similarity", "dot"), {0}};
    const loss_batch batch = {.n_rows = 2, .n_columns = 2};
    bench_result r = bench_run("mnrl", at_one, &batch, x, 2);
    bench_near(r.loss, log(1 + exp(-1)), 1e-6, "cosine");
    bench_free(&r);
    r = bench_run("mnrl", dot, &batch, x, 2);
    bench_near(r.loss, (log1p(exp(-8)) + log1p(exp(-15))) / 2, 1e-6, "dot");
    bench_free(&r);
}
END_TEST

START_TEST(hard_negatives_of_the_whole_batch_count) {
    /* negatives: e1 (for row 0) and -e1 (for row 1); row 0 sees 1, 0, 1, -1, row 1 sees 0, 1, 0, 0 */
    const real x[] = {1, 0, 0, 1, 1, 0, 0, 1, 1, 0, -1, 0};
    const loss_batch batch = {.n_rows = 2, .n_columns = 3};
    bench_result r = bench_run("mnrl", at_one, &batch, x, 2);
    const double e = exp(1);
    bench_near(r.loss, (log(e + 1 + e + 1 / e) - 1 + log(1 + e + 1 + 1) - 1) / 2, 1e-6, "two rows, one negative each");
    bench_free(&r);
}
END_TEST

START_TEST(masked_pairs_do_not_count) {
    const real x[] = {1, 0, 0, 1, 1, 0, 0, 1, 1, 0, -1, 0};
    const loss_masked masked[] = {{0, 3}, {0, 4}, {1, 2}};
    const loss_batch batch = {.n_rows = 2, .n_columns = 3, .masked = masked, .n_masked = 3};
    bench_result r = bench_run("mnrl", at_one, &batch, x, 2);
    const double e = exp(1);
    bench_near(r.loss, (log(e + 1 / e) - 1 + log(e + 1 + 1) - 1) / 2, 1e-6, "what is left");
    bench_free(&r);
}
END_TEST

START_TEST(masks_hold_in_both_directions) {
    /* three orthogonal pairs; (0, positive 1) is masked: anchor 0 does not see positive 1, positive 1 does not see
     * anchor 0 */
    const real x[] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1};
    const loss_masked masked[] = {{0, 4}};
    const bench_option both[] = {BENCH_NUMBER("temperature", 1), BENCH_TRUE("symmetric"), {0}};
    const loss_batch batch = {.n_rows = 3, .n_columns = 2, .masked = masked, .n_masked = 1};
    bench_result r = bench_run("mnrl", both, &batch, x, 3);
    const double two = log(exp(1) + 1) - 1, three = log(exp(1) + 2) - 1;
    bench_near(r.loss, ((two + three + three) / 3 + (three + two + three) / 3) / 2, 1e-6, "symmetric");
    bench_free(&r);
}
END_TEST

START_TEST(a_masked_own_positive_is_left_alone) {
    const loss_masked masked[] = {{0, 2}, {1, 3}};
    const loss_batch batch = {.n_rows = 2, .n_columns = 2, .masked = masked, .n_masked = 2};
    bench_result r = bench_run("mnrl", at_one, &batch, orthogonal, 2);
    bench_near(r.loss, log(1 + exp(-1)), 1e-6, "as without masks");
    bench_free(&r);
}
END_TEST

START_TEST(everything_masked_is_zero) {
    const loss_masked masked[] = {{0, 3}, {1, 2}};
    const bench_option both[] = {BENCH_TRUE("symmetric"), {0}};
    const loss_batch batch = {.n_rows = 2, .n_columns = 2, .masked = masked, .n_masked = 2};
    bench_result r = bench_run("mnrl", both, &batch, orthogonal, 2);
    bench_near(r.loss, 0, 0, "no negatives");
    bench_near(bench_norm(&r), 0, 0, "no gradient");
    bench_free(&r);
}
END_TEST

START_TEST(one_row_alone_is_zero) {
    const real x[] = {1, 2, -3, 1};
    const loss_batch batch = {.n_rows = 1, .n_columns = 2};
    const bench_option both[] = {BENCH_TRUE("symmetric"), {0}};
    bench_result r = bench_run("mnrl", _i ? both : NULL, &batch, x, 2);
    bench_near(r.loss, 0, 0, "nothing to choose from");
    bench_near(bench_norm(&r), 0, 0, "no gradient");
    bench_free(&r);
}
END_TEST

START_TEST(zero_vectors_are_finite) {
    const real x[] = {0, 0, 0, 1, 1, 0, 0, 0};
    const loss_batch batch = {.n_rows = 2, .n_columns = 2};
    bench_result r = bench_run("mnrl", NULL, &batch, x, 2);
    ck_assert(isfinite(r.loss) && isfinite(bench_norm(&r)));
    bench_free(&r);
}
END_TEST

typedef struct known {
    bench_option options[3];
    int64_t n_columns, k;
    double value, grad0, grad3, grad7, norm;
} known;

/* sentence-transformers 6.2 in float32 on E[i] = (((i*i*7 + i*k*3 + k) % 23) - 11) / 8 as (n_columns, 4, 5), 4 rows:
 * MultipleNegativesRankingLoss(model, ...).compute_loss_from_embeddings(list(E), None); symmetric is directions =
 * ("query_to_doc", "doc_to_query"), partition_mode = "per_direction"; then E.grad.flatten()[[0, 3, 7]] and
 * E.grad.norm(). */
static const known reference[] = {
    {{{0}}, 2, 1, 7.249146938, -0.0022910, 0.0052059, 1.4612964, 10.4913502},
    {{{0}}, 4, 2, 22.430091858, 0.8017995, 0.8823546, -0.4683917, 7.0592103},
    {{BENCH_TRUE("symmetric")}, 3, 3, 9.582248688, 0.7552786, 0.1565804, -1.4776640, 12.4851141},
    {{BENCH_NUMBER("temperature", 1), BENCH_TEXT("similarity", "dot")},
     2,
     4,
     1.262874603,
     -0.0023154,
     0.0813847,
     0.3205399,
     1.0452534},
};

START_TEST(equals_sentence_transformers) {
    const known *k = &reference[_i];
    real x[4 * 4 * 5];
    bench_fill(x, k->n_columns * 20, k->k);
    const loss_batch batch = {.n_rows = 4, .n_columns = k->n_columns};
    bench_result r = bench_run("mnrl", k->options, &batch, x, 5);
    bench_near(r.loss, k->value, 1e-6 * (1 + k->value), "loss");
    bench_near(r.grad[0], k->grad0, 2e-5, "gradient 0");
    bench_near(r.grad[3], k->grad3, 2e-5, "gradient 3");
    bench_near(r.grad[7], k->grad7, 2e-5, "gradient 7");
    bench_near(bench_norm(&r), k->norm, 1e-5 * k->norm, "length of the gradient");
    bench_free(&r);
}
END_TEST

/* The formula, row by row, for temperature 0.5, dot, symmetric, one masked pair. */
static double plain_loss(const real *x, int64_t n, int64_t d, loss_masked masked) {
    double total = 0;
    for (int64_t i = 0; i < n; i++) {
        double forward = 0, back = 0, own = 0;
        for (int64_t j = 0; j < n; j++) {
            double z = 0, zt = 0;
            for (int64_t c = 0; c < d; c++) {
                z += (double)x[i * d + c] * (double)x[(n + j) * d + c] / 0.5;
                zt += (double)x[j * d + c] * (double)x[(n + i) * d + c] / 0.5;
            }
            if (!(i == masked.row && n + j == masked.candidate)) forward += exp(z);
            if (!(j == masked.row && n + i == masked.candidate)) back += exp(zt);
            if (i == j) own = z;
        }
        total += 0.5 * (log(forward) + log(back)) - own;
    }
    return total / (double)n;
}

/* 2,100 rows do not fit into one block of 4 Mi numbers. */
START_TEST(blocks_make_no_difference) {
    enum { N = 2100, D = 3 };
    real *x = senc_alloc(2 * N * D, sizeof(real));
    bench_fill(x, 2 * N * D, 11);
    const loss_masked masked = {2050, N + 2099};
    const bench_option options[] = {
        BENCH_NUMBER("temperature", 0.5), BENCH_TEXT("similarity", "dot"), BENCH_TRUE("symmetric"), {0}};
    const loss_batch batch = {.n_rows = N, .n_columns = 2, .masked = &masked, .n_masked = 1};
    bench_result r = bench_run("mnrl", options, &batch, x, D);
    const double want = plain_loss(x, N, D, masked);
    bench_near(r.loss, want, 1e-5 * want, "loss");
    /* one coordinate of the last positive, by a central difference of the formula */
    const int64_t at = (2 * N - 1) * D;
    const double h = 1.0 / 256;
    x[at] += (real)h;
    const double up = plain_loss(x, N, D, masked);
    x[at] -= (real)(2 * h);
    const double down = plain_loss(x, N, D, masked);
    bench_near(r.grad[at], (up - down) / (2 * h), 1e-6, "gradient in the last block");
    bench_free(&r);
    free(x);
}
END_TEST

START_TEST(inference_tape_gives_the_value) {
    const loss_spec *spec = loss_find("mnrl");
    void *options = bench_options(spec, at_one);
    senc_error err = {0};
    ag_tape tape;
    ck_assert(ag_tape_init(&tape, kern_reference(), false, 0, &err));
    const loss_batch batch = {.n_rows = 2, .n_columns = 2};
    ag_node *out = spec->build(&tape, ag_constant(&tape, orthogonal, 4, 2), &batch, options);
    bench_near((double)out->value[0], log(1 + exp(-1)), 1e-6, "without gradients");
    ag_tape_free(&tape);
    bench_close(spec, options);
}
END_TEST

int main(void) {
    Suite *s = suite_create("mnrl");
    TCase *t = tcase_create("all");
    tcase_add_test(t, by_hand);
    tcase_add_test(t, length_matters_only_for_dot);
    tcase_add_test(t, hard_negatives_of_the_whole_batch_count);
    tcase_add_test(t, masked_pairs_do_not_count);
    tcase_add_test(t, masks_hold_in_both_directions);
    tcase_add_test(t, a_masked_own_positive_is_left_alone);
    tcase_add_test(t, everything_masked_is_zero);
    tcase_add_loop_test(t, one_row_alone_is_zero, 0, 2);
    tcase_add_test(t, zero_vectors_are_finite);
    tcase_add_loop_test(t, equals_sentence_transformers, 0, (int)(sizeof(reference) / sizeof(reference[0])));
    tcase_add_test(t, blocks_make_no_difference);
    tcase_add_test(t, inference_tape_gives_the_value);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
