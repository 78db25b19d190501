/* Nothing is paid twice, nothing is sent above the limit, nothing leaks into the cache. */
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "remote_kit.h"

#define MODEL "openai:m?url=http://127.0.0.1:%d/v1&key_env=TEST_KEY"

/* ---- the cache ---- */

START_TEST(nothing_is_paid_twice) {
    kit_open(MODEL);
    kit_embed(EVAL_DOCUMENT, "x", 30);
    kit_embed(EVAL_DOCUMENT, "x", 30);
    ck_assert_int_eq(api_server_n_billed(kit_server), 31); /* and the word that asked for the width */
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_cached, 30);
    kit_close();
    const int n_posts = api_server_n_posts(kit_server);
    kit_open(MODEL "&batch=3&parallel=2&price=5"); /* none of which changes a vector */
    kit_embed(EVAL_DOCUMENT, "x", 30);
    ck_assert_int_eq(api_server_n_posts(kit_server), n_posts); /* the width is known too */
    kit_embed(EVAL_DOCUMENT, "x", 33);
    ck_assert_int_eq(api_server_n_billed(kit_server), 34);
    const eval_remote_stats s = eval_remote_get_stats(kit_remote);
    ck_assert_int_eq(s.n_texts, 63);
    ck_assert_int_eq(s.n_cached, 60);
    ck_assert_int_eq(s.n_sent, 3);
}
END_TEST

START_TEST(repeated_texts_are_sent_once) {
    static const char *const texts[] = {"a", "b", "a", "a", "b", "c"};
    float out[6 * API_WIDTH];
    kit_open(MODEL);
    ck_assert(kit_try_embed_texts(EVAL_DOCUMENT, texts, 6, out));
    ck_assert_int_eq(api_server_n_billed(kit_server), 1 + 3);
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_repeated, 3);
    ck_assert_ptr_nonnull(strstr(api_server_post(kit_server, 1)->body, "[\"a\", \"b\", \"c\"]"));
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < API_WIDTH; k++) ck_assert(out[i * API_WIDTH + k] == api_server_value(texts[i], 1, k));
}
END_TEST

/* What changes a vector has vectors of its own. */
START_TEST(what_changes_a_vector) {
    static const char *const specs[] = {MODEL, MODEL "&dimensions=5", "openai:n?url=http://127.0.0.1:%d/v1",
                                        "openai:m?url=http://127.0.0.1:%d/other/v1",
                                        "voyage:m?url=http://127.0.0.1:%d/v1"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        kit_open(specs[i]);
        const int64_t before = api_server_n_billed(kit_server);
        kit_embed(EVAL_DOCUMENT, "x", 3);
        ck_assert_int_eq(api_server_n_billed(kit_server), before + 3);
        kit_close();
    }
    kit_open("voyage:m?url=http://127.0.0.1:%d/v1");
    const int64_t before = api_server_n_billed(kit_server);
    kit_embed(EVAL_QUERY, "x", 3); /* another input type */
    ck_assert_int_eq(api_server_n_billed(kit_server), before + 3);
    kit_close();
    kit_open(MODEL "&query_prompt=q: ");
    ck_assert(kit_try_embed(EVAL_QUERY, "x", 3, "q: "));
    ck_assert_int_eq(api_server_n_billed(kit_server), before + 6);
}
END_TEST

/* Other weights behind the same address. */
START_TEST(the_server_has_another_model) {
    for (int round = 0; round < 3; round++) {
        api_server_set_identity(kit_server, round < 2 ? "a/b" : "a/c", "1", 32);
        kit_open("tei:http://127.0.0.1:%d");
        kit_embed(EVAL_DOCUMENT, "x", 5);
        kit_close();
        ck_assert_int_eq(api_server_n_billed(kit_server), round < 2 ? 6 : 12);
    }
}
END_TEST

START_TEST(cache_in_memory) {
    const eval_remote_options options = {.cache_path = "none"};
    for (int round = 1; round < 3; round++) {
        ck_assert(kit_try_open_with(MODEL, options));
        kit_embed(EVAL_DOCUMENT, "x", 5);
        kit_embed(EVAL_DOCUMENT, "x", 5);
        kit_close();
        ck_assert_int_eq(api_server_n_billed(kit_server), 6 * round);
    }
    ck_assert(!senc_path_exists(kit_cache));
}
END_TEST

