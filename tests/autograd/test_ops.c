/* Small cases of the ops that a reader can redo with a pencil. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "autograd/ops/ops.h"

static ag_tape tape;

static void setup(void) {
    senc_error err = {0};
    ck_assert(ag_tape_init(&tape, kern_reference(), true, 1 << 20, &err));
}

static void teardown(void) {
    ag_tape_free(&tape);
}

static void expect(const real *got, int64_t n, const double *want) {
    ck_assert_ptr_nonnull(got);
    for (int64_t i = 0; i < n; i++) {
        ck_assert_msg(fabs((double)got[i] - want[i]) <= 1e-6, "number %lld is %g, expected %g", (long long)i,
                      (double)got[i], want[i]);
    }
}
#define EXPECT(got, ...)                                                                                               \
    expect(got, (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

/* y = x w^T + b with x = [1 2; 3 4], w = [1 0; 0 1; 1 1], b = [10 20 30]. */
START_TEST(linear_by_hand) {
    real x[] = {1, 2, 3, 4}, w[] = {1, 0, 0, 1, 1, 1}, b[] = {10, 20, 30};
    const real dy[] = {1, 0, 0, 0, 0, 2};
    ag_node *nx = ag_input(&tape, x, 2, 2), *nw = ag_input(&tape, w, 3, 2), *nb = ag_input(&tape, b, 1, 3);
    ag_node *y = ag_linear(&tape, nx, nw, nb, KERN_NONE);
    EXPECT(y->value, 11, 22, 33, 13, 24, 37);
    ag_tape_backward(&tape, y, dy);
    EXPECT(nx->grad, 1, 0, 2, 2);       /* dy w */
    EXPECT(nw->grad, 1, 2, 0, 0, 6, 8); /* dy^T x */
    EXPECT(nb->grad, 1, 0, 2);
    EXPECT(y->value, 11, 22, 33, 13, 24, 37); /* the output stays */
}
END_TEST

/* relu is applied to the input of the product: relu([-1 2]) = [0 2]. */
START_TEST(linear_applies_its_activation_to_the_input) {
    real x[] = {-1, 2}, w[] = {5, 7};
    const real one = 1;
    ag_node *nx = ag_input(&tape, x, 1, 2), *nw = ag_input(&tape, w, 1, 2);
    ag_node *y = ag_linear(&tape, nx, nw, NULL, KERN_RELU);
    EXPECT(y->value, 14);
    ag_tape_backward(&tape, y, &one);
    EXPECT(nx->grad, 0, 7);
    EXPECT(nw->grad, 0, 2);
}
END_TEST

/* Row [1 3]: mean 2, variance 1. gamma [2 3], shift [10 20]. */
START_TEST(layer_norm_by_hand) {
    real x[] = {1, 3}, gamma[] = {2, 3}, shift[] = {10, 20};
    ag_node *y = ag_layer_norm(&tape, ag_constant(&tape, x, 1, 2), ag_constant(&tape, gamma, 1, 2),
                               ag_constant(&tape, shift, 1, 2), 0);
    EXPECT(y->value, 8, 23);
}
END_TEST

/* [1 3] as 2x + (-1)x of itself, plus residual [2 2]: the sum is [3 5], normalized [-1 1]. */
START_TEST(add_norm_by_hand_and_in_place) {
    real x[] = {1, 3}, residual[] = {2, 2}, gamma[] = {1, 1}, shift[] = {0, 0.5F};
    ag_node *nx = ag_input(&tape, x, 1, 2);
    ag_node *branch = ag_add(&tape, nx, 2, nx, -1);
    ag_node *y = ag_add_norm(&tape, branch, ag_constant(&tape, residual, 1, 2), ag_constant(&tape, gamma, 1, 2),
                             ag_constant(&tape, shift, 1, 2), 0, (kern_dropout){0});
    EXPECT(y->value, -1, 1.5);
    EXPECT(branch->value, 3, 5);
    EXPECT(x, 1, 3);
}
END_TEST

