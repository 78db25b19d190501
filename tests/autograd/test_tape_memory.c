/* The region behind values and gradients: best fit, splitting, merging, the top, and a random workload against a plain
 * model. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/tape_memory.h"

static ag_memory open_memory(int64_t limit_bytes) {
    ag_memory m;
    senc_error err = {0};
    ck_assert_msg(ag_memory_init(&m, limit_bytes, &err), "%s", err.text);
    return m;
}

START_TEST(pieces_are_reused_by_best_fit) {
    ag_memory m = open_memory(1 << 20);
    char *a = ag_memory_take(&m, 256), *b = ag_memory_take(&m, 64), *c = ag_memory_take(&m, 128),
         *d = ag_memory_take(&m, 64);
    ck_assert_ptr_eq(b, a + 256);
    ag_memory_give(&m, a, 256);
    ag_memory_give(&m, c, 128);
    ck_assert_ptr_eq(ag_memory_take(&m, 100), c); /* 128 fits better than 256 */
    ck_assert_ptr_eq(ag_memory_take(&m, 64), a);  /* split */
    ck_assert_ptr_eq(ag_memory_take(&m, 192), a + 64);
    ck_assert_ptr_eq(ag_memory_take(&m, 1), d + 64); /* nothing left: from the top */
    ck_assert_int_eq(m.n_free, 0);
    ag_memory_free(&m);
}
END_TEST

START_TEST(neighbours_merge) {
    ag_memory m = open_memory(1 << 20);
    char *p[5];
    for (int i = 0; i < 5; i++) p[i] = ag_memory_take(&m, 64);
    ag_memory_give(&m, p[0], 64);
    ag_memory_give(&m, p[2], 64);
    ck_assert_int_eq(m.n_free, 2);
    ag_memory_give(&m, p[1], 64); /* joins both sides */
    ck_assert_int_eq(m.n_free, 1);
    ck_assert_int_eq(m.free_pieces[0].n, 192);
    ag_memory_give(&m, p[4], 64); /* joins the top */
    ck_assert_int_eq(m.n_free, 1);
    ck_assert_int_eq(m.top, 256);
    ag_memory_give(&m, p[3], 64); /* joins the piece and the top */
    ck_assert_int_eq(m.n_free, 0);
    ck_assert_int_eq(m.top, 0);
    ck_assert_int_eq(m.peak_bytes, 320);
    ag_memory_free(&m);
}
END_TEST

START_TEST(full_region_gives_null) {
    ag_memory m = open_memory(4096);
    void *a = ag_memory_take(&m, 4096);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_null(ag_memory_take(&m, 1));
    ck_assert_ptr_null(ag_memory_take(&m, INT64_MAX));
    ck_assert_ptr_null(ag_memory_take(&m, -1));
    ag_memory_give(&m, a, 4096);
    ck_assert_ptr_eq(ag_memory_take(&m, 64), a);
    ag_memory_reset(&m);
    ck_assert_ptr_eq(ag_memory_take(&m, 4096), a);
    ag_memory_free(&m);
}
END_TEST

/* 4,000 random takes and gives: blocks never overlap (each keeps its own pattern) and everything merges back. */
START_TEST(random_workload_keeps_blocks_apart) {
    enum { SLOTS = 40 };
    struct {
        unsigned char *p;
        int64_t n;
    } slot[SLOTS] = {0};
    ag_memory m = open_memory(1 << 20);
    senc_rng rng;
    senc_rng_init(&rng, 3);
    for (int step = 0; step < 4000; step++) {
        const int i = (int)senc_rng_below(&rng, SLOTS);
        if (slot[i].p) {
            int64_t wrong = 0;
            for (int64_t j = 0; j < slot[i].n; j++) wrong += slot[i].p[j] != i + 1;
            ck_assert_int_eq(wrong, 0);
            ag_memory_give(&m, slot[i].p, slot[i].n);
            slot[i].p = NULL;
        } else {
            slot[i].n = (int64_t)senc_rng_below(&rng, 3000);
            slot[i].p = ag_memory_take(&m, slot[i].n);
            ck_assert_ptr_nonnull(slot[i].p);
            memset(slot[i].p, i + 1, (size_t)slot[i].n);
        }
        bool apart = true;
        for (int64_t k = 0; k + 1 < m.n_free; k++) {
            apart = apart && m.free_pieces[k].at + m.free_pieces[k].n < m.free_pieces[k + 1].at;
        }
        ck_assert(apart);
    }
    for (int i = 0; i < SLOTS; i++) ag_memory_give(&m, slot[i].p, slot[i].n);
    ck_assert_int_eq(m.top, 0);
    ck_assert_int_eq(m.n_free, 0);
    ag_memory_free(&m);
}
END_TEST

/* When the list of pieces cannot grow, a piece is lost until the reset, and nothing else happens. */
START_TEST(a_full_list_loses_a_piece_only) {
    ag_memory m = open_memory(1 << 20);
    void *a = ag_memory_take(&m, 64), *b = ag_memory_take(&m, 64);
    senc_alloc_fail_at(1);
    ag_memory_give(&m, a, 64);
    senc_alloc_fail_at(0);
    ck_assert_int_eq(m.n_free, 0);
    ck_assert_ptr_ne(ag_memory_take(&m, 64), a);
    ag_memory_reset(&m);
    ck_assert_ptr_eq(ag_memory_take(&m, 64), a);
    ck_assert_ptr_eq(ag_memory_take(&m, 64), b);
    ag_memory_free(&m);
}
END_TEST

int main(void) {
    Suite *s = suite_create("tape_memory");
    TCase *tc = tcase_create("tape_memory");
    tcase_add_test(tc, pieces_are_reused_by_best_fit);
    tcase_add_test(tc, neighbours_merge);
    tcase_add_test(tc, full_region_gives_null);
    tcase_add_test(tc, random_workload_keeps_blocks_apart);
    tcase_add_test(tc, a_full_list_loses_a_piece_only);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
