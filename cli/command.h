/* Commands of the program. One command = one file (eval_command.c) and one line in commands.def. Its flags are an
 * option table: at once the parser, the check, the defaults and the text of --help. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "autograd/base/options.h"

/* A flag as it was given, for commands in which the order matters (`--retrieval DIR --split dev`). */
typedef struct cli_given {
    const senc_option *flag;
    const char *value; /* "" for a switch */
} cli_given;

/* One run of a command. */
typedef struct cli_call {
    void *flags; /* the command's struct, filled from its option table */
    char **positionals;
    int64_t n_positionals;
    cli_given *given;
    int64_t n_given;
    int64_t threads; /* --threads; 0: one per CPU */
    int exit_code;   /* for a command that ran well and still has something to say (DESIGN: 3); default 0 */
} cli_call;

typedef struct cli_command {
    const char *name;
    const char *synopsis;     /* behind the name: "MODEL [--sts FILE]..." */
    const char *help;         /* one line */
    const char *details;      /* paragraphs and examples below the flags in --help, or NULL */
    const senc_option *flags; /* field names; '_' is '-' on the command line, one letter is a short flag; or NULL */
    size_t flags_bytes;
    int64_t min_positionals, max_positionals; /* max -1: any number */
    const char *positional;                   /* what they are, for messages: "a model folder" */
    bool (*run)(cli_call *call, senc_error *err);
} cli_command;

/* NULL: unknown. */
const cli_command *cli_command_find(const char *name);
/* All commands, in commands.def's order. */
const cli_command *const *cli_command_all(int *n);

/* Reads the arguments (behind the command's name), runs the command and stops the thread pool. */
bool cli_command_run(const cli_command *command, int n_arguments, char **arguments, int *exit_code, senc_error *err);

/* Starts the thread pool as --threads says. Commands that compute call it first. */
bool cli_start_threads(const cli_call *call, senc_error *err);

#endif
