/* An open-addressing hash map over byte strings. */
#include "data/tokenizers/string_map.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"

void data_string_map_free(data_string_map *m) {
    senc_buffer_free(&m->text);
    free(m->entries);
    free(m->slots);
    *m = (data_string_map){0};
}

static uint64_t hash_bytes(const char *text, size_t n_bytes) {
    uint64_t h = n_bytes, word;
    for (; n_bytes >= 8; text += 8, n_bytes -= 8) {
        memcpy(&word, text, 8);
        h = senc_rng_mix(h ^ word);
    }
    word = 0;
    memcpy(&word, text, n_bytes);
    return senc_rng_mix(h ^ word);
}

static int64_t *find_slot(const data_string_map *m, const char *text, size_t n_bytes, uint64_t hash) {
    for (uint64_t i = hash;; i++) {
        int64_t *slot = &m->slots[i & (uint64_t)(m->n_slots - 1)];
        if (*slot == 0) return slot;
        const string_map_entry *e = &m->entries[*slot - 1];
        if (e->hash == hash && e->n_bytes == n_bytes && memcmp(m->text.data + e->offset, text, n_bytes) == 0)
            return slot;
    }
}

static bool grow(data_string_map *m) {
    int64_t capacity = m->capacity ? 2 * m->capacity : 1024;
    string_map_entry *entries = senc_realloc(m->entries, (size_t)capacity, sizeof *entries);
    if (!entries) return false;
    m->entries = entries;
    int64_t *slots = senc_alloc_zero(2 * (size_t)capacity, sizeof *slots);
    if (!slots) return false;
    free(m->slots);
    m->slots = slots;
    m->n_slots = 2 * capacity;
    m->capacity = capacity;
    for (int64_t i = 0; i < m->n; i++) {
        const string_map_entry *e = &m->entries[i];
        *find_slot(m, m->text.data + e->offset, e->n_bytes, e->hash) = i + 1;
    }
    return true;
}

int64_t data_string_map_put(data_string_map *m, const char *text, size_t n_bytes) {
    if (m->n == m->capacity && !grow(m)) return -1;
    uint64_t hash = hash_bytes(text, n_bytes);
    int64_t *slot = find_slot(m, text, n_bytes, hash);
    if (*slot > 0) return *slot - 1;
    size_t offset = m->text.n_bytes;
    senc_buffer_append(&m->text, text, n_bytes);
    if (m->text.failed) return -1;
    m->entries[m->n] = (string_map_entry){offset, n_bytes, hash, 0};
    *slot = ++m->n;
    return m->n - 1;
}

int64_t data_string_map_find(const data_string_map *m, const char *text, size_t n_bytes) {
    return m->n > 0 ? *find_slot(m, text, n_bytes, hash_bytes(text, n_bytes)) - 1 : -1;
}

const char *data_string_map_get(const data_string_map *m, int64_t i, size_t *n_bytes) {
    *n_bytes = m->entries[i].n_bytes;
    return m->text.data + m->entries[i].offset;
}
