/* Large batches on little memory (GradCache): the cost of a pair against a batch that fits. Both sides are measured
 * against themselves. A step of a large batch is long: it is timed as a whole, without a step to warm up. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/inputs.h"
#include "bench/work.h"

typedef struct gradcache_sizes {
    int64_t small_rows, small_batch, large_batch, peer_batch, peer_chunk;
    const char *limits[2];
} gradcache_sizes;

static const gradcache_sizes usual = {384, 64, 4096, 512, 32, {"1GiB", "8GiB"}};
static const gradcache_sizes small = {48, 16, 128, 64, 16, {"96MiB", "256MiB"}};

static bool add_senc(bench_row *row, const gradcache_sizes *z, const char *few, const char *many, senc_error *err) {
    const char *precision = row->settings->precision;
    char name[32];
    snprintf(name, sizeof name, "senc batch %lld", (long long)z->small_batch);
    const bench_training fits = {.pairs = few, .batch = z->small_batch, .max_length = 256};
    bool ok = bench_training_senc(row, name, precision, &fits, err) != NULL;
    for (int i = 0; ok && i < 2; i++) {
        snprintf(name, sizeof name, "senc %lld, %s", (long long)z->large_batch, z->limits[i]);
        const bench_training large = {
            .pairs = many, .batch = z->large_batch, .max_length = 256, .memory_limit = z->limits[i]};
        ok = bench_training_senc(row, name, precision, &large, err) != NULL;
    }
    return ok;
}

static void add_peer(bench_row *row, const gradcache_sizes *z, const char *few, const char *many, bool tuned) {
    const char *who = tuned ? "ST tuned" : "ST", *precision = tuned && row->settings->has_bf16 ? "bf16" : "fp32";
    char name[32];
    snprintf(name, sizeof name, "%s %lld", who, (long long)z->small_batch);
    const bench_training fits = {.pairs = few, .batch = z->small_batch, .max_length = 256};
    bench_entry *base = bench_training_peer(row, name, precision, &fits, tuned);
    base->base = base->name;
    snprintf(name, sizeof name, "%s %lld/%lld", who, (long long)z->peer_batch, (long long)z->peer_chunk);
    const bench_training large = {.pairs = many, .batch = z->peer_batch, .max_length = 256, .cached = z->peer_chunk};
    bench_training_peer(row, name, precision, &large, tuned)->base = base->name;
}

static bool build(bench_row *row, senc_error *err) {
    const gradcache_sizes *z = row->settings->quick ? &small : &usual;
    char *few = bench_input_medquad(row->settings, z->small_rows, err);
    char *many = few ? bench_input_medquad(row->settings, z->large_batch, err) : NULL;
    char *peers = many ? bench_input_medquad(row->settings, z->peer_batch, err) : NULL;
    const bool ok = peers && add_senc(row, z, few, many, err);
    for (int tuned = 0; ok && tuned < 2; tuned++) add_peer(row, z, few, peers, tuned != 0);
    free(few);
    free(many);
    free(peers);
    return ok;
}

const bench_row_spec bench_row_gradcache = {
    .name = "gradcache",
    .title = "train medquad pairs in large batches under a memory limit; cost of a pair against the batch that fits",
    .unit = "pairs",
    .needs_model = true,
    .relation = BENCH_COST,
    .build = build,
};
