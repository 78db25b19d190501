/* A bump arena: allocations that live together and are reset at once. It grows by blocks, keeps them over a reset, and
 * so allocates nothing after the first steps. Past its limit it turns failed (sticky) and hands out NULL. */
#ifndef SENC_ARENA_H
#define SENC_ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct senc_arena_block senc_arena_block;

typedef struct senc_arena {
    senc_arena_block *first, *current;
    size_t used_bytes;     /* handed out since the last reset */
    size_t reserved_bytes; /* taken from the heap */
    size_t peak_bytes;     /* largest used_bytes ever */
    size_t limit_bytes;    /* 0: none */
    bool failed;
} senc_arena;

/* limit_bytes = 0: as much as the heap gives. */
void senc_arena_init(senc_arena *a, size_t limit_bytes);
/* Uninitialised memory aligned to SENC_ALIGN_BYTES that lives until the next reset; NULL when failed. */
void *senc_arena_alloc(senc_arena *a, size_t n, size_t size_bytes);
void *senc_arena_alloc_zero(senc_arena *a, size_t n, size_t size_bytes);
/* Forgets everything and clears `failed`. Debug builds fill the memory with NaN bytes; under AddressSanitizer it is
 * poisoned until it is handed out again. */
void senc_arena_reset(senc_arena *a);
void senc_arena_free(senc_arena *a);

#endif
