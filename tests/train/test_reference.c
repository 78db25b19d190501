/* The whole way from ids to loss, gradients and three AdamW steps, against PyTorch and sentence-transformers' own loss
 * classes (tests/reference/make_tiny.py), on the reference kernels and on the best ones. */
#include "tests/losses/loss_bench.h"
#include "tests/nn/model_bench.h"

#include "autograd/base/threads.h"

#define RELATIVE 1e-4 /* of the largest number in the same tensor */
#define MAX_ROWS 4

static const struct reference_case {
    const char *name, *loss;
    bench_option options[3];
    int64_t columns;
    double scores[MAX_ROWS]; /* targets, also as labels */
    bool has_target;
} cases[] = {
    {.name = "mnrl", .loss = "mnrl", .columns = 2},
    {.name = "mnrl_symmetric", .loss = "mnrl", .options = {BENCH_TRUE("symmetric")}, .columns = 2},
    {.name = "mnrl_hard", .loss = "mnrl", .columns = 3},
    {.name = "triplet_cosine",
     .loss = "triplet",
     .columns = 3,
     .options = {BENCH_TEXT("distance", "cosine"), BENCH_NUMBER("margin", 0.6)}},
    {.name = "triplet_euclidean",
     .loss = "triplet",
     .columns = 3,
     .options = {BENCH_TEXT("distance", "euclidean"), BENCH_NUMBER("margin", 2)}},
    {.name = "triplet_manhattan",
     .loss = "triplet",
     .columns = 3,
     .options = {BENCH_TEXT("distance", "manhattan"), BENCH_NUMBER("margin", 6)}},
    {.name = "cosine", .loss = "cosine", .columns = 2, .scores = {0.9, 0.1, 0.55, 0.3}, .has_target = true},
    {.name = "cosent", .loss = "cosent", .columns = 2, .scores = {0.9, 0.1, 0.55, 0.3}, .has_target = true},
    {.name = "contrastive",
     .loss = "contrastive",
     .columns = 2,
     .options = {BENCH_NUMBER("margin", 1)},
     .scores = {1, 0, 0, 1},
     .has_target = true},
};
enum { N_CASES = sizeof cases / sizeof cases[0] };

static const kern_table *tables[2];

/* In the test's own process: a pool does not outlive a fork. */
static void start(void) {
    senc_error err = {0};
    ck_assert_msg(senc_threads_init(2, &err), "%s", err.text);
    tables[0] = kern_reference();
    tables[1] = kern_best();
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(const nn_tensor *const *)a)->name, (*(const nn_tensor *const *)b)->name);
}

/* The tensors in the order of the dump's flat vectors; the caller frees. */
static const nn_tensor **sorted_tensors(const nn_model *m) {
    const int64_t n = nn_model_n_tensors(m);
    const nn_tensor **list = senc_alloc((size_t)n, sizeof *list);
    for (int64_t i = 0; i < n; i++) list[i] = nn_model_tensor(m, i);
    qsort(list, (size_t)n, sizeof *list, by_name);
    return list;
}

/* Loss of one forward pass; with gradients added to the parameters. */
static double loss_and_gradients(nn_model *m, const model_bench *b, const struct reference_case *c,
                                 const kern_table *kernels) {
    const loss_spec *spec = loss_find(c->loss);
    ck_assert_ptr_nonnull(spec);
    void *options = bench_options(spec, c->options);
    int64_t labels[MAX_ROWS];
    for (int i = 0; i < MAX_ROWS; i++) labels[i] = c->scores[i] > 0.5;
    const loss_batch batch = {
        .n_rows = MAX_ROWS,
        .n_columns = c->columns,
        .scores = c->has_target ? c->scores : NULL,
        .labels = c->has_target ? labels : NULL,
    };
    senc_error err = {0};
    ag_tape tape;
    ck_assert(ag_tape_init(&tape, kernels, true, 0, &err));
    const nn_pass pass = {0};
    ag_node *y = nn_model_encode(m, &tape, b->ids, (kern_sequences){b->offsets, MAX_ROWS * c->columns}, &pass);
    ag_node *loss = spec->build(&tape, y, &batch, options);
    ck_assert_msg(ag_tape_check(&tape, &err), "%s", err.text);
    const double value = (double)loss->value[0];
    ag_tape_backward(&tape, loss, NULL);
    ck_assert_msg(ag_tape_check(&tape, &err), "%s", err.text);
    ag_tape_free(&tape);
    bench_close(spec, options);
    return value;
}

/* Adam's steps of a key's bias: its gradient is zero in exact arithmetic (softmax does not see a constant), rounding
 * noise here. */
static bool is_key_bias(const char *name) {
    return strstr(name, "self.key.bias") != NULL;
}

