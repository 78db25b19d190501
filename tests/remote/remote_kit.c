/* See remote_kit.h. */
#include "remote_kit.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"

char kit_folder[64], kit_cache[128];
api_server *kit_server;
eval_remote *kit_remote;
senc_error kit_error;

void kit_prepare(void) {
    static const char *const names[] = {"OPENAI_API_KEY",
                                        "OPENAI_BASE_URL",
                                        "AZURE_OPENAI_API_KEY",
                                        "AZURE_OPENAI_ENDPOINT",
                                        "AZURE_OPENAI_API_VERSION",
                                        "COHERE_API_KEY",
                                        "CO_API_KEY",
                                        "CO_API_URL",
                                        "VOYAGE_API_KEY",
                                        "GOOGLE_ACCESS_TOKEN",
                                        "GOOGLE_OAUTH_ACCESS_TOKEN",
                                        "CLOUDSDK_AUTH_ACCESS_TOKEN",
                                        "GOOGLE_CLOUD_PROJECT",
                                        "GOOGLE_CLOUD_LOCATION",
                                        "GOOGLE_CLOUD_REGION",
                                        "HF_TOKEN",
                                        "HUGGING_FACE_HUB_TOKEN",
                                        "TEI_API_KEY",
                                        "OLLAMA_API_KEY",
                                        "OLLAMA_HOST",
                                        "SENC_VECTOR_CACHE",
                                        "XDG_CACHE_HOME",
                                        "http_proxy",
                                        "HTTP_PROXY",
                                        "all_proxy",
                                        "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
    setenv("TEST_KEY", KIT_KEY, 1);
    snprintf(kit_folder, sizeof kit_folder, "/tmp/senc-remote-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(kit_folder));
    snprintf(kit_cache, sizeof kit_cache, "%s/v.sqlite", kit_folder);
    kit_error = (senc_error){0};
}

void kit_serve(void) {
    kit_server = api_server_start();
    api_server_set_secret(kit_server, KIT_KEY);
}

void kit_begin(void) {
    kit_prepare();
    kit_serve();
}

void kit_end(void) {
    kit_close();
    api_server_stop(kit_server);
    ck_assert(senc_path_remove(kit_folder, NULL));
}

bool kit_try_open_with(const char *spec, eval_remote_options options) {
    char whole[512];
    const char *at = strstr(spec, "%d");
    ck_assert_ptr_null(kit_remote);
    kit_error = (senc_error){0};
    if (at)
        snprintf(whole, sizeof whole, "%.*s%d%s", (int)(at - spec), spec, api_server_port(kit_server), at + 2);
    else
        snprintf(whole, sizeof whole, "%s", spec);
    return eval_remote_open(whole, &options, &kit_remote, &kit_error);
}

bool kit_try_open(const char *spec) {
    return kit_try_open_with(spec, (eval_remote_options){.cache_path = kit_cache, .backoff_ms = 5});
}

void kit_open(const char *spec) {
    ck_assert_msg(kit_try_open(spec), "%s", kit_error.text);
}

void kit_close(void) {
    eval_remote_close(kit_remote);
    kit_remote = NULL;
}

bool kit_try_embed_texts(eval_role role, const char *const *texts, int n, float *out) {
    eval_text *list = malloc((size_t)n * sizeof *list);
    for (int i = 0; i < n; i++) list[i] = (eval_text){texts[i], (int64_t)strlen(texts[i])};
    const eval_embedder embedder = eval_remote_embedder(kit_remote);
    kit_error = (senc_error){0};
    const bool ok = embedder.embed(embedder.context, role, list, n, out, &kit_error);
    ck_assert_int_eq(ok, kit_error.kind == SENC_OK);
    free(list);
    return ok;
}

bool kit_try_embed(eval_role role, const char *text, int n, const char *prompt) {
    char(*texts)[64] = malloc((size_t)n * sizeof *texts);
    const char **list = calloc((size_t)n, sizeof *list);
    const int64_t width = eval_remote_embedder(kit_remote).width;
    float *out = malloc((size_t)(n * width) * sizeof *out);
    for (int i = 0; i < n; i++) {
        snprintf(texts[i], sizeof texts[i], "%s %d", text, i);
        list[i] = texts[i];
    }
    const bool ok = kit_try_embed_texts(role, list, n, out);
    for (int i = 0; ok && i < n; i++) {
        char whole[160];
        snprintf(whole, sizeof whole, "%s%s", prompt, texts[i]);
        for (int64_t k = 0; k < width; k++) {
            const float want = api_server_value(whole, (int64_t)strlen(whole), k);
            ck_assert_msg(out[i * width + k] == want, "text %d, number %d: %g, expected %g", i, (int)k,
                          (double)out[i * width + k], (double)want);
        }
    }
    free(out);
    free(list);
    free(texts);
    return ok;
}

void kit_embed(eval_role role, const char *text, int n) {
    ck_assert_msg(kit_try_embed(role, text, n, ""), "%s", kit_error.text);
}

void kit_check_error(senc_error_kind kind, const char *const *wanted) {
    ck_assert_msg(kit_error.kind == kind, "kind %d: %s", (int)kit_error.kind, kit_error.text);
    for (; *wanted; wanted++)
        ck_assert_msg(strstr(kit_error.text, *wanted) != NULL, "expected \"%s\" in: %s", *wanted, kit_error.text);
    ck_assert_ptr_null(strchr(kit_error.text, '\n'));
    ck_assert_ptr_null(strstr(kit_error.text, "SECRET"));
}
