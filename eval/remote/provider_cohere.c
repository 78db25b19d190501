/* Cohere: https://docs.cohere.com/reference/embed
 *
 *     POST /v2/embed {"model", "texts": [...], "input_type", "embedding_types": ["float"], "truncate",
 * "output_dimension"}
 *     -> {"embeddings": {"float": [[...]]}, "meta": {"billed_units": {"input_tokens"}}}
 */
#include "eval/remote/provider.h"

static bool put_url(const eval_remote_spec *spec, const char *base, senc_buffer *url, senc_error *err) {
    (void)spec, (void)err;
    senc_buffer_printf(url, "%s/v2/embed", base);
    return true;
}

static void put_body(const eval_provider_call *call, data_json *body) {
    data_json_put_string(body, "model", call->spec->model);
    eval_provider_put_texts(call, body, "texts");
    data_json_put_string(body, "input_type", call->input_type);
    data_json *types = data_json_put_array(body, "embedding_types");
    data_json_put_string(types, NULL, "float");
    data_json_put_string(body, "truncate", "END");
    if (call->spec->choices.dimensions > 0)
        data_json_put_integer(body, "output_dimension", call->spec->choices.dimensions);
}

static bool read_answer(const data_json *answer, eval_answer *out, senc_error *err) {
    const data_json *billed = data_json_find(data_json_find(answer, "meta"), "billed_units");
    const data_json *tokens = data_json_find(billed, "input_tokens");
    if (tokens && data_json_is_number(tokens)) out->n_tokens = (int64_t)data_json_number(tokens);
    return eval_answer_put_all(out, data_json_find(data_json_find(answer, "embeddings"), "float"), "embeddings.float",
                               err);
}

const eval_provider eval_cohere_provider = {
    .name = "cohere",
    .title = "Cohere",
    .model_form = "MODEL",
    .key_names = {"COHERE_API_KEY", "CO_API_KEY"},
    .key_needed = true,
    .key_header = "Authorization: Bearer ",
    .default_base = "https://api.cohere.com",
    .base_names = {"CO_API_URL"},
    .types = {[EVAL_TEXT] = "clustering", [EVAL_QUERY] = "search_query", [EVAL_DOCUMENT] = "search_document"},
    .limits = {.n_texts = 96, .n_tokens = 40000},
    .price = {{"embed-v4", 0.12}, {"embed-", 0.10}},
    .put_url = put_url,
    .put_body = put_body,
    .read_answer = read_answer,
};
