/* A small reader of HTML for tests: see page_check.h. */
#include "page_check.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DEEPEST = 64, NAME = 16 };

static bool complain(char *why, size_t why_bytes, const char *what, const char *at) {
    snprintf(why, why_bytes, "%s: %.60s", what, at);
    return false;
}

/* In tags and styles, where an address would be loaded. */
static bool has_load(const char *from, const char *to) {
    static const char *const banned[] = {"http:", "https:", "url(", "src=", "href=", "@import", " on", "javascript:"};
    for (const char *c = from; c < to; c++) {
        for (size_t i = 0; i < sizeof banned / sizeof *banned; i++) {
            const size_t n = strlen(banned[i]);
            if (strncmp(c, banned[i], n) != 0) continue;
            if (strcmp(banned[i], " on") != 0) return true;
            for (c += n; isalpha((unsigned char)*c);) c++;
            if (*c == '=') return true;
        }
    }
    return false;
}

static bool is_void(const char *name) {
    return strcmp(name, "meta") == 0 || strcmp(name, "br") == 0 || strcmp(name, "!doctype") == 0;
}

/* The end of a tag: '>' outside of quotes; NULL: none. */
static const char *end_of_tag(const char *c) {
    char quote = 0;
    for (; *c; c++) {
        if (quote ? *c == quote : *c == '"' || *c == '\'') quote = quote ? 0 : *c;
        if (!quote && *c == '>') return c;
    }
    return NULL;
}

bool page_check(const char *page, char *why, size_t why_bytes) {
    char open[DEEPEST][NAME];
    int depth = 0;
    for (const char *c = strchr(page, '<'); c; c = strchr(c, '<')) {
        const bool closes = c[1] == '/';
        const char *at = c + 1 + closes, *end = end_of_tag(c);
        char name[NAME] = "";
        for (int i = 0; i < NAME - 1 && (isalnum((unsigned char)*at) || *at == '!'); i++)
            name[i] = (char)tolower((unsigned char)*at++);
        if (!*name || !end) return complain(why, why_bytes, "no tag", c);
        if (has_load(c, end)) return complain(why, why_bytes, "loads or runs", c);
        if (strcmp(name, "script") == 0 || strcmp(name, "link") == 0) return complain(why, why_bytes, "banned", c);
        if (closes) {
            if (depth == 0 || strcmp(open[depth - 1], name) != 0) return complain(why, why_bytes, "not open", c);
            depth--;
        } else if (!is_void(name) && end[-1] != '/') {
            if (depth == DEEPEST) return complain(why, why_bytes, "too deep", c);
            snprintf(open[depth++], NAME, "%s", name);
        }
        c = end + 1;
        const char *rest = strcmp(name, "style") == 0 && !closes ? strstr(c, "</style>") : NULL;
        if (rest && has_load(c, rest)) return complain(why, why_bytes, "styles load", c);
    }
    return depth == 0 || complain(why, why_bytes, "not closed", open[depth - 1]);
}
