/* The flags about systems, shared by the commands that evaluate them: how models are run, and what APIs may cost. */
#ifndef SYSTEM_FLAGS_H
#define SYSTEM_FLAGS_H

#include <math.h>

#include "autograd/base/options.h"
#include "eval/system.h"

/* A command's struct has them as its field `system`, and CLI_SYSTEM_ROWS among its rows. */
typedef struct cli_system_flags {
    char *pooling;
    int64_t max_length;
    bool yes;
    int precision; /* nn_precision */
} cli_system_flags;

#define CLI_SYSTEM_ROW(struct_type, field, kind, initial, high, choices, help)                                         \
    SENC_OPTION_ROW_OF(struct_type, system, field, kind, initial, 0, high, choices, help)

#define CLI_SYSTEM_ROWS(struct_type)                                                                                   \
    CLI_SYSTEM_ROW(struct_type, pooling, SENC_OPTION_TYPE_STRING, NULL, 0, NULL,                                       \
                   "mean, cls, max, ...; unset: what the model says"),                                                 \
        CLI_SYSTEM_ROW(struct_type, max_length, SENC_OPTION_TYPE_INTEGER, "0", HUGE_VAL, NULL,                         \
                       "longest text in tokens, special ones included; 0: what the model says"),                       \
        CLI_SYSTEM_ROW(struct_type, yes, SENC_OPTION_TYPE_BOOLEAN, "false", 0, NULL,                                   \
                       "send to embedding APIs what costs more than $1, or 1,000,000 tokens at an unknown price"),     \
        CLI_SYSTEM_ROW(struct_type, precision, SENC_OPTION_TYPE_CHOICE, "fp32", 0, NN_PRECISIONS,                      \
                       "auto: bf16 where the CPU has instructions for it")

/* What eval_system_open() wants to know; names of models are looked up as MODEL on the command line is. */
eval_system_options cli_system_options(const cli_system_flags *f);

#endif
