/* JSON values: see json.h. */
#include "data/formats/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/formats/json_value.h"

#define FIRST_CHUNK_BYTES   1024
#define LARGEST_CHUNK_BYTES ((size_t)1 << 20)
#define SMALL_OBJECT        16 /* members up to which a walk is as fast as a table */

/* ---- memory ---- */

data_json_pool *data_json_pool_create(void) {
    data_json_pool *pool = senc_alloc_zero(1, sizeof *pool);
    if (pool) pool->place = "";
    return pool;
}

void data_json_pool_free(data_json_pool *pool) {
    if (!pool) return;
    for (json_chunk *c = pool->first; c;) {
        json_chunk *next = c->next;
        free(c);
        c = next;
    }
    free(pool);
}

void json_pool_reset(data_json_pool *pool) {
    for (json_chunk *c = pool->first; c; c = c->next) c->used = 0;
    pool->current = pool->first;
    pool->place = "";
    pool->failed = false;
}

static json_chunk *add_chunk(data_json_pool *pool, size_t n_bytes) {
    size_t size = pool->current ? pool->current->n_bytes * 2 : FIRST_CHUNK_BYTES;
    if (size > LARGEST_CHUNK_BYTES) size = LARGEST_CHUNK_BYTES;
    if (size < n_bytes) size = n_bytes;
    json_chunk *c = senc_alloc(1, sizeof *c + size);
    if (!c) return NULL;
    *c = (json_chunk){.n_bytes = size, .next = pool->current ? pool->current->next : NULL};
    if (pool->current)
        pool->current->next = c;
    else
        pool->first = c;
    pool->current = c;
    return c;
}

void *json_pool_alloc(data_json_pool *pool, size_t n_bytes) {
    if (pool->failed) return NULL;
    n_bytes = (n_bytes + 7) & ~(size_t)7;
    json_chunk *c = pool->current;
    while (c && c->n_bytes - c->used < n_bytes && c->next) {
        c = c->next;
        pool->current = c;
    }
    if (!c || c->n_bytes - c->used < n_bytes) c = add_chunk(pool, n_bytes);
    if (!c) {
        pool->failed = true;
        return NULL;
    }
    void *p = (char *)(c + 1) + c->used;
    c->used += n_bytes;
    return p;
}

char *json_pool_text(data_json_pool *pool, const char *text, size_t n_bytes) {
    char *copy = json_pool_alloc(pool, n_bytes + 1);
    if (!copy) return NULL;
    if (n_bytes) memcpy(copy, text, n_bytes);
    copy[n_bytes] = '\0';
    return copy;
}

/* ---- values ---- */

data_json *json_value_create(data_json_pool *pool, data_json_type type) {
    data_json *v = json_pool_alloc(pool, sizeof *v);
    if (!v) return NULL;
    memset(v, 0, sizeof *v); /* all of the union, whichever member is the longest */
    v->pool = pool;
    v->type = type;
    return v;
}

