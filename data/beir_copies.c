/* Documents of equal text: see beir.h. A hash of 64 bits stands for a text, as in beir_pairs.c. */
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "data/beir_parts.h"
#include "data/pairs.h"

#define TASK_DOCUMENTS 1024

typedef struct hashed {
    uint64_t hash;
    int64_t document;
} hashed;

typedef struct hashing {
    const data_beir *b;
    hashed *items;
    senc_error *errors; /* (tasks) */
} hashing;

static void hash_task(void *context, int64_t task, int thread) {
    (void)thread;
    const hashing *h = context;
    const int64_t end = (task + 1) * TASK_DOCUMENTS;
    data_beir_scratch scratch = {0};
    for (int64_t i = task * TASK_DOCUMENTS; i < end && i < data_beir_n_documents(h->b); i++) {
        const char *text;
        size_t n_bytes;
        if (!data_beir_document_text(h->b, i, &scratch, &text, &n_bytes, &h->errors[task])) break;
        h->items[i] = (hashed){data_text_hash(text, n_bytes), i};
    }
    data_beir_scratch_free(&scratch);
}

static bool hash_texts(const data_beir *b, hashed *items, senc_error *err) {
    const int64_t tasks = (data_beir_n_documents(b) + TASK_DOCUMENTS - 1) / TASK_DOCUMENTS;
    hashing h = {b, items, senc_alloc_zero((size_t)tasks, sizeof *h.errors)};
    if (!h.errors) return senc_fail_memory(err, (size_t)tasks * sizeof *h.errors, "texts");
    senc_parallel(tasks, hash_task, &h);
    bool ok = true;
    for (int64_t i = 0; ok && i < tasks; i++)
        ok = h.errors[i].kind == SENC_OK || senc_fail(err, h.errors[i].kind, "%s", h.errors[i].text);
    free(h.errors);
    return ok;
}

static int by_hash(const void *a, const void *b) {
    const hashed *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->document > y->document) - (x->document < y->document);
}

bool data_beir_find_copies(const data_beir *b, data_beir_copies *out, senc_error *err) {
    const int64_t n = data_beir_n_documents(b);
    *out = (data_beir_copies){.first = senc_alloc((size_t)n, sizeof *out->first)};
    hashed *items = senc_alloc((size_t)n, sizeof *items);
    bool ok = (out->first && items) || senc_fail_memory(err, (size_t)n * 24, "texts");
    if (ok && b->pairs) { /* of pairs: they are distinct */
        for (int64_t i = 0; i < n; i++) out->first[i] = i;
    } else if (ok && (ok = hash_texts(b, items, err))) {
        qsort(items, (size_t)n, sizeof *items, by_hash);
        for (int64_t start = 0, end; start < n; start = end) {
            for (end = start; end < n && items[end].hash == items[start].hash; end++)
                out->first[items[end].document] = items[start].document;
            if (end - start == 1) continue;
            out->n_texts++;
            out->n_documents += end - start;
        }
    }
    free(items);
    if (!ok) data_beir_copies_free(out);
    return ok;
}

void data_beir_copies_free(data_beir_copies *c) {
    free(c->first);
    *c = (data_beir_copies){0};
}

/* ---- merging ---- */

/* Moves the kept documents together; number (n) becomes what every document is from now on. The ids of the others go to
 * b->copies. */
static bool merge_documents(data_beir *b, int64_t *number, const int64_t *first, senc_error *err) {
    const int64_t n = b->corpus.n;
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) number[i] = first[i] == i ? kept++ : number[first[i]];
    for (int64_t i = 0; i < n; i++) {
        const char *id = data_beir_document_id(b, i);
        if (first[i] != i && !beir_part_add(&b->copies, id, strlen(id), (uint64_t)number[i], err)) return false;
    }
    for (int64_t i = 0; i < n; i++) {
        if (first[i] != i) continue;
        b->corpus.rows[number[i]] = b->corpus.rows[i];
        b->corpus.id_offsets[number[i]] = b->corpus.id_offsets[i];
    }
    b->corpus.n = kept;
    beir_part_index(&b->corpus);
    return true;
}

/* Judgements of the merged documents: of several of a query the first place with the highest grade. */
static void merge_judgements(data_beir *b, const int64_t *number) {
    data_beir_relevance *r = &b->relevance;
    int64_t *offsets = (int64_t *)(uintptr_t)r->offsets, *documents = (int64_t *)(uintptr_t)r->documents;
    int64_t *lines = (int64_t *)(uintptr_t)r->lines, kept = 0;
    float *grades = (float *)(uintptr_t)r->grades;
    for (int64_t q = 0, p = 0; q < b->queries.n; q++) {
        const int64_t start = kept, end = offsets[q + 1];
        for (; p < end; p++) {
            int64_t there = start;
            while (there < kept && documents[there] != number[documents[p]]) there++;
            if (there < kept) {
                if (grades[p] > grades[there]) grades[there] = grades[p];
                continue;
            }
            documents[kept] = number[documents[p]];
            grades[kept] = grades[p];
            lines[kept++] = lines[p];
        }
        offsets[q + 1] = kept;
    }
    r->n_pairs = kept;
}

bool data_beir_merge_copies(data_beir *b, const data_beir_copies *copies, senc_error *err) {
    if (copies->n_texts == 0) return true;
    const size_t n = (size_t)b->corpus.n;
    int64_t *number = senc_alloc(n, sizeof *number);
    if (!number) return senc_fail_memory(err, n * sizeof *number, "documents");
    const bool ok = merge_documents(b, number, copies->first, err);
    if (ok) merge_judgements(b, number);
    free(number);
    return ok;
}
