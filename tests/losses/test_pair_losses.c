/* cosine, cosent, contrastive: cases to redo by hand, values of sentence-transformers, and the edges. */
#include "tests/losses/loss_bench.h"

/* (u1, u2, v1, v2): cosines 0.6 and -1 */
static const real two_pairs[] = {1, 0, 0, 2, 3, 4, 0, -1};

START_TEST(cosine_by_hand) {
    const double scores[] = {0.1, 0};
    const loss_batch batch = {.n_rows = 2, .n_columns = 2, .scores = scores};
    bench_result r = bench_run("cosine", NULL, &batch, two_pairs, 2);
    bench_near(r.loss, (0.25 + 1.0) / 2, 1e-6, "mean of 0.5^2 and 1^2");
    /* du1 = 2 (0.6 - 0.1) / 2 * (v/|v| - 0.6 u) = 0.5 * (0, 0.8) */
    bench_near(r.grad[0], 0, 1e-6, "du1 x");
    bench_near(r.grad[1], 0.4, 1e-6, "du1 y");
    bench_free(&r);
}
END_TEST

START_TEST(cosent_by_hand) {
    const bench_option one[] = {BENCH_NUMBER("temperature", 1), {0}};
    const double right[] = {0.9, 0.1}, wrong[] = {0.1, 0.9}, equal[] = {0.4, 0.4};
    loss_batch batch = {.n_rows = 2, .n_columns = 2, .scores = right};
    bench_result r = bench_run("cosent", one, &batch, two_pairs, 2);
    bench_near(r.loss, log(1 + exp(-1 - 0.6)), 1e-6, "in order");
    bench_free(&r);
    batch.scores = wrong;
    r = bench_run("cosent", one, &batch, two_pairs, 2);
    bench_near(r.loss, log(1 + exp(0.6 + 1)), 1e-6, "out of order");
    bench_free(&r);
    batch.scores = equal;
    r = bench_run("cosent", one, &batch, two_pairs, 2);
    bench_near(r.loss, 0, 0, "equal scores");
    bench_near(bench_norm(&r), 0, 0, "gradient of equal scores");
    bench_free(&r);
}
END_TEST

START_TEST(cosent_does_not_overflow) {
    const bench_option cold[] = {BENCH_NUMBER("temperature", 1e-4), {0}};
    const double wrong[] = {0.1, 0.9};
    const loss_batch batch = {.n_rows = 2, .n_columns = 2, .scores = wrong};
    bench_result r = bench_run("cosent", cold, &batch, two_pairs, 2);
    bench_near(r.loss, 1.6e4, 0.01, "log(1 + exp(16000))");
    ck_assert(isfinite(bench_norm(&r)));
    bench_free(&r);
}
END_TEST

START_TEST(contrastive_by_hand) {
    /* distances 1 and 5; 1/2 (1 + max(0, 6 - 5)^2) / 2 */
    const real x[] = {0, 0, 0, 0, 0, 1, 3, 4};
    const double scores[] = {1, 0};
    const int64_t labels[] = {1, 0};
    const bench_option options[] = {BENCH_TEXT("distance", "euclidean"), BENCH_NUMBER("margin", 6), {0}};
    loss_batch batch = {.n_rows = 2, .n_columns = 2, .scores = scores};
    bench_result r = bench_run("contrastive", options, &batch, x, 2);
    bench_near(r.loss, 0.5, 1e-5, "euclidean");
    bench_near(r.grad[5], 0.5, 1e-5, "d / B pulls the first pair");
    bench_near(r.grad[6], -0.3, 1e-5, "(d - m) / B * 3/5 pushes the second");
    bench_free(&r);
    batch.scores = NULL;
    batch.labels = labels;
    r = bench_run("contrastive", options, &batch, x, 2);
    bench_near(r.loss, 0.5, 1e-5, "labels say the same");
    bench_free(&r);
}
END_TEST

typedef struct known {
    const char *loss;
    bench_option options[3];
    int64_t k;
    double value, grad0, grad3, grad7, norm;
} known;

/* sentence-transformers 6.2 in float32 on E[i] = (((i*i*7 + i*k*3 + k) % 23) - 11) / 8 as (2, 4, 5), scores below:
 * Loss(model).compute_loss_from_embeddings(list(E), y), then E.grad.flatten()[[0, 3, 7]] and E.grad.norm(). */
