/* Ctrl-C in commands that write files: they stop between two blocks and remove what they had begun. A second signal
 * ends the process at once. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>

#include "autograd/base/error.h"

/* From now on SIGINT and SIGTERM are noted. */
void cli_interrupt_watch(void);
/* False, with SENC_INTERRUPTED, once a signal has come. */
bool cli_interrupt_check(senc_error *err);

#endif
