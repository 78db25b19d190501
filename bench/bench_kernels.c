/* Speed of every important kernel beside what the machine can do.
 *
 *   bench_kernels [--threads N] [--kernels NAME] [--bf16] [--only TEXT] [--seconds X] [--limits]
 *
 * Prints GF/s or GB/s and the share of the limit: fused multiply-adds (in bf16: dot products, where the CPU has them)
 * from registers on all threads for arithmetic, a copy of a large array for memory. Each number is the best of several
 * runs. --limits prints only the limits, as JSON for the driver. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "autograd/base/cpu.h"
#include "autograd/base/rng.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/probe.h"
#include "autograd/kernels/kernels.h"

#define PROBE_SECONDS 0.2 /* for each limit */

static double seconds_each = 0.3;
static const char *filter = "";
static double limit_flops, limit_int8, limit_bytes;
static kern_storage storage; /* of activations: the table's */

/* With one thread its CPU time, so that other programs disturb less. */
static double now(void) {
    struct timespec t;
    clock_gettime(senc_threads_count() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *floats(int64_t n, double spread) {
    float *x = aligned_alloc(64, (size_t)((n * 4 + 64) / 64 * 64));
    if (!x) {
        fprintf(stderr, "bench_kernels: out of memory\n");
        exit(EXIT_FAILURE);
    }
    senc_rng rng;
    senc_rng_init(&rng, 1);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(spread * (2.0 * senc_rng_uniform(&rng) - 1.0));
    return x;
}

static double stored_bytes(void) {
    return storage == KERN_BF16 ? sizeof(kern_bf16) : sizeof(float);
}

/* Activations. */
static kern_stored *stored(int64_t n, double spread) {
    float *x = floats(n, spread);
    if (storage != KERN_BF16) return x;
    kern_bf16 *y = aligned_alloc(64, (size_t)((n * 2 + 64) / 64 * 64));
    if (!y) {
        fprintf(stderr, "bench_kernels: out of memory\n");
        exit(EXIT_FAILURE);
    }
    for (int64_t i = 0; i < n; i++) y[i] = kern_to_bf16(x[i]);
    free(x);
    return y;
}

/* A measurement: body is run until the time is up, best time kept in `best`. */
#define BEST(best, body)                                                                                               \
    do {                                                                                                               \
        body;                                                                                                          \
        const double end_ = now() + seconds_each;                                                                      \
        best = INFINITY;                                                                                               \
        do {                                                                                                           \
            const double start_ = now();                                                                               \
            body;                                                                                                      \
            best = fmin(best, now() - start_);                                                                         \
        } while (now() < end_);                                                                                        \
    } while (0)

static bool wanted(const char *name) {
    return strstr(name, filter) != NULL;
}

static void report_flops(const char *name, const char *shape, double flops, double seconds) {
    printf("%-24s %-26s %9.3f ms %8.1f GF/s %5.1f %%\n", name, shape, 1e3 * seconds, flops / seconds * 1e-9,
           100.0 * flops / seconds / limit_flops);
    fflush(stdout);
}

static void report_bytes(const char *name, const char *shape, double bytes, double seconds) {
    printf("%-24s %-26s %9.3f ms %8.1f GB/s %5.1f %%\n", name, shape, 1e3 * seconds, bytes / seconds * 1e-9,
           100.0 * bytes / seconds / limit_bytes);
    fflush(stdout);
}

static void bench_linear(const kern_table *k, int64_t n, int64_t in, int64_t out, kern_activation act) {
    kern_stored *x = stored(n * in, 2.0), *y = stored(n * out, 1.0), *dx = stored(n * in, 1.0);
    float *w = floats(in * out, 0.1), *bias = floats(out, 1.0), *dw = floats(in * out, 0.1), *db = floats(out, 1.0);
    char shape[64];
    snprintf(shape, sizeof shape, "%lld x %lld -> %lld%s", (long long)n, (long long)in, (long long)out,
             act == KERN_GELU ? " gelu" : "");
    const double flops = 2.0 * (double)n * (double)in * (double)out;
    double best;
    if (wanted("linear_forward")) {
        BEST(best, k->linear_forward(n, in, out, act, x, w, bias, y));
        report_flops("linear_forward", shape, flops, best);
    }
    if (n > 64 && wanted("linear_backward_input")) {
        BEST(best, k->linear_backward_input(n, in, out, act, x, w, y, 0.0f, dx));
        report_flops("linear_backward_input", shape, flops, best);
    }
    if (n > 64 && wanted("linear_backward_weight")) {
        BEST(best, k->linear_backward_weight(n, in, out, act, x, y, dw, db));
        report_flops("linear_backward_weight", shape, flops, best);
    }
    free(x);
    free(w);
    free(y);
    free(bias);
    free(dx);
    free(dw);
    free(db);
}

/* Its limit is that of int8 operations. */
static void bench_linear_int8(const kern_table *k, int64_t n, int64_t in, int64_t out, kern_activation act) {
    if (!wanted("linear_int8") || !k->linear_int8) return;
    const int64_t padded = (out + 63) / 64 * 64;
    kern_stored *x = stored(n * in, 2.0), *y = stored(n * out, 1.0);
    float *bias = floats(out, 1.0), *scale = floats(padded, 0.1), *sum = floats(padded, 0.1);
    int8_t *w = senc_alloc((size_t)(in * out), 1), *packed = senc_alloc_aligned((size_t)kern_int8_bytes(in, out), 1);
    if (!w || !packed) exit(EXIT_FAILURE);
    for (int64_t i = 0; i < in * out; i++) w[i] = (int8_t)(i * 37 % 129 - 64);
    k->int8_pack(in, out, w, packed);
    const kern_int8 weights = {in, out, packed, scale, sum, k->int8_pack};
    char shape[64];
    snprintf(shape, sizeof shape, "%lld x %lld -> %lld%s", (long long)n, (long long)in, (long long)out,
             act == KERN_GELU ? " gelu" : "");
    double best;
    BEST(best, k->linear_int8(n, act, x, &weights, bias, y));
    const double operations = 2.0 * (double)n * (double)in * (double)out;
    printf("%-24s %-26s %9.3f ms %8.1f GO/s %5.1f %%\n", "linear_int8", shape, 1e3 * best, operations / best * 1e-9,
           100.0 * operations / best / limit_int8);
    fflush(stdout);
    free(x);
    free(y);
    free(bias);
    free(scale);
    free(sum);
    free(w);
    free(packed);
}

static void bench_gemm(const kern_table *k, int64_t m, int64_t n, int64_t depth) {
    if (!wanted("gemm")) return;
    float *a = floats(m * depth, 1.0), *b = floats(n * depth, 1.0), *c = floats(m * n, 1.0);
    char shape[64];
    snprintf(shape, sizeof shape, "%lld x %lld x %lld", (long long)m, (long long)n, (long long)depth);
    double best;
    BEST(best, k->gemm(false, true, m, n, depth, 1.0f, a, depth, b, depth, 0.0f, c, n));
    report_flops("gemm a b^T", shape, 2.0 * (double)m * (double)n * (double)depth, best);
    free(a);
    free(b);
    free(c);
}

static void bench_attention(const kern_table *k, int64_t n_sequences, int64_t length, int64_t heads, int64_t width,
                            double p) {
    const int64_t n = n_sequences * length, d = heads * width;
    int64_t *offsets = calloc((size_t)n_sequences + 1, sizeof *offsets);
    for (int64_t i = 0; offsets && i <= n_sequences; i++) offsets[i] = i * length;
    kern_stored *qkv = stored(n * 3 * d, 1.0), *out = stored(n * d, 1.0), *dout = stored(n * d, 1.0);
    kern_stored *dqkv = stored(n * 3 * d, 1.0);
    float *sums = floats(n * heads, 1.0);
    const kern_sequences s = {offsets, n_sequences};
    const kern_dropout dropout = {.p = p, .key = 7};
    const double flops = 4.0 * (double)n_sequences * (double)length * (double)length * (double)d;
    const double scale = 1.0 / sqrt((double)width);
    char shape[64];
    snprintf(shape, sizeof shape, "%lldx%lld h %lld w %lld%s", (long long)n_sequences, (long long)length,
             (long long)heads, (long long)width, p > 0.0 ? " drop" : "");
    double best;
    if (wanted("attention_forward")) {
        BEST(best, k->attention_forward(s, heads, d, scale, dropout, qkv, out, sums));
        report_flops("attention_forward", shape, flops, best);
    }
    k->attention_forward(s, heads, d, scale, dropout, qkv, out, sums);
    if (wanted("attention_backward")) {
        BEST(best, k->attention_backward(s, heads, d, scale, dropout, qkv, out, sums, dout, 0.0f, dqkv));
        report_flops("attention_backward", shape, 2.5 * flops, best);
    }
    free(offsets);
    free(qkv);
    free(out);
    free(sums);
    free(dout);
    free(dqkv);
}

/* Bytes are what has to move once: inputs read, outputs written. */
static void bench_rows(const kern_table *k, int64_t n, int64_t d) {
    kern_stored *x = stored(n * d, 2.0), *y = stored(n * d, 1.0), *dx = stored(n * d, 1.0), *r = stored(n * d, 1.0);
    float *gamma = floats(d, 1.0), *shift = floats(d, 1.0), *mean = floats(n, 1.0), *rstd = floats(n, 1.0);
    const kern_dropout none = {0}, drop = {.p = 0.1, .key = 7};
    const double block = stored_bytes() * (double)n * (double)d;
    char shape[64];
    snprintf(shape, sizeof shape, "%lld x %lld", (long long)n, (long long)d);
    double best;
    if (wanted("layer_norm")) {
        BEST(best, k->layer_norm_forward(n, d, x, gamma, shift, 1e-12, y, mean, rstd));
        report_bytes("layer_norm_forward", shape, 2 * block, best);
        BEST(best, k->layer_norm_backward(n, d, x, gamma, mean, rstd, y, 0.0f, dx, gamma, shift));
        report_bytes("layer_norm_backward", shape, 3 * block, best);
    }
    if (wanted("add_norm")) {
        BEST(best, k->add_norm_forward(n, d, none, x, r, gamma, shift, 1e-12, y, mean, rstd));
        report_bytes("add_norm_forward", shape, 4 * block, best);
        memset(x, 0, (size_t)block);
        BEST(best, k->add_norm_forward(n, d, drop, x, r, gamma, shift, 1e-12, y, mean, rstd));
        report_bytes("add_norm_forward drop", shape, 4 * block, best);
        BEST(best, k->add_norm_backward(n, d, drop, x, gamma, mean, rstd, y, 0.0f, dx, 0.0f, r, gamma, shift));
        report_bytes("add_norm_backward drop", shape, 4 * block, best);
    }
    if (wanted("dropout")) {
        BEST(best, k->dropout_forward(n, d, drop, x, y));
        report_bytes("dropout_forward", shape, 2 * block, best);
    }
    free(x);
    free(y);
    free(dx);
    free(r);
    free(gamma);
    free(shift);
    free(mean);
    free(rstd);
}

/* What is fp32 whatever the storage. */
static void bench_elements(const kern_table *k, int64_t n, int64_t d) {
    float *x = floats(n * d, 2.0), *y = floats(n * d, 1.0), *dx = floats(n * d, 1.0), *norms = floats(n, 1.0);
    const double block = 4.0 * (double)n * (double)d;
    char shape[64];
    snprintf(shape, sizeof shape, "%lld x %lld", (long long)n, (long long)d);
    double best;
    if (wanted("normalize")) {
        BEST(best, k->normalize_forward(n, d, 1e-12, x, y, norms));
        report_bytes("normalize_forward", shape, 2 * block, best);
    }
    if (wanted("activation")) {
        BEST(best, k->activation_forward(KERN_GELU, n * d, x, y));
        report_bytes("activation_forward gelu", shape, 2 * block, best);
        BEST(best, k->activation_backward(KERN_GELU, n * d, x, y, 0.0f, dx));
        report_bytes("activation_backward gelu", shape, 3 * block, best);
    }
    free(x);
    free(y);
    free(dx);
    free(norms);
}

static void bench_vectors(const kern_table *k, int64_t n) {
    float *w = floats(n, 1.0), *g = floats(n, 1.0), *m = floats(n, 0.0), *v = floats(n, 0.0);
    const kern_adamw step = {2e-5, 0.9, 0.999, 1e-8, 0.01, 0.1, 0.001, 1.0};
    char shape[64];
    snprintf(shape, sizeof shape, "%lld", (long long)n);
    double best, sum = 0.0;
    if (wanted("adamw")) {
        BEST(best, k->adamw(n, step, w, g, m, v));
        report_bytes("adamw", shape, 28.0 * (double)n, best);
    }
    if (wanted("sum_of_squares")) {
        BEST(best, sum += k->sum_of_squares(n, g));
        report_bytes("sum_of_squares", shape, 4.0 * (double)n, best);
    }
    if (wanted("axpy")) {
        BEST(best, k->axpy(n, 1e-6f, g, w));
        report_bytes("axpy", shape, 12.0 * (double)n, best);
    }
    if (sum < 0.0) puts("unreachable: keeps the sums alive");
    free(w);
    free(g);
    free(m);
    free(v);
}

static void bench_embed(const kern_table *k, int64_t n_sequences, int64_t length, int64_t vocabulary, int64_t d) {
    if (!wanted("embed")) return;
    const int64_t n = n_sequences * length;
    int64_t *offsets = calloc((size_t)n_sequences + 1, sizeof *offsets);
    int32_t *ids = calloc((size_t)n, sizeof *ids);
    if (!offsets || !ids) exit(EXIT_FAILURE);
    senc_rng rng;
    senc_rng_init(&rng, 1);
    for (int64_t i = 0; i <= n_sequences; i++) offsets[i] = i * length;
    for (int64_t i = 0; i < n; i++) ids[i] = (int32_t)senc_rng_below(&rng, (uint64_t)vocabulary);
    const kern_sequences s = {offsets, n_sequences};
    float *word = floats(vocabulary * d, 1.0), *position = floats(length * d, 1.0);
    kern_stored *out = stored(n * d, 1.0);
    char shape[64];
    snprintf(shape, sizeof shape, "%lld x %lld", (long long)n, (long long)d);
    double best;
    BEST(best, k->embed_forward(s, d, ids, 0, word, position, position, out));
    report_bytes("embed_forward", shape, (4.0 + stored_bytes()) * (double)(n * d), best);
    BEST(best, k->embed_backward(s, d, ids, 0, out, word, position, position));
    report_bytes("embed_backward", shape, (8.0 + stored_bytes()) * (double)(n * d), best);
    free(offsets);
    free(ids);
    free(word);
    free(position);
    free(out);
}

static void bench_all(const kern_table *k) {
    const int64_t tokens[] = {10, 300, 2000, 16000};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        bench_linear(k, tokens[i], 384, 1152, KERN_NONE);
        bench_linear(k, tokens[i], 384, 384, KERN_NONE);
        bench_linear(k, tokens[i], 384, 1536, KERN_NONE);
        bench_linear(k, tokens[i], 1536, 384, KERN_GELU);
        bench_linear_int8(k, tokens[i], 384, 1152, KERN_NONE);
        bench_linear_int8(k, tokens[i], 384, 384, KERN_NONE);
        bench_linear_int8(k, tokens[i], 384, 1536, KERN_NONE);
        bench_linear_int8(k, tokens[i], 1536, 384, KERN_GELU);
    }
    bench_linear(k, 2000, 768, 3072, KERN_NONE);
    bench_linear(k, 2000, 3072, 768, KERN_GELU);
    bench_linear(k, 1000, 1024, 4096, KERN_NONE);
    bench_linear(k, 1000, 4096, 1024, KERN_GELU);
    bench_gemm(k, 64, 64, 384);
    bench_gemm(k, 1024, 1024, 384);
    bench_gemm(k, 64, 20000, 384);
    bench_attention(k, 1, 10, 12, 32, 0.0);
    bench_attention(k, 128, 16, 12, 32, 0.0);
    bench_attention(k, 32, 64, 12, 32, 0.0);
    bench_attention(k, 16, 128, 12, 32, 0.0);
    bench_attention(k, 16, 256, 12, 32, 0.0);
    bench_attention(k, 16, 256, 12, 32, 0.1);
    bench_attention(k, 4, 512, 12, 32, 0.0);
    bench_attention(k, 8, 256, 12, 64, 0.0);
    bench_attention(k, 4, 512, 12, 64, 0.0);
    bench_rows(k, 300, 384);
    bench_rows(k, 16000, 384);
    bench_elements(k, 300, 384);
    bench_elements(k, 16000, 384);
    bench_vectors(k, 22700000);
    bench_embed(k, 64, 200, 30522, 384);
}

typedef struct arguments {
    int threads;
    bool limits, bf16;
    const char *kernels; /* NULL: the best */
} arguments;

static bool fail_usage(void) {
    fputs("usage: bench_kernels [--threads N] [--kernels NAME] [--bf16] [--only TEXT] [--seconds X] [--limits]\n"
          "  --kernels   the table to measure (senc info lists them)\n"
          "  --bf16      its kernels for activations in bf16\n"
          "  --only      kernels whose name holds TEXT\n"
          "  --seconds   time for each measurement (0.3)\n"
          "  --limits    only the limits, as one JSON object\n",
          stderr);
    return false;
}

static bool parse(int argc, char **argv, arguments *a) {
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--limits") == 0 || strcmp(name, "--bf16") == 0) {
            *(name[2] == 'l' ? &a->limits : &a->bf16) = true;
            continue;
        }
        const char *value = i + 1 < argc ? argv[++i] : NULL;
        if (!value) return fail_usage();
        if (strcmp(name, "--threads") == 0)
            a->threads = (int)strtol(value, NULL, 10);
        else if (strcmp(name, "--kernels") == 0)
            a->kernels = value;
        else if (strcmp(name, "--only") == 0)
            filter = value;
        else if (strcmp(name, "--seconds") == 0)
            seconds_each = strtod(value, NULL);
        else
            return fail_usage();
    }
    return true;
}

