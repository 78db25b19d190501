/* The gradient check itself: it passes a right op and finds every fault that it is meant to find. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gradients/gradient_check.h"

/* A softmax over each row, y_j = exp(x_j) / sum, whose right backward is dx_j += y_j (dy_j - y . dy); plus the faults.
 */
typedef enum fault {
    RIGHT,
    MEAN_FOR_DOT, /* the sum of a softmax row is constant: with a sum as objective this one is invisible */
    OVERWRITES,   /* = for += */
    ACCUMULATES,  /* += into a buffer that the first writer must overwrite */
    SLIGHTLY_OFF, /* one element by 1e-4 of itself */
    GIVES_NAN,
    NO_GRADIENT,
    LEAVES_A_HOLE, /* one output element is not written */
    WRITES_TO_INPUT,
    DIFFERS_IN_TRAINING,
} fault;

static const ag_op softmax;

static void forward(ag_tape *t, ag_node *node) {
    const fault f = *(const fault *)node->attr;
    real *x = node->in[0]->value;
    for (int64_t i = 0; i < node->rows; i++) {
        real *xi = x + i * node->cols, *y = node->value + i * node->cols, sum = 0;
        for (int64_t j = 0; j < node->cols; j++) sum += exp(xi[j]);
        for (int64_t j = 0; j < node->cols; j++) {
            if (f == LEAVES_A_HOLE && i == 1 && j == 1) continue;
            y[j] = exp(xi[j]) / sum;
            if (f == DIFFERS_IN_TRAINING && t->gradients) y[j] *= 1.0001;
        }
    }
}

static void backward(ag_tape *t, ag_node *node) {
    const fault f = *(const fault *)node->attr;
    const int64_t n = node->rows, d = node->cols;
    real beta = 0;
    if (f == NO_GRADIENT) return;
    real *dx = ag_grad(t, node->in[0], &beta);
    for (int64_t i = 0; i < n; i++) {
        const real *y = node->value + i * d, *dy = node->grad + i * d;
        real dot = 0;
        for (int64_t j = 0; j < d; j++) dot += f == MEAN_FOR_DOT ? dy[j] / (real)d : y[j] * dy[j];
        for (int64_t j = 0; j < d; j++) {
            real *to = &dx[i * d + j], g = y[j] * (dy[j] - dot);
            if (f == SLIGHTLY_OFF && i == 2 && j == 0) g *= 1.0001;
            if (f == GIVES_NAN && i == 0 && j == 2) g = (real)NAN;
            if (f == ACCUMULATES)
                *to += g;
            else if (f == OVERWRITES || beta == 0)
                *to = g;
            else
                *to += g;
        }
    }
    if (f == WRITES_TO_INPUT) node->in[0]->value[0] += 1e-3;
}

static const ag_op softmax = {
    .name = "softmax", .forward = forward, .backward = backward, .backward_reads_output = true};

static ag_node *build(ag_tape *t, ag_node **in, fault f) {
    ag_node *node = ag_node_create(t, &softmax, in[0]->rows, in[0]->cols, in, 1, sizeof f);
    *(fault *)node->attr = f;
    return ag_run(t, node);
}

#define BUILDER(name, f)                                                                                               \
    static ag_node *name(ag_tape *t, ag_node **in) {                                                                   \
        return build(t, in, f);                                                                                        \
    }
BUILDER(right, RIGHT)
BUILDER(mean_for_dot, MEAN_FOR_DOT)
BUILDER(overwrites, OVERWRITES)
BUILDER(accumulates, ACCUMULATES)
BUILDER(slightly_off, SLIGHTLY_OFF)
BUILDER(gives_nan, GIVES_NAN)
BUILDER(no_gradient, NO_GRADIENT)
BUILDER(leaves_a_hole, LEAVES_A_HOLE)
BUILDER(writes_to_input, WRITES_TO_INPUT)
BUILDER(differs_in_training, DIFFERS_IN_TRAINING)

static bool check(ag_node *(*builder)(ag_tape *, ag_node **), int n_inputs, gradient_report *report) {
    const ag_example examples[] = {
        {.name = "3 x 4", .n_inputs = n_inputs, .shapes = {{3, 4}, {2, 2}}, .low = -1, .high = 1, .build = builder},
        {0},
    };
    return gradient_check("softmax", examples, report);
}

START_TEST(right_op_passes) {
    gradient_report report;
    ck_assert_msg(check(right, 1, &report), "%s", report.text);
    ck_assert_msg(report.worst <= 1e-7, "%s", report.text);
}
END_TEST

static const struct {
    ag_node *(*builder)(ag_tape *, ag_node **);
    const char *message; /* part of the report */
} faults[] = {
    {mean_for_dot, "relative error"},
    {overwrites, "(accumulate run)"},
    {accumulates, "(overwrite run)"},
    {slightly_off, "input 0 [2,0]"},
    {gives_nan, "input 0 [0,2]: gradient nan"},
    {no_gradient, "no gradient reaches input 0"},
    {leaves_a_hole, "output [1,1] is nan"},
    {writes_to_input, "input 0 is written to"},
    {differs_in_training, "training and inference"},
};

START_TEST(faults_are_found) {
    gradient_report report;
    ck_assert_msg(!check(faults[_i].builder, 1, &report), "fault %d (%s) was not found", _i, faults[_i].message);
    ck_assert_msg(strstr(report.text, faults[_i].message) != NULL, "expected \"%s\", got: %s", faults[_i].message,
                  report.text);
}
END_TEST

START_TEST(an_input_that_does_not_matter_fails) {
    gradient_report report;
    ck_assert(!check(right, 2, &report));
    ck_assert_msg(strstr(report.text, "does not depend on input 1") != NULL, "%s", report.text);
}
END_TEST

START_TEST(no_examples_fail) {
    const ag_example none[] = {{0}};
    gradient_report report;
    ck_assert(!gradient_check("softmax", none, &report));
    ck_assert_str_eq(report.text, "softmax has no examples");
    ck_assert(!gradient_check("softmax", NULL, &report));
}
END_TEST

START_TEST(an_example_of_another_op_is_seen) {
    const ag_op other = {.name = "other"};
    const ag_example examples[] = {
        {.name = "3 x 4", .n_inputs = 1, .shapes = {{3, 4}}, .low = -1, .high = 1, .build = right},
        {0},
    };
    ck_assert(gradient_check_reaches(&softmax, examples));
    ck_assert(!gradient_check_reaches(&other, examples));
}
END_TEST

int main(void) {
    Suite *s = suite_create("gradient_check");
    TCase *tc = tcase_create("faults");
    tcase_add_test(tc, right_op_passes);
    tcase_add_loop_test(tc, faults_are_found, 0, (int)(sizeof faults / sizeof *faults));
    tcase_add_test(tc, an_input_that_does_not_matter_fails);
    tcase_add_test(tc, no_examples_fail);
    tcase_add_test(tc, an_example_of_another_op_is_seen);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
