/* The tape: memory of a step, failure, inference, resets, wrong use. */
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/ops/ops.h"

/* A small encoder: LAYERS blocks of linear (gelu) -> linear -> add_norm, D wide, F inside. */
enum { LAYERS = 6, D = 32, F = 128, N = 50, LIMIT = 16 << 20 };

typedef struct encoder {
    ag_params params;
    ag_param *up[LAYERS], *down[LAYERS], *gamma[LAYERS], *shift[LAYERS];
    real x[N * D], seed[N * D];
} encoder;

static encoder *encoder_create(void) {
    encoder *e = calloc(1, sizeof *e);
    senc_error err = {0};
    char name[64];
    for (int i = 0; i < LAYERS; i++) {
        snprintf(name, sizeof name, "%d.up", i);
        e->up[i] = ag_params_declare(&e->params, name, F, D, false, true, &err);
        snprintf(name, sizeof name, "%d.down", i);
        e->down[i] = ag_params_declare(&e->params, name, D, F, false, true, &err);
        snprintf(name, sizeof name, "%d.gamma", i);
        e->gamma[i] = ag_params_declare(&e->params, name, 1, D, true, false, &err);
        snprintf(name, sizeof name, "%d.shift", i);
        e->shift[i] = ag_params_declare(&e->params, name, 1, D, true, false, &err);
    }
    ck_assert(ag_params_alloc(&e->params, true, &err));
    senc_rng rng;
    senc_rng_init(&rng, 1);
    for (int64_t i = 0; i < e->params.n_numbers; i++) e->params.values[i] = (real)(0.2 * senc_rng_normal(&rng));
    for (int i = 0; i < N * D; i++) {
        e->x[i] = (real)senc_rng_normal(&rng);
        e->seed[i] = (real)senc_rng_normal(&rng);
    }
    return e;
}

static void encoder_free(encoder *e) {
    ag_params_free(&e->params);
    free(e);
}

/* Releases what the forward pass is through with, or nothing. */
static ag_node *encode_keeping(encoder *e, ag_tape *t, int64_t n, bool keep) {
    ag_node *h = ag_input(t, e->x, n, D);
    for (int i = 0; i < LAYERS; i++) {
        ag_node *up = ag_linear(t, h, ag_param_node(t, e->up[i]), NULL, KERN_NONE);
        ag_node *down = ag_linear(t, up, ag_param_node(t, e->down[i]), NULL, KERN_GELU);
        ag_label(up, "up");
        if (!keep) ag_release(t, up);
        ag_node *next = ag_add_norm(t, down, h, ag_param_node(t, e->gamma[i]), ag_param_node(t, e->shift[i]), 1e-12,
                                    (kern_dropout){.p = 0.1, .key = (uint64_t)i});
        if (!keep) ag_release(t, h);
        h = next;
    }
    return h;
}

static ag_node *encode(encoder *e, ag_tape *t, int64_t n) {
    return encode_keeping(e, t, n, false);
}

static ag_tape open_tape(bool gradients, int64_t limit_bytes) {
    ag_tape t;
    senc_error err = {0};
    ck_assert_msg(ag_tape_init(&t, kern_reference(), gradients, limit_bytes, &err), "%s", err.text);
    return t;
}

static void step(encoder *e, ag_tape *t, int64_t n) {
    senc_error err = {0};
    ag_tape_reset(t);
    ag_tape_backward(t, encode(e, t, n), e->seed);
    ck_assert_msg(ag_tape_check(t, &err), "%s", err.text);
}

/* Values of one layer: up (F), down (D, which becomes the sum); add_norm's (D) are restored in backward, but for the
 * last, which nobody releases. Gradients live in what backward frees, so the whole step needs little more than the
 * activations: the gradients at the last layer, and the input's. */
START_TEST(backward_lives_in_recycled_memory) {
    encoder *e = encoder_create();
    ag_tape t = open_tape(true, LIMIT);
    encode(e, &t, N);
    const int64_t after_forward = t.memory->peak_bytes;
    ck_assert_int_eq(after_forward, (LAYERS * N * (F + D) + 2 * N * D) * (int64_t)sizeof(real));
    step(e, &t, N);
    const int64_t transient = N * (F + 4 * D) * (int64_t)sizeof(real);
    ck_assert_int_le(t.memory->peak_bytes, after_forward + transient);
    ag_tape_free(&t);
    encoder_free(e);
}
END_TEST

