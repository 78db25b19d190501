/* Saved vectors as a system: a file of vectors and the texts that they belong to. A text that is asked for is found by
 * its content, byte for byte (a hash of 64 bits stands for it).
 *
 * Texts of FILE.jsonl are its own "text"; otherwise `texts` names what was encoded: a file of texts, or a BEIR folder
 * (title, a space, text of its documents). Where both sides have ids (FILE.ids.txt, "id" in a jsonl; "_id" or "id" in
 * the texts) they decide which vector belongs to which text, else the order does. Queries may have a file of their own,
 * for models with prompts. */
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/vector_file.h"
#include "data/pairs.h"
#include "data/table.h"
#include "eval/metrics/similarity.h"
#include "eval/systems/system_parts.h"

typedef struct vectors_options {
    char *texts, *column, *queries, *query_texts, *query_column;
    int similarity;
} vectors_options;

static const senc_option option_rows[] = {
    SENC_OPTION_STRING(vectors_options, texts, NULL,
                       "what was encoded: txt, jsonl, csv, tsv or a BEIR folder; unset: the jsonl itself"),
    SENC_OPTION_STRING(vectors_options, column, NULL, "column of the texts; unset: text"),
    SENC_OPTION_STRING(vectors_options, queries, NULL, "another file of vectors for queries; unset: the same"),
    SENC_OPTION_STRING(vectors_options, query_texts, NULL, "as texts, of the queries"),
    SENC_OPTION_STRING(vectors_options, query_column, NULL, "as column, of query_texts"),
    SENC_OPTION_CHOICE(vectors_options, similarity, "cosine", EVAL_SIMILARITY_CHOICES, "how they are compared"),
    {0},
};

/* A hash and the row that it stands for. */
typedef struct vectors_entry {
    uint64_t hash;
    int64_t row;
} vectors_entry;

typedef struct vectors_file {
    data_vectors vectors;
    vectors_entry *entries; /* (n) by hash, then row */
    int64_t n;
} vectors_file;

typedef struct vectors_state {
    const char *spec;
    vectors_file all, queries; /* queries.n = 0: none */
} vectors_state;

static void close_file(vectors_file *f) {
    data_vectors_close(&f->vectors);
    free(f->entries);
}

static void close_vectors(eval_system *s) {
    vectors_state *v = s->state;
    if (!v) return;
    close_file(&v->all);
    close_file(&v->queries);
    free(v);
}

