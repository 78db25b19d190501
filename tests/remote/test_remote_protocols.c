/* Every provider against a server that speaks its protocol: what is asked (address, headers, body) and that vectors
 * come back exactly. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote_kit.h"

/* What the request of the last POST must look like. */
static void check_request(const char *path, const char *header, const char *value, const char *body) {
    const api_request *r = api_server_post(kit_server, api_server_n_posts(kit_server) - 1);
    ck_assert_str_eq(r->path, path);
    if (value)
        ck_assert_str_eq(api_request_header(r, header), value);
    else
        ck_assert_ptr_null(api_request_header(r, header));
    ck_assert_str_eq(api_request_header(r, "Content-Type"), "application/json");
    ck_assert_str_eq(r->body, body);
}

static void set_port(const char *name, const char *before, const char *after) {
    char url[128];
    snprintf(url, sizeof url, "%s%d%s", before, api_server_port(kit_server), after);
    setenv(name, url, 1);
}

START_TEST(openai) {
    setenv("OPENAI_API_KEY", KIT_KEY, 1);
    set_port("OPENAI_BASE_URL", "http://127.0.0.1:", "/v1/");
    kit_open("openai:text-embedding-3-small");
    ck_assert_str_eq(eval_remote_name(kit_remote), "openai:text-embedding-3-small");
    kit_embed(EVAL_QUERY, "a \"quoted\" caf\xc3\xa9", 2);
    check_request("/v1/embeddings", "Authorization", "Bearer " KIT_KEY,
                  "{\"model\": \"text-embedding-3-small\", \"input\": [\"a \\\"quoted\\\" caf\xc3\xa9 0\", \"a "
                  "\\\"quoted\\\" caf\xc3\xa9 1\"], \"encoding_format\": \"float\"}");
    const eval_remote_stats s = eval_remote_get_stats(kit_remote);
    ck_assert_int_eq(s.n_tokens, 22); /* two requests, the first of which asked for the width */
    ck_assert(!s.tokens_estimated);
    ck_assert(s.dollars == 22 * 0.02 / 1e6);
}
END_TEST

START_TEST(openai_with_dimensions) {
    setenv("OPENAI_API_KEY", KIT_KEY, 1);
    set_port("OPENAI_BASE_URL", "http://127.0.0.1:", "/v1");
    kit_open("openai:m?dimensions=5");
    ck_assert_int_eq(api_server_n_posts(kit_server), 0); /* the dimension is known */
    ck_assert_int_eq(eval_remote_embedder(kit_remote).width, 5);
    kit_embed(EVAL_TEXT, "x", 1);
    check_request("/v1/embeddings", "Authorization", "Bearer " KIT_KEY,
                  "{\"model\": \"m\", \"input\": [\"x 0\"], \"encoding_format\": \"float\", \"dimensions\": 5}");
}
END_TEST

/* Keys of OpenAI stay away from other servers. */
START_TEST(openai_compatible) {
    setenv("OPENAI_API_KEY", KIT_KEY, 1);
    kit_open("openai:BAAI/bge-m3?url=http://127.0.0.1:%d/v1&query_prompt=query%3A ");
    ck_assert_msg(kit_try_embed(EVAL_QUERY, "x", 1, "query: "), "%s", kit_error.text);
    check_request("/v1/embeddings", "Authorization", NULL,
                  "{\"model\": \"BAAI/bge-m3\", \"input\": [\"query: x 0\"], \"encoding_format\": \"float\"}");
    kit_embed(EVAL_DOCUMENT, "x", 1);
    ck_assert(eval_remote_get_stats(kit_remote).dollars != eval_remote_get_stats(kit_remote).dollars); /* NaN */
    kit_close();
    kit_open("openai:BAAI/bge-m3?url=http://127.0.0.1:%d/v1&key_env=TEST_KEY&query_type=query");
    kit_embed(EVAL_QUERY, "y", 1);
    check_request("/v1/embeddings", "Authorization", "Bearer " KIT_KEY,
                  "{\"model\": \"BAAI/bge-m3\", \"input\": [\"y 0\"], \"encoding_format\": \"float\", "
                  "\"input_type\": \"query\"}");
}
END_TEST

