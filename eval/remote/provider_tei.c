/* text-embeddings-inference, and Hugging Face's hosted inference, which speaks the same:
 * https://huggingface.github.io/text-embeddings-inference/
 *
 *     POST /embed {"inputs": [...], "truncate": true, "prompt_name", "dimensions"} -> [[...]]
 *     GET  /info  -> {"model_id", "model_sha", "max_client_batch_size"}
 */
#include "eval/remote/provider.h"

#include <string.h>

static bool put_url(const eval_remote_spec *spec, const char *base, senc_buffer *url, senc_error *err) {
    (void)spec, (void)err;
    senc_buffer_printf(url, "%s/embed", base);
    return true;
}

static void put_body(const eval_provider_call *call, data_json *body) {
    eval_provider_put_texts(call, body, "inputs");
    data_json_put_bool(body, "truncate", true);
    if (call->input_type) data_json_put_string(body, "prompt_name", call->input_type);
    if (call->spec->choices.dimensions > 0) data_json_put_integer(body, "dimensions", call->spec->choices.dimensions);
}

static bool read_answer(const data_json *answer, eval_answer *out, senc_error *err) {
    return eval_answer_put_all(out, answer, "the answer", err);
}

static bool read_identity(const eval_remote_spec *spec, const data_json *answer, senc_buffer *identity,
                          eval_provider_limits *limits, senc_error *err) {
    const char *model = NULL, *revision = NULL;
    int64_t n_texts = limits->n_texts;
    (void)spec;
    if (!data_json_require_string(answer, "model_id", &model, err) ||
        !data_json_read_string(answer, "model_sha", &revision, err) ||
        !data_json_read_integer(answer, "max_client_batch_size", 1, 1 << 30, &n_texts, err))
        return false;
    if (n_texts < limits->n_texts) limits->n_texts = n_texts;
    senc_buffer_printf(identity, "%s@%s", model, revision ? revision : "");
    return true;
}

const eval_provider eval_tei_provider = {
    .name = "tei",
    .title = "text-embeddings-inference",
    .model_form = "URL",
    .key_names = {"TEI_API_KEY"},
    .key_header = "Authorization: Bearer ",
    .limits = {.n_texts = 32, .n_tokens = 15000}, /* its own defaults: 32 texts, 16,384 tokens */
    .price = {{"", 0}},
    .put_url = put_url,
    .put_body = put_body,
    .read_answer = read_answer,
    .identity_path = "/info",
    .read_identity = read_identity,
};

static bool put_hosted_url(const eval_remote_spec *spec, const char *base, senc_buffer *url, senc_error *err) {
    (void)err;
    senc_buffer_printf(url, "%s/hf-inference/models/", base);
    eval_provider_put_path(url, spec->model);
    senc_buffer_append_text(url, "/pipeline/feature-extraction");
    return true;
}

const eval_provider eval_hf_provider = {
    .name = "hf",
    .title = "Hugging Face inference",
    .model_form = "MODEL",
    .key_names = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"},
    .key_needed = true,
    .key_header = "Authorization: Bearer ",
    .default_base = "https://router.huggingface.co",
    .limits = {.n_texts = 32, .n_tokens = 15000},
    .put_url = put_hosted_url,
    .put_body = put_body,
    .read_answer = read_answer,
};
