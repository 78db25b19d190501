/* Memory of values and gradients: see tape_memory.h. */
#include "autograd/tape_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "autograd/base/memory.h"

#ifndef __has_feature
#define __has_feature(x) 0 /* gcc */
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, (size_t)(n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, (size_t)(n))
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define UNKNOWN_MEMORY  ((int64_t)64 << 30) /* reserved (not used) where the machine does not say what it has */
#define CRUMB           16 /* a block below this share of a piece does not spoil it for others of its size */
#define SMALLEST_REGION ((int64_t)16 << 20) /* less is not worth a retry: the system is out of address space */

static int64_t round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

/* Memory that has no owner: reading it is an error that tests shall see. */
static void forget(char *p, int64_t n) {
#ifndef NDEBUG
    UNPOISON(p, n);
    memset(p, 0xff, (size_t)n); /* all bits set is a NaN in float and double */
#endif
    POISON(p, n);
}

bool ag_memory_init(ag_memory *m, int64_t limit_bytes, senc_error *err) {
    *m = (ag_memory){0};
    int64_t want = limit_bytes > 0 ? limit_bytes : senc_memory_available_bytes();
    if (want <= 0) want = UNKNOWN_MEMORY;
    want = round_up(want, SENC_ALIGN_BYTES);
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *p = mmap(NULL, (size_t)want, PROT_READ | PROT_WRITE, flags, -1, 0);
    while (p == MAP_FAILED && want > SMALLEST_REGION) { /* ulimit -v, or vm.overcommit_memory = 2 */
        want = round_up(want / 2, SENC_ALIGN_BYTES);
        p = mmap(NULL, (size_t)want, PROT_READ | PROT_WRITE, flags, -1, 0);
    }
    if (p == MAP_FAILED) return senc_fail_memory(err, (size_t)want, "activations");
    senc_memory_advise_huge(p, (size_t)want);
    m->base = p;
    m->reserved_bytes = want;
    m->limit_bytes = limit_bytes > 0 ? limit_bytes : 0;
    return true;
}

void ag_memory_free(ag_memory *m) {
    if (m->base) {
        UNPOISON(m->base, m->peak_bytes);
        munmap(m->base, (size_t)m->reserved_bytes);
    }
    free(m->free_pieces);
    *m = (ag_memory){0};
}

static void remove_piece(ag_memory *m, int64_t i) {
    memmove(&m->free_pieces[i], &m->free_pieces[i + 1], (size_t)(m->n_free - i - 1) * sizeof *m->free_pieces);
    m->n_free--;
}

/* False when the list cannot grow. */
static bool insert_piece(ag_memory *m, int64_t i, ag_memory_piece piece) {
    if (m->n_free == m->free_capacity) {
        const int64_t capacity = m->free_capacity ? 2 * m->free_capacity : 64;
        ag_memory_piece *grown = senc_realloc(m->free_pieces, (size_t)capacity, sizeof *grown);
        if (!grown) return false;
        m->free_pieces = grown;
        m->free_capacity = capacity;
    }
    memmove(&m->free_pieces[i + 1], &m->free_pieces[i], (size_t)(m->n_free - i) * sizeof *m->free_pieces);
    m->free_pieces[i] = piece;
    m->n_free++;
    return true;
}

static void note_most(ag_memory *m) {
    if (m->top > m->peak_bytes) m->peak_bytes = m->top;
    if (m->top + m->beside_bytes > m->most_bytes) m->most_bytes = m->top + m->beside_bytes;
}

bool ag_memory_has_room(const ag_memory *m, int64_t n_bytes) {
    return m->limit_bytes == 0 || n_bytes <= m->limit_bytes - m->beside_bytes - m->top;
}

static bool can_grow(const ag_memory *m, int64_t n) {
    return n <= m->reserved_bytes - m->top && ag_memory_has_room(m, n);
}

void *ag_memory_take(ag_memory *m, int64_t n_bytes) {
    if (n_bytes < 0 || n_bytes > m->reserved_bytes) return NULL;
    const int64_t n = round_up(n_bytes ? n_bytes : 1, SENC_ALIGN_BYTES);
    int64_t best = -1;
    for (int64_t i = 0; i < m->n_free; i++) {
        if (m->free_pieces[i].n >= n && (best < 0 || m->free_pieces[i].n < m->free_pieces[best].n)) best = i;
    }
    if (best >= 0 && n < m->free_pieces[best].n / CRUMB && can_grow(m, n)) best = -1;
    int64_t at = m->top;
    if (best >= 0) {
        at = m->free_pieces[best].at;
        m->free_pieces[best].at += n;
        m->free_pieces[best].n -= n;
        if (m->free_pieces[best].n == 0) remove_piece(m, best);
    } else {
        if (!can_grow(m, n)) return NULL;
        m->top += n;
        note_most(m);
    }
    UNPOISON(m->base + at, n);
    return m->base + at;
}

void ag_memory_give(ag_memory *m, void *block, int64_t n_bytes) {
    if (!block) return;
    ag_memory_piece piece = {(char *)block - m->base, round_up(n_bytes ? n_bytes : 1, SENC_ALIGN_BYTES)};
    SENC_ASSERT(piece.at >= 0 && piece.at + piece.n <= m->top, "block at %lld of %lld bytes, top %lld",
                (long long)piece.at, (long long)piece.n, (long long)m->top);
    forget(block, piece.n);
    int64_t i = 0; /* first piece above the block */
    while (i < m->n_free && m->free_pieces[i].at < piece.at) i++;
    if (i < m->n_free && piece.at + piece.n == m->free_pieces[i].at) {
        piece.n += m->free_pieces[i].n;
        remove_piece(m, i);
    }
    if (i > 0 && m->free_pieces[i - 1].at + m->free_pieces[i - 1].n == piece.at) {
        piece.at = m->free_pieces[i - 1].at;
        piece.n += m->free_pieces[i - 1].n;
        remove_piece(m, --i);
    }
    if (piece.at + piece.n == m->top)
        m->top = piece.at;
    else
        insert_piece(m, i, piece); /* no room in the list: the piece is lost until the reset, nothing worse */
}

void ag_memory_reset(ag_memory *m) {
    forget(m->base, m->top);
    m->top = 0;
    m->n_free = 0;
}

void ag_memory_count_beside(ag_memory *m, int64_t n_bytes) {
    m->beside_bytes += n_bytes;
    note_most(m);
}

void ag_memory_trim(ag_memory *m) {
    SENC_ASSERT(m->top == 0, "%lld bytes are in use", (long long)m->top);
    UNPOISON(m->base, m->peak_bytes);
    madvise(m->base, (size_t)m->reserved_bytes, MADV_DONTNEED);
    POISON(m->base, m->peak_bytes);
}
