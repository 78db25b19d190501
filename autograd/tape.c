/* The tape: nodes, memory and the walk back. See tape.h. */
#include "autograd/tape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/finite.h"
#include "autograd/profile.h"
#include "autograd/switches.h"

bool ag_tape_init(ag_tape *t, const kern_table *kernels, bool gradients, int64_t limit_bytes, senc_error *err) {
    const ag_switches on = ag_switches_get();
    *t = (ag_tape){.kernels = kernels, .gradients = gradients, .owns_memory = true, .check_finite = on.check_finite};
    senc_arena_init(&t->arena, 0); /* nodes are small; saved statistics are held against the limit in ag_node_alloc */
    t->memory = senc_alloc_zero(1, sizeof *t->memory);
    if (!t->memory) return senc_fail_memory(err, sizeof *t->memory, "a tape");
    bool ok = ag_memory_init(t->memory, limit_bytes, err);
    if (ok && on.profile) {
        t->profile = ag_profile_create();
        ok = t->profile || senc_fail_memory(err, sizeof(ag_profile), "the profile");
    }
    if (!ok) ag_tape_free(t);
    return ok;
}

void ag_tape_init_beside(ag_tape *t, const ag_tape *first, bool gradients) {
    *t = (ag_tape){.kernels = first->kernels,
                   .memory = first->memory,
                   .gradients = gradients,
                   .fill_nan = first->fill_nan,
                   .check_finite = first->check_finite,
                   .profile = first->profile};
    senc_arena_init(&t->arena, 0);
}

void ag_tape_free(ag_tape *t) {
    if (t->memory && t->memory->base) ag_tape_reset(t);
    if (t->owns_memory) {
        free(t->profile);
        if (t->memory) ag_memory_free(t->memory);
        free(t->memory);
    }
    senc_arena_free(&t->arena);
    *t = (ag_tape){0};
}

static void give_value(ag_tape *t, ag_node *node);
static void give_grad(ag_tape *t, ag_node *node);

void ag_tape_reset(ag_tape *t) {
    ag_memory *m = t->memory;
    if (t->last && --m->n_tapes > 0) { /* others hold something: give back node by node */
        for (ag_node *node = t->last; node; node = node->previous) {
            give_grad(t, node);
            give_value(t, node);
        }
    }
    if (m->n_tapes == 0) ag_memory_reset(m);
    ag_memory_count_beside(m, -(int64_t)t->arena.used_bytes);
    senc_arena_reset(&t->arena);
    t->last = NULL;
    t->n_nodes = 0;
    t->failed = t->ran_backward = false;
    t->failed_bytes = 0;
    t->first_bad = NULL;
}

static void format_gib(char out[32], int64_t bytes) {
    const double gib = 1024.0 * 1024.0 * 1024.0, mib = 1024.0 * 1024.0;
    if ((double)bytes >= 0.1 * gib)
        snprintf(out, 32, "%.1f GiB", (double)bytes / gib);
    else
        snprintf(out, 32, "%.1f MiB", (double)bytes / mib);
}

bool ag_tape_check(const ag_tape *t, senc_error *err) {
    const char *what = t->gradients ? "a training step" : "a forward pass";
    if (t->failed && t->failed_bytes) {
        char limit[32], wanted[32];
        format_gib(limit, t->memory->reserved_bytes);
        format_gib(wanted, t->failed_bytes);
        return senc_fail(err, SENC_FAILED, "%s needs more than the memory %s (%s): no room for a further %s", what,
                         t->memory->limit_bytes ? "limit" : "that is free", limit, wanted);
    }
    if (t->failed) return senc_fail(err, SENC_FAILED, "out of memory in %s", what);
    if (t->first_bad) return ag_finite_report(t, err);
    return true;
}

int64_t ag_tape_peak_bytes(const ag_tape *t) {
    return t->memory->most_bytes;
}

double ag_tape_flops(const ag_tape *t) {
    return t->flops;
}

size_t ag_storage_bytes(kern_storage storage) {
    return storage == KERN_BF16 ? sizeof(kern_bf16) : sizeof(real);
}

const kern_table *ag_kernels(const ag_tape *t, const ag_node *node) {
    return node->storage == KERN_BF16 ? t->kernels->bf16 : t->kernels;
}

