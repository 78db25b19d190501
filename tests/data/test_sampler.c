/* The order of training: every row once an epoch, the same order for the same seed, exact continuation. */
#include "data/sampler.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

static data_sampler make(int64_t n_rows, uint64_t seed, bool shuffle, bool drop_last) {
    data_sampler s;
    senc_error err = {0};
    ck_assert_msg(data_sampler_init(&s, n_rows, seed, shuffle, drop_last, &err), "%s", err.text);
    return s;
}

/* Reads one epoch in batches of `size` and checks that every row comes exactly once. */
static void check_epoch(data_sampler *s, int64_t size, int64_t epoch) {
    int64_t rows[64], n_seen = 0;
    bool *seen = calloc((size_t)s->n_rows, sizeof *seen);
    while (n_seen < s->n_rows) {
        const int64_t n = data_sampler_next(s, size, rows);
        ck_assert_int_ge(n, 1);
        ck_assert_int_eq(s->epoch, epoch);
        for (int64_t i = 0; i < n; i++) {
            ck_assert_int_ge(rows[i], 0);
            ck_assert_int_lt(rows[i], s->n_rows);
            ck_assert(!seen[rows[i]]);
            seen[rows[i]] = true;
        }
        n_seen += n;
    }
    free(seen);
}

START_TEST(each_epoch_holds_every_row_once) {
    for (int64_t n = 1; n <= 40; n++) {
        for (int64_t size = 1; size <= 13; size += 3) {
            data_sampler s = make(n, 7, true, false);
            for (int64_t epoch = 0; epoch < 3; epoch++) check_epoch(&s, size, epoch);
            data_sampler_free(&s);
        }
    }
}
END_TEST

START_TEST(batches_do_not_span_epochs) {
    data_sampler s = make(10, 1, true, false);
    int64_t rows[4];
    const int64_t sizes[] = {4, 4, 2, 4, 4, 2};
    ck_assert_int_eq(data_sampler_batches(&s, 4), 3);
    for (int i = 0; i < 6; i++) ck_assert_int_eq(data_sampler_next(&s, 4, rows), sizes[i]);
    data_sampler_free(&s);
    s = make(10, 1, true, true);
    ck_assert_int_eq(data_sampler_batches(&s, 4), 2);
    for (int i = 0; i < 5; i++) ck_assert_int_eq(data_sampler_next(&s, 4, rows), 4);
    ck_assert_int_eq(s.epoch, 2);
    data_sampler_free(&s);
}
END_TEST

/* A last batch with fewer rows than the least is left out, whatever drop_last says. */
START_TEST(too_few_rows_at_the_end) {
    for (int64_t least = 0; least <= 4; least++) {
        data_sampler s;
        senc_error err = {0};
        ck_assert(data_sampler_init(&s, 11, 5, true, false, &err));
        s.least_rows = least;
        int64_t rows[4];
        const bool left_out = least > 3;
        ck_assert_int_eq(data_sampler_batches(&s, 4), left_out ? 2 : 3);
        for (int i = 0; i < 6; i++) {
            const int64_t n = data_sampler_next(&s, 4, rows);
            ck_assert_int_eq(n, !left_out && i % 3 == 2 ? 3 : 4);
            ck_assert_int_eq(s.epoch, i / (left_out ? 2 : 3));
        }
        data_sampler_free(&s);
    }
    data_sampler s;
    senc_error err = {0};
    ck_assert(data_sampler_init(&s, 1, 5, true, false, &err));
    s.least_rows = 2;
    int64_t row;
    ck_assert_int_eq(data_sampler_batches(&s, 4), 0);
    ck_assert_int_eq(data_sampler_next(&s, 4, &row), 0);
    data_sampler_free(&s);
}
END_TEST

START_TEST(nothing_to_give) {
    int64_t rows[8];
    data_sampler s = make(0, 1, true, false);
    ck_assert_int_eq(data_sampler_next(&s, 8, rows), 0);
    data_sampler_free(&s);
    s = make(5, 1, true, true);
    ck_assert_int_eq(data_sampler_next(&s, 8, rows), 0);
    data_sampler_free(&s);
}
END_TEST

