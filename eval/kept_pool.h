/* Vectors of several models, kept while systems are measured one after the other: "m", "m?dim=128" and "hybrid:m+bm25"
 * embed each text once. */
#ifndef EVAL_KEPT_POOL_H
#define EVAL_KEPT_POOL_H

#include "eval/embed.h"
#include "eval/evaluator.h"

typedef struct eval_kept_pool eval_kept_pool;
typedef struct eval_kept_share eval_kept_share;

/* What is more than bytes_at_most, all models together, is embedded but not kept. Not for several threads at once. */
bool eval_kept_pool_open(int64_t bytes_at_most, eval_kept_pool **out, senc_error *err);
/* Shares must be closed before. */
void eval_kept_pool_free(eval_kept_pool *pool); /* NULL is fine */

/* An embedder in inner's place, whose vectors are those of all that share the key; the key says everything that vectors
 * depend on. It lives as long as the share and what inner needs. */
bool eval_kept_pool_share(eval_kept_pool *pool, const char *key, const eval_embedder *inner, eval_kept_share **out,
                          eval_embedder *embedder, senc_error *err);
void eval_kept_share_free(eval_kept_share *share); /* NULL is fine */

/* Of those who share the key, what the one has done that has embedded most, own included: the others were spared it. */
eval_encoder_stats eval_kept_share_stats(eval_kept_share *share, const eval_encoder_stats *own);

#endif
