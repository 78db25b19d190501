/* Rows of (anchor, positive) as a retrieval task: see data_beir_open_pairs in beir.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/beir_parts.h"
#include "data/pairs.h"
#include "data/text_fold.h"

#define WANTED_BY "retrieval from pairs"

/* A query by the hash of its folded text. */
typedef struct folded_query {
    uint64_t folded;
    int64_t query;
} folded_query;

typedef struct pairs_reader {
    data_beir *b;
    data_folder folder;
    folded_query *folded; /* (b->queries.n) sorted */
    int64_t n_folded, folded_capacity;
    int64_t *queries, *documents; /* (n_judged) */
    int64_t n_judged, judged_capacity;
    senc_error *err;
} pairs_reader;

/* The number of this text among the part's distinct ones; -1 on failure. */
static int64_t number_text(beir_part *p, const data_value *v, int64_t row, senc_error *err) {
    char id[24];
    const size_t n = (size_t)snprintf(id, sizeof id, "%016" PRIx64, data_text_hash(v->text, v->n_bytes));
    const int64_t there = beir_part_find(p, id, n);
    if (there >= 0) return there;
    return beir_part_add(p, id, n, (uint64_t)row, err) ? p->n - 1 : -1;
}

/* ---- queries ---- */

static int by_fold(const void *a, const void *b) {
    const folded_query *x = a, *y = b;
    if (x->folded != y->folded) return x->folded < y->folded ? -1 : 1;
    return (x->query > y->query) - (x->query < y->query);
}

static bool add_query(pairs_reader *r, const data_value *v, int64_t row) {
    beir_part *p = &r->b->queries;
    const int64_t before = p->n, query = number_text(p, v, row, r->err);
    if (query < 0) return false;
    if (query < before) return true;
    if (r->n_folded == r->folded_capacity) {
        const int64_t capacity = r->n_folded ? 2 * r->n_folded : 256;
        folded_query *grown = senc_realloc(r->folded, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(r->err, (size_t)capacity * sizeof *grown, "queries");
        r->folded = grown;
        r->folded_capacity = capacity;
    }
    folded_query *added = &r->folded[r->n_folded++];
    added->query = query;
    return data_text_fold_hash(&r->folder, v->text, v->n_bytes, &added->folded, r->err);
}

static bool read_queries(pairs_reader *r) {
    const data_set *set = r->b->pairs;
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < data_set_n_rows(set); i++)
        ok = data_set_row(set, i, &row, r->err) && add_query(r, &row.values[r->b->queries.set_slot], i);
    data_row_free(&row);
    if (ok) qsort(r->folded, (size_t)r->n_folded, sizeof *r->folded, by_fold);
    return ok;
}

/* ---- documents ---- */

static bool add_judgement(pairs_reader *r, int64_t query, int64_t document) {
    if (r->n_judged == r->judged_capacity) {
        const int64_t capacity = r->n_judged ? 2 * r->n_judged : 1024;
        int64_t *queries = senc_realloc(r->queries, (size_t)capacity, sizeof *queries);
        if (queries) r->queries = queries;
        int64_t *documents = queries ? senc_realloc(r->documents, (size_t)capacity, sizeof *documents) : NULL;
        if (!documents) return senc_fail_memory(r->err, (size_t)capacity * 16, "pairs");
        r->documents = documents;
        r->judged_capacity = capacity;
    }
    r->queries[r->n_judged] = query;
    r->documents[r->n_judged++] = document;
    return true;
}

/* The document answers every query that its anchor folds to. */
static bool judge(pairs_reader *r, const data_value *anchor, int64_t document) {
    uint64_t folded;
    if (!data_text_fold_hash(&r->folder, anchor->text, anchor->n_bytes, &folded, r->err)) return false;
    int64_t low = 0, high = r->n_folded;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (r->folded[middle].folded < folded)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < r->n_folded && r->folded[low].folded == folded; low++)
        if (!add_judgement(r, r->folded[low].query, document)) return false;
    return true;
}

static bool read_documents(pairs_reader *r) {
    beir_part *p = &r->b->corpus;
    const int64_t anchor = data_set_find_slot(p->set, "anchor"), n = data_set_n_rows(p->set);
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        ok = data_set_row(p->set, i, &row, r->err);
        const int64_t document = ok ? number_text(p, &row.values[p->set_slot], i, r->err) : -1;
        ok = document >= 0 && judge(r, &row.values[anchor], document);
    }
    for (int64_t i = 0; ok && p->more && i < data_set_n_rows(p->more); i++)
        ok = data_set_row(p->more, i, &row, r->err) && number_text(p, &row.values[p->more_slot], n + i, r->err) >= 0;
    data_row_free(&row);
    return ok;
}

/* ---- files ---- */

