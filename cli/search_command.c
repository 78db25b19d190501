/* senc search: the nearest texts of a corpus, for a first look at a model. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"
#include "autograd/kernels/kernels.h"
#include "cli/command.h"
#include "cli/model_argument.h"
#include "cli/output.h"
#include "cli/text_source.h"
#include "data/formats/json.h"
#include "data/formats/vector_file.h"
#include "eval/embed.h"
#include "eval/search.h"

#define BLOCK_TEXTS 2048

typedef struct search_flags {
    char *corpus, *column, *vectors;
    senc_strings query;
    int64_t k, max_length;
    bool json, full;
    int precision; /* nn_precision */
    cli_table_flags table;
} search_flags;

static const senc_option flags[] = {
    SENC_OPTION_PATH(
        search_flags, corpus, NULL,
        "texts to search: txt (a text a line), jsonl, json, csv, tsv, a BEIR folder, .gz and .zst of them"),
    SENC_OPTION_PATH(search_flags, vectors, NULL,
                     "vectors of the corpus that senc encode has saved, row by row: it is not encoded again; a jsonl "
                     "with texts (encode --text) is the corpus too"),
    SENC_OPTION_STRINGS(search_flags, query, NULL, "what to look for; none: the lines of standard input"),
    SENC_OPTION_INTEGER(search_flags, k, "3", 1, 1e6, "texts to show for each query"),
    SENC_OPTION_STRING(search_flags, column, NULL, "column of the texts, by name or number from 1; unset: text"),
    SENC_OPTION_INTEGER(search_flags, max_length, "0", 0, HUGE_VAL,
                        "longest text in tokens, special ones included; 0: what the model says"),
    SENC_OPTION_CHOICE(search_flags, precision, "fp32", NN_PRECISIONS,
                       "auto: bf16 where the CPU has instructions for it"),
    SENC_OPTION_BOOLEAN(search_flags, full, "false", "show whole texts, not only their first line"),
    SENC_OPTION_BOOLEAN(search_flags, json, "false",
                        "one JSON object a query: {\"query\", \"hits\": [{\"row\", \"score\", \"text\"}]}"),
    CLI_TEXT_ROWS(search_flags),
    {0},
};

/* A search while it runs: texts, vectors, hits. */
typedef struct search_run {
    const search_flags *flags;
    const char *corpus_path;
    eval_model model;
    cli_text_source *corpus;
    senc_strings queries; /* of standard input, or borrowed from the flags */
    bool queries_are_own;
    eval_text *query_texts;
    float *query_vectors;
    eval_search *search;
} search_run;

static void free_run(search_run *run) {
    eval_search_close(run->search);
    free(run->query_vectors);
    free(run->query_texts);
    for (int64_t i = 0; run->queries_are_own && i < run->queries.n; i++) free(run->queries.items[i]);
    if (run->queries_are_own) free(run->queries.items);
    cli_text_source_close(run->corpus);
    eval_model_free(&run->model);
}

static bool add_query(senc_strings *queries, const char *line, size_t n_bytes, senc_error *err) {
    char *copy = senc_strndup(line, n_bytes);
    char **grown = copy ? senc_realloc(queries->items, (size_t)queries->n + 1, sizeof *grown) : NULL;
    if (!grown) {
        free(copy);
        return senc_fail_memory(err, n_bytes, "a query");
    }
    queries->items = grown;
    queries->items[queries->n++] = copy;
    return true;
}

/* The queries: those of --query, else every line of standard input that is not empty. */
static bool read_queries(search_run *run, senc_error *err) {
    run->queries = run->flags->query;
    if (run->queries.n > 0) return true;
    run->queries_are_own = true;
    if (isatty(STDIN_FILENO)) senc_info("queries, one a line, ended by Ctrl-D:");
    const cli_table_flags as_they_come = {.on_bad_utf8 = run->flags->table.on_bad_utf8};
    const cli_text_options text_options = {.table = &as_they_come};
    cli_text_source *lines;
    if (!cli_text_source_open("-", &text_options, &lines, err)) return false;
    bool ok = true;
    for (int64_t n = 1; ok && n > 0;) {
        const eval_text *texts;
        ok = cli_text_source_next(lines, BLOCK_TEXTS, &texts, &n, err);
        for (int64_t i = 0; ok && i < n; i++) {
            if (texts[i].n_bytes > 0) ok = add_query(&run->queries, texts[i].bytes, (size_t)texts[i].n_bytes, err);
        }
    }
    cli_text_source_close(lines);
    if (ok && run->queries.n == 0) return senc_fail(err, SENC_BAD_INPUT, "standard input: no query; --query gives one");
    return ok;
}

