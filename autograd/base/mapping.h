/* Files mapped into memory, read-only, that may change under us. What is mapped is not copied, so a file that somebody
 * cuts, overwrites or takes away (a network disk) while it is in use would kill the process with SIGBUS, or give other
 * bytes than those that were checked. Here a page that cannot be read becomes zeros, the file is noted, and
 * senc_mappings_check fails from then on. So nothing that was read may leave the process unchecked: the check stands
 * before every step of training, behind every window of texts that were encoded, and before every file or line that is
 * written. It asks the system for size and time of each mapped file (some microseconds); reading costs nothing. */
#ifndef SENC_MAPPING_H
#define SENC_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

#include "autograd/base/error.h"

/* Maps the first n_bytes (> 0) of an open file; the descriptor stays the caller's. path is for messages. NULL on
 * failure. */
const char *senc_mapping_open(int fd, size_t n_bytes, const char *path, senc_error *err);
/* What was read of it up to now is checked once more; a fault is kept for senc_mappings_check. */
void senc_mapping_close(const char *data);

/* False (SENC_FILE_LOST) when a file that is or was mapped became shorter than its map, could not be read, or holds
 * other bytes than at the start: "FILE: was cut from 900 to 12 bytes while it was in use". A file that only grew, or
 * was touched, is fine (its content is known by a sample of 64 places). May be called by any thread. */
bool senc_mappings_check(senc_error *err);
/* The caller has thrown away all that was read since the last good check, and wants to save what he had before. */
void senc_mappings_forget_losses(void);

#endif