START_TEST(azure) {
    setenv("AZURE_OPENAI_API_KEY", KIT_KEY, 1);
    set_port("AZURE_OPENAI_ENDPOINT", "http://127.0.0.1:", "/");
    kit_open("azure:my embeddings");
    kit_embed(EVAL_DOCUMENT, "x", 1);
    check_request("/openai/deployments/my%20embeddings/embeddings?api-version=2024-10-21", "api-key", KIT_KEY,
                  "{\"input\": [\"x 0\"], \"encoding_format\": \"float\"}");
    kit_close();
    kit_open("azure:d?api_version=2025-01-01-preview&dimensions=8");
    kit_embed(EVAL_DOCUMENT, "y", 1);
    check_request("/openai/deployments/d/embeddings?api-version=2025-01-01-preview", "Authorization", NULL,
                  "{\"input\": [\"y 0\"], \"encoding_format\": \"float\", \"dimensions\": 8}");
}
END_TEST

START_TEST(cohere) {
    setenv("CO_API_KEY", KIT_KEY, 1);
    set_port("CO_API_URL", "http://127.0.0.1:", "");
    kit_open("cohere:embed-v4.0?dimensions=8");
    static const char *const types[] = {"clustering", "search_query", "search_document"};
    for (int role = EVAL_TEXT; role <= EVAL_DOCUMENT; role++) {
        char body[256];
        kit_embed((eval_role)role, "x", 1);
        snprintf(body, sizeof body,
                 "{\"model\": \"embed-v4.0\", \"texts\": [\"x 0\"], \"input_type\": \"%s\", \"embedding_types\": "
                 "[\"float\"], \"truncate\": \"END\", \"output_dimension\": 8}",
                 types[role]);
        check_request("/v2/embed", "Authorization", "Bearer " KIT_KEY, body);
    }
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_tokens, 21);
}
END_TEST

START_TEST(voyage) {
    kit_open("voyage:voyage-3.5?url=http://127.0.0.1:%d/v1&key_env=TEST_KEY&dimensions=8");
    kit_embed(EVAL_QUERY, "x", 1);
    check_request("/v1/embeddings", "Authorization", "Bearer " KIT_KEY,
                  "{\"model\": \"voyage-3.5\", \"input\": [\"x 0\"], \"input_type\": \"query\", \"truncation\": true, "
                  "\"output_dimension\": 8}");
    kit_embed(EVAL_TEXT, "x", 1);
    check_request("/v1/embeddings", "Authorization", "Bearer " KIT_KEY,
                  "{\"model\": \"voyage-3.5\", \"input\": [\"x 0\"], \"truncation\": true, \"output_dimension\": 8}");
}
END_TEST

START_TEST(vertex) {
    setenv("GOOGLE_CLOUD_PROJECT", "my-project", 1);
    setenv("GOOGLE_CLOUD_LOCATION", "europe-west4", 1);
    kit_open("vertex:text-embedding-005?url=http://127.0.0.1:%d&key_env=TEST_KEY&dimensions=8");
    kit_embed(EVAL_DOCUMENT, "x", 2);
    check_request("/v1/projects/my-project/locations/europe-west4/publishers/google/models/text-embedding-005:predict",
                  "Authorization", "Bearer " KIT_KEY,
                  "{\"instances\": [{\"content\": \"x 0\", \"task_type\": \"RETRIEVAL_DOCUMENT\"}, {\"content\": \"x "
                  "1\", \"task_type\": \"RETRIEVAL_DOCUMENT\"}], \"parameters\": {\"autoTruncate\": true, "
                  "\"outputDimensionality\": 8}}");
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_tokens, 6);
    kit_close();
    kit_open("vertex:gemini-embedding-001?url=http://127.0.0.1:%d&key_env=TEST_KEY&dimensions=8");
    const int before = api_server_n_posts(kit_server);
    kit_embed(EVAL_QUERY, "x", 3);
    ck_assert_int_eq(api_server_n_posts(kit_server), before + 3); /* one text a request */
}
END_TEST

START_TEST(vertex_address) {
    setenv("GOOGLE_CLOUD_PROJECT", "p", 1);
    setenv("GOOGLE_ACCESS_TOKEN", KIT_KEY, 1);
    kit_open("vertex:text-embedding-005?dimensions=8");
    ck_assert_str_eq(eval_remote_address(kit_remote),
                     "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/"
                     "google/models/text-embedding-005:predict");
    kit_close();
    setenv("GOOGLE_CLOUD_LOCATION", "global", 1);
    kit_open("vertex:text-embedding-005?dimensions=8");
    ck_assert_str_eq(eval_remote_address(kit_remote),
                     "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/"
                     "text-embedding-005:predict");
}
END_TEST

