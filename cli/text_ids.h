/* The ids of an input's texts, one after the other: a column of it (of a BEIR folder: _id), or a file with an id a
 * line. */
#ifndef TEXT_IDS_H
#define TEXT_IDS_H

#include "cli/text_source.h"
#include "data/readers/readers.h"

typedef struct cli_text_ids cli_text_ids;

/* column NULL: "_id" or "id" where the input has it. ids_path NULL: none. *out is NULL when there are no ids.
 * n_texts: what ids_path must have. */
bool cli_text_ids_open(const char *input, const cli_text_options *options, const char *column, const char *ids_path,
                       int64_t n_texts, cli_text_ids **out, senc_error *err);
/* The next id; it lives until the next call. An error at the end, and for an id that is empty or holds a newline. */
bool cli_text_ids_next(cli_text_ids *ids, eval_text *id, senc_error *err);
void cli_text_ids_close(cli_text_ids *ids);

/* Writes the ids of all n_texts texts to VECTORS.ids.txt, one a line. */
bool cli_text_ids_save(cli_text_ids *ids, const char *vectors_path, int64_t n_texts, senc_error *err);

/* Refuses a pipe or a device, for commands that read their input more than once. */
bool cli_input_check(const char *flag, const char *path, senc_error *err);
/* An input as its reader sees it; a folder stands for its corpus.jsonl. column: of the texts (a number: no header), or
 * NULL. The caller closes it, also on failure. */
bool cli_input_open(const char *path, const cli_table_flags *table, const char *column, data_opened *out,
                    senc_error *err);

#endif
