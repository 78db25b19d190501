/* What a linear layer makes of a token does not depend on the tokens beside it, to the last bit: in fp32, bf16 and
 * int8, for every number of rows around the limits of tiles, blocks and the path for few tokens. So equal texts have
 * equal vectors wherever they stand in a batch. The products of OpenBLAS and oneDNN promise no such thing. */
#include "autograd/base/memory.h"
#include "tests/kernels/against_bf16.h"

/* in, out; several steps of depth in the last ones */
static const int64_t shapes[][2] = {{1, 1}, {33, 31}, {100, 150}, {384, 96}, {1536, 40}, {1537, 33}, {3200, 20}};
static const int64_t counts[] = {1, 2, 5, 6, 7, 8, 9, 13, 14, 15, 63, 64, 65, 66, 129};
enum { MOST = 200, N_SHAPES = sizeof shapes / sizeof *shapes, N_COUNTS = sizeof counts / sizeof *counts };

static bool is_ours(const kern_table *table) {
    return strcmp(table->name, "openblas") != 0 && strcmp(table->name, "onednn") != 0;
}

/* The last `n` of the rows, alone, against the same rows among all. */
static void check_rows(const void *all, const void *few, int64_t n, size_t row_bytes, const char *table,
                       const char *what) {
    const char *last = (const char *)all + (size_t)(MOST - n) * row_bytes;
    ck_assert_msg(memcmp(last, few, (size_t)n * row_bytes) == 0, "%s: %lld rows of %s alone differ", table,
                  (long long)n, what);
}

static void check_floats(const kern_table *table, int64_t in, int64_t out, kern_activation act, bool with_bias) {
    float *x = random_floats(MOST * in, 1), *w = random_floats(out * in, 2), *bias = random_floats(out, 3);
    float *all = prefilled(MOST * out, 0.0f, 0), *few = prefilled(MOST * out, 0.0f, 0);
    const float *b = with_bias ? bias : NULL;
    table->linear_forward(MOST, in, out, act, x, w, b, all);
    for (int c = 0; c < N_COUNTS; c++) {
        table->linear_forward(counts[c], in, out, act, x + (MOST - counts[c]) * in, w, b, few);
        check_rows(all, few, counts[c], (size_t)out * sizeof *all, table->name, "fp32");
    }
    free(x);
    free(w);
    free(bias);
    free(all);
    free(few);
}

static void check_halves(const kern_table *table, int64_t in, int64_t out, kern_activation act) {
    both x = random_both(MOST * in, 1), all = prefilled_both(MOST * out, 0.0f, 0);
    both few = prefilled_both(MOST * out, 0.0f, 0);
    float *w = random_floats(out * in, 2), *bias = random_floats(out, 3);
    table->linear_forward(MOST, in, out, act, x.half, w, bias, all.half);
    for (int c = 0; c < N_COUNTS; c++) {
        table->linear_forward(counts[c], in, out, act, x.half + (MOST - counts[c]) * in, w, bias, few.half);
        check_rows(all.half, few.half, counts[c], (size_t)out * sizeof *all.half, table->name, "bf16");
    }
    free_both(x);
    free_both(all);
    free_both(few);
    free(w);
    free(bias);
}

static void check_int8(const kern_table *table, int64_t in, int64_t out, kern_activation act) {
    const size_t padded = (size_t)(out + 63) / 64 * 64;
    int8_t *rows = malloc((size_t)(in * out));
    float *scale = calloc(padded, sizeof *scale), *sum = calloc(padded, sizeof *sum);
    ck_assert(rows && scale && sum);
    for (int64_t i = 0; i < in * out; i++) rows[i] = (int8_t)(i * 37 % 127 - 63);
    for (int64_t j = 0; j < out; j++) {
        scale[j] = 0.001f * (float)(j % 7 + 1);
        int32_t total = 0;
        for (int64_t p = 0; p < in; p++) total += rows[j * in + p];
        sum[j] = scale[j] * (float)total;
    }
    kern_int8 q = {.in = in, .out = out, .scale = scale, .sum = sum, .pack = table->int8_pack};
    q.packed = senc_alloc_aligned((size_t)kern_int8_bytes(in, out), 1);
    ck_assert_ptr_nonnull(q.packed);
    table->int8_pack(in, out, rows, q.packed);
    float *x = random_floats(MOST * in, 1), *all = prefilled(MOST * out, 0.0f, 0),
          *few = prefilled(MOST * out, 0.0f, 0);
    table->linear_int8(MOST, act, x, &q, NULL, all);
    for (int c = 0; c < N_COUNTS; c++) {
        table->linear_int8(counts[c], act, x + (MOST - counts[c]) * in, &q, NULL, few);
        check_rows(all, few, counts[c], (size_t)out * sizeof *all, table->name, "int8");
    }
    free(rows);
    free(scale);
    free(sum);
    free(q.packed);
    free(x);
    free(all);
    free(few);
}

START_TEST(test_rows_alone_and_together) {
    FOR_EACH_TABLE(table, {
        for (int s = 0; s < N_SHAPES && is_ours(table); s++) {
            const int64_t in = shapes[s][0];
            const int64_t out = shapes[s][1];
            check_floats(table, in, out, KERN_NONE, true);
            check_floats(table, in, out, KERN_GELU, s % 2 == 0);
            check_int8(table, in, out, s % 2 ? KERN_GELU : KERN_NONE);
            if (table->bf16) check_halves(table->bf16, in, out, s % 2 ? KERN_GELU : KERN_NONE);
        }
    });
}
END_TEST

int main(void) {
    Suite *suite = suite_create("row_independence");
    TCase *t = tcase_create("linear");
    tcase_add_test(t, test_rows_alone_and_together);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
