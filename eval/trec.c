/* TREC runs and qrels: see trec.h. */
#include "eval/trec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"

static bool check_id(const char *path, const char *what, const char *id, senc_error *err) {
    if (!strpbrk(id, " \t\r\n\v\f")) return true;
    return senc_fail(err, SENC_BAD_INPUT, "%s: %s id \"%s\" holds white space, which TREC's format cannot", path, what,
                     id);
}

static bool write_list(FILE *out, const char *path, const eval_trec_lists *l, int64_t q, const char *tag,
                       senc_error *err) {
    const char *query = data_beir_query_id(l->beir, l->queries[q]);
    if (!check_id(path, "query", query, err)) return false;
    int64_t rank = 0;
    for (int64_t h = 0; h < l->n_hits[q]; h++) {
        const eval_hit hit = l->hits[q * l->depth + h];
        const char *document = data_beir_document_id(l->beir, hit.document);
        if (l->ignore_identical_ids && strcmp(document, query) == 0) continue;
        if (!check_id(path, "document", document, err)) return false;
        fprintf(out, "%s Q0 %s %lld %.9g %s\n", query, document, (long long)++rank, (double)hit.score, tag);
    }
    return true;
}

bool eval_trec_save_run(const char *path, const eval_trec_lists *lists, const char *tag, senc_error *err) {
    senc_file_writer file;
    if (!senc_file_writer_open_output(&file, path, true, err)) return false;
    bool ok = true;
    for (int64_t q = 0; ok && q < lists->n_queries; q++) ok = write_list(file.stream, path, lists, q, tag, err);
    ok = ok && senc_file_writer_commit(&file, err);
    senc_file_writer_close(&file);
    return ok;
}

static bool write_judgements(FILE *out, const char *path, const data_beir *beir, int64_t query, senc_error *err) {
    const data_beir_relevance *r = data_beir_get_relevance(beir);
    const char *id = data_beir_query_id(beir, query);
    if (!check_id(path, "query", id, err)) return false;
    for (int64_t p = r->offsets[query]; p < r->offsets[query + 1]; p++) {
        const char *document = data_beir_document_id(beir, r->documents[p]);
        if (!check_id(path, "document", document, err)) return false;
        fprintf(out, "%s 0 %s %g\n", id, document, (double)r->grades[p]);
    }
    return true;
}

bool eval_trec_save_qrels(const char *path, const data_beir *beir, const int64_t *queries, int64_t n_queries,
                          senc_error *err) {
    senc_file_writer file;
    if (!senc_file_writer_open_output(&file, path, true, err)) return false;
    bool ok = true;
    for (int64_t q = 0; ok && q < n_queries; q++) ok = write_judgements(file.stream, path, beir, queries[q], err);
    ok = ok && senc_file_writer_commit(&file, err);
    senc_file_writer_close(&file);
    return ok;
}

/* ---- reading ---- */

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

enum { QUERY, ITERATION, DOCUMENT, RANK, SCORE, TAG, N_COLUMNS };

bool eval_trec_parse_line(const char *line, size_t n_bytes, const char *line_place, eval_trec_line *out,
                          senc_error *err) {
    const char *start[N_COLUMNS], *end = line + n_bytes;
    size_t length[N_COLUMNS];
    int n = 0;
    for (const char *p = line; p < end;) {
        while (p < end && is_space(*p)) p++;
        const char *first = p;
        while (p < end && !is_space(*p)) p++;
        if (p == first) break;
        if (n < N_COLUMNS) {
            start[n] = first;
            length[n] = (size_t)(p - first);
        }
        n++;
    }
    if (n != N_COLUMNS)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: expected the six columns of a TREC run (qid Q0 docid rank score tag), found %d",
                         line_place, n);
    char number[64];
    const size_t n_number = length[SCORE] < sizeof number ? length[SCORE] : sizeof number - 1;
    memcpy(number, start[SCORE], n_number);
    number[n_number] = '\0';
    char *stop;
    out->score = strtod(number, &stop);
    if (*stop != '\0' || length[SCORE] >= sizeof number || !isfinite((float)out->score))
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected a number as the score, found \"%s\"", line_place, number);
    out->query = start[QUERY];
    out->query_bytes = length[QUERY];
    out->document = start[DOCUMENT];
    out->document_bytes = length[DOCUMENT];
    return true;
}
