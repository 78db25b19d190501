/* Files that are part of the program (cmake/embed.cmake makes the arrays). */
#ifndef EMBEDDED_H
#define EMBEDDED_H

#include <stddef.h>

typedef struct cli_embedded {
    const char *path; /* as in the source tree: "demo/train.jsonl" */
    const unsigned char *bytes;
    size_t n_bytes;
} cli_embedded;

/* configs/demo.toml and demo/..., ended by {0}. */
extern const cli_embedded cli_demo_files[];

#endif
