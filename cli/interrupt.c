/* Ctrl-C: see interrupt.h. */
#include "cli/interrupt.h"

#include <signal.h>

static volatile sig_atomic_t caught;

static void note(int signal_number) {
    caught = signal_number;
}

void cli_interrupt_watch(void) {
    struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool cli_interrupt_check(senc_error *err) {
    if (!caught) return true;
    return senc_fail(err, SENC_INTERRUPTED, "interrupted by %s; nothing was written",
                     caught == SIGINT ? "Ctrl-C" : "SIGTERM");
}
