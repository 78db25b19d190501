/* The table "onednn" where the pieces that it cuts its work into begin and end, in both storages. (The other tests run
 * it too, among all tables.) Where there is no oneDNN the table must not exist. */
#include <dirent.h>

#include "autograd/kernels/cpu/onednn.h"
#include "tests/kernels/against.h"

static const kern_table *onednn(void) {
    int n;
    const kern_table *const *tables = kern_all(&n);
    for (int i = 0; i < n; i++) {
        if (strcmp(tables[i]->name, "onednn") == 0) return tables[i];
    }
    return NULL;
}

/* The other side of the comparison: the reference on numbers that bf16 can hold. */
typedef struct operands {
    int64_t n, in, out;
    kern_storage storage;
    float *x, *w, *bias, *dy;
    void *stored_x, *stored_dy;
} operands;

static void *store(kern_storage storage, int64_t n, float *x) {
    kern_bf16 *half = malloc((size_t)n * 4 + 4);
    ck_assert_ptr_nonnull(half);
    if (storage == KERN_REAL) return memcpy(half, x, (size_t)n * 4);
    for (int64_t i = 0; i < n; i++) half[i] = kern_to_bf16(x[i]);
    for (int64_t i = 0; i < n; i++) x[i] = kern_from_bf16(half[i]);
    return half;
}

static void load(kern_storage storage, int64_t n, const void *stored, float *x) {
    for (int64_t i = 0; i < n; i++)
        x[i] = storage == KERN_REAL ? ((const float *)stored)[i] : kern_from_bf16(((const kern_bf16 *)stored)[i]);
}

static operands operands_create(kern_storage storage, int64_t n, int64_t in, int64_t out) {
    operands o = {.n = n, .in = in, .out = out, .storage = storage};
    o.x = random_floats(n * in, 1);
    o.w = random_floats(out * in, 2);
    o.bias = random_floats(out, 3);
    o.dy = random_floats(n * out, 4);
    for (int64_t i = 0; i < n * in; i++) o.x[i] *= 3.0f;
    for (int64_t i = 0; storage == KERN_BF16 && i < out * in; i++) o.w[i] = kern_from_bf16(kern_to_bf16(o.w[i]));
    o.stored_x = store(storage, n * in, o.x);
    o.stored_dy = store(storage, n * out, o.dy);
    return o;
}

static void operands_free(operands *o) {
    free(o->x);
    free(o->w);
    free(o->bias);
    free(o->dy);
    free(o->stored_x);
    free(o->stored_dy);
}

/* bf16 rounds the result (2^-9), and an activation before the product: each of k terms of size 3 by up to 2^-9 of it,
 * so sums have a standard deviation of about 0.0015 sqrt(k), and the largest of 10^5 lie 5 of those away. */
static double tolerance(kern_storage storage, int64_t k, bool active) {
    const double terms = sqrt((double)k + 1.0);
    if (storage == KERN_REAL) return 3e-6 * terms;
    return 4e-3 + (active ? 8e-3 : 1e-5) * terms;
}

static void check_forward(const kern_table *t, const operands *o, kern_activation act, bool with_bias) {
    const int64_t count = o->n * o->out;
    float *want = prefilled(count, 0.0f, 0), *got = prefilled(count, 0.0f, 0);
    void *y = store(o->storage, count, got);
    kern_reference()->linear_forward(o->n, o->in, o->out, act, o->x, o->w, with_bias ? o->bias : NULL, want);
    t->linear_forward(o->n, o->in, o->out, act, o->stored_x, o->w, with_bias ? o->bias : NULL, y);
    load(o->storage, count, y, got);
    check_close(count, got, want, tolerance(o->storage, o->in, act != KERN_NONE), t->name, "y");
    free(y);
    free(want);
    free(got);
}

static void check_backward_input(const kern_table *t, const operands *o, kern_activation act, float beta) {
    const int64_t count = o->n * o->in;
    float *got = prefilled(count, beta, 5);
    void *dx = store(o->storage, count, got);
    float *want = prefilled(count, beta, 5);
    free(store(o->storage, count, want));
    const bool none = act == KERN_NONE;
    kern_reference()->linear_backward_input(o->n, o->in, o->out, act, none ? NULL : o->x, o->w, o->dy, beta, want);
    t->linear_backward_input(o->n, o->in, o->out, act, none ? NULL : o->stored_x, o->w, o->stored_dy, beta, dx);
    load(o->storage, count, dx, got);
    check_close(count, got, want, tolerance(o->storage, o->out, false), t->name, "dx");
    free(dx);
    free(want);
    free(got);
}

static void check_backward_weight(const kern_table *t, const operands *o, kern_activation act, bool with_bias) {
    const int64_t count = o->out * o->in;
    float *want = random_floats(count, 6), *got = random_floats(count, 6);
    float *want_bias = random_floats(o->out, 7), *got_bias = random_floats(o->out, 7);
    kern_reference()->linear_backward_weight(o->n, o->in, o->out, act, o->x, o->dy, want, with_bias ? want_bias : NULL);
    t->linear_backward_weight(o->n, o->in, o->out, act, o->stored_x, o->stored_dy, got, with_bias ? got_bias : NULL);
    const double error = tolerance(o->storage, o->n, act != KERN_NONE);
    check_close(count, got, want, error, t->name, "dw");
    check_close(o->out, got_bias, want_bias, tolerance(KERN_REAL, o->n, false), t->name, "dbias");
    free(want);
    free(got);
    free(want_bias);
    free(got_bias);
}

