/* The scan of a search: its bounds hold, nothing that reaches the floor is left out, and the bounds are not much too
 * high. For the scans of all tables and for those that only other machines use. */
#include <stdio.h>

#include "autograd/base/cpu.h"
#include "tests/kernels/against.h"

#if defined(__x86_64__)
extern const kern_scan kern_plain_scan_avx2, kern_pairs_scan_avx2, kern_plain_scan_wide, kern_pairs_scan_wide;
#endif

static int all_scans(const kern_scan **scans) {
    int n_tables, n = 0;
    const kern_table *const *tables = kern_all(&n_tables);
    for (int t = 0; t < n_tables; t++) scans[n++] = tables[t]->scan;
#if defined(__x86_64__)
    if (senc_cpu_get()->avx2) {
        scans[n++] = &kern_plain_scan_avx2;
        scans[n++] = &kern_pairs_scan_avx2;
        scans[n++] = &kern_plain_scan_wide;
        scans[n++] = &kern_pairs_scan_wide;
    }
#endif
    return n;
}

static double exact_dot(int64_t width, const double *a, const double *b) {
    double sum = 0.0;
    for (int64_t i = 0; i < width; i++) sum += a[i] * b[i];
    return sum;
}

/* What the vectors are like. NORMAL and MEAN are what encoders give, the others strain the ranges. */
typedef enum shape { NORMAL, MEAN, SPIKES, EQUAL, SIGNS, MIXED_LENGTHS, COARSE, N_SHAPES } shape;

static float number(shape f, senc_rng *rng, int64_t i, int64_t c) {
    const float x = (float)senc_rng_normal(rng);
    switch (f) {
    case MEAN:
        return 0.1F * x + 1.0F;
    case SPIKES:
        return senc_rng_below(rng, 50) == 0 ? 100.0F * x : 0.01F * x;
    case EQUAL:
        return i % 2 ? -1.0F : 1.0F;
    case SIGNS:
        return (c & (i % 5)) ? -1.0F : 1.0F;
    case MIXED_LENGTHS:
        return x * powf(10.0F, (float)(i % 9 - 4));
    case COARSE:
        return (float)((int)senc_rng_below(rng, 5) - 2);
    default:
        return x;
    }
}

static float *vectors_of(shape f, int64_t n, int64_t width, uint64_t seed) {
    float *x = malloc((size_t)(n * width) * sizeof *x);
    ck_assert_ptr_nonnull(x);
    senc_rng rng;
    senc_rng_init(&rng, seed);
    for (int64_t i = 0; i < n * width; i++) x[i] = number(f, &rng, i / width, i % width);
    return x;
}

typedef struct bench {
    const kern_scan *k;
    int64_t width, n_queries, n; /* n: documents of the panel */
    float *queries, *documents, *scales, *center;
    bool squares;
    unsigned char *packed;
    kern_scan_query *scan_queries;
    void *panel;
    kern_scan_hit *hits;
    double *want; /* (n_queries, n): what the bound is of */
} bench;

