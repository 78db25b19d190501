/* A small reader of HTML for tests: tags must be balanced, and nothing may be loaded or run. */
#ifndef PAGE_CHECK_H
#define PAGE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* False with the reason in `why`: a tag that is not closed or not open, '<' that starts no tag, a script, a link, an
 * event attribute, an address in an attribute or in the styles. */
bool page_check(const char *page, char *why, size_t why_bytes);

#endif
