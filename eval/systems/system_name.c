/* What a system is called where it has no label: its specification without the folders in it. See eval_system_name. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "eval/systems/system_parts.h"

/* ---- paths ---- */

/* "best", "final", "step-64": what a run calls its models. */
static bool is_model_of_run(const char *name, size_t n) {
    if ((n == 4 && memcmp(name, "best", 4) == 0) || (n == 5 && memcmp(name, "final", 5) == 0)) return true;
    if (n < 6 || memcmp(name, "step-", 5) != 0) return false;
    for (size_t i = 5; i < n; i++)
        if (!isdigit((unsigned char)name[i])) return false;
    return true;
}

/* The beginning of the last part of path[0, n): behind the last '/'. */
static size_t last_part(const char *path, size_t n) {
    while (n > 0 && path[n - 1] != '/') n--;
    return n;
}

static size_t without_slashes(const char *path, size_t n) {
    while (n > 1 && path[n - 1] == '/') n--;
    return n;
}

/* A folder of Hugging Face's cache, .../models--ORGANISATION--NAME/snapshots/HASH: NAME. */
static bool append_cached(senc_buffer *out, const char *path, size_t n) {
    const size_t hash = last_part(path, n);
    const size_t middle = hash > 0 ? last_part(path, without_slashes(path, hash)) : 0;
    if (middle == 0 || strncmp(path + middle, "snapshots/", 10) != 0) return false;
    const size_t end = without_slashes(path, middle), first = last_part(path, end);
    if (end - first < 9 || strncmp(path + first, "models--", 8) != 0) return false;
    size_t name = end;
    while (name > first + 8 && strncmp(path + name - 2, "--", 2) != 0) name--;
    senc_buffer_append(out, path + name, end - name);
    return true;
}

static void append_path(senc_buffer *out, const char *path, size_t n, int n_folders) {
    for (; n > 2 && path[0] == '.' && path[1] == '/'; n -= 2) path += 2;
    n = without_slashes(path, n);
    if (n_folders == 0 && append_cached(out, path, n)) return;
    size_t first = last_part(path, n), end = n;
    if (n_folders == 0 && first > 1 && is_model_of_run(path + first, n - first)) {
        end = without_slashes(path, first);
        first = last_part(path, end);
    }
    for (int i = 0; i < n_folders && first > 0; i++) first = last_part(path, without_slashes(path, first));
    senc_buffer_append(out, path + first, end - first);
}

/* "." and what ends with ".." are called as the folder that they are. */
static void append_folder(senc_buffer *out, const char *path, size_t n, int n_folders) {
    const size_t end = without_slashes(path, n), first = last_part(path, end), n_name = end - first;
    const bool is_dots = n_name <= 2 && strspn(path + first, ".") >= n_name && n_name > 0;
    char *copy = is_dots ? senc_strndup(path, n) : NULL, *full = copy ? realpath(copy, NULL) : NULL;
    out->failed = out->failed || (is_dots && !copy);
    if (full)
        append_path(out, full, strlen(full), n_folders);
    else
        append_path(out, path, n, n_folders);
    free(full);
    free(copy);
}

/* ---- specifications ---- */

/* "?dim=128&texts=data/x.jsonl" -> "?dim=128&texts=x.jsonl" */
static void append_keys(senc_buffer *out, const char *keys) {
    while (*keys) {
        const size_t n = strcspn(keys + 1, "&") + 1, equals = strcspn(keys, "=");
        if (equals < n) {
            senc_buffer_append(out, keys, equals + 1);
            append_path(out, keys + equals + 1, n - equals - 1, 0);
        } else {
            senc_buffer_append(out, keys, n);
        }
        keys += n;
    }
}

static void append_spec(senc_buffer *out, const char *spec, size_t n, int n_folders);

/* "A+(B?keys)" */
static void append_parts(senc_buffer *out, const char *parts, size_t n_all, int n_folders) {
    for (size_t at = 0; at < n_all;) {
        size_t n = eval_spec_find(parts + at, '+');
        if (at + n > n_all) n = n_all - at;
        const bool is_inside = n >= 2 && parts[at] == '(' && parts[at + n - 1] == ')';
        if (is_inside) senc_buffer_append_text(out, "(");
        append_spec(out, parts + at + is_inside, n - 2 * (size_t)is_inside, n_folders);
        if (is_inside) senc_buffer_append_text(out, ")");
        if (at + n < n_all) senc_buffer_append_text(out, "+");
        at += n + 1;
    }
}

static void append_parsed(senc_buffer *out, const eval_spec_text *t, int n_folders) {
    const eval_system_kind *kind = eval_system_kind_find(t->scheme ? t->scheme : "model");
    const bool is_path = senc_path_exists(t->body);
    if (!kind || kind->is_remote) { /* addresses are no folders, and whoever pays names the model */
        senc_buffer_append_text(out, t->body);
        return;
    }
    const char *argument = t->body + (t->scheme && t->argument[0] ? strlen(t->scheme) + 1 : 0);
    const size_t n = is_path ? strlen(argument) : eval_spec_find(argument, '?');
    senc_buffer_append(out, t->body, (size_t)(argument - t->body));
    if (strcmp(kind->name, "hybrid") == 0)
        append_parts(out, argument, n, n_folders);
    else
        append_folder(out, argument, n, n_folders);
    append_keys(out, argument + n);
}

static void append_spec(senc_buffer *out, const char *spec, size_t n, int n_folders) {
    char *copy = senc_strndup(spec, n);
    eval_spec_text t;
    senc_error err = {0};
    if (!copy) {
        out->failed = true;
    } else if (!eval_spec_parse(copy, &t, &err)) {
        senc_buffer_append(out, spec, n); /* opening it says what is wrong */
        out->failed = out->failed || err.kind == SENC_FAILED;
    } else {
        if (t.label)
            senc_buffer_append_text(out, t.label);
        else
            append_parsed(out, &t, n_folders);
        eval_spec_free(&t);
    }
    free(copy);
}

char *eval_system_name(const char *spec, int n_folders) {
    senc_buffer out = {0};
    append_spec(&out, spec, strlen(spec), n_folders);
    if (out.n_bytes == 0 && !out.failed) senc_buffer_append_text(&out, spec);
    return senc_buffer_take(&out);
}
