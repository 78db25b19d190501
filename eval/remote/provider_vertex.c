/* Google Vertex AI: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
 *
 *     POST .../publishers/google/models/MODEL:predict
 *          {"instances": [{"content", "task_type"}], "parameters": {"autoTruncate", "outputDimensionality"}}
 *     -> {"predictions": [{"embeddings": {"values": [...], "statistics": {"token_count"}}}]}
 */
#include "eval/remote/provider.h"

#include <stdlib.h>
#include <string.h>

static const char *variable(const char *name, const char *fallback) {
    const char *value = getenv(name);
    return value && value[0] ? value : fallback;
}

/* Without url= the host is the region's. */
static bool put_url(const eval_remote_spec *spec, const char *base, senc_buffer *url, senc_error *err) {
    const char *project = variable("GOOGLE_CLOUD_PROJECT", NULL);
    const char *region = variable("GOOGLE_CLOUD_LOCATION", variable("GOOGLE_CLOUD_REGION", "us-central1"));
    if (!project)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: no project: expected its id in the environment variable GOOGLE_CLOUD_PROJECT",
                         spec->name);
    if (strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region))
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: GOOGLE_CLOUD_LOCATION: expected a region such as us-central1, got \"%s\"", spec->name,
                         region);
    if (base)
        senc_buffer_append_text(url, base);
    else if (strcmp(region, "global") == 0)
        senc_buffer_append_text(url, "https://aiplatform.googleapis.com");
    else
        senc_buffer_printf(url, "https://%s-aiplatform.googleapis.com", region);
    senc_buffer_append_text(url, "/v1/projects/");
    eval_provider_put_path(url, project);
    senc_buffer_printf(url, "/locations/%s/publishers/google/models/", region);
    eval_provider_put_path(url, spec->model);
    senc_buffer_append_text(url, ":predict");
    return true;
}

static void put_body(const eval_provider_call *call, data_json *body) {
    data_json *instances = data_json_put_array(body, "instances");
    for (int64_t i = 0; i < call->n; i++) {
        data_json *instance = data_json_put_object(instances, NULL);
        data_json_put_text(instance, "content", call->texts[i].bytes, (size_t)call->texts[i].n_bytes);
        if (call->input_type) data_json_put_string(instance, "task_type", call->input_type);
    }
    data_json *parameters = data_json_put_object(body, "parameters");
    data_json_put_bool(parameters, "autoTruncate", true);
    if (call->spec->choices.dimensions > 0)
        data_json_put_integer(parameters, "outputDimensionality", call->spec->choices.dimensions);
}

static bool read_answer(const data_json *answer, eval_answer *out, senc_error *err) {
    const data_json *predictions = data_json_find(answer, "predictions");
    if (!eval_answer_check_count(out, predictions, "predictions", err)) return false;
    int64_t i = 0, n_tokens = 0;
    bool counted = true;
    for (const data_json *p = data_json_first(predictions); p; p = data_json_next(p), i++) {
        const data_json *embeddings = data_json_find(p, "embeddings");
        const data_json *tokens = data_json_find(data_json_find(embeddings, "statistics"), "token_count");
        if (!eval_answer_put(out, i, data_json_find(embeddings, "values"), err)) return false;
        counted = counted && tokens && data_json_is_number(tokens);
        n_tokens += counted ? (int64_t)data_json_number(tokens) : 0;
    }
    if (counted) out->n_tokens = n_tokens;
    return true;
}

/* The Gemini models take one text a request. */
static void limit(const char *model, eval_provider_limits *limits) {
    if (strncmp(model, "gemini-embedding", 16) == 0) limits->n_texts = 1;
}

const eval_provider eval_vertex_provider = {
    .name = "vertex",
    .title = "Google Vertex AI",
    .model_form = "MODEL",
    .key_names = {"GOOGLE_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"},
    .key_needed = true,
    .key_hint = "export GOOGLE_ACCESS_TOKEN=$(gcloud auth print-access-token)",
    .key_header = "Authorization: Bearer ",
    .default_base = "", /* made from the region */
    .types =
        {[EVAL_TEXT] = "SEMANTIC_SIMILARITY", [EVAL_QUERY] = "RETRIEVAL_QUERY", [EVAL_DOCUMENT] = "RETRIEVAL_DOCUMENT"},
    .limits = {.n_texts = 100, .n_tokens = 10000},              /* 250 texts, 20,000 tokens */
    .price = {{"gemini-embedding-001", 0.15}, {"text-", 0.10}}, /* the latter: $0.000025 per 1000 characters */
    .put_url = put_url,
    .put_body = put_body,
    .read_answer = read_answer,
    .limit = limit,
};
