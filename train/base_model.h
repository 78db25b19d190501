/* The model that training starts from: a folder, a name in the Hugging Face cache, or a fresh one whose vocabulary is
 * trained from the data. */
#ifndef TRAIN_BASE_MODEL_H
#define TRAIN_BASE_MODEL_H

#include <stdbool.h>

#include "data/table.h"
#include "data/tokenizers/tokenizer.h"
#include "eval/embed.h"
#include "nn/model.h"
#include "train/config.h"
#include "train/feed.h"

/* The folder of a model name, in this order: a folder relative to `relative_to` (NULL: the current one),
 * $SENC_MODELS/name and $SENC_MODELS/<last part of name>, the Hugging Face cache ($HF_HUB_CACHE, $HF_HOME/hub,
 * ~/.cache/huggingface/hub; revision "main"). *folder is fresh. The error lists where it looked. */
bool train_model_find(const char *name, const char *relative_to, char **folder, senc_error *err);

/* The folder of the configuration's [model] base; *folder is fresh. */
bool train_base_model_find(const train_config *config, char **folder, senc_error *err);

/* Fails early when the base cannot be found; loads nothing. */
bool train_base_model_check(const train_config *config, senc_error *err);

/* Loads the base model with its tokenizer, or makes a fresh model: the tokenizer is trained on all texts of the
 * columns. Prompts of the configuration are set. */
bool train_base_model_open(const train_config *config, const data_set *set, const train_columns *columns,
                           nn_model **model, data_tokenizer **tokenizer, senc_error *err);

/* ---- the untouched model ---- */

/* What runs today is the base as its folder says: with its own length, pooling and prompts. True when the configuration
 * changes one of these, so that the model before its first step is not the untouched one. */
bool train_base_model_is_changed(const train_config *config);
/* Loads it, to be evaluated. Only for a configuration with a base. */
bool train_base_model_open_untouched(const train_config *config, eval_model *out, senc_error *err);

/* The model that will be saved (is_untouched: the base as its folder says) without its parameters: prompts, length,
 * pooling, similarity. *out = NULL for a fresh model. */
bool train_base_model_settings(const train_config *config, bool is_untouched, nn_model **out, senc_error *err);

#endif