/* What is dropped and computed again gives the same gradients, in less memory. */
START_TEST(restored_values_are_the_dropped_ones) {
    encoder *e = encoder_create();
    ag_tape kept = open_tape(true, LIMIT), t = open_tape(true, LIMIT);
    t.fill_nan = true;
    const size_t bytes = (size_t)e->params.n_numbers * sizeof(real);
    real *want = malloc(bytes);
    ag_tape_backward(&kept, encode_keeping(e, &kept, N, true), e->seed);
    memcpy(want, e->params.grads, bytes);
    ag_params_zero_grads(&e->params);
    step(e, &t, N);
    ck_assert_mem_eq(e->params.grads, want, bytes);
    ck_assert_int_eq(kept.memory->peak_bytes - t.memory->peak_bytes,
                     (LAYERS - 1) * N * D * (int64_t)sizeof(real)); /* all but the last */
    free(want);
    ag_tape_free(&kept);
    ag_tape_free(&t);
    encoder_free(e);
}
END_TEST

/* Every op that can restore its value does: to the bit what forward gave. */
START_TEST(every_restore_gives_what_forward_gave) {
    int n_ops, n_tried = 0;
    const ag_op *const *ops = ag_ops_all(&n_ops);
    for (int i = 0; i < n_ops; i++) {
        for (const ag_example *example = ops[i]->examples; ops[i]->restore && example->name; example++) {
            ag_tape t = open_tape(true, LIMIT);
            t.fill_nan = true;
            ck_assert(!ops[i]->backward_reads_output);
            ag_node *in[AG_MAX_INPUTS];
            real *data[AG_MAX_INPUTS];
            senc_rng rng;
            senc_rng_init(&rng, 5);
            for (int k = 0; k < example->n_inputs; k++) {
                const int64_t rows = example->shapes[k][0], cols = example->shapes[k][1];
                data[k] = malloc((size_t)(rows * cols) * sizeof(real));
                for (int64_t j = 0; j < rows * cols; j++) data[k][j] = (real)senc_rng_normal(&rng);
                in[k] = ag_input(&t, data[k], rows, cols);
            }
            ag_node *y = example->build(&t, in);
            if (y->op == ops[i]) { /* dropout with p = 0 is no op */
                const size_t bytes = (size_t)(y->rows * y->cols) * sizeof(real);
                real *want = malloc(bytes);
                memcpy(want, y->value, bytes);
                ag_release(&t, y);
                ck_assert_ptr_null(y->value);
                const int64_t top = t.memory->top;
                for (int again = 0; again < 2; again++) {
                    const real *value = ag_value_take(&t, y);
                    ck_assert_ptr_nonnull(value);
                    ck_assert_mem_eq(value, want, bytes);
                    ag_value_give(&t, y);
                    ck_assert_ptr_null(y->value);
                    ck_assert_int_eq(t.memory->top, top);
                }
                free(want);
                n_tried++;
            }
            for (int k = 0; k < example->n_inputs; k++) free(data[k]);
            ag_tape_free(&t);
        }
    }
    ck_assert_int_ge(n_tried, 10);
}
END_TEST

/* A value that a reader's backward wants as it is stays, and so does one that add_norm has written over. */
START_TEST(release_keeps_what_must_stay) {
    ag_tape t = open_tape(true, LIMIT);
    real data[4] = {1, 2, 3, 4};
    ag_node *x = ag_input(&t, data, 2, 2), *v = ag_constant(&t, data, 1, 2);
    ag_node *norm = ag_layer_norm(&t, x, v, v, 1e-5);
    ag_activation(&t, norm, KERN_GELU); /* its backward reads norm */
    ag_release(&t, norm);
    ck_assert_ptr_nonnull(norm->value);
    ag_node *branch = ag_layer_norm(&t, x, v, v, 1e-5);
    ag_add_norm(&t, branch, x, v, v, 1e-5, (kern_dropout){0});
    ag_release(&t, branch);
    ck_assert_ptr_nonnull(branch->value);
    ag_tape_free(&t);
}
END_TEST

