/* Gradient check: see gradient_check.h. */
#include "tests/gradients/gradient_check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/ops/ops.h"

#define STEP          1e-4 /* truncation error ~ STEP^4, rounding error ~ 1e-16 / STEP */
#define SCALE_FLOOR   1e-4 /* gradients below this are held to an absolute error of tolerance * floor */
#define NO_DERIVATIVE 1e-9
#define LIMIT_BYTES   ((int64_t)64 << 20)

typedef struct checked {
    const char *name;
    const ag_example *example;
    gradient_report *report;
    int64_t n[AG_MAX_INPUTS];
    real *value[AG_MAX_INPUTS], *original[AG_MAX_INPUTS];
    double *numeric[AG_MAX_INPUTS];
    double *analytic[AG_MAX_INPUTS];
    real *projection, *output; /* (rows, cols) of the example's output */
    int64_t rows, cols;
    double objective;
} checked;

typedef enum input_kind { AS_CONSTANT, AS_INPUT, AS_PARAMETER } input_kind;

/* A run of backward: which inputs are what. */
typedef struct run_kind {
    const char *name;
    input_kind kind;
    int constant; /* this input is constant; -1: none */
} run_kind;

__attribute__((format(printf, 2, 3))) static bool fail(checked *c, const char *fmt, ...) {
    char what[384];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    snprintf(c->report->text, sizeof c->report->text, "%s, %s: %s", c->name, c->example->name, what);
    c->report->worst = INFINITY;
    return false;
}

static void *must_alloc(int64_t n, size_t size_bytes) {
    void *p = senc_alloc_zero((size_t)n, size_bytes);
    SENC_ASSERT(p, "no memory for %lld numbers", (long long)n);
    return p;
}

static uint64_t seed_of(const char *name, const char *example) {
    uint64_t seed = 1;
    for (; *name; name++) seed = senc_rng_mix(seed ^ (uint64_t)*name);
    for (; *example; example++) seed = senc_rng_mix(seed ^ (uint64_t)*example);
    return seed;
}

static void checked_init(checked *c, senc_rng *rng) {
    const ag_example *e = c->example;
    for (int i = 0; i < e->n_inputs; i++) {
        c->n[i] = e->shapes[i][0] * e->shapes[i][1];
        c->value[i] = must_alloc(c->n[i], sizeof(real));
        c->original[i] = must_alloc(c->n[i], sizeof(real));
        c->numeric[i] = must_alloc(c->n[i], sizeof(double));
        c->analytic[i] = must_alloc(c->n[i], sizeof(double));
        for (int64_t j = 0; j < c->n[i]; j++) {
            c->original[i][j] = c->value[i][j] = (real)(e->low + (e->high - e->low) * senc_rng_uniform(rng));
        }
    }
}

static void checked_free(checked *c) {
    for (int i = 0; i < c->example->n_inputs; i++) {
        free(c->value[i]);
        free(c->original[i]);
        free(c->numeric[i]);
        free(c->analytic[i]);
    }
    free(c->projection);
    free(c->output);
}

static void tape_init(ag_tape *t, bool gradients) {
    senc_error err = {0};
    const bool ok = ag_tape_init(t, kern_reference(), gradients, LIMIT_BYTES, &err);
    SENC_ASSERT(ok, "%s", err.text);
    t->fill_nan = true;
}

static ag_node *build(checked *c, ag_tape *t, run_kind run, ag_param *params, ag_node **inputs) {
    for (int i = 0; i < c->example->n_inputs; i++) {
        const int64_t *shape = c->example->shapes[i];
        if (run.kind == AS_CONSTANT || i == run.constant)
            inputs[i] = ag_constant(t, c->value[i], shape[0], shape[1]);
        else if (run.kind == AS_INPUT)
            inputs[i] = ag_input(t, c->value[i], shape[0], shape[1]);
        else
            inputs[i] = ag_param_node(t, &params[i]);
    }
    return c->example->build(t, inputs);
}

