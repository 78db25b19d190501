/* The judgements of a BEIR folder: see beir.h. */
#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "data/beir_parts.h"
#include "data/formats/jsonl.h"
#include "data/formats/utf8.h"

typedef struct judgement {
    int64_t query, document, line;
    float grade;
} judgement;

typedef struct qrels_reader {
    data_beir *b;
    judgement *found;
    int64_t n, capacity;
    senc_error *err;
} qrels_reader;

typedef struct piece {
    const char *text;
    size_t n_bytes;
} piece;

/* Pieces between tabs when there is one, otherwise between runs of spaces. Returns how many, 5 for more than four. */
static int split_line(const char *line, size_t n_bytes, piece out[4]) {
    const bool tabs = memchr(line, '\t', n_bytes) != NULL;
    const char *end = line + n_bytes;
    int n = 0;
    for (const char *p = line; p <= end;) {
        while (!tabs && p < end && *p == ' ') p++;
        if (!tabs && p == end) break;
        const char *stop = memchr(p, tabs ? '\t' : ' ', (size_t)(end - p));
        if (!stop) stop = end;
        if (n == 4) return 5;
        out[n++] = (piece){p, (size_t)(stop - p)};
        p = stop + 1;
    }
    return n;
}

static bool parse_grade(piece text, double *grade) {
    char copy[40];
    if (text.n_bytes == 0 || text.n_bytes >= sizeof copy || *text.text == ' ') return false;
    memcpy(copy, text.text, text.n_bytes);
    copy[text.n_bytes] = '\0';
    char *end;
    *grade = strtod(copy, &end);
    return *end == '\0' && isfinite((float)*grade); /* as it is kept */
}

