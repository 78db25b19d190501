/* OpenAI and all that speaks its protocol: https://platform.openai.com/docs/api-reference/embeddings/create
 * Azure OpenAI: https://learn.microsoft.com/azure/ai-services/openai/reference#embeddings
 *
 *     POST /embeddings {"model", "input": [...], "encoding_format": "float", "dimensions"}
 *     -> {"data": [{"index", "embedding": [...]}], "usage": {"total_tokens"}}
 */
#include "eval/remote/provider.h"

#include <stdlib.h>

/* An answer of 256 vectors of 3072 numbers is 10 MB of JSON; the API takes 2048 texts and 300,000 tokens. */
#define LIMITS                                                                                                         \
    { .n_texts = 256, .n_tokens = 150000 }

/* Azure's stable version with embeddings. */
#define AZURE_API_VERSION "2024-10-21"

static bool put_url(const eval_remote_spec *spec, const char *base, senc_buffer *url, senc_error *err) {
    (void)spec, (void)err;
    senc_buffer_printf(url, "%s/embeddings", base);
    return true;
}

static void put_input(const eval_provider_call *call, data_json *body) {
    eval_provider_put_texts(call, body, "input");
    data_json_put_string(body, "encoding_format", "float");
    if (call->spec->choices.dimensions > 0) data_json_put_integer(body, "dimensions", call->spec->choices.dimensions);
    if (call->input_type) data_json_put_string(body, "input_type", call->input_type); /* NVIDIA's servers want it */
}

static void put_body(const eval_provider_call *call, data_json *body) {
    data_json_put_string(body, "model", call->spec->model);
    put_input(call, body);
}

static bool read_answer(const data_json *answer, eval_answer *out, senc_error *err) {
    return eval_answer_put_indexed(out, answer, err);
}

const eval_provider eval_openai_provider = {
    .name = "openai",
    .title = "OpenAI, or with url= any server that speaks its protocol",
    .model_form = "MODEL",
    .key_names = {"OPENAI_API_KEY"},
    .key_needed = true,
    .key_header = "Authorization: Bearer ",
    .default_base = "https://api.openai.com/v1",
    .base_names = {"OPENAI_BASE_URL"},
    .limits = LIMITS,
    .price = {{"text-embedding-3-small", 0.02}, {"text-embedding-3-large", 0.13}, {"text-embedding-ada-002", 0.10}},
    .put_url = put_url,
    .put_body = put_body,
    .read_answer = read_answer,
};

static bool put_azure_url(const eval_remote_spec *spec, const char *base, senc_buffer *url, senc_error *err) {
    (void)err;
    const char *version = spec->choices.api_version;
    if (!version) version = getenv("AZURE_OPENAI_API_VERSION");
    senc_buffer_printf(url, "%s/openai/deployments/", base);
    eval_provider_put_path(url, spec->model);
    senc_buffer_append_text(url, "/embeddings?api-version=");
    eval_provider_put_path(url, version && version[0] ? version : AZURE_API_VERSION);
    return true;
}

const eval_provider eval_azure_provider = {
    .name = "azure",
    .title = "Azure OpenAI",
    .model_form = "DEPLOYMENT",
    .key_names = {"AZURE_OPENAI_API_KEY"},
    .key_needed = true,
    .key_header = "api-key: ",
    .base_names = {"AZURE_OPENAI_ENDPOINT"},
    .limits = LIMITS,
    .price = {{"text-embedding-3-small", 0.02}, {"text-embedding-3-large", 0.13}, {"text-embedding-ada-002", 0.10}},
    .put_url = put_azure_url,
    .put_body = put_input,
    .read_answer = read_answer,
};