/* Two tapes in one memory: each ends without touching what the other holds, in any order; the limit is common. */
START_TEST(tapes_beside_one_another) {
    encoder *e = encoder_create();
    const size_t bytes = (size_t)e->params.n_numbers * sizeof(real);
    real *want = malloc(bytes);
    ag_tape alone = open_tape(true, LIMIT);
    step(e, &alone, N);
    step(e, &alone, N - 9);
    memcpy(want, e->params.grads, bytes);
    for (int order = 0; order < 2; order++) {
        ag_tape first = open_tape(true, LIMIT), second;
        first.fill_nan = true;
        ag_tape_init_beside(&second, &first, true);
        for (int round = 0; round < 3; round++) {
            ag_params_zero_grads(&e->params);
            ag_node *a = encode(e, &first, N), *b = encode(e, &second, N - 9);
            ck_assert_int_eq(first.memory->n_tapes, 2);
            ag_tape_backward(&first, a, e->seed);
            if (order == 0) ag_tape_reset(&first);
            ag_tape_backward(&second, b, e->seed);
            ck_assert(ag_tape_check(&first, NULL) && ag_tape_check(&second, NULL));
            ck_assert_mem_eq(e->params.grads, want, bytes);
            ag_tape_reset(&second);
            if (order == 1) ag_tape_reset(&first);
            ck_assert_int_eq(first.memory->n_tapes, 0);
            ck_assert_int_eq(first.memory->top, 0);
            ck_assert_int_eq(first.memory->beside_bytes, 0);
        }
        ck_assert_int_eq(ag_tape_peak_bytes(&first), ag_tape_peak_bytes(&second));
        ag_memory_trim(first.memory);
        ag_tape_backward(&second, encode(e, &second, N), e->seed); /* goes on after a trim */
        ck_assert(ag_tape_check(&second, NULL));
        ag_tape_free(&second);
        ag_tape_free(&first);
    }
    /* One graph fits, two do not; the second says so, the first is whole, and with its end there is room again. */
    const int64_t one = ag_tape_peak_bytes(&alone);
    ag_tape first = open_tape(true, one + one / 4), second;
    ag_tape_init_beside(&second, &first, true);
    ag_node *a = encode(e, &first, N);
    encode(e, &second, N);
    senc_error err = {0};
    ck_assert(!ag_tape_check(&second, &err));
    ck_assert_msg(strstr(err.text, "memory limit"), "%s", err.text);
    ag_tape_reset(&second);
    ag_tape_backward(&first, a, e->seed);
    ck_assert(ag_tape_check(&first, NULL));
    ag_tape_reset(&first);
    ag_tape_backward(&second, encode(e, &second, N), e->seed);
    ck_assert(ag_tape_check(&second, NULL));
    ag_tape_free(&second);
    ag_tape_free(&first);
    ag_tape_free(&alone);
    free(want);
    encoder_free(e);
}
END_TEST

/* x (512) -> a (512) -> b (64) -> c (8): the gradient of x moves in where a was. */
START_TEST(gradients_move_in_where_values_were) {
    enum { ROWS = 8 };
    ag_tape t = open_tape(true, LIMIT);
    real *x = calloc(ROWS * 512, sizeof *x), *w = calloc(512 * 64, sizeof *w);
    ag_node *nx = ag_input(&t, x, ROWS, 512);
    ag_node *a = ag_activation(&t, nx, KERN_TANH);
    ag_node *b = ag_linear(&t, a, ag_constant(&t, w, 64, 512), NULL, KERN_NONE);
    ag_node *c = ag_linear(&t, b, ag_constant(&t, w, 8, 64), NULL, KERN_NONE);
    const real *was_a = a->value;
    ag_tape_backward(&t, c, x);
    ck_assert_ptr_eq(nx->grad, was_a);
    ck_assert_int_le(t.memory->peak_bytes, ROWS * (512 + 64 + 8 + 512 + 64 + 8) * (int64_t)sizeof(real));
    free(x);
    free(w);
    ag_tape_free(&t);
}
END_TEST

START_TEST(statistics_count_against_the_limit) {
    static real x[1];
    ag_tape t = open_tape(true, 1 << 20);
    ck_assert_ptr_nonnull(ag_node_alloc(&t, 600, 1024));
    ck_assert_ptr_null(ag_node_alloc(&t, 600, 1024));
    ck_assert(t.failed);
    ag_tape_reset(&t);
    ck_assert_ptr_nonnull(ag_node_alloc(&t, 600, 1024));
    ag_node *view = ag_constant(&t, x, 1, 1);
    ck_assert_ptr_null(ag_node_create(&t, &ag_op_add, 600, 256, (ag_node *[]){view, view}, 2, 8)->value);
    ck_assert(!ag_tape_check(&t, NULL));
    ag_tape_reset(&t);
    ck_assert_ptr_null(ag_node_alloc(&t, SIZE_MAX / 2, 4));
    ag_tape_free(&t);
}
END_TEST

