/* MODEL on the command line: a model folder, a run folder (its best/, else its final/), or a name that is looked up as
 * the configuration's [model] base is. */
#ifndef MODEL_ARGUMENT_H
#define MODEL_ARGUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "cli/command.h"
#include "eval/embed.h"
#include "eval/embed_progress.h"
#include "eval/system.h"

/* *folder is fresh. */
bool cli_model_find(const char *name, char **folder, senc_error *err);

/* Finds and loads model, tokenizer and encoder; says what was loaded. batch_tokens 0: the encoder's default. */
bool cli_model_load(const char *name, const nn_overrides *overrides, int64_t batch_tokens, eval_model *m,
                    senc_error *err);

/* True when the flag of that field name was given. */
bool cli_is_given(const cli_call *call, const char *field);

/* The prompt of that name; an error that names the model when it has none. */
bool cli_model_prompt(const eval_model *m, const char *model_name, const char *prompt_name, const char **prompt,
                      senc_error *err);

/* The same of a model that is loaded without its weights. */
bool cli_settings_prompt(const nn_model *m, const char *model_name, const char *prompt_name, const char **prompt,
                         senc_error *err);

/* Warns about truncated and empty texts. */
void cli_warn_about_texts(int64_t n_texts, int64_t n_truncated, int64_t max_length, int64_t n_empty);

/* Shows a status line while the model encodes (eval/embed_progress.h). `progress` must outlive the encoder's use. */
typedef eval_progress cli_progress;
void cli_progress_watch(cli_progress *progress, eval_encoder *encoder);
/* The texts that a job will have embedded, where a model embeds them; -1: unknown. */
int64_t cli_progress_count(eval_job *job, const eval_embedder *embedder);
void cli_progress_watch_system(cli_progress *progress, eval_system *system);

/* "1,234,567"; written to out (32 bytes are enough), which is returned. */
const char *cli_count_text(int64_t n, char *out, size_t out_bytes);

#endif
