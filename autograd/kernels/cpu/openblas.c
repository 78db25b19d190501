/* Matrix products on OpenBLAS: see openblas.h. OpenBLAS runs on one thread; senc's own threads call it on slices, so
 * nothing is oversubscribed and a result depends on the number of threads at most (through the slices), never on their
 * timing. */
#include "autograd/kernels/cpu/openblas.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/cpu.h"
#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/scratch.h"

#define LIBRARY    "libopenblas.so.0"
#define BLOCK_ROWS 256 /* rows of a task: OpenBLAS packs the other operand again for each */
#define LINE       16  /* columns are cut at multiples of a cache line of floats */

/* cblas.h: CblasRowMajor = 101, CblasNoTrans = 111, CblasTrans = 112; blasint is int. */
typedef void sgemm_function(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                            const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

static sgemm_function *sgemm;
static const kern_table *own; /* for the activations */
static char name[96];

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* c (m, n) = alpha op(a) op(b) + beta c, on this thread. OpenBLAS leaves c alone when k is 0 in some versions. */
static void multiply(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
                     const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
    for (int64_t i = 0; beta == 0.0f && i < m; i++) memset(c + i * ldc, 0, (size_t)n * sizeof *c); /* even a NaN */
    for (int64_t i = 0; k == 0 && i < m; i++) {
        for (int64_t j = 0; j < n; j++) c[i * ldc + j] *= beta;
    }
    if (m == 0 || n == 0 || k == 0) return;
    sgemm(101, ta ? 112 : 111, tb ? 112 : 111, (int)m, (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb,
          beta == 0.0f ? 1.0f : beta, c, (int)ldc);
}

typedef struct product {
    bool ta, tb;
    int64_t m, n, k;
    float alpha, beta;
    const float *a, *b, *bias;
    float *c;
    int64_t lda, ldb, ldc;
    kern_activation a_activation, slope;
    const float *slope_x;
    int64_t rows, columns, row_blocks; /* of a task */
} product;

static void product_task(void *context, int64_t i, int thread) {
    (void)thread;
    const product *p = context;
    const int64_t row = i % p->row_blocks * p->rows, column = i / p->row_blocks * p->columns;
    const int64_t m = smaller(p->rows, p->m - row), n = smaller(p->columns, p->n - column);
    const float *a = p->ta ? p->a + row : p->a + row * p->lda;
    const float *b = p->tb ? p->b + column * p->ldb : p->b + column;
    float *c = p->c + row * p->ldc + column, beta = p->beta;
    int64_t ldc = p->ldc;
    if (p->a_activation != KERN_NONE || p->slope != KERN_NONE) {
        float *block = kern_scratch_take(KERN_SCRATCH_TASK, m * (p->slope == KERN_NONE ? p->k : n) * 4);
        if (p->slope == KERN_NONE) { /* rows of a lie without gaps here */
            own->activation_forward(p->a_activation, m * p->k, a, block);
            a = block;
        } else {
            c = block;
            ldc = n;
            beta = 0.0f;
        }
    }
    if (p->bias) {
        for (int64_t r = 0; r < m; r++) memcpy(c + r * ldc, p->bias + column, (size_t)n * sizeof *c);
        beta = 1.0f;
    }
    multiply(p->ta, p->tb, m, n, p->k, p->alpha, a, p->lda, b, p->ldb, beta, c, ldc);
    for (int64_t r = 0; p->slope != KERN_NONE && r < m; r++) {
        const int64_t at = (row + r) * p->ldc + column;
        own->activation_backward(p->slope, n, p->slope_x + at, c + r * n, p->beta, p->c + at);
    }
}

/* Cuts c into blocks of rows, or of columns when it is wide and low. */
static void run(product *p) {
    if (p->m <= 0 || p->n <= 0) return;
    const int64_t threads = senc_threads_here();
    p->rows = p->m;
    p->columns = p->n;
    if (p->m >= p->n || p->a_activation != KERN_NONE) {
        p->rows = smaller((p->m + threads - 1) / threads, p->a_activation != KERN_NONE ? BLOCK_ROWS : p->m);
    } else {
        p->columns = smaller(((p->n + threads - 1) / threads + LINE - 1) / LINE * LINE, p->n);
    }
    p->row_blocks = (p->m + p->rows - 1) / p->rows;
    senc_parallel(p->row_blocks * ((p->n + p->columns - 1) / p->columns), product_task, p);
}

static void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                 int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
    product p = {.ta = transpose_a, .tb = transpose_b, .m = m, .n = n, .k = k, .alpha = alpha, .a = a, .lda = lda};
    p.b = b;
    p.ldb = ldb;
    p.beta = beta;
    p.c = c;
    p.ldc = ldc;
    run(&p);
}

static void linear_forward(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *stored_x,
                           const float *w, const float *bias, kern_stored *stored_y) {
    const float *x = stored_x;
    float *y = stored_y;
    product p = {.tb = true, .m = n, .n = out, .k = in, .alpha = 1.0f, .a = x, .lda = in, .b = w, .ldb = in};
    p.a_activation = act;
    p.bias = bias;
    p.c = y;
    p.ldc = out;
    run(&p);
}

static void linear_backward_input(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *stored_x,
                                  const float *w, const kern_stored *stored_dy, float beta, kern_stored *stored_dx) {
    const float *x = stored_x;
    const float *dy = stored_dy;
    float *dx = stored_dx;
    product p = {.m = n, .n = in, .k = out, .alpha = 1.0f, .a = dy, .lda = out, .b = w, .ldb = in};
    p.beta = beta;
    p.c = dx;
    p.ldc = in;
    p.slope = act;
    p.slope_x = x;
    run(&p);
}

/* Column sums of dy, a slice of columns to a task. */
typedef struct column_sums {
    int64_t n, out;
    const float *dy;
    float *dbias;
} column_sums;

static void sums_task(void *context, int64_t i, int thread) {
    (void)thread;
    const column_sums *s = context;
    const int64_t first = i * LINE, columns = smaller(LINE, s->out - first);
    float sums[LINE] = {0};
    for (int64_t row = 0; row < s->n; row++) {
        for (int64_t j = 0; j < columns; j++) sums[j] += s->dy[row * s->out + first + j];
    }
    for (int64_t j = 0; j < columns; j++) s->dbias[first + j] += sums[j];
}

/* act(x) is made in chunks of rows that stay in the cache; the chunks are added in order. */
static void linear_backward_weight(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *stored_x,
                                   const kern_stored *stored_dy, float *dw, float *dbias) {
    const float *x = stored_x;
    const float *dy = stored_dy;
    const int64_t chunk = act == KERN_NONE ? n : 1024;
    float *active = act == KERN_NONE ? NULL : kern_scratch_take(KERN_SCRATCH_CALL, chunk * in * 4);
    for (int64_t row = 0; row < n; row += chunk) {
        const int64_t rows = smaller(chunk, n - row);
        if (active) own->activation_forward(act, rows * in, x + row * in, active);
        product p = {.ta = true, .m = out, .n = in, .k = rows, .alpha = 1.0f, .a = dy + row * out, .lda = out};
        p.b = active ? active : x;
        p.ldb = in;
        p.beta = 1.0f;
        p.c = dw;
        p.ldc = in;
        run(&p);
    }
    column_sums s = {n, out, dy, dbias};
    if (dbias) senc_parallel((out + LINE - 1) / LINE, sums_task, &s);
}

/* A function of the library; the detour over memcpy is how C lets an object pointer become a function pointer. */
static bool find(void *library, const char *symbol, void *function) {
    void *address = dlsym(library, symbol);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static void describe(void *library) {
    char *(*config)(void) = NULL, *(*core)(void) = NULL;
    char version[32] = "?";
    if (find(library, "openblas_get_config", &config)) { /* "OpenBLAS 0.3.21 NO_LAPACKE ..." */
        const char *text = config();
        const char *number = strncmp(text, "OpenBLAS ", 9) == 0 ? text + 9 : text;
        snprintf(version, sizeof version, "%.*s", (int)strcspn(number, " "), number);
    }
    const char *kind = find(library, "openblas_get_corename", &core) ? core() : "?";
    snprintf(name, sizeof name, "OpenBLAS %s %s (%s)", version, kind, LIBRARY);
}

bool kern_fill_openblas(kern_table *table) {
    /* Some versions take a virtual machine's CPU for an old one and run at half speed. */
    if (senc_cpu_get()->avx512) setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library || !find(library, "cblas_sgemm", &sgemm)) return false;
    void (*set_threads)(int) = NULL;
    if (find(library, "openblas_set_num_threads", &set_threads)) set_threads(1);
    describe(library);
    own = table;
    table->gemm = gemm;
    table->linear_forward = linear_forward;
    table->linear_backward_input = linear_backward_input;
    table->linear_backward_weight = linear_backward_weight;
    return true;
}

const char *kern_openblas_name(void) {
    return name[0] ? name : NULL;
}
