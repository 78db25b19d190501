/* Rows on their way to vectors, similarities and details: the second half of evaluator_parts.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/pairs.h"
#include "eval/evaluators/evaluator_parts.h"

/* Texts of this many rows are in memory at once. */
#define BLOCK_ROWS 4096

static int64_t block_of(int64_t n) {
    return n < BLOCK_ROWS ? n : BLOCK_ROWS;
}

/* Vectors of rows first .. first + n: of one column (slot2 -1), or of two, side by side. */
static bool embed_rows(const data_set *set, const int64_t *slots, int n_slots, int64_t first, int64_t n,
                       const eval_embedder *embedder, eval_role role, eval_text_block *texts, data_row *row, float *out,
                       senc_error *err) {
    for (int64_t i = first; i < first + n; i++) {
        if (!data_set_row(set, i, row, err)) return false;
        for (int k = 0; k < n_slots; k++) {
            const data_value *v = &row->values[slots[k]];
            if (!eval_text_block_add(texts, v->text, v->n_bytes, err)) return false;
        }
    }
    return eval_text_block_embed(texts, embedder, role, out, err);
}

bool eval_column_embed(const data_set *set, int64_t slot, const eval_embedder *embedder, eval_role role, float **out,
                       senc_error *err) {
    const int64_t n = data_set_n_rows(set);
    *out = eval_vectors_alloc(embedder, n, err);
    if (*out == NULL) return false;
    eval_text_block texts = {0};
    data_row row = {0};
    bool ok = true;
    for (int64_t first = 0; ok && first < n; first += BLOCK_ROWS)
        ok = embed_rows(set, &slot, 1, first, block_of(n - first), embedder, role, &texts, &row,
                        *out + first * embedder->width, err);
    data_row_free(&row);
    eval_text_block_free(&texts);
    if (ok) return true;
    free(*out);
    *out = NULL;
    return false;
}

bool eval_pairs_measure(const data_set *set, int64_t slot1, int64_t slot2, const eval_embedder *embedder,
                        const eval_similarities *functions, double *measured, senc_error *err) {
    const int64_t n_rows = data_set_n_rows(set), width = embedder->width, slots[2] = {slot1, slot2};
    float *vectors = eval_vectors_alloc(embedder, 2 * block_of(n_rows), err);
    if (vectors == NULL) return false;
    eval_text_block texts = {0};
    data_row row = {0};
    bool ok = true;
    for (int64_t first = 0; ok && first < n_rows; first += BLOCK_ROWS) {
        const int64_t n = block_of(n_rows - first);
        ok = embed_rows(set, slots, 2, first, n, embedder, EVAL_TEXT, &texts, &row, vectors, err);
        for (int f = 0; ok && f < functions->n; f++)
            for (int64_t i = 0; i < n; i++)
                measured[f * n_rows + first + i] = eval_similarity_of(functions->items[f], vectors + 2 * i * width,
                                                                      vectors + (2 * i + 1) * width, width);
    }
    data_row_free(&row);
    eval_text_block_free(&texts);
    free(vectors);
    return ok;
}

bool eval_texts_number(const data_set *set, int64_t slot, int64_t **numbers, senc_error *err) {
    const int64_t n = data_set_n_rows(set);
    *numbers = senc_alloc((size_t)n, sizeof **numbers);
    if (*numbers == NULL) return senc_fail_memory(err, (size_t)n * sizeof **numbers, "texts");
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        ok = data_set_row(set, i, &row, err);
        if (ok) (*numbers)[i] = (int64_t)data_text_hash(row.values[slot].text, row.values[slot].n_bytes);
    }
    data_row_free(&row);
    return ok;
}

