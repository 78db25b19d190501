/* The vocabulary and its double-array trie. Cells come in blocks of 256 (base ^ c stays inside one block). */
#include "data/tokenizers/vocab.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

enum {
    BLOCK_CELLS = 256,
    MAX_TRIES =
        64, /* free cells looked at before a branching node gets a new block; more is slower and hardly denser */
};

void data_vocab_init(data_vocab *v) {
    *v = (data_vocab){.highest_id = -1};
}

void data_vocab_free(data_vocab *v) {
    senc_buffer_free(&v->text);
    free(v->entries);
    free(v->by_id);
    free(v->nodes);
    data_vocab_init(v);
}

bool data_vocab_add(data_vocab *v, const char *token, size_t n_bytes, int32_t id, senc_error *err) {
    SENC_ASSERT(id >= 0 && id <= DATA_VOCAB_MAX_ID, "id %d", id);
    if (v->n == v->capacity) {
        int64_t capacity = v->capacity ? 2 * v->capacity : 1024;
        vocab_entry *grown = senc_realloc(v->entries, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "the vocabulary");
        v->entries = grown;
        v->capacity = capacity;
    }
    v->entries[v->n] = (vocab_entry){v->text.n_bytes, n_bytes, id};
    senc_buffer_append(&v->text, token, n_bytes);
    senc_buffer_append(&v->text, "", 1);
    if (v->text.failed) return senc_fail_memory(err, n_bytes, "the vocabulary");
    v->n++;
    v->built = false;
    if (id > v->highest_id) v->highest_id = id;
    return true;
}

/* A token while it is sorted: most are told apart by their first bytes. */
typedef struct sorted_token {
    uint64_t first_bytes; /* big-endian, zeros behind a shorter token */
    int64_t entry;
} sorted_token;

/* What building needs: the sorted tokens, and a circular list of the free cells. */
typedef struct trie_builder {
    data_vocab *v;
    sorted_token *order;
    int32_t *next, *previous; /* of a free cell; 0 (the root, never free) is the list's anchor */
    int32_t n_cells;
} trie_builder;

typedef struct trie_job {
    int64_t first, end; /* of the sorted tokens that share a prefix of `depth` bytes */
    int64_t depth;
    int32_t node;
} trie_job;

static int compare_tokens(const void *a, const void *b, void *context) {
    const data_vocab *v = context;
    const sorted_token *s = a, *t = b;
    if (s->first_bytes != t->first_bytes) return s->first_bytes < t->first_bytes ? -1 : 1;
    const vocab_entry *x = &v->entries[s->entry], *y = &v->entries[t->entry];
    size_t n = x->n_bytes < y->n_bytes ? x->n_bytes : y->n_bytes;
    int order = n > 0 ? memcmp(v->text.data + x->offset, v->text.data + y->offset, n) : 0;
    if (order != 0) return order;
    if (x->n_bytes != y->n_bytes) return x->n_bytes < y->n_bytes ? -1 : 1;
    return x < y ? -1 : 1; /* the later add last, so that its id wins */
}

static sorted_token token_to_sort(const data_vocab *v, int64_t i) {
    const vocab_entry *e = &v->entries[i];
    sorted_token t = {0, i};
    for (size_t k = 0; k < sizeof t.first_bytes; k++)
        t.first_bytes = t.first_bytes << 8 | (k < e->n_bytes ? (unsigned char)v->text.data[e->offset + k] : 0);
    return t;
}

static bool add_block(trie_builder *b) {
    int32_t n = b->n_cells + BLOCK_CELLS;
    vocab_node *nodes = senc_realloc(b->v->nodes, (size_t)n, sizeof *nodes);
    if (nodes) b->v->nodes = nodes;
    int32_t *next = senc_realloc(b->next, (size_t)n, sizeof *next);
    if (next) b->next = next;
    int32_t *previous = senc_realloc(b->previous, (size_t)n, sizeof *previous);
    if (previous) b->previous = previous;
    if (!nodes || !next || !previous) return false;
    if (b->n_cells == 0) next[0] = previous[0] = 0;
    for (int32_t i = b->n_cells; i < n; i++) {
        nodes[i] = (vocab_node){0, -1, -1};
        if (i == 0) continue;
        next[i] = 0; /* to the end of the list */
        previous[i] = previous[0];
        next[previous[0]] = i;
        previous[0] = i;
    }
    b->n_cells = n;
    b->v->n_nodes = n;
    return true;
}

static void take_cell(trie_builder *b, int32_t cell, int32_t parent) {
    b->next[b->previous[cell]] = b->next[cell];
    b->previous[b->next[cell]] = b->previous[cell];
    b->v->nodes[cell].check = parent;
}

static bool fits(const trie_builder *b, int32_t base, const unsigned char *bytes, int n) {
    for (int i = 0; i < n; i++) {
        int32_t cell = base ^ bytes[i];
        if (cell == 0 || b->v->nodes[cell].check >= 0) return false;
    }
    return true;
}

