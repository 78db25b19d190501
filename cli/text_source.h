/* The texts of an input, block by block, for the commands that read texts: a text file (a text a line), jsonl, json,
 * csv, tsv (one column), a BEIR folder (title and text of its documents), or "-" for the lines of standard input.
 * Memory is bounded by the block; files may be .gz or .zst. */
#ifndef TEXT_SOURCE_H
#define TEXT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "cli/table_flags.h"
#include "eval/text_chunk.h"

typedef struct cli_text_source cli_text_source;

typedef struct cli_text_options {
    const cli_table_flags *table; /* on_empty: cli_on_empty */
    const char *column;           /* a name, or a number from 1 for a csv without a header; NULL: "text" */
    bool again;                   /* the same input as before: nothing is said of the rows that are left out */
} cli_text_options;

bool cli_text_source_open(const char *path, const cli_text_options *options, cli_text_source **out, senc_error *err);
void cli_text_source_close(cli_text_source *s);

/* Number of texts; -1 for standard input. */
int64_t cli_text_source_count(const cli_text_source *s);

/* The next text is text i; not for standard input. */
void cli_text_source_seek(cli_text_source *s, int64_t i);

/* Adds the next texts until the chunk is full; none: the end. From any thread, one at a time. */
bool cli_text_source_fill(cli_text_source *s, eval_text_chunk *chunk, senc_error *err);

/* The next texts, at most max_texts and (unless a single text is longer) BLOCK_BYTES; n = 0 at the end. They live until
 * the next call. */
bool cli_text_source_next(cli_text_source *s, int64_t max_texts, const eval_text **texts, int64_t *n, senc_error *err);

/* Where the record of text i begins in its file; not for standard input. */
uint64_t cli_text_source_offset(const cli_text_source *s, int64_t i);

/* Text i again, for showing it; not for standard input. Lives until the next call. */
bool cli_text_source_get(cli_text_source *s, int64_t i, eval_text *text, senc_error *err);

#endif
