/* Attention of every table against the reference. */
#include "tests/kernels/against_bf16.h"

typedef struct example {
    int64_t heads, width;
    int64_t lengths[8]; /* ended by -1 */
    bool large;         /* only once a table: the reference is slow */
} example;

static const example examples[] = {
    {1, 1, {1, -1}, false},          {2, 32, {0, 1, 2, 17, 0, 33, -1}, false},
    {3, 7, {5, 12, 1, -1}, false},   {1, 33, {16, 31, -1}, false},
    {2, 64, {48, 3, 50, -1}, false}, {12, 32, {9, 70, 1, -1}, false},
    {1, 96, {30, 7, -1}, false},     {2, 20, {3, 4, 5, 6, 7, 8, 9, -1}, false},
    {1, 130, {100, -1}, false},      {4, 16, {512, -1}, true},
    {1, 32, {129, 300, -1}, true},
};

static int64_t lay_out(const example *e, int64_t *offsets, int64_t *n_tokens) {
    int64_t n = 0;
    offsets[0] = 0;
    for (; e->lengths[n] >= 0; n++) offsets[n + 1] = offsets[n] + e->lengths[n];
    *n_tokens = offsets[n];
    return n;
}

static void check_example(const example *e, double p, float beta) {
    int64_t offsets[9], tokens;
    const kern_sequences sequences = {offsets, lay_out(e, offsets, &tokens)};
    const int64_t d = e->heads * e->width, n_qkv = tokens * 3 * d, n_out = tokens * d, n_sums = tokens * e->heads;
    const kern_dropout dropout = {.p = p, .key = 0x1234567890abcdefu, .first_row = 1000};
    const double scale = 1.0 / sqrt((double)e->width);
    float *qkv = random_floats(n_qkv, 1), *dout = random_floats(n_out, 2);
    for (int64_t i = 0; i < n_qkv; i++) qkv[i] *= 3.0f;
    float *out = prefilled(n_out, 0.0f, 0), *sums = prefilled(n_sums, 0.0f, 0), *dqkv = prefilled(n_qkv, beta, 3);
    kern_reference()->attention_forward(sequences, e->heads, d, scale, dropout, qkv, out, sums);
    kern_reference()->attention_backward(sequences, e->heads, d, scale, dropout, qkv, out, sums, dout, beta, dqkv);
    FOR_EACH_TABLE(table, {
        if (e->large && threads_ != 2) continue;
        float *got_out = prefilled(n_out, 0.0f, 0), *got_sums = prefilled(n_sums, 0.0f, 0);
        float *got_dqkv = prefilled(n_qkv, beta, 3), *again = prefilled(n_qkv, beta, 3);
        table->attention_forward(sequences, e->heads, d, scale, dropout, qkv, got_out, got_sums);
        check_close(n_out, got_out, out, 1e-5, table->name, "out");
        check_close(n_sums, got_sums, sums, 2e-6, table->name, "log_sum");
        table->attention_backward(sequences, e->heads, d, scale, dropout, qkv, out, sums, dout, beta, got_dqkv);
        check_close(n_qkv, got_dqkv, dqkv, 3e-5, table->name, "dqkv");
        table->attention_backward(sequences, e->heads, d, scale, dropout, qkv, out, sums, dout, beta, again);
        check_same(n_qkv, got_dqkv, again, table->name, "dqkv");
        free(got_out);
        free(got_sums);
        free(got_dqkv);
        free(again);
    });
    free(qkv);
    free(dout);
    free(out);
    free(sums);
    free(dqkv);
}

/* The bf16 tables. Those with pair products round the probabilities and the gradients of the scores too, so errors are
 * measured against the size of the terms that are summed: 3 in out and dqkv, up to 3 sqrt(width) in log_sum. */
static void check_bf16(const example *e, double p, float beta) {
    int64_t offsets[9], tokens;
    const kern_sequences sequences = {offsets, lay_out(e, offsets, &tokens)};
    const int64_t d = e->heads * e->width, n_qkv = tokens * 3 * d, n_out = tokens * d, n_sums = tokens * e->heads;
    const kern_dropout dropout = {.p = p, .key = 0x1234567890abcdefu, .first_row = 1000};
    const double scale = 1.0 / sqrt((double)e->width);
    float *spread = random_floats(n_qkv, 1);
    for (int64_t i = 0; i < n_qkv; i++) spread[i] *= 3.0f;
    both qkv = round_both(n_qkv, spread), dout = random_both(n_out, 2);
    float *out = prefilled(n_out, 0.0f, 0), *sums = prefilled(n_sums, 0.0f, 0);
    kern_reference()->attention_forward(sequences, e->heads, d, scale, dropout, qkv.wide, out, sums);
    both dqkv = prefilled_both(n_qkv, beta, 3);
    float *out_copy = malloc((size_t)(n_out + 1) * sizeof *out_copy);
    ck_assert_ptr_nonnull(out_copy);
    memcpy(out_copy, out, (size_t)n_out * sizeof *out_copy);
    both rounded_out = round_both(n_out, out_copy);
    kern_reference()->attention_backward(sequences, e->heads, d, scale, dropout, qkv.wide, rounded_out.wide, sums,
                                         dout.wide, beta, dqkv.wide);
    kept kept_out = {0}, kept_dqkv = {0};
    FOR_EACH_BF16(table, {
        if (e->large && threads_ != 2) continue;
        both got_out = prefilled_both(n_out, 0.0f, 0), got_dqkv = prefilled_both(n_qkv, beta, 3);
        float *got_sums = prefilled(n_sums, 0.0f, 0);
        table->attention_forward(sequences, e->heads, d, scale, dropout, qkv.half, got_out.half, got_sums);
        check_rounded(n_out, got_out.half, out, 0.01, table->name, "out");
        check_close(n_sums, got_sums, sums, 2e-6, table->name, "log_sum");
        table->attention_backward(sequences, e->heads, d, scale, dropout, qkv.half, rounded_out.half, sums, dout.half,
                                  beta, got_dqkv.half);
        check_rounded(n_qkv, got_dqkv.half, dqkv.wide, 0.015, table->name, "dqkv");
        check_as_with_one_thread(&kept_out, t_, got_out.half, (size_t)n_out * sizeof(kern_bf16), "out");
        check_as_with_one_thread(&kept_dqkv, t_, got_dqkv.half, (size_t)n_qkv * sizeof(kern_bf16), "dqkv");
        free_both(got_out);
        free_both(got_dqkv);
        free(got_sums);
    });
    free_kept(&kept_out);
    free_kept(&kept_dqkv);
    both stored[] = {qkv, dout, dqkv, rounded_out};
    for (size_t i = 0; i < 4; i++) free_both(stored[i]);
    free(out);
    free(sums);
}

