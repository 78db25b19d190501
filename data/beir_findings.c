/* Mistakes in BEIR folders: see beir_findings.h. */
#include "data/beir_findings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/beir_parts.h"
#include "data/pairs.h"

#define EXAMPLES 3

bool beir_count(beir_notes *notes) {
    return notes->n++ < EXAMPLES;
}

void beir_show(beir_notes *notes, const char *fmt, ...) {
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    senc_buffer_printf(&notes->examples, "%s%s", notes->examples.n_bytes ? "; " : "", text);
}

/* "  what: 12: examples; ..."; nothing when there is none. */
static void put_notes(beir_notes *notes, const char *what, senc_buffer *out) {
    if (notes->n > 0)
        senc_buffer_printf(out, "  %s: %" PRId64 ": %s%s\n", what, notes->n, senc_buffer_text(&notes->examples),
                           notes->n > EXAMPLES ? "; ..." : "");
    senc_buffer_free(&notes->examples);
    *notes = (beir_notes){0};
}

/* ---- texts ---- */

typedef struct hashed_text {
    uint64_t hash;
    int64_t row;
} hashed_text;

static int by_hash(const void *a, const void *b) {
    const hashed_text *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

typedef bool read_function(const data_beir *b, int64_t i, data_beir_scratch *scratch, const char **text,
                           size_t *n_bytes, senc_error *err);

static bool is_blank(const char *text, size_t n_bytes) {
    for (size_t i = 0; i < n_bytes; i++)
        if (text[i] == '\0' || !strchr(" \t\r\n", text[i])) return false;
    return true;
}

static bool hash_texts(const data_beir *b, const beir_part *p, read_function *read, hashed_text *out, beir_notes *empty,
                       senc_error *err) {
    data_beir_scratch scratch = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < p->n; i++) {
        const char *text;
        size_t n_bytes;
        ok = read(b, i, &scratch, &text, &n_bytes, err);
        if (!ok) break;
        out[i] = (hashed_text){data_text_hash(text, n_bytes), i};
        if (is_blank(text, n_bytes) && beir_count(empty))
            beir_show(empty, "\"%.100s\" on line %" PRId64, p->ids.data + p->id_offsets[i], beir_part_line(p, i));
    }
    data_beir_scratch_free(&scratch);
    return ok;
}

/* Of every row the first one with the same text, -1 for those that are it. */
static void find_firsts(hashed_text *texts, int64_t n, int64_t *firsts) {
    qsort(texts, (size_t)n, sizeof *texts, by_hash);
    for (int64_t i = 0, first = 0; i < n; i++) {
        if (texts[i].hash != texts[first].hash) first = i;
        firsts[texts[i].row] = i > first ? texts[first].row : -1;
    }
}

/* Texts that stand under several ids, and empty ones. */
static bool note_texts(const data_beir *b, const beir_part *p, read_function *read, beir_notes *same, beir_notes *empty,
                       senc_error *err) {
    hashed_text *texts = senc_alloc((size_t)p->n, sizeof *texts);
    int64_t *firsts = senc_alloc((size_t)p->n, sizeof *firsts);
    bool ok = (texts && firsts) || senc_fail_memory(err, (size_t)p->n * 24, "the texts of a BEIR folder");
    ok = ok && hash_texts(b, p, read, texts, empty, err);
    if (ok) find_firsts(texts, p->n, firsts);
    for (int64_t i = 0; ok && i < p->n; i++) {
        if (firsts[i] < 0 || !beir_count(same)) continue;
        beir_show(same, "\"%.100s\" (line %" PRId64 ") as \"%.100s\" (line %" PRId64 ")",
                  p->ids.data + p->id_offsets[i], beir_part_line(p, i), p->ids.data + p->id_offsets[firsts[i]],
                  beir_part_line(p, firsts[i]));
    }
    free(texts);
    free(firsts);
    return ok;
}

