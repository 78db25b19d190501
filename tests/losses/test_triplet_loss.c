/* triplet and its batch_hard option, and what the registry says about all losses. */
#include "tests/losses/loss_bench.h"

START_TEST(by_hand) {
    /* anchor (0,0); positives at 3 and 5; negatives at 4 and 1: hinges 3 - 4 + 2 = 1 and 5 - 1 + 2 = 6 */
    const real x[] = {0, 0, 0, 0, 3, 0, 3, 4, 0, 4, 1, 0};
    const bench_option options[] = {BENCH_TEXT("distance", "euclidean"), BENCH_NUMBER("margin", 2), {0}};
    const loss_batch batch = {.n_rows = 2, .n_columns = 3};
    bench_result r = bench_run("triplet", options, &batch, x, 2);
    bench_near(r.loss, 3.5, 1e-6, "mean of 1 and 6");
    bench_near(r.grad[4], 0.5, 1e-6, "the positive is pulled");
    bench_near(r.grad[10], -0.5, 1e-6, "the negative is pushed");
    bench_free(&r);
}
END_TEST

START_TEST(several_negatives_are_averaged) {
    /* positive at 3; negatives at 4 and 1: hinges 1 and 4 with margin 2 */
    const real x[] = {0, 0, 3, 0, 0, 4, 1, 0};
    const bench_option options[] = {BENCH_TEXT("distance", "manhattan"), BENCH_NUMBER("margin", 2), {0}};
    const loss_batch batch = {.n_rows = 1, .n_columns = 4};
    bench_result r = bench_run("triplet", options, &batch, x, 2);
    bench_near(r.loss, 2.5, 1e-6, "mean of 1 and 4");
    bench_free(&r);
}
END_TEST

START_TEST(absent_negatives_are_left_out) {
    /* row 0: positive at 3, negatives at 4 and 1 (hinges 1 and 4); row 1: positive at 5, only the first negative, at 1
     * (6) */
    const real x[] = {0, 0, 0, 0, 3, 0, 5, 0, 4, 0, 1, 0, 1, 0, 0, 0};
    const bench_option options[] = {BENCH_TEXT("distance", "euclidean"), BENCH_NUMBER("margin", 2), {0}};
    const loss_masked masked[] = {{0, 7}, {1, 7}};
    const loss_batch batch = {.n_rows = 2, .n_columns = 4, .masked = masked, .n_masked = 2};
    bench_result r = bench_run("triplet", options, &batch, x, 2);
    bench_near(r.loss, 11.0 / 3, 1e-6, "mean of 1, 4 and 6");
    ck_assert(r.grad[14] == 0 && r.grad[15] == 0);
    bench_free(&r);
}
END_TEST

START_TEST(default_margins) {
    /* a, p and n equal: the loss is the margin */
    const real x[] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
    const struct {
        const char *distance;
        double margin;
    } wants[] = {{"cosine", 0.3}, {"euclidean", 0.5}, {"manhattan", 0.8}}; /* 0.4 sqrt(4) */
    const loss_batch batch = {.n_rows = 1, .n_columns = 3};
    for (int i = 0; i < 3; i++) {
        const bench_option options[] = {BENCH_TEXT("distance", wants[i].distance), {0}};
        bench_result r = bench_run("triplet", options, &batch, x, 4);
        bench_near(r.loss, wants[i].margin, 1e-6, wants[i].distance);
        ck_assert(isfinite(bench_norm(&r)));
        bench_free(&r);
    }
}
END_TEST

typedef struct known {
    bench_option options[3];
    int64_t n_rows, n_columns, k;
    double value, grad0, grad3, grad7, norm;
} known;

/* sentence-transformers 6.2 in float32 on E[i] = (((i*i*7 + i*k*3 + k) % 23) - 11) / 8 as (columns, rows, 5):
 * TripletLoss and BatchHardTripletLoss(...).compute_loss_from_embeddings(list(E), labels); gradients at 0, 3, 7 and
 * their length. */
