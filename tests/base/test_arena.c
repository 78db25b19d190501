/* The bump arena: alignment, reuse, limit, sticky failure. */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/arena.h"
#include "autograd/base/memory.h"

START_TEST(blocks_are_aligned_and_apart) {
    senc_arena a;
    senc_arena_init(&a, 0);
    unsigned char *blocks[200];
    for (size_t i = 0; i < 200; i++) {
        blocks[i] = senc_arena_alloc(&a, i * 37, 3);
        ck_assert_ptr_nonnull(blocks[i]);
        ck_assert_uint_eq((uintptr_t)blocks[i] % SENC_ALIGN_BYTES, 0);
        memset(blocks[i], (int)i, i * 37 * 3);
    }
    size_t n_wrong = 0;
    for (size_t i = 0; i < 200; i++) {
        for (size_t j = 0; j < i * 37 * 3; j++) n_wrong += blocks[i][j] != (unsigned char)i;
    }
    ck_assert_uint_eq(n_wrong, 0);
    ck_assert_uint_ge(a.reserved_bytes, a.used_bytes);
    ck_assert_uint_eq(a.peak_bytes, a.used_bytes);
    senc_arena_free(&a);
    ck_assert(!a.first && a.reserved_bytes == 0);
    senc_arena_free(&a);
}
END_TEST

/* The same steps after a reset get the same memory: nothing is allocated any more. */
START_TEST(steps_after_the_first_allocate_nothing) {
    senc_arena a;
    senc_arena_init(&a, 0);
    void *first[50];
    for (int step = 0; step < 3; step++) {
        if (step) senc_alloc_fail_at(1);
        for (size_t i = 0; i < 50; i++) {
            void *p = senc_arena_alloc(&a, 100000 + i * 1000, 4);
            ck_assert_ptr_nonnull(p);
            if (step == 0) first[i] = p;
            ck_assert_ptr_eq(p, first[i]);
        }
        senc_alloc_fail_at(0);
        senc_arena_reset(&a);
        ck_assert_uint_eq(a.used_bytes, 0);
        ck_assert_uint_gt(a.peak_bytes, 20000000);
    }
    senc_arena_free(&a);
}
END_TEST

START_TEST(zeroed_memory_is_zero) {
    senc_arena a;
    senc_arena_init(&a, 0);
    memset(senc_arena_alloc(&a, 1000, 1), 7, 1000);
    senc_arena_reset(&a);
    const char *p = senc_arena_alloc_zero(&a, 250, 4);
    for (int i = 0; i < 1000; i++) ck_assert_int_eq(p[i], 0);
    senc_arena_free(&a);
}
END_TEST

#ifndef NDEBUG
START_TEST(a_reset_leaves_nan) {
    senc_arena a;
    senc_arena_init(&a, 0);
    float *x = senc_arena_alloc(&a, 8, sizeof *x);
    x[3] = 1;
    senc_arena_reset(&a);
    x = senc_arena_alloc(&a, 8, sizeof *x);
    ck_assert(isnan(x[3]));
    senc_arena_free(&a);
}
END_TEST
#endif

START_TEST(the_limit_is_kept_and_sticky) {
    senc_arena a;
    senc_arena_init(&a, 4096);
    ck_assert_ptr_nonnull(senc_arena_alloc(&a, 1024, 1));
    ck_assert_ptr_nonnull(senc_arena_alloc(&a, 3072, 1));
    ck_assert(!a.failed);
    ck_assert_ptr_null(senc_arena_alloc(&a, 1, 1));
    ck_assert(a.failed);
    ck_assert_ptr_null(senc_arena_alloc(&a, 0, 1)); /* sticky */
    ck_assert_uint_le(a.reserved_bytes, 4096);
    senc_arena_reset(&a);
    ck_assert(!a.failed);
    ck_assert_ptr_nonnull(senc_arena_alloc(&a, 1, 1));
    senc_arena_free(&a);
    ck_assert_uint_eq(a.limit_bytes, 4096);
}
END_TEST

START_TEST(failure) {
    senc_arena a;
    senc_arena_init(&a, 0);
    ck_assert_ptr_null(senc_arena_alloc(&a, SIZE_MAX / 2, 4));
    ck_assert(a.failed);
    senc_arena_reset(&a);
    ck_assert_ptr_null(senc_arena_alloc_zero(&a, SIZE_MAX, 1));
    for (int n = 1; n <= 2; n++) { /* the block's head, its memory */
        senc_arena_reset(&a);
        senc_alloc_fail_at(n);
        ck_assert_ptr_null(senc_arena_alloc(&a, 10, 10));
        senc_alloc_fail_at(0);
        ck_assert(a.failed);
    }
    senc_arena_free(&a);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("arena");
    TCase *cases = tcase_create("arena");
    tcase_add_test(cases, blocks_are_aligned_and_apart);
    tcase_add_test(cases, steps_after_the_first_allocate_nothing);
    tcase_add_test(cases, zeroed_memory_is_zero);
#ifndef NDEBUG
    tcase_add_test(cases, a_reset_leaves_nan);
#endif
    tcase_add_test(cases, the_limit_is_kept_and_sticky);
    tcase_add_test(cases, failure);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
