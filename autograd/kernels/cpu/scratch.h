/* Scratch memory of the tuned kernels: a few blocks per thread that grow and are kept, so that nothing is allocated
 * after warm-up. A block is valid until the same thread asks for the same slot again. */
#ifndef KERN_SCRATCH_H
#define KERN_SCRATCH_H

#include <stdint.h>

typedef enum kern_scratch_slot {
    KERN_SCRATCH_CALL, /* taken by the kernel before it goes parallel, read by all its tasks */
    KERN_SCRATCH_TASK, /* taken inside a task */
    KERN_SCRATCH_SLOTS,
} kern_scratch_slot;

/* Uninitialised, aligned to SENC_ALIGN_BYTES, for the calling thread. Kernels cannot fail and the blocks are small, so
 * running out of memory here ends the program with a message. */
void *kern_scratch_take(kern_scratch_slot slot, int64_t n_bytes);

#endif
