/* An embedder that keeps the vectors it has made: see kept_vectors.h. */
#include "eval/kept_vectors.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/pairs.h"

static uint64_t hash_of(eval_role role, const eval_text *text) {
    const uint64_t hash = data_text_hash(text->bytes, (size_t)text->n_bytes) * 3 + (uint64_t)role;
    return hash ? hash : 1;
}

/* The slot of a hash, or the free one where it belongs. */
static int64_t find_slot(const eval_kept_vectors *k, uint64_t hash) {
    uint64_t slot = (hash ^ hash >> 32) & (uint64_t)(k->n_slots - 1);
    while (k->hashes[slot] != 0 && k->hashes[slot] != hash) slot = (slot + 1) & (uint64_t)(k->n_slots - 1);
    return (int64_t)slot;
}

/* Twice the slots. */
static bool grow_slots(eval_kept_vectors *k) {
    eval_kept_vectors grown = {.n_slots = k->n_slots > 0 ? 2 * k->n_slots : 1024};
    grown.hashes = senc_alloc_zero((size_t)grown.n_slots, sizeof *grown.hashes);
    grown.places = senc_alloc((size_t)grown.n_slots, sizeof *grown.places);
    if (!grown.hashes || !grown.places) {
        free(grown.hashes);
        free(grown.places);
        return false;
    }
    for (int64_t i = 0; i < k->n_slots; i++) {
        if (k->hashes[i] == 0) continue;
        const int64_t slot = find_slot(&grown, k->hashes[i]);
        grown.hashes[slot] = k->hashes[i];
        grown.places[slot] = k->places[i];
    }
    free(k->hashes);
    free(k->places);
    k->hashes = grown.hashes;
    k->places = grown.places;
    k->n_slots = grown.n_slots;
    return true;
}

/* Room for one more vector; false: what comes is not kept. */
static bool make_room(eval_kept_vectors *k) {
    const int64_t row_bytes = k->inner.width * (int64_t)sizeof(float);
    if ((k->n + 1) * row_bytes > k->bytes_at_most) return false;
    if (2 * (k->n + 1) > k->n_slots && !grow_slots(k)) return false;
    if (k->n < k->capacity) return true;
    const int64_t most = k->bytes_at_most / row_bytes, wanted = k->capacity > 0 ? 2 * k->capacity : 1024;
    const int64_t capacity = wanted < most ? wanted : most;
    float *rows = senc_realloc(k->rows, (size_t)capacity, (size_t)row_bytes);
    if (rows) k->rows = rows;
    bool *was_cut = senc_realloc(k->was_cut, (size_t)capacity, sizeof *was_cut);
    if (was_cut) k->was_cut = was_cut;
    if (!rows || !was_cut) return false;
    k->capacity = capacity;
    return true;
}

static void keep(eval_kept_vectors *k, uint64_t hash, const float *row, bool was_cut) {
    if (!make_room(k)) return;
    const int64_t slot = find_slot(k, hash);
    if (k->hashes[slot] == hash) return;
    k->hashes[slot] = hash;
    k->places[slot] = k->n;
    memcpy(k->rows + k->n * k->inner.width, row, (size_t)k->inner.width * sizeof(float));
    k->was_cut[k->n++] = was_cut;
}

static void forget(eval_kept_vectors *k) {
    free(k->rows);
    free(k->hashes);
    free(k->places);
    free(k->was_cut);
    k->rows = NULL;
    k->hashes = NULL;
    k->places = NULL;
    k->was_cut = NULL;
    k->n = k->capacity = k->n_slots = 0;
}

/* Vectors of another fit would be others. */
static bool prepare(void *context, const eval_text *sample, int64_t n, senc_error *err) {
    eval_kept_vectors *k = context;
    forget(k);
    return k->inner.prepare(k->inner.context, sample, n, err);
}

/* Texts that are known are copied, the others embedded together, then kept. */
bool eval_kept_vectors_embed(eval_kept_vectors *k, eval_role role, const eval_text *texts, int64_t n, float *out,
                             senc_error *err) {
    const size_t width = (size_t)k->inner.width;
    eval_text *missing = senc_alloc((size_t)n, sizeof *missing);
    int64_t *places = senc_alloc((size_t)n, sizeof *places), n_missing = 0;
    bool ok = (missing && places) || senc_fail_memory(err, (size_t)n * sizeof *missing, "vectors");
    ok = ok && eval_reader_start(&k->reader, n, err);
    for (int64_t i = 0; ok && i < n; i++) {
        const uint64_t hash = hash_of(role, &texts[i]);
        const int64_t slot = k->n_slots > 0 ? find_slot(k, hash) : 0;
        if (k->n_slots > 0 && k->hashes[slot] == hash) {
            memcpy(out + (size_t)i * width, k->rows + (size_t)k->places[slot] * width, width * sizeof(float));
            k->reader.cut[i] = k->was_cut[k->places[slot]];
            continue;
        }
        places[n_missing] = i;
        missing[n_missing++] = texts[i];
    }
    float *rows = ok && n_missing > 0 && n_missing < n ? senc_alloc((size_t)n_missing, width * sizeof *rows) : NULL;
    if (ok && n_missing > 0 && n_missing < n && !rows)
        ok = senc_fail_memory(err, (size_t)n_missing * width * sizeof *rows, "vectors");
    float *made = rows ? rows : out; /* all missing: straight into the answer */
    ok = ok && (n_missing == 0 || k->inner.embed(k->inner.context, role, missing, n_missing, made, err));
    const bool *cut = k->inner.reader ? k->inner.reader->cut : NULL;
    for (int64_t i = 0; ok && i < n_missing; i++) {
        k->reader.cut[places[i]] = cut && cut[i];
        keep(k, hash_of(role, &missing[i]), made + (size_t)i * width, cut && cut[i]);
        if (rows) memcpy(out + (size_t)places[i] * width, rows + (size_t)i * width, width * sizeof(float));
    }
    k->n_found += ok ? n - n_missing : 0;
    if (ok) eval_reader_finish(&k->reader);
    free(rows);
    free(missing);
    free(places);
    return ok;
}

static bool embed(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    return eval_kept_vectors_embed(context, role, texts, n, out, err);
}

eval_embedder eval_kept_vectors_open(eval_kept_vectors *k, const eval_embedder *inner, int64_t bytes_at_most) {
    *k = (eval_kept_vectors){.inner = *inner, .bytes_at_most = bytes_at_most};
    eval_embedder embedder = *inner;
    embedder.embed = embed;
    embedder.context = k;
    if (inner->reader) {
        k->reader.sum.max_length = inner->reader->sum.max_length;
        embedder.reader = &k->reader;
    }
    if (inner->prepare) embedder.prepare = prepare;
    return embedder;
}

void eval_kept_vectors_free(eval_kept_vectors *k) {
    forget(k);
    eval_reader_free(&k->reader);
    *k = (eval_kept_vectors){0};
}
