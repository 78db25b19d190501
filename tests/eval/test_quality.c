/* Quality of vectors: cases by hand, and a 9 x 4 example against NumPy and SciPy (numbers in the text, float64). */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "eval/solvers/eigen.h"
#include "eval/quality/gram.h"
#include "eval/quality/vector_drift.h"

#define CLOSE(x, y, tolerance)                                                                                         \
    ck_assert_msg(fabs((double)(x) - (double)(y)) <= (tolerance), "%s: %.9g, expected %.9g", #x, (double)(x),          \
                  (double)(y))

enum { N = 9, WIDTH = 4 };

/* The example: a[i][k] = sin(i^2 + 3k + 1), b[i][k] = cos(2i + k^2) + a[i][k] / 2. */
static void fill(float *a, float *b) {
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < WIDTH; k++) {
            a[i * WIDTH + k] = (float)sin(i * i + 3 * k + 1);
            b[i * WIDTH + k] = (float)(cos(2 * i + k * k) + 0.5 * (double)a[i * WIDTH + k]);
        }
    }
}

/* ---- eigenvalues ---- */

START_TEST(test_eigenvalues_by_hand) {
    senc_error err = {0};
    double values[3], two[] = {2, 1, 1, 2};
    ck_assert(eval_eigenvalues(two, 2, values, &err));
    CLOSE(values[0], 3, 1e-14);
    CLOSE(values[1], 1, 1e-14);
    double chain[] = {2, -1, 0, -1, 2, -1, 0, -1, 2}; /* 2 - 2 cos(k pi / 4) */
    ck_assert(eval_eigenvalues(chain, 3, values, &err));
    CLOSE(values[0], 2 + sqrt(2), 1e-14);
    CLOSE(values[1], 2, 1e-14);
    CLOSE(values[2], 2 - sqrt(2), 1e-14);
    double ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    ck_assert(eval_eigenvalues(ones, 3, values, &err));
    CLOSE(values[0], 3, 1e-14);
    CLOSE(values[2], 0, 1e-14);
    double zeros[9] = {0}, one[] = {-7};
    ck_assert(eval_eigenvalues(zeros, 3, values, &err) && values[0] == 0 && values[2] == 0);
    ck_assert(eval_eigenvalues(one, 1, values, &err) && values[0] == -7);
    const double m[] = {3, 0, 4, 5};
    ck_assert(eval_singular_values(m, 2, values, &err));
    CLOSE(values[0], sqrt(45), 1e-12);
    CLOSE(values[1], sqrt(5), 1e-12);
}
END_TEST

/* H L H with a reflection H and known L has the eigenvalues L. */
START_TEST(test_eigenvalues_of_a_similar_matrix) {
    enum { M = 61 };
    double *a = senc_alloc_zero(M * M, sizeof *a), *h = senc_alloc(M * M, sizeof *h), v[M], square = 0, values[M];
    for (int i = 0; i < M; i++) {
        v[i] = sin(3 * i + 1);
        square += v[i] * v[i];
    }
    for (int i = 0; i < M; i++) {
        for (int j = 0; j < M; j++) h[i * M + j] = (i == j) - 2 * v[i] * v[j] / square;
    }
    for (int i = 0; i < M; i++) {
        for (int j = 0; j < M; j++) {
            for (int k = 0; k < M; k++) a[i * M + j] += h[i * M + k] * (k / 2 - 7) * h[k * M + j]; /* each twice */
        }
    }
    senc_error err = {0};
    ck_assert(eval_eigenvalues(a, M, values, &err));
    for (int k = 0; k < M; k++) CLOSE(values[M - 1 - k], k / 2 - 7, 1e-12);
    free(a);
    free(h);
}
END_TEST

/* ---- quality ---- */

static eval_quality measure(const float *x, int64_t n, int64_t width) {
    const data_vectors v = data_vectors_of_array(x, n, width);
    eval_quality q;
    senc_error err = {0};
    ck_assert_msg(eval_quality_measure(&v, &q, &err), "%s", err.text);
    return q;
}

