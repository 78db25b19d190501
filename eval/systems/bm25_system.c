/* BM25 (Robertson, Zaragoza 2009): for every word of the query that the document holds
 *
 *     idf(word) x tf (k1 + 1) / (tf + k1 (1 - b + b length / mean length))
 *     idf = log((N - n + 0.5) / (n + 0.5)), not below 1e-6          fts5: SQLite's bm25(), with k1 = 1.2, b = 0.75
 *     idf = log(1 + (N - n + 0.5) / (n + 0.5))                      lucene: Lucene, Elasticsearch
 *
 * Words are cut by SQLite's FTS5, which also keeps the index, in a temporary file. Its own bm25() has fixed constants
 * and ranks one query in a time that grows with the documents that hold its commonest word; so the counts are taken
 * from the index (fts5vocab) and the score is computed here: every word's documents are read once for many queries.
 * Memory: 8 bytes for each document of each word of the queries at work, at most POSTINGS of them, and 8 bytes x
 * documents x threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "data/formats/database.h"
#include "eval/systems/system_parts.h"

#define POSTINGS ((int64_t)32 << 20)

enum { IDF_FTS5, IDF_LUCENE };

typedef struct bm25_options {
    double k1, b;
    int idf, tokenize;
} bm25_options;

static const senc_option option_rows[] = {
    SENC_OPTION_REAL(bm25_options, k1, "1.2", 0, 1000, "how much a word counts that comes again"),
    SENC_OPTION_REAL(bm25_options, b, "0.75", 0, 1, "how much long documents are held back"),
    SENC_OPTION_CHOICE(bm25_options, idf, "fts5", "fts5|lucene",
                       "fts5: words in more than half of the documents count nothing"),
    SENC_OPTION_CHOICE(bm25_options, tokenize, "unicode61", "unicode61|porter",
                       "FTS5's tokenizer; porter: English endings are cut off"),
    {0},
};
static const char *const tokenizers[] = {"unicode61", "porter unicode61"};

typedef struct posting {
    int32_t document, count;
} posting;

typedef struct bm25_term {
    char *text;
    int64_t n_documents; /* that hold it */
    posting *postings;   /* (n_documents) while it is loaded */
} bm25_term;

/* A word of a query. */
typedef struct bm25_word {
    int64_t query; /* position in the request */
    int64_t term;
    int64_t count;
} bm25_word;

typedef struct bm25_run {
    const bm25_options *options;
    const eval_rank_request *request;
    data_database *db;
    data_statement *documents_of; /* term -> a row for each place of it */
    int64_t n_documents, n_tokens;
    float *weight_of_length; /* (documents) k1 (1 - b + b length / mean) */
    bm25_term *terms;
    int64_t n_terms, terms_capacity;
    bm25_word *words; /* by query, then term */
    int64_t n_words, words_capacity;
    eval_nearest nearest;
    double **score;               /* of each thread (documents): 0 outside of its query */
    const bm25_word **first_word; /* (n_queries + 1) into words */
    double index_ms, query_ms;
    int64_t index_bytes;
} bm25_run;

/* ---- the index ---- */

typedef bool read_text(const data_beir *beir, int64_t i, data_beir_scratch *scratch, const char **text, size_t *n_bytes,
                       senc_error *err);

static bool create_tables(const bm25_run *run, senc_error *err) {
    static const char *const names[] = {"d", "q"};
    if (!data_database_run(run->db,
                           "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; "
                           "PRAGMA temp_store = FILE",
                           err))
        return false;
    for (int i = 0; i < 2; i++) {
        senc_buffer sql = {0};
        senc_buffer_printf(&sql,
                           "CREATE VIRTUAL TABLE %s USING fts5(text, content='', tokenize='%s');"
                           "CREATE VIRTUAL TABLE %s_places USING fts5vocab(%s, instance);"
                           "CREATE VIRTUAL TABLE %s_terms USING fts5vocab(%s, row)",
                           names[i], tokenizers[run->options->tokenize], names[i], names[i], names[i], names[i]);
        const bool ok = sql.failed ? senc_fail_memory(err, 256, "an index of words")
                                   : data_database_run(run->db, senc_buffer_text(&sql), err);
        senc_buffer_free(&sql);
        if (!ok) return false;
    }
    return true;
}

