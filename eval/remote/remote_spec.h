/* PROVIDER:MODEL?option=value&...: a model behind an embedding API, as it is written on the command line. */
#ifndef EVAL_REMOTE_SPEC_H
#define EVAL_REMOTE_SPEC_H

#include "eval/evaluator.h"

typedef struct eval_provider eval_provider;

typedef struct eval_remote_choices {
    char *url, *key_env, *query_prompt, *document_prompt, *query_type, *document_type, *text_type, *api_version;
    int64_t dimensions, batch, parallel, retries, max_bytes;
    double rate, price, timeout;
} eval_remote_choices;

typedef struct eval_remote_spec {
    const eval_provider *provider;
    char *name;  /* "openai:text-embedding-3-small": what messages call it */
    char *model; /* "" where a URL says it all */
    eval_remote_choices choices;
    bool borrows_choices; /* their strings belong to somebody else */
} eval_remote_spec;

extern const senc_option eval_remote_option_rows[];

/* Does the text begin with a provider's name and a colon? */
bool eval_remote_is_spec(const char *text);
/* "%26" in a value is "&". Fails on an unknown provider or option and on a URL with a password in it, which is not
 * repeated in the message. */
bool eval_remote_spec_parse(const char *text, eval_remote_spec *out, senc_error *err);
/* Percent-encoding undone (RFC 3986, 2.1); a '%' without two digits stands for itself. Fresh; NULL: out of memory. */
char *eval_remote_decode(const char *text, size_t n_bytes);
/* http or https, with a host, without a name, password or query, which would land in reports. where: what messages
 * begin with; the URL is not repeated. */
bool eval_remote_check_url(const char *where, const char *url, senc_error *err);
/* From parts that were read elsewhere; the choices' strings are borrowed. */
bool eval_remote_spec_make(const eval_provider *provider, const char *model, const eval_remote_choices *choices,
                           eval_remote_spec *out, senc_error *err);
void eval_remote_spec_free(eval_remote_spec *spec);

/* Of a role: the input type that is sent (NULL: none), and the prompt that senc puts in front (""). */
const char *eval_remote_spec_type(const eval_remote_spec *spec, eval_role role);
const char *eval_remote_spec_prompt(const eval_remote_spec *spec, eval_role role);

#endif