/* The forward pass that gives the output's shape, the projection and the reference output. */
static bool first_forward(checked *c, ag_tape *t, senc_rng *rng) {
    ag_node *inputs[AG_MAX_INPUTS];
    senc_error err = {0};
    const ag_node *out = build(c, t, (run_kind){"forward", AS_CONSTANT, -1}, NULL, inputs);
    if (!ag_tape_check(t, &err)) return fail(c, "%s", err.text);
    c->rows = out->rows;
    c->cols = out->cols;
    const int64_t n = c->rows * c->cols;
    c->projection = must_alloc(n, sizeof(real));
    c->output = must_alloc(n, sizeof(real));
    for (int64_t j = 0; j < n; j++) { /* away from 0, so that every output counts */
        const double size = 0.5 + senc_rng_uniform(rng);
        c->projection[j] = (real)(senc_rng_next(rng) >> 63 ? size : -size);
        c->output[j] = out->value[j];
        c->objective += (double)c->projection[j] * (double)out->value[j];
        if (!isfinite(out->value[j])) {
            return fail(c, "output [%lld,%lld] is %g (not written?)", (long long)(j / c->cols),
                        (long long)(j % c->cols), (double)out->value[j]);
        }
    }
    return true;
}

static double objective(checked *c, ag_tape *t) {
    ag_node *inputs[AG_MAX_INPUTS];
    ag_tape_reset(t);
    const ag_node *out = build(c, t, (run_kind){"forward", AS_CONSTANT, -1}, NULL, inputs);
    double sum = 0;
    for (int64_t j = 0; j < c->rows * c->cols; j++) sum += (double)c->projection[j] * (double)out->value[j];
    return sum;
}

/* (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h */
static double difference(checked *c, ag_tape *t, real *x) {
    const double at = (double)*x, h = STEP * fmax(1, fabs(at));
    const double steps[4] = {h, -h, 2 * h, -2 * h};
    double f[4];
    for (int k = 0; k < 4; k++) {
        *x = (real)(at + steps[k]);
        f[k] = objective(c, t);
    }
    *x = (real)at;
    return (8 * (f[0] - f[1]) - (f[2] - f[3])) / (12 * h);
}

static bool find_numeric(checked *c, ag_tape *t) {
    if (c->example->n_inputs < 1) return fail(c, "the example has no inputs: nothing is checked");
    for (int i = 0; i < c->example->n_inputs; i++) {
        double largest = 0;
        for (int64_t j = 0; j < c->n[i]; j++) {
            c->numeric[i][j] = difference(c, t, &c->value[i][j]);
            largest = fmax(largest, fabs(c->numeric[i][j]));
        }
        if (!(largest > NO_DERIVATIVE)) return fail(c, "the output does not depend on input %d: nothing is checked", i);
    }
    return true;
}

static bool compare_input(checked *c, run_kind run, int i) {
    double largest = SCALE_FLOOR * fmax(1, fabs(c->objective));
    for (int64_t j = 0; j < c->n[i]; j++) largest = fmax(largest, 0.01 * fabs(c->numeric[i][j]));
    bool ok = true;
    for (int64_t j = 0; j < c->n[i]; j++) {
        const double a = c->analytic[i][j], n = c->numeric[i][j];
        double error = fabs(a - n) / fmax(largest, fmax(fabs(a), fabs(n)));
        if (!isfinite(a)) error = INFINITY;
        ok = ok && error <= GRADIENT_CHECK_TOLERANCE;
        if (error <= c->report->worst) continue;
        c->report->worst = error;
        snprintf(c->report->text, sizeof c->report->text,
                 "%s, %s: input %d [%lld,%lld]: gradient %.9g, by differences %.9g, relative error %.1e (%s run)",
                 c->name, c->example->name, i, (long long)(j / c->example->shapes[i][1]),
                 (long long)(j % c->example->shapes[i][1]), a, n, error, run.name);
    }
    return ok;
}

/* Forward on a training tape must give the same numbers, and nobody may write to the inputs. */
static bool check_forward(checked *c, const ag_node *out, const char *run) {
    if (out->rows != c->rows || out->cols != c->cols) return fail(c, "the output's shape changes (%s run)", run);
    if (memcmp(out->value, c->output, (size_t)(c->rows * c->cols) * sizeof(real)) != 0) {
        return fail(c, "training and inference give different outputs (%s run)", run);
    }
    return true;
}

static bool check_inputs_untouched(checked *c, const char *run) {
    for (int i = 0; i < c->example->n_inputs; i++) {
        if (memcmp(c->value[i], c->original[i], (size_t)c->n[i] * sizeof(real)) != 0) {
            return fail(c, "input %d is written to (%s run)", i, run);
        }
    }
    return true;
}

