/* How far an encoding has come, in a file beside its output, so that it can go on after an interruption. */
#ifndef EVAL_ENCODE_PROGRESS_H
#define EVAL_ENCODE_PROGRESS_H

#include "data/formats/json.h"
#include "data/formats/vector_writer.h"

/* Replaces the file. options: an object of strings, everything that the output depends on. */
bool eval_encode_progress_save(const char *path, const data_json *options, data_vector_mark mark, senc_error *err);
/* BAD_INPUT when an option is another one than that of the interrupted run; the message names it. */
bool eval_encode_progress_load(const char *path, const data_json *options, data_vector_mark *mark, senc_error *err);

#endif
