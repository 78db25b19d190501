/* Exact search against sorting all documents. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "eval/search.h"

enum { WIDTH = 9 };

static eval_search_options options_of(eval_similarity f, int64_t k) {
    return (eval_search_options){.kernels = kern_best(), .similarity = f, .k = k};
}

/* Coordinates in -2..2: exact products, many equal scores. */
static float *coarse_vectors(int64_t n, uint64_t seed) {
    senc_rng rng;
    senc_rng_init(&rng, seed);
    float *x = senc_alloc((size_t)(n * WIDTH), sizeof(*x));
    for (int64_t i = 0; i < n * WIDTH; i++) x[i] = (float)((int)senc_rng_below(&rng, 5) - 2);
    return x;
}

typedef struct scored {
    double score;
    int64_t rank, document;
} scored;

static int best_first(const void *a, const void *b) {
    const scored *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->rank < y->rank ? -1 : 1;
}

static eval_search *search_all(const eval_search_options *options, const float *queries, int64_t n_queries,
                               const float *documents, int64_t n, int64_t block) {
    eval_search *s;
    senc_error err = {0};
    ck_assert(eval_search_open(options, queries, n_queries, WIDTH, &s, &err));
    for (int64_t i = 0; i < n; i += block)
        ck_assert(eval_search_add(s, documents + i * WIDTH, n - i < block ? n - i : block, &err));
    eval_search_finish(s);
    return s;
}

static void check_against_sorting(eval_similarity f, int64_t n_queries, int64_t n, int64_t k, int64_t block,
                                  const int64_t *rank, bool descending) {
    float *queries = coarse_vectors(n_queries, 1), *documents = coarse_vectors(n, 2);
    eval_search_options options = options_of(f, k);
    options.tie_rank = rank;
    options.tie_descending = descending;
    eval_search *s = search_all(&options, queries, n_queries, documents, n, block);
    scored *all = senc_alloc((size_t)n, sizeof(*all));
    for (int64_t q = 0; q < n_queries; q++) {
        for (int64_t j = 0; j < n; j++) {
            const double score = eval_similarity_of(f, queries + q * WIDTH, documents + j * WIDTH, WIDTH);
            const int64_t place = rank != NULL ? rank[j] : j;
            all[j] = (scored){(double)(float)score, descending ? -place : place, j};
        }
        qsort(all, (size_t)n, sizeof(*all), best_first);
        int64_t found;
        const eval_hit *hits = eval_search_hits(s, q, &found);
        ck_assert_int_eq(found, k < n ? k : n);
        for (int64_t i = 0; i < found; i++) {
            ck_assert_msg(hits[i].document == all[i].document, "%s, query %lld, place %lld: %lld (%g), want %lld (%g)",
                          eval_similarity_name(f), (long long)q, (long long)i, (long long)hits[i].document,
                          (double)hits[i].score, (long long)all[i].document, all[i].score);
        }
    }
    free(all);
    eval_search_close(s);
    free(queries);
    free(documents);
}

START_TEST(equals_sorting) {
    check_against_sorting((eval_similarity)_i, 7, 500, 10, 64, NULL, false);
    check_against_sorting((eval_similarity)_i, 300, 90, 5, 90, NULL, false);     /* two query tiles */
    check_against_sorting((eval_similarity)_i, 3, 5000, 100, 5000, NULL, false); /* two document tiles */
    check_against_sorting((eval_similarity)_i, 2, 30, 1, 1, NULL, false);
}
END_TEST

START_TEST(k_above_the_corpus) {
    check_against_sorting((eval_similarity)_i, 3, 4, 10, 3, NULL, false);
}
END_TEST

START_TEST(ties_follow_the_rank) {
    int64_t rank[200];
    for (int64_t i = 0; i < 200; i++) rank[i] = (i * 77 + 5) % 200; /* a permutation */
    check_against_sorting((eval_similarity)_i, 5, 200, 20, 50, rank, false);
    check_against_sorting((eval_similarity)_i, 5, 200, 20, 50, rank, true);
}
END_TEST

