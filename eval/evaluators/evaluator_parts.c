/* See evaluator_parts.h. */
#include "eval/evaluators/evaluator_parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"

const senc_option eval_file_option_rows[] = {
    EVAL_FILE_ROWS,
    SENC_OPTION_STRINGS(eval_file_options, similarity, "[\"cosine\", \"dot\", \"euclidean\", \"manhattan\"]",
                        "which similarities are measured"),
    {0},
};

static bool is_number(const char *text) {
    char *end;
    const double x = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(x);
}

/* A column number from 1 ("3"), else 0. */
static int64_t column_number(const char *text) {
    char *end;
    if (text == NULL || *text < '1' || *text > '9') return 0;
    const long x = strtol(text, &end, 10);
    return *end == '\0' && x < 100000 ? x : 0;
}

/* Is the first line of the file data, with one field a role, the last of them a number? Behind them there may be more
 * when the slice column is given by number. */
static bool first_line_is_data(const senc_strings *names, const data_role *roles, int64_t n_roles, const char *slice) {
    if (slice != NULL ? names->n < n_roles || column_number(slice) == 0 : names->n != n_roles) return false;
    if (!is_number(names->items[n_roles - 1])) return false;
    for (int64_t i = 0; i < names->n; i++)
        for (int64_t r = 0; r < n_roles; r++)
            if (strcmp(names->items[i], roles[r].name) == 0) return false;
    return true;
}

#define MAX_ROLES 8

/* The rows of the source; a slice that no row has is an error. */
static bool open_rows(const eval_file_options *o, const data_source *source, const data_role *roles, int64_t n_roles,
                      const char *wanted_by, data_set **out, senc_error *err) {
    if (!data_set_open(source, 1, roles, n_roles, wanted_by, out, err)) return false;
    if (o->slice == NULL || data_set_find_slot(*out, "slice") >= 0) return true;
    return senc_fail(err, SENC_BAD_INPUT, "%s: slice: no row has a field \"%s\"", o->path, o->slice);
}

bool eval_file_open(const eval_file_options *o, const data_role *roles, int64_t n_roles, const char *wanted_by,
                    bool last_is_number, data_set **out, bool *positional, senc_error *err) {
    SENC_ASSERT(n_roles < MAX_ROLES, "n_roles %lld", (long long)n_roles);
    data_column_map mapped[MAX_ROLES];
    data_role wanted[MAX_ROLES];
    data_source source = {.path = o->path,
                          .format = o->format,
                          .columns = o->columns,
                          .header = o->header,
                          .delimiter = o->delimiter,
                          .quoting = o->quoting,
                          .on_bad_utf8 = o->on_bad_utf8,
                          .limit = o->limit,
                          .on_empty = o->on_empty,
                          .label_map = o->label_map,
                          .on_unknown_label = o->on_unknown_label,
                          .mapped = mapped};
    *positional = false;
    if (last_is_number && o->columns == NULL && o->header == DATA_HEADER_AUTO) {
        senc_strings names = {0};
        if (!data_source_columns(&source, &names, err)) return false;
        *positional = first_line_is_data(&names, roles, n_roles, o->slice);
        data_strings_free(&names);
    }
    for (int64_t r = 0; r < n_roles; r++) {
        wanted[r] = roles[r];
        if (*positional) mapped[source.n_mapped++] = (data_column_map){roles[r].name, NULL, r + 1};
    }
    if (o->slice != NULL) {
        wanted[n_roles++] = (data_role){.name = "slice", .kind = DATA_ROLE_CLASS, .optional = true};
        const int64_t number = column_number(o->slice);
        mapped[source.n_mapped++] = (data_column_map){"slice", number > 0 ? NULL : o->slice, number};
        /* Columns by number alone mean "no header", but the roles are found by their names here. */
        if (!*positional && o->columns == NULL && o->header == DATA_HEADER_AUTO) source.header = DATA_HEADER_YES;
    }
    return open_rows(o, &source, wanted, n_roles, wanted_by, out, err);
}

bool eval_similarity_parse(const char *name, const char *wanted_by, eval_similarity *out, senc_error *err) {
    static const char *const known[] = {"cosine", "dot", "euclidean", "manhattan"};
    if (eval_similarity_find(name, out)) return true;
    const char *near = senc_nearest_name(name, known, EVAL_N_SIMILARITIES);
    return senc_fail(err, SENC_BAD_INPUT,
                     "%s: similarity: expected cosine, dot, euclidean or manhattan, got \"%s\"%s%s%s", wanted_by, name,
                     near != NULL ? "; did you mean \"" : "", near != NULL ? near : "", near != NULL ? "\"?" : "");
}

bool eval_similarities_parse(const senc_strings *names, const char *wanted_by, eval_similarities *out,
                             senc_error *err) {
    *out = (eval_similarities){0};
    for (int64_t i = 0; i < names->n; i++) {
        eval_similarity f;
        if (!eval_similarity_parse(names->items[i], wanted_by, &f, err)) return false;
        for (int k = 0; k < out->n; k++)
            if (out->items[k] == f)
                return senc_fail(err, SENC_BAD_INPUT, "%s: similarity: \"%s\" is given twice", wanted_by,
                                 names->items[i]);
        out->items[out->n++] = f;
    }
    return true;
}

bool eval_similarities_resolve(const eval_similarities *given, const eval_embedder *embedder, eval_similarities *out,
                               senc_error *err) {
    *out = *given;
    if (out->n > 0) return true;
    const char *own = embedder->similarity != NULL ? embedder->similarity : "cosine";
    if (!eval_similarity_find(own, &out->items[0]))
        return senc_fail(err, SENC_BAD_INPUT,
                         "the model's similarity: expected cosine, dot, euclidean or manhattan, got \"%s\"", own);
    out->n = 1;
    return true;
}

