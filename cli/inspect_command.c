/* senc inspect: what is in a model folder, a data file, a BEIR folder or a configuration, read and checked whole. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"
#include "cli/command.h"
#include "cli/inspect_vectors.h"
#include "cli/model_argument.h"
#include "cli/output.h"
#include "data/readers/readers.h"
#include "eval/embed.h"
#include "train/config.h"

/* ---- models ---- */

static void add_prompt(const eval_model *m, const char *name, const char *used, senc_grid *grid) {
    const char *prompt = nn_model_prompt(m->model, name);
    if (!prompt || !prompt[0]) return;
    senc_grid_add(grid, "prompt %s", name);
    senc_grid_add(grid, "\"%s\" %s", prompt, used);
}

static bool inspect_model(const char *folder, senc_buffer *out, senc_error *err) {
    eval_model m;
    const nn_overrides overrides = NN_OVERRIDES_NONE;
    if (!eval_model_load(&m, folder, &overrides, err)) return false;
    char described[256], size[32], parameters[32];
    const int64_t n = ag_params_count(nn_model_params(m.model));
    senc_grid grid;
    senc_grid_init(&grid, "ll");
    senc_grid_add(&grid, "model");
    senc_grid_add(&grid, "%s", nn_model_describe(m.model, described, sizeof described));
    senc_grid_add(&grid, "parameters");
    senc_grid_add(&grid, "%s, %s as float32", cli_count_text(n, parameters, sizeof parameters),
                  senc_bytes_text(4 * n, size, sizeof size));
    senc_grid_add(&grid, "vectors");
    senc_grid_add(&grid, "%lld wide, compared by %s", (long long)nn_model_width(m.model), nn_model_similarity(m.model));
    senc_grid_add(&grid, "texts");
    senc_grid_add(&grid, "at most %lld tokens", (long long)nn_model_max_length(m.model));
    senc_grid_add(&grid, "tokenizer");
    senc_grid_add(&grid, "%s, %lld tokens, %s", data_tokenizer_kind(m.tokenizer),
                  (long long)data_tokenizer_vocab_size(m.tokenizer),
                  data_tokenizer_lowercases(m.tokenizer) ? "uncased" : "cased");
    static const char *const prompts[][2] = {{"query", "before queries"},
                                             {"document", "before documents"},
                                             {"passage", "only when asked for: --prompt-name passage"},
                                             {"corpus", "only when asked for: --prompt-name corpus"}};
    for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++) add_prompt(&m, prompts[i][0], prompts[i][1], &grid);
    senc_grid_print(&grid, 0, 80, out);
    senc_grid_free(&grid);
    eval_model_free(&m);
    return true;
}

/* ---- data ---- */

/* What the rows hold in one column. */
typedef struct column_count {
    int64_t n_texts, n_numbers, n_others, n_empty, n_bytes, longest;
} column_count;

static void count_field(const data_field *field, column_count *count) {
    if (field->type == DATA_FIELD_NUMBER)
        count->n_numbers++;
    else if (field->type != DATA_FIELD_TEXT && field->type != DATA_FIELD_ABSENT)
        count->n_others++;
    if (field->type != DATA_FIELD_TEXT) return;
    count->n_texts++;
    count->n_empty += field->n_bytes == 0;
    count->n_bytes += (int64_t)field->n_bytes;
    if ((int64_t)field->n_bytes > count->longest) count->longest = (int64_t)field->n_bytes;
}

static bool count_rows(const data_opened *file, column_count *counts, int64_t *n_rows, senc_error *err) {
    data_record record = {0};
    data_cursor cursor = file->first;
    int status;
    bool ok = true;
    while (ok && (status = file->reader->next(file, &cursor, &record, err)) != 0) {
        ok = status > 0;
        for (int64_t c = 0; ok && c < file->n_columns; c++) {
            data_field field;
            ok = file->reader->field(file, &record, (data_column){file->columns[c], c}, &field, err);
            if (ok) count_field(&field, &counts[c]);
        }
        *n_rows += ok;
    }
    data_record_free(&record);
    return ok;
}