/* A base under which all n bytes fall on free cells; -1 when out of memory. */
static int32_t find_base(trie_builder *b, const unsigned char *bytes, int n) {
    /* Branching nodes look at the newest cells, single children fill the holes from the oldest on. */
    int32_t cell = n == 1 ? b->next[0] : b->previous[0];
    for (int tries = 0; cell != 0 && tries < MAX_TRIES; tries++) {
        int32_t base = cell ^ bytes[0];
        if (fits(b, base, bytes, n)) return base;
        cell = n == 1 ? b->next[cell] : b->previous[cell];
    }
    int32_t base = b->n_cells;
    return add_block(b) ? base : -1;
}

/* Places the children of a job's node; jobs for them go to children (at most 256). Returns how many, -1: out of memory.
 */
static int place_children(trie_builder *b, trie_job job, trie_job *children) {
    data_vocab *v = b->v;
    unsigned char bytes[256];
    int n = 0;
    int64_t i = job.first;
    for (; i < job.end && (int64_t)v->entries[b->order[i].entry].n_bytes == job.depth; i++)
        v->nodes[job.node].id = v->entries[b->order[i].entry].id;
    for (; i < job.end; i++) {
        unsigned char c = (unsigned char)v->text.data[v->entries[b->order[i].entry].offset + (size_t)job.depth];
        if (n == 0 || bytes[n - 1] != c) {
            children[n] = (trie_job){i, i, job.depth + 1, 0};
            bytes[n++] = c;
        }
        children[n - 1].end = i + 1;
    }
    if (n == 0) return 0;
    int32_t base = find_base(b, bytes, n);
    if (base < 0) return -1;
    v->nodes[job.node].base = base;
    for (int k = 0; k < n; k++) {
        children[k].node = base ^ bytes[k];
        take_cell(b, children[k].node, job.node);
    }
    return n;
}

static bool build_nodes(trie_builder *b) {
    trie_job *jobs = NULL;
    int64_t n = 0, capacity = 0;
    bool ok = add_block(b);
    if (ok) b->v->nodes[0].check = -2; /* neither free nor the child of any node */
    for (bool first = true; ok && (first || n > 0); first = false) {
        if (n + 256 > capacity) {
            capacity = 2 * capacity + 512;
            trie_job *grown = senc_realloc(jobs, (size_t)capacity, sizeof *jobs);
            if (!grown) break;
            jobs = grown;
        }
        trie_job job = first ? (trie_job){0, b->v->n, 0, 0} : jobs[--n];
        int placed = place_children(b, job, jobs + n);
        ok = placed >= 0;
        n += ok ? placed : 0;
    }
    ok = ok && n == 0 && jobs;
    free(jobs);
    return ok;
}

int32_t data_vocab_walk(const data_vocab *v, const char *bytes, size_t n_bytes) {
    int32_t node = 0;
    for (size_t i = 0; i < n_bytes && node >= 0; i++) node = data_vocab_child(v, node, (unsigned char)bytes[i]);
    return node;
}

int32_t data_vocab_find(const data_vocab *v, const char *token, size_t n_bytes) {
    int32_t node = data_vocab_walk(v, token, n_bytes);
    return node < 0 ? -1 : v->nodes[node].id;
}

static bool build_index(data_vocab *v) {
    free(v->by_id);
    v->by_id = senc_alloc_zero((size_t)v->highest_id + 1, sizeof *v->by_id);
    if (!v->by_id) return false;
    for (int64_t i = 0; i < v->n; i++) {
        const vocab_entry *e = &v->entries[i];
        if (data_vocab_find(v, v->text.data + e->offset, e->n_bytes) == e->id) v->by_id[e->id] = i + 1;
    }
    return true;
}

bool data_vocab_build(data_vocab *v, senc_error *err) {
    trie_builder b = {.v = v};
    if (v->built) return true;
    free(v->nodes);
    v->nodes = NULL;
    b.order = senc_alloc((size_t)v->n, sizeof *b.order);
    bool ok = b.order != NULL;
    if (ok) {
        for (int64_t i = 0; i < v->n; i++) b.order[i] = token_to_sort(v, i);
        qsort_r(b.order, (size_t)v->n, sizeof *b.order, compare_tokens, v);
        ok = build_nodes(&b) && build_index(v);
    }
    free(b.order);
    free(b.next);
    free(b.previous);
    v->built = ok;
    return ok || senc_fail_memory(err, (size_t)v->n_nodes * sizeof *v->nodes, "the vocabulary");
}

const char *data_vocab_token(const data_vocab *v, int32_t id, size_t *n_bytes) {
    if (id < 0 || id > v->highest_id || v->by_id[id] == 0) return NULL;
    const vocab_entry *entry = &v->entries[v->by_id[id] - 1];
    if (n_bytes) *n_bytes = entry->n_bytes;
    return v->text.data + entry->offset;
}
