/* Embedding APIs as systems: openai:MODEL and the like in eval/system.h, alone, as variants and in hybrids. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/threads.h"
#include "eval/system.h"
#include "remote_kit.h"

#define MODEL "openai:m?url=http://127.0.0.1:%d/v1&key_env=TEST_KEY"

static const eval_system_options plain = {.overrides = {.normalize = -1, .dropout = -1.0}};
static eval_system *opened;
static eval_job job;

static void begin(void) {
    kit_begin();
    senc_log_set_level(SENC_LOG_QUIET);
    senc_error err = {0};
    ck_assert(senc_threads_init(2, &err));
    setenv("SENC_VECTOR_CACHE", kit_cache, 1);
}

static void end(void) {
    if (job.spec) eval_job_close(&job);
    eval_system_free(opened);
    senc_threads_free();
    kit_end();
}

static bool try_system(const char *fmt, const eval_system_options *options) {
    char spec[512];
    const char *at = strstr(fmt, "%d");
    ck_assert_ptr_nonnull(at);
    snprintf(spec, sizeof spec, "%.*s%d%s", (int)(at - fmt), fmt, api_server_port(kit_server), at + 2);
    eval_system_free(opened);
    kit_error = (senc_error){0};
    return eval_system_open(spec, options, &opened, &kit_error);
}

static void open_system(const char *fmt) {
    ck_assert_msg(try_system(fmt, &plain), "%s", kit_error.text);
}

static void write_file(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", kit_folder, name);
    ck_assert(senc_file_write(path, text, strlen(text), NULL));
}

static void put_text(senc_value *table, const char *key, const char *text) {
    const senc_place place = {.file = "test"};
    ck_assert(senc_value_put(table, key, place, senc_value_create_string(text, strlen(text), place)));
}

/* Four documents, one of them twice; two queries, one of which has no judgement and is not asked. */
static void open_retrieval(void) {
    char path[128];
    snprintf(path, sizeof path, "%s/qrels", kit_folder);
    ck_assert(senc_path_create_folders(path, NULL));
    write_file("corpus.jsonl", "{\"_id\": \"d1\", \"text\": \"the cat sat\"}\n{\"_id\": \"d2\", \"text\": \"a dog\"}\n"
                               "{\"_id\": \"d3\", \"text\": \"a dog\"}\n{\"_id\": \"d4\", \"text\": \"birds fly\"}\n");
    write_file("queries.jsonl", "{\"_id\": \"q1\", \"text\": \"cat\"}\n{\"_id\": \"q2\", \"text\": \"dog\"}\n");
    write_file("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n");
    senc_value *table = senc_value_create(SENC_VALUE_TABLE, (senc_place){.file = "test"});
    put_text(table, "type", "retrieval");
    put_text(table, "path", kit_folder);
    put_text(table, "name", "small");
    ck_assert_msg(eval_job_open(&job, table, "eval", &kit_error), "%s", kit_error.text);
    senc_value_free(table);
}

static void run_job(void) {
    eval_result result;
    const eval_embedder embedder = eval_system_embedder(opened);
    ck_assert_msg(eval_job_run(&job, &embedder, &result, &kit_error), "%s", kit_error.text);
    eval_result_free(&result);
}

static void embed_one(eval_role role, const char *text, float *out) {
    const eval_embedder e = eval_system_embedder(opened);
    const eval_text t = {text, (int64_t)strlen(text)};
    ck_assert_msg(e.embed(e.context, role, &t, 1, out, &kit_error), "%s", kit_error.text);
}

