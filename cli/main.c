/* senc: trains, evaluates and runs sentence encoders. This file finds the command, reads its arguments, runs it and
 * turns its error into one line on stderr and an exit code (0 done, 1 failed, 2 wrong usage or input, 130 interrupted).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/mapping.h"
#include "autograd/base/memory.h"
#include "autograd/base/read_files.h"
#include "autograd/base/terminal.h"
#include "autograd/base/threads.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/output.h"

#define COMMAND(name) extern const cli_command cli_##name##_command;
#include "cli/commands.def"
#undef COMMAND

static const cli_command *const commands[] = {
#define COMMAND(name) &cli_##name##_command,
#include "cli/commands.def"
#undef COMMAND
};
static const int n_commands = (int)(sizeof commands / sizeof *commands);

const cli_command *const *cli_command_all(int *n) {
    *n = n_commands;
    return commands;
}

const cli_command *cli_command_find(const char *name) {
    for (int i = 0; i < n_commands; i++) {
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    }
    return NULL;
}

bool cli_start_threads(const cli_call *call, senc_error *err) {
    return senc_threads_init((int)call->threads, err);
}

static void append_overview(senc_buffer *out) {
    senc_buffer_append_text(out, "senc " SENC_VERSION ": train, evaluate and run sentence encoders\n\n"
                                 "usage: senc COMMAND [ARGUMENT]...\n\n");
    senc_grid grid;
    senc_grid_init(&grid, "ll");
    for (int i = 0; i < n_commands; i++) {
        senc_grid_add(&grid, "%s", commands[i]->name);
        senc_grid_add(&grid, "%s", commands[i]->help);
    }
    senc_grid_print(&grid, 2, 80, out);
    senc_grid_free(&grid);
    senc_buffer_append_text(out,
                            "\nsenc COMMAND --help shows the arguments of a command, senc --version the version.\n");
}

static int report(const senc_error *err) {
    if (err->kind != SENC_OK) {
        senc_log_status("%s", "");
        /* who pressed Ctrl-C made no mistake */
        fprintf(stderr, "%s%s\n", err->kind == SENC_INTERRUPTED ? "" : "error: ", err->text);
    }
    return senc_error_exit_code(err);
}

static bool fail_unknown_command(const char *name, senc_error *err) {
    const char *names[64];
    int n = 0;
    for (; n < n_commands && n < 64; n++) names[n] = commands[n]->name;
    const char *nearest = senc_nearest_name(name, names, n);
    if (nearest)
        return senc_fail(err, SENC_BAD_INPUT, "\"%s\" is no command of senc; did you mean \"%s\"?", name, nearest);
    return senc_fail(err, SENC_BAD_INPUT, "\"%s\" is no command of senc; senc --help lists them", name);
}

static bool show_help(const cli_command *command, senc_error *err) {
    senc_buffer out = {0};
    if (command)
        cli_arguments_help(command, &out);
    else
        append_overview(&out);
    return cli_output_buffer(&out, err);
}

bool cli_command_run(const cli_command *command, int n_arguments, char **arguments, int *exit_code, senc_error *err) {
    cli_common common = {0};
    cli_call call = {.flags = senc_alloc_zero(1, command->flags_bytes)};
    if (!call.flags) return senc_fail_memory(err, command->flags_bytes, "the arguments");
    bool ok = cli_arguments_parse(command, n_arguments, arguments, &call, &common, err);
    if (!ok && err->kind == SENC_BAD_INPUT) {
        char usage[256];
        snprintf(usage, sizeof usage, " (see senc %s --help)", command->name);
        const size_t n = strlen(err->text);
        if (n + strlen(usage) < sizeof err->text) memcpy(err->text + n, usage, strlen(usage) + 1);
    }
    if (common.quiet) senc_log_set_level(SENC_LOG_QUIET);
    if (ok && common.help)
        ok = show_help(command, err);
    else if (ok)
        ok = command->run(&call, err);
    *exit_code = call.exit_code;
    cli_arguments_free(command, &call);
    senc_threads_free();
    return ok;
}

static bool run_program(int n_arguments, char **arguments, int *exit_code, senc_error *err) {
    const char *first = n_arguments > 0 ? arguments[0] : "--help";
    if (strcmp(first, "--version") == 0) {
        senc_buffer out = {0};
        senc_buffer_append_text(&out, "senc " SENC_VERSION "\n");
        return cli_output_buffer(&out, err);
    }
    const bool is_help = strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0;
    if (is_help && n_arguments < 2) return show_help(NULL, err);
    const char *name = is_help ? arguments[1] : first;
    const cli_command *command = cli_command_find(name);
    if (!command) return fail_unknown_command(name, err);
    if (is_help) return show_help(command, err);
    return cli_command_run(command, n_arguments - 1, arguments + 1, exit_code, err);
}

/* What was read of a file that was cut meanwhile is called by all sorts of names; the file is the reason. */
static void name_lost_file(senc_error *err) {
    senc_error lost = {0};
    if ((err->kind == SENC_FAILED || err->kind == SENC_BAD_INPUT) && !senc_mappings_check(&lost)) *err = lost;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write: see output.c */
    senc_error err = {0};
    int exit_code = 0;
    senc_read_files_begin();
    const cli_command *linked = argc > 0 ? cli_command_find(senc_path_name(argv[0])) : NULL; /* bin/train -> senc */
    const bool ok = linked ? cli_command_run(linked, argc - 1, argv + 1, &exit_code, &err)
                           : run_program(argc - 1, argv + 1, &exit_code, &err);
    const bool written = cli_output_finish(&err) && ok;
    name_lost_file(&err);
    if (!written) return report(&err);
    return exit_code;
}
