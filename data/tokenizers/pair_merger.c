/* Pair counts are kept up to date by local changes; the most frequent pair is found in a heap whose entries may be
 * stale: an entry that comes up with an old count is put back with the present one. */
#include "data/tokenizers/pair_merger.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"

typedef struct merger_word {
    int64_t first, n; /* in symbols */
    int64_t count;
} merger_word;

typedef struct merger_pair {
    int32_t left, right;
    int64_t count;
    int64_t *words; /* where it is or was; a word may be there more than once */
    int64_t n_words, capacity;
    bool touched; /* its count grew in this merge */
} merger_pair;

typedef struct heap_entry {
    int64_t count;
    int32_t left, right;
    int64_t pair;
} heap_entry;

struct data_pair_merger {
    int32_t *symbols;
    int64_t n_symbols, symbol_capacity;
    merger_word *words;
    int64_t n_words, word_capacity;
    merger_pair *pairs;
    int64_t n_pairs, pair_capacity;
    int64_t *slots; /* index + 1 of a pair by hash, 0: free */
    int64_t n_slots;
    heap_entry *heap;
    int64_t n_heap, heap_capacity;
    int64_t *touched;
    int64_t n_touched, touched_capacity;
    int64_t best; /* pair, -1: none */
    bool failed;  /* out of memory while looking for the best */
};

/* Makes *items hold at least n of size_bytes; false when out of memory. */
static bool reserve(void **items, int64_t *capacity, int64_t n, size_t size_bytes) {
    if (n <= *capacity) return true;
    int64_t wanted = n + n / 2 + 16;
    void *grown = senc_realloc(*items, (size_t)wanted, size_bytes);
    if (!grown) return false;
    *items = grown;
    *capacity = wanted;
    return true;
}

data_pair_merger *data_pair_merger_create(void) {
    data_pair_merger *m = senc_alloc_zero(1, sizeof *m);
    if (m) m->best = -1;
    return m;
}

void data_pair_merger_free(data_pair_merger *m) {
    if (!m) return;
    for (int64_t i = 0; i < m->n_pairs; i++) free(m->pairs[i].words);
    free(m->symbols);
    free(m->words);
    free(m->pairs);
    free(m->slots);
    free(m->heap);
    free(m->touched);
    free(m);
}

/* ---- the heap: most frequent first, then smaller left, then smaller right ---- */

static bool comes_before(const heap_entry *a, const heap_entry *b) {
    if (a->count != b->count) return a->count > b->count;
    return a->left != b->left ? a->left < b->left : a->right < b->right;
}

static bool heap_push(data_pair_merger *m, int64_t pair) {
    if (!reserve((void **)&m->heap, &m->heap_capacity, m->n_heap + 1, sizeof *m->heap)) return false;
    const merger_pair *p = &m->pairs[pair];
    heap_entry entry = {p->count, p->left, p->right, pair};
    int64_t i = m->n_heap++;
    for (; i > 0 && comes_before(&entry, &m->heap[(i - 1) / 2]); i = (i - 1) / 2) m->heap[i] = m->heap[(i - 1) / 2];
    m->heap[i] = entry;
    return true;
}

