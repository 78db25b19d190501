/* A BEIR folder: corpus.jsonl {"_id", "title", "text"}, queries.jsonl {"_id", "text"}, qrels/<split>.tsv (query-id,
 * corpus-id, score; header optional; or TREC's four columns "qid 0 docid rel"). Each file may be .gz or .zst. Texts
 * stay in the mapped files and are read on demand. */
#ifndef DATA_BEIR_H
#define DATA_BEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"
#include "data/formats/json.h"
#include "data/table.h"

typedef struct data_beir data_beir;

/* Scratch for reading texts; {0} is ready; one per thread. */
typedef struct data_beir_scratch {
    data_json_pool *pool;
    senc_buffer buffer, line;
    data_row row;
} data_beir_scratch;
void data_beir_scratch_free(data_beir_scratch *s);

/* Loads ids and relevance, checks every line. Duplicate ids and malformed lines are BAD_INPUT errors with their places;
 * qrels that name unknown ids are left out, counted, and warned about once. split NULL: "test". */
bool data_beir_open(const char *folder, const char *split, bool replace_bad_utf8, data_beir **out, senc_error *err);
/* Which documents stand beside those of the queries' own rows. */
typedef struct data_pairs_corpus {
    bool rows_only; /* none but the positives of the rows that give the queries; else of the whole file */
    const senc_strings
        *files; /* of more documents, one a row, in the column of the positives or else "text"; NULL: none */
} data_pairs_corpus;
/* The same from rows of (anchor, positive): the queries are the distinct anchors of the source's part and limit, the
 * documents the distinct positives of the whole file, as they are in production. All positives of anchors that fold to
 * the same as a query (text_fold.h) are relevant to it, with grade 1. Ids are hashes of the texts. */
bool data_beir_open_pairs(const data_source *source, const data_pairs_corpus *corpus, data_beir **out, senc_error *err);
void data_beir_close(data_beir *b);
bool data_beir_is_pairs(const data_beir *b);
/* The rows that give the queries of pairs; NULL: a folder. */
const data_set *data_beir_pairs(const data_beir *b);

int64_t data_beir_n_documents(const data_beir *b);
int64_t data_beir_n_queries(const data_beir *b);
const char *data_beir_document_id(const data_beir *b, int64_t i);
const char *data_beir_query_id(const data_beir *b, int64_t i);
/* -1 when absent. */
int64_t data_beir_find_document(const data_beir *b, const char *id);
int64_t data_beir_find_query(const data_beir *b, const char *id);

/* A document's text is title + " " + text, or text alone when the title is empty or absent. *text lives until the next
 * call with the same scratch. */
bool data_beir_document_text(const data_beir *b, int64_t i, data_beir_scratch *scratch, const char **text,
                             size_t *n_bytes, senc_error *err);
bool data_beir_query_text(const data_beir *b, int64_t i, data_beir_scratch *scratch, const char **text, size_t *n_bytes,
                          senc_error *err);

/* Relevant documents (score > 0) of query q: documents[offsets[q] .. offsets[q + 1]) with their grades, in the order of
 * the qrels file. lines: the place of each in the qrels file. */
typedef struct data_beir_relevance {
    const int64_t *offsets;   /* (n_queries + 1) */
    const int64_t *documents; /* (n_pairs) */
    const float *grades;      /* (n_pairs), > 0 */
    const int64_t *lines;     /* (n_pairs) */
    int64_t n_pairs;
    int64_t n_judged_queries;                       /* queries with a relevant document; the rest are not evaluated */
    int64_t n_unjudged_queries;                     /* queries without one */
    int64_t n_zero;                                 /* judgements with score <= 0 */
    int64_t n_unknown_queries, n_unknown_documents; /* qrels lines left out */
    int64_t n_repeated;                             /* the same judgement again */
} data_beir_relevance;
const data_beir_relevance *data_beir_get_relevance(const data_beir *b);
const char *data_beir_qrels_path(const data_beir *b);

/* Texts that stand under several ids: no ranking can tell them apart. */
typedef struct data_beir_copies {
    int64_t *first;      /* (documents) the first document of the same text: itself where it is the first */
    int64_t n_texts;     /* under several ids */
    int64_t n_documents; /* with these texts */
} data_beir_copies;
bool data_beir_find_copies(const data_beir *b, data_beir_copies *out, senc_error *err);
void data_beir_copies_free(data_beir_copies *c);
/* Makes documents of the same text one, at the place of the first: all their ids find it, and it is as relevant as the
 * most relevant of them. Documents get other numbers. */
bool data_beir_merge_copies(data_beir *b, const data_beir_copies *copies, senc_error *err);

#endif