/* scale * row - center without rounding. */
static double *exact_vector(int64_t width, const float *row, double scale, const float *center) {
    double *x = malloc((size_t)width * sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (int64_t i = 0; i < width; i++) x[i] = scale * (double)row[i] - (center ? (double)center[i] : 0.0);
    return x;
}

static void pack(bench *b) {
    const kern_scan *k = b->k;
    b->packed = aligned_alloc(64, (size_t)((b->n_queries * k->query_bytes(b->width) + 63) / 64 * 64));
    b->scan_queries = calloc((size_t)b->n_queries, sizeof *b->scan_queries);
    b->panel = aligned_alloc(64, (size_t)k->panel_bytes(b->width));
    b->hits = calloc((size_t)(b->n_queries * b->n), sizeof *b->hits);
    b->want = calloc((size_t)(b->n_queries * b->n), sizeof *b->want);
    ck_assert(b->packed && b->scan_queries && b->panel && b->hits && b->want);
    float error = 0.0F;
    for (int64_t q = 0; q < b->n_queries; q++) {
        k->pack_query(b->width, b->queries + q * b->width, 1.0F, b->squares ? b->center : NULL,
                      b->packed + q * k->query_bytes(b->width), &b->scan_queries[q]);
        error = fmaxf(error, b->scan_queries[q].error);
    }
    k->pack_panel(b->n, b->width, b->documents, b->scales, b->center, error, b->squares, b->panel);
}

static void compute_want(bench *b) {
    for (int64_t j = 0; j < b->n; j++) {
        double *x =
            exact_vector(b->width, b->documents + j * b->width, b->scales ? (double)b->scales[j] : 1.0, b->center);
        const double square = b->squares ? 0.5 * exact_dot(b->width, x, x) : 0.0;
        for (int64_t q = 0; q < b->n_queries; q++) {
            double *v = exact_vector(b->width, b->queries + q * b->width, 1.0, b->squares ? b->center : NULL);
            b->want[q * b->n + j] = exact_dot(b->width, v, x) - square;
            free(v);
        }
        free(x);
    }
}

static void free_bench(bench *b) {
    free(b->queries);
    free(b->documents);
    free(b->scales);
    free(b->center);
    free(b->packed);
    free(b->scan_queries);
    free(b->panel);
    free(b->hits);
    free(b->want);
}

static bench bench_of(const kern_scan *k, shape f, int64_t width, int64_t n_queries, int64_t n, bool centered,
                      bool squares) {
    bench b = {.k = k, .width = width, .n_queries = n_queries, .n = n, .squares = squares};
    b.queries = vectors_of(f, n_queries, width, 3);
    b.documents = vectors_of(f, n, width, 4);
    /* queries that lie along documents: what comes nearest to the limits of the sums */
    for (int64_t q = 0; q + 2 < n_queries && q < n; q += 3)
        memcpy(b.queries + q * width, b.documents + q * width, (size_t)width * sizeof(float));
    if (centered) {
        b.center = vectors_of(f, 1, width, 5);
        b.scales = vectors_of(NORMAL, n, 1, 6);
    }
    pack(&b);
    compute_want(&b);
    return b;
}

/* Every pair comes once, and its bound is at least the exact value. */
static void check_bounds(bench *b, const char *what) {
    const int64_t n_hits = b->k->scan(b->width, b->n, b->panel, b->n_queries, b->packed, b->scan_queries, b->hits);
    ck_assert_msg(n_hits == b->n_queries * b->n, "%s, %s: %lld pairs of %lld", b->k->name, what, (long long)n_hits,
                  (long long)(b->n_queries * b->n));
    bool *seen = calloc((size_t)n_hits, sizeof *seen);
    for (int64_t h = 0; h < n_hits; h++) {
        const kern_scan_hit *hit = &b->hits[h];
        const int64_t pair = hit->query * b->n + hit->document;
        ck_assert(hit->query < b->n_queries && hit->document < b->n && !seen[pair]);
        seen[pair] = true;
        const double step = b->scan_queries[hit->query].step;
        if (step == 0.0) continue;
        ck_assert_msg((double)hit->bound * step >= b->want[pair], "%s, %s, width %lld: bound %.9g below %.9g",
                      b->k->name, what, (long long)b->width, (double)hit->bound * step, b->want[pair]);
    }
    free(seen);
}

/* With a floor for every query: whatever reaches it is reported. */
static void check_floors(bench *b, const char *what) {
    for (int64_t q = 0; q < b->n_queries; q++)
        kern_scan_ask(&b->scan_queries[q], b->want[q * b->n + (q * 7 + 1) % b->n]);
    const int64_t n_hits = b->k->scan(b->width, b->n, b->panel, b->n_queries, b->packed, b->scan_queries, b->hits);
    bool *seen = calloc((size_t)(b->n_queries * b->n), sizeof *seen);
    for (int64_t h = 0; h < n_hits; h++) seen[b->hits[h].query * b->n + b->hits[h].document] = true;
    for (int64_t q = 0; q < b->n_queries; q++) {
        const double floor = b->want[q * b->n + (q * 7 + 1) % b->n];
        for (int64_t j = 0; j < b->n; j++)
            ck_assert_msg(seen[q * b->n + j] || b->want[q * b->n + j] < floor, "%s, %s: %.9g not reported, floor %.9g",
                          b->k->name, what, b->want[q * b->n + j], floor);
    }
    free(seen);
}

START_TEST(bounds_hold) {
    static const int64_t widths[] = {1, 3, 31, 64, 100, 384, 500, 1024};
    const kern_scan *scans[16];
    const int n_scans = all_scans(scans);
    for (int s = 0; s < n_scans; s++) {
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            for (int f = 0; f < N_SHAPES; f++) {
                const int64_t n = (int64_t)w % 2 ? scans[s]->panel_documents : scans[s]->panel_documents / 2 - 1;
                bench b = bench_of(scans[s], (shape)f, widths[w], 5 + (int64_t)w, n, _i & 1, _i >> 1);
                char what[64];
                snprintf(what, sizeof what, "shape %d, centered %d, squares %d", f, _i & 1, _i >> 1);
                check_bounds(&b, what);
                check_floors(&b, what);
                free_bench(&b);
            }
        }
    }
}
END_TEST