/* Where requests go without any address given: the real hosts (nothing is sent to them here). */
START_TEST(addresses) {
    static const char *const cases[][3] = {
        {"openai:m?dimensions=8", "OPENAI_API_KEY", "https://api.openai.com/v1/embeddings"},
        {"cohere:m?dimensions=8", "COHERE_API_KEY", "https://api.cohere.com/v2/embed"},
        {"voyage:m?dimensions=8", "VOYAGE_API_KEY", "https://api.voyageai.com/v1/embeddings"},
        {"hf:a/b?dimensions=8", "HF_TOKEN",
         "https://router.huggingface.co/hf-inference/models/a/b/pipeline/feature-extraction"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv(cases[i][1], KIT_KEY, 1);
        kit_open(cases[i][0]);
        ck_assert_str_eq(eval_remote_address(kit_remote), cases[i][2]);
        kit_close();
    }
}
END_TEST

START_TEST(hugging_face) {
    kit_open("hf:BAAI/bge-small-en-v1.5?url=http://127.0.0.1:%d&key_env=TEST_KEY");
    kit_embed(EVAL_QUERY, "x", 2);
    check_request("/hf-inference/models/BAAI/bge-small-en-v1.5/pipeline/feature-extraction", "Authorization",
                  "Bearer " KIT_KEY, "{\"inputs\": [\"x 0\", \"x 1\"], \"truncate\": true}");
    ck_assert(eval_remote_get_stats(kit_remote).tokens_estimated);
}
END_TEST

START_TEST(tei) {
    api_server_set_identity(kit_server, "BAAI/bge-m3", "abc", 3);
    kit_open("tei:http://127.0.0.1:%d?query_type=query");
    kit_embed(EVAL_QUERY, "x", 7);
    ck_assert_int_eq(api_server_n_posts(kit_server), 1 + 3); /* three texts a request: the server says so */
    kit_embed(EVAL_DOCUMENT, "z", 1);
    check_request("/embed", "Authorization", NULL, "{\"inputs\": [\"z 0\"], \"truncate\": true}");
    kit_embed(EVAL_QUERY, "z", 1);
    check_request("/embed", "Authorization", NULL,
                  "{\"inputs\": [\"z 0\"], \"truncate\": true, \"prompt_name\": \"query\"}");
    ck_assert(eval_remote_get_stats(kit_remote).dollars == 0);
}
END_TEST

START_TEST(tei_with_key_and_path) {
    setenv("TEI_API_KEY", KIT_KEY, 1);
    kit_open("tei:http://127.0.0.1:%d/behind/a/proxy/");
    kit_embed(EVAL_DOCUMENT, "x", 1);
    check_request("/behind/a/proxy/embed", "Authorization", "Bearer " KIT_KEY,
                  "{\"inputs\": [\"x 0\"], \"truncate\": true}");
}
END_TEST

START_TEST(ollama) {
    set_port("OLLAMA_HOST", "127.0.0.1:", "");
    api_server_set_identity(kit_server, "nomic-embed-text:latest", "sha256:1", 0);
    kit_open("ollama:nomic-embed-text");
    kit_embed(EVAL_DOCUMENT, "x", 2);
    check_request("/api/embed", "Authorization", NULL,
                  "{\"model\": \"nomic-embed-text\", \"input\": [\"x 0\", \"x 1\"], \"truncate\": true}");
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_tokens, 10);
    kit_close();
    ck_assert(!kit_try_open("ollama:mxbai-embed-large"));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "ollama:mxbai-embed-large: the server has no such model",
                    "ollama pull mxbai-embed-large");
}
END_TEST

/* Indices may come in any order. */
START_TEST(order_of_index) {
    kit_open("openai:m?url=http://127.0.0.1:%d/v1");
    api_server_script(kit_server, NULL, 0, FAULT_SHUFFLED);
    kit_embed(EVAL_DOCUMENT, "x", 20);
}
END_TEST

/* 2,500 texts: batches by count, four at a time. */
START_TEST(batches_in_parallel) {
    kit_open("openai:m?url=http://127.0.0.1:%d/v1&batch=100&parallel=4");
    kit_embed(EVAL_DOCUMENT, "x", 2500);
    ck_assert_int_eq(api_server_n_posts(kit_server), 1 + 25);
    ck_assert_int_eq(api_server_n_billed(kit_server), 2501);
    ck_assert_int_gt(api_server_most_at_once(kit_server), 1);
    ck_assert_int_le(api_server_most_at_once(kit_server), 4);
}
END_TEST