eval_similarity eval_similarities_main(const eval_similarities *functions, const eval_embedder *embedder) {
    eval_similarity own;
    if (embedder->similarity != NULL && eval_similarity_find(embedder->similarity, &own))
        for (int f = 0; f < functions->n; f++)
            if (functions->items[f] == own) return own;
    return functions->items[0];
}

static bool ends_with(const char *text, size_t n, const char *end) {
    const size_t m = strlen(end);
    return n > m && memcmp(text + n - m, end, m) == 0;
}

char *eval_data_name(const char *name, const char *path) {
    static const char *const packed[] = {".gz", ".zst"};
    static const char *const kinds[] = {".jsonl", ".json", ".ndjson", ".csv", ".tsv", ".txt"};
    if (name != NULL) return senc_strdup(name);
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/') start--;
    const char *base = path + start;
    size_t n = end - start;
    if (senc_path_is_folder(path)) {
        if (n > 0 && base[n - 1] != '.') return senc_strndup(base, n);
        char *whole = realpath(path, NULL); /* ".", "data/.." */
        const char *last = whole ? strrchr(whole, '/') : NULL;
        char *found = senc_strdup(last && last[1] ? last + 1 : "data");
        free(whole);
        return found;
    }
    for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++)
        if (ends_with(base, n, packed[i])) n -= strlen(packed[i]);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!ends_with(base, n, kinds[i])) continue;
        n -= strlen(kinds[i]);
        break;
    }
    return n > 0 ? senc_strndup(base, n) : senc_strdup("data");
}

bool eval_text_block_add(eval_text_block *b, const char *bytes, size_t n_bytes, senc_error *err) {
    if (b->n == b->capacity) {
        const int64_t capacity = b->capacity > 0 ? 2 * b->capacity : 256;
        eval_text *grown = senc_realloc(b->texts, (size_t)capacity, sizeof(*grown));
        if (grown == NULL) return senc_fail_memory(err, (size_t)capacity * sizeof(*grown), "texts");
        b->texts = grown;
        b->capacity = capacity;
    }
    senc_buffer_append(&b->bytes, bytes, n_bytes);
    if (b->bytes.failed) return senc_fail_memory(err, b->bytes.n_bytes + n_bytes, "texts");
    b->texts[b->n++] = (eval_text){NULL, (int64_t)n_bytes};
    return true;
}

void eval_text_block_place(eval_text_block *b) {
    const char *at = senc_buffer_text(&b->bytes); /* it moved while it grew */
    for (int64_t i = 0; i < b->n; i++) {
        b->texts[i].bytes = at;
        at += b->texts[i].n_bytes;
    }
}

void eval_text_block_clear(eval_text_block *b) {
    b->n = 0;
    senc_buffer_clear(&b->bytes);
}

bool eval_text_block_embed(eval_text_block *b, const eval_embedder *embedder, eval_role role, float *out,
                           senc_error *err) {
    eval_text_block_place(b);
    if (b->n > 0 && !embedder->embed(embedder->context, role, b->texts, b->n, out, err)) return false;
    for (int64_t i = 0; i < b->n; i++) {
        for (int64_t k = 0; k < embedder->width; k++) {
            if (isfinite(out[i * embedder->width + k])) continue;
            const int shown = b->texts[i].n_bytes < 60 ? (int)b->texts[i].n_bytes : 60;
            return senc_fail(err, SENC_FAILED, "the model's vector of \"%.*s\" holds a NaN or infinite number", shown,
                             b->texts[i].bytes);
        }
    }
    eval_text_block_clear(b);
    return true;
}

void eval_text_block_free(eval_text_block *b) {
    senc_buffer_free(&b->bytes);
    free(b->texts);
    *b = (eval_text_block){0};
}

float *eval_vectors_alloc(const eval_embedder *embedder, int64_t n, senc_error *err) {
    const size_t width = (size_t)embedder->width, rows = (size_t)n;
    float *x =
        width == 0 || rows <= SIZE_MAX / sizeof(float) / width ? senc_alloc_aligned(rows * width, sizeof(float)) : NULL;
    if (x == NULL) senc_fail_memory(err, rows * width * sizeof(float), "vectors");
    return x;
}

bool eval_result_add_left_out(eval_result *result, const data_set *set, senc_error *err) {
    const long long n_empty = data_set_n_skipped(set), n_unknown = data_set_n_unknown_labels(set);
    return (n_empty == 0 || eval_result_add_count(result, err, "rows with an empty text, left out: %lld", n_empty)) &&
           (n_unknown == 0 ||
            eval_result_add_count(result, err, "rows with an unknown label, left out: %lld", n_unknown));
}

bool eval_result_name(eval_result *result, const eval_file_options *o, senc_error *err) {
    result->name = eval_data_name(o->name, o->path);
    return result->name != NULL || senc_fail_memory(err, 1, "an evaluation result");
}

void eval_result_key(const eval_result *result, senc_buffer *key, const char *fmt, va_list args) {
    char rest[128];
    vsnprintf(rest, sizeof rest, fmt, args);
    senc_buffer_printf(key, "%s_%s", result->name, rest);
}

bool eval_result_set_primary(eval_result *result, senc_error *err, const char *fmt, ...) {
    senc_buffer key = {0};
    va_list args;
    va_start(args, fmt);
    eval_result_key(result, &key, fmt, args);
    va_end(args);
    result->primary = senc_buffer_take(&key);
    return result->primary != NULL || senc_fail_memory(err, 1, "an evaluation result");
}