/* 0x7fff, over and over, is a NaN in every storage. */
static void fill_nan(void *p, int64_t bytes) {
    kern_bf16 *half = p;
    for (int64_t i = 0; i < bytes / (int64_t)sizeof *half; i++) half[i] = 0x7fff;
}

/* n numbers of the region; NULL and a failed tape when they do not fit beside what is there. */
static void *take_numbers(ag_tape *t, kern_storage storage, int64_t n) {
    if (t->failed) return NULL;
    int64_t bytes;
    if (__builtin_mul_overflow(n, (int64_t)ag_storage_bytes(storage), &bytes)) bytes = INT64_MAX;
    void *p = ag_memory_take(t->memory, bytes);
    if (!p) {
        t->failed = true;
        t->failed_bytes = bytes;
        return NULL;
    }
    if (t->fill_nan) fill_nan(p, bytes);
    return p;
}

static void give_numbers(ag_tape *t, kern_storage storage, void *p, int64_t n) {
    ag_memory_give(t->memory, p, n * (int64_t)ag_storage_bytes(storage));
}

/* Memory of the arena, counted against the limit. */
static void *take_beside(ag_tape *t, size_t bytes) {
    const size_t before = t->arena.used_bytes;
    void *p = senc_arena_alloc(&t->arena, bytes, 1);
    ag_memory_count_beside(t->memory, (int64_t)(t->arena.used_bytes - before));
    if (!p) t->failed = true;
    return p;
}

void *ag_node_alloc(ag_tape *t, size_t n, size_t size_bytes) {
    if (t->failed) return NULL;
    size_t bytes;
    if (__builtin_mul_overflow(n, size_bytes, &bytes) || bytes > INT64_MAX / 2) bytes = INT64_MAX / 2;
    if (!ag_memory_has_room(t->memory, (int64_t)bytes)) { /* before the heap is asked */
        t->failed = true;
        t->failed_bytes = (int64_t)bytes;
        return NULL;
    }
    return take_beside(t, bytes);
}

real *ag_scratch_take(ag_tape *t, int64_t n) {
    return take_numbers(t, KERN_REAL, n);
}

void ag_scratch_give(ag_tape *t, real *scratch, int64_t n) {
    if (scratch) give_numbers(t, KERN_REAL, scratch, n);
}

/* A node at the end of the tape; never NULL. */
static ag_node *append(ag_tape *t, const ag_op *op, int64_t rows, int64_t cols) {
    SENC_ASSERT(rows >= 0 && cols >= 0, "%lld x %lld", (long long)rows, (long long)cols);
    SENC_ASSERT(!t->ran_backward, "%s is built after backward and before a reset", op ? op->name : "a leaf");
    ag_node *node = take_beside(t, sizeof *node);
    if (!node) {
        t->spare = (ag_node){.op = op, .rows = rows, .cols = cols};
        return &t->spare;
    }
    *node = (ag_node){.op = op, .rows = rows, .cols = cols, .previous = t->last};
    if (!t->last) t->memory->n_tapes++;
    t->last = node;
    t->n_nodes++;
    return node;
}

static ag_node *append_op(ag_tape *t, const ag_op *op, int64_t rows, int64_t cols, ag_node *const *in, int n_in,
                          size_t attr_bytes) {
    SENC_ASSERT(n_in >= 0 && n_in <= AG_MAX_INPUTS, "%s has %d inputs", op->name, n_in);
    ag_node *node = append(t, op, rows, cols);
    if (t->failed) return node;
    node->n_in = n_in;
    for (int i = 0; i < n_in; i++) {
        node->in[i] = in[i];
        if (!in[i]) continue;
        SENC_ASSERT(!in[i]->consumed, "%s reads %s, which another op has overwritten", op->name, ag_node_name(in[i]));
        SENC_ASSERT(in[i]->value || in[i]->rows * in[i]->cols == 0, "%s reads %s, which was released", op->name,
                    ag_node_name(in[i]));
        SENC_ASSERT(in[i]->storage == KERN_REAL || op->reads_bf16, "%s cannot read %s, which is stored as bf16",
                    op->name, ag_node_name(in[i]));
        in[i]->n_uses++;
        in[i]->must_stay |= !op->restores_inputs;
        node->needs_grad |= t->gradients && in[i]->needs_grad;
    }
    if (attr_bytes) {
        node->attr = take_beside(t, attr_bytes);
        if (node->attr) memset(node->attr, 0, attr_bytes);
    }
    return node;
}