START_TEST(later_steps_allocate_nothing) {
    encoder *e = encoder_create();
    ag_tape t = open_tape(true, LIMIT);
    step(e, &t, N);
    const int64_t peak = ag_tape_peak_bytes(&t);
    senc_alloc_fail_at(1); /* any allocation from here on fails, and with it the tape */
    for (int i = 0; i < 3; i++) step(e, &t, N - i);
    senc_alloc_fail_at(0);
    ck_assert_int_eq(ag_tape_peak_bytes(&t), peak);
    ag_tape_free(&t);
    encoder_free(e);
}
END_TEST

START_TEST(steps_are_deterministic) {
    encoder *e = encoder_create();
    ag_tape t = open_tape(true, LIMIT), fresh = open_tape(true, LIMIT);
    const size_t bytes = (size_t)e->params.n_numbers * sizeof(real);
    real *first = malloc(bytes);
    step(e, &t, N);
    memcpy(first, e->params.grads, bytes);
    ag_params_zero_grads(&e->params);
    step(e, &t, N - 7);
    ag_params_zero_grads(&e->params);
    step(e, &t, N);
    ck_assert_mem_eq(first, e->params.grads, bytes);
    fresh.fill_nan = true; /* nothing depends on what was in the memory */
    ag_params_zero_grads(&e->params);
    step(e, &fresh, N);
    ck_assert_mem_eq(first, e->params.grads, bytes);
    step(e, &fresh, N); /* accumulates */
    double most = 0;
    for (int64_t i = 0; i < e->params.n_numbers; i++) {
        ck_assert(e->params.grads[i] == 2 * first[i]);
        if ((double)first[i] > most) most = (double)first[i];
    }
    ck_assert(most > 0);
    free(first);
    ag_tape_free(&t);
    ag_tape_free(&fresh);
    encoder_free(e);
}
END_TEST

START_TEST(inference_needs_a_few_buffers) {
    encoder *e = encoder_create();
    ag_tape t = open_tape(false, LIMIT), training = open_tape(true, LIMIT);
    const ag_node *y = encode(e, &t, N), *same = encode(e, &training, N);
    ck_assert_mem_eq(y->value, same->value, N * D * sizeof(real));
    ck_assert_int_le(t.memory->peak_bytes, N * (F + 3 * D) * (int64_t)sizeof(real));
    ag_tape_free(&t);
    ag_tape_free(&training);
    encoder_free(e);
}
END_TEST

START_TEST(past_the_limit_the_tape_fails_once_and_recovers) {
    encoder *e = encoder_create();
    const int64_t forward_bytes = (LAYERS * N * (F + D) + 2 * N * D) * (int64_t)sizeof(real);
    for (int64_t limit = 4096; limit < forward_bytes + 100000;
         limit += 9001) { /* fails everywhere: forward, statistics, backward */
        ag_tape t = open_tape(true, limit);
        ag_node *y = encode(e, &t, N);
        ck_assert_ptr_nonnull(y);
        ck_assert_int_eq(y->rows, N);
        ag_tape_backward(&t, y, e->seed);
        senc_error err = {0};
        if (limit < forward_bytes) {
            ck_assert(!ag_tape_check(&t, &err));
            ck_assert_int_eq(err.kind, SENC_FAILED);
            ck_assert_msg(strstr(err.text, "a training step needs more than the memory limit (") == err.text, "%s",
                          err.text);
        }
        ck_assert_int_le(t.memory->top, limit);
        ag_tape_reset(&t);
        ck_assert(ag_tape_check(&t, NULL));
        const real one = 1;
        ck_assert_ptr_nonnull(ag_activation(&t, ag_constant(&t, &one, 1, 1), KERN_TANH)->value);
        ag_tape_free(&t);
    }
    encoder_free(e);
}
END_TEST

START_TEST(the_message_names_the_limit) {
    static real x[1];
    ag_tape t = open_tape(true, INT64_C(4) << 30);
    ag_node *a = ag_rows(&t, ag_constant(&t, x, 1, 1), 0, 1);
    ag_node *big =
        ag_node_create(&t, &ag_op_add, INT64_C(1) << 20, 2048, (ag_node *[]){a, a}, 2, 8); /* 8 GiB of floats */
    ck_assert_ptr_null(big->value);
    ck_assert_ptr_null(big->attr);
    senc_error err = {0};
    ck_assert(!ag_tape_check(&t, &err));
    ck_assert_str_eq(err.text,
                     "a training step needs more than the memory limit (4.0 GiB): no room for a further 8.0 GiB");
    ag_tape_free(&t);
}
END_TEST