START_TEST(test_counts) {
    const float x[] = {1, 0, 5, /**/ 0, 1, 5, /**/ NAN, 0, 5, /**/ 1, 0, 5, /**/ 0, INFINITY, 5};
    eval_quality q = measure(x, 5, 3);
    ck_assert_int_eq(q.not_finite.n, 2);
    ck_assert_int_eq(q.not_finite.shown[0], 2);
    ck_assert_int_eq(q.not_finite.shown[1], 4);
    ck_assert_int_eq(q.duplicate.n, 1);
    ck_assert_int_eq(q.duplicate.shown[0], 3);
    ck_assert_int_eq(q.constant.n, 1);
    ck_assert_int_eq(q.constant.shown[0], 2);
    ck_assert_int_eq(q.not_unit.n, 3);
    CLOSE(q.norm_mean, sqrt(26), 1e-6);
    const float y[] = {3, 4, /**/ 0, 0, /**/ 0, 1};
    q = measure(y, 3, 2);
    ck_assert_int_eq(q.zero.n, 1);
    ck_assert_int_eq(q.zero.shown[0], 1);
    ck_assert_int_eq(q.not_unit.n, 2);
    ck_assert_int_eq(q.constant.n, 0);
    CLOSE(q.norm_least, 0, 0);
    CLOSE(q.norm_largest, 5, 1e-12);
    CLOSE(q.mean_cosine, 0.8, 1e-7);
}
END_TEST

START_TEST(test_shape_by_hand) {
    const float cross[] = {1, 0, /**/ -1, 0, /**/ 0, 1, /**/ 0, -1};
    eval_quality q = measure(cross, 4, 2);
    CLOSE(q.effective_rank, 2, 1e-9);
    ck_assert_int_eq(q.rank_90, 2);
    CLOSE(q.mean_cosine, -1.0 / 3, 1e-12); /* pairs: two of -1, four of 0 */
    CLOSE(q.uniformity, log((2 * exp(-8) + 4 * exp(-4)) / 6), 1e-9);
    const float line[] = {1, 2, /**/ 2, 4, /**/ 3, 6};
    q = measure(line, 3, 2);
    CLOSE(q.effective_rank, 1, 1e-6);
    ck_assert_int_eq(q.rank_90, 1);
    CLOSE(q.mean_cosine, 1, 1e-12);
}
END_TEST

START_TEST(test_shape_against_numpy) {
    float a[N * WIDTH], b[N * WIDTH];
    fill(a, b);
    const eval_quality q = measure(a, N, WIDTH);
    CLOSE(q.effective_rank, 1.084847286, 1e-6);
    CLOSE(q.uniformity, -0.978111146, 1e-6);
    CLOSE(q.mean_cosine, -0.113029666, 1e-7);
}
END_TEST

START_TEST(test_alignment) {
    const float x[] = {1, 0, /**/ 2, 0, /**/ 0, 0}, y[] = {0, 1, /**/ 1, 0, /**/ 1, 0};
    const data_vectors v = data_vectors_of_array(x, 3, 2), other = data_vectors_of_array(y, 3, 2);
    eval_quality q = measure(x, 3, 2);
    ck_assert(isnan(q.alignment));
    senc_error err = {0};
    ck_assert(eval_quality_align(&v, &other, &q, &err));
    ck_assert_int_eq(q.n_aligned, 2); /* not the zero row */
    CLOSE(q.alignment, 1, 1e-12);     /* 2 and 0 */
    const data_vectors shorter = data_vectors_of_array(y, 2, 2);
    ck_assert(!eval_quality_align(&v, &shorter, &q, &err));
    ck_assert(strstr(err.text, "expected 3 rows of width 2") != NULL);
}
END_TEST

START_TEST(test_nothing) {
    const float x[2] = {0};
    const eval_quality none = measure(x, 0, 2);
    ck_assert(none.n_rows == 0 && isnan(none.mean_cosine) && none.effective_rank == 0);
    const float bad[] = {NAN, 1, /**/ 1, NAN};
    const eval_quality q = measure(bad, 2, 2);
    ck_assert(q.not_finite.n == 2 && q.n_sample == 0 && isnan(q.uniformity));
}
END_TEST

/* ---- suspects ---- */

static bool text_of(void *context, int64_t row, eval_text *text, senc_error *err) {
    (void)err;
    const char *const *texts = context;
    *text = (eval_text){texts[row], (int64_t)strlen(texts[row])};
    return true;
}

