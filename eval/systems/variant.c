/* See variant.h. What is fitted (pca, int8) is fitted to the documents that `prepare` brings, whose vectors are kept
 * and not computed again; without any, to the first texts that come. */
#include "eval/systems/variant.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "data/pairs.h"
#include "eval/corpus_search.h"
#include "eval/evaluators/evaluator_parts.h"
#include "eval/solvers/eigen.h"

#define CHUNK 4096 /* texts whose whole vectors are in memory at once */

enum { QUANTIZE_NONE, QUANTIZE_INT8, QUANTIZE_BINARY };

typedef struct variant_options {
    int64_t dim, pca, rescore;
    int quantize;
} variant_options;

const senc_option eval_variant_options[] = {
    SENC_OPTION_INTEGER(variant_options, dim, "0", 1, 1e9, "the first N dimensions; 0: all"),
    SENC_OPTION_INTEGER(variant_options, pca, "0", 1, 1e9, "N principal directions of the documents' vectors; 0: off"),
    SENC_OPTION_CHOICE(variant_options, quantize, "none", "none|int8|binary", "what an index would hold"),
    SENC_OPTION_INTEGER(variant_options, rescore, "0", 1, 1000,
                        "binary: score the first N x k again with the query's floats; 0: off"),
    {0},
};

/* A text whose vector is known already. */
typedef struct kept_row {
    uint64_t hash;
    int64_t row;
} kept_row;

struct eval_variant {
    variant_options options;
    eval_embedder base;
    int64_t width; /* of what comes out */
    float *whole;  /* (CHUNK, base width) */
    bool fitted;
    float *directions;   /* pca: (width, base width) */
    float *start, *step; /* int8: (width) */
    float *kept;         /* (n_kept, base width) vectors of the sample */
    kept_row *kept_rows; /* (n_kept) by hash */
    bool *kept_cut;      /* (n_kept) which texts of the sample were cut */
    int64_t n_kept;
    bool queries_in_floats; /* rescoring asks for them, a second time */
    eval_reader reader;
    eval_ranker ranker;
};

/* ---- fitting ---- */

typedef struct covariance_task {
    const float *rows;
    const double *mean;
    double *out;
    int64_t n, width;
} covariance_task;

/* Row i of the covariance, up to the diagonal. */
static void covariance_row(void *context, int64_t i, int thread) {
    (void)thread;
    const covariance_task *t = context;
    double *out = t->out + i * t->width;
    for (int64_t r = 0; r < t->n; r++) {
        const float *row = t->rows + r * t->width;
        const double x = (double)row[i] - t->mean[i];
        for (int64_t j = 0; j <= i; j++) out[j] += x * ((double)row[j] - t->mean[j]);
    }
}

static bool fit_directions(eval_variant *v, const float *rows, int64_t n, senc_error *err) {
    const int64_t w = v->base.width;
    double *mean = senc_alloc_zero((size_t)w, sizeof *mean), *values = senc_alloc((size_t)w, sizeof *values);
    double *a = senc_alloc_zero((size_t)(w * w), sizeof *a);
    bool ok = (mean && values && a) || senc_fail_memory(err, (size_t)(w * w) * sizeof *a, "principal directions");
    if (ok) {
        for (int64_t r = 0; r < n; r++)
            for (int64_t k = 0; k < w; k++) mean[k] += (double)rows[r * w + k] / (double)n;
        covariance_task task = {rows, mean, a, n, w};
        senc_parallel(w, covariance_row, &task);
        for (int64_t i = 0; i < w; i++)
            for (int64_t j = 0; j < i; j++) a[j * w + i] = a[i * w + j];
        ok = eval_eigen_symmetric(a, w, values, err);
    }
    for (int64_t i = 0; ok && i < v->width * w; i++) v->directions[i] = (float)a[i];
    free(mean);
    free(values);
    free(a);
    return ok;
}

/* Out of place: whole (base width) -> out (width). */
static void reduce(const eval_variant *v, const float *whole, float *out) {
    const int64_t w = v->base.width;
    if (v->options.pca > 0) {
        for (int64_t i = 0; i < v->width; i++) {
            double sum = 0;
            for (int64_t k = 0; k < w; k++) sum += (double)v->directions[i * w + k] * (double)whole[k];
            out[i] = (float)sum;
        }
    } else {
        memcpy(out, whole, (size_t)v->width * sizeof *out);
    }
    if (v->width == w && v->options.pca == 0) return;
    const double length = eval_vector_length(out, v->width);
    if (fabs(eval_vector_length(whole, w) - 1) > 1e-3) return;
    for (int64_t i = 0; i < v->width; i++) out[i] = (float)((double)out[i] / length);
}

