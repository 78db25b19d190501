/* senc tokenize: texts -> token ids, one JSON object a line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/mapping.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/model_argument.h"
#include "cli/output.h"
#include "cli/text_source.h"
#include "data/formats/json.h"
#include "data/tokenizers/tokenizer.h"

#define BLOCK_TEXTS 8192
#define TASK_TEXTS  64

typedef struct tokenize_flags {
    char *input, *output, *column;
    int64_t max_length;
    bool tokens;
    int lowercase;
    cli_table_flags table;
} tokenize_flags;

static const senc_option flags[] = {
    SENC_OPTION_PATH(tokenize_flags, input, "!",
                     "texts: txt (a text a line), jsonl, csv, tsv, a BEIR folder, .gz and .zst of them; - for lines of "
                     "standard input"),
    SENC_OPTION_PATH(tokenize_flags, output, "-", "JSON Lines; - for standard output"),
    SENC_OPTION_STRING(tokenize_flags, column, NULL, "column of the texts, by name or number from 1; unset: text"),
    SENC_OPTION_INTEGER(
        tokenize_flags, max_length, NULL, 0, HUGE_VAL,
        "longest text in tokens, special ones included; 0: no limit; unset: what the model folder says"),
    SENC_OPTION_BOOLEAN(tokenize_flags, tokens, "false", "write the tokens too"),
    SENC_OPTION_CHOICE(tokenize_flags, lowercase, "auto", "auto|yes|no",
                       "for folders that hold only vocab.txt: lower-case texts"),
    CLI_TEXT_ROWS(tokenize_flags),
    {0},
};

/* One thread's memory. */
typedef struct tokenize_worker {
    data_tokenizer_scratch *scratch;
    data_ids ids;
} tokenize_worker;

/* What a task gives: lines, and counts for the warnings. */
typedef struct tokenize_part {
    senc_buffer lines;
    int64_t n_tokens, n_truncated, n_empty;
} tokenize_part;

typedef struct tokenize_run {
    const data_tokenizer *tokenizer;
    int64_t max_length;
    bool with_tokens;
    const eval_text *texts;
    int64_t n;
    tokenize_worker *workers;
    int n_workers;
    tokenize_part parts[BLOCK_TEXTS / TASK_TEXTS];
    int64_t n_texts, n_tokens, n_truncated, n_empty;
} tokenize_run;

/* printf costs more than the tokenizer itself. */
static void append_id(senc_buffer *out, int32_t id) {
    char digits[16];
    int at = (int)sizeof digits;
    uint32_t rest = (uint32_t)id;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    senc_buffer_append(out, digits + at, sizeof digits - (size_t)at);
}

static void append_line(const tokenize_run *run, const data_ids *ids, senc_buffer *out) {
    senc_buffer_append(out, "{\"ids\": [", 9);
    for (int64_t i = 0; i < ids->n; i++) {
        if (i > 0) senc_buffer_append(out, ", ", 2);
        append_id(out, ids->items[i]);
    }
    senc_buffer_append(out, "]", 1);
    if (run->with_tokens) {
        senc_buffer_append_text(out, ", \"tokens\": [");
        for (int64_t i = 0; i < ids->n; i++) {
            size_t n_bytes = 0;
            const char *token = data_tokenizer_token(run->tokenizer, ids->items[i], &n_bytes);
            if (i > 0) senc_buffer_append(out, ", ", 2);
            data_json_append_string(out, token ? token : "", n_bytes);
        }
        senc_buffer_append(out, "]", 1);
    }
    senc_buffer_append(out, "}\n", 2);
}

static void tokenize_task(void *context, int64_t task, int thread) {
    tokenize_run *run = context;
    tokenize_part *part = &run->parts[task];
    tokenize_worker *worker = &run->workers[thread];
    const int64_t special = data_tokenizer_special_count(run->tokenizer);
    const int64_t end = (task + 1) * TASK_TEXTS < run->n ? (task + 1) * TASK_TEXTS : run->n;
    part->n_tokens = part->n_truncated = part->n_empty = 0;
    senc_buffer_clear(&part->lines);
    for (int64_t i = task * TASK_TEXTS; i < end; i++) {
        bool truncated = false;
        worker->ids.n = 0;
        const int64_t n =
            data_tokenizer_encode(run->tokenizer, worker->scratch, run->texts[i].bytes, (size_t)run->texts[i].n_bytes,
                                  run->max_length, &worker->ids, &truncated);
        if (n < 0) {
            part->lines.failed = true;
            return;
        }
        part->n_tokens += n;
        part->n_truncated += truncated;
        part->n_empty += n <= special;
        append_line(run, &worker->ids, &part->lines);
    }
}

static bool start_workers(tokenize_run *run, senc_error *err) {
    run->n_workers = senc_threads_count();
    run->workers = senc_alloc_zero((size_t)run->n_workers, sizeof *run->workers);
    bool ok = run->workers != NULL;
    for (int i = 0; ok && i < run->n_workers; i++) {
        run->workers[i].scratch = data_tokenizer_scratch_create();
        ok = run->workers[i].scratch != NULL;
    }
    return ok || senc_fail_memory(err, sizeof *run->workers, "the tokenizer");
}

static void free_run(tokenize_run *run) {
    if (!run) return;
    for (int i = 0; run->workers && i < run->n_workers; i++) {
        data_tokenizer_scratch_free(run->workers[i].scratch);
        data_ids_free(&run->workers[i].ids);
    }
    free(run->workers);
    for (size_t i = 0; i < sizeof run->parts / sizeof *run->parts; i++) senc_buffer_free(&run->parts[i].lines);
    free(run);
}