START_TEST(test_suspects) {
    const char *texts[] = {"The kettle.", "a boat", "the  KETTLE", "rain", "A boat!", "gate"};
    const float x[] = {1, 0, /**/ 0, 1, /**/ -1, 0, /**/ 0, 1, /**/ 0, 2, /**/ 0.7f, 0.7f};
    const data_vectors v = data_vectors_of_array(x, 6, 2);
    eval_quality_suspects s;
    senc_error err = {0};
    ck_assert_msg(eval_quality_suspect(&v, text_of, texts, &s, &err), "%s", err.text);
    ck_assert_int_eq(s.alike.n, 2); /* rain with both boats; the boats are one text */
    ck_assert(s.alike.shown[0].a == 1 && s.alike.shown[0].b == 3);
    ck_assert(s.alike.shown[1].a == 3 && s.alike.shown[1].b == 4);
    ck_assert_int_eq(s.apart.n, 1);
    ck_assert(s.apart.shown[0].a == 0 && s.apart.shown[0].b == 2);
    CLOSE(s.apart.shown[0].score, -1, 1e-12);
}
END_TEST

static uint64_t hash_of(const char *text) {
    const eval_text t = {text, (int64_t)strlen(text)};
    return eval_quality_text_hash(&t);
}

START_TEST(test_text_hash) {
    ck_assert(hash_of("What is  this?") == hash_of(" what-is this"));
    ck_assert(hash_of("whatis this") != hash_of("what is this"));
    ck_assert(hash_of("caf\xc3\xa9") != hash_of("caf"));
    ck_assert(hash_of("ab") != hash_of("ba"));
}
END_TEST

/* ---- drift ---- */

static eval_drift drift(const float *a, const float *b, int64_t n, int64_t width, int64_t width_b) {
    const data_vectors x = data_vectors_of_array(a, n, width), y = data_vectors_of_array(b, n, width_b);
    eval_drift d;
    senc_error err = {0};
    ck_assert_msg(eval_drift_measure(&x, &y, &d, &err), "%s", err.text);
    return d;
}

START_TEST(test_drift_against_scipy) {
    float a[N * WIDTH], b[N * WIDTH];
    fill(a, b);
    const eval_drift d = drift(a, b, N, WIDTH, WIDTH);
    CLOSE(d.disparity, 0.740534831, 1e-6);
    CLOSE(d.cosine_mean, 0.24461831, 1e-6);
    CLOSE(d.cosine_least, -0.8290892, 1e-6);
    ck_assert_int_eq(d.moved[0].a, 7);
    CLOSE(d.norm_ratio, 1.0883253, 1e-6);
    for (int64_t i = 1; i < d.n_moved; i++) ck_assert(d.moved[i - 1].score <= d.moved[i].score);
}
END_TEST

/* A rotation by 90 degrees, doubled: every cosine 0, every neighbour the same, nothing left of the difference. */
START_TEST(test_rotation) {
    enum { ROWS = 40 };
    float a[2 * ROWS], b[2 * ROWS];
    for (int i = 0; i < ROWS; i++) {
        a[2 * i] = (float)cos(i * i * 0.37);
        a[2 * i + 1] = (float)sin(i * i * 0.37);
        b[2 * i] = -2 * a[2 * i + 1];
        b[2 * i + 1] = 2 * a[2 * i];
    }
    const eval_drift d = drift(a, b, ROWS, 2, 2);
    CLOSE(d.cosine_mean, 0, 1e-7);
    CLOSE(d.overlap, 1, 0);
    CLOSE(d.disparity, 0, 1e-6);
    CLOSE(d.norm_ratio, 2, 1e-6);
    const eval_drift same = drift(a, a, ROWS, 2, 2);
    CLOSE(same.cosine_least, 1, 1e-7);
}
END_TEST

/* 12 points on an arc, and the same points with the rows moved on by 6. */
START_TEST(test_overlap) {
    enum { ROWS = 12 };
    float a[2 * ROWS], b[2 * ROWS];
    for (int i = 0; i < ROWS; i++) { /* all but itself: 11 candidates for 10 places; the farthest is left out */
        a[2 * i] = (float)cos(0.1 * i);
        a[2 * i + 1] = (float)sin(0.1 * i);
        b[2 * i] = (float)cos(0.1 * ((i + 6) % ROWS));
        b[2 * i + 1] = (float)sin(0.1 * ((i + 6) % ROWS));
    }
    /* In a the row left out is 11 for i < 6, else 0; in b 5 for i >= 6 (the far end), else 6: never the same. */
    CLOSE(drift(a, b, ROWS, 2, 2).overlap, 0.9, 1e-12);
    CLOSE(drift(a, a, ROWS, 2, 2).overlap, 1, 0);
}
END_TEST

