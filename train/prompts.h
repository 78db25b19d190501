/* What a model puts in front of which texts: in training, in evaluations and when it is used. Said in the plan, in the
 * configuration of a run and in reports, because nobody would see it otherwise. */
#ifndef TRAIN_PROMPTS_H
#define TRAIN_PROMPTS_H

#include "autograd/base/buffer.h"
#include "nn/model.h"

typedef struct train_prompt {
    const char *name;  /* "query", "document"; "default" */
    const char *texts; /* what it stands in front of: "queries and anchors" */
    const char *text;  /* "": nothing; lives as long as the model */
} train_prompt;

#define TRAIN_N_PROMPTS 3
void train_prompts_of(const nn_model *m, train_prompt prompts[TRAIN_N_PROMPTS]);
bool train_prompts_any(const nn_model *m);

/* Lines ended by '\n': what stands in front of what, or "none"; and the prompt for documents that the folder names but
 * that is not used (nn_model_unused_prompt), with the key that uses it. */
void train_prompts_print(const nn_model *m, senc_buffer *out);

#endif