static const int64_t classes[] = {0, 1, 0, 1, 2, 2};
static const known reference[] = {
    {{{0}}, 4, 3, 8, 0.270612240, -0.3026356, 0.1521714, 0, 0.6422938},
    {{BENCH_TEXT("distance", "euclidean")}, 4, 3, 8, 0.489242315, 0, 0, 0.1134437, 0.7153578},
    {{BENCH_TEXT("distance", "manhattan"), BENCH_NUMBER("margin", 1)}, 4, 3, 8, 1.03125, 0, 0, 0.5, 1.767767},
    {{BENCH_TRUE("batch_hard")}, 6, 1, 9, 1.072530746, 0.0800521, 0.1369532, 0.0936136, 0.4786639},
    {{BENCH_TRUE("batch_hard"), BENCH_TEXT("distance", "euclidean")},
     6,
     1,
     9,
     1.829160094,
     -0.0027024,
     0.0986950,
     0.2174691,
     0.7775326},
};

START_TEST(equals_sentence_transformers) {
    const known *k = &reference[_i];
    real x[60];
    bench_fill(x, k->n_rows * k->n_columns * 5, k->k);
    const loss_batch batch = {.n_rows = k->n_rows, .n_columns = k->n_columns, .labels = classes};
    bench_result r = bench_run("triplet", k->options, &batch, x, 5);
    bench_near(r.loss, k->value, 1e-6, "loss");
    bench_near(r.grad[0], k->grad0, 1e-6, "gradient 0");
    bench_near(r.grad[3], k->grad3, 1e-6, "gradient 3");
    bench_near(r.grad[7], k->grad7, 1e-6, "gradient 7");
    bench_near(bench_norm(&r), k->norm, 1e-5 * k->norm, "length of the gradient");
    bench_free(&r);
}
END_TEST

START_TEST(batch_hard_by_hand) {
    /* on a line: class 0 at 0, 1, 5; class 1 at 2; class 2 at 9, 9.5. Anchors with both: 0, 1, 5, 9, 9.5.
     * farthest of the class - nearest of another: 5 - 2, 4 - 1, 5 - 3, 0.5 - 4, 0.5 - 4.5; margin 1 */
    const real x[] = {0, 1, 5, 2, 9, 9.5F};
    const int64_t labels[] = {0, 0, 0, 1, 2, 2};
    const bench_option options[] = {
        BENCH_TRUE("batch_hard"), BENCH_TEXT("distance", "manhattan"), BENCH_NUMBER("margin", 1), {0}};
    const loss_batch batch = {.n_rows = 6, .n_columns = 1, .labels = labels};
    bench_result r = bench_run("triplet", options, &batch, x, 1);
    bench_near(r.loss, (4.0 + 4.0 + 3.0) / 5, 1e-6, "five anchors, three open hinges");
    bench_free(&r);
}
END_TEST

START_TEST(batch_hard_without_triplets_is_zero) {
    const real x[] = {1, 2, 3, 4, 5, 6};
    const int64_t same[] = {4, 4, 4}, different[] = {1, 2, 3};
    const bench_option options[] = {BENCH_TRUE("batch_hard"), {0}};
    for (int i = 0; i < 3; i++) {
        const loss_batch batch = {.n_rows = i == 2 ? 1 : 3, .n_columns = 1, .labels = i == 0 ? same : different};
        bench_result r = bench_run("triplet", options, &batch, x, 2);
        bench_near(r.loss, 0, 0, "no triplet");
        bench_near(bench_norm(&r), 0, 0, "no gradient");
        bench_free(&r);
    }
}
END_TEST

START_TEST(margin_is_checked) {
    const loss_spec *spec = loss_find("triplet");
    const struct {
        double margin;
        bool good;
    } cases[] = {{-1, true}, {0, true}, {0.2, true}, {-0.5, false}};
    for (int i = 0; i < 4; i++) {
        const bench_option set[] = {BENCH_NUMBER("margin", cases[i].margin), {0}};
        void *options = bench_options(spec, set);
        senc_error err = {0};
        ck_assert_int_eq(spec->check(options, "loss", &err), cases[i].good);
        if (!cases[i].good) {
            ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
            ck_assert_ptr_nonnull(strstr(err.text, "loss.margin"));
        }
        bench_close(spec, options);
    }
}
END_TEST