static bool embed_queries(search_run *run, const eval_embedder *embedder, senc_error *err) {
    const int64_t n = run->queries.n;
    run->query_texts = senc_alloc((size_t)n, sizeof *run->query_texts);
    run->query_vectors = senc_alloc((size_t)(n * embedder->width), sizeof *run->query_vectors);
    if (!run->query_texts || !run->query_vectors)
        return senc_fail_memory(err, (size_t)(n * embedder->width) * 4, "queries");
    for (int64_t i = 0; i < n; i++)
        run->query_texts[i] = (eval_text){run->queries.items[i], (int64_t)strlen(run->queries.items[i])};
    return embedder->embed(embedder->context, EVAL_QUERY, run->query_texts, n, run->query_vectors, err);
}

/* The corpus's vectors go into the search, block by block: from a file ... */
static bool add_saved(search_run *run, int64_t width, float *block, senc_error *err) {
    const char *path = run->flags->vectors;
    const int64_t n_texts = cli_text_source_count(run->corpus);
    data_vectors v;
    if (!data_vectors_open(path, false, &v, err)) return false;
    bool ok = true;
    if (v.n_rows != n_texts || v.width != width)
        ok = senc_fail(err, SENC_BAD_INPUT,
                       "%s: %lld vectors of width %lld; expected %lld of %lld, as %s and the model have", path,
                       (long long)v.n_rows, (long long)v.width, (long long)n_texts, (long long)width, run->corpus_path);
    for (int64_t i = 0; ok && i < v.n_rows; i += BLOCK_TEXTS) {
        const int64_t n = v.n_rows - i < BLOCK_TEXTS ? v.n_rows - i : BLOCK_TEXTS;
        ok = data_vectors_read(&v, i, n, block, err) &&
             (eval_search_add(run->search, block, n, err) || senc_error_prefix(err, "%s: ", path));
        data_vectors_forget(&v, i);
    }
    data_vectors_close(&v);
    return ok;
}

/* ... or from the model. */
static bool add_encoded(search_run *run, const eval_embedder *embedder, float *block, senc_error *err) {
    cli_progress progress = {.n_all = cli_text_source_count(run->corpus)};
    cli_progress_watch(&progress, run->model.encoder);
    bool ok = true;
    for (int64_t n = 1; ok && n > 0;) {
        const eval_text *texts;
        ok = cli_text_source_next(run->corpus, BLOCK_TEXTS, &texts, &n, err) &&
             embedder->embed(embedder->context, EVAL_DOCUMENT, texts, n, block, err) &&
             (n == 0 || eval_search_add(run->search, block, n, err));
    }
    eval_encoder_watch(run->model.encoder, NULL, NULL);
    senc_log_status("%s", "");
    return ok;
}

static bool search_corpus(search_run *run, const eval_embedder *embedder, senc_error *err) {
    eval_search_options options = {.kernels = kern_best(), .k = run->flags->k};
    if (!eval_similarity_find(embedder->similarity, &options.similarity)) options.similarity = EVAL_COSINE;
    if (!eval_search_open(&options, run->query_vectors, run->queries.n, embedder->width, &run->search, err))
        return false;
    float *block = senc_alloc((size_t)(BLOCK_TEXTS * embedder->width), sizeof *block);
    if (!block) return senc_fail_memory(err, (size_t)(BLOCK_TEXTS * embedder->width) * sizeof *block, "vectors");
    const bool ok =
        run->flags->vectors ? add_saved(run, embedder->width, block, err) : add_encoded(run, embedder, block, err);
    free(block);
    if (ok) eval_search_finish(run->search);
    return ok;
}

enum { TEXT_COLUMN = 14 }; /* behind rank and score */

static void append_text(senc_buffer *out, const eval_text *text, bool full) {
    if (!full) {
        senc_text_append(out, text->bytes, text->n_bytes, 80 - TEXT_COLUMN);
        senc_buffer_append_text(out, "\n");
        return;
    }
    senc_buffer plain = {0};
    senc_text_append(&plain, text->bytes, text->n_bytes, 0);
    senc_text_wrap(out, senc_buffer_text(&plain), TEXT_COLUMN, TEXT_COLUMN, 80);
    out->failed = out->failed || plain.failed;
    senc_buffer_free(&plain);
}