/* Rows 1, 2, ... of a table are the texts of rows[0], rows[1], ... (NULL: 0, 1, ...). */
static bool fill_table(const bm25_run *run, const char *sql, read_text *read, const int64_t *rows, int64_t n,
                       senc_error *err) {
    data_statement *insert = NULL;
    data_beir_scratch scratch = {0};
    bool ok = data_database_run(run->db, "BEGIN", err) && data_database_prepare(run->db, sql, &insert, err);
    for (int64_t i = 0; ok && i < n; i++) {
        const char *text;
        size_t n_bytes;
        bool has_row;
        if (i % 1024 == 0 && !rows) senc_log_status("indexing: %lld of %lld documents", (long long)i, (long long)n);
        ok = read(run->request->beir, rows ? rows[i] : i, &scratch, &text, &n_bytes, err);
        if (!ok) break;
        data_statement_bind_integer(insert, 1, i + 1);
        data_statement_bind_text(insert, 2, text, (int64_t)n_bytes);
        ok = data_statement_step(insert, &has_row, err);
    }
    data_statement_free(insert);
    data_beir_scratch_free(&scratch);
    return ok && data_database_run(run->db, "COMMIT", err);
}

/* SQLite's variable-length integer, of which a length takes up to 5 bytes. */
static int64_t varint_of(const uint8_t *bytes, int64_t n_bytes) {
    int64_t value = 0;
    for (int64_t i = 0; i < n_bytes && i < 8; i++) {
        value = value << 7 | (bytes[i] & 0x7f);
        if (!(bytes[i] & 0x80)) break;
    }
    return value;
}

/* FTS5's documented table of lengths in words. */
static bool read_lengths(bm25_run *run, senc_error *err) {
    run->weight_of_length = senc_alloc_zero((size_t)run->n_documents, sizeof *run->weight_of_length);
    if (!run->weight_of_length)
        return senc_fail_memory(err, (size_t)run->n_documents * sizeof *run->weight_of_length, "lengths of documents");
    data_statement *lengths = NULL;
    bool has_row = false, ok = data_database_prepare(run->db, "SELECT id, sz FROM d_docsize", &lengths, err);
    while (ok && (ok = data_statement_step(lengths, &has_row, err)) && has_row) {
        int64_t n_bytes;
        const void *size = data_statement_get_blob(lengths, 1, &n_bytes);
        const int64_t document = data_statement_get_integer(lengths, 0) - 1, length = varint_of(size, n_bytes);
        run->weight_of_length[document] = (float)length;
        run->n_tokens += length;
    }
    data_statement_free(lengths);
    const double mean = run->n_tokens > 0 ? (double)run->n_tokens / (double)run->n_documents : 1;
    for (int64_t i = 0; i < run->n_documents; i++) {
        const double length = (double)run->weight_of_length[i], b = run->options->b;
        run->weight_of_length[i] = (float)(run->options->k1 * (1 - b + b * length / mean));
    }
    return ok;
}

/* ---- words of the queries ---- */

static bool add_term(bm25_run *run, const char *text, senc_error *err) {
    if (run->n_terms == run->terms_capacity) {
        const int64_t capacity = run->terms_capacity ? 2 * run->terms_capacity : 1024;
        bm25_term *grown = senc_realloc(run->terms, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "words");
        run->terms = grown;
        run->terms_capacity = capacity;
    }
    run->terms[run->n_terms] = (bm25_term){.text = senc_strdup(text)};
    if (!run->terms[run->n_terms].text) return senc_fail_memory(err, strlen(text), "words");
    run->n_terms++;
    return true;
}