/* Gradients into c->analytic; parameters start from random gradients, which are taken off again. */
static bool run_backward(checked *c, ag_tape *t, run_kind run, ag_param *params, double *const *before) {
    ag_node *inputs[AG_MAX_INPUTS];
    senc_error err = {0};
    ag_node *out = build(c, t, run, params, inputs);
    if (!ag_tape_check(t, &err)) return fail(c, "%s", err.text);
    if (!check_forward(c, out, run.name)) return false;
    /* Not from out itself, whose value backward would keep: an op that needs its output and does not say so shall crash
     * here. */
    ag_tape_backward(t, ag_activation(t, out, KERN_NONE), c->projection);
    if (!ag_tape_check(t, &err)) return fail(c, "%s", err.text);
    for (int i = 0; i < c->example->n_inputs; i++) {
        if (i == run.constant) continue;
        if (!inputs[i]->grad) return fail(c, "no gradient reaches input %d (%s run)", i, run.name);
        for (int64_t j = 0; j < c->n[i]; j++) c->analytic[i][j] = (double)inputs[i]->grad[j] - before[i][j];
        if (!compare_input(c, run, i)) return false;
    }
    return check_inputs_untouched(c, run.name);
}

static bool check_run(checked *c, senc_rng *rng, run_kind run) {
    ag_param params[AG_MAX_INPUTS];
    double *before[AG_MAX_INPUTS] = {0};
    const int n_inputs = c->example->n_inputs;
    for (int i = 0; i < n_inputs; i++) {
        const int64_t *shape = c->example->shapes[i];
        params[i] = (ag_param){.name = (char[]){"parameter"}, .rows = shape[0], .cols = shape[1], .value = c->value[i]};
        params[i].grad = must_alloc(c->n[i], sizeof(real));
        before[i] = must_alloc(c->n[i], sizeof(double));
        for (int64_t j = 0; j < c->n[i] && run.kind == AS_PARAMETER; j++) {
            params[i].grad[j] = (real)(2 * senc_rng_uniform(rng) - 1);
            before[i][j] = (double)params[i].grad[j];
        }
    }
    ag_tape t;
    tape_init(&t, true);
    const bool ok = run_backward(c, &t, run, params, before);
    ag_tape_free(&t);
    for (int i = 0; i < n_inputs; i++) {
        free(params[i].grad);
        free(before[i]);
    }
    return ok;
}

static bool check_example(checked *c) {
    senc_rng rng;
    senc_rng_init(&rng, seed_of(c->name, c->example->name));
    checked_init(c, &rng);
    ag_tape t;
    tape_init(&t, false);
    bool ok = first_forward(c, &t, &rng) && find_numeric(c, &t);
    ag_tape_free(&t);
    ok = ok && check_run(c, &rng, (run_kind){"accumulate", AS_PARAMETER, -1});
    ok = ok && check_run(c, &rng, (run_kind){"overwrite", AS_INPUT, -1});
    for (int i = 0; i < c->example->n_inputs && c->example->n_inputs > 1; i++) {
        ok = ok && check_run(c, &rng, (run_kind){"one constant", AS_INPUT, i});
    }
    checked_free(c);
    return ok;
}

bool gradient_check(const char *name, const ag_example *examples, gradient_report *report) {
    *report = (gradient_report){0};
    if (!examples || !examples->build) {
        snprintf(report->text, sizeof report->text, "%s has no examples", name);
        report->worst = INFINITY;
        return false;
    }
    for (const ag_example *e = examples; e->build; e++) {
        checked c = {.name = name, .example = e, .report = report};
        if (!check_example(&c)) return false;
    }
    return true;
}

bool gradient_check_reaches(const ag_op *op, const ag_example *examples) {
    bool found = false;
    for (const ag_example *e = examples; e && e->build && !found; e++) {
        gradient_report report = {0};
        checked c = {.name = op->name, .example = e, .report = &report};
        senc_rng rng;
        senc_rng_init(&rng, 1);
        checked_init(&c, &rng);
        ag_tape t;
        ag_node *inputs[AG_MAX_INPUTS];
        tape_init(&t, false);
        build(&c, &t, (run_kind){"forward", AS_CONSTANT, -1}, NULL, inputs);
        for (const ag_node *node = t.last; node; node = node->previous) found |= node->op == op;
        ag_tape_free(&t);
        checked_free(&c);
    }
    return found;
}
