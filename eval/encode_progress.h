/* How far an encoding has come, in a file beside its output, so that it can go on after an interruption. */
#ifndef EVAL_ENCODE_PROGRESS_H
#define EVAL_ENCODE_PROGRESS_H

#include "data/formats/json.h"
#include "data/formats/vector_writer.h"

typedef struct eval_encode_progress {
    data_vector_mark mark; /* rows 0: nothing to go on with */
    bool overwrites;       /* it was told to replace an output that is there */
    bool sealed;           /* all rows are there; only names have to change */
} eval_encode_progress;

/* Replaces the file. options: an object of strings, everything that the output depends on; NULL before the first row.
 */
bool eval_encode_progress_save(const char *path, const data_json *options, const eval_encode_progress *progress,
                               senc_error *err);
/* BAD_INPUT when an option is another one than that of the interrupted run; the message names it. */
bool eval_encode_progress_load(const char *path, const data_json *options, eval_encode_progress *progress,
                               senc_error *err);
/* Whether senc has written this file. progress: what it says, options unchecked. */
bool eval_encode_progress_peek(const char *path, eval_encode_progress *progress);

#endif