/* One head of width 1; q = 0, so the probabilities are equal: out is the mean of v within each sequence. */
START_TEST(attention_by_hand) {
    real qkv[] = {0, 1, 2, 0, 2, 4, 0, 3, 9};
    const int64_t offsets[] = {0, 2, 3};
    ag_node *y = ag_attention(&tape, ag_constant(&tape, qkv, 3, 3), (kern_sequences){offsets, 2}, 1, (kern_dropout){0});
    EXPECT(y->value, 3, 3, 9);
    ck_assert(fabs(ag_tape_flops(&tape) - (4 * 4 + 4 * 1)) < 1e-9); /* 4 T^2 D a sequence */
}
END_TEST

/* One head of width 4, so scores are halved: q0 . k0 / 2 = ln 3 against 0 gives the probabilities 3/4 and 1/4; q1 = 0
 * gives halves. */
START_TEST(attention_scales_by_the_root_of_the_head_width) {
    real qkv[2 * 12] = {0};
    qkv[0] = 2 * (real)log(3);           /* q0 */
    qkv[4] = 1;                          /* k0 */
    qkv[8] = 4, qkv[9] = 8;              /* v0 */
    qkv[12 + 8] = 8, qkv[12 + 11] = -16; /* v1 */
    const int64_t offsets[] = {0, 2};
    ag_node *y =
        ag_attention(&tape, ag_constant(&tape, qkv, 2, 12), (kern_sequences){offsets, 1}, 1, (kern_dropout){0});
    EXPECT(y->value, 5, 6, 0, -4, 6, 4, 0, -8);
}
END_TEST

START_TEST(embed_by_hand) {
    real word[] = {1, 2, 3, 4, 5, 6}, position[] = {10, 20, 30, 40}, type[] = {100, 200};
    const int32_t ids[] = {2, 2, 0};
    const int64_t offsets[] = {0, 2, 3};
    const real dy[] = {1, 2, 3, 4, 5, 6};
    ag_node *nw = ag_input(&tape, word, 3, 2), *np = ag_input(&tape, position, 2, 2), *nt = ag_input(&tape, type, 1, 2);
    ag_node *y = ag_embed(&tape, nw, np, nt, ids, (kern_sequences){offsets, 2}, 0, KERN_REAL);
    EXPECT(y->value, 115, 226, 135, 246, 111, 222);
    ag_tape_backward(&tape, y, dy);
    EXPECT(nw->grad, 5, 6, 0, 0, 4, 6);
    EXPECT(np->grad, 6, 8, 3, 4);
    EXPECT(nt->grad, 9, 12);
}
END_TEST

START_TEST(poolings_by_hand) {
    real x[] = {1, 5, 3, 4, 2, 6};
    const int64_t offsets[] = {0, 3};
    ag_node *nx = ag_constant(&tape, x, 3, 2);
    const kern_sequences s = {offsets, 1};
    EXPECT(ag_pool(&tape, nx, s, KERN_POOL_MEAN)->value, 2, 5);
    EXPECT(ag_pool(&tape, nx, s, KERN_POOL_CLS)->value, 1, 5);
    EXPECT(ag_pool(&tape, nx, s, KERN_POOL_LAST)->value, 2, 6);
    EXPECT(ag_pool(&tape, nx, s, KERN_POOL_MAX)->value, 3, 6);
    EXPECT(ag_pool(&tape, nx, s, KERN_POOL_MEAN_SQRT_LEN)->value, 6 / sqrt(3), 15 / sqrt(3));
    EXPECT(ag_pool(&tape, nx, s, KERN_POOL_WEIGHTED_MEAN)->value, 13.0 / 6, 31.0 / 6); /* weights 1 2 3 over 6 */
}
END_TEST