static heap_entry heap_pop(data_pair_merger *m) {
    heap_entry top = m->heap[0], last = m->heap[--m->n_heap];
    int64_t i = 0;
    for (;;) {
        int64_t child = 2 * i + 1;
        if (child >= m->n_heap) break;
        if (child + 1 < m->n_heap && comes_before(&m->heap[child + 1], &m->heap[child])) child++;
        if (!comes_before(&m->heap[child], &last)) break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    if (m->n_heap > 0) m->heap[i] = last;
    return top;
}

/* ---- pairs ---- */

static int64_t *pair_slot(const data_pair_merger *m, int32_t left, int32_t right) {
    uint64_t hash = senc_rng_mix(((uint64_t)(uint32_t)left << 32) | (uint32_t)right);
    for (uint64_t i = hash;; i++) {
        int64_t *slot = &m->slots[i & (uint64_t)(m->n_slots - 1)];
        if (*slot == 0 || (m->pairs[*slot - 1].left == left && m->pairs[*slot - 1].right == right)) return slot;
    }
}

static bool grow_slots(data_pair_merger *m) {
    int64_t n = m->n_slots ? 2 * m->n_slots : 4096;
    int64_t *slots = senc_alloc_zero((size_t)n, sizeof *slots);
    if (!slots) return false;
    free(m->slots);
    m->slots = slots;
    m->n_slots = n;
    for (int64_t i = 0; i < m->n_pairs; i++) *pair_slot(m, m->pairs[i].left, m->pairs[i].right) = i + 1;
    return true;
}

/* Adds `change` to a pair's count; a growing pair remembers the word. */
static bool change_pair(data_pair_merger *m, int32_t left, int32_t right, int64_t change, int64_t word) {
    if (2 * m->n_pairs >= m->n_slots && !grow_slots(m)) return false;
    int64_t *slot = pair_slot(m, left, right);
    if (*slot == 0) {
        if (!reserve((void **)&m->pairs, &m->pair_capacity, m->n_pairs + 1, sizeof *m->pairs)) return false;
        m->pairs[m->n_pairs++] = (merger_pair){.left = left, .right = right};
        *slot = m->n_pairs;
    }
    merger_pair *p = &m->pairs[*slot - 1];
    p->count += change;
    if (change < 0) return true;
    if (p->n_words == 0 || p->words[p->n_words - 1] != word) {
        if (!reserve((void **)&p->words, &p->capacity, p->n_words + 1, sizeof *p->words)) return false;
        p->words[p->n_words++] = word;
    }
    if (p->touched) return true;
    if (!reserve((void **)&m->touched, &m->touched_capacity, m->n_touched + 1, sizeof *m->touched)) return false;
    p->touched = true;
    m->touched[m->n_touched++] = p - m->pairs;
    return true;
}

static bool push_touched(data_pair_merger *m) {
    bool ok = true;
    for (int64_t i = 0; i < m->n_touched; i++) {
        merger_pair *p = &m->pairs[m->touched[i]];
        p->touched = false;
        if (ok && p->count > 0) ok = heap_push(m, m->touched[i]);
    }
    m->n_touched = 0;
    return ok;
}

bool data_pair_merger_add(data_pair_merger *m, const int32_t *symbols, int64_t n, int64_t count) {
    if (!reserve((void **)&m->symbols, &m->symbol_capacity, m->n_symbols + n, sizeof *m->symbols) ||
        !reserve((void **)&m->words, &m->word_capacity, m->n_words + 1, sizeof *m->words))
        return false;
    if (n > 0) memcpy(m->symbols + m->n_symbols, symbols, (size_t)n * sizeof *symbols);
    m->words[m->n_words++] = (merger_word){m->n_symbols, n, count};
    m->n_symbols += n;
    for (int64_t i = 0; i + 1 < n; i++)
        if (!change_pair(m, symbols[i], symbols[i + 1], count, m->n_words - 1)) return false;
    return true;
}

bool data_pair_merger_best(data_pair_merger *m, int32_t *left, int32_t *right, int64_t *count) {
    m->best = -1;
    if (m->n_touched > 0 && !push_touched(m)) m->failed = true;
    if (m->failed) return false;
    while (m->n_heap > 0) {
        heap_entry top = heap_pop(m);
        const merger_pair *p = &m->pairs[top.pair];
        if (p->count <= 0) continue;
        if (p->count != top.count) {
            m->failed = !heap_push(m, top.pair);
            if (m->failed) return false;
            continue;
        }
        m->best = top.pair;
        *left = p->left;
        *right = p->right;
        *count = p->count;
        return true;
    }
    return false;
}

bool data_pair_merger_failed(const data_pair_merger *m) {
    return m->failed;
}

/* Replaces left right by symbol in one word, from the left. */
static bool merge_word(data_pair_merger *m, int64_t index, int32_t left, int32_t right, int32_t symbol) {
    merger_word *w = &m->words[index];
    int32_t *s = m->symbols + w->first;
    int64_t n = w->n, to = 0;
    bool ok = true;
    for (int64_t from = 0; from < n; from++) {
        if (from + 1 == n || s[from] != left || s[from + 1] != right) {
            s[to++] = s[from];
            continue;
        }
        ok = ok && change_pair(m, left, right, -w->count, index);
        if (to > 0) {
            ok = ok && change_pair(m, s[to - 1], left, -w->count, index);
            ok = ok && change_pair(m, s[to - 1], symbol, w->count, index);
        }
        from++;
        if (from + 1 < n) {
            ok = ok && change_pair(m, right, s[from + 1], -w->count, index);
            ok = ok && change_pair(m, symbol, s[from + 1], w->count, index);
        }
        s[to++] = symbol;
    }
    w->n = to;
    return ok;
}

bool data_pair_merger_merge(data_pair_merger *m, int32_t symbol) {
    /* Taken out of the pair: merging may move the pairs, and may bring this very pair back. */
    merger_pair *p = &m->pairs[m->best];
    int64_t *words = p->words, n_words = p->n_words;
    int32_t left = p->left, right = p->right;
    p->words = NULL;
    p->n_words = p->capacity = 0;
    bool ok = true;
    for (int64_t i = 0; ok && i < n_words; i++) ok = merge_word(m, words[i], left, right, symbol);
    free(words);
    return ok && push_touched(m);
}
