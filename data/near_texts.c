/* Near texts by MinHash: see near_texts.h. */
#include "data/near_texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "data/pairs.h"
#include "data/text_fold.h"

#define N_HASHES     64
#define MAX_BANDS    N_HASHES
#define MIN_SHINGLES 3   /* 5 words */
#define KEPT         128 /* smallest shingle hashes of a text */
#define MAY_MISS     1e-3

/* A text. Its kept shingles are sorted. */
typedef struct near_entry {
    uint64_t folded;
    int64_t shingles_at;
    int32_t n_shingles, n_kept;
    int32_t block; /* of nodes, -1: too short for any */
    uint32_t stamp;
} near_entry;

/* Node k of block b stands for band k of the text owners[b]. */
typedef struct near_node {
    uint32_t hash;
    int32_t next;
} near_node;

struct data_near_index {
    double threshold;
    int n_bands, n_rows; /* of a band */
    uint64_t multipliers[N_HASHES], addends[N_HASHES];
    near_entry *entries;
    int64_t n_entries, entries_capacity;
    int64_t *slots; /* open addressing by folded hash: entry or -1; a power of two */
    int64_t n_slots;
    uint32_t *shingles; /* kept ones of all entries */
    int64_t n_kept, kept_capacity;
    near_node *nodes;
    int32_t *owners;
    int64_t n_blocks, blocks_capacity;
    int32_t *heads; /* of chains of nodes; a power of two */
    int64_t n_heads;
    uint32_t stamp;
    /* the text that was read */
    data_folder folder;
    near_entry current;
    uint64_t exact;
    uint32_t *found; /* (found_capacity) its shingles, sorted, each once */
    int64_t found_capacity;
    uint32_t bands[MAX_BANDS];
    int64_t *hits;
    int64_t hits_capacity;
};

/* ---- making one ---- */

/* The most rows a band with which a pair at the threshold is still found. */
static void choose_bands(data_near_index *x) {
    x->n_rows = 1;
    for (int rows = 2; rows <= 16; rows++) {
        const int bands = N_HASHES / rows;
        if (pow(1 - pow(x->threshold, rows), bands) <= MAY_MISS) x->n_rows = rows;
    }
    x->n_bands = x->threshold < 1 ? N_HASHES / x->n_rows : 0;
}

bool data_near_create(double threshold, data_near_index **out, senc_error *err) {
    SENC_ASSERT(threshold >= DATA_NEAR_LOWEST && threshold <= 1, "threshold %g", threshold);
    data_near_index *x = *out = senc_alloc_zero(1, sizeof *x);
    if (!x) return senc_fail_memory(err, sizeof *x, "an index of texts");
    senc_rng rng;
    senc_rng_init(&rng, 1);
    x->threshold = threshold;
    choose_bands(x);
    for (int i = 0; i < N_HASHES; i++) {
        x->multipliers[i] = senc_rng_next(&rng) | 1;
        x->addends[i] = senc_rng_next(&rng);
    }
    return true;
}

void data_near_free(data_near_index *x) {
    if (!x) return;
    free(x->entries);
    free(x->slots);
    free(x->shingles);
    free(x->nodes);
    free(x->owners);
    free(x->heads);
    free(x->found);
    free(x->hits);
    data_folder_free(&x->folder);
    free(x);
}

int64_t data_near_n_texts(const data_near_index *x) {
    return x->n_entries;
}

int64_t data_near_bytes(const data_near_index *x) {
    return x->entries_capacity * (int64_t)sizeof *x->entries + (x->n_slots + x->hits_capacity) * 8 +
           (x->kept_capacity + x->n_heads + x->blocks_capacity + x->found_capacity) * 4 +
           x->blocks_capacity * x->n_bands * (int64_t)sizeof *x->nodes;
}

/* ---- reading a text ---- */

static int by_value(const void *a, const void *b) {
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The set of the folded text's shingles. */
static bool make_shingles(data_near_index *x, const char *text, size_t n_bytes, senc_error *err) {
    const char *starts[DATA_SHINGLE_WORDS], *end = text + n_bytes;
    int64_t n_words = 0, n = 0;
    for (const char *p = text; p < end; n_words++) {
        const char *blank = memchr(p, ' ', (size_t)(end - p)), *stop = blank ? blank : end;
        starts[n_words % DATA_SHINGLE_WORDS] = p;
        p = blank ? blank + 1 : end;
        if (n_words + 1 < DATA_SHINGLE_WORDS) continue;
        if (n == x->found_capacity) {
            const int64_t capacity = n ? 2 * n : 256;
            uint32_t *grown = senc_realloc(x->found, (size_t)capacity, sizeof *grown);
            if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "a text");
            x->found = grown;
            x->found_capacity = capacity;
        }
        const char *start = starts[(n_words + 1) % DATA_SHINGLE_WORDS]; /* two words back */
        x->found[n++] = (uint32_t)data_text_hash(start, (size_t)(stop - start));
    }
    if (n > 1) qsort(x->found, (size_t)n, sizeof *x->found, by_value);
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
        if (kept == 0 || x->found[kept - 1] != x->found[i]) x->found[kept++] = x->found[i];
    x->current.n_shingles = (int32_t)(kept < INT32_MAX ? kept : INT32_MAX);
    x->current.n_kept = (int32_t)(kept < KEPT ? kept : KEPT);
    return true;
}

