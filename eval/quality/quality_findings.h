/* What a check of vectors has found, judged and written: a table of 80 columns, JSON, and warnings. Rows are numbered
 * from 1 where people read them. */
#ifndef EVAL_QUALITY_FINDINGS_H
#define EVAL_QUALITY_FINDINGS_H

#include "autograd/base/buffer.h"
#include "data/formats/json.h"
#include "eval/quality/vector_drift.h"

typedef struct eval_findings {
    const char *names[2]; /* of the sets: a file, a model; borrowed */
    int n_sets;
    eval_quality quality[2];
    bool has_suspects, has_drift, has_shift;
    eval_quality_suspects suspects; /* of the first set and its texts */
    eval_drift drift;
    eval_shift shift;
    senc_strings warnings;
} eval_findings;

/* Fills the warnings. */
bool eval_findings_judge(eval_findings *f, senc_error *err);
void eval_findings_print(const eval_findings *f, senc_buffer *out);
void eval_findings_put_json(const eval_findings *f, data_json *object);
void eval_findings_free(eval_findings *f);

#endif
