/* `senc inspect` on data: files of rows, and BEIR folders. */
#ifndef INSPECT_DATA_H
#define INSPECT_DATA_H

#include "cli/inspect_vectors.h"

/* Appends what the columns of a file hold (those of all rows), which rows say the same, and which contradict others. */
bool cli_inspect_data(const char *path, const cli_inspect_flags *flags, senc_buffer *out, senc_error *err);
/* The same of a folder's corpus and queries, with what is wrong among its ids, texts and judgements. An error, with all
 * of it in out, when evaluation would refuse the folder. */
bool cli_inspect_beir(const char *folder, const cli_inspect_flags *flags, senc_buffer *out, senc_error *err);

#endif
