/* AdamW and clipping against a computation in double: theta -= lr * (m^ / (sqrt(v^) + eps) + decay * theta), the form
 * of torch.optim.AdamW, which decays with the rate of the schedule. */
#include "train/optimizer.h"

#include "tests/train/train_bench.h"

#define N_STEPS 3

enum { WEIGHT = 5 * 7, BIAS = 19 };

static const train_adamw_options defaults = {
    .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.1, .max_grad_norm = 1};

static const kern_table *tables[2];

static void start(void) {
    train_bench_threads(2);
    tables[0] = kern_reference();
    tables[1] = kern_best();
}

typedef struct bench {
    ag_params params;
    ag_param *weight, *bias;
    train_optimizer o;
} bench;

static void fill(bench *b, int step) {
    for (int64_t i = 0; i < WEIGHT; i++) b->weight->grad[i] = (real)(0.3 * sin(1.0 + (double)i * 0.7 + step));
    for (int64_t i = 0; i < BIAS; i++) b->bias->grad[i] = (real)(0.2 * cos((double)i * 1.3 - step));
}

static bench *bench_open(const kern_table *kernels, train_adamw_options options) {
    bench *b = senc_alloc_zero(1, sizeof *b);
    senc_error err = {0};
    b->weight = ag_params_declare(&b->params, "weight", 5, 7, false, true, &err);
    b->bias = ag_params_declare(&b->params, "bias", 1, BIAS, true, false, &err);
    ck_assert_msg(ag_params_alloc(&b->params, true, &err), "%s", err.text);
    for (int64_t i = 0; i < WEIGHT; i++) b->weight->value[i] = (real)cos((double)i);
    for (int64_t i = 0; i < BIAS; i++) b->bias->value[i] = (real)(0.5 + 0.1 * (double)i);
    ck_assert_msg(train_optimizer_init(&b->o, kernels, &b->params, options, &err), "%s", err.text);
    return b;
}

static void bench_close(bench *b) {
    train_optimizer_free(&b->o);
    ag_params_free(&b->params);
    free(b);
}

/* One number of the computation in double. */
typedef struct adam {
    double value, m, v;
} adam;

static void adam_step(adam *a, const train_adamw_options *o, double rate, double gradient, double decay, int t) {
    a->m = o->beta1 * a->m + (1 - o->beta1) * gradient;
    a->v = o->beta2 * a->v + (1 - o->beta2) * gradient * gradient;
    const double mean = a->m / (1 - pow(o->beta1, t)), square = a->v / (1 - pow(o->beta2, t));
    a->value -= rate * (mean / (sqrt(square) + o->epsilon) + decay * a->value);
}

static void run_and_compare(const kern_table *kernels, train_adamw_options options, double scale) {
    bench *b = bench_open(kernels, options);
    adam weight[WEIGHT] = {{0}}, bias[BIAS] = {{0}};
    for (int i = 0; i < WEIGHT; i++) weight[i].value = (double)b->weight->value[i];
    for (int i = 0; i < BIAS; i++) bias[i].value = (double)b->bias->value[i];
    for (int t = 1; t <= N_STEPS; t++) {
        fill(b, t);
        double sum = 0;
        for (int i = 0; i < WEIGHT; i++) sum += pow(scale * (double)b->weight->grad[i], 2);
        for (int i = 0; i < BIAS; i++) sum += pow(scale * (double)b->bias->grad[i], 2);
        const double norm = train_optimizer_gradient_norm(&b->o, scale), rate = 1e-2 / t;
        ck_assert_double_eq_tol(norm, sqrt(sum), 1e-6 * sqrt(sum));
        double clip = 1;
        if (options.max_grad_norm > 0 && norm > options.max_grad_norm) clip = options.max_grad_norm / (norm + 1e-6);
        for (int i = 0; i < WEIGHT; i++)
            adam_step(&weight[i], &options, rate, scale * clip * (double)b->weight->grad[i], options.weight_decay, t);
        for (int i = 0; i < BIAS; i++)
            adam_step(&bias[i], &options, rate, scale * clip * (double)b->bias->grad[i], 0, t);
        train_optimizer_step(&b->o, rate, scale, norm);
        ck_assert_int_eq(b->o.n_updates, t);
        for (int i = 0; i < WEIGHT; i++) ck_assert_double_eq_tol((double)b->weight->value[i], weight[i].value, 1e-6);
        for (int i = 0; i < BIAS; i++) ck_assert_double_eq_tol((double)b->bias->value[i], bias[i].value, 1e-6);
        for (int i = 0; i < WEIGHT; i++)
            ck_assert_double_eq_tol((double)b->o.v[b->weight->offset + i], weight[i].v, 1e-6 * weight[i].v + 1e-12);
    }
    /* the padding between parameters is still zero: it counts in the norm */
    for (int64_t i = WEIGHT; i < b->bias->offset; i++) ck_assert(b->params.values[i] == 0 && b->params.grads[i] == 0);
    bench_close(b);
}

