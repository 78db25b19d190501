/* Embedding APIs: what is particular to each. One provider = one table entry in provider_NAME.c and one line in
 * providers.def: where it is, which variable holds the key, what a request and an answer look like, how much it takes
 * at a time. */
#ifndef EVAL_PROVIDER_H
#define EVAL_PROVIDER_H

#include "data/formats/json.h"
#include "eval/remote/remote_spec.h"

/* A batch, as a request's body is made from it. */
typedef struct eval_provider_call {
    const eval_remote_spec *spec;
    const char *input_type; /* as the provider calls it: "search_query"; NULL: none */
    const eval_text *texts; /* (n) */
    int64_t n;
} eval_provider_call;

/* The vectors of an answer. init with n; width 0: the first vector says. */
typedef struct eval_answer {
    float *values; /* (n, width) */
    int64_t n, width;
    int64_t n_tokens; /* as billed; -1: the answer does not say */
    const char *place;
} eval_answer;

/* How much one request may hold. Tokens are estimates, so they stay well below the true limit. */
typedef struct eval_provider_limits {
    int64_t n_texts, n_tokens;
} eval_provider_limits;

/* Dollars per million tokens, for models whose name begins so; the first match counts. */
typedef struct eval_provider_price {
    const char *prefix; /* "": any */
    double dollars;
} eval_provider_price;

typedef struct eval_provider {
    const char *name, *title;
    const char *model_form;   /* what stands behind the colon: "MODEL", "URL" */
    const char *key_names[4]; /* environment variables, the first that is set counts */
    bool key_needed;
    const char *key_hint;         /* how to get one, or NULL */
    const char *key_header;       /* in front of the key: "Authorization: Bearer " */
    const char *default_base;     /* URL; NULL: the user's */
    const char *base_names[2];    /* environment variables that replace it */
    const char *types[3];         /* input types by eval_role; NULL: none is sent */
    eval_provider_limits limits;  /* by default */
    eval_provider_price price[6]; /* list prices; {0}: none, unknown */
    /* The address of requests, behind the base without a '/' at its end. */
    bool (*put_url)(const eval_remote_spec *spec, const char *base, senc_buffer *url, senc_error *err);
    void (*put_body)(const eval_provider_call *call, data_json *body);
    /* out: n and place are set. */
    bool (*read_answer)(const data_json *answer, eval_answer *out, senc_error *err);
    /* Limits that depend on the model; NULL: they do not. */
    void (*limit)(const char *model, eval_provider_limits *limits);
    /* A GET behind the base that tells which weights are served, for the cache's key; NULL: the model's name does. */
    const char *identity_path;
    bool (*read_identity)(const eval_remote_spec *spec, const data_json *answer, senc_buffer *identity,
                          eval_provider_limits *limits, senc_error *err);
} eval_provider;

const eval_provider *eval_provider_find(const char *name, size_t n_bytes); /* NULL: unknown */
const eval_provider *const *eval_provider_all(int *n);
/* Dollars per million tokens from the table, NaN where there is none. */
double eval_provider_list_price(const eval_provider *p, const char *model);

/* ---- for the providers ---- */

/* Texts as an array of strings. */
void eval_provider_put_texts(const eval_provider_call *call, data_json *parent, const char *key);
/* Appends a path segment, percent-encoded (RFC 3986); '/' stays. */
void eval_provider_put_path(senc_buffer *url, const char *text);
/* Vector i of the answer, from an array of numbers. All must be finite, and as many as the width. */
bool eval_answer_put(eval_answer *out, int64_t i, const data_json *vector, senc_error *err);
/* An array of n arrays of numbers, in the order of the texts. what: its name in the answer. */
bool eval_answer_put_all(eval_answer *out, const data_json *vectors, const char *what, senc_error *err);
/* The form of OpenAI: an array of {embedding, index}, in any order. */
bool eval_answer_put_indexed(eval_answer *out, const data_json *answer, senc_error *err);
bool eval_answer_check_count(const eval_answer *out, const data_json *array, const char *what, senc_error *err);
void eval_answer_free(eval_answer *out);

#endif
