/* beir: a BEIR folder as training pairs, one row for each relevant judgement of the split. */
#include "data/readers/readers.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

enum { ANCHOR, POSITIVE, SCORE, QUERY_ID, DOCUMENT_ID, N_COLUMNS };

static bool beir_open(const data_source *source, bool by_number, data_opened *out, senc_error *err) {
    static const char *const names[N_COLUMNS] = {"anchor", "positive", "score", "query_id", "document_id"};
    (void)by_number;
    const char *split = source->split ? source->split : "train";
    if (!data_beir_open(source->path, split, out->replace_utf8, &out->beir, err)) return false;
    char *place = senc_strdup(data_beir_qrels_path(out->beir)); /* a row's place is its line there */
    if (!place) return senc_fail_memory(err, 64, "a path");
    free(out->path);
    out->path = place;
    out->has_names = true;
    for (int i = 0; i < N_COLUMNS; i++) {
        if (!data_opened_add_column(out, names[i], strlen(names[i]), err)) return false;
    }
    return true;
}

/* The query whose list holds the pair: the last q with offsets[q] <= pair. */
static int64_t query_of(const data_beir_relevance *all, int64_t n_queries, int64_t pair) {
    int64_t low = 0, high = n_queries;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (all->offsets[middle] <= pair)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static int beir_next(const data_opened *file, data_cursor *cursor, data_record *record, senc_error *err) {
    (void)err;
    const data_beir_relevance *all = data_beir_get_relevance(file->beir);
    if ((int64_t)cursor->offset >= all->n_pairs) return 0;
    record->pair = (int64_t)cursor->offset;
    record->query = query_of(all, data_beir_n_queries(file->beir), record->pair);
    record->start = (data_cursor){cursor->offset, all->lines[record->pair]};
    cursor->offset++;
    return 1;
}

static bool beir_field(const data_opened *file, data_record *record, data_column column, data_field *out,
                       senc_error *err) {
    const data_beir_relevance *all = data_beir_get_relevance(file->beir);
    const int64_t document = all->documents[record->pair];
    *out = (data_field){.type = DATA_FIELD_TEXT};
    switch (column.index) {
    case ANCHOR:
        return data_beir_query_text(file->beir, record->query, &record->beir[0], &out->text, &out->n_bytes, err);
    case POSITIVE:
        return data_beir_document_text(file->beir, document, &record->beir[1], &out->text, &out->n_bytes, err);
    case SCORE:
        out->type = DATA_FIELD_NUMBER;
        out->number = (double)all->grades[record->pair];
        return true;
    default:
        out->text = column.index == QUERY_ID ? data_beir_query_id(file->beir, record->query)
                                             : data_beir_document_id(file->beir, document);
        out->n_bytes = strlen(out->text);
        return true;
    }
}

const data_reader data_reader_beir = {
    .name = "beir",
    .suffixes = "",
    .help = "a BEIR folder: the relevant (query, document) pairs of a split",
    .fixed_columns = true,
    .open = beir_open,
    .next = beir_next,
    .field = beir_field,
};
