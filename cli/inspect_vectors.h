/* `senc inspect` on vectors: files of them, or texts through a model. */
#ifndef INSPECT_VECTORS_H
#define INSPECT_VECTORS_H

#include "cli/command.h"
#include "cli/table_flags.h"

typedef struct cli_inspect_flags {
    senc_strings vectors, model;
    char *input, *column, *pair_column, *pairs, *prompt_name, *json;
    bool unpaired, overwrite;
    int64_t max_length;
    cli_table_flags table;
} cli_inspect_flags;

/* What the flags ask for; results to standard output, and to --json. */
bool cli_inspect_vectors(const cli_inspect_flags *f, senc_error *err);

#endif