static bool add_word(bm25_run *run, int64_t query, senc_error *err) {
    const int64_t term = run->n_terms - 1;
    bm25_word *last = run->n_words > 0 ? &run->words[run->n_words - 1] : NULL;
    if (last && last->term == term && last->query == query) {
        last->count++;
        return true;
    }
    if (run->n_words == run->words_capacity) {
        const int64_t capacity = run->words_capacity ? 2 * run->words_capacity : 4096;
        bm25_word *grown = senc_realloc(run->words, (size_t)capacity, sizeof *grown);
        if (!grown) return senc_fail_memory(err, (size_t)capacity * sizeof *grown, "words");
        run->words = grown;
        run->words_capacity = capacity;
    }
    run->words[run->n_words++] = (bm25_word){query, term, 1};
    return true;
}

static int by_query(const void *a, const void *b) {
    const bm25_word *x = a, *y = b;
    if (x->query != y->query) return x->query < y->query ? -1 : 1;
    return (x->term > y->term) - (x->term < y->term);
}

/* The places of all words in the queries come term by term, and within a term query by query. */
static bool read_words(bm25_run *run, senc_error *err) {
    data_statement *places = NULL;
    bool has_row = false, ok = data_database_prepare(run->db, "SELECT term, doc FROM q_places", &places, err);
    while (ok && (ok = data_statement_step(places, &has_row, err)) && has_row) {
        const char *text = data_statement_get_text(places, 0, NULL);
        const int64_t query = data_statement_get_integer(places, 1) - 1;
        if (run->n_terms == 0 || strcmp(run->terms[run->n_terms - 1].text, text) != 0) ok = add_term(run, text, err);
        ok = ok && add_word(run, query, err);
    }
    data_statement_free(places);
    if (ok && run->n_words > 0) qsort(run->words, (size_t)run->n_words, sizeof *run->words, by_query);
    return ok;
}

static bool count_documents(bm25_run *run, senc_error *err) {
    data_statement *count = NULL;
    bool has_row, ok = data_database_prepare(run->db, "SELECT doc FROM d_terms WHERE term = ?1", &count, err);
    for (int64_t i = 0; ok && i < run->n_terms; i++) {
        data_statement_bind_text(count, 1, run->terms[i].text, (int64_t)strlen(run->terms[i].text));
        ok = data_statement_step(count, &has_row, err);
        if (ok && has_row) run->terms[i].n_documents = data_statement_get_integer(count, 0);
        if (ok) data_statement_reset(count);
    }
    data_statement_free(count);
    return ok;
}

/* Bytes of the database: the documents' words are all that is in it when this is asked. */
static bool measure_index(bm25_run *run, senc_error *err) {
    data_statement *pages = NULL;
    bool has_row = false;
    const char *sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    const bool ok = data_database_prepare(run->db, sql, &pages, err) && data_statement_step(pages, &has_row, err);
    if (ok && has_row) run->index_bytes = data_statement_get_integer(pages, 0);
    data_statement_free(pages);
    return ok;
}

static bool index_documents(bm25_run *run, senc_error *err) {
    const double start_ms = senc_clock_ms();
    const bool ok = data_database_open("", &run->db, err) && create_tables(run, err) &&
                    fill_table(run, "INSERT INTO d (rowid, text) VALUES (?1, ?2)", data_beir_document_text, NULL,
                               run->n_documents, err) &&
                    measure_index(run, err) && read_lengths(run, err);
    run->index_ms = senc_clock_ms() - start_ms;
    return ok;
}

static bool index_queries(bm25_run *run, senc_error *err) {
    return fill_table(run, "INSERT INTO q (rowid, text) VALUES (?1, ?2)", data_beir_query_text, run->request->queries,
                      run->request->n_queries, err) &&
           read_words(run, err) && count_documents(run, err) &&
           data_database_prepare(run->db, "SELECT doc FROM d_places WHERE term = ?1", &run->documents_of, err);
}

/* ---- scores ---- */

