/* Heap memory with overflow checks and failure injection. Every allocation of the program that can be reached from user
 * input goes through here, so that a test can make the n-th one fail. Blocks are freed with free(). */
#ifndef SENC_MEMORY_H
#define SENC_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SENC_ALIGN_BYTES     64                /* a cache line; also the widest vector register (AVX-512) */
#define SENC_HUGE_PAGE_BYTES ((size_t)2 << 20) /* x86-64; elsewhere a multiple or a part of it */
#define SENC_HUGE_PAGES_FROM ((size_t)4 << 20) /* bytes of a block from which they are asked for */

/* Uninitialised / zeroed block of n * size_bytes; NULL when out of memory or when the product overflows. n = 0 gives a
 * valid pointer to free. */
void *senc_alloc(size_t n, size_t size_bytes);
void *senc_alloc_zero(size_t n, size_t size_bytes);

/* Like senc_alloc, aligned to SENC_ALIGN_BYTES. Large blocks lie on huge pages where the system has them to give, which
 * saves most page faults and TLB misses. */
void *senc_alloc_aligned(size_t n, size_t size_bytes);
/* Tells the system to back [block, block + n_bytes) with huge pages when they are touched; advice, never an error.
 * Below SENC_HUGE_PAGES_FROM bytes it does nothing: a block must not cost more memory than it has. */
void senc_memory_advise_huge(void *block, size_t n_bytes);

/* realloc of an array; NULL (old block untouched) on failure. */
void *senc_realloc(void *block, size_t n, size_t size_bytes);

char *senc_strdup(const char *text);
char *senc_strndup(const char *text, size_t n_bytes);

/* Tests: the n-th allocation from now on fails (1 = the next one); 0 turns injection off. */
void senc_alloc_fail_at(int64_t n);

/* Resident memory now and at its peak, in bytes (VmRSS, VmHWM); 0 where unknown. */
int64_t senc_memory_resident_bytes(void);
int64_t senc_memory_peak_bytes(void);
/* The same now, in parts: memory of its own (heap, stacks, shared), and pages of mapped files, which the system can
 * take back. 0 where unknown. */
void senc_memory_resident_parts(int64_t *own_bytes, int64_t *mapped_bytes);
/* Physical memory this process may use: the smaller of MemAvailable and what its control groups leave (cgroup.h); 0
 * where unknown. */
int64_t senc_memory_available_bytes(void);
/* Gives what free() has kept for later back to the system: between phases that need memory for different things. */
void senc_memory_trim(void);
/* Starts the peak anew from what is resident now, where the system can (Linux); false: it goes on from the start. */
bool senc_memory_reset_peak(void);

#endif
