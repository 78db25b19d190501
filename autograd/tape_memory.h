/* The memory of a tape's values and gradients: one contiguous region of address space, reserved once and filled from
 * the bottom, with an address-ordered list of free pieces that are merged and split. Contiguous because N changes with
 * every batch: blocks of a fixed size would waste their tails. The system commits pages when they are touched first;
 * they stay, so later steps allocate nothing.
 *
 *   [used][free piece][used][used][free piece][used] top ... never touched ... reserved */
#ifndef TAPE_MEMORY_H
#define TAPE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

typedef struct ag_memory_piece {
    int64_t at, n; /* bytes from base; both multiples of SENC_ALIGN_BYTES */
} ag_memory_piece;

typedef struct ag_memory {
    char *base;
    int64_t reserved_bytes;
    int64_t top;                  /* everything above is free */
    int64_t peak_bytes;           /* highest top ever: what the process has paid for */
    ag_memory_piece *free_pieces; /* by address, never adjacent to one another or to top */
    int64_t n_free, free_capacity;
} ag_memory;

/* Reserves limit_bytes of address space (0: what the machine has). False when the system refuses. */
bool ag_memory_init(ag_memory *m, int64_t limit_bytes, senc_error *err);
void ag_memory_free(ag_memory *m);
/* At least n_bytes, aligned to SENC_ALIGN_BYTES, content undefined: the smallest free piece that fits (best fit), else
 * from the top. NULL when the region is full. */
void *ag_memory_take(ag_memory *m, int64_t n_bytes);
/* Gives back what a take of n_bytes returned. Under AddressSanitizer it is poisoned; debug builds fill it with NaN
 * bytes. */
void ag_memory_give(ag_memory *m, void *block, int64_t n_bytes);
/* Takes everything back at once. */
void ag_memory_reset(ag_memory *m);

#endif