static int by_hash(const void *a, const void *b) {
    const vectors_entry *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static const vectors_entry *find_hash(const vectors_entry *entries, int64_t n, uint64_t hash) {
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (entries[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && entries[low].hash == hash ? &entries[low] : NULL;
}

/* ---- texts ---- */

typedef struct text_reader {
    data_set *set;
    data_row row;
    int64_t text, title, id; /* slots; -1: none */
    senc_buffer joined;
} text_reader;

/* Which of the columns there are: "_id" or "id" (NULL: neither), and "title". */
static bool find_columns(const data_source *source, const char **id, bool *has_title, senc_error *err) {
    senc_strings names = {0};
    *id = NULL;
    *has_title = false;
    if (!data_source_columns(source, &names, err)) return false;
    for (int64_t i = 0; i < names.n; i++) {
        if (strcmp(names.items[i], "_id") == 0) *id = "_id";
        if (strcmp(names.items[i], "id") == 0 && !*id) *id = "id";
        *has_title = *has_title || strcmp(names.items[i], "title") == 0;
    }
    data_strings_free(&names);
    return true;
}

static bool open_set(text_reader *r, char *path, bool is_folder, const char *column, senc_error *err) {
    static const data_role roles[] = {
        {.name = "text", .kind = DATA_ROLE_TEXT, .allow_empty = true},
        {.name = "id", .kind = DATA_ROLE_TEXT, .optional = true, .allow_empty = true},
        {.name = "title", .kind = DATA_ROLE_TEXT, .optional = true, .allow_empty = true},
    };
    data_column_map maps[3] = {{"text", column ? column : "text", 0}};
    data_source source = {.path = path, .mapped = maps, .n_mapped = 1};
    const char *id;
    bool has_title;
    if (!find_columns(&source, &id, &has_title, err)) return false;
    if (id) maps[source.n_mapped++] = (data_column_map){"id", id, 0};
    if (is_folder && has_title) maps[source.n_mapped++] = (data_column_map){"title", "title", 0};
    if (!data_set_open(&source, 1, roles, 3, "system \"vectors\"", &r->set, err)) return false;
    r->text = data_set_find_slot(r->set, "text");
    r->id = id ? data_set_find_slot(r->set, "id") : -1;
    r->title = is_folder ? data_set_find_slot(r->set, "title") : -1;
    return true;
}

/* Of a BEIR folder the corpus. */
static bool open_texts(text_reader *r, const char *path, const char *column, senc_error *err) {
    static const char *const corpora[] = {"corpus.jsonl", "corpus.jsonl.gz", "corpus.jsonl.zst"};
    const bool is_folder = senc_path_is_folder(path);
    char *file = is_folder ? NULL : senc_strdup(path);
    bool ok = is_folder || file || senc_fail_memory(err, strlen(path), "a path");
    for (int i = 0; ok && is_folder && !file && i < 3; i++) {
        file = senc_path_join(path, corpora[i]);
        if (!file) ok = senc_fail_memory(err, strlen(path), "a path");
        if (!ok || senc_path_exists(file)) continue;
        free(file);
        file = NULL;
    }
    if (ok && !file)
        ok = senc_fail(err, SENC_BAD_INPUT, "%s: expected texts or a BEIR folder: there is no corpus.jsonl", path);
    ok = ok && open_set(r, file, is_folder, column, err);
    free(file);
    return ok;
}

static void close_texts(text_reader *r) {
    data_row_free(&r->row);
    data_set_close(r->set);
    senc_buffer_free(&r->joined);
}

/* The hashes of text i and of its id (0 without one). */
static bool hash_text(text_reader *r, int64_t i, uint64_t *text, uint64_t *id, senc_error *err) {
    if (!data_set_row(r->set, i, &r->row, err)) return false;
    const data_value *value = &r->row.values[r->text], *title = r->title >= 0 ? &r->row.values[r->title] : NULL;
    *id = r->id >= 0 && r->row.values[r->id].present
              ? data_text_hash(r->row.values[r->id].text, r->row.values[r->id].n_bytes)
              : 0;
    *text = data_text_hash(value->text, value->n_bytes);
    if (!title || !title->present || title->n_bytes == 0) return true;
    senc_buffer_clear(&r->joined);
    senc_buffer_append(&r->joined, title->text, title->n_bytes);
    senc_buffer_append(&r->joined, " ", 1);
    senc_buffer_append(&r->joined, value->text, value->n_bytes);
    if (r->joined.failed) return senc_fail_memory(err, value->n_bytes, "a text");
    *text = data_text_hash(senc_buffer_text(&r->joined), r->joined.n_bytes);
    return true;
}

/* ---- which vector belongs to which text ---- */

/* By id: ids (n_ids) of the vectors, sorted by hash. A text without a vector is only missed when it is asked for. */
static bool match_texts(vectors_file *f, text_reader *r, const vectors_entry *ids, int64_t n_ids, senc_error *err) {
    const int64_t n_texts = data_set_n_rows(r->set);
    f->entries = senc_alloc((size_t)n_texts, sizeof *f->entries);
    if (!f->entries) return senc_fail_memory(err, (size_t)n_texts * sizeof *f->entries, "texts of vectors");
    for (int64_t i = 0; i < n_texts; i++) {
        uint64_t text, id;
        if (!hash_text(r, i, &text, &id, err)) return false;
        const vectors_entry *found = ids ? find_hash(ids, n_ids, id) : NULL;
        if (ids && !found) continue;
        f->entries[f->n++] = (vectors_entry){text, found ? found->row : i};
        data_set_forget(r->set, i);
    }
    qsort(f->entries, (size_t)f->n, sizeof *f->entries, by_hash);
    return true;
}

static bool match_by_ids(vectors_file *f, text_reader *r, const char *texts, senc_error *err) {
    const senc_strings *names = &f->vectors.ids;
    vectors_entry *ids = senc_alloc((size_t)names->n, sizeof *ids);
    if (!ids) return senc_fail_memory(err, (size_t)names->n * sizeof *ids, "ids of vectors");
    for (int64_t i = 0; i < names->n; i++)
        ids[i] = (vectors_entry){data_text_hash(names->items[i], strlen(names->items[i])), i};
    qsort(ids, (size_t)names->n, sizeof *ids, by_hash);
    const bool ok = match_texts(f, r, ids, names->n, err);
    free(ids);
    if (!ok || f->n > 0) return ok;
    return senc_fail(err, SENC_BAD_INPUT, "%s: none of its ids is in %s", f->vectors.path, texts);
}

static bool match(vectors_file *f, text_reader *r, const char *texts, bool is_own, senc_error *err) {
    if (!is_own && r->id >= 0 && f->vectors.ids.n > 0) return match_by_ids(f, r, texts, err);
    const int64_t n_texts = data_set_n_rows(r->set);
    if (n_texts != f->vectors.n_rows)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: %lld vectors, but %s holds %lld texts, and there are no ids to go by", f->vectors.path,
                         (long long)f->vectors.n_rows, texts, (long long)n_texts);
    return match_texts(f, r, NULL, 0, err);
}

static bool open_file(vectors_file *f, const char *path, const char *texts, const char *column, const char *key,
                      senc_error *err) {
    data_vector_kind kind;
    if (!data_vector_kind_of_path(path, &kind, err)) return false;
    if (!texts && kind != DATA_VECTOR_JSONL)
        return senc_fail(err, SENC_BAD_INPUT, "%s: which texts are these the vectors of? expected %s=FILE", path, key);
    if (!data_vectors_open(path, true, &f->vectors, err)) return false;
    text_reader r = {0};
    const bool ok =
        open_texts(&r, texts ? texts : path, column, err) && match(f, &r, texts ? texts : path, !texts, err);
    close_texts(&r);
    return ok;
}

/* ---- embedding ---- */

static bool embed_vectors(void *context, eval_role role, const eval_text *texts, int64_t n, float *out,
                          senc_error *err) {
    const vectors_state *v = context;
    const vectors_file *first = role == EVAL_QUERY && v->queries.n > 0 ? &v->queries : &v->all;
    const vectors_file *second = first == &v->all ? &v->queries : &v->all;
    const int64_t width = v->all.vectors.width;
    for (int64_t i = 0; i < n; i++) {
        const uint64_t hash = data_text_hash(texts[i].bytes, (size_t)texts[i].n_bytes);
        const vectors_file *file = first;
        const vectors_entry *found = find_hash(first->entries, first->n, hash);
        if (!found) {
            file = second;
            found = find_hash(second->entries, second->n, hash);
        }
        const int shown = texts[i].n_bytes < 80 ? (int)texts[i].n_bytes : 80;
        if (!found)
            return senc_fail(err, SENC_BAD_INPUT, "%s: there is no vector of the %s \"%.*s\"%s", v->spec,
                             role == EVAL_QUERY ? "query" : "text", shown, texts[i].bytes,
                             shown < texts[i].n_bytes ? "..." : "");
        if (!data_vectors_read(&file->vectors, found->row, 1, out + i * width, err)) return false;
    }
    return true;
}

static bool open_vectors(eval_system *s, const char *argument, const void *options, const eval_system_options *how,
                         senc_error *err) {
    (void)how;
    const vectors_options *o = options;
    vectors_state *v = s->state = senc_alloc_zero(1, sizeof *v);
    if (!v) return senc_fail_memory(err, sizeof *v, "a system");
    v->spec = s->spec;
    if (!open_file(&v->all, argument, o->texts, o->column, "texts", err)) return false;
    if (!o->queries && o->query_texts)
        return senc_fail(err, SENC_BAD_INPUT, "%s: query_texts: expected beside queries=FILE", s->spec);
    if (o->queries && !open_file(&v->queries, o->queries, o->query_texts, o->query_column, "query_texts", err))
        return false;
    const int64_t width = v->all.vectors.width;
    if (o->queries && v->queries.vectors.width != width)
        return senc_fail(err, SENC_BAD_INPUT, "%s: vectors of %lld dimensions, %s: of %lld", argument, (long long)width,
                         o->queries, (long long)v->queries.vectors.width);
    s->embedder = (eval_embedder){.embed = embed_vectors,
                                  .context = v,
                                  .width = width,
                                  .similarity = eval_similarity_name((eval_similarity)o->similarity)};
    return true;
}

const eval_system_kind eval_vectors_system = {
    .name = "vectors",
    .form = "vectors:FILE",
    .help = "saved vectors (npy, jsonl, f32, f16, i8, bin) with their texts",
    .takes_argument = true,
    .has_vectors = true,
    .options = option_rows,
    .options_bytes = sizeof(vectors_options),
    .open = open_vectors,
    .close = close_vectors,
};
