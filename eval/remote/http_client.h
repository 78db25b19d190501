/* Many POST requests of JSON to one address: in parallel, at a limited rate, tried again after what passes by itself
 * (429, 5xx, time-outs, lost connections; with growing pauses, or as long as Retry-After says). libcurl's header is
 * included by http_client.c only. Redirects are not followed. The secret never appears in a message. */
#ifndef EVAL_HTTP_CLIENT_H
#define EVAL_HTTP_CLIENT_H

#include "autograd/base/buffer.h"
#include "eval/remote/http_error.h"

typedef struct eval_http eval_http;

typedef struct eval_http_options { /* all strings are borrowed */
    const char *place;             /* what messages begin with */
    const char *header;            /* "Authorization: Bearer KEY"; NULL: none */
    const char *secret;            /* what is cut out of messages; NULL: none */
    int64_t parallel, retries;
    double per_minute; /* 0: no limit */
    double timeout_s, backoff_ms;
} eval_http_options;

typedef struct eval_http_stats {
    int64_t n_requests, n_retries; /* requests sent, of which again */
    double wait_ms;                /* with nothing under way, for a server that asked for it or for the rate */
} eval_http_stats;

/* n requests; the functions are called one at a time, by the caller's thread. */
typedef struct eval_http_work {
    const char *url;
    int64_t n;
    size_t max_answer_bytes;
    bool (*build)(void *context, int64_t i, senc_buffer *body, senc_error *err);
    /* The body of a 2xx answer; requests finish in any order. */
    bool (*take)(void *context, int64_t i, const char *bytes, size_t n_bytes, senc_error *err);
    void *context;
} eval_http_work;

bool eval_http_create(const eval_http_options *options, eval_http **out, senc_error *err);
void eval_http_free(eval_http *h);
/* After a failure no further request begins; those under way are waited for and taken, because they are paid. A first
 * connection that is refused is not tried again: the address is wrong, or the server is not running. */
bool eval_http_post(eval_http *h, const eval_http_work *work, senc_error *err);
/* GET, tried again likewise. *found is false after a 404 or 405. */
bool eval_http_get(eval_http *h, const char *url, senc_buffer *answer, bool *found, senc_error *err);
eval_http_stats eval_http_get_stats(const eval_http *h);

#endif
