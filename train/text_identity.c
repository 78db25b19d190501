/* When two texts are the same: see text_identity.h. */
#include "train/text_identity.h"

#include <stdlib.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

#define ROWS_PER_TASK 256

bool train_text_rule_init(train_text_rule *rule, const data_tokenizer *tokenizer, const char *query_prompt,
                          const char *document_prompt, int64_t max_length, senc_error *err) {
    const char *const prompts[2] = {query_prompt, document_prompt};
    int64_t longest = 0;
    for (int i = 0; i < 2; i++) {
        if (!prompts[i] || !prompts[i][0]) continue;
        const int64_t n =
            data_tokenizer_prompt_length(tokenizer, prompts[i]) - 1; /* the opening special one is shared */
        if (n < -1) return senc_fail_memory(err, 4096, "the prompts");
        longest = n > longest ? n : longest;
    }
    const int64_t least = data_tokenizer_special_count(tokenizer) + 1, left = max_length - longest;
    *rule = (train_text_rule){tokenizer, left > least ? left : least};
    return true;
}

uint64_t train_ids_hash(const int32_t *ids, int64_t n) {
    return data_text_hash((const char *)ids, (size_t)n * sizeof *ids);
}

bool train_text_hash(const train_text_rule *rule, data_tokenizer_scratch *scratch, data_ids *ids, const char *text,
                     size_t n_bytes, uint64_t *hash, senc_error *err) {
    ids->n = 0;
    if (data_tokenizer_encode(rule->tokenizer, scratch, text, n_bytes, rule->max_length, ids, NULL) < 0)
        return senc_fail_memory(err, n_bytes, "token ids");
    *hash = train_ids_hash(ids->items, ids->n);
    return true;
}

/* ---- all texts of a slot ---- */

typedef struct hasher {
    data_tokenizer_scratch *scratch;
    data_ids ids;
    data_row row;
    senc_error error;
} hasher;

typedef struct hash_run {
    const data_set *set;
    int64_t slot, n_rows;
    const train_text_rule *rule;
    const bool *wanted;
    uint64_t *hashes;
    hasher *hashers; /* one a thread */
} hash_run;

static bool hash_row(const hash_run *run, hasher *h, int64_t i) {
    run->hashes[i] = 0;
    if (run->wanted && !run->wanted[i]) return true;
    if (!data_set_row(run->set, i, &h->row, &h->error)) return false;
    const data_value *v = &h->row.values[run->slot];
    return !v->present ||
           train_text_hash(run->rule, h->scratch, &h->ids, v->text, v->n_bytes, &run->hashes[i], &h->error);
}

static void hash_rows(void *context, int64_t task, int thread) {
    const hash_run *run = context;
    hasher *h = &run->hashers[thread];
    const int64_t first = task * ROWS_PER_TASK, left = run->n_rows - first;
    const int64_t end = first + (left < ROWS_PER_TASK ? left : ROWS_PER_TASK);
    for (int64_t i = first; i < end && h->error.kind == SENC_OK; i++) {
        if (!hash_row(run, h, i)) break;
    }
}

