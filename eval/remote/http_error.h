/* What a server says when it refuses, made into one line without secrets. */
#ifndef EVAL_HTTP_ERROR_H
#define EVAL_HTTP_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"

/* Worth another try: 408, 425, 429 and 5xx other than 501 and 505; not 429 for an empty account, which no pause fills.
 */
bool eval_http_may_retry(long status, const char *body, size_t n_bytes);

/* Appends the message in the body: error.message (OpenAI, Google), error (TEI, Ollama), message (Cohere), detail
 * (Voyage), else the text itself; control characters become spaces, secrets "***", all cut to 300 bytes. */
void eval_http_append_message(const char *body, size_t n_bytes, const char *secret, senc_buffer *out);

/* Appends text without the secret, NULL: none. */
void eval_http_append_redacted(const char *text, size_t n_bytes, const char *secret, senc_buffer *out);

/* "PLACE: URL answered 401: ...". 4xx is BAD_INPUT, others FAILED. Returns false. */
bool eval_http_fail(const char *place, const char *url, const char *secret, long status, int64_t n_tries,
                    const char *body, size_t n_bytes, senc_error *err);

#endif