/* FNV-1a, 64 bits. */
static uint64_t key_hash(const char *key, size_t n_bytes) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n_bytes; i++) h = (h ^ (uint8_t)key[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

static bool has_key(const data_json *v, const char *key, size_t n_bytes) {
    return v->key_bytes == n_bytes && memcmp(v->key, key, n_bytes) == 0;
}

static void table_add(json_table *t, data_json *member) {
    uint64_t i = key_hash(member->key, member->key_bytes);
    while (t->slots[i & (uint64_t)(t->n_slots - 1)]) i++;
    t->slots[i & (uint64_t)(t->n_slots - 1)] = member;
    t->n_used++;
}

/* A fresh table with room for twice the members; the old one stays in the pool unused (a geometric series). */
static bool table_build(data_json *object) {
    json_table *t = json_pool_alloc(object->pool, sizeof *t);
    int64_t n_slots = 64;
    while (n_slots < object->count * 4) n_slots *= 2;
    data_json **slots = json_pool_alloc(object->pool, (size_t)n_slots * sizeof *slots);
    object->table = NULL;
    if (!t || !slots) return false;
    memset(slots, 0, (size_t)n_slots * sizeof *slots);
    *t = (json_table){.slots = slots, .n_slots = n_slots};
    for (data_json *m = object->first; m; m = m->next) table_add(t, m);
    object->table = t;
    return true;
}

bool json_value_link(data_json *parent, data_json *child) {
    child->next = NULL;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
    if (parent->type != DATA_JSON_OBJECT) return true;
    if (parent->table && parent->table->n_used * 2 < parent->table->n_slots) {
        table_add(parent->table, child);
        return true;
    }
    return parent->count <= SMALL_OBJECT || table_build(parent);
}

data_json *json_value_find(const data_json *object, const char *key, size_t n_bytes) {
    const json_table *t = object->table;
    if (t) {
        const uint64_t mask = (uint64_t)(t->n_slots - 1);
        for (uint64_t i = key_hash(key, n_bytes);; i++) {
            data_json *m = t->slots[i & mask];
            if (!m || has_key(m, key, n_bytes)) return m;
        }
    }
    for (data_json *m = object->first; m; m = m->next) {
        if (has_key(m, key, n_bytes)) return m;
    }
    return NULL;
}

void data_json_free(data_json *root) {
    if (root && root->is_root) data_json_pool_free(root->pool);
}

/* ---- reading ---- */

data_json_type data_json_get_type(const data_json *v) {
    return v ? v->type : DATA_JSON_NULL;
}

const char *data_json_type_name(data_json_type type) {
    static const char *const names[] = {"null",     "a boolean", "an integer", "a number",
                                        "a string", "an array",  "an object"};
    return names[type];
}

const data_json *data_json_find_n(const data_json *v, const char *key, size_t n_bytes) {
    return v && v->type == DATA_JSON_OBJECT ? json_value_find(v, key, n_bytes) : NULL;
}

const data_json *data_json_find(const data_json *v, const char *key) {
    return data_json_find_n(v, key, strlen(key));
}

data_json *data_json_find_mutable(data_json *v, const char *key) {
    return v && v->type == DATA_JSON_OBJECT ? json_value_find(v, key, strlen(key)) : NULL;
}

static bool is_container(const data_json *v) {
    return v && (v->type == DATA_JSON_OBJECT || v->type == DATA_JSON_ARRAY);
}

const data_json *data_json_first(const data_json *v) {
    return is_container(v) ? v->first : NULL;
}

const data_json *data_json_next(const data_json *v) {
    return v ? v->next : NULL;
}

int64_t data_json_count(const data_json *v) {
    return is_container(v) ? v->count : 0;
}

const data_json *data_json_at(const data_json *v, int64_t i) {
    const data_json *item = data_json_first(v);
    while (item && i-- > 0) item = item->next;
    return item;
}

const char *data_json_key(const data_json *member, size_t *n_bytes) {
    if (n_bytes) *n_bytes = member ? member->key_bytes : 0;
    return member ? member->key : NULL;
}

const char *data_json_text(const data_json *v, size_t *n_bytes) {
    const bool is_text = v && v->type == DATA_JSON_STRING;
    if (n_bytes) *n_bytes = is_text ? v->n_bytes : 0;
    return is_text ? v->text : NULL;
}

int64_t data_json_integer(const data_json *v) {
    return v && v->type == DATA_JSON_INTEGER ? v->integer : 0;
}

double data_json_number(const data_json *v) {
    if (v && v->type == DATA_JSON_INTEGER) return (double)v->integer;
    return v && v->type == DATA_JSON_NUMBER ? v->number : 0;
}

bool data_json_bool(const data_json *v) {
    return v && v->type == DATA_JSON_BOOL && v->boolean;
}

bool data_json_is_number(const data_json *v) {
    return v && (v->type == DATA_JSON_INTEGER || v->type == DATA_JSON_NUMBER);
}

const char *data_json_place(const data_json *v) {
    return v ? v->pool->place : "";
}

/* ---- members of a config ---- */

#define SHOWN_BYTES 60 /* how much of a wrong value a message shows */

static bool fail_member(const data_json *o, const char *key, const char *expected, const data_json *got,
                        senc_error *err) {
    const char *place = data_json_place(o), *colon = *place ? ": " : "";
    if (!got)
        return senc_fail(err, SENC_BAD_INPUT, "%s%s\"%s\": expected %s, but it is missing", place, colon, key,
                         expected);
    if (is_container(got)) {
        return senc_fail(err, SENC_BAD_INPUT, "%s%s\"%s\": expected %s, got %s", place, colon, key, expected,
                         data_json_type_name(got->type));
    }
    senc_buffer shown = {0};
    data_json_dump(got, 0, &shown);
    senc_fail(err, SENC_BAD_INPUT, "%s%s\"%s\": expected %s, got %.*s%s", place, colon, key, expected, SHOWN_BYTES,
              senc_buffer_text(&shown), shown.n_bytes > SHOWN_BYTES ? "..." : "");
    senc_buffer_free(&shown);
    return false;
}

/* The member, or NULL when absent or null. */
static const data_json *find_set(const data_json *o, const char *key) {
    const data_json *v = data_json_find(o, key);
    return v && v->type == DATA_JSON_NULL ? NULL : v;
}

bool data_json_read_integer(const data_json *o, const char *key, int64_t low, int64_t high, int64_t *out,
                            senc_error *err) {
    const data_json *v = find_set(o, key);
    if (!v) return true;
    int64_t value = data_json_integer(v);
    bool good = v->type == DATA_JSON_INTEGER;
    if (v->type == DATA_JSON_NUMBER && fabs(v->number) < 9007199254740992.0 &&
        v->number == trunc(v->number)) { /* 2^53 */
        value = (int64_t)v->number;
        good = true;
    }
    if (good && value >= low && value <= high) {
        *out = value;
        return true;
    }
    char expected[96];
    if (low == INT64_MIN && high == INT64_MAX)
        snprintf(expected, sizeof expected, "an integer");
    else if (high == INT64_MAX)
        snprintf(expected, sizeof expected, "an integer >= %" PRId64, low);
    else
        snprintf(expected, sizeof expected, "an integer from %" PRId64 " to %" PRId64, low, high);
    return fail_member(o, key, expected, v, err);
}

bool data_json_read_number(const data_json *o, const char *key, double low, double high, double *out, senc_error *err) {
    const data_json *v = find_set(o, key);
    if (!v) return true;
    const double value = data_json_number(v);
    if (data_json_is_number(v) && value >= low && value <= high) {
        *out = value;
        return true;
    }
    char expected[96];
    if (isinf(low) && isinf(high))
        snprintf(expected, sizeof expected, "a number");
    else if (isinf(high))
        snprintf(expected, sizeof expected, "a number >= %g", low);
    else
        snprintf(expected, sizeof expected, "a number from %g to %g", low, high);
    return fail_member(o, key, expected, v, err);
}

bool data_json_read_bool(const data_json *o, const char *key, bool *out, senc_error *err) {
    const data_json *v = find_set(o, key);
    if (!v) return true;
    if (v->type != DATA_JSON_BOOL) return fail_member(o, key, "true or false", v, err);
    *out = v->boolean;
    return true;
}

bool data_json_read_string(const data_json *o, const char *key, const char **out, senc_error *err) {
    const data_json *v = find_set(o, key);
    if (!v) return true;
    if (v->type != DATA_JSON_STRING) return fail_member(o, key, "a string", v, err);
    if (memchr(v->text, '\0', v->n_bytes)) return fail_member(o, key, "a string without \\u0000", v, err);
    *out = v->text;
    return true;
}

bool data_json_require_integer(const data_json *o, const char *key, int64_t low, int64_t high, int64_t *out,
                               senc_error *err) {
    if (!find_set(o, key)) return fail_member(o, key, "an integer", NULL, err);
    return data_json_read_integer(o, key, low, high, out, err);
}

bool data_json_require_number(const data_json *o, const char *key, double low, double high, double *out,
                              senc_error *err) {
    if (!find_set(o, key)) return fail_member(o, key, "a number", NULL, err);
    return data_json_read_number(o, key, low, high, out, err);
}

bool data_json_require_string(const data_json *o, const char *key, const char **out, senc_error *err) {
    if (!find_set(o, key)) return fail_member(o, key, "a string", NULL, err);
    return data_json_read_string(o, key, out, err);
}

bool data_json_read_array(const data_json *o, const char *key, const data_json **out, senc_error *err) {
    *out = find_set(o, key);
    if (*out && (*out)->type != DATA_JSON_ARRAY) return fail_member(o, key, "an array", *out, err);
    return true;
}

bool data_json_read_object(const data_json *o, const char *key, const data_json **out, senc_error *err) {
    *out = find_set(o, key);
    if (*out && (*out)->type != DATA_JSON_OBJECT) return fail_member(o, key, "an object", *out, err);
    return true;
}

/* ---- building ---- */

static data_json *create_root(data_json_type type) {
    data_json_pool *pool = data_json_pool_create();
    data_json *root = pool ? json_value_create(pool, type) : NULL;
    if (!root) {
        data_json_pool_free(pool);
        return NULL;
    }
    root->is_root = true;
    return root;
}

data_json *data_json_create_object(void) {
    return create_root(DATA_JSON_OBJECT);
}

data_json *data_json_create_array(void) {
    return create_root(DATA_JSON_ARRAY);
}

/* The value to fill: a new child, or the member of that name, emptied. NULL when out of memory. */
static data_json *put(data_json *parent, const char *key, size_t key_bytes, data_json_type type) {
    if (!parent) return NULL;
    data_json *v = key ? json_value_find(parent, key, key_bytes) : NULL;
    if (v) {
        const data_json old = *v;
        memset(v, 0, sizeof *v);
        v->pool = old.pool, v->next = old.next, v->key = old.key, v->key_bytes = old.key_bytes, v->type = type;
        return v;
    }
    v = json_value_create(parent->pool, type);
    if (!v) return NULL;
    if (key) {
        v->key = json_pool_text(parent->pool, key, key_bytes);
        v->key_bytes = key_bytes;
        if (!v->key) return NULL;
    }
    return json_value_link(parent, v) ? v : NULL;
}

static data_json *put_named(data_json *parent, const char *key, data_json_type type) {
    SENC_ASSERT(!parent || parent->type == (key ? DATA_JSON_OBJECT : DATA_JSON_ARRAY), "key %s into %s",
                key ? key : "NULL", data_json_type_name(parent->type));
    return put(parent, key, key ? strlen(key) : 0, type);
}

void data_json_put_null(data_json *parent, const char *key) {
    put_named(parent, key, DATA_JSON_NULL);
}

void data_json_put_bool(data_json *parent, const char *key, bool value) {
    data_json *v = put_named(parent, key, DATA_JSON_BOOL);
    if (v) v->boolean = value;
}

void data_json_put_integer(data_json *parent, const char *key, int64_t value) {
    data_json *v = put_named(parent, key, DATA_JSON_INTEGER);
    if (v) v->integer = value;
}

void data_json_put_number(data_json *parent, const char *key, double value) {
    data_json *v = put_named(parent, key, isfinite(value) ? DATA_JSON_NUMBER : DATA_JSON_NULL);
    if (v && isfinite(value)) v->number = value;
}

/* A string whose text cannot be kept becomes null; the pool's sticky failure reports it. */
static void set_text(data_json *v, const char *text, size_t n_bytes) {
    const char *copy = json_pool_text(v->pool, text, n_bytes);
    v->type = copy ? DATA_JSON_STRING : DATA_JSON_NULL;
    if (!copy) return;
    v->text = copy;
    v->n_bytes = n_bytes;
}

void data_json_put_text(data_json *parent, const char *key, const char *value, size_t n_bytes) {
    data_json *v = put_named(parent, key, DATA_JSON_NULL);
    if (v) set_text(v, value, n_bytes);
}

void data_json_put_string(data_json *parent, const char *key, const char *value) {
    if (value)
        data_json_put_text(parent, key, value, strlen(value));
    else
        data_json_put_null(parent, key);
}

data_json *data_json_put_object(data_json *parent, const char *key) {
    return put_named(parent, key, DATA_JSON_OBJECT);
}

data_json *data_json_put_array(data_json *parent, const char *key) {
    return put_named(parent, key, DATA_JSON_ARRAY);
}

/* Depth is bounded: parsed documents by the parser's limit, built ones by their program. */
static void copy_into(data_json *to, const data_json *from) {
    if (from->type == DATA_JSON_STRING) {
        set_text(to, from->text, from->n_bytes);
        return;
    }
    if (!is_container(from)) {
        to->type = from->type;
        if (from->type == DATA_JSON_BOOL) to->boolean = from->boolean;
        if (from->type == DATA_JSON_INTEGER) to->integer = from->integer;
        if (from->type == DATA_JSON_NUMBER) to->number = from->number;
        return;
    }
    for (const data_json *m = from->first; m; m = m->next) {
        data_json *child = put(to, m->key, m->key_bytes, is_container(m) ? m->type : DATA_JSON_NULL);
        if (!child) return;
        copy_into(child, m);
    }
}

void data_json_put_copy(data_json *parent, const char *key, const data_json *value) {
    data_json *v = put_named(parent, key, is_container(value) ? value->type : DATA_JSON_NULL);
    if (v && value) copy_into(v, value);
}

void data_json_remove(data_json *object, const char *key) {
    data_json *v = data_json_find_mutable(object, key), *before = NULL;
    if (!v) return;
    for (data_json *m = object->first; m != v; m = m->next) before = m;
    if (before)
        before->next = v->next;
    else
        object->first = v->next;
    if (object->last == v) object->last = before;
    object->count--;
    if (object->table) table_build(object);
}
