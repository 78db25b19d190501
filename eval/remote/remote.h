/* Embedding APIs as models: OpenAI, Azure, Cohere, Voyage, Google Vertex, Hugging Face, text-embeddings-inference,
 * Ollama, and any server that speaks OpenAI's protocol.
 *
 *     openai:text-embedding-3-small        cohere:embed-v4.0?dimensions=512        tei:http://127.0.0.1:8080
 *     openai:bge-m3?url=http://127.0.0.1:8000/v1&batch=64
 *
 * Vectors are kept in a file (paid_vectors.h) batch by batch, so that nothing is paid for twice. Keys come from the
 * environment only, and appear in no message, report or file. Empty texts are not sent: their vectors are zeros. */
#ifndef EVAL_REMOTE_H
#define EVAL_REMOTE_H

#include "eval/evaluator.h"
#include "eval/remote/remote_spec.h"

typedef struct eval_remote eval_remote;

typedef struct eval_remote_options {
    const char *cache_path; /* NULL: by default (paid_vectors.h); "none": in memory only */
    bool yes;               /* send whatever it costs */
    /* Without `yes`, what one eval_remote may send: in estimated dollars, or in tokens where the price is not known. 0:
     * $1 and 1,000,000 tokens. What costs nothing is not limited. */
    double limit_dollars;
    int64_t limit_tokens;
    double backoff_ms; /* first pause before another try; 0: 1000 */
} eval_remote_options;

typedef struct eval_remote_stats {
    int64_t n_texts;                       /* asked for */
    int64_t n_cached, n_repeated, n_empty; /* of these: from the cache, again in the same call, not sent */
    int64_t n_truncated;                   /* cut by max_bytes */
    int64_t n_sent, n_requests, n_retries;
    int64_t n_tokens; /* as billed */
    bool tokens_estimated;
    double dollars; /* NaN: price unknown */
    double price;   /* dollars per million tokens; NaN: unknown */
    double ms, wait_ms;
    int64_t n_by_role[3], n_tokens_by_role[3]; /* of n_texts, but empty ones; tokens as estimated */
} eval_remote_stats;

/* Checks the spec, the key and the cache, and asks the server for the dimension (with one word) where neither
 * `dimensions` nor the cache tells it. */
bool eval_remote_open(const char *spec, const eval_remote_options *options, eval_remote **out, senc_error *err);
/* The same from parts that were read elsewhere: the provider ("openai"), what stands behind its colon, and choices read
 * by eval_remote_option_rows, which must outlive *out. */
bool eval_remote_open_choices(const char *provider, const char *model, const eval_remote_choices *choices,
                              const eval_remote_options *options, eval_remote **out, senc_error *err);
void eval_remote_close(eval_remote *r);

const char *eval_remote_name(const eval_remote *r);    /* "openai:text-embedding-3-small" */
const char *eval_remote_address(const eval_remote *r); /* the URL of requests */
/* What is put in front of texts of that role; "": nothing. */
const char *eval_remote_prompt(const eval_remote *r, eval_role role);
eval_embedder eval_remote_embedder(eval_remote *r);
eval_remote_stats eval_remote_get_stats(const eval_remote *r);
/* Calls show(context, stats) after every answer. NULL: nobody watches. */
void eval_remote_watch(eval_remote *r, void (*show)(void *context, const eval_remote_stats *stats), void *context);

/* An estimate for everything, before anything is sent: run the evaluators with the planner in the embedder's place
 * (their results mean nothing; its vectors are short), then ask. The planner counts what is not in the cache, each text
 * once. */
typedef struct eval_remote_plan {
    int64_t n_texts, n_tokens; /* to be sent */
    double dollars, price;     /* price per million tokens; NaN: unknown */
    bool within_limit;
} eval_remote_plan;
eval_embedder eval_remote_planner(eval_remote *r);
eval_remote_plan eval_remote_get_plan(const eval_remote *r);
/* Fails, with the estimate, where the plan is above the limit and `yes` is not given. */
bool eval_remote_check_plan(const eval_remote *r, senc_error *err);
/* One line: what will be sent, what it costs, and the limit. Appends to out. */
void eval_remote_describe_plan(const eval_remote *r, senc_buffer *out);
/* "$0.42", "less than $0.01" */
const char *eval_remote_dollars_text(double dollars, char *out, size_t out_bytes);

/* Tokens of a text, for want of the provider's tokenizer: a quarter of its ASCII bytes and each other character. */
int64_t eval_remote_estimate_tokens(const char *text, int64_t n_bytes);

#endif