/* Without this a scan that reports everything would pass. 0.04 |q||x|: the error of 7 and 8 bits and of unlucky
 * vectors, see scan.h. */
START_TEST(bounds_are_sharp) {
    const kern_scan *scans[16];
    const int n_scans = all_scans(scans);
    for (int s = 0; s < n_scans; s++) {
        bench b = bench_of(scans[s], NORMAL, 384, 7, scans[s]->panel_documents, false, _i);
        const int64_t n_hits = b.k->scan(b.width, b.n, b.panel, b.n_queries, b.packed, b.scan_queries, b.hits);
        for (int64_t h = 0; h < n_hits; h++) {
            const float *q = b.queries + b.hits[h].query * b.width, *x = b.documents + b.hits[h].document * b.width;
            double qq, xx;
            b.k->squares(b.width, 1, q, &qq);
            b.k->squares(b.width, 1, x, &xx);
            const double over = (double)b.hits[h].bound * b.scan_queries[b.hits[h].query].step -
                                b.want[b.hits[h].query * b.n + b.hits[h].document];
            const double most = 0.04 * sqrt(qq * xx) + (b.squares ? 1e-3 * xx : 0.0);
            ck_assert_msg(over < most, "%s: %g too high, %g allowed", b.k->name, over, most);
        }
        for (int64_t q = 0; q < b.n_queries; q++) kern_scan_ask(&b.scan_queries[q], 1e4);
        ck_assert_int_eq(b.k->scan(b.width, b.n, b.panel, b.n_queries, b.packed, b.scan_queries, b.hits), 0);
        free_bench(&b);
    }
}
END_TEST

/* Vectors that cannot be rounded are always reported and harm no others. */
START_TEST(odd_vectors_are_reported) {
    enum { W = 40 };
    static const float odd[] = {NAN, INFINITY, 1e30F, 1e-30F, 1e-42F};
    const kern_scan *scans[16];
    const int n_scans = all_scans(scans);
    for (int s = 0; s < n_scans; s++) {
        for (size_t o = 0; o < sizeof odd / sizeof *odd; o++) {
            bench b = {.k = scans[s], .width = W, .n_queries = 4, .n = 5};
            b.queries = vectors_of(NORMAL, 4, W, 1);
            b.documents = vectors_of(NORMAL, 5, W, 2);
            memset(b.queries + W, 0, W * sizeof(float));
            memset(b.documents + 2 * W, 0, W * sizeof(float));
            memset(b.documents + 3 * W, 0, W * sizeof(float));
            b.queries[W + 7] = b.documents[3 * W + 11] = odd[o];
            pack(&b);
            ck_assert(b.scan_queries[1].step == 0.0 && b.scan_queries[0].step > 0.0);
            for (int q = 0; q < 4; q++) kern_scan_ask(&b.scan_queries[q], 1e6);
            const int64_t n = b.k->scan(W, b.n, b.panel, b.n_queries, b.packed, b.scan_queries, b.hits);
            ck_assert_int_eq(n, 3 + 5); /* document 3 for every query, and all for query 1 */
            for (int64_t h = 0; h < n; h++) ck_assert(b.hits[h].document == 3 || b.hits[h].query == 1);
            for (int q = 0; q < 4; q++) kern_scan_ask(&b.scan_queries[q], 1e-3);
            const int64_t m = b.k->scan(W, b.n, b.panel, b.n_queries, b.packed, b.scan_queries, b.hits);
            for (int64_t h = 0; h < m; h++) ck_assert(b.hits[h].document != 2 || b.hits[h].query == 1);
            free_bench(&b);
        }
    }
}
END_TEST

