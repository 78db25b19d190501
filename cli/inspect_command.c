/* senc inspect: what is in a model folder, a data file, a BEIR folder or a configuration, read and checked whole. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/inspect_data.h"
#include "cli/inspect_vectors.h"
#include "cli/model_argument.h"
#include "cli/output.h"
#include "data/formats/stream.h"
#include "eval/embed.h"
#include "train/config.h"
#include "train/leakage.h"

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
    senc_buffer_append_text(out, config.n_evals > 0 ? "\n" : "");
    const bool ok = config.n_evals == 0 || train_leakage_describe(&config, 80, out, err);
    train_config_free(&config);
    return ok;
}

/* What was found is shown also when it is refused. */
static bool inspect_path(const cli_call *call, const char *path, senc_error *err) {
    const cli_inspect_flags *f = call->flags;
    senc_buffer out = {0};
    char *corpus = senc_path_is_folder(path) ? data_path_find_packed(path, "corpus.jsonl") : NULL;
    bool ok = true;
    const cli_given *other = NULL; /* than --on-bad-utf8 */
    for (int64_t i = 0; i < call->n_given; i++)
        if (strcmp(call->given[i].flag->name, "on_bad_utf8") != 0) other = &call->given[i];
    if (corpus && other) {
        char name[64];
        ok = senc_fail(err, SENC_BAD_INPUT, "%s: expected a data file, %s is a BEIR folder, which is read as a whole",
                       cli_flag_name(other->flag, name, sizeof name), path);
    } else if (corpus) {
        ok = cli_inspect_beir(path, f, &out, err);
    } else if (!senc_path_is_folder(path) && senc_path_exists(path) && !senc_path_ends_with(path, ".toml")) {
        ok = cli_inspect_data(path, f, &out, err);
    } else if (call->n_given > 0) {
        char name[64];
        ok = senc_fail(err, SENC_BAD_INPUT, "%s: expected a data file, got %s",
                       cli_flag_name(call->given[0].flag, name, sizeof name), path);
    } else if (senc_path_is_file(path)) {
        ok = inspect_config(path, &out, err);
    } else {
        char *folder;
        ok = cli_model_find(path, &folder, err) && inspect_model(folder, &out, err);
        free(folder);
    }
    free(corpus);
    if (ok || out.n_bytes > 0) return cli_output_buffer(&out, ok ? err : NULL) && ok;
    senc_buffer_free(&out);
    return false;
}

static bool run_inspect(cli_call *call, senc_error *err) {
    const cli_inspect_flags *f = call->flags;
    if (!cli_start_threads(call, err)) return false;
    if (call->n_positionals == 0) return cli_inspect_vectors(f, err);
    for (int64_t i = 0; i < call->n_given; i++) {
        const size_t at = call->given[i].flag->offset;
        if (at < offsetof(cli_inspect_flags, table) && at != offsetof(cli_inspect_flags, column))
            return senc_fail(err, SENC_BAD_INPUT,
                             "senc inspect: expected PATH, alone or with flags that say how it is read (--header, "
                             "--delimiter, --column, ...); or other flags without it");
    }
    return inspect_path(call, call->positionals[0], err);
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
    CLI_OVERWRITE_ROW(cli_inspect_flags),
    {0},
};

const cli_command cli_inspect_command = {
    .name = "inspect",
    .synopsis = "PATH | --vectors FILE [--vectors FILE2] | --model MODEL --input TEXTS",
    .help = "what is in a model folder, a data file, a BEIR folder or a configuration; are vectors sound?",
    .details =
        "Everything is read and checked: every row of a data file, every tensor of a model, every judgement of a BEIR "
        "folder. What training and evaluation would refuse is an error here too, behind all that was found.\n\n"
        "Vectors: numbers that are not finite, lengths, duplicates, constant dimensions, mean cosine, effective "
        "rank, uniformity; with pairs alignment; with texts suspicious similarities; of two sets of the same "
        "texts how far they have moved, with --unpaired whether two samples differ. What looks wrong is listed "
        "as warnings; the exit code stays 0.\n\n"
        "  senc inspect models/m\n"
        "  senc inspect data/train.jsonl.gz\n"
        "  senc inspect data/export.csv --delimiter ';'\n"
        "  senc inspect --vectors old.npy --vectors new.npy --input texts.txt",
    .flags = flags,
    .flags_bytes = sizeof(cli_inspect_flags),
    .min_positionals = 0,
    .max_positionals = 1,
    .positional = "PATH",
    .run = run_inspect,
};
