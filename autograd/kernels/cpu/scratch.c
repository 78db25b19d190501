/* Scratch memory: see scratch.h. The blocks hang in a static table, so they outlive the pool's threads. */
#include "autograd/kernels/cpu/scratch.h"

#include <stdlib.h>

#include "autograd/base/error.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

#define GROWTH_BYTES INT64_C(65536) /* sizes are rounded up to this, so that slowly growing batches settle */

typedef struct block {
    void *data;
    int64_t n_bytes;
} block;

static block blocks[SENC_MAX_THREADS][KERN_SCRATCH_SLOTS];

void *kern_scratch_take(kern_scratch_slot slot, int64_t n_bytes) {
    block *b = &blocks[senc_threads_index()][slot];
    if (n_bytes <= b->n_bytes) return b->data;
    const int64_t rounded = (n_bytes + n_bytes / 8 + GROWTH_BYTES - 1) / GROWTH_BYTES * GROWTH_BYTES;
    free(b->data);
    b->data = aligned_alloc(SENC_ALIGN_BYTES, (size_t)rounded);
    b->n_bytes = rounded;
    SENC_ASSERT(b->data != NULL, "out of memory: %lld bytes of scratch for a kernel", (long long)rounded);
    return b->data;
}
