/* Ollama: https://docs.ollama.com/api/embed
 *
 *     POST /api/embed {"model", "input": [...], "truncate": true, "dimensions"} -> {"embeddings": [[...]],
 * "prompt_eval_count"} GET  /api/tags  -> {"models": [{"name", "digest"}]}
 */
#include "eval/remote/provider.h"

#include <string.h>

static bool put_url(const eval_remote_spec *spec, const char *base, senc_buffer *url, senc_error *err) {
    (void)spec, (void)err;
    senc_buffer_printf(url, "%s/api/embed", base);
    return true;
}

static void put_body(const eval_provider_call *call, data_json *body) {
    data_json_put_string(body, "model", call->spec->model);
    eval_provider_put_texts(call, body, "input");
    data_json_put_bool(body, "truncate", true);
    if (call->spec->choices.dimensions > 0) data_json_put_integer(body, "dimensions", call->spec->choices.dimensions);
}

static bool read_answer(const data_json *answer, eval_answer *out, senc_error *err) {
    const data_json *tokens = data_json_find(answer, "prompt_eval_count");
    if (tokens && data_json_is_number(tokens)) out->n_tokens = (int64_t)data_json_number(tokens);
    return eval_answer_put_all(out, data_json_find(answer, "embeddings"), "embeddings", err);
}

/* "nomic-embed-text" is "nomic-embed-text:latest". */
static bool is_model(const char *listed, const char *model) {
    const size_t n = strlen(model);
    return strcmp(listed, model) == 0 ||
           (!strchr(model, ':') && strncmp(listed, model, n) == 0 && strcmp(listed + n, ":latest") == 0);
}

/* The digest of the weights: `ollama pull` may replace them under the same name. */
static bool read_identity(const eval_remote_spec *spec, const data_json *answer, senc_buffer *identity,
                          eval_provider_limits *limits, senc_error *err) {
    const data_json *models = NULL;
    (void)limits;
    if (!data_json_read_array(answer, "models", &models, err)) return false;
    for (const data_json *m = data_json_first(models); m; m = data_json_next(m)) {
        const char *name = data_json_text(data_json_find(m, "name"), NULL);
        const char *digest = data_json_text(data_json_find(m, "digest"), NULL);
        if (!name || !is_model(name, spec->model)) continue;
        senc_buffer_append_text(identity, digest ? digest : "");
        return true;
    }
    return senc_fail(err, SENC_BAD_INPUT, "the server has no such model; on it, run: ollama pull %s", spec->model);
}

const eval_provider eval_ollama_provider = {
    .name = "ollama",
    .title = "Ollama",
    .model_form = "MODEL",
    .key_names = {"OLLAMA_API_KEY"},
    .key_header = "Authorization: Bearer ",
    .default_base = "http://127.0.0.1:11434",
    .base_names = {"OLLAMA_HOST"},
    .limits = {.n_texts = 32, .n_tokens = 15000},
    .price = {{"", 0}},
    .put_url = put_url,
    .put_body = put_body,
    .read_answer = read_answer,
    .identity_path = "/api/tags",
    .read_identity = read_identity,
};