static const kern_table *find_kernels(const char *name) {
    if (!name) return kern_best();
    int n = 0;
    const kern_table *const *tables = kern_all(&n);
    for (int i = 0; i < n; i++) {
        if (strcmp(tables[i]->name, name) == 0) return tables[i];
    }
    fprintf(stderr, "bench_kernels: no kernels are called \"%s\" on this machine:", name);
    for (int i = 0; i < n; i++) fprintf(stderr, " %s", tables[i]->name);
    fputs("\n", stderr);
    return NULL;
}

int main(int argc, char **argv) {
    arguments a = {0};
    if (!parse(argc, argv, &a)) return 2;
    senc_error err = {0};
    if (!senc_threads_init(a.threads, &err)) {
        fprintf(stderr, "bench_kernels: %s\n", err.text);
        return senc_error_exit_code(&err);
    }
    const kern_table *k = find_kernels(a.kernels);
    if (k && a.bf16 && !(k = k->bf16)) fputs("bench_kernels: these kernels know no bf16\n", stderr);
    if (!k) return 2;
    storage = k->storage;
    const double bf16 = kern_probe_operations(KERN_PROBE_BF16, PROBE_SECONDS);
    limit_flops = kern_probe_operations(KERN_PROBE_FP32, PROBE_SECONDS);
    limit_int8 = kern_probe_operations(KERN_PROBE_INT8, PROBE_SECONDS);
    limit_bytes = kern_probe_bytes(PROBE_SECONDS);
    if (a.limits) {
        printf("{\"fp32_gflops\": %.2f, \"bf16_gflops\": %.2f, \"int8_gops\": %.2f, \"copy_gbytes\": %.2f}\n",
               limit_flops * 1e-9, bf16 * 1e-9, limit_int8 * 1e-9, limit_bytes * 1e-9);
    } else {
        printf("%s, %d threads, kernels %s, %s\n", senc_cpu_get()->name, senc_threads_count(), k->name,
               storage == KERN_BF16 ? "bf16" : "fp32");
        if (storage == KERN_BF16 && bf16 > 0) limit_flops = bf16;
        printf("limits: %.1f GF/s, %.1f GO/s of int8, %.1f GB/s\n", limit_flops * 1e-9, limit_int8 * 1e-9,
               limit_bytes * 1e-9);
        bench_all(k);
    }
    senc_threads_free();
    return EXIT_SUCCESS;
}