static void append_columns(const data_opened *file, const column_count *counts, int64_t n_rows, senc_buffer *out) {
    static const char *const head[] = {"column", "texts",  "empty",      "numbers",
                                       "others", "absent", "mean bytes", "longest"};
    char text[32];
    senc_buffer_printf(out, "%s: %s, %s rows\n", file->path, file->reader->name,
                       cli_count_text(n_rows, text, sizeof text));
    senc_grid grid;
    senc_grid_init(&grid, "lrrrrrrr");
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) senc_grid_add(&grid, "%s", head[i]);
    for (int64_t c = 0; c < file->n_columns; c++) {
        const column_count *k = &counts[c];
        const int64_t values[] = {k->n_texts,
                                  k->n_empty,
                                  k->n_numbers,
                                  k->n_others,
                                  n_rows - k->n_texts - k->n_numbers - k->n_others,
                                  k->n_texts ? k->n_bytes / k->n_texts : 0,
                                  k->longest};
        senc_buffer name = {0};
        senc_text_append(&name, file->columns[c], (int64_t)strlen(file->columns[c]), 20);
        senc_grid_add(&grid, "%s", senc_buffer_text(&name));
        senc_buffer_free(&name);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
            senc_grid_add(&grid, "%s", cli_count_text(values[i], text, sizeof text));
    }
    senc_grid_print(&grid, 2, 80, out);
    senc_grid_free(&grid);
}

static bool inspect_data(const char *path, senc_buffer *out, senc_error *err) {
    char *own = senc_strdup(path);
    if (!own) return senc_fail_memory(err, strlen(path), "a path");
    const data_source source = {.path = own};
    const data_reader *reader = data_reader_choose(&source, err);
    data_opened file = {.reader = reader};
    bool ok = reader != NULL;
    if (ok) {
        file.path = senc_strdup(path);
        ok = file.path ? reader->open(&source, false, &file, err) : senc_fail_memory(err, strlen(path), "a path");
    }
    column_count *counts = ok ? senc_alloc_zero((size_t)file.n_columns, sizeof *counts) : NULL;
    if (ok && !counts) ok = senc_fail_memory(err, (size_t)file.n_columns * sizeof *counts, "columns");
    int64_t n_rows = 0;
    ok = ok && count_rows(&file, counts, &n_rows, err);
    if (ok) append_columns(&file, counts, n_rows, out);
    free(counts);
    data_opened_close(&file);
    free(own);
    return ok;
}

/* corpus.jsonl and queries.jsonl of a BEIR folder, or of either that is there. */
static bool inspect_beir(const char *folder, senc_buffer *out, senc_error *err) {
    static const char *const names[] = {"corpus.jsonl", "queries.jsonl"};
    bool ok = true;
    for (int i = 0; ok && i < 2; i++) {
        char *path = data_path_find_packed(folder, names[i]);
        if (path)
            ok = inspect_data(path, out, err);
        else
            ok = senc_fail(err, SENC_BAD_INPUT, "%s: expected a model folder or a BEIR folder, found no %s", folder,
                           names[i]);
        free(path);
    }
    return ok;
}

/* ---- configurations ---- */

static bool inspect_config(const char *path, senc_buffer *out, senc_error *err) {
    train_config config;
    if (!train_config_load(&config, path, NULL, 0, err)) return false;
    senc_buffer_printf(
        out, "%s: a training configuration without mistakes (senc train --dry-run checks its data and model)\n", path);
    senc_grid grid;
    senc_grid_init(&grid, "ll");
    senc_grid_add(&grid, "model");
    senc_grid_add(&grid, "%s", config.model.base ? config.model.base : config.model.architecture);
    for (int64_t i = 0; i < config.n_sources; i++) {
        senc_grid_add(&grid, "data");
        senc_grid_add(&grid, "%s", config.sources[i].path);
    }
    senc_grid_add(&grid, "loss");
    senc_grid_add(&grid, "%s", config.loss->name);
    senc_grid_add(&grid, "evaluations");
    senc_grid_add(&grid, "%lld", (long long)config.n_evals);
    senc_grid_add(&grid, "output");
    senc_grid_add(&grid, "%s", config.output.dir);
    senc_grid_print(&grid, 2, 0, out);
    senc_grid_free(&grid);
    train_config_free(&config);
    return true;
}

