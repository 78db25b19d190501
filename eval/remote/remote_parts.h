/* Inside a remote model: shared by remote.c (open, close, facts) and remote_embed.c (texts to vectors) only. */
#ifndef EVAL_REMOTE_PARTS_H
#define EVAL_REMOTE_PARTS_H

#include "eval/remote/http_client.h"
#include "eval/remote/provider.h"
#include "eval/remote/remote.h"
#include "eval/remote/paid_vectors.h"

#define EVAL_REMOTE_PLAN_WIDTH 8 /* of the vectors that the planner makes up */

struct eval_remote {
    eval_remote_spec spec;
    eval_remote_options options; /* with defaults filled in */
    char *base, *url;            /* base: without '/' at its end; "": made by the provider */
    char *key, *header;          /* NULL: none */
    eval_provider_limits limits;
    eval_paid_vectors *cache;
    eval_http *http;
    data_json_pool *pool; /* of answers */
    int64_t width;        /* 0 until it is known */
    double price;
    eval_remote_stats stats;
    eval_remote_plan plan;
    int64_t n_tokens_allowed; /* estimates of what has been sent so far */
    void (*show)(void *context, const eval_remote_stats *stats);
    void *show_context;
};

/* out (n, width); NULL: only into the cache. */
bool eval_remote_embed(eval_remote *r, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err);
/* Adds to the plan; out (n, EVAL_REMOTE_PLAN_WIDTH) is filled with numbers that mean nothing. */
bool eval_remote_embed_plan(eval_remote *r, eval_role role, const eval_text *texts, int64_t n, float *out,
                            senc_error *err);
/* Fails when n_texts of n_tokens more would pass the limit. */
bool eval_remote_allow(const eval_remote *r, int64_t n_texts, int64_t n_tokens, senc_error *err);

#endif