START_TEST(a_floor_is_never_rounded_up) {
    for (int step = 1; step < 200; step++) {
        for (int least = -300; least < 300; least++) {
            kern_scan_query q = {.step = 1.0 / (double)step / 3.0};
            kern_scan_ask(&q, (double)least / 7.0);
            ck_assert((double)q.least <= (double)least / 7.0 / q.step);
        }
    }
    kern_scan_query q = {.step = 1e-10};
    kern_scan_ask(&q, 1e300);
    ck_assert(q.least == FLT_MAX);
    kern_scan_ask(&q, -1e300);
    ck_assert(q.least == -INFINITY);
    kern_scan_ask(&q, -INFINITY);
    ck_assert(q.least == -INFINITY);
}
END_TEST

/* Too wide for sums of 32 bits. */
START_TEST(very_wide_vectors_are_reported) {
    const int64_t width = KERN_SCAN_MOST_WIDTH + 1;
    const kern_scan *scans[16];
    const int n_scans = all_scans(scans);
    for (int s = 0; s < n_scans; s++) {
        bench b = {.k = scans[s], .width = width, .n_queries = 1, .n = 2};
        b.queries = vectors_of(NORMAL, 1, width, 1);
        b.documents = vectors_of(NORMAL, 2, width, 2);
        pack(&b);
        kern_scan_ask(&b.scan_queries[0], 1e30);
        ck_assert_int_eq(b.k->scan(width, 2, b.panel, 1, b.packed, b.scan_queries, b.hits), 2);
        free_bench(&b);
    }
    for (int s = 0; s < n_scans; s++) { /* the widest that is rounded */
        bench b = bench_of(scans[s], EQUAL, KERN_SCAN_MOST_WIDTH, 1, 2, false, false);
        check_bounds(&b, "wide");
        free_bench(&b);
    }
}
END_TEST

/* The exact products have one order of summation everywhere. */
START_TEST(exact_products_are_the_same_everywhere) {
    static const int64_t widths[] = {1, 5, 8, 31, 384, 387};
    const kern_scan *scans[16], *reference = kern_reference()->scan;
    const int n_scans = all_scans(scans);
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        enum { N = 11 };
        const int64_t width = widths[w];
        float *a = vectors_of(MIXED_LENGTHS, 1, width, 1), *x = vectors_of(MIXED_LENGTHS, N, width, 2);
        double *vector = exact_vector(width, a, 1.0, NULL);
        const float *rows[N];
        for (int i = 0; i < N; i++) rows[i] = x + (N - 1 - i) * width;
        for (int s = 0; s < n_scans; s++) {
            for (int n = 0; n <= N; n++) {
                double got[N], want[N], squares[N], want_squares[N];
                scans[s]->dots(width, vector, n, rows, got);
                reference->dots(width, vector, n, rows, want);
                scans[s]->squares(width, n, x, squares);
                reference->squares(width, n, x, want_squares);
                for (int i = 0; i < n; i++) ck_assert(got[i] == want[i] && squares[i] == want_squares[i]);
            }
        }
        free(a);
        free(x);
        free(vector);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("int8_scan");
    TCase *t = tcase_create("all");
    tcase_add_loop_test(t, bounds_hold, 0, 4);
    tcase_add_loop_test(t, bounds_are_sharp, 0, 2);
    tcase_add_test(t, odd_vectors_are_reported);
    tcase_add_test(t, a_floor_is_never_rounded_up);
    tcase_add_test(t, very_wide_vectors_are_reported);
    tcase_add_test(t, exact_products_are_the_same_everywhere);
    suite_add_tcase(s, t);
    return run_suite(s);
}
