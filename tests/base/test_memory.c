/* Heap memory: overflow checks, alignment, failure injection, huge pages, what the machine says. */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

START_TEST(overflow_gives_null) {
    ck_assert_ptr_null(senc_alloc(SIZE_MAX / 2, 3));
    ck_assert_ptr_null(senc_alloc_zero(SIZE_MAX, 1));
    ck_assert_ptr_null(senc_alloc_aligned(SIZE_MAX, 1));
    ck_assert_ptr_null(senc_alloc_aligned((size_t)PTRDIFF_MAX - 1, 1));
    char *block = senc_strdup("kept");
    ck_assert_ptr_null(senc_realloc(block, SIZE_MAX / 4, 8));
    ck_assert_str_eq(block, "kept");
    free(block);
}
END_TEST

START_TEST(nothing_is_a_block_too) {
    void *blocks[] = {senc_alloc(0, 8), senc_alloc_zero(8, 0), senc_alloc_aligned(0, 0), senc_realloc(NULL, 0, 1)};
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_nonnull(blocks[i]);
        free(blocks[i]);
    }
}
END_TEST

START_TEST(blocks_are_as_asked) {
    for (size_t n = 1; n < 300; n += 7) {
        unsigned char *aligned = senc_alloc_aligned(n, 3), *zero = senc_alloc_zero(n, 3);
        ck_assert_uint_eq((uintptr_t)aligned % SENC_ALIGN_BYTES, 0);
        memset(aligned, 1, n * 3);
        int sum = 0;
        for (size_t i = 0; i < n * 3; i++) sum += zero[i];
        ck_assert_int_eq(sum, 0);
        free(aligned);
        free(zero);
    }
    char *text = senc_strndup("a\0bc", 3);
    ck_assert_int_eq(memcmp(text, "a\0b", 4), 0);
    text = senc_realloc(text, 1000, 1);
    ck_assert_int_eq(memcmp(text, "a\0b", 4), 0);
    free(text);
}
END_TEST

START_TEST(the_nth_allocation_fails_once) {
    senc_alloc_fail_at(3);
    void *first = senc_alloc(1, 1);
    char *second = senc_strdup("x");
    ck_assert_ptr_null(senc_alloc_zero(1, 1));
    void *fourth = senc_alloc_aligned(1, 1);
    ck_assert(first && second && fourth);
    senc_alloc_fail_at(1);
    ck_assert_ptr_null(senc_realloc(second, 10, 1));
    ck_assert_str_eq(second, "x");
    senc_alloc_fail_at(1);
    senc_alloc_fail_at(0);
    void *fifth = senc_alloc(1, 1);
    ck_assert_ptr_nonnull(fifth);
    free(first);
    free(second);
    free(fourth);
    free(fifth);
}
END_TEST

START_TEST(resident_memory_follows_use) {
    const int64_t before = senc_memory_resident_bytes(), n = INT64_C(64) << 20;
    ck_assert_int_gt(before, 100000);
    char *block = senc_alloc((size_t)n, 1);
    for (int64_t i = 0; i < n; i += 1024) block[i] = 1;
    ck_assert_int_ge(senc_memory_resident_bytes(), before + n / 2);
    ck_assert_int_ge(senc_memory_peak_bytes(), before + n / 2);
    free(block);
    ck_assert_int_ge(senc_memory_peak_bytes(), before + n / 2);
    ck_assert_int_gt(senc_memory_available_bytes(), 0);
}
END_TEST

/* A write to every page that the compiler keeps, although nobody reads it. */
static void touch(char *block, size_t n) {
    for (size_t i = 0; i < n; i += 4096) ((volatile char *)block)[i] = 1;
}

/* Large blocks begin on a huge page, and only what is touched is resident. */
START_TEST(large_blocks_lie_on_huge_pages) {
    const size_t sizes[] = {SENC_HUGE_PAGES_FROM, SENC_HUGE_PAGES_FROM + 1, ((size_t)64 << 20) + 4711};
    for (int i = 0; i < 3; i++) {
        const int64_t before = senc_memory_resident_bytes();
        char *block = senc_alloc_aligned(sizes[i], 1);
        ck_assert_uint_eq((uintptr_t)block % SENC_HUGE_PAGE_BYTES, 0);
        touch(block, 1);
        ck_assert_int_lt(senc_memory_resident_bytes(), before + (3 << 20));
        touch(block, sizes[i]);
        ck_assert_int_gt(senc_memory_resident_bytes(), before + (int64_t)sizes[i] - (1 << 20));
        ck_assert_int_lt(senc_memory_resident_bytes(), before + (int64_t)sizes[i] + (1 << 20));
        free(block);
    }
    char small[4096];
    memset(small, 7, sizeof small);
    senc_memory_advise_huge(small, sizeof small);
    ck_assert_int_eq(small[100], 7);
}
END_TEST

/* Under AddressSanitizer freed memory is kept to find late uses; little of it, so that what a test measures is ours. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "quarantine_size_mb=1";
}

START_TEST(the_peak_starts_anew) {
    const size_t n = (size_t)64 << 20;
    char *block = senc_alloc_aligned(n, 1);
    touch(block, n);
    free(block);
    const int64_t high = senc_memory_peak_bytes();
    senc_memory_trim();
    if (!senc_memory_reset_peak()) return; /* a system without clear_refs */
    ck_assert_int_lt(senc_memory_peak_bytes(), high - (int64_t)n / 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("memory");
    TCase *cases = tcase_create("memory");
    tcase_add_test(cases, overflow_gives_null);
    tcase_add_test(cases, nothing_is_a_block_too);
    tcase_add_test(cases, blocks_are_as_asked);
    tcase_add_test(cases, the_nth_allocation_fails_once);
    tcase_add_test(cases, resident_memory_follows_use);
    tcase_add_test(cases, large_blocks_lie_on_huge_pages);
    tcase_add_test(cases, the_peak_starts_anew);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
