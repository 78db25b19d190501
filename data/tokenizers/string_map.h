/* Byte strings numbered in the order they came, each with a count: the words of a training text, the tokens made of
 * them. */
#ifndef DATA_STRING_MAP_H
#define DATA_STRING_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/buffer.h"

typedef struct string_map_entry {
    size_t offset, n_bytes; /* in the text */
    uint64_t hash;
    int64_t count;
} string_map_entry;

/* {0} is empty. */
typedef struct data_string_map {
    senc_buffer text;
    string_map_entry *entries;
    int64_t n, capacity;
    int64_t *slots; /* index + 1 of an entry, 0: free; n_slots is a power of two */
    int64_t n_slots;
} data_string_map;

void data_string_map_free(data_string_map *m);
/* The number of a string; one that is new gets the next, with count 0. -1: out of memory. */
int64_t data_string_map_put(data_string_map *m, const char *text, size_t n_bytes);
/* -1: absent. */
int64_t data_string_map_find(const data_string_map *m, const char *text, size_t n_bytes);
const char *data_string_map_get(const data_string_map *m, int64_t i, size_t *n_bytes); /* not NUL-terminated */

#endif