static const double scores[] = {0.9, 0.2, 0.2, 0.6}, labels[] = {1, 0, 1, 0};
static const known reference[] = {
    {"cosine", {{0}}, 5, 0.364781052, 0.0766977, 0.0789779, -0.1139368, 0.3008776},
    {"cosent", {{0}}, 6, 10.640645027, -1.1562645, 5.7813234, -0.0052310, 18.1614208},
    {"contrastive", {{0}}, 7, 0.187808156, 0.0926680, 0.0693496, 0, 0.3187956},
    {"contrastive",
     {BENCH_TEXT("distance", "euclidean"), BENCH_NUMBER("margin", 3)},
     7,
     1.316593647,
     0.0000002,
     0.3437502,
     0.0658809,
     1.1474291},
    {"contrastive",
     {BENCH_TEXT("distance", "manhattan"), BENCH_NUMBER("margin", 6)},
     7,
     4.998049736,
     0.9375002,
     0.9375002,
     0.5312507,
     4.9990249},
};

START_TEST(equals_sentence_transformers) {
    const known *k = &reference[_i];
    real x[40];
    bench_fill(x, 40, k->k);
    const loss_batch batch = {
        .n_rows = 4, .n_columns = 2, .scores = strcmp(k->loss, "contrastive") == 0 ? labels : scores};
    bench_result r = bench_run(k->loss, k->options, &batch, x, 5);
    bench_near(r.loss, k->value, 2e-6 * (1 + fabs(k->value)), k->loss);
    bench_near(r.grad[0], k->grad0, 1e-5, "gradient 0");
    bench_near(r.grad[3], k->grad3, 1e-5, "gradient 3");
    bench_near(r.grad[7], k->grad7, 1e-5, "gradient 7");
    bench_near(bench_norm(&r), k->norm, 1e-5 * k->norm, "length of the gradient");
    bench_free(&r);
}
END_TEST

START_TEST(zero_and_equal_vectors_are_finite) {
    const real x[] = {0, 0, 1, 1, 0, 0, 1, 1}; /* (0, 0) with itself, (1, 1) with itself */
    const char *distances[] = {"cosine", "euclidean", "manhattan"};
    const double both[] = {1, 0};
    const loss_batch batch = {.n_rows = 2, .n_columns = 2, .scores = both};
    for (int i = 0; i < 3; i++) {
        const bench_option options[] = {BENCH_TEXT("distance", distances[i]), {0}};
        bench_result r = bench_run("contrastive", options, &batch, x, 2);
        ck_assert(isfinite(r.loss));
        ck_assert_msg(bench_norm(&r) < 10, "%s: %g", distances[i], bench_norm(&r));
        bench_free(&r);
    }
    for (int i = 0; i < 2; i++) {
        bench_result r = bench_run(i == 0 ? "cosine" : "cosent", NULL, &batch, x, 2);
        ck_assert(isfinite(r.loss) && bench_norm(&r) < 100);
        bench_free(&r);
    }
}
END_TEST

START_TEST(one_row) {
    const double score[] = {0.5};
    const loss_batch batch = {.n_rows = 1, .n_columns = 2, .scores = score};
    bench_result r = bench_run("cosent", NULL, &batch, two_pairs, 4);
    bench_near(r.loss, 0, 0, "nothing to compare");
    bench_free(&r);
    r = bench_run("cosine", NULL, &batch, two_pairs, 4);
    /* (1, 0, 0, 2) . (3, 4, 0, -1) / sqrt(5 * 26) */
    bench_near(r.loss, pow(1 / sqrt(130) - 0.5, 2), 1e-6, "cosine of one pair");
    bench_free(&r);
}
END_TEST

int main(void) {
    Suite *s = suite_create("pair_losses");
    TCase *t = tcase_create("all");
    tcase_add_test(t, cosine_by_hand);
    tcase_add_test(t, cosent_by_hand);
    tcase_add_test(t, cosent_does_not_overflow);
    tcase_add_test(t, contrastive_by_hand);
    tcase_add_loop_test(t, equals_sentence_transformers, 0, (int)(sizeof(reference) / sizeof(reference[0])));
    tcase_add_test(t, zero_and_equal_vectors_are_finite);
    tcase_add_test(t, one_row);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
