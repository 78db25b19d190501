/* Servers that misbehave: what passes by itself is tried again, what does not is a clear error; nothing is billed twice
 * and the key appears nowhere. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "remote_kit.h"

#define MODEL "openai:m?url=http://127.0.0.1:%d/v1&key_env=TEST_KEY&dimensions=8&timeout=5"

/* ---- what passes by itself ---- */

static const api_fault passing[] = {FAULT_429, FAULT_500, FAULT_502_HTML, FAULT_CLOSE, FAULT_SHORT};

START_TEST(is_tried_again) {
    const api_fault twice[] = {passing[_i], passing[_i]};
    kit_open(MODEL);
    api_server_script(kit_server, twice, 2, FAULT_NONE);
    kit_embed(EVAL_DOCUMENT, "x", 5);
    ck_assert_int_eq(api_server_n_posts(kit_server), 3);
    ck_assert_str_eq(api_server_post(kit_server, 2)->body, api_server_post(kit_server, 0)->body);
    ck_assert_int_eq(api_server_n_billed(kit_server), 5);
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_retries, 2);
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_requests, 3);
}
END_TEST

START_TEST(time_out) {
    const api_fault once[] = {FAULT_HANG};
    kit_open("openai:m?url=http://127.0.0.1:%d/v1&key_env=TEST_KEY&dimensions=8&timeout=0.3");
    api_server_script(kit_server, once, 1, FAULT_NONE);
    kit_embed(EVAL_DOCUMENT, "x", 5);
    ck_assert_int_eq(api_server_n_posts(kit_server), 2);
    api_server_script(kit_server, NULL, 0, FAULT_HANG);
    kit_close();
    kit_open("openai:m?url=http://127.0.0.1:%d/v1&key_env=TEST_KEY&dimensions=8&timeout=0.2&retries=1");
    ck_assert(!kit_try_embed(EVAL_DOCUMENT, "y", 1, ""));
    KIT_CHECK_ERROR(SENC_FAILED, "openai:m: http://127.0.0.1:", "timed out", "(2 tries)");
}
END_TEST

/* Everybody waits as long as the server asks, not only who was turned away. */
START_TEST(retry_after) {
    const api_fault once[] = {FAULT_429_AFTER_1};
    kit_open("openai:m?url=http://127.0.0.1:%d/v1&key_env=TEST_KEY&dimensions=8&batch=1&parallel=1");
    api_server_script(kit_server, once, 1, FAULT_NONE);
    const double start_ms = senc_clock_ms();
    kit_embed(EVAL_DOCUMENT, "x", 3);
    ck_assert_double_ge(senc_clock_ms() - start_ms, 990);
    ck_assert_int_eq(api_server_n_posts(kit_server), 4);
    ck_assert_double_ge(api_server_post(kit_server, 1)->at_ms - api_server_post(kit_server, 0)->at_ms, 990);
    ck_assert_double_ge(eval_remote_get_stats(kit_remote).wait_ms, 900);
}
END_TEST

START_TEST(all_wait_for_retry_after) {
    const api_fault once[] = {FAULT_429_AFTER_1};
    kit_open("openai:m?url=http://127.0.0.1:%d/v1&key_env=TEST_KEY&dimensions=8&batch=1&parallel=2");
    api_server_script(kit_server, once, 1, FAULT_NONE);
    kit_embed(EVAL_DOCUMENT, "x", 6);
    /* At most the one that was under way beside it came before the second was over. */
    int n_early = 0;
    const double first_ms = api_server_post(kit_server, 0)->at_ms;
    for (int i = 1; i < 7; i++) n_early += api_server_post(kit_server, i)->at_ms < first_ms + 900;
    ck_assert_int_le(n_early, 2);
}
END_TEST

