/* The engine's debug switches: environment variables, set when they are "1".
 *
 *   SENC_CHECK_FINITE  look for NaN and Inf after every op's forward and backward
 *   SENC_PROFILE       time every op */
#ifndef SWITCHES_H
#define SWITCHES_H

#include <stdbool.h>

typedef struct ag_switches {
    bool check_finite, profile;
} ag_switches;

/* Reads the environment (each time: a test may set a variable between two tapes). */
ag_switches ag_switches_get(void);

#endif