START_TEST(three_steps_by_hand) {
    run_and_compare(tables[_i], defaults, 1);
}
END_TEST

START_TEST(no_clipping_and_a_scale) {
    train_adamw_options options = defaults;
    options.max_grad_norm = 0;
    run_and_compare(tables[_i], options, 0.25);
    options.max_grad_norm = 100; /* never reached: the gradient is not scaled up */
    run_and_compare(tables[_i], options, 4);
}
END_TEST

/* A gradient a thousand times as long, clipped, makes the same step: a hand check that does not use Adam's formula. */
START_TEST(clipping_bounds_the_moments) {
    train_adamw_options options = defaults;
    options.max_grad_norm = 0.5;
    bench *b = bench_open(tables[_i], options);
    fill(b, 1);
    for (int64_t i = 0; i < b->params.n_numbers; i++) b->params.grads[i] *= 1000;
    train_optimizer_step(&b->o, 1e-3, 1, train_optimizer_gradient_norm(&b->o, 1));
    double sum = 0;
    for (int64_t i = 0; i < b->params.n_numbers; i++) sum += pow((double)b->o.m[i] / (1 - defaults.beta1), 2);
    ck_assert_double_eq_tol(sqrt(sum), 0.5, 1e-5);
    bench_close(b);
}
END_TEST

/* Without a gradient only decay moves, and only what wants it. */
START_TEST(decay_alone) {
    bench *b = bench_open(tables[_i], defaults);
    train_optimizer_step(&b->o, 0.5, 1, 0);
    for (int i = 0; i < WEIGHT; i++)
        ck_assert_double_eq_tol((double)b->weight->value[i], cos(i) * (1 - 0.5 * 0.1), 1e-6);
    for (int i = 0; i < BIAS; i++) ck_assert(b->bias->value[i] == (real)(0.5 + 0.1 * (double)i));
    bench_close(b);
}
END_TEST

START_TEST(norm_shows_nan) {
    bench *b = bench_open(tables[_i], defaults);
    fill(b, 1);
    ck_assert(isfinite(train_optimizer_gradient_norm(&b->o, 1)));
    b->bias->grad[BIAS - 1] = (real)NAN;
    ck_assert(!isfinite(train_optimizer_gradient_norm(&b->o, 1)));
    b->bias->grad[BIAS - 1] = (real)-INFINITY;
    ck_assert(!isfinite(train_optimizer_gradient_norm(&b->o, 1)));
    bench_close(b);
}
END_TEST

START_TEST(out_of_memory) {
    ag_params params = {0};
    TRAIN_BENCH_OK(ag_params_declare(&params, "weight", 4, 4, false, true, err) != NULL);
    TRAIN_BENCH_OK(ag_params_alloc(&params, true, err));
    for (int at = 1; at <= 2; at++) {
        train_optimizer o;
        senc_alloc_fail_at(at);
        TRAIN_BENCH_FAILS(train_optimizer_init(&o, tables[0], &params, defaults, err), SENC_FAILED, "moments");
        senc_alloc_fail_at(0);
        ck_assert_ptr_null(o.m);
    }
    ag_params_free(&params);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("optimizer");
    TCase *tests = tcase_create("optimizer");
    tcase_add_checked_fixture(tests, start, senc_threads_free);
    tcase_add_loop_test(tests, three_steps_by_hand, 0, 2);
    tcase_add_loop_test(tests, no_clipping_and_a_scale, 0, 2);
    tcase_add_loop_test(tests, clipping_bounds_the_moments, 0, 2);
    tcase_add_loop_test(tests, decay_alone, 0, 2);
    tcase_add_loop_test(tests, norm_shows_nan, 0, 2);
    tcase_add_test(tests, out_of_memory);
    suite_add_tcase(suite, tests);
    return train_bench_run(suite);
}
