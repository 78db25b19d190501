/* The table of losses, made from losses.def. */
#include "losses/loss.h"

#include <string.h>

#define LOSS(name) extern const loss_spec loss_##name##_spec;
#include "losses/losses.def"
#undef LOSS

#define LOSS(name) &loss_##name##_spec,
static const loss_spec *const all_losses[] = {
#include "losses/losses.def"
};
#undef LOSS

const loss_spec *const *loss_all(int *n) {
    *n = (int)(sizeof(all_losses) / sizeof(all_losses[0]));
    return all_losses;
}

/* Is `name` one of "a|b|c"? */
static bool alias_matches(const char *aliases, const char *name) {
    const size_t length = strlen(name);
    const char *at = aliases;
    while (at != NULL) {
        const char *end = strchr(at, '|');
        const size_t n = end != NULL ? (size_t)(end - at) : strlen(at);
        if (n == length && memcmp(at, name, n) == 0) return true;
        at = end != NULL ? end + 1 : NULL;
    }
    return false;
}

const loss_spec *loss_find(const char *name) {
    int n;
    const loss_spec *const *losses = loss_all(&n);
    for (int i = 0; i < n; i++)
        if (strcmp(losses[i]->name, name) == 0 || alias_matches(losses[i]->aliases, name)) return losses[i];
    return NULL;
}