/* Keys of the API and of variants side by side; dimensions= asks the server, dim= cuts here. */
START_TEST(keys_of_apis_and_variants) {
    float out[API_WIDTH], whole[API_WIDTH];
    eval_system_facts facts;
    open_system(MODEL);
    ck_assert_int_eq(eval_system_embedder(opened).width, API_WIDTH);
    ck_assert(eval_system_get_facts(opened, &facts, &kit_error));
    ck_assert_int_eq(facts.dimension, API_WIDTH);
    ck_assert_int_eq(facts.bytes_per_vector, 4 * API_WIDTH);
    ck_assert_int_eq(facts.size_bytes, 0);
    embed_one(EVAL_DOCUMENT, "x", whole);
    open_system(MODEL "&dim=3&batch=5");
    ck_assert_int_eq(eval_system_embedder(opened).width, 3);
    embed_one(EVAL_DOCUMENT, "x", out);
    for (int k = 0; k < 3; k++) ck_assert(out[k] == whole[k]); /* not normalised: the whole is not */
    open_system(MODEL "&quantize=binary&dimensions=6");
    ck_assert(eval_system_get_facts(opened, &facts, &kit_error));
    ck_assert_int_eq(facts.dimension, 6);
    ck_assert_int_eq(facts.bytes_per_vector, 1);
    ck_assert(!try_system(MODEL "&dim=9", &plain));
    ck_assert_ptr_nonnull(strstr(kit_error.text, "dim: expected at most the 8 dimensions"));
}
END_TEST

START_TEST(prompts) {
    float out[API_WIDTH];
    open_system(MODEL "&query_prompt=12&document_prompt=a%26b, ");
    ck_assert_str_eq(eval_system_prompt(opened, EVAL_QUERY), "12"); /* no number */
    ck_assert_str_eq(eval_system_prompt(opened, EVAL_DOCUMENT), "a&b, ");
    embed_one(EVAL_DOCUMENT, "x", out);
    ck_assert(out[0] == api_server_value("a&b, x", 6, 0));
    eval_system_options options = plain;
    options.query_prompt = "q: "; /* --query-prompt */
    ck_assert(try_system(MODEL "&query_prompt=12", &options));
    ck_assert_str_eq(eval_system_prompt(opened, EVAL_QUERY), "q: ");
}
END_TEST

static const char *const secrets[] = {
    "openai:m?api_key=SECRET&url=http://127.0.0.1:%d/v1",
    "openai:m?SECRET&url=http://127.0.0.1:%d/v1",
    "openai:m?url=http://127.0.0.1:%d/v1&batch=1&batch=SECRET",
    "openai:m?url=http://127.0.0.1:%d/v1&key_env=sk-SECRET",
    "openai:m?url=http://127.0.0.1:%d/v1?key=SECRET",
    "openai:m?url=http://127.0.0.1:%d/v1%3Fkey=SECRET",
    "openai:m?url=http://me:SECRET@127.0.0.1:%d/v1",
    "tei:http://me:SECRET@127.0.0.1:%d",
    "tei:http://127.0.0.1:%d#SECRET",
    "hybrid:(openai:m?api_key=SECRET&url=http://127.0.0.1:%d/v1)+bm25",
    "hybrid:bm25+openai:m?api_key=SECRET&url=http://127.0.0.1:%d/v1",
    "hybrid:bm25+openai:m?SECRET&url=http://127.0.0.1:%d/v1",
};

START_TEST(no_secret_in_messages) {
    ck_assert_msg(!try_system(secrets[_i], &plain), "%s", secrets[_i]);
    KIT_CHECK_ERROR(SENC_BAD_INPUT, ""); /* one line without SECRET */
    ck_assert_int_eq(api_server_n_posts(kit_server), 0);
}
END_TEST

/* What is planned is what is then sent: every text once, for a variant, a fitted one and a hybrid too. */
static const char *const planned[] = {MODEL "&dimensions=8", MODEL "&dimensions=8&dim=2", MODEL "&dimensions=8&pca=2",
                                      MODEL "&dimensions=8&quantize=binary&rescore=4",
                                      "hybrid:(" MODEL "&dimensions=8)+bm25"};

START_TEST(plan) {
    open_retrieval();
    open_system(planned[_i]);
    ck_assert_msg(eval_system_plan(opened, &job, 1, &kit_error), "%s", kit_error.text);
    ck_assert_int_eq(api_server_n_posts(kit_server), 0);
    run_job();
    ck_assert_int_eq(api_server_n_billed(kit_server), 4);
    eval_system_bill bill;
    eval_system_get_bill(opened, &bill);
    ck_assert_int_eq(bill.n_apis, 1);
    ck_assert_int_eq(bill.n_sent, 4);
    ck_assert(isnan(bill.dollars));
}
END_TEST