static bool load_term(bm25_run *run, bm25_term *t, senc_error *err) {
    t->postings = senc_alloc((size_t)t->n_documents, sizeof *t->postings);
    if (!t->postings) return senc_fail_memory(err, (size_t)t->n_documents * sizeof *t->postings, "an index of words");
    data_statement *places = run->documents_of;
    data_statement_bind_text(places, 1, t->text, (int64_t)strlen(t->text));
    int64_t n = 0;
    bool has_row = false, ok = true;
    while ((ok = data_statement_step(places, &has_row, err)) && has_row) {
        const int32_t document = (int32_t)(data_statement_get_integer(places, 0) - 1);
        if (n > 0 && t->postings[n - 1].document == document)
            t->postings[n - 1].count++;
        else if (n < t->n_documents)
            t->postings[n++] = (posting){document, 1};
    }
    SENC_ASSERT(!ok || n == t->n_documents, "word \"%s\": %lld documents of %lld", t->text, (long long)n,
                (long long)t->n_documents);
    return ok;
}

static double idf_of(const bm25_run *run, const bm25_term *t) {
    const double odds = ((double)(run->n_documents - t->n_documents) + 0.5) / ((double)t->n_documents + 0.5);
    if (run->options->idf == IDF_LUCENE) return log(1 + odds);
    const double idf = log(odds);
    return idf > 0 ? idf : 1e-6; /* SQLite, ext/fts5/fts5_aux.c */
}

typedef struct bm25_block {
    bm25_run *run;
    int64_t first; /* query */
} bm25_block;

static void score_query(void *context, int64_t i, int thread) {
    const bm25_block *block = context;
    bm25_run *run = block->run;
    const int64_t query = block->first + i;
    const double k1 = run->options->k1;
    double *score = run->score[thread];
    for (const bm25_word *w = run->first_word[query]; w < run->first_word[query + 1]; w++) {
        const bm25_term *t = &run->terms[w->term];
        const double weight = (double)w->count * idf_of(run, t) * (k1 + 1);
        for (int64_t p = 0; p < t->n_documents; p++) {
            const double count = (double)t->postings[p].count;
            score[t->postings[p].document] +=
                weight * count / (count + (double)run->weight_of_length[t->postings[p].document]);
        }
    }
    for (const bm25_word *w = run->first_word[query]; w < run->first_word[query + 1]; w++) {
        const bm25_term *t = &run->terms[w->term];
        for (int64_t p = 0; p < t->n_documents; p++) {
            const int64_t document = t->postings[p].document;
            if (!(score[document] > 0)) continue; /* offered before */
            eval_nearest_offer(&run->nearest, query, (eval_hit){document, (float)score[document]});
            score[document] = 0;
        }
    }
}

/* Loads the words of the next queries, as many as fit; *end is behind the last of them. */
static bool load_block(bm25_run *run, int64_t first, int64_t *end, senc_error *err) {
    int64_t n_postings = 0, query = first;
    for (; query < run->request->n_queries; query++) {
        int64_t n_more = 0;
        for (const bm25_word *w = run->first_word[query]; w < run->first_word[query + 1]; w++)
            if (!run->terms[w->term].postings) n_more += run->terms[w->term].n_documents;
        if (query > first && n_postings + n_more > POSTINGS) break;
        n_postings += n_more;
        for (const bm25_word *w = run->first_word[query]; w < run->first_word[query + 1]; w++)
            if (!run->terms[w->term].postings && !load_term(run, &run->terms[w->term], err)) return false;
    }
    *end = query;
    return true;
}

static bool score_queries(bm25_run *run, senc_error *err) {
    for (int64_t first = 0, end; first < run->request->n_queries; first = end) {
        senc_log_status("searching: %lld of %lld queries", (long long)first, (long long)run->request->n_queries);
        if (!load_block(run, first, &end, err)) return false;
        bm25_block block = {run, first};
        senc_parallel(end - first, score_query, &block);
        for (int64_t i = 0; i < run->n_terms; i++) {
            free(run->terms[i].postings);
            run->terms[i].postings = NULL;
        }
    }
    eval_nearest_sort(&run->nearest);
    return true;
}

