/* Random numbers: the published test values, uniformity, and the counter-based generator. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/rng.h"

/* The first outputs from state {1, 2, 3, 4}, by hand: rotl(2 * 5, 7) * 9 = 11520, then s = {7, 0, 2^18 + 2, 6 * 2^45},
 * so 0. */
START_TEST(stream_follows_the_paper) {
    senc_rng rng = {{1, 2, 3, 4}};
    ck_assert_uint_eq(senc_rng_next(&rng), 11520);
    ck_assert_uint_eq(rng.s[0], 7);
    ck_assert_uint_eq(rng.s[1], 0);
    ck_assert_uint_eq(rng.s[2], 2 + (2 << 17));
    ck_assert_uint_eq(rng.s[3], UINT64_C(6) << 45);
    ck_assert_uint_eq(senc_rng_next(&rng), 0);
    ck_assert_uint_eq(senc_rng_next(&rng), 1509978240);
}
END_TEST

/* splitmix64 from 0 gives 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f, 0xf88bb8a8724c81ec. */
START_TEST(seeding_follows_splitmix64) {
    senc_rng rng;
    senc_rng_init(&rng, 0);
    ck_assert_uint_eq(rng.s[0], UINT64_C(0xe220a8397b1dcdaf));
    ck_assert_uint_eq(rng.s[1], UINT64_C(0x6e789e6aa1b965f4));
    ck_assert_uint_eq(rng.s[2], UINT64_C(0x06c45d188009454f));
    ck_assert_uint_eq(rng.s[3], UINT64_C(0xf88bb8a8724c81ec));
    senc_rng other;
    senc_rng_init(&other, 1);
    ck_assert_uint_ne(senc_rng_next(&rng), senc_rng_next(&other));
}
END_TEST

/* chi-square of 7 bins over 70,000 draws: 6 degrees of freedom, 22.5 is exceeded once in a thousand seeds. */
START_TEST(below_is_uniform) {
    senc_rng rng;
    senc_rng_init(&rng, 42);
    int64_t counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        const uint64_t x = senc_rng_below(&rng, 7);
        ck_assert_msg(x < 7, "%llu", (unsigned long long)x);
        counts[x]++;
    }
    double chi = 0;
    for (int i = 0; i < 7; i++) chi += pow((double)counts[i] - 10000, 2) / 10000;
    ck_assert_double_lt(chi, 22.5);
    for (int i = 0; i < 100; i++) ck_assert_uint_eq(senc_rng_below(&rng, 1), 0);
}
END_TEST

/* With n = 3 * 2^62 a plain modulo would draw the lowest third twice as often, and the multiplication without rejection
 * every multiple of three. */
START_TEST(below_has_no_bias_for_large_n) {
    senc_rng rng;
    senc_rng_init(&rng, 7);
    const uint64_t n = UINT64_C(3) << 62;
    int64_t low = 0, multiples = 0;
    for (int i = 0; i < 30000; i++) {
        const uint64_t x = senc_rng_below(&rng, n);
        low += x < n / 3;
        multiples += x % 3 == 0;
    }
    ck_assert_int_gt(low, 10000 - 330); /* four standard deviations of 81.6 */
    ck_assert_int_lt(low, 10000 + 330);
    ck_assert_int_gt(multiples, 10000 - 330);
    ck_assert_int_lt(multiples, 10000 + 330);
}
END_TEST

START_TEST(uniform_and_normal_moments) {
    senc_rng rng;
    senc_rng_init(&rng, 3);
    const int n = 200000;
    double sum = 0, square = 0, normal = 0, normal_square = 0, fourth = 0;
    int n_outside = 0;
    for (int i = 0; i < n; i++) {
        const double u = senc_rng_uniform(&rng), z = senc_rng_normal(&rng);
        n_outside += !(u >= 0 && u < 1) || !isfinite(z);
        sum += u;
        square += u * u;
        normal += z;
        normal_square += z * z;
        fourth += z * z * z * z;
    }
    ck_assert_int_eq(n_outside, 0);
    ck_assert_double_lt(fabs(sum / n - 0.5), 0.003);
    ck_assert_double_lt(fabs(square / n - 1.0 / 3), 0.003);
    ck_assert_double_lt(fabs(normal / n), 0.01);
    ck_assert_double_lt(fabs(normal_square / n - 1), 0.015);
    ck_assert_double_lt(fabs(fourth / n - 3), 0.1);
}
END_TEST

/* Dropout with p = 0.1 by cell < p * 2^32: the share in each row, and no correlation with the next row or column. */
START_TEST(cells_are_independent) {
    enum { ROWS = 300, COLUMNS = 400 };
    const uint32_t threshold = (uint32_t)(0.1 * 4294967296.0);
    static unsigned char dropped[ROWS][COLUMNS];
    int64_t n = 0, right = 0, down = 0;
    for (uint64_t row = 0; row < ROWS; row++) {
        const uint64_t key = senc_rng_row_key(senc_rng_mix(5), row);
        for (uint32_t column = 0; column < COLUMNS; column++)
            dropped[row][column] = senc_rng_cell(key, column) < threshold;
    }
    for (int i = 0; i + 1 < ROWS; i++) {
        for (int j = 0; j + 1 < COLUMNS; j++) {
            n += dropped[i][j];
            right += dropped[i][j] && dropped[i][j + 1];
            down += dropped[i][j] && dropped[i + 1][j];
        }
    }
    const double cells = (ROWS - 1.0) * (COLUMNS - 1.0);
    ck_assert_double_lt(fabs((double)n / cells - 0.1), 4 * sqrt(0.09 / cells));
    ck_assert_double_lt(fabs((double)right / cells - 0.01), 4 * sqrt(0.0099 / cells));
    ck_assert_double_lt(fabs((double)down / cells - 0.01), 4 * sqrt(0.0099 / cells));
}
END_TEST

START_TEST(cells_are_a_function_of_their_key) {
    const uint64_t key = senc_rng_row_key(9, 1);
    ck_assert_uint_eq(senc_rng_cell(key, 17), senc_rng_cell(senc_rng_row_key(9, 1), 17));
    ck_assert_uint_ne(senc_rng_cell(key, 17), senc_rng_cell(key, 18));
    ck_assert_uint_ne(senc_rng_cell(key, 17), senc_rng_cell(senc_rng_row_key(9, 2), 17));
    ck_assert_uint_ne(senc_rng_cell(key, 17), senc_rng_cell(senc_rng_row_key(10, 1), 17));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rng");
    TCase *cases = tcase_create("rng");
    tcase_add_test(cases, stream_follows_the_paper);
    tcase_add_test(cases, seeding_follows_splitmix64);
    tcase_add_test(cases, below_is_uniform);
    tcase_add_test(cases, below_has_no_bias_for_large_n);
    tcase_add_test(cases, uniform_and_normal_moments);
    tcase_add_test(cases, cells_are_independent);
    tcase_add_test(cases, cells_are_a_function_of_their_key);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
