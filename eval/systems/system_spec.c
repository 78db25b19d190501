/* The text that names a system, cut into its pieces: [LABEL=][SCHEME:]ARGUMENT[?KEY=VALUE&KEY=VALUE]. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "eval/remote/remote_spec.h"
#include "eval/systems/system_parts.h"

size_t eval_spec_find(const char *text, char c) {
    int depth = 0;
    size_t i = 0;
    for (; text[i]; i++) {
        if (depth == 0 && text[i] == c) return i;
        if (text[i] == '(') depth++;
        if (text[i] == ')' && depth > 0) depth--;
    }
    return i;
}

void eval_spec_free(eval_spec_text *t) {
    free(t->label);
    free(t->body);
    free(t->scheme);
    free(t->argument);
    free(t->place);
    senc_value_free(t->keys);
    *t = (eval_spec_text){0};
}

/* A label ends at the first '=' and holds nothing that a specification is made of. */
static size_t label_bytes(const char *spec) {
    const size_t n = strcspn(spec, "=:?/+()");
    return n > 0 && spec[n] == '=' && !senc_path_exists(spec) ? n : 0;
}

/* Lower-case letters, digits and '-' before a ':'; one letter alone is no scheme. */
static size_t scheme_bytes(const char *body) {
    size_t n = 0;
    while (islower((unsigned char)body[n]) || isdigit((unsigned char)body[n]) || body[n] == '-') n++;
    return n > 1 && body[n] == ':' ? n : 0;
}

/* 12, 0.5, true, or a text. */
static senc_value *value_of(const char *text, size_t n, senc_place place) {
    char copy[64];
    if (n == 0 || n >= sizeof copy || isspace((unsigned char)text[0])) return senc_value_create_string(text, n, place);
    memcpy(copy, text, n);
    copy[n] = '\0';
    const bool is_true = strcmp(copy, "true") == 0;
    senc_value *v = NULL;
    char *end;
    errno = 0;
    const long long integer = strtoll(copy, &end, 10);
    if (*end == '\0' && errno == 0) {
        v = senc_value_create(SENC_VALUE_INTEGER, place);
        if (v) v->integer = integer;
        return v;
    }
    const double number = strtod(copy, &end);
    if (*end == '\0' && isfinite(number)) {
        v = senc_value_create(SENC_VALUE_FLOAT, place);
        if (v) v->number = number;
        return v;
    }
    if (!is_true && strcmp(copy, "false") != 0) return senc_value_create_string(text, n, place);
    v = senc_value_create(SENC_VALUE_BOOLEAN, place);
    if (v) v->boolean = is_true;
    return v;
}

static bool wants_text(const senc_option *row, const char *key) {
    for (; row && row->name; row++)
        if (strcmp(row->name, key) == 0)
            return row->type == SENC_OPTION_TYPE_STRING || row->type == SENC_OPTION_TYPE_PATH;
    return false;
}

/* A value of a key of that kind. Those of APIs are percent-encoded where they hold '&'. */
static senc_value *read_value(const eval_system_kind *kind, const char *key, const char *text, size_t n,
                              senc_place place) {
    if (!kind || !wants_text(kind->options, key)) return value_of(text, n, place);
    if (!kind->is_remote) return senc_value_create_string(text, n, place);
    char *decoded = eval_remote_decode(text, n);
    senc_value *v = decoded ? senc_value_create_string(decoded, strlen(decoded), place) : NULL;
    free(decoded);
    return v;
}

static bool add_key(eval_spec_text *t, const eval_system_kind *kind, const char *pair, size_t n, senc_error *err) {
    const char *equals = memchr(pair, '=', n);
    const bool is_secret = strcmp(t->place, t->body) != 0;
    if (!equals || equals == pair)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected KEY=VALUE behind '?' and '&'%s%.*s%s", t->place,
                         is_secret ? "" : ", got \"", is_secret ? 0 : (int)n, pair, is_secret ? "" : "\"");
    const senc_place place = {.file = t->place};
    char *key = senc_strndup(pair, (size_t)(equals - pair));
    if (!key) return senc_fail_memory(err, n, "a key");
    bool ok = true;
    if (senc_value_find(t->keys, key))
        ok = senc_fail(err, SENC_BAD_INPUT, "%s: the key \"%s\" is given twice", t->place, key);
    else if (!senc_value_put(t->keys, key, place,
                             read_value(kind, key, equals + 1, n - (size_t)(equals + 1 - pair), place)))
        ok = senc_fail_memory(err, n, "a key");
    free(key);
    return ok;
}

static bool read_keys(eval_spec_text *t, const char *keys, senc_error *err) {
    const eval_system_kind *kind = t->scheme ? eval_system_kind_find(t->scheme) : NULL;
    /* Whoever puts a key for an API there shall not read it in messages. */
    const size_t n_place = eval_system_may_send(t->body) ? strcspn(t->body, "?") : strlen(t->body);
    t->place = senc_strndup(t->body, n_place);
    t->keys = t->place ? senc_value_create(SENC_VALUE_TABLE, (senc_place){.file = t->place}) : NULL;
    if (!t->keys) return senc_fail_memory(err, sizeof *t->keys, "keys");
    while (keys && *keys) {
        const size_t n = strcspn(keys, "&");
        if (!add_key(t, kind, keys, n, err)) return false;
        keys += n + (keys[n] == '&');
    }
    return true;
}

static bool parse_body(eval_spec_text *t, senc_error *err) {
    const bool is_path = senc_path_exists(t->body);
    const size_t n_scheme = is_path ? 0 : scheme_bytes(t->body);
    const char *rest = t->body + n_scheme + (n_scheme > 0);
    const size_t n_argument = is_path ? strlen(rest) : eval_spec_find(rest, '?');
    t->argument = senc_strndup(rest, n_argument);
    if (!t->argument) return senc_fail_memory(err, n_argument, "the name of a system");
    if (n_scheme == 0) {
        const eval_system_kind *bare = eval_system_kind_find(t->argument);
        if (bare && !bare->takes_argument) {
            t->scheme = t->argument;
            t->argument = senc_strdup("");
        }
    } else {
        t->scheme = senc_strndup(t->body, n_scheme);
    }
    if (!t->argument || (n_scheme > 0 && !t->scheme)) return senc_fail_memory(err, n_argument, "the name of a system");
    return read_keys(t, rest[n_argument] == '?' ? rest + n_argument + 1 : NULL, err);
}

bool eval_spec_parse(const char *spec, eval_spec_text *out, senc_error *err) {
    *out = (eval_spec_text){0};
    const size_t n_label = label_bytes(spec);
    if (n_label > 0) out->label = senc_strndup(spec, n_label);
    out->body = senc_strdup(spec + n_label + (n_label > 0));
    if (!out->body || (n_label > 0 && !out->label)) {
        eval_spec_free(out);
        return senc_fail_memory(err, strlen(spec), "the name of a system");
    }
    const bool ok =
        out->body[0] ? parse_body(out, err)
                     : senc_fail(err, SENC_BAD_INPUT, "\"%s\": expected a model or another system, got nothing", spec);
    if (!ok) eval_spec_free(out);
    return ok;
}