static bool take_memory(bm25_run *run, senc_error *err) {
    const eval_rank_request *r = run->request;
    const int n_threads = senc_threads_count();
    run->nearest = (eval_nearest){
        .n_queries = r->n_queries, .k = r->depth, .tie_rank = r->tie_rank, .tie_descending = r->tie_descending};
    run->score = senc_alloc_zero((size_t)n_threads, sizeof *run->score);
    run->first_word = senc_alloc((size_t)r->n_queries + 1, sizeof *run->first_word);
    bool ok = eval_nearest_init(&run->nearest) && run->score && run->first_word;
    for (int i = 0; ok && i < n_threads; i++)
        ok = (run->score[i] = senc_alloc_zero((size_t)run->n_documents, sizeof **run->score)) != NULL;
    if (!ok) return senc_fail_memory(err, (size_t)run->n_documents * sizeof **run->score, "scores");
    int64_t w = 0;
    for (int64_t q = 0; q <= r->n_queries; q++) {
        while (w < run->n_words && run->words[w].query < q) w++;
        run->first_word[q] = run->words + w;
    }
    return true;
}

static void free_run(bm25_run *run) {
    for (int64_t i = 0; i < run->n_terms; i++) {
        free(run->terms[i].text);
        free(run->terms[i].postings);
    }
    for (int i = 0; run->score && i < senc_threads_count(); i++) free(run->score[i]);
    data_statement_free(run->documents_of);
    data_database_close(run->db);
    eval_nearest_free(&run->nearest);
    free(run->weight_of_length);
    free(run->terms);
    free(run->words);
    free(run->score);
    free(run->first_word);
}

static bool answer_queries(bm25_run *run, senc_error *err) {
    const double start_ms = senc_clock_ms();
    const bool ok = index_queries(run, err) && take_memory(run, err) && score_queries(run, err);
    run->query_ms = senc_clock_ms() - start_ms;
    return ok;
}

static void add_cost(eval_ranking_cost *cost, const bm25_run *run) {
    cost->n_documents += run->n_documents;
    cost->n_queries += run->request->n_queries;
    cost->index_bytes += run->index_bytes;
    cost->index_ms += run->index_ms;
    cost->query_ms += run->query_ms;
}

static bool rank_bm25(void *context, const eval_rank_request *request, eval_hit *hits, int64_t *n_hits,
                      senc_error *err) {
    eval_system *s = context;
    bm25_run run = {.options = s->options, .request = request, .n_documents = data_beir_n_documents(request->beir)};
    bool ok = run.n_documents < INT32_MAX || senc_fail(err, SENC_BAD_INPUT, "bm25: expected fewer than 2^31 documents");
    ok = ok && index_documents(&run, err) && answer_queries(&run, err);
    if (ok) {
        memcpy(hits, run.nearest.hits, (size_t)(request->n_queries * request->depth) * sizeof *hits);
        memcpy(n_hits, run.nearest.n_hits, (size_t)request->n_queries * sizeof *n_hits);
        s->reader.sum.n_texts += run.n_documents + request->n_queries;
        add_cost(&s->ranking, &run);
    }
    senc_log_status("%s", "");
    free_run(&run);
    return ok;
}

static bool open_bm25(eval_system *s, const char *argument, const void *options, const eval_system_options *how,
                      senc_error *err) {
    (void)argument, (void)how;
    const bm25_options *o = options;
    s->ranker = (eval_ranker){.rank = rank_bm25, .context = s, .score_name = "bm25"};
    s->embedder = (eval_embedder){.ranker = &s->ranker, .reader = &s->reader};
    return eval_system_add_rule(s, err, "bm25: k1 = %g, b = %g, idf of %s, words by FTS5's %s, any word of the query",
                                o->k1, o->b, o->idf == IDF_LUCENE ? "Lucene" : "SQLite's bm25()",
                                o->tokenize ? "porter" : "unicode61");
}

const eval_system_kind eval_bm25_system = {
    .name = "bm25",
    .form = "bm25",
    .help = "words: BM25 over an index of SQLite FTS5",
    .options = option_rows,
    .options_bytes = sizeof(bm25_options),
    .open = open_bm25,
};
