/* Texts and vectors that do not go together: see vector_quality.h. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "eval/metrics/similarity.h"
#include "eval/quality/vector_quality.h"
#include "eval/search.h"

#define SEARCHED_ROWS 20000
#define NEIGHBOURS    8
#define ALIKE         0.999
#define APART         0.7

typedef struct text_hash {
    uint64_t hash;
    int64_t row;
} text_hash;

/* Letters, digits and bytes beyond ASCII, in lower case; whatever is between them counts as one space. */
uint64_t eval_quality_text_hash(const eval_text *text) {
    uint64_t hash = 0;
    bool gap = false, begun = false;
    for (int64_t i = 0; i < text->n_bytes; i++) {
        const unsigned char c = (unsigned char)text->bytes[i];
        if (c < 0x80 && !isalnum(c)) {
            gap = true;
            continue;
        }
        if (gap && begun) hash = senc_rng_mix(hash ^ ' ');
        hash = senc_rng_mix(hash ^ (uint64_t)tolower(c));
        gap = false;
        begun = true;
    }
    return hash;
}

static void note_pair(eval_quality_pairs *pairs, int64_t a, int64_t b, double score) {
    if (pairs->n < EVAL_QUALITY_SHOWN) pairs->shown[pairs->n] = (eval_quality_pair){a, b, score};
    pairs->n++;
}

static bool hash_of_row(eval_quality_text *text, void *context, int64_t row, uint64_t *hash, senc_error *err) {
    eval_text t;
    if (!text(context, row, &t, err)) return false;
    *hash = eval_quality_text_hash(&t);
    return true;
}

/* ---- other texts with the same vector ---- */

static bool note_alike(const eval_search *s, const int64_t *places, int64_t n, eval_quality_text *text, void *context,
                       eval_quality_suspects *out, senc_error *err) {
    for (int64_t i = 0; i < n; i++) {
        int64_t n_hits;
        const eval_hit *hits = eval_search_hits(s, i, &n_hits);
        for (int64_t k = 0; k < n_hits && (double)hits[k].score >= ALIKE; k++) {
            uint64_t a, b;
            if (hits[k].document <= i) continue;
            if (!hash_of_row(text, context, places[i], &a, err) ||
                !hash_of_row(text, context, places[hits[k].document], &b, err))
                return false;
            if (a != b) note_pair(&out->alike, places[i], places[hits[k].document], (double)hits[k].score);
        }
    }
    return true;
}

static bool find_alike(const data_vectors *v, eval_quality_text *text, void *context, eval_quality_suspects *out,
                       senc_error *err) {
    float *rows = NULL;
    int64_t *places = NULL, n = 0;
    eval_search *s = NULL;
    const eval_search_options options = {.kernels = kern_best(), .similarity = EVAL_COSINE, .k = NEIGHBOURS};
    bool ok = eval_quality_sample(v, SEARCHED_ROWS, true, &rows, &places, &n, err);
    out->n_searched = n;
    if (ok && n > 0) {
        ok = eval_search_open(&options, rows, n, v->width, &s, err) && eval_search_add(s, rows, n, err);
        if (ok) eval_search_finish(s);
        ok = ok && note_alike(s, places, n, text, context, out, err);
    }
    eval_search_close(s);
    free(rows);
    free(places);
    return ok;
}

/* ---- the same text with other vectors ---- */

static int by_text(const void *a, const void *b) {
    const text_hash *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static bool compare_group(const data_vectors *v, const text_hash *hashes, int64_t n, float *x, float *y,
                          eval_quality_suspects *out, senc_error *err) {
    if (n < 2) return true;
    if (!data_vectors_read(v, hashes[0].row, 1, x, err)) return false;
    for (int64_t i = 1; i < n; i++) {
        if (!data_vectors_read(v, hashes[i].row, 1, y, err)) return false;
        const double score = eval_similarity_of(EVAL_COSINE, x, y, v->width);
        if (score < APART) note_pair(&out->apart, hashes[0].row, hashes[i].row, score);
    }
    return true;
}

static bool find_apart(const data_vectors *v, eval_quality_text *text, void *context, eval_quality_suspects *out,
                       senc_error *err) {
    text_hash *hashes = senc_alloc((size_t)v->n_rows, sizeof *hashes);
    float *x = senc_alloc((size_t)v->width * 2, sizeof *x);
    bool ok = hashes && x;
    if (!ok) senc_fail_memory(err, (size_t)v->n_rows * sizeof *hashes, "texts");
    for (int64_t i = 0; ok && i < v->n_rows; i++) {
        hashes[i].row = i;
        ok = hash_of_row(text, context, i, &hashes[i].hash, err);
    }
    if (ok && v->n_rows > 0) qsort(hashes, (size_t)v->n_rows, sizeof *hashes, by_text);
    for (int64_t i = 0, end; ok && i < v->n_rows; i = end) {
        for (end = i + 1; end < v->n_rows && hashes[end].hash == hashes[i].hash;) end++;
        ok = compare_group(v, hashes + i, end - i, x, x + v->width, out, err);
    }
    free(x);
    free(hashes);
    return ok;
}

bool eval_quality_suspect(const data_vectors *v, eval_quality_text *text, void *context, eval_quality_suspects *out,
                          senc_error *err) {
    *out = (eval_quality_suspects){0};
    return find_alike(v, text, context, out, err) && find_apart(v, text, context, out, err);
}