START_TEST(gives_up) {
    kit_open(MODEL "&retries=2");
    api_server_script(kit_server, NULL, 0, FAULT_500);
    ck_assert(!kit_try_embed(EVAL_DOCUMENT, "x", 1, ""));
    KIT_CHECK_ERROR(SENC_FAILED,
                    "openai:m: http://127.0.0.1:", "/v1/embeddings answered 500 (3 tries): something broke");
    ck_assert_int_eq(api_server_n_posts(kit_server), 3);
}
END_TEST

/* ---- what does not pass ---- */

static const struct {
    api_fault fault;
    senc_error_kind kind;
    const char *text;
} refusals[] = {
    {FAULT_400, SENC_BAD_INPUT, "answered 400: the text is too long"},
    {FAULT_401_ECHO, SENC_BAD_INPUT, "answered 401: the key *** is not known here; is the key right?"},
    {FAULT_404, SENC_BAD_INPUT, "answered 404: no such model; is the model's name right?"},
    {FAULT_413, SENC_BAD_INPUT, "answered 413: batch size 9 > 8; ?batch=N makes requests smaller"},
    {FAULT_302, SENC_BAD_INPUT, "answered 302; redirects are not followed, expected the final URL"},
    {FAULT_429_QUOTA, SENC_FAILED, "answered 429: the account is empty"},
    {FAULT_429_AFTER_3600, SENC_FAILED, "answered 429: come back later; it asks to come back in 3600 s"},
    {FAULT_ENDLESS, SENC_FAILED, "the answer is longer than 1"},
    {FAULT_TRUNCATED, SENC_FAILED, "openai:m: answer:1:"},
    {FAULT_ECHO_IN_JSON, SENC_FAILED, "openai:m: answer:1:"},
    {FAULT_HTML, SENC_FAILED, "openai:m: answer:1:1: bad JSON"},
    {FAULT_EMPTY, SENC_FAILED, "openai:m: answer:1:1: bad JSON"},
    {FAULT_WRONG_WIDTH, SENC_FAILED, "bad answer: vector 5: expected 8 numbers, found 7"},
    {FAULT_WRONG_COUNT, SENC_FAILED, "bad answer: data: expected 5 vectors, found 4"},
    {FAULT_NAN, SENC_FAILED, "openai:m: answer:1:"},
    {FAULT_NULL, SENC_FAILED, "bad answer: vector 5, number 5: expected a number, found null"},
    {FAULT_STRING, SENC_FAILED, "bad answer: vector 5, number 5: expected a number, found a string"},
    {FAULT_1E39, SENC_FAILED, "bad answer: vector 5, number 5: expected a number that a float holds, found 1e+39"},
    {FAULT_TOKEN_VECTORS, SENC_FAILED,
     "bad answer: vector 5: expected numbers, found arrays: the server gives a vector"},
    {FAULT_SAME_INDEX, SENC_FAILED, "bad answer: data[1].index: 0 is there twice"},
    {FAULT_FAR_INDEX, SENC_FAILED, "bad answer: data[4].index: expected 0 to 4, found another number"},
};

START_TEST(is_an_error_at_once) {
    kit_open(MODEL);
    api_server_script(kit_server, NULL, 0, refusals[_i].fault);
    ck_assert(!kit_try_embed(EVAL_DOCUMENT, "x", 5, ""));
    KIT_CHECK_ERROR(refusals[_i].kind, "openai:m: ", refusals[_i].text);
    ck_assert_int_eq(api_server_n_posts(kit_server), 1);
    /* Nothing of it was kept, and the next call works. */
    api_server_script(kit_server, NULL, 0, FAULT_NONE);
    kit_embed(EVAL_DOCUMENT, "x", 5);
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_cached, 0);
}
END_TEST

