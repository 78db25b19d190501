/* Known positives: see pairs.h. */
#include "data/pairs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"

static uint64_t load_word(const uint8_t *p, size_t n_bytes) {
    uint64_t word = 0;
    for (size_t i = 0; i < n_bytes; i++) word |= (uint64_t)p[i] << (8 * i);
    return word;
}

uint64_t data_text_hash(const char *text, size_t n_bytes) {
    const uint8_t *p = (const uint8_t *)text;
    uint64_t h = senc_rng_mix(n_bytes);
    for (; n_bytes >= 8; p += 8, n_bytes -= 8) h = senc_rng_mix(h ^ load_word(p, 8));
    return n_bytes ? senc_rng_mix(h ^ load_word(p, n_bytes)) : h;
}

static int compare_pairs(const void *a, const void *b) {
    const data_pair *x = a, *y = b;
    if (x->anchor != y->anchor) return x->anchor < y->anchor ? -1 : 1;
    return (x->text > y->text) - (x->text < y->text);
}

static void sort_unique(data_pairs *p) {
    qsort(p->pairs, (size_t)p->n, sizeof *p->pairs, compare_pairs);
    int64_t kept = 0;
    for (int64_t i = 0; i < p->n; i++) {
        if (kept > 0 && compare_pairs(&p->pairs[kept - 1], &p->pairs[i]) == 0) continue;
        p->pairs[kept++] = p->pairs[i];
    }
    p->n = kept;
}

static bool add_pair(data_pairs *p, int64_t *capacity, data_pair pair, senc_error *err) {
    if (p->n == *capacity) {
        const int64_t grown_to = *capacity + *capacity / 2 + 16;
        data_pair *grown = senc_realloc(p->pairs, (size_t)grown_to, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)grown_to * sizeof *grown, "known positives");
        p->pairs = grown;
        *capacity = grown_to;
    }
    p->pairs[p->n++] = pair;
    return true;
}

/* The row's pair, and those of the positives that it stands for alone. */
static bool add_row(data_pairs *p, int64_t *capacity, const data_set *set, int64_t i, const int64_t slots[2],
                    bool symmetric, data_row *row, senc_error *err) {
    if (!data_set_row(set, i, row, err)) return false;
    const int64_t n_choices = row->n_choices;
    for (int64_t item = 0; item < n_choices; item++) {
        if (n_choices > 1 && !data_set_row_choice(set, i, item, row, err)) return false;
        const data_value *a = &row->values[slots[0]], *b = &row->values[slots[1]];
        if (!a->present || !b->present) continue;
        const data_pair pair = {data_text_hash(a->text, a->n_bytes), data_text_hash(b->text, b->n_bytes)};
        if (!add_pair(p, capacity, pair, err) ||
            (symmetric && !add_pair(p, capacity, (data_pair){pair.text, pair.anchor}, err)))
            return false;
    }
    return true;
}

bool data_pairs_init(data_pairs *p, const data_set *set, int64_t anchor_slot, int64_t positive_slot, bool symmetric,
                     senc_error *err) {
    const int64_t n_slots = data_set_n_slots(set), n_rows = data_set_n_rows(set);
    SENC_ASSERT(anchor_slot >= 0 && anchor_slot < n_slots && positive_slot >= 0 && positive_slot < n_slots,
                "slots %" PRId64 ", %" PRId64 " of %" PRId64, anchor_slot, positive_slot, n_slots);
    const int64_t slots[2] = {anchor_slot, positive_slot};
    int64_t capacity = n_rows * (symmetric ? 2 : 1);
    *p = (data_pairs){.pairs = senc_alloc((size_t)capacity, sizeof *p->pairs)};
    if (!p->pairs) return senc_fail_memory(err, (size_t)capacity * sizeof *p->pairs, "known positives");
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < n_rows; i++) ok = add_row(p, &capacity, set, i, slots, symmetric, &row, err);
    data_row_free(&row);
    if (ok)
        sort_unique(p);
    else
        data_pairs_free(p);
    return ok;
}

void data_pairs_take(data_pairs *p, data_pair *pairs, int64_t n) {
    *p = (data_pairs){pairs, n};
    if (n > 0) sort_unique(p);
}

void data_pairs_free(data_pairs *p) {
    free(p->pairs);
    *p = (data_pairs){0};
}

bool data_pairs_contains(const data_pairs *p, uint64_t anchor_hash, uint64_t text_hash) {
    const data_pair wanted = {anchor_hash, text_hash};
    return p->n > 0 && bsearch(&wanted, p->pairs, (size_t)p->n, sizeof wanted, compare_pairs) != NULL;
}