static bool find_in_part(data_beir *b, beir_part *p, const char *folder, const char *name, bool replace,
                         read_function *read, senc_buffer *out, int64_t *n_refused, senc_error *err) {
    beir_notes repeated = {0}, same = {0}, empty = {0};
    p->repeated = &repeated;
    const bool ok = beir_part_open(p, folder, name, replace, err) && note_texts(b, p, read, &same, &empty, err);
    *n_refused += repeated.n;
    put_notes(&repeated, "_id stands twice", out);
    put_notes(&same, "same text under another _id", out);
    put_notes(&empty, "empty text", out);
    return ok;
}

/* ---- judgements ---- */

static bool find_in_split(data_beir *b, const char *folder, const char *split, data_beir_findings *f, senc_error *err) {
    beir_judgement_notes notes = {0};
    b->notes = &notes;
    const bool ok = beir_qrels_load(b, folder, split, err);
    const data_beir_relevance *r = &b->relevance;
    if (ok) {
        senc_buffer_printf(&f->judgements,
                           "%s: relevant pairs: %" PRId64 ", queries with some: %" PRId64 " of %" PRId64 "\n",
                           b->qrels_path, r->n_pairs, r->n_judged_queries, b->queries.n);
        if (r->n_zero) senc_buffer_printf(&f->judgements, "  judged not relevant: %" PRId64 "\n", r->n_zero);
        if (r->n_repeated > notes.conflicts.n)
            senc_buffer_printf(&f->judgements, "  the same judgement again: %" PRId64 "\n",
                               r->n_repeated - notes.conflicts.n);
    }
    f->n_refused += notes.conflicts.n;
    put_notes(&notes.conflicts, "judged twice, and differently", &f->judgements);
    put_notes(&notes.unknown_queries, "unknown query, left out", &f->judgements);
    put_notes(&notes.unknown_documents, "unknown document, left out", &f->judgements);
    beir_qrels_free(b);
    return ok;
}

/* Every split that there is; a corpus to encode needs none. */
static bool find_in_splits(data_beir *b, const char *folder, data_beir_findings *f, senc_error *err) {
    char *qrels = senc_path_join(folder, "qrels");
    senc_buffer names = {0};
    if (qrels) beir_qrels_list(qrels, &names);
    bool ok = (qrels && !names.failed) || senc_fail_memory(err, strlen(folder), "a path");
    char *at = ok ? names.data : NULL;
    for (char *next; ok && at && *at; at = next) {
        char *end = strstr(at, ", ");
        next = end ? end + 2 : at + strlen(at);
        if (end) *end = '\0';
        ok = find_in_split(b, folder, at, f, err);
    }
    free(qrels);
    senc_buffer_free(&names);
    return ok;
}

bool data_beir_find(const char *folder, bool replace_bad_utf8, data_beir_findings *out, senc_error *err) {
    *out = (data_beir_findings){0};
    data_beir *b = senc_alloc_zero(1, sizeof *b);
    if (!b) return senc_fail_memory(err, sizeof *b, "a BEIR folder");
    const bool ok = find_in_part(b, &b->corpus, folder, "corpus.jsonl", replace_bad_utf8, data_beir_document_text,
                                 &out->corpus, &out->n_refused, err) &&
                    find_in_part(b, &b->queries, folder, "queries.jsonl", replace_bad_utf8, data_beir_query_text,
                                 &out->queries, &out->n_refused, err) &&
                    find_in_splits(b, folder, out, err);
    data_beir_close(b);
    if (ok && !out->corpus.failed && !out->queries.failed && !out->judgements.failed) return true;
    data_beir_findings_free(out);
    return ok ? senc_fail_memory(err, 4096, "the findings") : false;
}

void data_beir_findings_free(data_beir_findings *f) {
    senc_buffer_free(&f->corpus);
    senc_buffer_free(&f->queries);
    senc_buffer_free(&f->judgements);
    *f = (data_beir_findings){0};
}
