/* Exact search by itself: how fast the k nearest of many queries are found.
 *
 *   bench_search [--queries=1000] [--documents=200000] [--width=384] [--nearest=100] [--threads=0]
 *                [--similarity=dot] [--block=N] [--runs=1]
 *                [--document-vectors=FILE.npy] [--query-vectors=FILE.npy]
 *
 * Random unit vectors, or those of the files (then the sizes are theirs); --block: documents a call, 0 for all at once.
 * The time is that of the whole search, packing of the documents included. A few queries warm up. Prints one line of
 * JSON: units (queries), seconds (of the best run), cpu_seconds (of all threads), gflop (2 x queries x documents x
 * width), what the search took of memory, and a checksum of what was found, which is the same for all kernels and any
 * number of threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "autograd/base/threads.h"
#include "data/formats/npy.h"
#include "eval/search.h"

#define WARM_UP_QUERIES 8

typedef struct bench_job {
    int64_t n_queries, n_documents, width, nearest, threads, block, runs;
    const char *similarity, *document_vectors, *query_vectors;
} bench_job;

static bool take_number(const char *argument, const char *name, int64_t *out) {
    const size_t n = strlen(name);
    if (strncmp(argument, name, n) != 0) return false;
    char *end;
    *out = strtoll(argument + n, &end, 10);
    return end != argument + n && *end == '\0' && *out >= 0;
}

static bool take_text(const char *argument, const char *name, const char **out) {
    const size_t n = strlen(name);
    if (strncmp(argument, name, n) != 0) return false;
    *out = argument + n;
    return true;
}

static bool take_argument(bench_job *j, const char *a) {
    return take_number(a, "--queries=", &j->n_queries) || take_number(a, "--documents=", &j->n_documents) ||
           take_number(a, "--width=", &j->width) || take_number(a, "--nearest=", &j->nearest) ||
           take_number(a, "--threads=", &j->threads) || take_number(a, "--block=", &j->block) ||
           take_number(a, "--runs=", &j->runs) || take_text(a, "--similarity=", &j->similarity) ||
           take_text(a, "--document-vectors=", &j->document_vectors) ||
           take_text(a, "--query-vectors=", &j->query_vectors);
}

typedef struct rows {
    float *values;
    int64_t width;
    uint64_t seed;
} rows;

static void fill_row(void *context, int64_t i, int thread) {
    (void)thread;
    const rows *r = context;
    float *x = r->values + i * r->width;
    senc_rng rng;
    senc_rng_init(&rng, senc_rng_row_key(r->seed, (uint64_t)i));
    double squares = 0.0;
    for (int64_t c = 0; c < r->width; c++) {
        x[c] = (float)senc_rng_normal(&rng);
        squares += (double)x[c] * (double)x[c];
    }
    for (int64_t c = 0; c < r->width; c++) x[c] = (float)((double)x[c] / sqrt(squares));
}

static bool get_vectors(const char *path, int64_t n, int64_t width, uint64_t seed, data_matrix *out, senc_error *err) {
    if (path) return data_npy_load(path, out, err);
    *out = (data_matrix){senc_alloc((size_t)n, (size_t)width * sizeof(float)), n, width};
    if (!out->values) return senc_fail_memory(err, (size_t)(n * width) * sizeof(float), "vectors");
    rows r = {out->values, width, seed};
    senc_parallel(n, fill_row, &r);
    return true;
}

/* Of all threads: what a busy machine disturbs least. */
static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool search_once(const bench_job *j, eval_similarity f, const data_matrix *queries, int64_t n_queries,
                        const data_matrix *documents, uint64_t *checksum, senc_error *err) {
    const eval_search_options options = {.kernels = kern_best(), .similarity = f, .k = j->nearest};
    const int64_t block = j->block > 0 ? j->block : documents->n_rows;
    eval_search *s;
    if (!eval_search_open(&options, queries->values, n_queries, queries->n_columns, &s, err)) return false;
    bool ok = true;
    for (int64_t i = 0; ok && i < documents->n_rows; i += block) {
        const int64_t n = documents->n_rows - i < block ? documents->n_rows - i : block;
        ok = eval_search_add(s, documents->values + i * documents->n_columns, n, err);
    }
    eval_search_finish(s);
    *checksum = 0;
    for (int64_t q = 0; ok && q < n_queries; q++) {
        int64_t n;
        const eval_hit *hits = eval_search_hits(s, q, &n);
        for (int64_t i = 0; i < n; i++) {
            uint32_t bits;
            memcpy(&bits, &hits[i].score, sizeof bits);
            *checksum = senc_rng_mix(*checksum ^ (uint64_t)hits[i].document << 32 ^ bits);
        }
    }
    eval_search_close(s);
    return ok;
}

