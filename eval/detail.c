/* Units and series behind a result: see detail.h. */
#include "eval/detail.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

bool eval_detail_init(eval_detail *d, const char *unit_name, int64_t n_units, bool with_gold, senc_error *err) {
    *d = (eval_detail){.unit_name = unit_name, .n_units = n_units};
    d->units = senc_alloc_zero((size_t)n_units, sizeof *d->units);
    if (with_gold) d->gold = senc_alloc_zero((size_t)n_units, sizeof *d->gold);
    if (d->units && (d->gold || !with_gold)) {
        for (int64_t i = 0; i < n_units; i++) d->units[i].rank = -1;
        return true;
    }
    eval_detail_free(d);
    return senc_fail_memory(err, (size_t)n_units * sizeof *d->units, "an evaluation's details");
}

static void free_unit(eval_unit *u) {
    for (int64_t i = 0; i < u->n_found; i++) {
        free(u->found[i].id);
        free(u->found[i].text);
    }
    free(u->found);
    free(u->id);
    free(u->text);
    free(u->other);
    free(u->slice);
}

void eval_detail_free(eval_detail *d) {
    for (int64_t i = 0; d->units && i < d->n_units; i++) free_unit(&d->units[i]);
    for (int64_t i = 0; i < d->n_series; i++) {
        free(d->series[i].key);
        free(d->series[i].values);
    }
    for (int64_t i = 0; i < d->n_curves; i++) {
        free(d->curves[i].name);
        free(d->curves[i].ks);
        free(d->curves[i].values);
    }
    free(d->units);
    free(d->gold);
    free(d->series);
    free(d->positives);
    free(d->negatives);
    free(d->curves);
    *d = (eval_detail){0};
}

bool eval_detail_add_series(eval_detail *d, const char *key, eval_statistic statistic, double **values,
                            senc_error *err) {
    eval_series *grown = senc_realloc(d->series, (size_t)d->n_series + 1, sizeof *grown);
    if (!grown) return senc_fail_memory(err, sizeof *grown, "an evaluation's details");
    d->series = grown;
    eval_series s = {
        .key = strdup(key), .statistic = statistic, .values = senc_alloc_zero((size_t)d->n_units, sizeof *s.values)};
    if (!s.key || !s.values) {
        free(s.key);
        free(s.values);
        return senc_fail_memory(err, (size_t)d->n_units * sizeof *s.values, "an evaluation's details");
    }
    d->series[d->n_series++] = s;
    if (values) *values = s.values;
    return true;
}

const eval_series *eval_detail_find(const eval_detail *d, const char *key) {
    for (int64_t i = 0; i < d->n_series; i++)
        if (strcmp(d->series[i].key, key) == 0) return &d->series[i];
    return NULL;
}

/* ---- texts ---- */

static int64_t count_words(const char *text, int64_t n) {
    int64_t words = 0;
    bool inside = false;
    for (int64_t i = 0; i < n; i++) {
        const bool space = isspace((unsigned char)text[i]);
        words += !space && !inside;
        inside = !space;
    }
    return words;
}

/* A copy, cut before the character that goes beyond the limit; then "..." is behind it. */
static char *copy_text(const char *text, int64_t n) {
    int64_t end = n;
    if (n > EVAL_DETAIL_TEXT_BYTES) {
        end = EVAL_DETAIL_TEXT_BYTES;
        while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80) end--;
    }
    char *copy = malloc((size_t)end + 4);
    if (!copy) return NULL;
    memcpy(copy, text, (size_t)end);
    memcpy(copy + end, end < n ? "..." : "", end < n ? 4 : 1);
    return copy;
}

bool eval_detail_set_unit(eval_detail *d, int64_t i, const char *id, const char *text, int64_t n_bytes,
                          const char *other, int64_t n_other_bytes, senc_error *err) {
    eval_unit *u = &d->units[i];
    free(u->id);
    free(u->text);
    free(u->other);
    u->id = strdup(id);
    u->text = copy_text(text, n_bytes);
    u->other = other ? copy_text(other, n_other_bytes) : NULL;
    u->n_words = count_words(text, n_bytes);
    if (u->id && u->text && (u->other || !other)) return true;
    return senc_fail_memory(err, (size_t)n_bytes, "an evaluation's details");
}

bool eval_detail_add_found(eval_detail *d, int64_t i, const char *id, const char *text, int64_t n_bytes, double score,
                           double grade, senc_error *err) {
    eval_unit *u = &d->units[i];
    eval_found *grown = senc_realloc(u->found, (size_t)u->n_found + 1, sizeof *grown);
    if (!grown) return senc_fail_memory(err, sizeof *grown, "an evaluation's details");
    u->found = grown;
    const eval_found f = {
        .id = strdup(id), .text = text ? copy_text(text, n_bytes) : NULL, .score = score, .grade = grade};
    if (f.id && (f.text || !text)) {
        u->found[u->n_found++] = f;
        return true;
    }
    free(f.id);
    free(f.text);
    return senc_fail_memory(err, (size_t)n_bytes, "an evaluation's details");
}
