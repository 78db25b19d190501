/* `senc inspect` on vectors: files of them, or texts through a model. */
#ifndef INSPECT_VECTORS_H
#define INSPECT_VECTORS_H

#include "cli/command.h"

typedef struct cli_inspect_flags {
    senc_strings vectors, model;
    char *input, *column, *pair_column, *pairs, *format, *prompt_name, *json;
    bool unpaired;
    int64_t max_length;
    int on_bad_utf8;
} cli_inspect_flags;

/* What the flags ask for; results to standard output, and to --json. */
bool cli_inspect_vectors(const cli_inspect_flags *f, senc_error *err);

#endif
