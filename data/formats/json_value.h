/* JSON values inside: shared by json.c (values), json_parse.c (text -> values) and json_write.c (values -> text) only.
 */
#ifndef DATA_JSON_VALUE_H
#define DATA_JSON_VALUE_H

#include "data/formats/json.h"

/* A chain of chunks, handed out from the front; a reset keeps them. */
typedef struct json_chunk {
    struct json_chunk *next;
    size_t n_bytes, used;
} json_chunk;

struct data_json_pool {
    json_chunk *first, *current;
    char *place; /* in the pool's memory, or "" */
    bool failed;
};

/* Members found by key: open addressing, built once an object is large. n_slots is a power of two. */
typedef struct json_table {
    data_json **slots;
    int64_t n_slots, n_used;
} json_table;

struct data_json {
    data_json_pool *pool;
    data_json *next;
    const char *key; /* NULL for items and roots */
    size_t key_bytes;
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct {
            const char *text;
            size_t n_bytes;
        };
        struct {
            data_json *first, *last;
            json_table *table;
            int64_t count;
        };
    };
    data_json_type type;
    bool is_root; /* owns the pool (data_json_free) */
};

/* n_bytes aligned to 8; NULL and failed when out of memory. */
void *json_pool_alloc(data_json_pool *pool, size_t n_bytes);
char *json_pool_text(data_json_pool *pool, const char *text, size_t n_bytes);
void json_pool_reset(data_json_pool *pool);

data_json *json_value_create(data_json_pool *pool, data_json_type type);
/* Adds behind the last child; with a key, false also means out of memory for the table. Does not look for the key. */
bool json_value_link(data_json *parent, data_json *child);
data_json *json_value_find(const data_json *object, const char *key, size_t n_bytes);

#endif
