/* Heap memory with overflow checks and failure injection. Every allocation of the program that can be reached from user
 * input goes through here, so that a test can make the n-th one fail. Blocks are freed with free(). */
#ifndef SENC_MEMORY_H
#define SENC_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define SENC_ALIGN_BYTES 64 /* a cache line; also the widest vector register (AVX-512) */

/* Uninitialised / zeroed block of n * size_bytes; NULL when out of memory or when the product overflows. n = 0 gives a
 * valid pointer to free. */
void *senc_alloc(size_t n, size_t size_bytes);
void *senc_alloc_zero(size_t n, size_t size_bytes);

/* Like senc_alloc, aligned to SENC_ALIGN_BYTES. */
void *senc_alloc_aligned(size_t n, size_t size_bytes);

/* realloc of an array; NULL (old block untouched) on failure. */
void *senc_realloc(void *block, size_t n, size_t size_bytes);

char *senc_strdup(const char *text);
char *senc_strndup(const char *text, size_t n_bytes);

/* Tests: the n-th allocation from now on fails (1 = the next one); 0 turns injection off. */
void senc_alloc_fail_at(int64_t n);

/* Resident memory now and at its peak, in bytes (VmRSS, VmHWM); 0 where unknown. */
int64_t senc_memory_resident_bytes(void);
int64_t senc_memory_peak_bytes(void);
/* Physical memory this process may use: the smaller of MemAvailable and the cgroup limit; 0 where unknown. */
int64_t senc_memory_available_bytes(void);

#endif
