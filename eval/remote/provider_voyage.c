/* Voyage AI: https://docs.voyageai.com/reference/embeddings-api
 *
 *     POST /embeddings {"model", "input": [...], "input_type", "truncation", "output_dimension"}
 *     -> {"data": [{"index", "embedding": [...]}], "usage": {"total_tokens"}}
 */
#include "eval/remote/provider.h"

static bool put_url(const eval_remote_spec *spec, const char *base, senc_buffer *url, senc_error *err) {
    (void)spec, (void)err;
    senc_buffer_printf(url, "%s/embeddings", base);
    return true;
}

static void put_body(const eval_provider_call *call, data_json *body) {
    data_json_put_string(body, "model", call->spec->model);
    eval_provider_put_texts(call, body, "input");
    if (call->input_type) data_json_put_string(body, "input_type", call->input_type);
    data_json_put_bool(body, "truncation", true);
    if (call->spec->choices.dimensions > 0)
        data_json_put_integer(body, "output_dimension", call->spec->choices.dimensions);
}

static bool read_answer(const data_json *answer, eval_answer *out, senc_error *err) {
    return eval_answer_put_indexed(out, answer, err);
}

const eval_provider eval_voyage_provider = {
    .name = "voyage",
    .title = "Voyage AI",
    .model_form = "MODEL",
    .key_names = {"VOYAGE_API_KEY"},
    .key_needed = true,
    .key_header = "Authorization: Bearer ",
    .default_base = "https://api.voyageai.com/v1",
    .types = {[EVAL_QUERY] = "query", [EVAL_DOCUMENT] = "document"},
    .limits = {.n_texts = 128, .n_tokens = 60000}, /* 1000 texts, 120,000 tokens for the large models */
    .price = {{"voyage-3.5-lite", 0.02}, {"voyage-3.5", 0.06}, {"voyage-3-large", 0.18}, {"voyage-code-3", 0.18}},
    .put_url = put_url,
    .put_body = put_body,
    .read_answer = read_answer,
};
