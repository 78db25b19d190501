/* What the tests of remote models share: a folder with a cache, a server, an open model. */
#ifndef REMOTE_KIT_H
#define REMOTE_KIT_H

#include "api_server.h"
#include "eval/remote/remote.h"

#define KIT_KEY "sk-test-0123456789abcdefSECRET"

extern char kit_folder[64], kit_cache[128];
extern api_server *kit_server;
extern eval_remote *kit_remote;
extern senc_error kit_error;

/* A fresh folder, no variables of providers, a server; and the two parts of it, for tests that fork: before the server,
 * whose threads may hold locks that nobody would give back in the child. */
void kit_begin(void);
void kit_prepare(void);
void kit_serve(void);
void kit_end(void);

/* "%d" in the spec is the server's port. Pauses before retries are 5 ms. */
bool kit_try_open(const char *spec);
void kit_open(const char *spec);
void kit_close(void);
/* Like the former, with these options. */
bool kit_try_open_with(const char *spec, eval_remote_options options);

/* Texts "TEXT 0", "TEXT 1", ...: fails the test, or returns whether it went well and, where it did, checks every
 * number against the server's formula for PROMPT + text. */
bool kit_try_embed(eval_role role, const char *text, int n, const char *prompt);
void kit_embed(eval_role role, const char *text, int n);
/* The texts as given. */
bool kit_try_embed_texts(eval_role role, const char *const *texts, int n, float *out);

/* The error's text must hold all of the wanted pieces (NULL-terminated), be one line, and not hold the key. */
void kit_check_error(senc_error_kind kind, const char *const *wanted);
#define KIT_CHECK_ERROR(kind, ...) kit_check_error(kind, (const char *const[]){__VA_ARGS__, NULL})

#endif