START_TEST(test_attention_bf16) {
    const example *e = &examples[_i];
    check_bf16(e, 0.0, 0.0f);
    check_bf16(e, 0.3, 1.0f);
    if (!e->large) check_bf16(e, 0.1, 0.0f);
}
END_TEST

START_TEST(test_attention) {
    const example *e = &examples[_i];
    check_example(e, 0.0, 0.0f);
    check_example(e, 0.3, 1.0f);
    if (!e->large) check_example(e, 0.1, 0.0f);
}
END_TEST

/* By hand: two tokens, one head of width 1, q = k = v = (0, ln 3): token 0 sees scores (0, 0), token 1 (0, (ln 3)^2).
 */
START_TEST(test_two_tokens_by_hand) {
    const int64_t offsets[2] = {0, 2};
    const float l = (float)log(3.0), qkv[6] = {0.0f, 0.0f, 0.0f, l, l, l};
    const double weight = exp((double)l * (double)l);
    int n_tables;
    const kern_table *const *tables = kern_all(&n_tables);
    start_threads(1);
    for (int t = 0; t < n_tables; t++) {
        float out[2], log_sum[2];
        const kern_dropout none = {0};
        tables[t]->attention_forward((kern_sequences){offsets, 1}, 1, 1, 1.0, none, qkv, out, log_sum);
        ck_assert_double_eq_tol((double)out[0], 0.5 * (double)l, 1e-6);
        ck_assert_double_eq_tol((double)out[1], (double)l * weight / (1.0 + weight), 1e-6);
        ck_assert_double_eq_tol((double)log_sum[0], log(2.0), 1e-6);
        ck_assert_double_eq_tol((double)log_sum[1], log(1.0 + weight), 1e-6);
    }
}
END_TEST

/* Scores of +-1e4: softmax must not overflow, and the largest score takes all. */
START_TEST(test_large_scores) {
    const int64_t offsets[2] = {0, 3};
    float qkv[3 * 96];
    for (int i = 0; i < 3; i++) {
        for (int c = 0; c < 32; c++) {
            qkv[i * 96 + c] = 100.0f;
            qkv[i * 96 + 32 + c] = (float)(i - 1) * 3.0f;
            qkv[i * 96 + 64 + c] = (float)i;
        }
    }
    FOR_EACH_TABLE(table, {
        float out[96], log_sum[3];
        const kern_dropout none = {0};
        table->attention_forward((kern_sequences){offsets, 1}, 1, 32, 1.0, none, qkv, out, log_sum);
        for (int i = 0; i < 96; i++) ck_assert_float_eq_tol(out[i], 2.0f, 1e-6f);
        ck_assert_float_eq_tol(log_sum[0], 9600.0f, 1e-2f);
    });
    /* All scores equally low: a mean, also when what pads the row of scores would be higher. */
    for (int i = 0; i < 3; i++) {
        for (int c = 0; c < 32; c++) qkv[i * 96 + 32 + c] = -3.0f;
    }
    FOR_EACH_TABLE(table, {
        float out[96], log_sum[3];
        const kern_dropout none = {0};
        table->attention_forward((kern_sequences){offsets, 1}, 1, 32, 1.0, none, qkv, out, log_sum);
        for (int i = 0; i < 96; i++) ck_assert_float_eq_tol(out[i], 1.0f, 1e-6f);
        ck_assert_float_eq_tol(log_sum[0], -9600.0f + (float)log(3.0), 1e-2f);
    });
}
END_TEST

int main(void) {
    Suite *suite = suite_create("attention kernels");
    TCase *c = tcase_create("attention");
    tcase_set_timeout(c, 240);
    tcase_add_loop_test(c, test_attention, 0, sizeof examples / sizeof *examples);
    tcase_add_loop_test(c, test_attention_bf16, 0, sizeof examples / sizeof *examples);
    tcase_add_test(c, test_two_tokens_by_hand);
    tcase_add_test(c, test_large_scores);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
