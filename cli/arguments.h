/* The command line of a command: --name value, --name=value, -k 3, switches, repeated flags, positional arguments; "--"
 * ends the flags. The flags are the rows of an option table: a field `batch_tokens` is the flag --batch-tokens, a list
 * of strings is a flag that may be repeated, a boolean is a switch (--normalize, --no-normalize, --normalize=no). */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "autograd/base/buffer.h"
#include "cli/command.h"

/* Flags that every command has. */
typedef struct cli_common {
    bool help, quiet;
    int64_t threads;
} cli_common;

/* call->flags points to command->flags_bytes zeroed bytes. Arguments are borrowed. On failure everything can still be
 * freed with cli_arguments_free. With --help, missing arguments are no error. */
bool cli_arguments_parse(const cli_command *command, int n_arguments, char **arguments, cli_call *call,
                         cli_common *common, senc_error *err);
void cli_arguments_free(const cli_command *command, cli_call *call);

/* Appends the --help text of a command, at most 80 columns wide. */
void cli_arguments_help(const cli_command *command, senc_buffer *out);

/* "--batch-tokens", "-k"; written to out (64 bytes are enough), which is returned. */
const char *cli_flag_name(const senc_option *flag, char *out, size_t out_bytes);

#endif