START_TEST(test_drift_of_other_widths) {
    const float a[] = {1, 0, /**/ 0, 1, /**/ 0, 2}, b[] = {1, 0, 0, /**/ 0, 3, 0, /**/ 0, 1, 1};
    const eval_drift d = drift(a, b, 3, 2, 3);
    ck_assert(!d.same_width && isnan(d.cosine_mean) && isnan(d.disparity));
    CLOSE(d.overlap, 1, 0); /* two others each */
    const data_vectors x = data_vectors_of_array(a, 3, 2), y = data_vectors_of_array(a, 2, 2);
    eval_drift refused;
    senc_error err = {0};
    ck_assert(!eval_drift_measure(&x, &y, &refused, &err));
    ck_assert(strstr(err.text, "found 3 and 2 rows") != NULL);
}
END_TEST

/* ---- shift ---- */

static eval_shift shift(const float *a, int64_t n_a, const float *b, int64_t n_b, int64_t width) {
    const data_vectors x = data_vectors_of_array(a, n_a, width), y = data_vectors_of_array(b, n_b, width);
    eval_shift s;
    senc_error err = {0};
    ck_assert_msg(eval_shift_measure(&x, &y, 1, &s, &err), "%s", err.text);
    return s;
}

START_TEST(test_shift_by_hand) {
    float up[8], down[8];
    for (int i = 0; i < 8; i++) up[i] = 1, down[i] = -1;
    eval_shift s = shift(up, 8, down, 8, 1); /* 2 x 2 - 0 - 0 */
    CLOSE(s.energy, 4, 1e-12);
    CLOSE(s.mean_distance, 2, 1e-12);
    CLOSE(s.mean_cosine, -1, 1e-12);
    ck_assert(s.p < 0.01); /* 2 of 12,870 splits are as far apart */
    s = shift(up, 8, up, 8, 1);
    CLOSE(s.energy, 0, 0);
    CLOSE(s.p, 1, 0);
    float a[N * WIDTH], b[N * WIDTH];
    fill(a, b);
    s = shift(a, N, b, N, WIDTH);
    CLOSE(s.energy, 0.387053452, 1e-6);
    CLOSE(s.mean_distance, 0.24356668, 1e-6);
}
END_TEST

/* Under the null hypothesis p is uniform: over 40 pairs of samples its mean is near 1/2 (standard error 0.046). */
START_TEST(test_p_is_uniform) {
    senc_rng rng;
    senc_rng_init(&rng, 5);
    double sum = 0;
    for (int k = 0; k < 40; k++) {
        float x[60 * 3];
        for (int i = 0; i < 60 * 3; i++) x[i] = (float)senc_rng_normal(&rng);
        sum += shift(x, 30, x + 30 * 3, 30, 3).p;
    }
    ck_assert_msg(fabs(sum / 40 - 0.5) < 0.18, "mean p %g", sum / 40);
}
END_TEST

static void start_threads(void) { /* in the test's own process */
    senc_error err = {0};
    ck_assert(senc_threads_init(2, &err));
}

int main(void) {
    Suite *suite = suite_create("quality");
    TCase *tc = tcase_create("quality");
    tcase_add_checked_fixture(tc, start_threads, senc_threads_free);
    tcase_add_test(tc, test_eigenvalues_by_hand);
    tcase_add_test(tc, test_eigenvalues_of_a_similar_matrix);
    tcase_add_test(tc, test_counts);
    tcase_add_test(tc, test_shape_by_hand);
    tcase_add_test(tc, test_shape_against_numpy);
    tcase_add_test(tc, test_alignment);
    tcase_add_test(tc, test_nothing);
    tcase_add_test(tc, test_suspects);
    tcase_add_test(tc, test_text_hash);
    tcase_add_test(tc, test_drift_against_scipy);
    tcase_add_test(tc, test_rotation);
    tcase_add_test(tc, test_overlap);
    tcase_add_test(tc, test_drift_of_other_widths);
    tcase_add_test(tc, test_shift_by_hand);
    tcase_add_test(tc, test_p_is_uniform);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