/* Tokenizes and writes a block. stream NULL: standard output. *go_on is false once nobody reads any more. */
static bool write_block(tokenize_run *run, FILE *stream, bool *go_on, senc_error *err) {
    const int64_t n_tasks = (run->n + TASK_TEXTS - 1) / TASK_TEXTS;
    senc_parallel(n_tasks, tokenize_task, run);
    if (!senc_mappings_check(err)) return false;
    for (int64_t i = 0; i < n_tasks; i++) {
        const tokenize_part *part = &run->parts[i];
        if (part->lines.failed) return senc_fail_memory(err, part->lines.n_bytes, "token ids");
        run->n_tokens += part->n_tokens;
        run->n_truncated += part->n_truncated;
        run->n_empty += part->n_empty;
        if (stream)
            *go_on = fwrite(part->lines.data, 1, part->lines.n_bytes, stream) == part->lines.n_bytes;
        else
            *go_on = cli_output_write(part->lines.data, part->lines.n_bytes);
        if (!*go_on) break;
    }
    run->n_texts += run->n;
    return true;
}

static bool tokenize_all(tokenize_run *run, cli_text_source *source, FILE *stream, senc_error *err) {
    bool go_on = true;
    while (go_on) {
        if (!cli_text_source_next(source, BLOCK_TEXTS, &run->texts, &run->n, err)) return false;
        if (run->n == 0) break;
        if (!write_block(run, stream, &go_on, err) || !cli_interrupt_check(err)) return false;
        senc_log_status("tokenized %lld texts", (long long)run->n_texts);
    }
    senc_log_status("%s", "");
    return true;
}

/* The longest text that the model of the folder takes, 0: not said. sentence-transformers keeps it beside the weights.
 */
static bool folder_max_length(const char *folder, const data_tokenizer *tokenizer, int64_t *max_length,
                              senc_error *err) {
    *max_length = data_tokenizer_model_max_length(tokenizer);
    char *path = senc_path_join(folder, "sentence_bert_config.json");
    if (!path) return senc_fail_memory(err, strlen(folder), "a path");
    data_json *config = NULL;
    bool ok = true;
    if (senc_path_is_file(path)) {
        ok = data_json_load(path, &config, err) &&
             data_json_read_integer(config, "max_seq_length", 1, INT32_MAX, max_length, err);
    }
    data_json_free(config);
    free(path);
    return ok;
}

static bool write_output(tokenize_run *run, const tokenize_flags *f, cli_text_source *source, senc_error *err) {
    if (strcmp(f->output, "-") == 0) return tokenize_all(run, source, NULL, err);
    cli_interrupt_watch();
    senc_file_writer writer;
    if (!cli_output_check(f->output, f->input, err) || !senc_file_writer_open(&writer, f->output, err)) return false;
    const bool ok = tokenize_all(run, source, writer.stream, err) && senc_file_writer_commit(&writer, err);
    senc_file_writer_close(&writer);
    return ok;
}

static bool tokenize_input(const tokenize_flags *f, const char *folder, const data_tokenizer *tokenizer,
                           senc_error *err) {
    tokenize_run *run = senc_alloc_zero(1, sizeof *run);
    if (!run) return senc_fail_memory(err, sizeof *run, "the tokenizer");
    run->tokenizer = tokenizer;
    run->with_tokens = f->tokens;
    run->max_length = f->max_length;
    const cli_text_options text_options = {.table = &f->table, .column = f->column};
    cli_text_source *source = NULL;
    const double start_ms = senc_clock_ms();
    bool ok = f->max_length != SENC_OPTION_UNSET || folder_max_length(folder, tokenizer, &run->max_length, err);
    ok = ok && start_workers(run, err) && cli_text_source_open(f->input, &text_options, &source, err) &&
         write_output(run, f, source, err);
    if (ok) {
        char texts[32], tokens[32];
        cli_warn_about_texts(run->n_texts, run->n_truncated, run->max_length, run->n_empty);
        senc_info("%s texts, %s tokens, %.1f s", cli_count_text(run->n_texts, texts, sizeof texts),
                  cli_count_text(run->n_tokens, tokens, sizeof tokens), (senc_clock_ms() - start_ms) / 1e3);
    }
    cli_text_source_close(source);
    free_run(run);
    return ok;
}

static bool run_tokenize(cli_call *call, senc_error *err) {
    const tokenize_flags *f = call->flags;
    char *folder;
    if (!cli_start_threads(call, err) || !cli_model_find(call->positionals[0], &folder, err)) return false;
    const data_tokenizer_options options = {.lowercase = (data_lowercase)f->lowercase};
    data_tokenizer *tokenizer;
    bool ok = data_tokenizer_load(folder, &options, &tokenizer, err);
    ok = ok && tokenize_input(f, folder, tokenizer, err);
    data_tokenizer_free(tokenizer);
    free(folder);
    return ok;
}

const cli_command cli_tokenize_command = {
    .name = "tokenize",
    .synopsis = "MODEL --input PATH [--output PATH] [--column NAME] [--max-length N] [--tokens]",
    .help = "token ids of texts, as training sees them",
    .details = "MODEL is a model folder; one that holds only tokenizer files will do. Each line of the output is "
               "{\"ids\": [...]}, "
               "with --tokens also \"tokens\".\n\n"
               "  echo 'How are you?' | senc tokenize models/m --input - --tokens",
    .flags = flags,
    .flags_bytes = sizeof(tokenize_flags),
    .min_positionals = 1,
    .max_positionals = 1,
    .positional = "MODEL (a model folder)",
    .run = run_tokenize,
};