static bool fit_steps(eval_variant *v, const float *rows, int64_t n, senc_error *err) {
    float *row = senc_alloc((size_t)v->width, sizeof *row);
    if (!row) return senc_fail_memory(err, (size_t)v->width * sizeof *row, "a vector");
    for (int64_t r = 0; r < n; r++) {
        reduce(v, rows + r * v->base.width, row);
        for (int64_t i = 0; i < v->width; i++) { /* step is the greatest number until the end */
            if (r == 0 || row[i] < v->start[i]) v->start[i] = row[i];
            if (r == 0 || row[i] > v->step[i]) v->step[i] = row[i];
        }
    }
    for (int64_t i = 0; i < v->width; i++) v->step[i] = (v->step[i] - v->start[i]) / 255;
    free(row);
    return true;
}

static bool fit(eval_variant *v, const float *rows, int64_t n, senc_error *err) {
    if (v->options.pca > 0 && !fit_directions(v, rows, n, err)) return false;
    if (v->options.quantize == QUANTIZE_INT8 && !fit_steps(v, rows, n, err)) return false;
    v->fitted = true;
    return true;
}

static bool needs_fit(const eval_variant *v) {
    return v->options.pca > 0 || v->options.quantize == QUANTIZE_INT8;
}

static void forget(eval_variant *v) {
    free(v->kept);
    free(v->kept_rows);
    free(v->kept_cut);
    v->kept = NULL;
    v->kept_rows = NULL;
    v->kept_cut = NULL;
    v->n_kept = 0;
    v->fitted = false;
}