static bool inspect_path(const char *path, senc_error *err) {
    senc_buffer out = {0};
    char *corpus = senc_path_is_folder(path) ? data_path_find_packed(path, "corpus.jsonl") : NULL;
    bool ok = true;
    if (corpus) {
        ok = inspect_beir(path, &out, err);
    } else if (senc_path_is_file(path)) {
        ok = senc_path_ends_with(path, ".toml") ? inspect_config(path, &out, err) : inspect_data(path, &out, err);
    } else {
        char *folder;
        ok = cli_model_find(path, &folder, err) && inspect_model(folder, &out, err);
        free(folder);
    }
    free(corpus);
    if (ok) return cli_output_buffer(&out, err);
    senc_buffer_free(&out);
    return false;
}

static bool run_inspect(cli_call *call, senc_error *err) {
    const cli_inspect_flags *f = call->flags;
    if (!cli_start_threads(call, err)) return false;
    if (call->n_positionals == 0) return cli_inspect_vectors(f, err);
    if (call->n_given > 0)
        return senc_fail(err, SENC_BAD_INPUT, "senc inspect: expected PATH alone, or flags without it");
    return inspect_path(call->positionals[0], err);
}

static const senc_option flags[] = {
    SENC_OPTION_STRINGS(
        cli_inspect_flags, vectors, NULL,
        "vectors to check (npy, jsonl, f32, f16, i8, bin); given twice: the drift from one to the other"),
    SENC_OPTION_STRINGS(cli_inspect_flags, model, NULL,
                        "check what this model makes of the texts of --input; likewise"),
    SENC_OPTION_PATH(cli_inspect_flags, input, NULL,
                     "the texts, row by row: finds texts and vectors that do not go together"),
    SENC_OPTION_STRING(cli_inspect_flags, column, NULL, "column of the texts, by name or number from 1; unset: text"),
    SENC_OPTION_STRING(cli_inspect_flags, pair_column, NULL, "column of their positives, for alignment, with --model"),
    SENC_OPTION_PATH(cli_inspect_flags, pairs, NULL, "vectors of the rows' positives, for alignment"),
    SENC_OPTION_BOOLEAN(cli_inspect_flags, unpaired, "false",
                        "the two sets are of other texts (windows of time): has their distribution shifted?"),
    SENC_OPTION_STRING(cli_inspect_flags, prompt_name, NULL, "put this prompt of the model in front of every text"),
    SENC_OPTION_INTEGER(cli_inspect_flags, max_length, "0", 0, HUGE_VAL, "longest text in tokens; 0: the model's"),
    CLI_TEXT_ROWS(cli_inspect_flags),
    SENC_OPTION_PATH(cli_inspect_flags, json, NULL, "the findings as JSON; - for standard output"),
    {0},
};

const cli_command cli_inspect_command = {
    .name = "inspect",
    .synopsis = "PATH | --vectors FILE [--vectors FILE2] | --model MODEL --input TEXTS",
    .help = "what is in a model folder, a data file, a BEIR folder or a configuration; are vectors sound?",
    .details = "Everything is read and checked: every row of a data file, every tensor of a model.\n\n"
               "Vectors: numbers that are not finite, lengths, duplicates, constant dimensions, mean cosine, effective "
               "rank, uniformity; with pairs alignment; with texts suspicious similarities; of two sets of the same "
               "texts how far they have moved, with --unpaired whether two samples differ. What looks wrong is listed "
               "as warnings; the exit code stays 0.\n\n"
               "  senc inspect models/m\n"
               "  senc inspect data/train.jsonl.gz\n"
               "  senc inspect --vectors old.npy --vectors new.npy --input texts.txt",
    .flags = flags,
    .flags_bytes = sizeof(cli_inspect_flags),
    .min_positionals = 0,
    .max_positionals = 1,
    .positional = "PATH",
    .run = run_inspect,
};
