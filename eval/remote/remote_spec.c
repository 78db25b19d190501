/* PROVIDER:MODEL?option=value&...: see remote_spec.h. */
#include "eval/remote/remote_spec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/remote/provider.h"

const senc_option eval_remote_option_rows[] = {
    SENC_OPTION_STRING(eval_remote_choices, url, NULL,
                       "the server's base URL, as http://127.0.0.1:8000/v1; no key is sent there without key_env"),
    SENC_OPTION_STRING(eval_remote_choices, key_env, NULL, "the environment variable that holds the key"),
    SENC_OPTION_INTEGER(eval_remote_choices, dimensions, "0", 0, 65536, "ask for shorter vectors; 0: the model's"),
    SENC_OPTION_INTEGER(eval_remote_choices, batch, "0", 0, 2048, "most texts of a request; 0: a good default"),
    SENC_OPTION_INTEGER(eval_remote_choices, parallel, "4", 1, 64, "requests at a time"),
    SENC_OPTION_INTEGER(eval_remote_choices, retries, "5", 0, 20, "after 429, 5xx, time-outs and lost connections"),
    SENC_OPTION_REAL(eval_remote_choices, rate, "0", 0, 1e6, "most requests a minute; 0: no limit"),
    SENC_OPTION_REAL(eval_remote_choices, price, NULL, 0, 1e6,
                     "dollars per million tokens; unset: the list price, where known"),
    SENC_OPTION_REAL(eval_remote_choices, timeout, "60", 0.001, 3600, "seconds for a request"),
    SENC_OPTION_INTEGER(eval_remote_choices, max_bytes, "0", 0, 1e9, "cut texts to so many bytes; 0: never"),
    SENC_OPTION_STRING(eval_remote_choices, query_prompt, NULL, "put in front of queries"),
    SENC_OPTION_STRING(eval_remote_choices, document_prompt, NULL, "put in front of documents"),
    SENC_OPTION_STRING(eval_remote_choices, query_type, NULL, "input type of queries, in the provider's words"),
    SENC_OPTION_STRING(eval_remote_choices, document_type, NULL, "input type of documents"),
    SENC_OPTION_STRING(eval_remote_choices, text_type, NULL, "input type of texts that are neither"),
    SENC_OPTION_STRING(eval_remote_choices, api_version, NULL, "azure: the API's version"),
    {0},
};

static const eval_provider *provider_of(const char *text) {
    const char *colon = strchr(text, ':');
    return colon ? eval_provider_find(text, (size_t)(colon - text)) : NULL;
}

