/* Which candidates of a batch are masked, by hand. Texts are written as small numbers in the place of their hashes. */
#include "train/negatives.h"

#include "tests/train/train_bench.h"

#define MAX_TEXTS 32

/* Masks of a batch as "row:candidate row:candidate ..."; known: pairs (anchor, text), sorted. */
static void check_masks(const uint64_t *hashes, const bool *absent, int64_t n_rows, int64_t n_columns, data_pair *known,
                        int64_t n_known, const char *want) {
    static const bool none[MAX_TEXTS];
    const data_pairs pairs = {known, n_known};
    train_negatives m = {0};
    TRAIN_BENCH_OK(
        train_negatives_find(&m, known ? &pairs : NULL, hashes, absent ? absent : none, n_rows, n_columns, err));
    senc_buffer got = {0};
    for (int64_t i = 0; i < m.n; i++) {
        senc_buffer_printf(&got, "%s%lld:%lld", i ? " " : "", (long long)m.masked[i].row,
                           (long long)m.masked[i].candidate);
        ck_assert_int_ge(m.masked[i].candidate, n_rows); /* anchors are no candidates */
        ck_assert_int_lt(m.masked[i].candidate, n_rows * n_columns);
        ck_assert_int_ne(m.masked[i].candidate, n_rows + m.masked[i].row); /* the own positive */
    }
    ck_assert_str_eq(senc_buffer_text(&got), want);
    senc_buffer_free(&got);
    train_negatives_free(&m);
    ck_assert_ptr_null(m.masked);
}

START_TEST(nothing_to_mask) {
    static const uint64_t hashes[] = {1, 2, 3, 11, 12, 13, 21, 22, 23};
    check_masks(hashes, NULL, 3, 2, NULL, 0, "");
    check_masks(hashes, NULL, 3, 3, NULL, 0, "");
    check_masks(hashes, NULL, 1, 2, NULL, 0, "");
}
END_TEST

/* Rows 0 and 2 have the same positive: it is no negative of either. */
START_TEST(duplicate_positive) {
    static const uint64_t hashes[] = {1, 2, 3, 11, 12, 11};
    check_masks(hashes, NULL, 3, 2, NULL, 0, "0:5 2:3");
}
END_TEST

/* The same row twice, and a hard negative that is the row's own positive. */
START_TEST(duplicate_row_and_negative) {
    static const uint64_t rows[] = {1, 1, 11, 11};
    check_masks(rows, NULL, 2, 2, NULL, 0, "0:3 1:2");
    static const uint64_t negative[] = {1, 2, 11, 12, 11, 22};
    check_masks(negative, NULL, 2, 3, NULL, 0, "0:4");
}
END_TEST

/* The anchor's own text among the candidates: another row's positive (candidate 4), a hard negative (6). */
START_TEST(anchor_as_candidate) {
    static const uint64_t hashes[] = {1, 2, 3, 11, 1, 13, 1, 22, 23};
    check_masks(hashes, NULL, 3, 3, NULL, 0, "0:4 0:6 1:6"); /* 1:6 because row 1's positive is that text too */
}
END_TEST

/* Anchor and positive are the same text: the own positive stays even so. */
START_TEST(own_positive_equals_anchor) {
    static const uint64_t hashes[] = {1, 2, 1, 12};
    check_masks(hashes, NULL, 2, 2, NULL, 0, "");
    static const uint64_t twice[] = {1, 1, 1, 1};
    check_masks(twice, NULL, 2, 2, NULL, 0, "0:3 1:2");
}
END_TEST

/* Elsewhere in the data 12 and 23 are positives of anchor 1; anchor 9 is not in the batch. */
START_TEST(known_elsewhere) {
    static const uint64_t hashes[] = {1, 2, 3, 11, 12, 13, 21, 22, 23};
    data_pair known[] = {{1, 11}, {1, 12}, {1, 23}, {2, 12}, {3, 13}, {9, 21}};
    check_masks(hashes, NULL, 3, 3, known, 6, "0:4 0:8");
    /* the same, with the anchor in two rows: all of its positives leave both */
    static const uint64_t repeated[] = {1, 1, 2, 11, 12, 13};
    check_masks(repeated, NULL, 3, 2, known, 6, "0:4 1:3 2:4"); /* 2:4: 12 is known for anchor 2 */
}
END_TEST

/* A text that is masked for three reasons is in the list once. */
START_TEST(listed_once) {
    static const uint64_t hashes[] = {1, 2, 1, 1, 31, 1};
    data_pair known[] = {{1, 1}, {2, 1}};
    check_masks(hashes, NULL, 2, 3, known, 2, "0:3 0:5 1:2 1:5");
}
END_TEST

/* Optional negatives that a row does not have are no candidates for anybody. Their hash (0) means nothing. */
START_TEST(absent_negatives) {
    static const uint64_t hashes[] = {1, 2, 11, 12, 21, 0, 0, 0};
    static const bool absent[] = {false, false, false, false, false, true, true, true};
    check_masks(hashes, absent, 2, 4, NULL, 0, "0:5 0:6 0:7 1:5 1:6 1:7");
    /* a text whose hash happens to be that of nothing */
    static const uint64_t zero[] = {0, 2, 11, 12, 21, 0};
    static const bool one[] = {false, false, false, false, false, true};
    check_masks(zero, one, 2, 3, NULL, 0, "0:5 1:5");
}
END_TEST

/* One scratch for many batches, of growing and shrinking size. */
START_TEST(used_again) {
    train_negatives m = {0};
    static const bool none[2 * 300];
    uint64_t hashes[2 * 300];
    for (int n = 300; n >= 1; n -= 37) {
        for (int i = 0; i < n; i++) {
            hashes[i] = (uint64_t)(1000 + i);
            hashes[n + i] = 7; /* one positive for all */
        }
        TRAIN_BENCH_OK(train_negatives_find(&m, NULL, hashes, none, n, 2, err));
        ck_assert_int_eq(m.n, (int64_t)n * (n - 1));
        for (int64_t i = 1; i < m.n; i++) {
            const loss_masked *a = &m.masked[i - 1], *b = &m.masked[i];
            ck_assert(a->row < b->row || (a->row == b->row && a->candidate < b->candidate));
        }
    }
    train_negatives_free(&m);
}
END_TEST

START_TEST(out_of_memory) {
    static const uint64_t hashes[] = {1, 2, 11, 11};
    static const bool none[4];
    for (int at = 1; at <= 2; at++) {
        train_negatives m = {0};
        senc_alloc_fail_at(at);
        TRAIN_BENCH_FAILS(train_negatives_find(&m, NULL, hashes, none, 2, 2, err), SENC_FAILED, "out of memory");
        senc_alloc_fail_at(0);
        train_negatives_free(&m);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("negatives");
    TCase *tests = tcase_create("negatives");
    tcase_add_test(tests, nothing_to_mask);
    tcase_add_test(tests, duplicate_positive);
    tcase_add_test(tests, duplicate_row_and_negative);
    tcase_add_test(tests, anchor_as_candidate);
    tcase_add_test(tests, own_positive_equals_anchor);
    tcase_add_test(tests, known_elsewhere);
    tcase_add_test(tests, listed_once);
    tcase_add_test(tests, absent_negatives);
    tcase_add_test(tests, used_again);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return train_bench_run(suite);
}
