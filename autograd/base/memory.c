/* Heap memory: see memory.h. */
#include "autograd/base/memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "autograd/base/cgroup.h"

static _Atomic int64_t fail_countdown; /* 0: injection off */

void senc_alloc_fail_at(int64_t n) {
    atomic_store(&fail_countdown, n);
}

static int must_fail(void) {
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) == 0) return 0;
    return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

static int overflows(size_t n, size_t size_bytes, size_t *total) {
    return __builtin_mul_overflow(n, size_bytes, total) || *total > (size_t)PTRDIFF_MAX - SENC_ALIGN_BYTES;
}

void *senc_alloc(size_t n, size_t size_bytes) {
    size_t total;
    if (overflows(n, size_bytes, &total) || must_fail()) return NULL;
    return malloc(total ? total : 1);
}

void *senc_alloc_zero(size_t n, size_t size_bytes) {
    size_t total;
    if (overflows(n, size_bytes, &total) || must_fail()) return NULL;
    return calloc(1, total ? total : 1);
}

void *senc_alloc_aligned(size_t n, size_t size_bytes) {
    size_t total;
    if (overflows(n, size_bytes, &total) || must_fail()) return NULL;
    const size_t padded = (total + SENC_ALIGN_BYTES - 1) / SENC_ALIGN_BYTES * SENC_ALIGN_BYTES;
    if (padded < SENC_HUGE_PAGES_FROM) return aligned_alloc(SENC_ALIGN_BYTES, padded ? padded : SENC_ALIGN_BYTES);
    /* The next multiple of the alignment, as C11 wants it; what lies behind `padded` is never touched. */
    const size_t whole = (padded + SENC_HUGE_PAGE_BYTES - 1) / SENC_HUGE_PAGE_BYTES * SENC_HUGE_PAGE_BYTES;
    void *block = aligned_alloc(SENC_HUGE_PAGE_BYTES, whole);
    if (block) senc_memory_advise_huge(block, padded);
    return block;
}

void senc_memory_advise_huge(void *block, size_t n_bytes) {
    if (n_bytes < SENC_HUGE_PAGES_FROM) return;
    /* Whole pages inside the block only: its neighbours decide for themselves. */
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)block;
    const uintptr_t first = (start + page - 1) / page * page, end = (start + n_bytes) / page * page;
    madvise((char *)block + (first - start), end - first, MADV_HUGEPAGE);
}

void *senc_realloc(void *block, size_t n, size_t size_bytes) {
    size_t total;
    if (overflows(n, size_bytes, &total) || must_fail()) return NULL;
    return realloc(block, total ? total : 1);
}

char *senc_strndup(const char *text, size_t n_bytes) {
    char *copy = senc_alloc(n_bytes + 1, 1);
    if (!copy) return NULL;
    memcpy(copy, text, n_bytes);
    copy[n_bytes] = '\0';
    return copy;
}

char *senc_strdup(const char *text) {
    return senc_strndup(text, strlen(text));
}

/* The number behind `key` in a /proc file of "Key:   N kB" lines, in bytes; 0 when absent. */
static int64_t proc_kib(const char *path, const char *key) {
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    char line[256];
    int64_t bytes = 0;
    const size_t n = strlen(key);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, key, n) == 0 && line[n] == ':') {
            bytes = strtoll(line + n + 1, NULL, 10) * 1024;
            break;
        }
    }
    fclose(f);
    return bytes;
}

int64_t senc_memory_resident_bytes(void) {
    return proc_kib("/proc/self/status", "VmRSS");
}

int64_t senc_memory_peak_bytes(void) {
    return proc_kib("/proc/self/status", "VmHWM");
}

void senc_memory_resident_parts(int64_t *own_bytes, int64_t *mapped_bytes) {
    *own_bytes = proc_kib("/proc/self/status", "RssAnon") + proc_kib("/proc/self/status", "RssShmem");
    *mapped_bytes = proc_kib("/proc/self/status", "RssFile");
}

int64_t senc_memory_available_bytes(void) {
    const int64_t machine = proc_kib("/proc/meminfo", "MemAvailable");
    const int64_t group = senc_cgroup_memory_bytes("");
    if (group > 0 && (machine == 0 || group < machine)) return group;
    return machine;
}

void senc_memory_trim(void) {
    malloc_trim(0);
}

bool senc_memory_reset_peak(void) {
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f) return false;
    const bool written = fputs("5\n", f) >= 0; /* 5: the high-water mark of resident memory (proc(5)) */
    return fclose(f) == 0 && written;
}
