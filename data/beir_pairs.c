/* Rows of (anchor, positive) as a retrieval task: see data_beir_open_pairs in beir.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/beir_parts.h"
#include "data/pairs.h"

/* The number of this text among the part's distinct ones; -1 on failure. */
static int64_t number_text(beir_part *p, const data_value *v, int64_t row, senc_error *err) {
    char id[24];
    const size_t n = (size_t)snprintf(id, sizeof id, "%016" PRIx64, data_text_hash(v->text, v->n_bytes));
    const int64_t there = beir_part_find(p, id, n);
    if (there >= 0) return there;
    return beir_part_add(p, id, n, (uint64_t)row, err) ? p->n - 1 : -1;
}

static bool number_rows(data_beir *b, int64_t *queries, int64_t *documents, senc_error *err) {
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < data_set_n_rows(b->set); i++) {
        ok = data_set_row(b->set, i, &row, err);
        if (!ok) break;
        queries[i] = number_text(&b->queries, &row.values[b->queries.set_slot], i, err);
        documents[i] = queries[i] < 0 ? -1 : number_text(&b->corpus, &row.values[b->corpus.set_slot], i, err);
        ok = documents[i] >= 0;
    }
    data_row_free(&row);
    return ok;
}

static bool build(data_beir *b, const data_source *source, senc_error *err) {
    static const data_role roles[] = {{.name = "anchor", .kind = DATA_ROLE_TEXT},
                                      {.name = "positive", .kind = DATA_ROLE_TEXT}};
    if (!data_set_open(source, 1, roles, 2, "retrieval from pairs", &b->set, err)) return false;
    b->queries.set_slot = data_set_find_slot(b->set, "anchor");
    b->corpus.set_slot = data_set_find_slot(b->set, "positive");
    b->qrels_path = senc_strdup(source->path);
    const int64_t n = data_set_n_rows(b->set);
    int64_t *queries = senc_alloc((size_t)n, sizeof *queries), *documents = senc_alloc((size_t)n, sizeof *documents);
    bool ok = b->qrels_path && queries && documents;
    if (!ok) senc_fail_memory(err, (size_t)n * 16, "pairs");
    ok = ok && number_rows(b, queries, documents, err) && beir_qrels_build(b, queries, documents, n, err);
    free(queries);
    free(documents);
    return ok;
}

bool data_beir_open_pairs(const data_source *source, data_beir **out, senc_error *err) {
    *out = NULL;
    data_beir *b = senc_alloc_zero(1, sizeof *b);
    if (!b) return senc_fail_memory(err, sizeof *b, "a retrieval task");
    if (!build(b, source, err)) {
        data_beir_close(b);
        return false;
    }
    *out = b;
    return true;
}