ag_node *ag_node_create_stored(ag_tape *t, const ag_op *op, kern_storage storage, int64_t rows, int64_t cols,
                               ag_node *const *in, int n_in, size_t attr_bytes) {
    SENC_ASSERT(storage == KERN_REAL || t->kernels->bf16, "%s: the kernels \"%s\" have no bf16", op->name,
                t->kernels->name);
    ag_node *node = append_op(t, op, rows, cols, in, n_in, attr_bytes);
    node->storage = storage;
    int64_t n;
    if (__builtin_mul_overflow(rows, cols, &n)) n = INT64_MAX;
    node->value = take_numbers(t, storage, n);
    node->owns_value = node->value;
    if (t->failed) node->attr = NULL;
    return node;
}

ag_node *ag_node_create(ag_tape *t, const ag_op *op, int64_t rows, int64_t cols, ag_node *const *in, int n_in,
                        size_t attr_bytes) {
    return ag_node_create_stored(t, op, op->keeps_storage ? in[0]->storage : KERN_REAL, rows, cols, in, n_in,
                                 attr_bytes);
}

ag_node *ag_view_create(ag_tape *t, const ag_op *op, ag_node *x, int64_t first, int64_t rows, size_t attr_bytes) {
    AG_CHECK(t, first >= 0 && rows >= 0 && first + rows <= x->rows, "rows %lld..%lld of %lld", (long long)first,
             (long long)(first + rows), (long long)x->rows);
    ag_node *node = append_op(t, op, rows, x->cols, &x, 1, attr_bytes);
    if (!t->failed)
        node->value = x->value + first * x->cols;
    else
        node->attr = NULL;
    return node;
}

void ag_consume(ag_tape *t, ag_node *x) {
    if (t->failed) return;
    SENC_ASSERT(x->op && x->owns_value, "%s does not own its storage (a leaf or a view)", ag_node_name(x));
    SENC_ASSERT(!x->op->backward_reads_output, "backward of %s still needs its output", ag_node_name(x));
    SENC_ASSERT(x->n_uses == 1, "%s has %d readers, so nobody may write over it", ag_node_name(x), x->n_uses);
    x->consumed = true;
}

ag_node *ag_run(ag_tape *t, ag_node *node) {
    if (t->failed) return node;
    const double start = t->profile ? ag_profile_clock_ms() : 0;
    node->op->forward(t, node);
    if (t->failed) return node;
    if (t->profile) ag_profile_add(t->profile, node, false, ag_profile_clock_ms() - start);
    if (node->op->flops) t->flops += node->op->flops(node);
    if (t->check_finite) ag_finite_check_value(t, node);
    return node;
}

ag_node *ag_constant(ag_tape *t, const real *data, int64_t rows, int64_t cols) {
    ag_node *node = append(t, NULL, rows, cols);
    node->value = t->failed ? NULL : (real *)data; /* no op writes to a leaf: ag_consume refuses it */
    return node;
}

ag_node *ag_input(ag_tape *t, real *data, int64_t rows, int64_t cols) {
    ag_node *node = ag_constant(t, data, rows, cols);
    node->needs_grad = t->gradients;
    return node;
}

ag_node *ag_param_node(ag_tape *t, ag_param *p) {
    ag_node *node = ag_constant(t, p->value, p->rows, p->cols);
    node->param = p;
    node->needs_grad = t->gradients && p->grad;
    return node;
}

kern_stored *ag_grad(ag_tape *t, ag_node *in, real *beta) {
    if (!in || !in->needs_grad || t->failed) return NULL;
    if (in->param) in->grad = in->param->grad;
    if (!in->grad) in->grad = take_numbers(t, in->storage, in->rows * in->cols);
    if (!in->grad) return NULL;
    *beta = in->param || in->grad_written ? 1 : 0;
    in->grad_written = true;
    return in->grad;
}