START_TEST(registry_is_complete) {
    int n;
    const loss_spec *const *all = loss_all(&n);
    ck_assert_int_eq(n, 5);
    for (int i = 0; i < n; i++) {
        const loss_spec *spec = all[i];
        ck_assert_ptr_eq(loss_find(spec->name), spec);
        ck_assert(i == 0 || strcmp(all[i - 1]->name, spec->name) < 0);
        ck_assert(spec->help != NULL && spec->build != NULL && spec->examples != NULL &&
                  spec->examples[0].name != NULL);
        void *options = bench_options(spec, NULL);
        loss_roles roles = {0};
        spec->roles(options, &roles);
        ck_assert_int_ge(roles.n_texts, 1);
        senc_error err = {0};
        ck_assert(spec->check == NULL || spec->check(options, "loss", &err));
        bench_close(spec, options);
    }
    ck_assert_ptr_eq(loss_find("infonce"), loss_find("mnrl"));
    ck_assert_ptr_null(loss_find("info"));
    ck_assert_ptr_null(loss_find(""));
}
END_TEST

START_TEST(roles_follow_the_options) {
    const loss_spec *spec = loss_find("triplet");
    loss_roles roles = {0};
    void *options = bench_options(spec, NULL);
    spec->roles(options, &roles);
    ck_assert_int_eq(roles.n_texts, 2);
    ck_assert_str_eq(roles.optional_text, "negative");
    ck_assert(roles.optional_is_required && roles.target == LOSS_TARGET_NONE);
    bench_close(spec, options);
    const bench_option hard[] = {BENCH_TRUE("batch_hard"), {0}};
    options = bench_options(spec, hard);
    spec->roles(options, &roles);
    ck_assert_int_eq(roles.n_texts, 1);
    ck_assert_str_eq(roles.texts[0], "text");
    ck_assert_int_eq(roles.target, LOSS_TARGET_LABEL);
    bench_close(spec, options);
}
END_TEST

/* Past the memory limit every loss returns a node and the tape says so; nothing crashes. */
START_TEST(a_failed_tape_is_survived) {
    int n;
    const loss_spec *const *all = loss_all(&n);
    static const double row_scores[] = {0.1, 0.9};
    static const int64_t row_labels[] = {0, 1};
    for (int64_t limit = 64; limit <= 4096; limit += 64) {
        for (int i = 0; i < n; i++) {
            real x[24] = {1, 2, 3, 4, 5, 6, 7};
            void *options = bench_options(all[i], NULL);
            loss_roles roles = {0};
            all[i]->roles(options, &roles);
            const int64_t columns = roles.n_texts + roles.optional_is_required;
            const loss_batch batch = {.n_rows = 2, .n_columns = columns, .scores = row_scores, .labels = row_labels};
            ag_tape tape;
            senc_error err = {0};
            ck_assert(ag_tape_init(&tape, kern_reference(), true, limit, &err));
            ag_node *out = all[i]->build(&tape, ag_input(&tape, x, 2 * columns, 4), &batch, options);
            ag_tape_backward(&tape, out, NULL);
            ck_assert(ag_tape_check(&tape, &err) || err.kind == SENC_FAILED);
            ag_tape_free(&tape);
            bench_close(all[i], options);
        }
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("triplet_loss");
    TCase *t = tcase_create("all");
    tcase_add_test(t, by_hand);
    tcase_add_test(t, several_negatives_are_averaged);
    tcase_add_test(t, absent_negatives_are_left_out);
    tcase_add_test(t, default_margins);
    tcase_add_loop_test(t, equals_sentence_transformers, 0, (int)(sizeof(reference) / sizeof(reference[0])));
    tcase_add_test(t, batch_hard_by_hand);
    tcase_add_test(t, batch_hard_without_triplets_is_zero);
    tcase_add_test(t, margin_is_checked);
    tcase_add_test(t, registry_is_complete);
    tcase_add_test(t, roles_follow_the_options);
    tcase_add_test(t, a_failed_tape_is_survived);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
