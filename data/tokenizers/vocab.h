/* A vocabulary: token <-> id, and the longest token that a text begins with.
 *
 * Tokens live in a double-array trie over bytes (Aoe 1989): the child of node s for byte c is t = base[s] ^ c when
 * check[t] == s. One walk finds the longest match, without hashing and without copying. */
#ifndef DATA_VOCAB_H
#define DATA_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"

enum { DATA_VOCAB_MAX_ID = 9999999 }; /* far above any vocabulary; keeps a lying file from taking all memory */

typedef struct vocab_node {
    int32_t base, check; /* check -1: free */
    int32_t id;          /* of the token that ends here, -1: none */
} vocab_node;

typedef struct vocab_entry {
    size_t offset, n_bytes; /* in the text */
    int32_t id;
} vocab_entry;

typedef struct data_vocab {
    senc_buffer text; /* tokens, each with a NUL behind it */
    vocab_entry *entries;
    int64_t n, capacity;
    int64_t *by_id; /* 1 + the entry of an id, 0: none; highest_id + 1 of them, of which a file may use few */
    int32_t highest_id;
    vocab_node *nodes;
    int32_t n_nodes;
    bool built; /* the trie holds all entries */
} data_vocab;

void data_vocab_init(data_vocab *v);
void data_vocab_free(data_vocab *v);
/* Adds a token; id is in [0, DATA_VOCAB_MAX_ID]. A token that is there already gets the new id when the trie is built.
 * False when out of memory. */
bool data_vocab_add(data_vocab *v, const char *token, size_t n_bytes, int32_t id, senc_error *err);
/* Builds the trie; call it after the last add and before any look-up. May be called again after further adds, and does
 * nothing when there were none. */
bool data_vocab_build(data_vocab *v, senc_error *err);

/* The id of a token, -1 when absent. */
int32_t data_vocab_find(const data_vocab *v, const char *token, size_t n_bytes);
/* The NUL-terminated token of an id, NULL when absent. */
const char *data_vocab_token(const data_vocab *v, int32_t id, size_t *n_bytes);

static inline int32_t data_vocab_child(const data_vocab *v, int32_t node, unsigned char c) {
    int32_t t = v->nodes[node].base ^ c;
    return v->nodes[t].check == node ? t : -1;
}

/* The node reached from the root (0) by these bytes, -1 when no token begins so. */
int32_t data_vocab_walk(const data_vocab *v, const char *bytes, size_t n_bytes);

/* The longest token below `node` (not the node itself) that text begins with: its id and length, or -1. */
static inline int32_t data_vocab_longest(const data_vocab *v, int32_t node, const char *text, size_t n_bytes,
                                         size_t *length) {
    int32_t id = -1;
    for (size_t i = 0; i < n_bytes; i++) {
        node = data_vocab_child(v, node, (unsigned char)text[i]);
        if (node < 0) break;
        if (v->nodes[node].id >= 0) {
            id = v->nodes[node].id;
            *length = i + 1;
        }
    }
    return id;
}

#endif