START_TEST(where_the_cache_lies) {
    char path[160];
    setenv("XDG_CACHE_HOME", kit_folder, 1);
    ck_assert(kit_try_open_with(MODEL, (eval_remote_options){0}));
    snprintf(path, sizeof path, "%s/senc/vectors.sqlite", kit_folder);
    ck_assert(senc_path_is_file(path));
    kit_close();
    snprintf(path, sizeof path, "%s/deep/down/my.sqlite", kit_folder);
    setenv("SENC_VECTOR_CACHE", path, 1);
    ck_assert(kit_try_open_with(MODEL, (eval_remote_options){0}));
    ck_assert(senc_path_is_file(path));
}
END_TEST

/* A process that embeds 100 texts once the server's port comes through the pipe. */
static pid_t start_child(int *port_to) {
    int ends[2], port = 0;
    ck_assert_int_eq(pipe(ends), 0);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        char spec[256];
        if (read(ends[0], &port, sizeof port) != (ssize_t)sizeof port) _exit(2);
        snprintf(spec, sizeof spec, "openai:m?url=http://127.0.0.1:%d/v1&key_env=TEST_KEY&batch=10&parallel=1", port);
        kit_open(spec);
        kit_try_embed(EVAL_DOCUMENT, "x", 100, "");
        _exit(1);
    }
    close(ends[0]);
    *port_to = ends[1];
    return child;
}

/* Killed in the middle: the batches that had come are there. The child is there before the server's threads are. */
START_TEST(an_interrupted_run_keeps_what_was_paid) {
    const api_fault script[] = {FAULT_NONE, FAULT_NONE, FAULT_NONE, FAULT_NONE};
    int port_to;
    const pid_t child = start_child(&port_to);
    kit_serve();
    api_server_script(kit_server, script, 4, FAULT_HANG); /* the width and three batches */
    const int port = api_server_port(kit_server);
    ck_assert_int_eq(write(port_to, &port, sizeof port), (ssize_t)sizeof port);
    close(port_to);
    while (api_server_n_posts(kit_server) < 5) {
        ck_assert_int_eq(waitpid(child, NULL, WNOHANG), 0); /* it is at work */
        usleep(1000);
    }
    kill(child, SIGKILL);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    api_server_script(kit_server, NULL, 0, FAULT_NONE);
    kit_open(MODEL "&batch=10");
    kit_embed(EVAL_DOCUMENT, "x", 100);
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_cached, 30);
    ck_assert_int_eq(api_server_n_billed(kit_server), 101);
}
END_TEST

START_TEST(a_file_that_is_no_cache) {
    char junk[300];
    memset(junk, 'x', sizeof junk);
    ck_assert(senc_file_write(kit_cache, junk, sizeof junk, NULL));
    ck_assert(!kit_try_open(MODEL));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "the cache of vectors: ", kit_cache, "file is not a database");
    ck_assert_int_eq(api_server_n_posts(kit_server), 0); /* before anything was sent */
    char command[300];
    snprintf(command, sizeof command, "%s/no/such", kit_cache); /* below a file */
    ck_assert(!kit_try_open_with(MODEL, (eval_remote_options){.cache_path = command}));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "the cache of vectors: ");
}
END_TEST

static bool holds(const char *path, const char *wanted) {
    size_t n_bytes;
    char *bytes = senc_file_read(path, 0, &n_bytes, NULL);
    const bool found = bytes && memmem(bytes, n_bytes, wanted, strlen(wanted));
    free(bytes);
    return found;
}

START_TEST(no_key_and_no_text_in_the_cache) {
    kit_open(MODEL);
    kit_embed(EVAL_DOCUMENT, "a private text", 3);
    char log[160];
    snprintf(log, sizeof log, "%s-wal", kit_cache);
    for (int round = 0; round < 2; round++) { /* before and after it is closed */
        ck_assert(!holds(kit_cache, "SECRET") && !holds(log, "SECRET"));
        ck_assert(!holds(kit_cache, "private") && !holds(log, "private"));
        ck_assert(holds(round == 0 ? log : kit_cache, "dimensions=0")); /* the search would find it */
        kit_close();
    }
}
END_TEST

/* ---- the limit ---- */

static bool open_with_limit(const char *spec, double dollars, int64_t tokens, bool yes) {
    return kit_try_open_with(
        spec,
        (eval_remote_options){.cache_path = kit_cache, .limit_dollars = dollars, .limit_tokens = tokens, .yes = yes});
}

START_TEST(estimates) {
    ck_assert_int_eq(eval_remote_estimate_tokens("", 0), 0);
    ck_assert_int_eq(eval_remote_estimate_tokens("abcde", 5), 2);
    ck_assert_int_eq(eval_remote_estimate_tokens("abcd\xc3\xa9\xe4\xb8\xad", 9), 3);
}
END_TEST