static void make_bands(data_near_index *x) {
    uint32_t minima[N_HASHES];
    for (int i = 0; i < N_HASHES; i++) minima[i] = UINT32_MAX;
    for (int64_t s = 0; s < x->current.n_shingles; s++) {
        const uint64_t shingle = x->found[s];
        for (int i = 0; i < N_HASHES; i++) {
            const uint32_t h = (uint32_t)((x->multipliers[i] * shingle + x->addends[i]) >> 32);
            minima[i] = h < minima[i] ? h : minima[i];
        }
    }
    for (int b = 0; b < x->n_bands; b++) {
        uint64_t h = (uint64_t)b;
        for (int r = 0; r < x->n_rows; r++) h = senc_rng_mix(h ^ minima[b * x->n_rows + r]);
        x->bands[b] = (uint32_t)h;
    }
}

bool data_near_read(data_near_index *x, const char *text, size_t n_bytes, senc_error *err) {
    const char *folded;
    size_t folded_bytes;
    if (!data_text_fold(&x->folder, text, n_bytes, &folded, &folded_bytes, err)) return false;
    x->exact = data_text_hash(text, n_bytes);
    x->current = (near_entry){.folded = data_text_hash(folded, folded_bytes), .block = -1};
    if (x->n_bands == 0) return true;
    if (!make_shingles(x, folded, folded_bytes, err)) return false;
    if (x->current.n_shingles >= MIN_SHINGLES) make_bands(x);
    return true;
}

uint64_t data_near_exact_hash(const data_near_index *x) {
    return x->exact;
}

/* ---- finding ---- */

int64_t data_near_find_folded(const data_near_index *x) {
    if (x->n_slots == 0) return -1;
    for (uint64_t at = x->current.folded;; at++) {
        const int64_t i = x->slots[at & (uint64_t)(x->n_slots - 1)];
        if (i < 0 || x->entries[i].folded == x->current.folded) return i;
    }
}

/* Of the KEPT smallest hashes of both sets together, the share that is in both; of small sets these are all. */
static double jaccard(const uint32_t *a, int64_t n_a, const uint32_t *b, int64_t n_b, bool is_whole) {
    int64_t i = 0, j = 0, n_both = 0, n = 0;
    while ((i < n_a || j < n_b) && (is_whole || n < KEPT)) {
        const bool in_a = i < n_a && (j >= n_b || a[i] <= b[j]), in_b = j < n_b && (i >= n_a || b[j] <= a[i]);
        n_both += in_a && in_b;
        i += in_a;
        j += in_b;
        n++;
    }
    return n > 0 ? (double)n_both / (double)n : 0;
}

static bool is_near(const data_near_index *x, const near_entry *e) {
    const near_entry *c = &x->current;
    const double fewer = c->n_shingles < e->n_shingles ? c->n_shingles : e->n_shingles;
    const double more = c->n_shingles < e->n_shingles ? e->n_shingles : c->n_shingles;
    if (fewer < x->threshold * more) return false;
    const bool is_whole = c->n_shingles <= KEPT && e->n_shingles <= KEPT;
    return jaccard(x->found, c->n_kept, x->shingles + e->shingles_at, e->n_kept, is_whole) >= x->threshold;
}

static bool add_hit(data_near_index *x, int64_t n, int64_t text, senc_error *err) {
    if (n == x->hits_capacity) {
        const int64_t capacity = n ? 2 * n : 64;
        int64_t *grown = senc_realloc(x->hits, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "near texts");
        x->hits = grown;
        x->hits_capacity = capacity;
    }
    x->hits[n] = text;
    return true;
}

static int64_t head_of(const data_near_index *x, uint32_t band_hash) {
    return (int64_t)(band_hash & (uint32_t)(x->n_heads - 1));
}

bool data_near_find(data_near_index *x, data_near_skip skip, void *context, int64_t max_checks, const int64_t **texts,
                    int64_t *n_texts, senc_error *err) {
    int64_t n = 0, n_checks = 0, n_steps;
    *n_texts = 0;
    if (x->n_bands == 0 || x->n_heads == 0 || x->current.n_shingles < MIN_SHINGLES) return true;
    const int64_t same = data_near_find_folded(x);
    x->stamp++;
    for (int b = 0; b < x->n_bands; b++) {
        n_steps = 0;
        for (int32_t k = x->heads[head_of(x, x->bands[b])]; k >= 0; k = x->nodes[k].next) {
            if (max_checks > 0 && (n_checks >= max_checks || n_steps++ >= 4 * max_checks)) break;
            if (x->nodes[k].hash != x->bands[b]) continue;
            const int64_t text = x->owners[k / x->n_bands];
            near_entry *e = &x->entries[text];
            if (e->stamp == x->stamp || text == same) continue;
            e->stamp = x->stamp;
            if (skip && skip(context, text)) continue;
            n_checks++;
            if (!is_near(x, e)) continue;
            if (!add_hit(x, n, text, err)) return false;
            n++;
        }
    }
    *texts = x->hits;
    *n_texts = n;
    return true;
}