/* The column of the positives that a source names; NULL: none. */
static const char *positive_column(const data_source *source) {
    const senc_value *v = source->columns ? senc_value_find(source->columns, "positive") : NULL;
    if (v && v->type == SENC_VALUE_STRING) return v->string;
    for (int64_t i = 0; i < source->n_mapped; i++)
        if (strcmp(source->mapped[i].role, "positive") == 0 && source->mapped[i].name) return source->mapped[i].name;
    return "positive";
}

/* The column of a file of documents. */
static bool choose_column(const data_source *file, const char *wanted, char **column, senc_error *err) {
    senc_strings names;
    if (!data_source_columns(file, &names, err)) return false;
    const char *found = names.n == 1 ? names.items[0] : NULL;
    for (int64_t i = 0; i < names.n; i++)
        if (strcmp(names.items[i], "text") == 0) found = names.items[i];
    for (int64_t i = 0; i < names.n; i++)
        if (strcmp(names.items[i], wanted) == 0) found = names.items[i];
    *column = found ? senc_strdup(found) : NULL;
    data_strings_free(&names);
    if (*column) return true;
    if (found) return senc_fail_memory(err, 64, "a column");
    return senc_fail(err, SENC_BAD_INPUT, "%s: no column \"%s\" and none \"text\": a file of documents has one of them",
                     file->path, wanted);
}

static bool open_more(data_beir *b, const data_source *source, const senc_strings *files, senc_error *err) {
    static const data_role role = {.name = "positive", .kind = DATA_ROLE_TEXT};
    data_source *sources = senc_alloc_zero((size_t)files->n, sizeof *sources);
    data_column_map *maps = senc_alloc_zero((size_t)files->n, sizeof *maps);
    bool ok = (sources && maps) || senc_fail_memory(err, (size_t)files->n * sizeof *sources, "files");
    for (int64_t i = 0; ok && i < files->n; i++) {
        char *column;
        sources[i] =
            (data_source){.path = files->items[i], .on_bad_utf8 = source->on_bad_utf8, .on_empty = source->on_empty};
        ok = choose_column(&sources[i], positive_column(source), &column, err);
        if (!ok) break;
        maps[i] = (data_column_map){.role = "positive", .name = column};
        sources[i].mapped = &maps[i];
        sources[i].n_mapped = 1;
    }
    ok = ok && data_set_open(sources, files->n, &role, 1, WANTED_BY, &b->more, err);
    for (int64_t i = 0; maps && i < files->n; i++) free((void *)(uintptr_t)maps[i].name);
    free(maps);
    free(sources);
    if (!ok) return false;
    b->corpus.more = b->more;
    b->corpus.more_slot = data_set_find_slot(b->more, "positive");
    return true;
}

static bool open_sets(data_beir *b, const data_source *source, const data_pairs_corpus *corpus, senc_error *err) {
    static const data_role roles[] = {{.name = "anchor", .kind = DATA_ROLE_TEXT},
                                      {.name = "positive", .kind = DATA_ROLE_TEXT, .expands = true}};
    if (!data_set_open(source, 1, roles, 2, WANTED_BY, &b->pairs, err)) return false;
    b->queries.set = b->corpus.set = b->pairs;
    b->queries.set_slot = data_set_find_slot(b->pairs, "anchor");
    if (!corpus->rows_only && (source->part != DATA_PART_ALL || source->limit > 0)) {
        data_source whole = *source;
        whole.part = DATA_PART_ALL;
        whole.held_out = 0;
        whole.limit = 0;
        if (!data_set_open(&whole, 1, roles, 2, WANTED_BY, &b->whole, err)) return false;
        b->corpus.set = b->whole;
    }
    b->corpus.set_slot = data_set_find_slot(b->corpus.set, "positive");
    return !corpus->files || corpus->files->n == 0 || open_more(b, source, corpus->files, err);
}

static bool build(data_beir *b, const data_source *source, const data_pairs_corpus *corpus, senc_error *err) {
    pairs_reader r = {.b = b, .err = err};
    if (!open_sets(b, source, corpus, err)) return false;
    b->qrels_path = senc_strdup(source->path);
    bool ok = b->qrels_path || senc_fail_memory(err, strlen(source->path), "a path");
    ok = ok && read_queries(&r) && read_documents(&r) && beir_qrels_build(b, r.queries, r.documents, r.n_judged, err);
    data_folder_free(&r.folder);
    free(r.folded);
    free(r.queries);
    free(r.documents);
    return ok;
}

const data_set *data_beir_pairs(const data_beir *b) {
    return b->pairs;
}

bool data_beir_open_pairs(const data_source *source, const data_pairs_corpus *corpus, data_beir **out,
                          senc_error *err) {
    *out = NULL;
    data_beir *b = senc_alloc_zero(1, sizeof *b);
    if (!b) return senc_fail_memory(err, sizeof *b, "a retrieval task");
    if (!build(b, source, corpus, err)) {
        data_beir_close(b);
        return false;
    }
    *out = b;
    return true;
}