static bool add_judgement(qrels_reader *r, judgement j) {
    if (r->n == r->capacity) {
        const int64_t capacity = r->capacity ? 2 * r->capacity : 1024;
        judgement *grown = senc_realloc(r->found, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(r->err, (size_t)capacity * sizeof *grown, "judgements");
        r->found = grown;
        r->capacity = capacity;
    }
    r->found[r->n++] = j;
    return true;
}

/* query-id, corpus-id, score; or TREC's query-id, iteration, document-id, relevance. */
static bool read_line(qrels_reader *r, const char *line, size_t n_bytes, int64_t number) {
    piece p[4];
    const int n = split_line(line, n_bytes, p);
    data_beir_relevance *all = &r->b->relevance;
    if (n == 0) return true;
    if (n < 3 || n > 4) {
        return senc_fail(r->err, SENC_BAD_INPUT,
                         "%s:%" PRId64
                         ": expected query-id, corpus-id and score (or TREC's four columns), found %s%d columns",
                         r->b->qrels_path, number, n > 4 ? "more than " : "", n > 4 ? 4 : n);
    }
    double grade;
    if (!parse_grade(p[n - 1], &grade)) {
        if (number == 1) return true; /* the header */
        return senc_fail(r->err, SENC_BAD_INPUT, "%s:%" PRId64 ": expected a number as the score, found \"%.*s\"",
                         r->b->qrels_path, number, (int)(p[n - 1].n_bytes < 40 ? p[n - 1].n_bytes : 40), p[n - 1].text);
    }
    const piece document_id = n == 4 ? p[2] : p[1];
    const int64_t query = beir_part_find(&r->b->queries, p[0].text, p[0].n_bytes);
    const int64_t document = beir_part_find(&r->b->corpus, document_id.text, document_id.n_bytes);
    if (query >= 0 && document >= 0) return add_judgement(r, (judgement){query, document, number, (float)grade});
    ++*(query < 0 ? &all->n_unknown_queries : &all->n_unknown_documents);
    const piece *unknown = query < 0 ? &p[0] : &document_id;
    beir_judgement_notes *notes = r->b->notes;
    beir_notes *of = !notes ? NULL : query < 0 ? &notes->unknown_queries : &notes->unknown_documents;
    if (of && beir_count(of))
        beir_show(of, "\"%.*s\" on line %" PRId64, (int)(unknown->n_bytes < 100 ? unknown->n_bytes : 100),
                  unknown->text, number);
    return true;
}

static bool read_lines(qrels_reader *r, data_text text) {
    data_cursor cursor = data_cursor_first(text.data, text.n_bytes);
    const char *line;
    size_t n_bytes;
    for (;;) {
        const int64_t number = cursor.line;
        if (!data_line_next(text.data, text.n_bytes, &cursor, &line, &n_bytes)) return true;
        const size_t good = data_utf8_check(line, n_bytes);
        if (good < n_bytes) return data_fail_utf8(r->b->qrels_path, number, line, n_bytes, good, r->err);
        if (n_bytes > 0 && !read_line(r, line, n_bytes, number)) return false;
    }
}

static int compare_judgements(const void *a, const void *b) {
    const judgement *x = a, *y = b;
    if (x->query != y->query) return x->query < y->query ? -1 : 1;
    if (x->document != y->document) return x->document < y->document ? -1 : 1;
    return x->line < y->line ? -1 : 1;
}

static int compare_lines(const void *a, const void *b) {
    const judgement *x = a, *y = b;
    if (x->query != y->query) return x->query < y->query ? -1 : 1;
    return x->line < y->line ? -1 : 1;
}

/* Leaves one judgement a pair, relevant ones only, by query and then in the order of the file. */
static bool clean(qrels_reader *r) {
    data_beir_relevance *all = &r->b->relevance;
    if (r->n) qsort(r->found, (size_t)r->n, sizeof *r->found, compare_judgements);
    int64_t kept = 0;
    for (int64_t i = 0; i < r->n; i++) {
        const judgement *j = &r->found[i], *last = i ? &r->found[i - 1] : NULL;
        if (last && last->query == j->query && last->document == j->document) {
            if (last->grade != j->grade && r->b->notes) {
                if (beir_count(&r->b->notes->conflicts))
                    beir_show(&r->b->notes->conflicts,
                              "\"%.100s\" and \"%.100s\": %g on line %" PRId64 ", %g on line %" PRId64,
                              data_beir_query_id(r->b, j->query), data_beir_document_id(r->b, j->document),
                              (double)last->grade, last->line, (double)j->grade, j->line);
            } else if (last->grade != j->grade) {
                return senc_fail(
                    r->err, SENC_BAD_INPUT,
                    "%s:%" PRId64 ": query \"%.100s\" and document \"%.100s\" are judged %g, but %g on line %" PRId64,
                    r->b->qrels_path, j->line, data_beir_query_id(r->b, j->query),
                    data_beir_document_id(r->b, j->document), (double)j->grade, (double)last->grade, last->line);
            }
            all->n_repeated++;
            continue;
        }
        if (j->grade > 0)
            all->n_pairs++;
        else
            all->n_zero++;
    }
    for (int64_t i = 0; i < r->n; i++) { /* a second pass: the first compares neighbours of the sorted list */
        const judgement j = r->found[i];
        const bool again = kept && r->found[kept - 1].query == j.query && r->found[kept - 1].document == j.document;
        if (j.grade > 0 && !again) r->found[kept++] = j;
    }
    r->n = kept;
    if (r->n) qsort(r->found, (size_t)r->n, sizeof *r->found, compare_lines);
    return true;
}

static bool build_lists(qrels_reader *r) {
    data_beir_relevance *all = &r->b->relevance;
    const int64_t n_queries = r->b->queries.n;
    int64_t *offsets = senc_alloc_zero((size_t)n_queries + 1, sizeof *offsets);
    all->offsets = offsets;
    int64_t *documents = senc_alloc((size_t)r->n, sizeof *documents);
    all->documents = documents;
    float *grades = senc_alloc((size_t)r->n, sizeof *grades);
    all->grades = grades;
    int64_t *lines = senc_alloc((size_t)r->n, sizeof *lines);
    all->lines = lines;
    if (!offsets || !documents || !grades || !lines) {
        return senc_fail_memory(r->err, (size_t)r->n * 20 + (size_t)n_queries * 8, "judgements");
    }
    for (int64_t i = 0; i < r->n; i++) {
        offsets[r->found[i].query + 1]++;
        documents[i] = r->found[i].document;
        grades[i] = r->found[i].grade;
        lines[i] = r->found[i].line;
    }
    for (int64_t q = 0; q < n_queries; q++) {
        if (offsets[q + 1])
            all->n_judged_queries++;
        else
            all->n_unjudged_queries++;
        offsets[q + 1] += offsets[q];
    }
    return true;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void beir_qrels_list(const char *folder, senc_buffer *out) {
    enum { MOST = 100 };
    char *names[MOST];
    int n = 0;
    DIR *dir = opendir(folder);
    if (!dir) return;
    for (struct dirent *e; n < MOST && (e = readdir(dir));) {
        const char *suffix = strstr(e->d_name, ".tsv");
        if (!suffix || suffix == e->d_name) continue;
        names[n] = senc_strndup(e->d_name, (size_t)(suffix - e->d_name));
        if (names[n]) n++;
    }
    closedir(dir);
    if (n > 0) qsort(names, (size_t)n, sizeof *names, by_name);
    for (int i = 0; i < n; i++) {
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            senc_buffer_printf(out, "%s%s", out->n_bytes ? ", " : "", names[i]);
    }
    for (int i = 0; i < n; i++) free(names[i]);
}

static bool find_file(data_beir *b, const char *folder, const char *split, senc_error *err) {
    char *qrels = senc_path_join(folder, "qrels");
    senc_buffer name = {0}, there = {0};
    senc_buffer_printf(&name, "%s.tsv", split);
    b->qrels_path = qrels && !name.failed ? data_path_find_packed(qrels, name.data) : NULL;
    if (!b->qrels_path) {
        if (qrels) beir_qrels_list(qrels, &there);
        senc_fail(err, SENC_BAD_INPUT, "%s: no judgements for the split \"%s\" (qrels/%s.tsv); the folder has %s",
                  folder, split, split, there.n_bytes ? senc_buffer_text(&there) : "none");
    }
    free(qrels);
    senc_buffer_free(&name);
    senc_buffer_free(&there);
    return b->qrels_path != NULL;
}

bool beir_qrels_load(data_beir *b, const char *folder, const char *split, senc_error *err) {
    if (!find_file(b, folder, split, err)) return false;
    data_text text;
    if (!data_text_open(b->qrels_path, &text, err)) return false;
    qrels_reader r = {.b = b, .err = err};
    const bool ok = read_lines(&r, text) && clean(&r) && build_lists(&r);
    free(r.found);
    data_text_close(&text);
    if (!ok || b->notes) return ok;
    const data_beir_relevance *all = &b->relevance;
    if (all->n_pairs == 0) {
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: no query has a relevant document (%" PRId64 " lines name unknown queries, %" PRId64
                         " unknown documents)",
                         b->qrels_path, all->n_unknown_queries, all->n_unknown_documents);
    }
    if (all->n_unknown_queries + all->n_unknown_documents > 0) {
        senc_warn("%s: %" PRId64 " lines name queries and %" PRId64
                  " name documents that do not exist; they are left out",
                  b->qrels_path, all->n_unknown_queries, all->n_unknown_documents);
    }
    return true;
}

bool beir_qrels_build(data_beir *b, const int64_t *queries, const int64_t *documents, int64_t n, senc_error *err) {
    qrels_reader r = {.b = b, .err = err};
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) ok = add_judgement(&r, (judgement){queries[i], documents[i], i + 1, 1.0F});
    ok = ok && clean(&r) && build_lists(&r);
    free(r.found);
    return ok;
}

void beir_qrels_free(data_beir *b) {
    free(b->qrels_path);
    free((void *)(uintptr_t)b->relevance.offsets);
    free((void *)(uintptr_t)b->relevance.documents);
    free((void *)(uintptr_t)b->relevance.grades);
    free((void *)(uintptr_t)b->relevance.lines);
    b->qrels_path = NULL;
    b->relevance = (data_beir_relevance){0};
}

const data_beir_relevance *data_beir_get_relevance(const data_beir *b) {
    return &b->relevance;
}

const char *data_beir_qrels_path(const data_beir *b) {
    return b->qrels_path;
}