/* ---- adding ---- */

static bool grow_slots(data_near_index *x, senc_error *err) {
    if (x->n_entries * 2 < x->n_slots) return true;
    const int64_t n = x->n_slots ? 2 * x->n_slots : 1024;
    int64_t *slots = senc_alloc((size_t)n, sizeof *slots);
    if (!slots) return senc_fail_memory(err, (size_t)n * sizeof *slots, "an index of texts");
    for (int64_t i = 0; i < n; i++) slots[i] = -1;
    for (int64_t i = 0; i < x->n_entries; i++) {
        uint64_t at = x->entries[i].folded;
        while (slots[at & (uint64_t)(n - 1)] >= 0) at++;
        slots[at & (uint64_t)(n - 1)] = i;
    }
    free(x->slots);
    x->slots = slots;
    x->n_slots = n;
    return true;
}

static bool grow_entries(data_near_index *x, senc_error *err) {
    if (x->n_entries < x->entries_capacity) return true;
    const int64_t capacity = x->n_entries ? x->n_entries + x->n_entries / 2 : 512;
    near_entry *grown = senc_realloc(x->entries, (size_t)capacity, sizeof *grown);
    if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "an index of texts");
    x->entries = grown;
    x->entries_capacity = capacity;
    return true;
}

static bool keep_shingles(data_near_index *x, senc_error *err) {
    const int64_t n = x->n_kept + x->current.n_kept;
    if (n > x->kept_capacity) {
        const int64_t capacity = n + n / 2 + 1024;
        uint32_t *grown = senc_realloc(x->shingles, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "an index of texts");
        x->shingles = grown;
        x->kept_capacity = capacity;
    }
    memcpy(x->shingles + x->n_kept, x->found, (size_t)x->current.n_kept * sizeof *x->shingles);
    x->current.shingles_at = x->n_kept;
    x->n_kept = n;
    return true;
}

static void link_node(data_near_index *x, int64_t k) {
    const int64_t head = head_of(x, x->nodes[k].hash);
    x->nodes[k].next = x->heads[head];
    x->heads[head] = (int32_t)k;
}

/* Chains of about one node. Linking in order keeps the latest first. */
static bool grow_heads(data_near_index *x, senc_error *err) {
    const int64_t n_nodes = (x->n_blocks + 1) * x->n_bands;
    if (n_nodes <= x->n_heads) return true;
    const int64_t n = x->n_heads ? 2 * x->n_heads : 16384;
    int32_t *heads = senc_alloc((size_t)n, sizeof *heads);
    if (!heads) return senc_fail_memory(err, (size_t)n * sizeof *heads, "an index of texts");
    for (int64_t i = 0; i < n; i++) heads[i] = -1;
    free(x->heads);
    x->heads = heads;
    x->n_heads = n;
    for (int64_t k = 0; k < x->n_blocks * x->n_bands; k++) link_node(x, k);
    return true;
}

static bool grow_blocks(data_near_index *x, senc_error *err) {
    if (x->n_blocks < x->blocks_capacity) return true;
    const int64_t capacity = x->n_blocks ? x->n_blocks + x->n_blocks / 2 : 256;
    if (capacity > INT32_MAX / x->n_bands)
        return senc_fail(err, SENC_BAD_INPUT, "more than %lld texts are too many to look for near ones",
                         (long long)x->n_blocks);
    near_node *nodes = senc_realloc(x->nodes, (size_t)(capacity * x->n_bands), sizeof *nodes);
    if (nodes) x->nodes = nodes;
    int32_t *owners = nodes ? senc_realloc(x->owners, (size_t)capacity, sizeof *owners) : NULL;
    if (!owners) return senc_fail_memory(err, (size_t)(capacity * x->n_bands) * sizeof *nodes, "an index of texts");
    x->owners = owners;
    x->blocks_capacity = capacity;
    return true;
}

static bool add_nodes(data_near_index *x, int64_t number, senc_error *err) {
    if (!grow_heads(x, err) || !grow_blocks(x, err) || !keep_shingles(x, err)) return false;
    x->owners[x->n_blocks] = (int32_t)number;
    for (int b = 0; b < x->n_bands; b++) {
        const int64_t k = x->n_blocks * x->n_bands + b;
        x->nodes[k].hash = x->bands[b];
        link_node(x, k);
    }
    x->current.block = (int32_t)x->n_blocks++;
    return true;
}

bool data_near_add(data_near_index *x, int64_t *number, senc_error *err) {
    const int64_t i = *number = x->n_entries;
    if (!grow_slots(x, err) || !grow_entries(x, err)) return false;
    if (x->n_bands > 0 && x->current.n_shingles >= MIN_SHINGLES && !add_nodes(x, i, err)) return false;
    x->entries[i] = x->current;
    uint64_t at = x->current.folded;
    while (x->slots[at & (uint64_t)(x->n_slots - 1)] >= 0) at++;
    x->slots[at & (uint64_t)(x->n_slots - 1)] = i;
    x->n_entries++;
    return true;
}
