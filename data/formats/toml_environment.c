/* ${NAME} in the strings of a TOML tree: see data_toml_expand_environment in toml.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "data/formats/toml.h"
#include "data/formats/utf8.h"

static bool fail_at(const senc_value *v, const char *what, const char *name, size_t n_bytes, senc_error *err) {
    char place[600];
    return senc_fail(err, SENC_BAD_INPUT, "%s%s \"${%.*s\"", senc_place_text(v->place, place, sizeof place), what,
                     (int)(n_bytes > 80 ? 80 : n_bytes), name);
}

/* The length of [A-Za-z_][A-Za-z0-9_]* at s, 0 when there is none. */
static size_t name_length(const char *s, size_t n_bytes) {
    size_t n = 0;
    while (n < n_bytes && (isalpha((unsigned char)s[n]) || s[n] == '_' || (n > 0 && isdigit((unsigned char)s[n])))) n++;
    return n;
}

/* The variable whose name begins at s, behind "${"; *used: the bytes up to and including "}". */
static bool append_variable(const senc_value *v, const char *s, size_t n_bytes, size_t *used, senc_buffer *out,
                            senc_error *err) {
    const size_t n = name_length(s, n_bytes);
    if (n == 0 || n == n_bytes || s[n] != '}') {
        const size_t shown = n < n_bytes && isprint((unsigned char)s[n]) ? n + 1 : n;
        return fail_at(v, "expected the form ${NAME} (write $${ for a literal ${), found", s, shown, err);
    }
    char name[256];
    if (n >= sizeof name) return fail_at(v, "the name of an environment variable is too long:", s, n, err);
    snprintf(name, sizeof name, "%.*s", (int)n, s);
    const char *value = getenv(name);
    if (!value) return fail_at(v, "the environment variable is not set:", s, n + 1, err);
    if (data_utf8_check(value, strlen(value)) != strlen(value))
        return fail_at(v, "the environment variable is not UTF-8:", s, n + 1, err);
    senc_buffer_append_text(out, value);
    *used = n + 1;
    return true;
}

static bool append_expanded(const senc_value *v, senc_buffer *out, senc_error *err) {
    const char *s = v->string, *end = s + v->n_bytes;
    while (s < end) {
        const size_t left = (size_t)(end - s);
        size_t used = 1;
        if (left >= 3 && memcmp(s, "$${", 3) == 0) {
            senc_buffer_append_text(out, "${");
            used = 3;
        } else if (left >= 2 && memcmp(s, "${", 2) == 0) {
            if (!append_variable(v, s + 2, left - 2, &used, out, err)) return false;
            used += 2;
        } else {
            senc_buffer_append(out, s, 1);
        }
        s += used;
    }
    return true;
}

static bool expand_string(senc_value *v, senc_error *err) {
    senc_buffer out = {0};
    if (!v->n_bytes || !memchr(v->string, '$', v->n_bytes)) return true;
    if (!append_expanded(v, &out, err)) {
        senc_buffer_free(&out);
        return false;
    }
    const size_t n_bytes = out.n_bytes;
    char *text = senc_buffer_take(&out);
    if (!text) return senc_fail_memory(err, n_bytes, "a string of the configuration");
    free(v->string);
    v->string = text;
    v->n_bytes = n_bytes;
    return true;
}

bool data_toml_expand_environment(senc_value *tree, senc_error *err) {
    if (tree->type == SENC_VALUE_STRING) return expand_string(tree, err);
    for (int64_t i = 0; i < tree->n; i++) {
        senc_value *child = tree->type == SENC_VALUE_ARRAY ? tree->items[i] : tree->pairs[i].value;
        if (!data_toml_expand_environment(child, err)) return false;
    }
    return true;
}