START_TEST(without_shuffle_rows_come_in_order) {
    data_sampler s = make(5, 1, false, false);
    int64_t rows[3];
    ck_assert_int_eq(data_sampler_next(&s, 3, rows), 3);
    ck_assert_int_eq(rows[2], 2);
    ck_assert_int_eq(data_sampler_next(&s, 3, rows), 2);
    ck_assert_int_eq(rows[0], 3);
    data_sampler_free(&s);
}
END_TEST

START_TEST(seed_and_epoch_decide_the_order) {
    data_sampler a = make(50, 3, true, false), b = make(50, 3, true, false), c = make(50, 4, true, false);
    int64_t x[50], y[50], z[50];
    for (int epoch = 0; epoch < 3; epoch++) {
        ck_assert_int_eq(data_sampler_next(&a, 50, x), 50);
        ck_assert_int_eq(data_sampler_next(&b, 50, y), 50);
        ck_assert_int_eq(data_sampler_next(&c, 50, z), 50);
        ck_assert_mem_eq(x, y, sizeof x);
        ck_assert_mem_ne(x, z, sizeof x);
    }
    ck_assert_int_eq(data_sampler_next(&b, 50, y), 50);
    ck_assert_mem_ne(x, y, sizeof x); /* another epoch, another order */
    data_sampler_free(&a);
    data_sampler_free(&b);
    data_sampler_free(&c);
}
END_TEST

START_TEST(continues_exactly_from_any_point) {
    for (int stop = 0; stop < 9; stop++) {
        data_sampler a = make(11, 5, true, false), b = make(11, 5, true, false);
        int64_t x[4], y[4];
        senc_error err = {0};
        for (int i = 0; i < stop; i++) data_sampler_next(&a, 4, x);
        ck_assert(data_sampler_restore(&b, a.epoch, a.position, &err));
        for (int i = 0; i < 10; i++) {
            const int64_t n = data_sampler_next(&a, 4, x);
            ck_assert_int_eq(data_sampler_next(&b, 4, y), n);
            ck_assert_mem_eq(x, y, (size_t)n * sizeof *x);
        }
        ck_assert(!data_sampler_restore(&b, 0, 12, &err));
        ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
        data_sampler_free(&a);
        data_sampler_free(&b);
    }
}
END_TEST

/* Each row is first in an epoch about equally often: 6 rows, 6000 epochs, 1000 expected, standard deviation 29. */
START_TEST(the_order_is_uniform) {
    data_sampler s = make(6, 99, true, false);
    int64_t counts[6] = {0}, rows[6];
    for (int i = 0; i < 6000; i++) {
        data_sampler_next(&s, 6, rows);
        counts[rows[0]]++;
    }
    for (int i = 0; i < 6; i++) ck_assert_int_lt(llabs(counts[i] - 1000), 150);
    data_sampler_free(&s);
}
END_TEST

START_TEST(no_memory_is_an_error) {
    data_sampler s;
    senc_error err = {0};
    senc_alloc_fail_at(1);
    ck_assert(!data_sampler_init(&s, 10, 1, true, false, &err));
    senc_alloc_fail_at(0);
    ck_assert_int_eq(err.kind, SENC_FAILED);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sampler");
    TCase *t = tcase_create("sampler");
    tcase_add_test(t, too_few_rows_at_the_end);
    tcase_add_test(t, each_epoch_holds_every_row_once);
    tcase_add_test(t, batches_do_not_span_epochs);
    tcase_add_test(t, nothing_to_give);
    tcase_add_test(t, without_shuffle_rows_come_in_order);
    tcase_add_test(t, seed_and_epoch_decide_the_order);
    tcase_add_test(t, continues_exactly_from_any_point);
    tcase_add_test(t, the_order_is_uniform);
    tcase_add_test(t, no_memory_is_an_error);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
