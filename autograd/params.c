/* Parameters: see params.h. */
#include "autograd/params.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

#define ALIGN_NUMBERS 16 /* a cache line of floats: every parameter starts on one */

static bool append(ag_params *ps, ag_param *p) {
    ag_param **grown = senc_realloc(ps->items, (size_t)ps->n + 1, sizeof *grown);
    if (!grown) return false;
    ps->items = grown;
    ps->items[ps->n++] = p;
    return true;
}

ag_param *ag_params_declare(ag_params *ps, const char *name, int64_t rows, int64_t cols, bool is_vector, bool decay,
                            senc_error *err) {
    SENC_ASSERT(!ps->values, "parameter %s is declared after the blocks were taken", name);
    SENC_ASSERT(!ag_params_find(ps, name), "parameter %s is declared twice", name);
    int64_t size, end;
    if (rows < 1 || cols < 1 || __builtin_mul_overflow(rows, cols, &size) ||
        __builtin_add_overflow(ps->n_numbers, size, &end) || end > INT64_MAX / 64) {
        senc_fail(err, SENC_BAD_INPUT, "parameter %s: a shape of [%lld,%lld] is not possible", name, (long long)rows,
                  (long long)cols);
        return NULL;
    }
    ag_param *p = senc_alloc(1, sizeof *p);
    char *copy = senc_strdup(name);
    if (!p || !copy || !append(ps, p)) {
        free(p);
        free(copy);
        senc_fail_memory(err, sizeof *p, "a parameter");
        return NULL;
    }
    *p = (ag_param){
        .name = copy, .rows = rows, .cols = cols, .is_vector = is_vector, .decay = decay, .offset = ps->n_numbers};
    ps->n_numbers = (end + ALIGN_NUMBERS - 1) / ALIGN_NUMBERS * ALIGN_NUMBERS;
    return p;
}

static real *take_block(int64_t n, const char *what, senc_error *err) {
    real *block = senc_alloc_aligned((size_t)n, sizeof *block);
    if (block)
        senc_parallel_zero(block, (size_t)n * sizeof *block);
    else
        senc_fail_memory(err, (size_t)n * sizeof *block, what);
    return block;
}

void ag_params_borrow(ag_param *p, const real *value) {
    SENC_ASSERT(!p->value, "parameter %s has a value already", p->name);
    p->value = (real *)(uintptr_t)value; /* nobody writes to the parameters of inference */
}

static int64_t padded_size(const ag_param *p) {
    return (p->rows * p->cols + ALIGN_NUMBERS - 1) / ALIGN_NUMBERS * ALIGN_NUMBERS;
}

bool ag_params_alloc(ag_params *ps, bool gradients, senc_error *err) {
    SENC_ASSERT(!ps->values, "the blocks of %lld parameters are taken twice", (long long)ps->n);
    int64_t own = 0;
    for (int64_t i = 0; i < ps->n; i++) {
        SENC_ASSERT(!gradients || !ps->items[i]->value, "parameter %s is borrowed for training", ps->items[i]->name);
        if (!ps->items[i]->value) own += padded_size(ps->items[i]);
    }
    ps->values = take_block(own, "the parameters", err);
    if (!ps->values) return false;
    if (gradients) {
        ps->grads = take_block(ps->n_numbers, "the gradients of the parameters", err);
        if (!ps->grads) {
            free(ps->values);
            ps->values = NULL;
            return false;
        }
    }
    real *next = ps->values;
    for (int64_t i = 0; i < ps->n; i++) {
        ag_param *p = ps->items[i];
        p->grad = gradients ? ps->grads + p->offset : NULL;
        if (p->value) continue;
        p->value = next;
        next += padded_size(p);
    }
    return true;
}

ag_param *ag_params_find(const ag_params *ps, const char *name) {
    for (int64_t i = 0; i < ps->n; i++) {
        if (strcmp(ps->items[i]->name, name) == 0) return ps->items[i];
    }
    return NULL;
}

void ag_params_zero_grads(ag_params *ps) {
    if (ps->grads) senc_parallel_zero(ps->grads, (size_t)ps->n_numbers * sizeof *ps->grads);
}

void ag_params_free(ag_params *ps) {
    for (int64_t i = 0; i < ps->n; i++) {
        free(ps->items[i]->name);
        free(ps->items[i]->int8);
        free(ps->items[i]);
    }
    free(ps->items);
    free(ps->values);
    free(ps->grads);
    *ps = (ag_params){0};
}

int64_t ag_params_count(const ag_params *ps) {
    int64_t n = 0;
    for (int64_t i = 0; i < ps->n; i++) n += ps->items[i]->rows * ps->items[i]->cols;
    return n;
}
