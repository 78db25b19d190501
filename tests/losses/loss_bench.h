/* What the loss tests share: options read as a config reads them, one step on a fresh tape, and its gradient. */
#ifndef LOSS_BENCH_H
#define LOSS_BENCH_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "losses/loss.h"

/* An option of a loss: {"margin", number} or {"distance", text} or {"symmetric", flag}; {0} ends a list. */
typedef struct bench_option {
    const char *key;
    senc_value_type type;
    double number;
    const char *text;
} bench_option;
#define BENCH_NUMBER(key, x)                                                                                           \
    { key, SENC_VALUE_FLOAT, x, NULL }
#define BENCH_TEXT(key, x)                                                                                             \
    { key, SENC_VALUE_STRING, 0, x }
#define BENCH_TRUE(key)                                                                                                \
    { key, SENC_VALUE_BOOLEAN, 1, NULL }

typedef struct bench_result {
    double loss;
    double *grad; /* (C*B, D) */
    int64_t n;
} bench_result;

static inline void bench_free(bench_result *r) {
    free(r->grad);
    *r = (bench_result){0};
}

/* The loss's options with these values set, else their defaults; released by bench_close. */
static inline void *bench_options(const loss_spec *spec, const bench_option *set) {
    const senc_place nowhere = {NULL, 0, 0};
    senc_value *table = senc_value_create(SENC_VALUE_TABLE, nowhere);
    for (int i = 0; set != NULL && set[i].key != NULL; i++) {
        senc_value *v = senc_value_create(set[i].type, nowhere);
        v->number = set[i].number;
        v->boolean = set[i].number != 0;
        if (set[i].text != NULL) {
            v->string = senc_strdup(set[i].text);
            v->n_bytes = strlen(set[i].text);
        }
        ck_assert(senc_value_put(table, set[i].key, nowhere, v));
    }
    void *options = senc_alloc_zero(spec->options_bytes, 1);
    senc_error err = {0};
    ck_assert_msg(senc_options_read(spec->options, options, table, "loss", NULL, NULL, &err), "%s", err.text);
    senc_value_free(table);
    return options;
}

static inline void bench_close(const loss_spec *spec, void *options) {
    senc_options_free(spec->options, options);
    free(options);
}

/* Loss and gradient of x (C*B, D), which may be NULL-graded; seeds backward with 1. */
static inline bench_result bench_run(const char *name, const bench_option *set, const loss_batch *batch, const real *x,
                                     int64_t d) {
    const loss_spec *spec = loss_find(name);
    ck_assert_ptr_nonnull(spec);
    void *options = bench_options(spec, set);
    senc_error err = {0};
    ag_tape tape;
    ck_assert(ag_tape_init(&tape, kern_reference(), true, 0, &err));
    const int64_t rows = batch->n_rows * batch->n_columns;
    real *copy = senc_alloc((size_t)(rows * d), sizeof(real));
    memcpy(copy, x, sizeof(real) * (size_t)(rows * d));
    ag_node *in = ag_input(&tape, copy, rows, d);
    ag_node *out = spec->build(&tape, in, batch, options);
    ck_assert_int_eq(out->rows * out->cols, 1);
    ck_assert_msg(ag_tape_check(&tape, &err), "%s", err.text);
    bench_result r = {.loss = (double)out->value[0], .n = rows * d};
    ag_tape_backward(&tape, out, NULL);
    r.grad = senc_alloc_zero((size_t)r.n, sizeof(double));
    for (int64_t i = 0; in->grad != NULL && i < r.n; i++) r.grad[i] = (double)in->grad[i];
    ag_tape_free(&tape);
    free(copy);
    bench_close(spec, options);
    return r;
}

static inline double bench_norm(const bench_result *r) {
    double sum = 0;
    for (int64_t i = 0; i < r->n; i++) sum += r->grad[i] * r->grad[i];
    return sqrt(sum);
}

/* Numbers that a Python line can make too: (((i*i*7 + i*k*3 + k) % 23) - 11) / 8. */
static inline void bench_fill(real *x, int64_t n, int64_t k) {
    for (int64_t i = 0; i < n; i++) x[i] = (real)((double)((i * i * 7 + i * k * 3 + k) % 23 - 11) / 8.0);
}

/* |a - b| <= tolerance, and false for NaN. */
static inline void bench_near(double got, double want, double tolerance, const char *what) {
    ck_assert_msg(fabs(got - want) <= tolerance, "%s: got %.9g, want %.9g", what, got, want);
}

#endif
