/* What an evaluation will be, before any model is loaded: its evaluator runs once on short made-up vectors, so the keys
 * of its metrics, its headline and the texts that it embeds are known from it and from nobody's second list. The
 * numbers mean nothing. It costs what the evaluator does beside embedding. */
#ifndef EVAL_REHEARSAL_H
#define EVAL_REHEARSAL_H

#include "eval/evaluator.h"

/* Texts that are kept to see how long embedding takes. */
#define EVAL_REHEARSAL_SAMPLE 128

typedef struct eval_rehearsed_text {
    eval_role role;
    char *bytes;
    int64_t n_bytes;
} eval_rehearsed_text;

typedef struct eval_rehearsal {
    eval_result result;                                    /* keys, headline, name; without details */
    int64_t n_texts;                                       /* embedded in all */
    eval_rehearsed_text sample[2 * EVAL_REHEARSAL_SAMPLE]; /* (n_sample) every stride-th text */
    int64_t n_sample, stride;
} eval_rehearsal;

/* similarity: the model's own. Nothing is written, whatever the evaluator's options say. *out can be freed in any
 * case. */
bool eval_rehearse(eval_job *job, const char *similarity, eval_rehearsal *out, senc_error *err);
void eval_rehearsal_free(eval_rehearsal *r);

#endif