bool eval_rows_visit(const data_set *set, const char *unit, int64_t text, int64_t other, const int64_t *rows,
                     int64_t n_rows, eval_unit_visit visit, void *context, senc_error *err) {
    const int64_t n = rows ? n_rows : data_set_n_rows(set), slots[2] = {text, other};
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        const int64_t at = rows ? rows[i] : i;
        char id[24];
        snprintf(id, sizeof id, "%lld", (long long)at + 1);
        eval_unit_texts u = {.unit = unit, .id = id, .n_texts = other >= 0 ? 2 : 1};
        ok = data_set_row(set, at, &row, err);
        for (int k = 0; ok && k < u.n_texts; k++)
            u.texts[k] = (eval_text){row.values[slots[k]].text, (int64_t)row.values[slots[k]].n_bytes};
        ok = ok && visit(context, &u, err);
    }
    data_row_free(&row);
    return ok;
}

/* ---- details ---- */

bool eval_detail_set_slice(eval_detail *d, int64_t i, const data_value *slice, senc_error *err) {
    if (!slice->present) return true;
    d->units[i].slice = senc_strndup(slice->text, slice->n_bytes);
    return d->units[i].slice != NULL || senc_fail_memory(err, slice->n_bytes, "an evaluation's details");
}

bool eval_detail_set_rows(eval_detail *d, const char *unit_name, const data_set *set, int64_t text, int64_t other,
                          bool with_gold, senc_error *err) {
    const int64_t n = data_set_n_rows(set), slice = data_set_find_slot(set, "slice");
    if (!eval_detail_init(d, unit_name, n, with_gold, err)) return false;
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        char id[24];
        snprintf(id, sizeof id, "%lld", (long long)i + 1);
        ok = data_set_row(set, i, &row, err);
        if (!ok) break;
        const data_value *v = &row.values[text], *w = other >= 0 ? &row.values[other] : NULL;
        ok = eval_detail_set_unit(d, i, id, v->text, (int64_t)v->n_bytes, w ? w->text : NULL,
                                  w ? (int64_t)w->n_bytes : 0, err) &&
             (slice < 0 || eval_detail_set_slice(d, i, &row.values[slice], err));
    }
    data_row_free(&row);
    return ok;
}

bool eval_detail_add_sample(eval_detail *d, bool positive, double score, senc_error *err) {
    double **samples = positive ? &d->positives : &d->negatives;
    int64_t *n = positive ? &d->n_positives : &d->n_negatives;
    if (*n == EVAL_DETAIL_SAMPLE) return true;
    if ((*n & (*n - 1)) == 0) { /* 0 or a power of two: full */
        double *grown = senc_realloc(*samples, (size_t)(*n > 0 ? 2 * *n : 1), sizeof *grown);
        if (grown == NULL) return senc_fail_memory(err, (size_t)*n * sizeof *grown, "an evaluation's details");
        *samples = grown;
    }
    (*samples)[(*n)++] = score;
    return true;
}

bool eval_detail_sample_scores(eval_detail *d, const double *scores, const double *labels, int64_t n, senc_error *err) {
    int64_t all[2] = {0}, seen[2] = {0};
    for (int64_t i = 0; i < n; i++) all[labels[i] > 0]++;
    for (int64_t i = 0; i < n; i++) {
        const bool positive = labels[i] > 0;
        const int64_t step = (all[positive] + EVAL_DETAIL_SAMPLE - 1) / EVAL_DETAIL_SAMPLE;
        if (seen[positive]++ % step == 0 && !eval_detail_add_sample(d, positive, scores[i], err)) return false;
    }
    return true;
}

bool eval_detail_put_series(eval_result *result, eval_statistic statistic, const double *values, senc_error *err,
                            const char *fmt, ...) {
    senc_buffer key = {0};
    va_list args;
    va_start(args, fmt);
    eval_result_key(result, &key, fmt, args);
    va_end(args);
    double *own;
    const bool ok = !key.failed ? eval_detail_add_series(&result->detail, senc_buffer_text(&key), statistic, &own, err)
                                : senc_fail_memory(err, strlen(fmt), "an evaluation's details");
    senc_buffer_free(&key);
    if (ok) memcpy(own, values, (size_t)result->detail.n_units * sizeof *own);
    return ok;
}
