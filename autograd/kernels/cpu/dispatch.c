/* Chooses the table of kernels once: see kern_best in kernels.h. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/cpu.h"
#include "autograd/base/log.h"
#include "autograd/kernels/kernels.h"

/* From simd/, compiled once per instruction set. They replace the entries of a copy of the reference table. */
void kern_fill_generic(kern_table *table);
#if defined(__x86_64__)
void kern_fill_avx2(kern_table *table);
void kern_fill_avx512(kern_table *table);
/* The vectors of AVX-512 in AVX2 instructions: slow and never chosen by itself, it lets any machine test what others run. */
void kern_fill_wide(kern_table *table);
#endif

#define MOST_TABLES 5

static kern_table filled[MOST_TABLES];
static const kern_table *all[MOST_TABLES];
static int n_all;
static const kern_table *best;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void add(const char *name, void (*fill)(kern_table *)) {
    kern_table *table = &filled[n_all];
    *table = *kern_reference();
    if (fill) fill(table);
    table->name = name;
    all[n_all++] = table;
}

static void choose(void) {
    add("ref", NULL);
    add("generic", kern_fill_generic);
    best = all[1];
#if defined(__x86_64__)
    const senc_cpu *cpu = senc_cpu_get();
    if (cpu->avx2) {
        add("wide", kern_fill_wide);
        add("avx2", kern_fill_avx2);
        best = all[n_all - 1];
    }
    if (cpu->avx512) {
        add("avx512", kern_fill_avx512);
        best = all[n_all - 1];
    }
#endif
    const char *wanted = getenv("SENC_KERNELS");
    if (!wanted || !wanted[0]) return;
    for (int i = 0; i < n_all; i++) {
        if (strcmp(all[i]->name, wanted) == 0) {
            best = all[i];
            return;
        }
    }
    senc_warn("SENC_KERNELS: expected ref, generic, avx2 or avx512 as far as this CPU has them, got \"%s\"; using %s",
              wanted, best->name);
}

const kern_table *kern_best(void) {
    pthread_once(&once, choose);
    return best;
}

const kern_table *const *kern_all(int *n) {
    pthread_once(&once, choose);
    *n = n_all;
    return all;
}

const char *kern_product_backend(void) {
    return "built-in";
}