bool train_texts_hash(const data_set *set, int64_t slot, const train_text_rule *rule, const bool *wanted,
                      uint64_t *hashes, senc_error *err) {
    const int n_threads = senc_threads_count();
    hash_run run = {set, slot, data_set_n_rows(set), rule, wanted, hashes, NULL};
    run.hashers = senc_alloc_zero((size_t)n_threads, sizeof *run.hashers);
    if (!run.hashers) return senc_fail_memory(err, (size_t)n_threads * sizeof *run.hashers, "the hashes of the texts");
    bool ok = true;
    for (int i = 0; ok && i < n_threads; i++) ok = (run.hashers[i].scratch = data_tokenizer_scratch_create()) != NULL;
    if (ok)
        senc_parallel((run.n_rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK, hash_rows, &run);
    else
        senc_fail_memory(err, 4096, "a tokenizer's scratch");
    for (int i = 0; i < n_threads; i++) {
        hasher *h = &run.hashers[i];
        if (h->error.kind != SENC_OK) ok = senc_fail(err, h->error.kind, "%s", h->error.text);
        data_tokenizer_scratch_free(h->scratch);
        data_ids_free(&h->ids);
        data_row_free(&h->row);
    }
    free(run.hashers);
    return ok;
}

/* ---- known positives ---- */

static int by_anchor(const void *a, const void *b) {
    const data_pair *x = a, *y = b;
    return x->anchor < y->anchor ? -1 : x->anchor > y->anchor;
}

/* order: scratch (n_rows). Which rows have an anchor that another row has too. */
static int64_t find_repeated(const uint64_t *anchors, int64_t n_rows, data_pair *order, bool *repeated) {
    for (int64_t i = 0; i < n_rows; i++) order[i] = (data_pair){anchors[i], (uint64_t)i};
    qsort(order, (size_t)n_rows, sizeof *order, by_anchor);
    int64_t n = 0;
    for (int64_t i = 0; i < n_rows; i++) {
        const bool before = i > 0 && order[i - 1].anchor == order[i].anchor;
        const bool behind = i + 1 < n_rows && order[i + 1].anchor == order[i].anchor;
        repeated[order[i].text] = before || behind;
        n += before || behind;
    }
    return n;
}

/* Appends the positives of lists that are no rows of their own (positives = "first", "random"). *pairs grows. */
static bool add_choices(data_pair **pairs, int64_t *n_pairs, const data_set *set, int64_t slot, const uint64_t *anchors,
                        const train_text_rule *rule, senc_error *err) {
    hasher h = {.scratch = data_tokenizer_scratch_create()};
    bool ok = h.scratch != NULL || senc_fail_memory(err, 4096, "a tokenizer's scratch");
    for (int64_t i = 0; ok && i < data_set_n_rows(set); i++) {
        ok = data_set_row(set, i, &h.row, err);
        const int64_t n_choices = ok && h.row.n_choices > 1 ? h.row.n_choices : 0;
        if (!n_choices) continue;
        data_pair *grown = senc_realloc(*pairs, (size_t)(*n_pairs + n_choices), sizeof *grown);
        ok = grown != NULL || senc_fail_memory(err, (size_t)(*n_pairs + n_choices) * sizeof *grown, "known positives");
        if (grown) *pairs = grown;
        for (int64_t item = 0; ok && item < n_choices; item++) {
            data_pair pair = {anchors[i], 0};
            ok = data_set_row_choice(set, i, item, &h.row, err);
            const data_value *v = ok ? &h.row.values[slot] : NULL;
            if (!v || !v->present) continue;
            ok = train_text_hash(rule, h.scratch, &h.ids, v->text, v->n_bytes, &pair.text, err);
            if (ok) (*pairs)[(*n_pairs)++] = pair;
        }
    }
    data_tokenizer_scratch_free(h.scratch);
    data_ids_free(&h.ids);
    data_row_free(&h.row);
    return ok;
}

bool train_known_positives(data_pairs *known, const data_set *set, int64_t anchor_slot, int64_t positive_slot,
                           const train_text_rule *rule, senc_error *err) {
    const size_t n = (size_t)data_set_n_rows(set);
    *known = (data_pairs){0};
    uint64_t *anchors = senc_alloc(n, sizeof *anchors), *positives = senc_alloc(n, sizeof *positives);
    data_pair *pairs = senc_alloc(n, sizeof *pairs);
    bool *repeated = senc_alloc(n, sizeof *repeated);
    bool ok = anchors && positives && pairs && repeated;
    if (!ok) senc_fail_memory(err, n * 33, "known positives");
    ok = ok && train_texts_hash(set, anchor_slot, rule, NULL, anchors, err);
    int64_t n_pairs = 0;
    if (ok && find_repeated(anchors, (int64_t)n, pairs, repeated) > 0) {
        ok = train_texts_hash(set, positive_slot, rule, repeated, positives, err);
        for (size_t i = 0; ok && i < n; i++) {
            if (repeated[i]) pairs[n_pairs++] = (data_pair){anchors[i], positives[i]};
        }
    }
    if (ok && data_set_has_choices(set)) ok = add_choices(&pairs, &n_pairs, set, positive_slot, anchors, rule, err);
    if (ok && n_pairs > 0) {
        data_pairs_take(known, pairs, n_pairs);
        pairs = NULL;
    }
    free(anchors);
    free(positives);
    free(repeated);
    free(pairs);
    return ok;
}
