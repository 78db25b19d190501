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
#include "nn/model.h"

#define BLOCK_TEXTS 8192
#define TASK_TEXTS  64

typedef struct tokenize_flags {
    char *input, *output, *column, *prompt, *prompt_name;
    int64_t max_length;
    bool tokens, overwrite;
    int lowercase;
    cli_table_flags table;
} tokenize_flags;

static const senc_option flags[] = {
    SENC_OPTION_PATH(
        tokenize_flags, input, "!",
        "texts: txt (a text a line), jsonl, json, csv, tsv, a BEIR folder, .gz and .zst of them; - for lines of "
        "standard input"),
    SENC_OPTION_PATH(tokenize_flags, output, "-", "JSON Lines; - for standard output"),
    SENC_OPTION_STRING(tokenize_flags, column, NULL, "column of the texts, by name or number from 1; unset: text"),
    SENC_OPTION_INTEGER(tokenize_flags, max_length, NULL, 0, HUGE_VAL,
                        "longest text in tokens, special ones included; 0: no limit; unset: what the model says"),
    SENC_OPTION_STRING(tokenize_flags, prompt_name, NULL,
                       "put this prompt of the model in front of every text: query, document, ...; unset: the model's "
                       "default prompt"),
    SENC_OPTION_STRING(tokenize_flags, prompt, NULL, "put this text in front of every text; \"\": none"),
    SENC_OPTION_BOOLEAN(tokenize_flags, tokens, "false", "write the tokens too"),
    SENC_OPTION_CHOICE(tokenize_flags, lowercase, "auto", "auto|yes|no",
                       "for folders that hold only vocab.txt: lower-case texts"),
    CLI_TEXT_ROWS(tokenize_flags),
    CLI_OVERWRITE_ROW(tokenize_flags),
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
    const char *prompt; /* NULL: none */
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
            data_tokenizer_encode_prompted(run->tokenizer, worker->scratch, run->prompt, run->texts[i].bytes,
                                           (size_t)run->texts[i].n_bytes, run->max_length, &worker->ids, &truncated);
        if (n < 0) {
            part->lines.failed = true;
            return;
        }
        part->n_tokens += n;
        part->n_truncated += truncated;
        part->n_empty += run->prompt ? eval_text_is_blank(&run->texts[i]) : n <= special;
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

static bool write_output(tokenize_run *run, const tokenize_flags *f, cli_text_source *source, senc_error *err) {
    if (strcmp(f->output, "-") == 0) return tokenize_all(run, source, NULL, err);
    cli_interrupt_watch();
    senc_file_writer writer;
    cli_outputs outputs = {.input = f->input, .overwrite = f->overwrite};
    if (!cli_outputs_add(&outputs, f->output, err) ||
        !senc_file_writer_open_output(&writer, f->output, f->overwrite, err))
        return false;
    const bool ok = tokenize_all(run, source, writer.stream, err) && senc_file_writer_commit(&writer, err);
    senc_file_writer_close(&writer);
    return ok;
}

static bool tokenize_input(tokenize_run *run, const tokenize_flags *f, senc_error *err) {
    const cli_text_options text_options = {.table = &f->table, .column = f->column};
    cli_text_source *source = NULL;
    const double start_ms = senc_clock_ms();
    const bool ok = start_workers(run, err) && cli_text_source_open(f->input, &text_options, &source, err) &&
                    write_output(run, f, source, err);
    if (ok) {
        char texts[32], tokens[32];
        cli_warn_about_texts(run->n_texts, run->n_truncated, run->max_length, run->n_empty);
        senc_info("%s texts, %s tokens, %.1f s", cli_count_text(run->n_texts, texts, sizeof texts),
                  cli_count_text(run->n_tokens, tokens, sizeof tokens), (senc_clock_ms() - start_ms) / 1e3);
    }
    cli_text_source_close(source);
    return ok;
}

/* Prompt and longest text as `encode` takes them: what the model's folder says, but for the flags. *settings NULL: the
 * folder holds no model, only a tokenizer. */
static bool choose_rule(tokenize_run *run, const tokenize_flags *f, const char *model_name, const nn_model *settings,
                        senc_error *err) {
    const bool given = f->max_length != SENC_OPTION_UNSET;
    if (f->prompt && f->prompt_name)
        return senc_fail(err, SENC_BAD_INPUT, "--prompt and --prompt-name: give one of them");
    run->max_length = given      ? f->max_length
                      : settings ? nn_model_max_length(settings)
                                 : data_tokenizer_model_max_length(run->tokenizer);
    run->prompt = f->prompt;
    if (!run->prompt && settings && !cli_settings_prompt(settings, model_name, f->prompt_name, &run->prompt, err))
        return false;
    if (!settings && f->prompt_name)
        return senc_fail(err, SENC_BAD_INPUT, "%s: holds no model, so no prompt \"%s\"; --prompt gives one", model_name,
                         f->prompt_name);
    if (run->prompt && !run->prompt[0]) run->prompt = NULL;
    return true;
}

static bool has_file(const char *folder, const char *name) {
    char *path = senc_path_join(folder, name);
    const bool found = path && senc_path_exists(path);
    free(path);
    return found;
}

/* The folder's model without its weights, checked as for encoding. NULL: it holds a tokenizer only. */
static bool load_settings(const char *folder, const tokenize_flags *f, const data_tokenizer *tokenizer, nn_model **out,
                          senc_error *err) {
    nn_overrides overrides = NN_OVERRIDES_NONE;
    *out = NULL;
    if (f->max_length > 0) overrides.max_length = f->max_length;
    if (!has_file(folder, "config.json") && !has_file(folder, "modules.json")) return true;
    return nn_model_load_settings(folder, &overrides, out, err) &&
           (eval_tokenizer_check(*out, tokenizer, err) || senc_error_prefix(err, "%s: ", folder));
}

static bool tokenize_with(const char *folder, const cli_call *call, const data_tokenizer *tokenizer, senc_error *err) {
    const tokenize_flags *f = call->flags;
    nn_model *settings;
    tokenize_run *run = senc_alloc_zero(1, sizeof *run);
    if (!run) return senc_fail_memory(err, sizeof *run, "the tokenizer");
    run->tokenizer = tokenizer;
    run->with_tokens = f->tokens;
    const bool ok = load_settings(folder, f, tokenizer, &settings, err) &&
                    choose_rule(run, f, call->positionals[0], settings, err) && tokenize_input(run, f, err);
    free_run(run);
    nn_model_free(settings);
    return ok;
}

static bool run_tokenize(cli_call *call, senc_error *err) {
    const tokenize_flags *f = call->flags;
    char *folder;
    if (!cli_start_threads(call, err) || !cli_model_find(call->positionals[0], &folder, err)) return false;
    const data_tokenizer_options options = {.lowercase = (data_lowercase)f->lowercase};
    data_tokenizer *tokenizer;
    const bool ok =
        data_tokenizer_load(folder, &options, &tokenizer, err) && tokenize_with(folder, call, tokenizer, err);
    data_tokenizer_free(tokenizer);
    free(folder);
    return ok;
}

const cli_command cli_tokenize_command = {
    .name = "tokenize",
    .synopsis = "MODEL --input PATH [--output PATH] [--column NAME] [--prompt-name NAME] [--max-length N] [--tokens]",
    .help = "token ids of texts, as the model is given them",
    .details =
        "The ids are those that `senc encode` gives the model: with its prompt, cut at its length. MODEL is a model "
        "folder; one that holds only tokenizer files will do. Each line of the output is "
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
