/* What a model folder holds, as one number: two folders with the same key give the same vectors. */
#ifndef EVAL_MODEL_KEY_H
#define EVAL_MODEL_KEY_H

#include <stdbool.h>

#include "autograd/base/error.h"

/* sha256, in hexadecimal, of the names and contents of the folder's weights, tokenizer and configurations: its files
 * .json, .safetensors and .txt, and those of its modules' folders (1_Pooling, 2_Dense, ...). */
bool eval_model_key(const char *folder, char out[65], senc_error *err);

#endif
