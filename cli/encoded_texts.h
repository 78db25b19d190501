/* Vectors of all texts of an input, for commands that need them more than once: encoded into a file that is mapped and
 * has no name any more, so that memory is bounded and nothing is left behind. */
#ifndef ENCODED_TEXTS_H
#define ENCODED_TEXTS_H

#include "cli/text_source.h"
#include "data/formats/vector_file.h"
#include "eval/embed.h"

/* Encodes what is left of the source. In $TMPDIR, else /tmp. Stops on Ctrl-C where cli_interrupt_watch was called. */
bool cli_encode_texts(eval_model *m, const char *prompt, cli_text_source *source, data_vectors *out, senc_error *err);

#endif
