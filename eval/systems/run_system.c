/* A TREC run as a system: lists that another program made. Ranks are ignored and scores decide, as in trec_eval; equal
 * scores are ordered as the evaluation orders them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/formats/jsonl.h"
#include "data/formats/stream.h"
#include "data/pairs.h"
#include "eval/systems/system_parts.h"
#include "eval/trec.h"

typedef struct run_state {
    char *path;
    data_text text;
} run_state;

typedef struct run_entry {
    int64_t query, document, line; /* query: position in the request */
    uint64_t name;                 /* a hash of the document's id */
    float score;
} run_entry;

static void close_run(eval_system *s) {
    run_state *r = s->state;
    if (!r) return;
    data_text_close(&r->text);
    free(r->path);
    free(r);
}

/* Calls use(context, line, place) for every line that is not blank. */
typedef bool use_line(void *context, const eval_trec_line *line, int64_t number, senc_error *err);

static bool each_line(const run_state *r, use_line *use, void *context, senc_error *err) {
    data_cursor cursor = data_cursor_first(r->text.data, r->text.n_bytes);
    const char *line;
    size_t n_bytes;
    for (;;) {
        const int64_t number = cursor.line;
        if (!data_line_next(r->text.data, r->text.n_bytes, &cursor, &line, &n_bytes)) return true;
        char place[512];
        snprintf(place, sizeof place, "%s:%lld", r->path, (long long)number);
        eval_trec_line parsed;
        size_t blank = 0;
        while (blank < n_bytes && (line[blank] == ' ' || line[blank] == '\t')) blank++;
        if (blank == n_bytes) continue;
        if (!eval_trec_parse_line(line, n_bytes, place, &parsed, err) || !use(context, &parsed, number, err))
            return false;
    }
}

static bool count_line(void *context, const eval_trec_line *line, int64_t number, senc_error *err) {
    (void)line, (void)number, (void)err;
    int64_t *n = context;
    (*n)++;
    return true;
}

/* ---- ranking ---- */

typedef struct run_reader {
    const run_state *run;
    const eval_rank_request *request;
    int64_t *position; /* (queries of the data) in the request; -1: not asked for */
    run_entry *entries;
    int64_t n, capacity;
    char id[512]; /* of the line, NUL-terminated */
} run_reader;

/* An id longer than any in the data is unknown all the same. */
static const char *terminated(run_reader *r, const char *id, size_t n_bytes) {
    const size_t n = n_bytes < sizeof r->id ? n_bytes : sizeof r->id - 1;
    memcpy(r->id, id, n);
    r->id[n] = '\0';
    return r->id;
}

static bool read_entry(void *context, const eval_trec_line *line, int64_t number, senc_error *err) {
    run_reader *r = context;
    const data_beir *beir = r->request->beir;
    const int64_t query = data_beir_find_query(beir, terminated(r, line->query, line->query_bytes));
    if (query < 0 || r->position[query] < 0) return true;
    const int64_t document = data_beir_find_document(beir, terminated(r, line->document, line->document_bytes));
    if (document < 0)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s:%lld: document \"%s\" is not in the corpus: is this the run of other data?", r->run->path,
                         (long long)number, r->id);
    if (r->n == r->capacity) return senc_fail(err, SENC_FILE_LOST, "%s: changed while it was in use", r->run->path);
    const uint64_t name = data_text_hash(line->document, line->document_bytes);
    r->entries[r->n++] = (run_entry){r->position[query], document, number, name, (float)line->score};
    return true;
}

