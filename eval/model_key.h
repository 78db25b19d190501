/* What a model folder holds, as one number: two folders with the same key give the same vectors. */
#ifndef EVAL_MODEL_KEY_H
#define EVAL_MODEL_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

/* sha256, in hexadecimal, of the names and contents of the folder's weights, tokenizer and configurations: its files
 * .json, .safetensors and .txt, and those of its modules' folders (1_Pooling, 2_Dense, ...). */
bool eval_model_key(const char *folder, char out[65], senc_error *err);

/* Those files, relative to the folder, in the order of their names. */
bool eval_model_files(const char *folder, char ***items, int64_t *n, senc_error *err);
void eval_model_files_free(char **items, int64_t n);

#endif
