/* Can an index of old vectors be kept when the model changes? While models are evaluated, a recorder keeps their
 * vectors; then a linear map from the new model's vectors to the old one's is fitted on one half of the documents, and
 * the evaluation is repeated with the new model's queries, mapped, against the old model's documents. Nothing is
 * embedded again. */
#ifndef EVAL_OLD_INDEX_H
#define EVAL_OLD_INDEX_H

#include "eval/evaluator.h"

/* Vectors of one evaluation, in the order in which they were asked for. */
typedef struct eval_recorder {
    eval_embedder inner;
    struct eval_recorded {
        float *vectors;   /* (n, width) */
        uint64_t *hashes; /* (n) of the texts */
        int64_t n, capacity;
    } documents, queries;
    bool is_full; /* more than bytes_at_most: nothing is kept */
    int64_t bytes_at_most;
} eval_recorder;

/* An embedder that does what `inner` does and keeps the vectors of queries and documents. The recorder must outlive it.
 */
eval_embedder eval_recorder_open(eval_recorder *r, const eval_embedder *inner, int64_t bytes_at_most);
void eval_recorder_free(eval_recorder *r);

typedef struct eval_old_index {
    double value;  /* the primary metric */
    double cosine; /* of mapped and old vectors of the half that the map was not fitted on */
    int64_t n_fitted;
} eval_old_index;

/* True where both recorders hold the same documents, enough of them, and queries. */
bool eval_old_index_can_measure(const eval_recorder *old, const eval_recorder *new);
/* Repeats `job`. result: the base's, whose primary metric is read from the new result. */
bool eval_old_index_measure(const eval_recorder *old, const eval_recorder *new, eval_job *job,
                            const eval_result *result, eval_old_index *out, senc_error *err);

#endif
