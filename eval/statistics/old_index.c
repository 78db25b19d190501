/* Can an index be kept? See old_index.h. */
#include "eval/statistics/old_index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/pairs.h"
#include "eval/statistics/linear_map.h"

#define FEWEST_DOCUMENTS 20
#define MOST_FITTED      8192 /* texts; beyond that the map hardly changes */

/* ---- recording ---- */

static uint64_t hash_of(const eval_text *text) {
    return data_text_hash(text->bytes, (size_t)text->n_bytes);
}

static void forget(struct eval_recorded *kept) {
    free(kept->vectors);
    free(kept->hashes);
    *kept = (struct eval_recorded){0};
}

static bool grow(struct eval_recorded *kept, int64_t n, int64_t width) {
    if (n <= kept->capacity) return true;
    const int64_t capacity = n > 2 * kept->capacity ? n : 2 * kept->capacity;
    float *vectors = senc_realloc(kept->vectors, (size_t)(capacity * width), sizeof *vectors);
    if (vectors) kept->vectors = vectors;
    uint64_t *hashes = senc_realloc(kept->hashes, (size_t)capacity, sizeof *hashes);
    if (hashes) kept->hashes = hashes;
    if (!vectors || !hashes) return false;
    kept->capacity = capacity;
    return true;
}

/* Memory that runs out only ends the recording. */
static void keep(eval_recorder *r, struct eval_recorded *kept, const eval_text *texts, int64_t n,
                 const float *vectors) {
    const int64_t width = r->inner.width, n_all = r->documents.n + r->queries.n + n;
    r->is_full =
        r->is_full || n_all * width * (int64_t)sizeof(float) > r->bytes_at_most || !grow(kept, kept->n + n, width);
    if (r->is_full) {
        forget(&r->documents);
        forget(&r->queries);
        return;
    }
    memcpy(kept->vectors + kept->n * width, vectors, (size_t)(n * width) * sizeof *vectors);
    for (int64_t i = 0; i < n; i++) kept->hashes[kept->n++] = hash_of(&texts[i]);
}

static bool embed_and_keep(void *context, eval_role role, const eval_text *texts, int64_t n, float *out,
                           senc_error *err) {
    eval_recorder *r = context;
    if (!r->inner.embed(r->inner.context, role, texts, n, out, err)) return false;
    if (role == EVAL_DOCUMENT) keep(r, &r->documents, texts, n, out);
    if (role == EVAL_QUERY) keep(r, &r->queries, texts, n, out);
    return true;
}

static bool prepare_inner(void *context, const eval_text *sample, int64_t n, senc_error *err) {
    eval_recorder *r = context;
    return r->inner.prepare(r->inner.context, sample, n, err);
}

eval_embedder eval_recorder_open(eval_recorder *r, const eval_embedder *inner, int64_t bytes_at_most) {
    *r = (eval_recorder){.inner = *inner, .bytes_at_most = bytes_at_most};
    eval_embedder outer = *inner;
    outer.embed = embed_and_keep;
    outer.context = r;
    if (inner->prepare) outer.prepare = prepare_inner;
    return outer;
}

void eval_recorder_free(eval_recorder *r) {
    forget(&r->documents);
    forget(&r->queries);
    *r = (eval_recorder){0};
}

/* ---- replaying ---- */

typedef struct replay {
    const eval_recorder *old, *new;
    const eval_linear_map *map;
    int64_t next_document, next_query;
} replay;

static bool replay_vectors(void *context, eval_role role, const eval_text *texts, int64_t n, float *out,
                           senc_error *err) {
    replay *r = context;
    const struct eval_recorded *kept = role == EVAL_QUERY ? &r->new->queries : &r->old->documents;
    int64_t *next = role == EVAL_QUERY ? &r->next_query : &r->next_document;
    bool is_same = (role == EVAL_QUERY || role == EVAL_DOCUMENT) && *next + n <= kept->n;
    for (int64_t i = 0; is_same && i < n; i++) is_same = kept->hashes[*next + i] == hash_of(&texts[i]);
    if (!is_same) return senc_fail(err, SENC_FAILED, "the evaluation asks for other texts than the first time");
    const float *vectors = kept->vectors + *next * (role == EVAL_QUERY ? r->map->from : r->map->to);
    if (role == EVAL_QUERY)
        eval_linear_map_apply(r->map, vectors, n, out);
    else
        memcpy(out, vectors, (size_t)(n * r->map->to) * sizeof *out);
    *next += n;
    return true;
}

bool eval_old_index_can_measure(const eval_recorder *old, const eval_recorder *new) {
    const int64_t n = old->documents.n;
    return n >= FEWEST_DOCUMENTS && n == new->documents.n && old->queries.n == new->queries.n && old->queries.n > 0 &&
           memcmp(old->documents.hashes, new->documents.hashes, (size_t)n * sizeof *old->documents.hashes) == 0;
}

/* Which half a document belongs to depends on its text alone. */
static bool is_fitted(uint64_t hash) {
    return hash & 1;
}

/* The rows of one half, at most `most` of them, side by side. */
static int64_t copy_half(const eval_recorder *r, bool fitted, int64_t most, float *out) {
    const int64_t width = r->inner.width;
    int64_t n = 0;
    for (int64_t i = 0; i < r->documents.n && n < most; i++) {
        if (is_fitted(r->documents.hashes[i]) != fitted) continue;
        memcpy(out + n++ * width, r->documents.vectors + i * width, (size_t)width * sizeof *out);
    }
    return n;
}

static bool fit_and_test(const eval_recorder *old, const eval_recorder *new, eval_linear_map *map, double *cosine,
                         senc_error *err) {
    const int64_t n = old->documents.n < MOST_FITTED ? old->documents.n : MOST_FITTED;
    float *x = senc_alloc((size_t)(n * new->inner.width), sizeof *x);
    float *y = senc_alloc((size_t)(n * old->inner.width), sizeof *y);
    bool ok = (x && y) || senc_fail_memory(err, (size_t)(n * old->inner.width) * sizeof *y, "a linear map");
    if (ok) {
        copy_half(new, true, n, x);
        const int64_t n_fitted = copy_half(old, true, n, y);
        ok = n_fitted >= FEWEST_DOCUMENTS / 4
                 ? eval_linear_map_fit(x, new->inner.width, y, old->inner.width, n_fitted, map, err)
                 : senc_fail(err, SENC_FAILED, "too few documents for a linear map");
    }
    if (ok) {
        copy_half(new, false, n, x);
        const int64_t n_tested = copy_half(old, false, n, y);
        ok = eval_linear_map_cosine(map, x, y, n_tested, cosine, err);
    }
    free(x);
    free(y);
    return ok;
}

bool eval_old_index_measure(const eval_recorder *old, const eval_recorder *new, eval_job *job,
                            const eval_result *result, eval_old_index *out, senc_error *err) {
    eval_linear_map map = {0};
    eval_result repeated = {0};
    *out = (eval_old_index){.value = NAN};
    bool ok = fit_and_test(old, new, &map, &out->cosine, err);
    if (ok) {
        replay r = {.old = old, .new = new, .map = &map};
        const eval_embedder embedder = {.embed = replay_vectors,
                                        .context = &r,
                                        .width = map.to,
                                        .similarity = old->inner.similarity,
                                        .writes_nothing = true};
        ok = eval_job_run(job, &embedder, &repeated, err);
    }
    if (ok) {
        const eval_metric *metric = eval_result_find(&repeated, result->primary);
        if (metric) out->value = metric->value;
        out->n_fitted = map.n_fitted;
        eval_result_free(&repeated);
    }
    eval_linear_map_free(&map);
    return ok;
}
