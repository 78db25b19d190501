/* The machine's limits: see probe.h. */
#include "autograd/kernels/cpu/probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "autograd/base/cpu.h"
#include "autograd/base/threads.h"

/* Independent chains of one instruction, all different, or they would become one, each in a register of its own
 * (compilers like to keep copies in memory). The sum keeps them alive. */
#if defined(__x86_64__)
#define KEEP(a) __asm__ volatile("" : "+v"(a));
#else
#define KEEP(a)
#endif
#define CHAINS     12
#define EACH(x)    x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11)
#define DECLARE(j) a##j = start(j),
#define ADVANCE(j)                                                                                                     \
    a##j = step(a##j);                                                                                                 \
    KEEP(a##j)
#define ADD_UP(j) sum = add(sum, a##j);
#define PROBE_CHAINS(vector)                                                                                           \
    vector EACH(DECLARE) sum = start(0);                                                                               \
    for (long i = 0; i < n; i++) {                                                                                     \
        EACH(ADVANCE)                                                                                                  \
    }                                                                                                                  \
    EACH(ADD_UP)

#if defined(__x86_64__)
#define start(j)  _mm256_set1_ps((float)(j))
#define step(a)   _mm256_fmadd_ps(a, factor, term)
#define add(a, b) _mm256_add_ps(a, b)
__attribute__((target("avx2,fma"))) static float probe8(long n) {
    const __m256 factor = _mm256_set1_ps(0.999f), term = _mm256_set1_ps(0.1f);
    PROBE_CHAINS(__m256)
    return _mm256_cvtss_f32(sum);
}
#undef start
#undef step
#undef add

#define start(j)  _mm512_set1_ps((float)(j))
#define step(a)   _mm512_fmadd_ps(a, factor, term)
#define add(a, b) _mm512_add_ps(a, b)
__attribute__((target("avx512f"))) static float probe16(long n) {
    const __m512 factor = _mm512_set1_ps(0.999f), term = _mm512_set1_ps(0.1f);
    PROBE_CHAINS(__m512)
    return _mm512_cvtss_f32(sum);
}
#undef start
#undef step
#undef add

/* 16 sums of two products of bf16 each: 64 operations. */
#define start(j)  _mm512_set1_ps((float)(j))
#define step(a)   _mm512_dpbf16_ps(a, x, y)
#define add(a, b) _mm512_add_ps(a, b)
__attribute__((target("avx512f,avx512bf16"))) static float probe_pairs(long n) {
    const __m512bh x = (__m512bh)_mm512_set1_epi16(0x3f80), y = (__m512bh)_mm512_set1_epi16(0x3f00); /* 1, 0.5 */
    PROBE_CHAINS(__m512)
    return _mm512_cvtss_f32(sum);
}
#undef start
#undef step
#undef add

/* 16 sums of four products of bytes each: 128 operations. */
#define start(j)  _mm512_set1_epi32(j)
#define step(a)   _mm512_dpbusd_epi32(a, x, y)
#define add(a, b) _mm512_add_epi32(a, b)
__attribute__((target("avx512f,avx512vnni"))) static float probe_quads(long n) {
    const __m512i x = _mm512_set1_epi8(1), y = _mm512_set1_epi8(-1);
    PROBE_CHAINS(__m512i)
    return (float)_mm_cvtsi128_si32(_mm512_castsi512_si128(sum));
}
#undef start
#undef step
#undef add

#define start(j)  _mm256_set1_epi32(j)
#define step(a)   _mm256_dpbusd_avx_epi32(a, x, y)
#define add(a, b) _mm256_add_epi32(a, b)
__attribute__((target("avx2,avxvnni"))) static float probe_quads8(long n) {
    const __m256i x = _mm256_set1_epi8(1), y = _mm256_set1_epi8(-1);
    PROBE_CHAINS(__m256i)
    return (float)_mm_cvtsi128_si32(_mm256_castsi256_si128(sum));
}
#undef start
#undef step
#undef add

/* Without VNNI bytes are widened and multiplied in pairs: 8 sums of two products, added up by another instruction on
 * other units: 32 operations. */
#define start(j)  _mm256_set1_epi32(j)
#define step(a)   _mm256_madd_epi16(a, factor)
#define add(a, b) _mm256_add_epi32(a, b)
__attribute__((target("avx2"))) static float probe_pairs8(long n) {
    const __m256i factor = _mm256_set1_epi16(3);
    PROBE_CHAINS(__m256i)
    return (float)_mm_cvtsi128_si32(_mm256_castsi256_si128(sum));
}
#undef start
#undef step
#undef add

#endif

/* Elsewhere vectors of 4, multiplied and added as the compiler can. */
typedef float lanes4 __attribute__((vector_size(16)));
#define start(j)  (zero + (float)(j))
#define step(a)   ((a)*0.999f + 0.1f)
#define add(a, b) ((a) + (b))
static float probe4(long n) {
    const lanes4 zero = {0};
    PROBE_CHAINS(lanes4)
    return sum[0];
}
#undef start
#undef step
#undef add

/* One step of a chain does `operations`; run NULL: this CPU cannot do it. */
typedef struct probe {
    float (*run)(long n);
    double operations;
} probe;

static probe find_probe(kern_probe_kind kind) {
#if defined(__x86_64__)
    const senc_cpu *cpu = senc_cpu_get();
    if (kind == KERN_PROBE_BF16) return (probe){cpu->avx512_bf16 ? probe_pairs : NULL, 64};
    if (kind == KERN_PROBE_INT8) {
        if (cpu->avx512_vnni) return (probe){probe_quads, 128};
        if (cpu->avx_vnni) return (probe){probe_quads8, 64};
        return (probe){cpu->avx2 ? probe_pairs8 : NULL, 32};
    }
    if (cpu->avx512) return (probe){probe16, 32};
    if (cpu->avx2) return (probe){probe8, 16};
#endif
    return (probe){kind == KERN_PROBE_FP32 ? probe4 : NULL, 8};
}

/* With one thread its CPU time, so that other programs disturb less. */
static double now(void) {
    struct timespec t;
    clock_gettime(senc_threads_count() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The shortest time that n tasks take at once. */
static double best_time(int64_t n, senc_task *task, void *context, double seconds) {
    const double end = now() + seconds;
    double best = INFINITY, before, after;
    do {
        before = now();
        senc_parallel(n, task, context);
        after = now();
        best = fmin(best, after - before);
    } while (after + best < end);
    return best;
}

#define ROUNDS 1000000L /* some milliseconds: waking the threads is nothing beside it */

typedef struct probing {
    probe p;
    volatile float sinks[SENC_MAX_THREADS];
} probing;

static void probe_task(void *context, int64_t i, int thread) {
    (void)i;
    probing *all = context;
    all->sinks[thread] = all->p.run(ROUNDS);
}

double kern_probe_operations(kern_probe_kind kind, double seconds) {
    probing all = {.p = find_probe(kind)};
    if (!all.p.run) return 0.0;
    const int n = senc_threads_count();
    return (double)n * (double)ROUNDS * CHAINS * all.p.operations / best_time(n, probe_task, &all, seconds);
}

#define COPY_BYTES ((int64_t)64 << 20) /* more than caches hold */

typedef struct copying {
    char *from, *to;
    int64_t part_bytes;
} copying;

static void copy_task(void *context, int64_t i, int thread) {
    (void)thread;
    const copying *c = context;
    memcpy(c->to + i * c->part_bytes, c->from + i * c->part_bytes, (size_t)c->part_bytes);
}

double kern_probe_bytes(double seconds) {
    const int n = senc_threads_count();
    copying c = {.part_bytes = COPY_BYTES / n, .from = malloc((size_t)COPY_BYTES), .to = malloc((size_t)COPY_BYTES)};
    double rate = 0.0;
    if (c.from && c.to) {
        memset(c.from, 1, (size_t)COPY_BYTES); /* pages of zeros would all be one */
        memset(c.to, 1, (size_t)COPY_BYTES);
        rate = 2.0 * (double)n * (double)c.part_bytes / best_time(n, copy_task, &c, seconds);
    }
    free(c.from);
    free(c.to);
    return rate;
}
