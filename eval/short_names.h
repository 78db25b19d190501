/* Names of systems where there is little room: cut in the middle, and never two to the same text. */
#ifndef EVAL_SHORT_NAMES_H
#define EVAL_SHORT_NAMES_H

#include <stdint.h>

#define EVAL_SHORT_NAME_BYTES 160

typedef struct eval_short_name {
    char text[EVAL_SHORT_NAME_BYTES];
} eval_short_name;

/* labels (n) in at most `width` (8 to 40) columns of a terminal each: "all-MiniL...?dim=128". Where that makes two
 * different labels alike, the cut moves to where they differ. Fresh; NULL: out of memory. */
eval_short_name *eval_short_names(const char *const *labels, int64_t n, int64_t width);

#endif