kern_stored *ag_grad_sum(ag_tape *t, ag_node *in) {
    real beta;
    kern_stored *grad = ag_grad(t, in, &beta);
    if (grad && beta == 0) memset(grad, 0, (size_t)(in->rows * in->cols) * ag_storage_bytes(in->storage));
    return grad;
}

void ag_grad_add(ag_tape *t, ag_node *in, real a, const real *d) {
    real beta;
    real *grad = ag_grad(t, in, &beta);
    if (!grad) return;
    SENC_ASSERT(in->storage == KERN_REAL, "%s is stored as bf16", ag_node_name(in));
    const int64_t n = in->rows * in->cols;
    if (beta != 0) {
        t->kernels->axpy(n, a, d, grad);
        return;
    }
    memcpy(grad, d, (size_t)n * sizeof *grad);
    if (a != 1) t->kernels->scale(n, a, grad);
}

static void give_value(ag_tape *t, ag_node *node) {
    if (!node->owns_value) return;
    give_numbers(t, node->storage, node->value, node->rows * node->cols);
    node->value = NULL;
    node->owns_value = false;
}

static void give_grad(ag_tape *t, ag_node *node) {
    if (node->grad && !node->param) give_numbers(t, node->storage, node->grad, node->rows * node->cols);
    node->grad = NULL;
}

void ag_release(ag_tape *t, ag_node *node) {
    if (t->failed || !node->owns_value) return;
    if (t->gradients) {
        if (!node->op->restore || node->must_stay || node->consumed) return;
        node->dropped = true;
    }
    give_value(t, node);
}

const kern_stored *ag_value_take(ag_tape *t, ag_node *in) {
    if (t->failed || !in->dropped || in->owns_value) return in->value;
    in->value = take_numbers(t, in->storage, in->rows * in->cols);
    if (!in->value) return NULL;
    in->owns_value = true;
    in->op->restore(t, in);
    return t->failed ? NULL : in->value;
}

void ag_value_give(ag_tape *t, ag_node *in) {
    if (in->dropped) give_value(t, in);
}

void ag_label(ag_node *node, const char *label) {
    node->label = label;
}

const char *ag_node_name(const ag_node *node) {
    if (node->label) return node->label;
    if (node->param) return node->param->name;
    return node->op ? node->op->name : "an input";
}

static void seed_output(ag_tape *t, ag_node *output, const real *seed) {
    const real one = 1;
    SENC_ASSERT(seed || output->rows * output->cols == 1, "backward of %s (%lld x %lld) needs a gradient",
                ag_node_name(output), (long long)output->rows, (long long)output->cols);
    ag_grad_add(t, output, 1, seed ? seed : &one);
}

static void run_backward(ag_tape *t, ag_node *node) {
    const double start = t->profile ? ag_profile_clock_ms() : 0;
    node->op->backward(t, node);
    if (t->failed) return;
    if (t->profile) ag_profile_add(t->profile, node, true, ag_profile_clock_ms() - start);
    if (node->op->flops) t->flops += 2 * node->op->flops(node);
    if (t->check_finite) ag_finite_check_grads(t, node);
}

/* Every reader of the node lies behind us on the walk, so nothing of it is needed any more. */
static void retire(ag_tape *t, ag_node *node, bool keep_value) {
    if (!node->op) return; /* an input's gradient is what the caller wants */
    give_grad(t, node);
    if (!keep_value) give_value(t, node);
}

void ag_tape_backward(ag_tape *t, ag_node *output, const real *seed) {
    if (t->failed) return;
    SENC_ASSERT(t->gradients, "backward of %s on an inference tape", ag_node_name(output));
    SENC_ASSERT(!t->ran_backward, "backward of %s runs a second time", ag_node_name(output));
    t->ran_backward = true;
    const ag_node *storage = output; /* a view's value lies in its input's */
    while (storage->op && !storage->owns_value) storage = storage->in[0];
    seed_output(t, output, seed);
    for (ag_node *node = t->last; node && !t->failed; node = node->previous) {
        const bool keep = node == storage;
        if (node->op && !keep && !node->op->backward_reads_output)
            give_value(t, node); /* room for its inputs' gradients */
        if (node->op && node->grad) run_backward(t, node);
        if (!t->failed) retire(t, node, keep);
    }
}