/* A long text fills a batch by its tokens. */
START_TEST(batches_by_tokens) {
    enum { LONG = 40000 }; /* 10,000 tokens; a batch holds 15,000 */
    kit_open("hf:m?url=http://127.0.0.1:%d&key_env=TEST_KEY");
    char *texts[4];
    for (int i = 0; i < 4; i++) {
        texts[i] = malloc(LONG + 1);
        memset(texts[i], 'a' + i, LONG);
        texts[i][i < 2 ? LONG : 10] = '\0';
    }
    float out[4 * API_WIDTH];
    ck_assert(kit_try_embed_texts(EVAL_DOCUMENT, (const char *const *)texts, 4, out));
    ck_assert_int_eq(api_server_n_posts(kit_server), 1 + 2);
    for (int i = 0; i < 4; i++) {
        ck_assert(out[i * API_WIDTH] == api_server_value(texts[i], (int64_t)strlen(texts[i]), 0));
        free(texts[i]);
    }
}
END_TEST

START_TEST(rate_limit) {
    kit_open("openai:m?url=http://127.0.0.1:%d/v1&batch=1&parallel=8&rate=1200"); /* 50 ms apart */
    kit_embed(EVAL_DOCUMENT, "x", 6);
    for (int i = 2; i < 7; i++) {
        const double apart = api_server_post(kit_server, i)->at_ms - api_server_post(kit_server, i - 1)->at_ms;
        ck_assert_msg(apart > 30, "requests %d and %d are %.1f ms apart", i - 1, i, apart);
    }
}
END_TEST

/* Empty texts are not sent: zeros. */
START_TEST(empty_texts) {
    static const char *const texts[] = {"", "x", " \t\n", "y"};
    float out[4 * API_WIDTH];
    memset(out, 0xff, sizeof out);
    kit_open("openai:m?url=http://127.0.0.1:%d/v1");
    ck_assert(kit_try_embed_texts(EVAL_DOCUMENT, texts, 4, out));
    check_request("/v1/embeddings", "Authorization", NULL,
                  "{\"model\": \"m\", \"input\": [\"x\", \"y\"], \"encoding_format\": \"float\"}");
    for (int k = 0; k < API_WIDTH; k++) {
        ck_assert(out[k] == 0 && out[2 * API_WIDTH + k] == 0);
        ck_assert(out[3 * API_WIDTH + k] == api_server_value("y", 1, k));
    }
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_empty, 2);
}
END_TEST

/* Cut at a character: "caf" and the two bytes of e acute do not fit into 4. */
START_TEST(cut_texts) {
    static const char *const texts[] = {"caf\xc3\xa9 au lait", "tea"};
    float out[2 * API_WIDTH];
    kit_open("openai:m?url=http://127.0.0.1:%d/v1&max_bytes=4");
    ck_assert(kit_try_embed_texts(EVAL_DOCUMENT, texts, 2, out));
    check_request("/v1/embeddings", "Authorization", NULL,
                  "{\"model\": \"m\", \"input\": [\"caf\", \"tea\"], \"encoding_format\": \"float\"}");
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_truncated, 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("remote_protocols");
    TCase *cases = tcase_create("remote_protocols");
    tcase_add_checked_fixture(cases, kit_begin, kit_end);
    tcase_add_test(cases, openai);
    tcase_add_test(cases, openai_with_dimensions);
    tcase_add_test(cases, openai_compatible);
    tcase_add_test(cases, azure);
    tcase_add_test(cases, cohere);
    tcase_add_test(cases, voyage);
    tcase_add_test(cases, vertex);
    tcase_add_test(cases, vertex_address);
    tcase_add_test(cases, addresses);
    tcase_add_test(cases, hugging_face);
    tcase_add_test(cases, tei);
    tcase_add_test(cases, tei_with_key_and_path);
    tcase_add_test(cases, ollama);
    tcase_add_test(cases, order_of_index);
    tcase_add_test(cases, batches_in_parallel);
    tcase_add_test(cases, batches_by_tokens);
    tcase_add_test(cases, rate_limit);
    tcase_add_test(cases, empty_texts);
    tcase_add_test(cases, cut_texts);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
