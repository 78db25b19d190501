/* senc demo: the whole way on data that is part of the program: train a small encoder, see it before and after, ask it
 * a question. */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "cli/command.h"
#include "cli/embedded.h"
#include "cli/output.h"
#include "train/run.h"

typedef struct demo_flags {
    char *dir, *question;
    int64_t seed;
} demo_flags;

static const char default_question[] = "My bike chain makes a grinding noise, what should I do?";

static const senc_option flags[] = {
    SENC_OPTION_PATH(demo_flags, dir, "senc-demo", "where the demo's files and its run go"),
    SENC_OPTION_INTEGER(demo_flags, seed, "42", 0, 9e18, "of the weights, the order of the data and dropout"),
    SENC_OPTION_STRING(demo_flags, question, NULL, "asked in the end; unset: you are asked for one on a terminal"),
    {0},
};

/* Writes the files of the demo that are not there yet: what a user changed stays. */
static bool write_files(const char *dir, senc_error *err) {
    bool ok = true;
    for (const cli_embedded *f = cli_demo_files; ok && f->path; f++) {
        char *path = senc_path_join(dir, f->path), *folder = path ? senc_path_folder(path) : NULL;
        if (!path || !folder)
            ok = senc_fail_memory(err, strlen(f->path), "a path");
        else if (!senc_path_exists(path))
            ok = senc_path_create_folders(folder, err) && senc_file_write(path, f->bytes, f->n_bytes, err);
        free(path);
        free(folder);
    }
    return ok;
}

/* It may be a configuration that the user has changed, so the run folder is said: no other run is replaced. */
static bool train_demo(const char *dir, const char *config_path, int64_t seed, int64_t threads, senc_error *err) {
    char set_seed[64];
    snprintf(set_seed, sizeof set_seed, "train.seed=%lld", (long long)seed);
    senc_buffer set_folder = {0};
    const bool here = strcmp(dir, ".") == 0;
    senc_buffer_printf(&set_folder, "output.dir=%s%sruns/demo", here ? "" : dir, here ? "" : "/");
    if (set_folder.failed) return senc_fail_memory(err, strlen(dir), "a path");
    const char *sets[] = {set_seed, senc_buffer_text(&set_folder)};
    const train_run_options options = {.overwrite = true};
    train_config config;
    const bool loaded = train_config_load(&config, config_path, sets, 2, err);
    senc_buffer_free(&set_folder);
    if (!loaded) return false;
    const bool ok =
        senc_threads_init((int)(threads ? threads : config.train.threads), err) && train_run(&config, &options, err);
    train_config_free(&config);
    return ok;
}

/* A line from the terminal; the default when there is no terminal or nothing was typed. Fresh. */
static char *ask(void) {
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) return senc_strdup(default_question);
    fprintf(stderr, "\nAsk a question about everyday things (Enter: \"%s\")\n> ", default_question);
    char line[1024];
    if (!fgets(line, sizeof line, stdin)) return senc_strdup(default_question);
    line[strcspn(line, "\r\n")] = '\0';
    return senc_strdup(line[0] ? line : default_question);
}

static bool answer(const char *dir, const char *question, senc_error *err) {
    char *model = senc_path_join(dir, "runs/demo/best"), *corpus = senc_path_join(dir, "demo");
    char *typed = question ? senc_strdup(question) : ask();
    bool ok = model && corpus && typed;
    if (!ok) senc_fail_memory(err, 4096, "paths");
    if (ok) {
        char *arguments[] = {model, "--corpus", corpus, "--query", typed, "--full", "--quiet"};
        int exit_code = 0;
        printf("\nquestion: %s\n", typed);
        ok = cli_command_run(cli_command_find("search"), 7, arguments, &exit_code, err);
    }
    free(typed);
    free(corpus);
    free(model);
    return ok;
}

static bool run_demo(cli_call *call, senc_error *err) {
    const demo_flags *f = call->flags;
    char *config = senc_path_join(f->dir, "configs/demo.toml");
    if (!config) return senc_fail_memory(err, strlen(f->dir), "a path");
    const bool ok = write_files(f->dir, err) && train_demo(f->dir, config, f->seed, call->threads, err) &&
                    answer(f->dir, f->question, err);
    if (ok) {
        senc_info("ask more: senc search %s/runs/demo/best --corpus %s/demo --query \"...\"", f->dir, f->dir);
        senc_info("change it and train again: senc train --config %s --overwrite", config);
    }
    free(config);
    return ok;
}

const cli_command cli_demo_command = {
    .name = "demo",
    .synopsis = "[--dir DIR] [--question TEXT]",
    .help = "train a small encoder on built-in questions and answers",
    .details = "Writes its data and configuration to DIR (files that are there stay), trains a small encoder from "
               "scratch in about a minute, "
               "shows how well held-out questions find their passages before and after, and answers a question.",
    .flags = flags,
    .flags_bytes = sizeof(demo_flags),
    .run = run_demo,
};