/* Mean over sequences of different length, one of them empty. */
START_TEST(pool_of_an_empty_sequence_is_zero) {
    real x[] = {1, 2, 4};
    const int64_t offsets[] = {0, 2, 2, 3};
    const real dy[] = {2, 100, 3};
    ag_node *nx = ag_input(&tape, x, 3, 1);
    ag_node *y = ag_pool(&tape, nx, (kern_sequences){offsets, 3}, KERN_POOL_MEAN);
    EXPECT(y->value, 1.5, 0, 4);
    ag_tape_backward(&tape, y, dy);
    EXPECT(nx->grad, 1, 1, 3);
}
END_TEST

START_TEST(rows_add_concat_gather_by_hand) {
    real x[] = {1, 2, 3, 4, 5, 6};
    const int64_t picked[] = {2, 0, 2};
    ag_node *nx = ag_input(&tape, x, 3, 2);
    ag_node *top = ag_rows(&tape, nx, 0, 2), *bottom = ag_rows(&tape, nx, 1, 2);
    ag_node *sum = ag_add(&tape, top, 1, bottom, 10); /* [31 42; 53 64] */
    EXPECT(sum->value, 31, 42, 53, 64);
    ag_node *wide = ag_concat(&tape, sum, top); /* [31 42 1 2; 53 64 3 4] */
    EXPECT(wide->value, 31, 42, 1, 2, 53, 64, 3, 4);
    EXPECT(ag_gather(&tape, nx, picked, 3)->value, 5, 6, 1, 2, 5, 6);
    const real dy[] = {1, 0, 0, 7, 0, 1, 0, 0};
    ag_tape_backward(&tape, wide, dy);
    EXPECT(nx->grad, 1, 7, 10, 1, 0, 10);
}
END_TEST

START_TEST(normalize_by_hand) {
    real x[] = {3, 4, 0, 0};
    EXPECT(ag_normalize(&tape, ag_constant(&tape, x, 2, 2))->value, 0.6, 0.8, 0, 0);
}
END_TEST

/* What is kept is scaled by 1/(1-p), about the share p is dropped, and the gradient has the same mask. */
START_TEST(dropout_masks_and_scales) {
    enum { N = 4000 };
    static real x[N], dy[N];
    for (int i = 0; i < N; i++) x[i] = dy[i] = 1;
    ag_node *nx = ag_input(&tape, x, N / 10, 10);
    ck_assert_ptr_eq(ag_dropout(&tape, nx, (kern_dropout){0}), nx);
    ag_node *y = ag_dropout(&tape, nx, (kern_dropout){.p = 0.25, .key = 5});
    int dropped = 0;
    for (int i = 0; i < N; i++) {
        ck_assert(y->value[i] == 0 || fabs((double)y->value[i] - 4.0 / 3) < 1e-6);
        dropped += y->value[i] == 0;
    }
    ck_assert_int_gt(dropped, N / 4 - 140); /* five standard deviations: sqrt(4000 * 0.25 * 0.75) = 27 */
    ck_assert_int_lt(dropped, N / 4 + 140);
    ag_tape_backward(&tape, y, dy);
    for (int i = 0; i < N; i++) ck_assert(nx->grad[i] == y->value[i]);
}
END_TEST

int main(void) {
    Suite *s = suite_create("ops");
    TCase *tc = tcase_create("by hand");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, linear_by_hand);
    tcase_add_test(tc, linear_applies_its_activation_to_the_input);
    tcase_add_test(tc, layer_norm_by_hand);
    tcase_add_test(tc, add_norm_by_hand_and_in_place);
    tcase_add_test(tc, attention_by_hand);
    tcase_add_test(tc, attention_scales_by_the_root_of_the_head_width);
    tcase_add_test(tc, embed_by_hand);
    tcase_add_test(tc, poolings_by_hand);
    tcase_add_test(tc, pool_of_an_empty_sequence_is_zero);
    tcase_add_test(tc, rows_add_concat_gather_by_hand);
    tcase_add_test(tc, normalize_by_hand);
    tcase_add_test(tc, dropout_masks_and_scales);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