/* The n-th heap allocation of a tape's first step fails: the arena's block (1, 2) is missed, the list of free pieces
 * (3) is not. */
START_TEST(every_allocation_may_fail) {
    encoder *e = encoder_create();
    for (int n = 1; n <= 6; n++) {
        ag_tape t = open_tape(true, LIMIT);
        senc_error err = {0};
        senc_alloc_fail_at(n);
        ag_node *y = encode(e, &t, N);
        ag_tape_backward(&t, y, e->seed);
        senc_alloc_fail_at(0);
        ck_assert_ptr_nonnull(y);
        ck_assert_int_eq(ag_tape_check(&t, &err), n > 2);
        if (n <= 2) ck_assert_str_eq(err.text, "out of memory in a training step");
        ag_tape_free(&t);
    }
    encoder_free(e);
}
END_TEST

START_TEST(first_non_finite_tensor_is_found) {
    encoder *e = encoder_create();
    ag_tape t = open_tape(true, LIMIT);
    encode(e, &t, N);
    ck_assert_ptr_null(ag_tape_find_non_finite(&t));
    ag_tape_reset(&t);
    e->x[5] = 1e30F; /* overflows in the product after the first */
    e->up[0]->value[5] = 1e30F;
    encode(e, &t, N);
    const ag_node *bad = ag_tape_find_non_finite(&t);
    ck_assert_ptr_nonnull(bad);
    ck_assert_str_eq(ag_node_name(bad), "up");
    ag_tape_reset(&t);
    e->down[2]->value[7] = (real)NAN;
    e->x[5] = 1;
    encode(e, &t, N);
    ck_assert_str_eq(ag_node_name(ag_tape_find_non_finite(&t)), "2.down");
    ag_tape_free(&t);
    encoder_free(e);
}
END_TEST

START_TEST(check_finite_names_the_place) {
    setenv("SENC_CHECK_FINITE", "1", 1);
    ag_tape t = open_tape(true, LIMIT);
    unsetenv("SENC_CHECK_FINITE");
    real x[] = {1, 2, 3, 4, (real)INFINITY, 6};
    ag_node *nx = ag_input(&t, x, 3, 2);
    ag_node *y = ag_activation(&t, nx, KERN_RELU);
    ag_label(y, "layer 4 attention");
    ag_activation(&t, y, KERN_RELU);
    senc_error err = {0};
    ck_assert(!ag_tape_check(&t, &err));
    ck_assert_str_eq(err.text,
                     "first non-finite tensor: layer 4 attention (activation, 3 x 2): inf at row 2, column 0");
    ag_tape_reset(&t);
    ck_assert(ag_tape_check(&t, &err));
    x[4] = 5;
    const real seed[] = {1, 1, 1, (real)NAN, 1, 1};
    ag_tape_backward(&t, ag_activation(&t, ag_input(&t, x, 3, 2), KERN_RELU), seed);
    err = (senc_error){0};
    ck_assert(!ag_tape_check(&t, &err));
    ck_assert_str_eq(err.text, "first non-finite tensor: gradient of an input (leaf, 3 x 2): nan at row 1, column 1");
    ag_tape_free(&t);
}
END_TEST

START_TEST(no_gradient_where_none_is_needed) {
    encoder *e = encoder_create();
    ag_tape t = open_tape(true, LIMIT);
    real w[D * D] = {0};
    ag_node *x = ag_constant(&t, e->x, N, D), *unused = ag_input(&t, e->x, N, D);
    ag_node *y = ag_linear(&t, x, ag_constant(&t, w, D, D), NULL, KERN_NONE);
    ck_assert(!y->needs_grad);
    ag_tape_backward(&t, y, e->seed);
    ck_assert_ptr_null(x->grad);
    ck_assert_ptr_null(unused->grad);
    ag_tape_free(&t);
    encoder_free(e);
}
END_TEST

START_TEST(scalar_output_needs_no_seed) {
    ag_tape t = open_tape(true, LIMIT);
    real x = 2;
    ag_node *nx = ag_input(&t, &x, 1, 1);
    ag_tape_backward(&t, ag_add(&t, nx, 3, nx, 4), NULL);
    ck_assert(nx->grad[0] == 7);
    ag_tape_free(&t);
}
END_TEST

