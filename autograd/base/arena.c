/* Bump arena: see arena.h. */
#include "autograd/base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

#if defined(__has_feature) /* clang's way to say it */
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER
#endif

#ifdef HAS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define MIN_BLOCK_BYTES ((size_t)1 << 20)

struct senc_arena_block {
    senc_arena_block *next;
    size_t size_bytes, used_bytes;
    char *data;
};

static size_t round_up(size_t n) {
    return (n + SENC_ALIGN_BYTES - 1) / SENC_ALIGN_BYTES * SENC_ALIGN_BYTES;
}

void senc_arena_init(senc_arena *a, size_t limit_bytes) {
    *a = (senc_arena){.limit_bytes = limit_bytes};
}

static senc_arena_block *block_create(size_t size_bytes) {
    senc_arena_block *b = senc_alloc(1, sizeof *b);
    if (!b) return NULL;
    *b = (senc_arena_block){.size_bytes = size_bytes, .data = senc_alloc_aligned(size_bytes, 1)};
    if (!b->data) {
        free(b);
        return NULL;
    }
    POISON(b->data, size_bytes);
    return b;
}

/* Makes a->current a block with room for n bytes: a later block that is already there, or a new one. */
static bool find_room(senc_arena *a, size_t n) {
    while (a->current) {
        if (a->current->size_bytes - a->current->used_bytes >= n) return true;
        if (!a->current->next) break;
        a->current = a->current->next;
    }
    const size_t grown = a->reserved_bytes / 4;
    size_t size = n > MIN_BLOCK_BYTES ? n : MIN_BLOCK_BYTES;
    if (size < grown) size = round_up(grown);
    if (a->limit_bytes && a->reserved_bytes + size > a->limit_bytes) size = n;
    if (a->limit_bytes && a->reserved_bytes + size > a->limit_bytes) return false;
    senc_arena_block *b = block_create(size);
    if (!b) return false;
    if (a->current)
        a->current->next = b;
    else
        a->first = b;
    a->current = b;
    a->reserved_bytes += size;
    return true;
}

void *senc_arena_alloc(senc_arena *a, size_t n, size_t size_bytes) {
    size_t total;
    if (a->failed) return NULL;
    if (__builtin_mul_overflow(n, size_bytes, &total) || total > SIZE_MAX / 2) {
        a->failed = true;
        return NULL;
    }
    total = round_up(total ? total : 1);
    if (!find_room(a, total)) {
        a->failed = true;
        return NULL;
    }
    void *p = a->current->data + a->current->used_bytes;
    UNPOISON(p, total);
    a->current->used_bytes += total;
    a->used_bytes += total;
    if (a->used_bytes > a->peak_bytes) a->peak_bytes = a->used_bytes;
    return p;
}

void *senc_arena_alloc_zero(senc_arena *a, size_t n, size_t size_bytes) {
    void *p = senc_arena_alloc(a, n, size_bytes);
    if (p) memset(p, 0, n * size_bytes);
    return p;
}

void senc_arena_reset(senc_arena *a) {
    for (senc_arena_block *b = a->first; b; b = b->next) {
#ifndef NDEBUG
        UNPOISON(b->data, b->used_bytes);
        memset(b->data, 0xff, b->used_bytes); /* all bits set is a NaN in float and double */
#endif
        POISON(b->data, b->size_bytes);
        b->used_bytes = 0;
    }
    a->current = a->first;
    a->used_bytes = 0;
    a->failed = false;
}

void senc_arena_free(senc_arena *a) {
    senc_arena_block *b = a->first;
    while (b) {
        senc_arena_block *next = b->next;
        UNPOISON(b->data, b->size_bytes);
        free(b->data);
        free(b);
        b = next;
    }
    *a = (senc_arena){.limit_bytes = a->limit_bytes};
}
