/* Texts that say the same in other letters: "What is ASTHMA ?", "what is asthma" and "What is asthma?" fold to one.
 *
 * Folding: Unicode's case folding and compatibility decomposition (NFKC_Casefold, left decomposed), ignorable
 * characters dropped; white space and punctuation become one blank between words, an apostrophe within a word nothing.
 * What says something stays: symbols and # % & @ ("C++", "C#", "5 %"), and punctuation between digits ("1.5" is not
 * "15"). Ideographs and kana are words of their own. A text of punctuation alone ("?!") keeps it, behind a byte 1, so
 * that not all such texts are one. */
#ifndef DATA_TEXT_FOLD_H
#define DATA_TEXT_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"

/* Scratch; {0} is ready. One per thread. */
typedef struct data_folder {
    uint32_t *points;
    int64_t capacity;
    senc_buffer text;
} data_folder;
void data_folder_free(data_folder *f);

/* The folded text, valid until the next call with the same folder; it has no blank at its ends and no two in a row.
 * UTF-8 that is ill-formed is taken as it is. */
bool data_text_fold(data_folder *f, const char *text, size_t n_bytes, const char **folded, size_t *folded_bytes,
                    senc_error *err);

/* data_text_hash of the folded text. */
bool data_text_fold_hash(data_folder *f, const char *text, size_t n_bytes, uint64_t *hash, senc_error *err);

#endif