static bool append_hits(search_run *run, int64_t q, senc_buffer *out, senc_error *err) {
    int64_t n;
    const eval_hit *hits = eval_search_hits(run->search, q, &n);
    if (run->queries.n > 1) {
        senc_buffer_append_text(out, q > 0 ? "\n" : "");
        senc_text_append(out, run->queries.items[q], (int64_t)strlen(run->queries.items[q]), 80);
        senc_buffer_append_text(out, "\n");
    }
    for (int64_t i = 0; i < n; i++) {
        eval_text text;
        if (!cli_text_source_get(run->corpus, hits[i].document, &text, err)) return false;
        senc_buffer_printf(out, "%3lld  %7.4f  ", (long long)i + 1, (double)hits[i].score);
        append_text(out, &text, run->flags->full);
    }
    return true;
}

static bool append_hits_json(search_run *run, int64_t q, senc_buffer *out, senc_error *err) {
    int64_t n;
    const eval_hit *hits = eval_search_hits(run->search, q, &n);
    data_json *object = data_json_create_object();
    data_json_put_string(object, "query", run->queries.items[q]);
    data_json *list = data_json_put_array(object, "hits");
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        eval_text text = {0};
        ok = cli_text_source_get(run->corpus, hits[i].document, &text, err);
        if (!ok) break;
        data_json *hit = data_json_put_object(list, NULL);
        data_json_put_integer(hit, "row", hits[i].document + 1);
        data_json_put_number(hit, "score", (double)hits[i].score);
        data_json_put_text(hit, "text", text.bytes, (size_t)text.n_bytes);
    }
    if (ok && !data_json_dump(object, 0, out)) ok = senc_fail_memory(err, out->n_bytes, "the output");
    senc_buffer_append_text(out, "\n");
    data_json_free(object);
    return ok;
}

/* The file of the texts. */
static bool find_corpus(const search_flags *f, const char **path, senc_error *err) {
    *path = f->corpus ? f->corpus : f->vectors;
    if (!*path)
        return senc_fail(err, SENC_BAD_INPUT,
                         "nothing to search: expected --corpus, or --vectors with texts (see senc search --help)");
    data_vector_kind kind = DATA_VECTOR_JSONL;
    if (!f->corpus && !data_vector_kind_of_path(f->vectors, &kind, err)) return false;
    if (kind != DATA_VECTOR_JSONL)
        return senc_fail(err, SENC_BAD_INPUT,
                         "--corpus: missing: %s has no texts to show; only vectors in jsonl may (senc encode --text)",
                         f->vectors);
    if (strcmp(*path, "-") == 0)
        return senc_fail(err, SENC_BAD_INPUT, "--corpus: expected a file or a BEIR folder, got standard input");
    return true;
}

static bool run_search(cli_call *call, senc_error *err) {
    search_run run = {.flags = call->flags};
    if (!find_corpus(run.flags, &run.corpus_path, err)) return false;
    const cli_text_options text_options = {.table = &run.flags->table, .column = run.flags->column};
    nn_overrides overrides = NN_OVERRIDES_NONE;
    overrides.max_length = run.flags->max_length;
    overrides.precision = (nn_precision)run.flags->precision;
    bool ok = cli_start_threads(call, err) && cli_text_source_open(run.corpus_path, &text_options, &run.corpus, err) &&
              cli_model_load(call->positionals[0], &overrides, 0, &run.model, err) && read_queries(&run, err);
    if (ok) {
        const eval_embedder embedder = eval_encoder_embedder(run.model.encoder);
        ok = embed_queries(&run, &embedder, err) && search_corpus(&run, &embedder, err);
    }
    if (ok) {
        const eval_encoder_stats *stats = eval_encoder_get_stats(run.model.encoder);
        cli_warn_about_texts(stats->n_texts, stats->n_truncated, nn_model_max_length(run.model.model), stats->n_empty);
    }
    senc_buffer out = {0};
    for (int64_t q = 0; ok && q < run.queries.n; q++) {
        ok = run.flags->json ? append_hits_json(&run, q, &out, err) : append_hits(&run, q, &out, err);
    }
    if (ok) ok = cli_output_buffer(&out, err);
    senc_buffer_free(&out);
    free_run(&run);
    return ok;
}

const cli_command cli_search_command = {
    .name = "search",
    .synopsis = "MODEL [--corpus PATH] [--vectors FILE] [--query TEXT]... [-k N] [--column NAME] [--json]",
    .help = "the nearest texts of a corpus",
    .details = "Scores are the model's own similarity, larger is nearer. The model's prompts for queries and documents "
               "are used.\n\n"
               "  senc search models/m --corpus faq.jsonl --column answer --query reset\n"
               "  senc encode models/m --input faq.txt --text --output faq-vectors.jsonl\n"
               "  senc search models/m --vectors faq-vectors.jsonl --query reset",
    .flags = flags,
    .flags_bytes = sizeof(search_flags),
    .min_positionals = 1,
    .max_positionals = 1,
    .positional = "MODEL (a model folder)",
    .run = run_search,
};