static bool measure(const bench_job *j, senc_error *err) {
    eval_similarity f;
    data_matrix queries = {0}, documents = {0};
    if (!eval_similarity_find(j->similarity, &f))
        return senc_fail(err, SENC_BAD_INPUT, "--similarity: expected " EVAL_SIMILARITY_CHOICES);
    bool ok = get_vectors(j->document_vectors, j->n_documents, j->width, 1, &documents, err) &&
              get_vectors(j->query_vectors, j->n_queries, documents.n_columns, 2, &queries, err);
    if (ok && queries.n_columns != documents.n_columns)
        ok = senc_fail(err, SENC_BAD_INPUT, "queries have %lld columns, documents %lld", (long long)queries.n_columns,
                       (long long)documents.n_columns);
    uint64_t checksum = 0;
    const int64_t few = queries.n_rows < WARM_UP_QUERIES ? queries.n_rows : WARM_UP_QUERIES;
    ok = ok && search_once(j, f, &queries, few, &documents, &checksum, err);
    const int64_t resident = senc_memory_resident_bytes();
    double seconds = INFINITY, cpu = INFINITY;
    for (int64_t run = 0; ok && run < j->runs; run++) {
        const double start_ms = senc_clock_ms(), start_cpu = cpu_seconds();
        ok = search_once(j, f, &queries, queries.n_rows, &documents, &checksum, err);
        seconds = fmin(seconds, 1e-3 * (senc_clock_ms() - start_ms));
        cpu = fmin(cpu, cpu_seconds() - start_cpu);
    }
    const double gflop = 2e-9 * (double)queries.n_rows * (double)documents.n_rows * (double)documents.n_columns;
    if (ok)
        printf("{\"units\": %lld, \"seconds\": %.6f, \"gflop\": %.6f, \"gflop_per_second\": %.1f, \"kernel\": \"%s\", "
               "\"cpu_seconds\": %.3f, \"search_mb\": %.1f, \"checksum\": \"%016llx\"}\n",
               (long long)queries.n_rows, seconds, gflop, gflop / seconds, kern_best()->scan->name, cpu,
               1e-6 * (double)(senc_memory_peak_bytes() - resident), (unsigned long long)checksum);
    data_matrix_free(&queries);
    data_matrix_free(&documents);
    return ok;
}

int main(int argc, char **argv) {
    bench_job j = {1000, 200000, 384, 100, 0, 0, 1, "dot", NULL, NULL};
    for (int i = 1; i < argc; i++) {
        if (take_argument(&j, argv[i])) continue;
        fprintf(stderr, "bench_search: %s: see the head of bench_search.c\n", argv[i]);
        return 2;
    }
    senc_error err = {0};
    const bool ok =
        j.width > 0 && j.nearest > 0 && j.runs > 0 && senc_threads_init((int)j.threads, &err) && measure(&j, &err);
    if (!ok)
        fprintf(stderr, "bench_search: %s\n", err.text[0] ? err.text : "--width, --nearest and --runs are at least 1");
    senc_threads_free();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
