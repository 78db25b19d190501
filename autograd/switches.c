/* Debug switches: see switches.h. */
#include "autograd/switches.h"

#include <stdlib.h>
#include <string.h>

static bool is_on(const char *name) {
    const char *value = getenv(name);
    return value && strcmp(value, "1") == 0;
}

ag_switches ag_switches_get(void) {
    return (ag_switches){.check_finite = is_on("SENC_CHECK_FINITE"), .profile = is_on("SENC_PROFILE")};
}
