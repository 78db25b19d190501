/* Chooses the table of kernels once: see kern_best in kernels.h. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/cpu.h"
#include "autograd/base/log.h"
#include "autograd/kernels/cpu/onednn.h"
#include "autograd/kernels/cpu/openblas.h"
#include "autograd/kernels/kernels.h"

/* From simd/, compiled once per instruction set. They replace the entries of a copy of the reference table. */
void kern_fill_generic(kern_table *table);
void kern_fill_generic_bf16(kern_table *table);
#if defined(__x86_64__)
void kern_fill_avx2(kern_table *table);
void kern_fill_avx2_bf16(kern_table *table);
void kern_fill_avx512(kern_table *table);
void kern_fill_avx512_bf16(kern_table *table);
void kern_fill_avx512bf16_bf16(kern_table *table); /* products of pairs of bf16 (AVX512-BF16) */
/* Only the products of int8, with VNNI; avx512vnni_bf16 needs AVX512-BF16 too. */
void kern_fill_int8_avx2vnni(kern_table *table);
void kern_fill_int8_avx512vnni(kern_table *table);
void kern_fill_int8_avx512vnni_bf16(kern_table *table);
/* The vectors of AVX-512 in AVX2 instructions: slow and never chosen by itself, it lets any machine test what others
 * run. */
void kern_fill_wide(kern_table *table);
void kern_fill_wide_bf16(kern_table *table);
#endif

#define MOST_TABLES 6

static kern_table filled[MOST_TABLES], filled_bf16[MOST_TABLES];
static const kern_table *all[MOST_TABLES]; /* the reference first, the best last */
static int n_all;
static const kern_table *best;
static pthread_once_t tables_once = PTHREAD_ONCE_INIT, choice_once = PTHREAD_ONCE_INIT,
                      openblas_once = PTHREAD_ONCE_INIT, onednn_once = PTHREAD_ONCE_INIT;

static kern_table openblas_table, onednn_table, onednn_bf16_table;
static bool has_openblas, has_onednn;

/* fill_bf16 replaces the entries that read or write activations in a copy of the finished table. */
static void add(const char *name, void (*fill)(kern_table *), void (*fill_bf16)(kern_table *)) {
    kern_table *table = &filled[n_all];
    *table = *kern_reference();
    if (fill) fill(table);
    table->name = name;
    if (fill_bf16) {
        kern_table *bf16 = &filled_bf16[n_all];
        *bf16 = *table;
        fill_bf16(bf16);
        bf16->storage = KERN_BF16;
        table->bf16 = bf16;
    }
    all[n_all++] = table;
}

#if defined(__x86_64__)
static void fill_avx2(kern_table *table) {
    kern_fill_avx2(table);
    if (senc_cpu_get()->avx_vnni) kern_fill_int8_avx2vnni(table);
}

static void fill_avx512(kern_table *table) {
    kern_fill_avx512(table);
    if (senc_cpu_get()->avx512_vnni) kern_fill_int8_avx512vnni(table);
}

static void fill_avx512_bf16(kern_table *table) {
    if (!senc_cpu_get()->avx512_bf16) {
        kern_fill_avx512_bf16(table);
        return;
    }
    kern_fill_avx512bf16_bf16(table);
    if (senc_cpu_get()->avx512_vnni) kern_fill_int8_avx512vnni_bf16(table);
}
#endif

static void fill_tables(void) {
    add("ref", NULL, NULL);
    add("generic", kern_fill_generic, kern_fill_generic_bf16);
#if defined(__x86_64__)
    if (senc_cpu_get()->avx2) {
        add("wide", kern_fill_wide, kern_fill_wide_bf16);
        add("avx2", fill_avx2, kern_fill_avx2_bf16);
    }
    if (senc_cpu_get()->avx512) add("avx512", fill_avx512, fill_avx512_bf16);
#endif
}

/* The best table with the products of OpenBLAS. */
static void load_openblas(void) {
    pthread_once(&tables_once, fill_tables);
    openblas_table = *all[n_all - 1];
    openblas_table.name = "openblas";
    has_openblas = kern_fill_openblas(&openblas_table);
}

/* The best table with the products of oneDNN, in both storages. */
static void load_onednn(void) {
    pthread_once(&tables_once, fill_tables);
    onednn_table = *all[n_all - 1];
    onednn_table.name = "onednn";
    if (onednn_table.bf16) {
        onednn_bf16_table = *onednn_table.bf16;
        onednn_bf16_table.name = "onednn";
        onednn_table.bf16 = &onednn_bf16_table;
    }
    has_onednn = kern_fill_onednn(&onednn_table, onednn_table.bf16 ? &onednn_bf16_table : NULL);
}

static const kern_table *find_table(const char *name) {
    if (strcmp(name, "onednn") == 0) {
        pthread_once(&onednn_once, load_onednn);
        return has_onednn ? &onednn_table : NULL;
    }
    if (strcmp(name, "openblas") == 0) {
        pthread_once(&openblas_once, load_openblas);
        return has_openblas ? &openblas_table : NULL;
    }
    for (int i = 0; i < n_all; i++) {
        if (strcmp(all[i]->name, name) == 0) return all[i];
    }
    return NULL;
}

/* Our own products are faster than OpenBLAS where they have wide vectors; elsewhere OpenBLAS knows the machine. */
static const kern_table *default_table(void) {
    const kern_table *table = all[n_all - 1];
    if (strcmp(table->name, "generic") != 0) return table;
    const kern_table *openblas = find_table("openblas");
    if (openblas) return openblas;
    senc_warn("libopenblas.so.0 cannot be loaded; the built-in matrix products are slower on this CPU");
    return table;
}

static void choose(void) {
    pthread_once(&tables_once, fill_tables);
    const char *wanted = getenv("SENC_KERNELS");
    best = wanted && wanted[0] ? find_table(wanted) : default_table();
    if (best) return;
    best = default_table();
    senc_warn(
        "SENC_KERNELS: expected ref, generic, avx2, avx512, openblas or onednn as far as this machine has them, got "
        "\"%s\"; using %s",
        wanted, best->name);
}

const kern_table *kern_best(void) {
    pthread_once(&choice_once, choose);
    return best;
}

bool kern_bf16_is_fast(void) {
    return senc_cpu_get()->avx512_bf16;
}

bool kern_int8_is_fast(void) {
    return senc_cpu_get()->avx2;
}

const kern_table *const *kern_all(int *n) {
    static const kern_table *every[MOST_TABLES + 2];
    pthread_once(&tables_once, fill_tables);
    const kern_table *openblas = find_table("openblas"), *onednn = find_table("onednn");
    memcpy(every, all, sizeof all);
    *n = n_all;
    if (openblas) every[(*n)++] = openblas;
    if (onednn) every[(*n)++] = onednn;
    return every;
}

const char *kern_product_backend(void) {
    if (strcmp(kern_best()->name, "openblas") == 0) return kern_openblas_name();
    return strcmp(kern_best()->name, "onednn") == 0 ? kern_onednn_name() : "built-in";
}
