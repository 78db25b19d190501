/* Masked candidates of a batch: see negatives.h. */
#include "train/negatives.h"

#include <stdlib.h>

#include "autograd/base/memory.h"

void train_negatives_free(train_negatives *m) {
    free(m->candidates);
    free(m->masked);
    *m = (train_negatives){0};
}

static int by_text(const void *a, const void *b) {
    const data_pair *x = a, *y = b;
    if (x->text != y->text) return x->text < y->text ? -1 : 1;
    return x->anchor < y->anchor ? -1 : x->anchor > y->anchor;
}

static int by_row(const void *a, const void *b) {
    const loss_masked *x = a, *y = b;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return x->candidate < y->candidate ? -1 : x->candidate > y->candidate;
}

static bool append(train_negatives *m, int64_t row, int64_t candidate, senc_error *err) {
    if (m->n == m->capacity) {
        const int64_t capacity = m->capacity ? 2 * m->capacity : 256;
        loss_masked *grown = senc_realloc(m->masked, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "masked negatives");
        m->masked = grown;
        m->capacity = capacity;
    }
    m->masked[m->n++] = (loss_masked){row, candidate};
    return true;
}

/* Masks for `row` every candidate whose text has this hash, but for the row's own positive. */
static bool mask_text(train_negatives *m, int64_t n_candidates, uint64_t hash, int64_t row, int64_t own,
                      senc_error *err) {
    int64_t low = 0, high = n_candidates;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (m->candidates[middle].text < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < n_candidates && m->candidates[low].text == hash; low++) {
        const int64_t candidate = (int64_t)m->candidates[low].anchor;
        if (candidate != own && !append(m, row, candidate, err)) return false;
    }
    return true;
}

/* The first pair whose anchor is not below `anchor`. */
static int64_t first_pair(const data_pairs *known, uint64_t anchor) {
    int64_t low = 0, high = known->n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (known->pairs[middle].anchor < anchor)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool mask_row(train_negatives *m, const data_pairs *known, int64_t n_candidates, uint64_t anchor,
                     uint64_t positive, int64_t row, int64_t own, senc_error *err) {
    if (!mask_text(m, n_candidates, anchor, row, own, err)) return false;
    if (!mask_text(m, n_candidates, positive, row, own, err)) return false;
    if (!known) return true;
    for (int64_t p = first_pair(known, anchor); p < known->n && known->pairs[p].anchor == anchor; p++) {
        if (!mask_text(m, n_candidates, known->pairs[p].text, row, own, err)) return false;
    }
    return true;
}

static void sort_and_drop_repeats(train_negatives *m) {
    if (m->n == 0) return;
    qsort(m->masked, (size_t)m->n, sizeof *m->masked, by_row);
    int64_t kept = 1;
    for (int64_t i = 1; i < m->n; i++) {
        if (by_row(&m->masked[i], &m->masked[kept - 1]) != 0) m->masked[kept++] = m->masked[i];
    }
    m->n = kept;
}

/* Hard negatives start with the third column. */
static bool mask_absent(train_negatives *m, const bool *absent, int64_t n_rows, int64_t n_columns, senc_error *err) {
    for (int64_t j = 2 * n_rows; j < n_columns * n_rows; j++) {
        for (int64_t i = 0; absent[j] && i < n_rows; i++) {
            if (!append(m, i, j, err)) return false;
        }
    }
    return true;
}

bool train_negatives_find_absent(train_negatives *m, const bool *absent, int64_t n_rows, int64_t n_columns,
                                 senc_error *err) {
    m->n = 0;
    if (!mask_absent(m, absent, n_rows, n_columns, err)) return false;
    sort_and_drop_repeats(m);
    return true;
}

bool train_negatives_find(train_negatives *m, const data_pairs *known, const uint64_t *hashes, const bool *absent,
                          int64_t n_rows, int64_t n_columns, senc_error *err) {
    m->n = 0;
    const int64_t n_all = n_rows * n_columns;
    if (m->candidates_capacity < n_all) {
        data_pair *grown = senc_realloc(m->candidates, (size_t)n_all, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)n_all * sizeof *grown, "the batch's texts");
        m->candidates = grown;
        m->candidates_capacity = n_all;
    }
    int64_t n_candidates = 0;
    for (int64_t j = n_rows; j < n_all; j++) {
        if (!absent[j]) m->candidates[n_candidates++] = (data_pair){(uint64_t)j, hashes[j]};
    }
    qsort(m->candidates, (size_t)n_candidates, sizeof *m->candidates, by_text);
    for (int64_t i = 0; i < n_rows; i++) {
        if (!mask_row(m, known, n_candidates, hashes[i], hashes[n_rows + i], i, n_rows + i, err)) return false;
    }
    if (!mask_absent(m, absent, n_rows, n_columns, err)) return false;
    sort_and_drop_repeats(m);
    return true;
}