START_TEST(loss_and_every_gradient) {
    const struct reference_case *c = &cases[_i / 2];
    const kern_table *kernels = tables[_i % 2];
    model_bench b = model_bench_open();
    nn_model *m = model_bench_load(TINY, NULL, true);
    char name[64];
    snprintf(name, sizeof name, "loss.%s", c->name);
    float *want_loss = model_bench_tensor(&b, name, NULL);
    const double loss = loss_and_gradients(m, &b, c, kernels);
    ck_assert_msg(fabs(loss - (double)*want_loss) <= RELATIVE * fabs((double)*want_loss),
                  "%s on %s: got %.9g, want %.9g", name, kernels->name, loss, (double)*want_loss);
    snprintf(name, sizeof name, "grad.%s", c->name);
    int64_t n, at = 0;
    float *want = model_bench_tensor(&b, name, &n);
    const double largest = model_bench_largest(want, n);
    ck_assert_double_gt(largest, 1e-3);
    const nn_tensor **list = sorted_tensors(m);
    double worst = 0;
    int n_zero = 0;
    for (int64_t i = 0; i < nn_model_n_tensors(m); i++) {
        const nn_tensor *t = list[i];
        const int64_t size = t->rows * t->cols;
        /* Zero in exact arithmetic (a key's bias; the last shift under a loss of differences), noise in double: noise
         * in float too. */
        const bool is_zero = model_bench_largest(want + at, size) < 1e-12 * largest;
        const double error = model_bench_compare(t->param->grad + t->offset, want + at, size, is_zero ? 0 : RELATIVE,
                                                 is_zero ? 1e-6 * largest : 0, t->name);
        n_zero += is_zero;
        if (!is_zero) worst = fmax(worst, error);
        at += size;
    }
    ck_assert_int_eq(at, n);
    ck_assert_int_le(n_zero, 3); /* the two key biases and the last shift */
    printf("%-18s %-8s loss off by %.1e, worst gradient by %.1e of its tensor's largest\n", c->name, kernels->name,
           fabs(loss / (double)*want_loss - 1), worst);
    free(list);
    free(want);
    free(want_loss);
    nn_model_free(m);
    model_bench_close(&b);
}
END_TEST

/* torch.optim.AdamW: learning rate 1e-3, betas 0.9 and 0.999, epsilon 1e-8, decay 0.01 on matrices; clipped to norm 1.
 */
static double adamw_step(ag_params *params, const kern_table *kernels, int step, float *first, float *second) {
    const double norm = sqrt(kernels->sum_of_squares(params->n_numbers, params->grads));
    for (int64_t i = 0; i < params->n; i++) {
        const ag_param *p = params->items[i];
        const kern_adamw options = {
            .learning_rate = 1e-3,
            .beta1 = 0.9,
            .beta2 = 0.999,
            .epsilon = 1e-8,
            .weight_decay = p->decay ? 0.01 : 0,
            .bias_correction1 = 1 - pow(0.9, step),
            .bias_correction2 = 1 - pow(0.999, step),
            .gradient_scale = norm > 1 ? 1 / (norm + 1e-6) : 1, /* torch.nn.utils.clip_grad_norm_ adds 1e-6 */
        };
        kernels->adamw(p->rows * p->cols, options, p->value, p->grad, first + p->offset, second + p->offset);
    }
    return norm;
}

START_TEST(three_adamw_steps) {
    const kern_table *kernels = tables[_i];
    model_bench b = model_bench_open();
    nn_model *m = model_bench_load(TINY, NULL, true);
    ag_params *params = nn_model_params(m);
    float *moments[2];
    for (int i = 0; i < 2; i++) moments[i] = senc_alloc_zero((size_t)params->n_numbers, sizeof(float));
    float *before = senc_alloc((size_t)params->n_numbers, sizeof *before);
    memcpy(before, params->values, (size_t)params->n_numbers * sizeof *before);
    float *losses = model_bench_tensor(&b, "adamw.loss", NULL), *norms = model_bench_tensor(&b, "adamw.norms", NULL);
    for (int step = 1; step <= 3; step++) {
        ag_params_zero_grads(params);
        const double loss = loss_and_gradients(m, &b, &cases[0], kernels);
        const double norm = adamw_step(params, kernels, step, moments[0], moments[1]);
        ck_assert_double_eq_tol(loss / (double)losses[step - 1], 1, RELATIVE);
        ck_assert_double_eq_tol(norm / (double)norms[step - 1], 1, RELATIVE);
    }
    int64_t n, at = 0;
    float *want = model_bench_tensor(&b, "adamw.values", &n);
    const nn_tensor **list = sorted_tensors(m);
    for (int64_t i = 0; i < nn_model_n_tensors(m); i++) {
        const nn_tensor *t = list[i];
        const int64_t size = t->rows * t->cols;
        const float *got = t->param->value + t->offset, *old = before + t->param->offset + t->offset;
        /* Where the gradient is rounding noise, Adam's step is of any size up to the learning rate. */
        const double absolute = is_key_bias(t->name) ? 3e-3 : 0;
        model_bench_compare(got, want + at, size, RELATIVE, absolute, t->name);
        /* The steps themselves, which are a thousandth of the values: |got - want| against |want - old|. */
        double error = 0, moved = 0;
        for (int64_t k = 0; k < size; k++) {
            error += pow((double)got[k] - (double)want[at + k], 2);
            moved += pow((double)want[at + k] - (double)old[k], 2);
        }
        ck_assert_msg(is_key_bias(t->name) || sqrt(error) <= 2e-3 * sqrt(moved), "%s: steps off by %.3g of %.3g",
                      t->name, sqrt(error), sqrt(moved));
        at += size;
    }
    ck_assert_int_eq(at, n);
    free(list);
    free(want);
    free(losses);
    free(norms);
    free(before);
    free(moments[0]);
    free(moments[1]);
    nn_model_free(m);
    model_bench_close(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reference");
    TCase *tests = tcase_create("reference");
    tcase_add_checked_fixture(tests, start, senc_threads_free);
    tcase_add_loop_test(tests, loss_and_every_gradient, 0, 2 * N_CASES);
    tcase_add_loop_test(tests, three_adamw_steps, 0, 2);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