START_TEST(blocks_and_threads_make_no_difference) {
    enum { Q = 20, N = 700, K = 30 };
    senc_rng rng;
    senc_rng_init(&rng, 5);
    float *x = senc_alloc((Q + N) * WIDTH, sizeof(*x));
    for (int i = 0; i < (Q + N) * WIDTH; i++) x[i] = (float)senc_rng_normal(&rng);
    memcpy(x + (Q + 600) * WIDTH, x + (Q + 3) * WIDTH, sizeof(*x) * WIDTH); /* document 600 equals document 3 */
    const eval_search_options options = options_of(EVAL_COSINE, K);
    eval_search *one = search_all(&options, x, Q, x + Q * WIDTH, N, N);
    senc_error err = {0};
    ck_assert(senc_threads_init(3, &err));
    eval_search *other = search_all(&options, x, Q, x + Q * WIDTH, N, 13);
    for (int64_t q = 0; q < Q; q++) {
        int64_t n, m;
        const eval_hit *a = eval_search_hits(one, q, &n), *b = eval_search_hits(other, q, &m);
        ck_assert_int_eq(n, m);
        for (int64_t i = 0; i < n; i++) ck_assert(a[i].document == b[i].document && a[i].score == b[i].score);
        for (int64_t i = 0; i + 1 < n; i++) ck_assert(a[i].document != 3 || a[i + 1].document == 600);
    }
    eval_search_close(one);
    eval_search_close(other);
    senc_threads_free();
    free(x);
}
END_TEST

START_TEST(zero_vectors_score_zero_under_cosine) {
    const float query[WIDTH] = {1}, documents[4 * WIDTH] = {[0] = -1, [2 * WIDTH] = 5, [3 * WIDTH] = 1e-25F};
    const eval_search_options options = options_of(EVAL_COSINE, 4);
    eval_search *s = search_all(&options, query, 1, documents, 4, 4);
    int64_t n;
    const eval_hit *hits = eval_search_hits(s, 0, &n);
    ck_assert_int_eq(n, 4);
    ck_assert(hits[0].document == 2 && hits[0].score == 1);
    ck_assert(hits[1].document == 3 && hits[1].score >= 0); /* shorter than 1e-12: next to nothing */
    ck_assert(hits[2].document == 1 && hits[2].score == 0);
    ck_assert(hits[3].document == 0 && hits[3].score == -1);
    eval_search_close(s);
}
END_TEST

START_TEST(overflowing_products_are_scored) {
    /* 1e20 * 1e20 overflows a float on the way, but the sum of document 1 is 3 */
    float query[WIDTH] = {1e20F, 1e20F, 1},
          documents[3 * WIDTH] = {[2] = 1, [WIDTH] = 1e20F, [WIDTH + 1] = -1e20F, [WIDTH + 2] = 3, [2 * WIDTH + 2] = 2};
    const eval_search_options options = options_of(EVAL_DOT, 2);
    eval_search *s = search_all(&options, query, 1, documents, 3, 1);
    int64_t n;
    const eval_hit *hits = eval_search_hits(s, 0, &n);
    ck_assert_int_eq(n, 2);
    ck_assert(hits[0].document == 1 && hits[0].score == 3);
    ck_assert_int_eq(hits[1].document, 2);
    eval_search_close(s);
}
END_TEST

START_TEST(products_that_overflow_to_minus_infinity_are_scored) {
    /* document 1: -3e38 - 3e38 + 3e38 + 3e38 + 3e30, which a double can tell from document 0's 1e30 */
    const float query[WIDTH] = {1e19F, 1e19F, 1e19F, 1e19F, 1e15F};
    const float documents[2 * WIDTH] = {[4] = 1e15F,         [WIDTH] = -3e19F,    [WIDTH + 1] = -3e19F,
                                        [WIDTH + 2] = 3e19F, [WIDTH + 3] = 3e19F, [WIDTH + 4] = 3e15F};
    const eval_search_options options = options_of(EVAL_DOT, 1);
    eval_search *s = search_all(&options, query, 1, documents, 2, 1);
    int64_t n;
    const eval_hit *hits = eval_search_hits(s, 0, &n);
    ck_assert(n == 1 && hits[0].document == 1 && hits[0].score > 2e30F);
    eval_search_close(s);
}
END_TEST

/* Of unit vectors in floats, whose squares miss 1, every one has the product 1 with itself, and equal ones tie with it
 * whatever the scan's bound says. */