START_TEST(flops_are_counted) {
    encoder *e = encoder_create();
    ag_tape t = open_tape(true, LIMIT);
    ag_node *y = ag_linear(&t, ag_constant(&t, e->x, N, D), ag_param_node(&t, e->up[0]), NULL, KERN_NONE);
    ck_assert(ag_tape_flops(&t) == 2.0 * N * D * F);
    real *dy = calloc(N * F, sizeof *dy);
    ag_tape_backward(&t, y, dy);
    ck_assert(ag_tape_flops(&t) == 6.0 * N * D * F);
    free(dy);
    ag_tape_free(&t);
    encoder_free(e);
}
END_TEST

/* Wrong uses abort. */
static void wrong_use(int which) {
    ag_tape t = open_tape(true, LIMIT);
    real data[4] = {1, 2, 3, 4};
    ag_node *x = ag_input(&t, data, 2, 2), *v = ag_constant(&t, data, 1, 2);
    ag_node *branch = ag_add(&t, x, 1, x, 1);
    const kern_dropout none = {0};
    switch (which) {
    case 0:
        ag_add_norm(&t, x, branch, v, v, 0, none);
        break; /* a leaf */
    case 1:
        ag_add_norm(&t, ag_rows(&t, branch, 0, 2), x, v, v, 0, none);
        break; /* a view */
    case 2:
        ag_add_norm(&t, ag_normalize(&t, x), x, v, v, 0, none);
        break; /* backward reads it */
    case 3:
        ag_activation(&t, branch, KERN_TANH), ag_add_norm(&t, branch, x, v, v, 0, none);
        break; /* another reader */
    case 4:
        ag_add_norm(&t, branch, x, v, v, 0, none), ag_activation(&t, branch, KERN_TANH);
        break; /* a later reader */
    case 5:
        ag_add_norm(&t, branch, branch, v, v, 0, none);
        break;
    case 6:
        ag_tape_backward(&t, branch, data), ag_tape_backward(&t, branch, data);
        break;
    case 7:
        ag_tape_backward(&t, branch, NULL);
        break; /* not a scalar */
    case 8:
        ag_linear(&t, x, ag_constant(&t, data, 1, 3), NULL, KERN_NONE);
        break;
    case 9:
        ag_tape_backward(&t, branch, data), ag_add(&t, x, 1, x, 1);
        break; /* building goes on after backward */
    default:
        break;
    }
}
enum { WRONG_USES = 10 };

START_TEST(wrong_use_aborts) {
    freopen("/dev/null", "w", stderr); /* the messages are meant for a programmer */
    wrong_use(_i);
}
END_TEST

START_TEST(released_twice_is_fine_and_read_after_release_aborts) {
    ag_tape t = open_tape(false, LIMIT);
    real data[4] = {1, 2, 3, 4};
    ag_node *y = ag_activation(&t, ag_constant(&t, data, 2, 2), KERN_TANH);
    ag_release(&t, y);
    ag_release(&t, y);
    ck_assert_int_eq(t.memory->top, 0);
    freopen("/dev/null", "w", stderr);
    ag_activation(&t, y, KERN_TANH);
}
END_TEST

int main(void) {
    Suite *s = suite_create("tape");
    TCase *tc = tcase_create("tape");
    tcase_add_test(tc, backward_lives_in_recycled_memory);
    tcase_add_test(tc, restored_values_are_the_dropped_ones);
    tcase_add_test(tc, every_restore_gives_what_forward_gave);
    tcase_add_test(tc, release_keeps_what_must_stay);
    tcase_add_test(tc, tapes_beside_one_another);
    tcase_add_test(tc, gradients_move_in_where_values_were);
    tcase_add_test(tc, statistics_count_against_the_limit);
    tcase_add_test(tc, later_steps_allocate_nothing);
    tcase_add_test(tc, steps_are_deterministic);
    tcase_add_test(tc, inference_needs_a_few_buffers);
    tcase_add_test(tc, past_the_limit_the_tape_fails_once_and_recovers);
    tcase_add_test(tc, the_message_names_the_limit);
    tcase_add_test(tc, every_allocation_may_fail);
    tcase_add_test(tc, first_non_finite_tensor_is_found);
    tcase_add_test(tc, check_finite_names_the_place);
    tcase_add_test(tc, no_gradient_where_none_is_needed);
    tcase_add_test(tc, scalar_output_needs_no_seed);
    tcase_add_test(tc, flops_are_counted);
    tcase_add_loop_test_raise_signal(tc, wrong_use_aborts, SIGABRT, 0, WRONG_USES);
    tcase_add_test_raise_signal(tc, released_twice_is_fine_and_read_after_release_aborts, SIGABRT);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