/* "x 0" is a token: 10 texts are 10 tokens. */
START_TEST(above_the_limit_nothing_is_sent) {
    ck_assert(open_with_limit(MODEL "&dimensions=8&price=100000", 0.95, 0, false)); /* ten cents a token */
    ck_assert(!kit_try_embed(EVAL_DOCUMENT, "x", 10, ""));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "openai:m: 10 texts are not in the cache", "about 10 tokens", "about $1.00",
                    "$100000 per million", "limit of $0.95", "--yes");
    ck_assert_int_eq(api_server_n_posts(kit_server), 0);
    kit_embed(EVAL_DOCUMENT, "x", 9);
    ck_assert(!kit_try_embed(EVAL_DOCUMENT, "x", 10, "")); /* what was sent before counts */
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "openai:m: 1 texts are not in the cache", "about 10 tokens");
    kit_embed(EVAL_DOCUMENT, "x", 9); /* from the cache */
    kit_close();
    ck_assert(open_with_limit(MODEL "&dimensions=8&price=100000", 0.95, 0, true));
    kit_embed(EVAL_DOCUMENT, "x", 30);
    ck_assert_int_eq(api_server_n_billed(kit_server), 30);
}
END_TEST

START_TEST(a_price_that_is_not_known) {
    ck_assert(open_with_limit(MODEL "&dimensions=8", 0, 9, false));
    ck_assert(!kit_try_embed(EVAL_DOCUMENT, "x", 10, ""));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "about 10 tokens", "at a price that is not known", "limit of 9", "--yes");
    kit_close();
    ck_assert(open_with_limit(MODEL "&dimensions=8&price=0", 0, 9, false)); /* free */
    kit_embed(EVAL_DOCUMENT, "x", 10);
}
END_TEST

START_TEST(plan) {
    static const char *const texts[] = {"x 0", "x 1", "x 0", "new", "", "new"};
    eval_text list[6];
    float out[6 * API_WIDTH];
    for (int i = 0; i < 6; i++) list[i] = (eval_text){texts[i], (int64_t)strlen(texts[i])};
    ck_assert(open_with_limit(MODEL "&dimensions=8&price=100000", 0.15, 0, false));
    kit_embed(EVAL_DOCUMENT, "x", 1);
    const int n_posts = api_server_n_posts(kit_server);
    const eval_embedder planner = eval_remote_planner(kit_remote);
    ck_assert_int_eq(planner.width, 8);
    for (int round = 0; round < 2; round++) /* each text once, whoever asks for it */
        ck_assert(planner.embed(planner.context, EVAL_DOCUMENT, list, 6, out, &kit_error));
    const eval_remote_plan p = eval_remote_get_plan(kit_remote);
    ck_assert_int_eq(p.n_texts, 2);
    ck_assert_int_eq(p.n_tokens, 2);
    ck_assert(fabs(p.dollars - 0.2) < 1e-9 && !p.within_limit);
    ck_assert(!eval_remote_check_plan(kit_remote, &kit_error));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "openai:m: 2 texts", "about 3 tokens", "about $0.30", "--yes");
    ck_assert_int_eq(api_server_n_posts(kit_server), n_posts);
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_texts, 1);
    for (int i = 0; i < 6 * API_WIDTH; i++) ck_assert(isfinite(out[i]));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("remote_cost");
    TCase *cases = tcase_create("remote_cost");
    tcase_add_checked_fixture(cases, kit_begin, kit_end);
    tcase_add_test(cases, nothing_is_paid_twice);
    tcase_add_test(cases, repeated_texts_are_sent_once);
    tcase_add_test(cases, what_changes_a_vector);
    tcase_add_test(cases, the_server_has_another_model);
    tcase_add_test(cases, cache_in_memory);
    tcase_add_test(cases, where_the_cache_lies);
    tcase_add_test(cases, a_file_that_is_no_cache);
    tcase_add_test(cases, no_key_and_no_text_in_the_cache);
    tcase_add_test(cases, estimates);
    tcase_add_test(cases, above_the_limit_nothing_is_sent);
    tcase_add_test(cases, a_price_that_is_not_known);
    tcase_add_test(cases, plan);
    suite_add_tcase(suite, cases);
    TCase *forked = tcase_create("forked");
    tcase_add_checked_fixture(forked, kit_prepare, kit_end);
    tcase_add_test(forked, an_interrupted_run_keeps_what_was_paid);
    suite_add_tcase(suite, forked);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