static int by_document(const void *a, const void *b) {
    const run_entry *x = a, *y = b;
    if (x->query != y->query) return x->query < y->query ? -1 : 1;
    if (x->document != y->document) return x->document < y->document ? -1 : 1;
    if (x->name != y->name) return x->name < y->name ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

/* An id that a list names twice is an error; several ids of one document (same_text = "one") are it once, with the best
 * of their scores. */
static bool settle_repeats(run_reader *r, senc_error *err) {
    qsort(r->entries, (size_t)r->n, sizeof *r->entries, by_document);
    for (int64_t i = 1; i < r->n; i++) {
        const run_entry *a = &r->entries[i - 1], *b = &r->entries[i];
        if (a->query == b->query && a->document == b->document && a->name == b->name)
            return senc_fail(err, SENC_BAD_INPUT, "%s:%lld: document \"%s\" stands twice in the list of query \"%s\"",
                             r->run->path, (long long)b->line, data_beir_document_id(r->request->beir, b->document),
                             data_beir_query_id(r->request->beir, r->request->queries[b->query]));
    }
    int64_t kept = 0;
    for (int64_t i = 0; i < r->n; i++) {
        const run_entry e = r->entries[i];
        run_entry *last = kept > 0 ? &r->entries[kept - 1] : NULL;
        if (!last || last->query != e.query || last->document != e.document)
            r->entries[kept++] = e;
        else if (e.score > last->score)
            last->score = e.score;
    }
    r->n = kept;
    return true;
}

static bool fill_lists(const run_reader *r, eval_hit *hits, int64_t *n_hits, senc_error *err) {
    const eval_rank_request *request = r->request;
    eval_nearest nearest = {.n_queries = request->n_queries,
                            .k = request->depth,
                            .tie_rank = request->tie_rank,
                            .tie_descending = request->tie_descending};
    const bool ok = eval_nearest_init(&nearest);
    if (ok) {
        for (int64_t i = 0; i < r->n; i++)
            eval_nearest_offer(&nearest, r->entries[i].query, (eval_hit){r->entries[i].document, r->entries[i].score});
        eval_nearest_sort(&nearest);
        memcpy(hits, nearest.hits, (size_t)(request->n_queries * request->depth) * sizeof *hits);
        memcpy(n_hits, nearest.n_hits, (size_t)request->n_queries * sizeof *n_hits);
    }
    eval_nearest_free(&nearest);
    return ok || senc_fail_memory(err, (size_t)(request->n_queries * request->depth) * sizeof *hits, "a run");
}

static bool read_lists(run_reader *r, int64_t n_lines, eval_hit *hits, int64_t *n_hits, senc_error *err) {
    const int64_t n_queries = data_beir_n_queries(r->request->beir);
    r->position = senc_alloc((size_t)n_queries, sizeof *r->position);
    r->entries = senc_alloc((size_t)n_lines, sizeof *r->entries);
    r->capacity = n_lines;
    if (!r->position || !r->entries) return senc_fail_memory(err, (size_t)n_lines * sizeof *r->entries, "a run");
    for (int64_t q = 0; q < n_queries; q++) r->position[q] = -1;
    for (int64_t i = 0; i < r->request->n_queries; i++) r->position[r->request->queries[i]] = i;
    if (!each_line(r->run, read_entry, r, err) || !settle_repeats(r, err)) return false;
    if (r->n == 0)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: none of the %lld judged queries is in it: is this the run of other data?", r->run->path,
                         (long long)r->request->n_queries);
    return fill_lists(r, hits, n_hits, err);
}

static bool rank_run(void *context, const eval_rank_request *request, eval_hit *hits, int64_t *n_hits,
                     senc_error *err) {
    run_reader r = {.run = context, .request = request};
    int64_t n_lines = 0;
    const bool ok = each_line(r.run, count_line, &n_lines, err) && read_lists(&r, n_lines, hits, n_hits, err);
    free(r.position);
    free(r.entries);
    return ok;
}

static bool open_run(eval_system *s, const char *argument, const void *options, const eval_system_options *how,
                     senc_error *err) {
    (void)options, (void)how;
    run_state *r = s->state = senc_alloc_zero(1, sizeof *r);
    if (!r || !(r->path = senc_strdup(argument))) return senc_fail_memory(err, sizeof *r, "a system");
    int64_t n_lines = 0;
    if (!data_text_open(argument, &r->text, err) || !each_line(r, count_line, &n_lines, err)) return false;
    if (n_lines == 0) return senc_fail(err, SENC_BAD_INPUT, "%s: expected lines of a TREC run, found none", argument);
    s->ranker = (eval_ranker){.rank = rank_run, .context = r, .score_name = "run"};
    s->embedder = (eval_embedder){.ranker = &s->ranker};
    return eval_system_add_rule(s, err,
                                "run: ordered by score, not by the ranks in the file; what is below the lists "
                                "counts as not found");
}

const eval_system_kind eval_run_system = {
    .name = "run",
    .form = "run:FILE",
    .help = "lists of a TREC run: qid Q0 docid rank score tag",
    .takes_argument = true,
    .open = open_run,
    .close = close_run,
};