bool eval_remote_is_spec(const char *text) {
    return provider_of(text) != NULL;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *eval_remote_decode(const char *text, size_t n_bytes) {
    char *out = senc_alloc(n_bytes + 1, 1), *to = out;
    if (!out) return NULL;
    for (size_t i = 0; i < n_bytes; i++) {
        const int high = text[i] == '%' && i + 2 < n_bytes ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        *to++ = low >= 0 ? (char)(high * 16 + low) : text[i];
        if (low >= 0) i += 2;
    }
    *to = '\0';
    return out;
}

static const senc_option *find_row(const char *key) {
    for (const senc_option *row = eval_remote_option_rows; row->name; row++)
        if (strcmp(row->name, key) == 0) return row;
    return NULL;
}

/* Numbers where the option is one; what is no number stays a text, and the option says what it expected. */
static senc_value *make_value(const char *key, const char *text, senc_place place) {
    const senc_option *row = find_row(key);
    char *end = NULL;
    if (row && text[0] && row->type == SENC_OPTION_TYPE_INTEGER) {
        const long long integer = strtoll(text, &end, 10);
        senc_value *v = *end ? NULL : senc_value_create(SENC_VALUE_INTEGER, place);
        if (v) v->integer = integer;
        if (!*end) return v;
    } else if (row && text[0] && row->type == SENC_OPTION_TYPE_REAL) {
        const double number = strtod(text, &end);
        senc_value *v = *end ? NULL : senc_value_create(SENC_VALUE_FLOAT, place);
        if (v) v->number = number;
        if (!*end) return v;
    }
    return senc_value_create_string(text, strlen(text), place);
}

/* One "key=value" of n_bytes. The value is not repeated in messages: it may be a key. */
static bool read_pair(const char *text, size_t n_bytes, senc_place place, senc_value *table, senc_error *err) {
    const char *equals = memchr(text, '=', n_bytes);
    if (!equals || equals == text)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected option=value behind ?, separated by &", place.file);
    char *key = senc_strndup(text, (size_t)(equals - text));
    char *value = eval_remote_decode(equals + 1, n_bytes - (size_t)(equals + 1 - text));
    bool ok = key && value;
    if (!ok) senc_fail_memory(err, n_bytes, "an option");
    if (ok && senc_value_find(table, key))
        ok = senc_fail(err, SENC_BAD_INPUT, "%s: %s: the option is there twice", place.file, key);
    ok = ok && (senc_value_put(table, key, place, make_value(key, value, place)) ||
                senc_fail_memory(err, n_bytes, "an option"));
    free(key);
    free(value);
    return ok;
}

static bool read_options(const char *query, eval_remote_spec *out, senc_error *err) {
    const senc_place place = {.file = out->name};
    senc_value *table = senc_value_create(SENC_VALUE_TABLE, place);
    if (!table) return senc_fail_memory(err, sizeof *table, "options");
    bool ok = true;
    for (const char *at = query; ok && *at;) {
        const size_t n = strcspn(at, "&");
        ok = read_pair(at, n, place, table, err);
        at += n + (at[n] == '&');
    }
    char owner[64];
    snprintf(owner, sizeof owner, "provider \"%s\"", out->provider->name);
    ok = ok && senc_options_read(eval_remote_option_rows, &out->choices, table, "", owner, NULL, err);
    senc_value_free(table);
    return ok;
}

/* http(s), no user:password@. */
bool eval_remote_check_url(const char *where, const char *url, senc_error *err) {
    const char *host = strstr(url, "://");
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected a URL that begins with http:// or https://", where);
    host += 3;
    const size_t n = strcspn(host, "/?#");
    if (n == 0) return senc_fail(err, SENC_BAD_INPUT, "%s: the URL names no host", where);
    if (memchr(host, '@', n))
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: the URL holds a name or password: expected keys in the environment only", where);
    if (strpbrk(host, "?#")) /* paths are put behind it; and keys stand there */
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected a URL without '?' and '#'", where);
    return true;
}

static bool check(const eval_remote_spec *spec, senc_error *err) {
    const bool is_url = strcmp(spec->provider->model_form, "URL") == 0;
    if (is_url && spec->choices.url)
        return senc_fail(err, SENC_BAD_INPUT, "%s: url: the URL already stands behind the colon", spec->provider->name);
    if (!spec->choices.url) return true;
    char where[64];
    snprintf(where, sizeof where, "%s: url", spec->provider->name);
    return eval_remote_check_url(where, spec->choices.url, err);
}

static bool set_names(eval_remote_spec *out, const char *model, size_t n, senc_error *err) {
    const char *provider = out->provider->name, *form = out->provider->model_form;
    if (n == 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected %s:%s, found no %s", provider, provider, form, form);
    senc_buffer name = {0};
    senc_buffer_printf(&name, "%s:%.*s", provider, (int)n, model);
    out->model = senc_strndup(model, n);
    out->name = senc_buffer_take(&name);
    if (!out->model || !out->name) return senc_fail_memory(err, n, "a model's name");
    return strcmp(form, "URL") != 0 || eval_remote_check_url(provider, out->model, err);
}

bool eval_remote_spec_parse(const char *text, eval_remote_spec *out, senc_error *err) {
    *out = (eval_remote_spec){.provider = provider_of(text)};
    if (!out->provider)
        return senc_fail(err, SENC_BAD_INPUT, "%.*s: no such provider of embeddings", (int)strcspn(text, "?"), text);
    const char *model = strchr(text, ':') + 1;
    const size_t n = strcspn(model, "?");
    return set_names(out, model, n, err) && read_options(model[n] == '?' ? model + n + 1 : "", out, err) &&
           check(out, err);
}

bool eval_remote_spec_make(const eval_provider *provider, const char *model, const eval_remote_choices *choices,
                           eval_remote_spec *out, senc_error *err) {
    *out = (eval_remote_spec){.provider = provider, .choices = *choices, .borrows_choices = true};
    return set_names(out, model, strlen(model), err) && check(out, err);
}

void eval_remote_spec_free(eval_remote_spec *spec) {
    if (!spec->borrows_choices) senc_options_free(eval_remote_option_rows, &spec->choices);
    free(spec->name);
    free(spec->model);
    *spec = (eval_remote_spec){0};
}

const char *eval_remote_spec_type(const eval_remote_spec *spec, eval_role role) {
    const eval_remote_choices *c = &spec->choices;
    const char *own = role == EVAL_QUERY ? c->query_type : role == EVAL_DOCUMENT ? c->document_type : c->text_type;
    if (!own) return spec->provider->types[role];
    return own[0] ? own : NULL;
}

const char *eval_remote_spec_prompt(const eval_remote_spec *spec, eval_role role) {
    const char *own = role == EVAL_QUERY      ? spec->choices.query_prompt
                      : role == EVAL_DOCUMENT ? spec->choices.document_prompt
                                              : NULL;
    return own ? own : "";
}
