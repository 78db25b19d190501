/* The memory of values and gradients of one tape, or of several that share it: one contiguous region of address space,
 * reserved once and filled from the bottom, with an address-ordered list of free pieces that are merged and split.
 * Contiguous because N changes with every batch: blocks of a fixed size would waste their tails. The system commits
 * pages when they are touched first; they stay, so later steps allocate nothing.
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
    int64_t limit_bytes;          /* of the region and what lies beside it; 0: none */
    int64_t top;                  /* everything above is free */
    int64_t peak_bytes;           /* highest top ever: what the process has paid for */
    int64_t beside_bytes;         /* nodes and statistics that the tapes hold now, in their arenas */
    int64_t most_bytes;           /* highest top + beside_bytes ever */
    int n_tapes;                  /* that hold something in it */
    ag_memory_piece *free_pieces; /* by address, never adjacent to one another or to top */
    int64_t n_free, free_capacity;
} ag_memory;

/* Reserves limit_bytes of address space (0: what the machine has). False when the system refuses. */
bool ag_memory_init(ag_memory *m, int64_t limit_bytes, senc_error *err);
void ag_memory_free(ag_memory *m);
/* At least n_bytes, aligned to SENC_ALIGN_BYTES, content undefined: the smallest free piece that fits (best fit), else
 * from the top; also from the top while there is room when the piece is many times as large, because the next block of
 * its size would no longer fit. NULL when the region is full. */
void *ag_memory_take(ag_memory *m, int64_t n_bytes);
/* Gives back what a take of n_bytes returned. Under AddressSanitizer it is poisoned; debug builds fill it with NaN
 * bytes. */
void ag_memory_give(ag_memory *m, void *block, int64_t n_bytes);
/* Takes everything back at once. */
void ag_memory_reset(ag_memory *m);
/* Counts n_bytes more (negative: fewer) that a tape holds beside the region. */
void ag_memory_count_beside(ag_memory *m, int64_t n_bytes);
/* Whether the limit allows n_bytes more, in the region or beside it. */
bool ag_memory_has_room(const ag_memory *m, int64_t n_bytes);
/* Hands the pages of an empty region back to the system; the next step pays for them anew. */
void ag_memory_trim(ag_memory *m);

#endif