static void check_layer(const kern_table *t, int64_t n, int64_t in, int64_t out) {
    operands o = operands_create(t->storage, n, in, out);
    check_forward(t, &o, KERN_NONE, false);
    check_forward(t, &o, KERN_GELU, true);
    check_backward_input(t, &o, KERN_NONE, 0.0f);
    check_backward_input(t, &o, KERN_NONE, 1.0f);
    check_backward_input(t, &o, KERN_GELU, 0.0f);
    check_backward_input(t, &o, KERN_TANH, 1.0f);
    check_backward_weight(t, &o, KERN_NONE, true);
    check_backward_weight(t, &o, KERN_GELU, false);
    operands_free(&o);
}

/* Pieces have 16, 32, ..., 256 rows (a weight gradient's up to 2048), weights are packed 64 columns at a time. */
static const int64_t layers[][3] = {
    {1, 5, 3},    {15, 33, 31},  {16, 64, 64},   {17, 40, 70},   {100, 1, 130}, {255, 20, 1},   {256, 16, 600},
    {257, 70, 9}, {511, 31, 33}, {700, 128, 65}, {2047, 24, 17}, {2049, 9, 40}, {4600, 17, 50},
};

START_TEST(test_layers) {
    if (!onednn()) return;
    start_threads(_i);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        check_layer(onednn(), layers[i][0], layers[i][1], layers[i][2]);
        if (onednn()->bf16) check_layer(onednn()->bf16, layers[i][0], layers[i][1], layers[i][2]);
    }
    senc_threads_free();
}
END_TEST

/* More threads than a weight gradient has slices: the rows are cut too, and the parts added. */
START_TEST(test_more_threads_than_slices) {
    if (!onednn()) return;
    start_threads(5);
    check_layer(onednn(), 5000, 24, 40);
    check_layer(onednn(), 9000, 16, 300);
    if (onednn()->bf16) check_layer(onednn()->bf16, 5000, 24, 40);
    senc_threads_free();
}
END_TEST

static int threads_of_process(void) {
    DIR *folder = opendir("/proc/self/task");
    int n = 0;
    for (const struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) n += entry->d_name[0] != '.';
    if (folder) closedir(folder);
    return n;
}

START_TEST(test_starts_no_threads) {
    if (!onednn()) return;
    start_threads(2);
    const int before = threads_of_process();
    check_layer(onednn(), 1000, 64, 130);
    if (onednn()->bf16) check_layer(onednn()->bf16, 1000, 64, 130);
    ck_assert_int_eq(threads_of_process(), before);
    senc_threads_free();
}
END_TEST

START_TEST(test_repeats) {
    if (!onednn()) return;
    start_threads(3);
    const kern_table *tables[] = {onednn(), onednn()->bf16};
    for (int i = 0; i < 2 && tables[i]; i++) {
        operands o = operands_create(tables[i]->storage, 1500, 70, 150);
        float *y[2], *dw[2];
        for (int run = 0; run < 2; run++) {
            y[run] = random_floats(o.n * o.out, 8);
            dw[run] = random_floats(o.out * o.in, 9);
            tables[i]->linear_forward(o.n, o.in, o.out, KERN_GELU, o.stored_x, o.w, o.bias, y[run]);
            tables[i]->linear_backward_weight(o.n, o.in, o.out, KERN_GELU, o.stored_x, o.stored_dy, dw[run], NULL);
        }
        check_same(o.n * o.out, y[0], y[1], "onednn", "y");
        check_same(o.out * o.in, dw[0], dw[1], "onednn", "dw");
        for (int run = 0; run < 2; run++) {
            free(y[run]);
            free(dw[run]);
        }
        operands_free(&o);
    }
    senc_threads_free();
}
END_TEST

START_TEST(test_name) {
    ck_assert_int_eq(onednn() != NULL, kern_onednn_name() != NULL);
    if (!onednn()) return;
    ck_assert_ptr_nonnull(strstr(kern_onednn_name(), "oneDNN "));
    ck_assert_ptr_nonnull(strstr(kern_onednn_name(), "(libdnnl.so."));
}
END_TEST

START_TEST(test_environment_chooses_it) {
    setenv("SENC_KERNELS", "onednn", 1);
    if (!onednn()) {
        ck_assert_str_ne(kern_best()->name, "onednn");
        return;
    }
    ck_assert_str_eq(kern_best()->name, "onednn");
    ck_assert_str_eq(kern_product_backend(), kern_onednn_name());
}
END_TEST

int main(void) {
    Suite *suite = suite_create("oneDNN");
    TCase *c = tcase_create("oneDNN");
    tcase_set_timeout(c, 240);
    tcase_add_loop_test(c, test_layers, 1, 4);
    tcase_add_test(c, test_more_threads_than_slices);
    tcase_add_test(c, test_starts_no_threads);
    tcase_add_test(c, test_repeats);
    tcase_add_test(c, test_name);
    tcase_add_test(c, test_environment_chooses_it);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