START_TEST(equal_vectors_are_as_near_as_can_be) {
    enum { N = 300 };
    senc_rng rng;
    senc_rng_init(&rng, 8);
    float *x = senc_alloc((2 * N) * WIDTH, sizeof *x);
    int n_missed = 0;
    for (int i = 0; i < N; i++) {
        double square = 0;
        for (int k = 0; k < WIDTH; k++) {
            x[i * WIDTH + k] = (float)senc_rng_normal(&rng);
            square += (double)x[i * WIDTH + k] * (double)x[i * WIDTH + k];
        }
        for (int k = 0; k < WIDTH; k++) x[i * WIDTH + k] /= (float)sqrt(square);
        n_missed += (float)eval_vector_square(x + i * WIDTH, WIDTH) != 1.0F;
        for (int f = 0; f < EVAL_N_SIMILARITIES; f++)
            ck_assert(eval_similarity_of((eval_similarity)f, x + i * WIDTH, x + i * WIDTH, WIDTH) == (f < 2));
    }
    ck_assert_int_gt(n_missed, N / 10);              /* there is something to mend */
    memcpy(x + N * WIDTH, x, N * WIDTH * sizeof *x); /* document N + i equals document i */
    for (int k = 1; k <= 3; k++) {
        const eval_search_options options = options_of((eval_similarity)_i, k);
        eval_search *s = search_all(&options, x, N, x, 2 * N, 64);
        for (int q = 0; q < N; q++) {
            int64_t n;
            const eval_hit *hits = eval_search_hits(s, q, &n);
            for (int h = 0; h < k && h < 2; h++) {
                ck_assert_int_eq(hits[h].document, q + h * N);
                ck_assert(hits[h].score == (_i < 2 ? 1 : 0));
            }
        }
        eval_search_close(s);
    }
    free(x);
}
END_TEST

START_TEST(numbers_that_are_not_finite_are_errors) {
    const float bad[] = {NAN, INFINITY, -INFINITY};
    const eval_search_options options = options_of((eval_similarity)(_i % EVAL_N_SIMILARITIES), 2);
    for (int b = 0; b < 3; b++) {
        float query[WIDTH] = {1}, documents[3 * WIDTH] = {1, 2, 3};
        documents[2 * WIDTH + 4] = bad[b];
        eval_search *s;
        senc_error err = {0};
        ck_assert(eval_search_open(&options, query, 1, WIDTH, &s, &err));
        ck_assert(eval_search_add(s, documents, 1, &err));
        ck_assert(!eval_search_add(s, documents + WIDTH, 2, &err));
        ck_assert_msg(strstr(err.text, "document 3") != NULL, "%s", err.text);
        eval_search_close(s);
        query[3] = bad[b];
        err = (senc_error){0};
        ck_assert(!eval_search_open(&options, query, 1, WIDTH, &s, &err));
        ck_assert(s == NULL && strstr(err.text, "query 1") != NULL);
    }
}
END_TEST

START_TEST(empty_corpus_and_no_queries) {
    const float query[WIDTH] = {1};
    const eval_search_options options = options_of(EVAL_COSINE, 3);
    eval_search *s = search_all(&options, query, 1, query, 0, 1);
    int64_t n;
    eval_search_hits(s, 0, &n);
    ck_assert_int_eq(n, 0);
    eval_search_close(s);
    s = search_all(&options, query, 0, query, 1, 1);
    eval_search_close(s);
}
END_TEST

START_TEST(memory_failure_is_reported) {
    const float query[WIDTH] = {1};
    const eval_search_options options = options_of(EVAL_COSINE, 3);
    int64_t n = 0;
    for (bool ok = false; !ok && n < 40;) {
        senc_error err = {0};
        eval_search *s;
        senc_alloc_fail_at(++n);
        ok = eval_search_open(&options, query, 1, WIDTH, &s, &err);
        senc_alloc_fail_at(0);
        ck_assert(ok || (err.kind == SENC_FAILED && s == NULL));
        eval_search_close(s);
    }
    ck_assert_int_ge(n, 7);
}
END_TEST

int main(void) {
    Suite *s = suite_create("search");
    TCase *t = tcase_create("all");
    tcase_add_loop_test(t, equals_sorting, 0, EVAL_N_SIMILARITIES);
    tcase_add_loop_test(t, equal_vectors_are_as_near_as_can_be, 0, EVAL_N_SIMILARITIES);
    tcase_add_loop_test(t, k_above_the_corpus, 0, EVAL_N_SIMILARITIES);
    tcase_add_loop_test(t, ties_follow_the_rank, 0, EVAL_N_SIMILARITIES);
    tcase_add_test(t, blocks_and_threads_make_no_difference);
    tcase_add_test(t, zero_vectors_score_zero_under_cosine);
    tcase_add_test(t, overflowing_products_are_scored);
    tcase_add_test(t, products_that_overflow_to_minus_infinity_are_scored);
    tcase_add_loop_test(t, numbers_that_are_not_finite_are_errors, 0, EVAL_N_SIMILARITIES);
    tcase_add_test(t, empty_corpus_and_no_queries);
    tcase_add_test(t, memory_failure_is_reported);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