/* The messages of the other protocols. */
START_TEST(messages) {
    static const char *const specs[] = {
        "tei:http://127.0.0.1:%d?dimensions=8",
        "cohere:m?url=http://127.0.0.1:%d&dimensions=8",
        "voyage:m?url=http://127.0.0.1:%d/voyage/v1&dimensions=8",
        "hf:m?url=http://127.0.0.1:%d&dimensions=8",
        "ollama:m?url=http://127.0.0.1:%d&dimensions=8",
    };
    api_server_script(kit_server, NULL, 0, FAULT_400);
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        kit_open(specs[i]);
        ck_assert(!kit_try_embed(EVAL_DOCUMENT, "x", 1, ""));
        KIT_CHECK_ERROR(SENC_BAD_INPUT, "answered 400: the text is too long");
        kit_close();
    }
}
END_TEST

/* The first answer tells the width; a later one with another is an error. */
START_TEST(the_width_is_asked_for) {
    api_server_script(kit_server, NULL, 0, FAULT_401_ECHO);
    ck_assert(!kit_try_open("openai:m?url=http://127.0.0.1:%d/v1&key_env=TEST_KEY"));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "answered 401: the key *** is not known here");
    api_server_script(kit_server, NULL, 0, FAULT_NONE);
    kit_open("openai:m?url=http://127.0.0.1:%d/v1&key_env=TEST_KEY");
    ck_assert_int_eq(eval_remote_embedder(kit_remote).width, API_WIDTH);
    ck_assert_int_eq(api_server_n_billed(kit_server), 1);
}
END_TEST

START_TEST(a_server_that_ignores_dimensions) {
    kit_open("tei:http://127.0.0.1:%d?dimensions=4");
    api_server_script(kit_server, NULL, 0, FAULT_WRONG_WIDTH);
    ck_assert(!kit_try_embed(EVAL_DOCUMENT, "x", 1, ""));
    KIT_CHECK_ERROR(SENC_FAILED, "bad answer: vector 1: expected 4 numbers, found 3");
}
END_TEST

START_TEST(no_server) {
    ck_assert(!kit_try_open("tei:http://127.0.0.1:1"));
    KIT_CHECK_ERROR(SENC_FAILED, "tei:http://127.0.0.1:1: http://127.0.0.1:1/info: ", "onnect");
    ck_assert_ptr_null(strstr(kit_error.text, "tries")); /* the first refusal counts */
}
END_TEST

/* One batch of many fails for good: what was under way is kept, and is not sent again. */
START_TEST(what_was_paid_is_kept) {
    const api_fault script[] = {FAULT_NONE, FAULT_NONE, FAULT_NONE, FAULT_NONE, FAULT_400};
    kit_open(MODEL "&batch=10&parallel=2");
    api_server_script(kit_server, script, 5, FAULT_NONE);
    ck_assert(!kit_try_embed(EVAL_DOCUMENT, "x", 200, ""));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "answered 400");
    const int64_t billed = api_server_n_billed(kit_server);
    ck_assert_int_ge(billed, 40);
    ck_assert_int_le(billed, 60); /* those beside the failure */
    kit_close();
    kit_open(MODEL "&batch=10&parallel=2");
    kit_embed(EVAL_DOCUMENT, "x", 200);
    ck_assert_int_eq(api_server_n_billed(kit_server), 200);
    ck_assert_int_eq(eval_remote_get_stats(kit_remote).n_cached, billed);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("remote_faults");
    TCase *cases = tcase_create("remote_faults");
    tcase_add_checked_fixture(cases, kit_begin, kit_end);
    tcase_add_loop_test(cases, is_tried_again, 0, (int)(sizeof passing / sizeof *passing));
    tcase_add_test(cases, time_out);
    tcase_add_test(cases, retry_after);
    tcase_add_test(cases, all_wait_for_retry_after);
    tcase_add_test(cases, gives_up);
    tcase_add_loop_test(cases, is_an_error_at_once, 0, (int)(sizeof refusals / sizeof *refusals));
    tcase_add_test(cases, messages);
    tcase_add_test(cases, the_width_is_asked_for);
    tcase_add_test(cases, a_server_that_ignores_dimensions);
    tcase_add_test(cases, no_server);
    tcase_add_test(cases, what_was_paid_is_kept);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