static int by_hash(const void *a, const void *b) {
    const kept_row *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static bool prepare(void *context, const eval_text *sample, int64_t n, senc_error *err) {
    eval_variant *v = context;
    forget(v);
    if (v->base.prepare && !v->base.prepare(v->base.context, sample, n, err)) return false;
    if (n == 0 || !needs_fit(v)) return true;
    v->kept = senc_alloc((size_t)(n * v->base.width), sizeof *v->kept);
    v->kept_rows = senc_alloc((size_t)n, sizeof *v->kept_rows);
    v->kept_cut = senc_alloc_zero((size_t)n, sizeof *v->kept_cut);
    if (!v->kept || !v->kept_rows || !v->kept_cut)
        return senc_fail_memory(err, (size_t)(n * v->base.width) * sizeof *v->kept, "vectors to fit to");
    if (!v->base.embed(v->base.context, EVAL_DOCUMENT, sample, n, v->kept, err)) return false;
    if (v->base.reader && v->base.reader->cut)
        memcpy(v->kept_cut, v->base.reader->cut, (size_t)n * sizeof *v->kept_cut);
    for (int64_t i = 0; i < n; i++)
        v->kept_rows[i] = (kept_row){data_text_hash(sample[i].bytes, (size_t)sample[i].n_bytes), i};
    qsort(v->kept_rows, (size_t)n, sizeof *v->kept_rows, by_hash);
    v->n_kept = n;
    return fit(v, v->kept, n, err);
}

/* ---- embedding ---- */

/* The place of a text in the sample; -1: not in it. */
static int64_t find_kept(const eval_variant *v, const eval_text *text) {
    const uint64_t hash = data_text_hash(text->bytes, (size_t)text->n_bytes);
    int64_t low = 0, high = v->n_kept;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (v->kept_rows[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low < v->n_kept && v->kept_rows[low].hash == hash ? v->kept_rows[low].row : -1;
}

/* Whole vectors of at most CHUNK texts into v->whole, and which texts were cut into cut. Those that are kept are
 * copied; the others go together. */
static bool embed_whole(eval_variant *v, eval_role role, const eval_text *texts, int64_t n, bool *cut,
                        senc_error *err) {
    const int64_t w = v->base.width;
    const eval_reader *reader = v->base.reader;
    if (role != EVAL_DOCUMENT || v->n_kept == 0) {
        if (!v->base.embed(v->base.context, role, texts, n, v->whole, err)) return false;
        if (reader && reader->cut) memcpy(cut, reader->cut, (size_t)n * sizeof *cut);
        return true;
    }
    eval_text *rest = senc_alloc((size_t)n, sizeof *rest);
    if (!rest) return senc_fail_memory(err, (size_t)n * sizeof *rest, "texts");
    int64_t n_rest = 0;
    for (int64_t i = 0; i < n; i++)
        if (find_kept(v, &texts[i]) < 0) rest[n_rest++] = texts[i];
    bool ok = n_rest == 0 || v->base.embed(v->base.context, role, rest, n_rest, v->whole, err);
    free(rest);
    for (int64_t i = n - 1; ok && i >= 0; i--) { /* from behind: the rest moves up to its place */
        const int64_t kept = find_kept(v, &texts[i]);
        const float *row = kept >= 0 ? v->kept + kept * w : v->whole + --n_rest * w;
        cut[i] = kept >= 0 ? v->kept_cut[kept] : reader && reader->cut && reader->cut[n_rest];
        memmove(v->whole + i * w, row, (size_t)w * sizeof *v->whole);
    }
    return ok;
}

/* The code of sentence-transformers, ((x - start) / step - 128) cut towards zero, but held between -128 and 127 where
 * a number lies outside of what was seen; and the middle of what has this code. Only the extremes themselves have the
 * codes -128 and 127. */
static float decode(float x, float start, float step) {
    if (!(step > 0)) return start;
    const float code = truncf((x - start) / step - 128);
    if (!(code > -128)) return start;
    if (code >= 127) return start + 255 * step;
    const float middle = code > 0 ? 0.5f : code < 0 ? -0.5f : 0;
    return start + (code + middle + 128) * step;
}

static void quantize(const eval_variant *v, eval_role role, float *row) {
    if (v->options.quantize == QUANTIZE_INT8 && role != EVAL_QUERY)
        for (int64_t i = 0; i < v->width; i++) row[i] = decode(row[i], v->start[i], v->step[i]);
    if (v->options.quantize != QUANTIZE_BINARY || (role == EVAL_QUERY && v->queries_in_floats)) return;
    const float one = (float)(1 / sqrt((double)v->width)); /* vectors of length 1 */
    for (int64_t i = 0; i < v->width; i++) row[i] = row[i] > 0 ? one : -one;
}

typedef struct reduce_task {
    const eval_variant *variant;
    eval_role role;
    float *out;
} reduce_task;

static void reduce_row(void *context, int64_t i, int thread) {
    (void)thread;
    const reduce_task *t = context;
    reduce(t->variant, t->variant->whole + i * t->variant->base.width, t->out + i * t->variant->width);
    quantize(t->variant, t->role, t->out + i * t->variant->width);
}

static bool embed(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    eval_variant *v = context;
    if (!eval_reader_start(&v->reader, n, err)) return false;
    for (int64_t first = 0; first < n; first += CHUNK) {
        const int64_t size = n - first < CHUNK ? n - first : CHUNK;
        if (!embed_whole(v, role, texts + first, size, v->reader.cut + first, err)) return false;
        if (needs_fit(v) && !v->fitted && !fit(v, v->whole, size, err)) return false;
        reduce_task task = {v, role, out + first * v->width};
        senc_parallel(size, reduce_row, &task);
    }
    if (!v->queries_in_floats) eval_reader_finish(&v->reader);
    return true;
}

/* ---- rescoring ---- */

typedef struct rescore_run {
    eval_variant *variant;
    const eval_rank_request *request;
    eval_embedder embedder;
    uint8_t *bits;  /* (documents, row_bytes) */
    float *queries; /* (n_queries, width) floats */
    int64_t row_bytes;
    eval_search *search;
    eval_nearest nearest;
} rescore_run;

/* Keeps the bits of a block of documents. */
static void see_block(void *context, const float *queries, int64_t first, int64_t n, const float *block) {
    (void)queries;
    rescore_run *run = context;
    const int64_t width = run->variant->width;
    for (int64_t i = 0; i < n; i++) {
        uint8_t *bits = run->bits + (first + i) * run->row_bytes;
        for (int64_t k = 0; k < width; k++)
            if (block[i * width + k] > 0) bits[k / 8] |= (uint8_t)(1 << k % 8);
    }
}

static void rescore_query(void *context, int64_t q, int thread) {
    (void)thread;
    rescore_run *run = context;
    const int64_t width = run->variant->width;
    const float *query = run->queries + q * width;
    const double lengths = eval_vector_length(query, width) * sqrt((double)width);
    int64_t n;
    const eval_hit *hits = eval_search_hits(run->search, q, &n);
    for (int64_t h = 0; h < n; h++) {
        const uint8_t *bits = run->bits + hits[h].document * run->row_bytes;
        double sum = 0;
        for (int64_t k = 0; k < width; k++) sum += bits[k / 8] >> k % 8 & 1 ? (double)query[k] : -(double)query[k];
        eval_nearest_offer(&run->nearest, q, (eval_hit){hits[h].document, (float)(sum / lengths)});
    }
}

static bool embed_queries(rescore_run *run, senc_error *err) {
    const eval_rank_request *r = run->request;
    data_beir_scratch scratch = {0};
    eval_text_block block = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < r->n_queries; i++) {
        const char *text;
        size_t n_bytes;
        ok = data_beir_query_text(r->beir, r->queries[i], &scratch, &text, &n_bytes, err) &&
             eval_text_block_add(&block, text, n_bytes, err);
        if (!ok || (block.n < CHUNK && i + 1 < r->n_queries)) continue;
        const int64_t n = block.n;
        ok = eval_text_block_embed(&block, &run->embedder, EVAL_QUERY, run->queries + (i + 1 - n) * run->variant->width,
                                   err);
    }
    data_beir_scratch_free(&scratch);
    eval_text_block_free(&block);
    return ok;
}

static bool rescore(rescore_run *run, senc_error *err) {
    eval_rank_request deeper = *run->request;
    const int64_t n_documents = data_beir_n_documents(deeper.beir), times = run->variant->options.rescore;
    deeper.depth = deeper.depth > n_documents / times ? n_documents : deeper.depth * times;
    run->row_bytes = (run->variant->width + 7) / 8;
    run->bits = senc_alloc_zero((size_t)n_documents, (size_t)run->row_bytes);
    run->queries = eval_vectors_alloc(&run->embedder, deeper.n_queries, err);
    run->nearest = (eval_nearest){.n_queries = deeper.n_queries,
                                  .k = run->request->depth,
                                  .tie_rank = deeper.tie_rank,
                                  .tie_descending = deeper.tie_descending};
    if (!run->queries || !run->bits || !eval_nearest_init(&run->nearest))
        return senc_fail_memory(err, (size_t)(n_documents * run->row_bytes), "binary vectors");
    const eval_similarity dot = EVAL_DOT; /* of +1 and -1: the Hamming distance, turned round */
    const eval_corpus_watch watch = {see_block, run};
    if (!eval_corpus_search(&deeper, &run->embedder, &dot, 1, &watch, &run->search, err)) return false;
    run->variant->queries_in_floats = true;
    const bool ok = embed_queries(run, err);
    run->variant->queries_in_floats = false;
    if (!ok) return false;
    senc_parallel(deeper.n_queries, rescore_query, run);
    eval_nearest_sort(&run->nearest);
    return true;
}

static bool rank_rescored(void *context, const eval_rank_request *request, eval_hit *hits, int64_t *n_hits,
                          senc_error *err) {
    eval_variant *v = context;
    rescore_run run = {.variant = v, .request = request};
    run.embedder = (eval_embedder){
        .embed = embed, .context = v, .width = v->width, .similarity = v->base.similarity, .prepare = prepare};
    const bool ok = rescore(&run, err);
    if (ok) {
        memcpy(hits, run.nearest.hits, (size_t)(request->n_queries * request->depth) * sizeof *hits);
        memcpy(n_hits, run.nearest.n_hits, (size_t)request->n_queries * sizeof *n_hits);
    }
    eval_search_close(run.search);
    eval_nearest_free(&run.nearest);
    free(run.bits);
    free(run.queries);
    return ok;
}

/* ---- opening ---- */

void eval_variant_free(eval_variant *v) {
    if (!v) return;
    forget(v);
    eval_reader_free(&v->reader);
    free(v->whole);
    free(v->directions);
    free(v->start);
    free(v->step);
    free(v);
}

static bool check_options(const eval_system *s, const variant_options *o, senc_error *err) {
    const int64_t width = s->embedder.width;
    if (o->dim > 0 && o->pca > 0) return senc_fail(err, SENC_BAD_INPUT, "%s: dim and pca: give one of them", s->spec);
    if (o->dim > width || o->pca > width)
        return senc_fail(err, SENC_BAD_INPUT, "%s: %s: expected at most the %lld dimensions of the vectors, got %lld",
                         s->spec, o->dim > width ? "dim" : "pca", (long long)width,
                         (long long)(o->dim > width ? o->dim : o->pca));
    if (o->rescore > 0 && o->quantize != QUANTIZE_BINARY)
        return senc_fail(err, SENC_BAD_INPUT, "%s: rescore: expected beside quantize=binary", s->spec);
    return true;
}

static bool take_memory(eval_variant *v, senc_error *err) {
    const size_t width = (size_t)v->width, w = (size_t)v->base.width;
    v->whole = senc_alloc(CHUNK * w, sizeof *v->whole);
    v->directions = senc_alloc(v->options.pca > 0 ? width * w : 0, sizeof *v->directions);
    v->start = senc_alloc(width, sizeof *v->start);
    v->step = senc_alloc(width, sizeof *v->step);
    if (v->whole && v->directions && v->start && v->step) return true;
    return senc_fail_memory(err, CHUNK * w * sizeof *v->whole, "vectors");
}

static bool add_rules(eval_system *s, const eval_variant *v, senc_error *err) {
    const variant_options *o = &v->options;
    const long long width = (long long)v->width, w = (long long)v->base.width;
    bool ok = true;
    if (o->dim > 0)
        ok = eval_system_add_rule(s, err, "vectors: the first %lld of %lld dimensions%s", width, w,
                                  o->dim < v->base.width ? ", normalised again" : "");
    if (ok && o->pca > 0)
        ok = eval_system_add_rule(
            s, err, "vectors: %lld principal directions of %lld dimensions, of up to %d documents, not centred", width,
            w, EVAL_PREPARE_DOCUMENTS);
    if (ok && o->quantize == QUANTIZE_INT8)
        ok = eval_system_add_rule(s, err,
                                  "int8: 256 steps a dimension between the extremes of up to %d documents; queries "
                                  "stay floats",
                                  EVAL_PREPARE_DOCUMENTS);
    if (ok && o->quantize == QUANTIZE_BINARY)
        ok = o->rescore > 0 ? eval_system_add_rule(s, err,
                                                   "binary: the %lld x k documents of the least Hamming distance, "
                                                   "scored again with the query's floats",
                                                   (long long)o->rescore)
                            : eval_system_add_rule(s, err, "binary: Hamming distance of the signs");
    return ok;
}

static void put_in_place(eval_system *s, eval_variant *v) {
    v->base = s->embedder;
    s->embedder = (eval_embedder){
        .embed = embed, .context = v, .width = v->width, .similarity = v->base.similarity, .prepare = prepare};
    if (v->base.reader) {
        v->reader.sum.max_length = v->base.reader->sum.max_length;
        s->embedder.reader = &v->reader;
    }
    if (v->options.quantize == QUANTIZE_INT8) s->bytes_per_vector = v->width;
    if (v->options.quantize == QUANTIZE_BINARY) s->bytes_per_vector = (v->width + 7) / 8;
    if (v->options.rescore == 0) return;
    v->ranker = (eval_ranker){.rank = rank_rescored, .context = v, .score_name = "cosine"};
    s->embedder.ranker = &v->ranker;
}

bool eval_variant_open(eval_system *s, const senc_value *keys, const char *const *ignore, senc_error *err) {
    char owner[64];
    snprintf(owner, sizeof owner, "system \"%s\"", s->kind->name);
    variant_options o = {0};
    if (!senc_options_read(eval_variant_options, &o, keys, s->kind->name, owner, ignore, err) ||
        !check_options(s, &o, err))
        return false;
    if (o.dim == 0 && o.pca == 0 && o.quantize == QUANTIZE_NONE) return true;
    eval_variant *v = s->variant = senc_alloc_zero(1, sizeof *v);
    if (!v) return senc_fail_memory(err, sizeof *v, "a variant");
    v->options = o;
    v->width = o.dim > 0 ? o.dim : o.pca > 0 ? o.pca : s->embedder.width;
    put_in_place(s, v);
    return take_memory(v, err) && add_rules(s, v, err);
}