/* "cat" 1, "the cat sat" 3, "a dog" 2, "birds fly" 3: nine tokens at a dime each. */
START_TEST(above_the_limit) {
    open_retrieval();
    open_system("hybrid:(" MODEL "&dimensions=8&price=100000)+bm25");
    ck_assert_msg(eval_system_plan(opened, &job, 1, &kit_error), "%s", kit_error.text); /* $0.90 */
    open_system("hybrid:(" MODEL "&dimensions=8&price=120000)+bm25");
    ck_assert(!eval_system_plan(opened, &job, 1, &kit_error));
    KIT_CHECK_ERROR(SENC_BAD_INPUT,
                    "openai:m: 4 texts are not in the cache: about 9 tokens, about $1.08 at $120000 per "
                    "million, above the limit of $1.00; --yes sends them");
    ck_assert_int_eq(api_server_n_posts(kit_server), 0);
    eval_system_options options = plain;
    options.yes = true;
    ck_assert(try_system(MODEL "&dimensions=8&price=120000", &options));
    ck_assert(eval_system_plan(opened, &job, 1, &kit_error));
    run_job();
    ck_assert_int_eq(api_server_n_billed(kit_server), 4);
}
END_TEST

START_TEST(bill) {
    open_retrieval();
    for (int round = 0; round < 2; round++) {
        open_system(MODEL "&price=100"); /* asks for the width: one text, 11 tokens; then queries and documents */
        run_job();
        eval_system_bill b;
        eval_system_get_bill(opened, &b);
        ck_assert_int_eq(b.n_sent, round == 0 ? 4 : 0);
        ck_assert_int_eq(b.n_cached, round == 0 ? 0 : 4);
        ck_assert_int_eq(b.n_tokens, round == 0 ? 33 : 0);
        ck_assert_int_eq(b.n_requests, round == 0 ? 3 : 0);
        ck_assert_double_eq_tol(b.dollars, round == 0 ? 33e-4 : 0, 1e-12);
        ck_assert_double_eq_tol(b.tokens_per_text, (3 + 2 + 2 + 3) / 4.0, 1e-12); /* of the documents, sent or not */
        ck_assert_double_eq_tol(b.dollars_per_text, 2.5e-4, 1e-12);
        eval_encoder_stats stats;
        int64_t max_length;
        eval_system_get_stats(opened, &stats, &max_length);
        ck_assert_int_eq(stats.n_texts, b.n_sent);
        ck_assert_int_eq(stats.encode_ms > 0, round == 0);
    }
    senc_error err = {0};
    eval_system_bill none;
    eval_system_free(opened);
    ck_assert(eval_system_open("bm25", &plain, &opened, &err));
    eval_system_get_bill(opened, &none);
    ck_assert_int_eq(none.n_apis, 0);
}
END_TEST

static void count_calls(void *context, const eval_encoder_stats *stats) {
    int64_t *seen = context;
    *seen = stats->n_texts;
}

START_TEST(watched) {
    int64_t seen = 0;
    open_retrieval();
    open_system("hybrid:(" MODEL ")+bm25");
    eval_system_watch(opened, count_calls, &seen);
    run_job();
    ck_assert_int_eq(seen, 4);
}
END_TEST

START_TEST(may_send) {
    ck_assert(eval_system_may_send("openai:m"));
    ck_assert(eval_system_may_send("x=hybrid:bm25+(tei:http://h?dim=3)"));
    ck_assert(!eval_system_may_send("models/openai-small"));
    ck_assert(!eval_system_may_send("hybrid:models/m+bm25"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("remote_systems");
    TCase *cases = tcase_create("remote_systems");
    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_test(cases, keys_of_apis_and_variants);
    tcase_add_test(cases, prompts);
    tcase_add_loop_test(cases, no_secret_in_messages, 0, (int)(sizeof secrets / sizeof *secrets));
    tcase_add_loop_test(cases, plan, 0, (int)(sizeof planned / sizeof *planned));
    tcase_add_test(cases, above_the_limit);
    tcase_add_test(cases, bill);
    tcase_add_test(cases, watched);
    tcase_add_test(cases, may_send);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
