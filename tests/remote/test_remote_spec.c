/* PROVIDER:MODEL?options: what is read, what is refused, and that refusals repeat no secret. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/remote/provider.h"
#include "remote_kit.h"

START_TEST(what_is_a_spec) {
    static const char *const yes[] = {"openai:m",   "azure:d", "cohere:m?batch=3", "tei:http://h",
                                      "ollama:a:b", "hf:",     "vertex:m",         "voyage:m"};
    static const char *const no[] = {"openai", "models/m", "./openai:m", "open:m", ":m", "", "bm25", "OPENAI:m"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) ck_assert_msg(eval_remote_is_spec(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) ck_assert_msg(!eval_remote_is_spec(no[i]), "%s", no[i]);
}
END_TEST

START_TEST(parts) {
    eval_remote_spec s;
    senc_error err = {0};
    ck_assert_msg(eval_remote_spec_parse("ollama:nomic-embed-text:v1.5?url=http://h:1/a%26b&dimensions=256&batch=7&"
                                         "parallel=2&rate=90.5&price=0.1&timeout=7&retries=0&query_prompt=100%25 q%3f ",
                                         &s, &err),
                  "%s", err.text);
    ck_assert_str_eq(s.provider->name, "ollama");
    ck_assert_str_eq(s.model, "nomic-embed-text:v1.5");
    ck_assert_str_eq(s.name, "ollama:nomic-embed-text:v1.5");
    ck_assert_str_eq(s.choices.url, "http://h:1/a&b");
    ck_assert_int_eq(s.choices.dimensions, 256);
    ck_assert_int_eq(s.choices.batch, 7);
    ck_assert_int_eq(s.choices.parallel, 2);
    ck_assert_int_eq(s.choices.retries, 0);
    ck_assert(s.choices.rate == 90.5 && s.choices.price == 0.1 && s.choices.timeout == 7);
    ck_assert_str_eq(s.choices.query_prompt, "100% q? ");
    eval_remote_spec_free(&s);
    ck_assert(eval_remote_spec_parse("openai:m", &s, &err));
    ck_assert(isnan(s.choices.price));
    ck_assert_int_eq(s.choices.parallel, 4);
    eval_remote_spec_free(&s);
}
END_TEST

static const char *const wrong[][2] = {
    {"openai:", "openai: expected openai:MODEL, found no MODEL"},
    {"tei:", "tei: expected tei:URL, found no URL"},
    {"openai:m?bach=3", "bach: unknown key for provider \"openai\"; did you mean \"batch\"?"},
    {"openai:m?batch=SECRET", "batch: expected an integer in [0, 2048], got"},
    {"openai:m?batch=3x", "batch: expected an integer"},
    {"openai:m?batch=", "batch: expected an integer"},
    {"openai:m?rate=-1", "rate: expected"},
    {"openai:m?price=nan", "price: expected"},
    {"openai:m?batch=3&batch=4", "batch: the option is there twice"},
    {"openai:m?SECRET", "expected option=value behind ?"},
    {"openai:m?=SECRET", "expected option=value behind ?"},
    {"openai:m?key=SECRET", "key: unknown key"},
    {"openai:m?url=h:80", "openai: url: expected a URL that begins with http:// or https://"},
    {"openai:m?url=file:///etc/passwd", "openai: url: expected a URL that begins with"},
    {"openai:m?url=http:///x", "openai: url: the URL names no host"},
    {"openai:m?url=https://me:SECRET@h/", "openai: url: the URL holds a name or password"},
    {"tei:https://me:SECRET@h/", "tei: the URL holds a name or password"},
    {"tei:localhost:8080", "tei: expected a URL that begins with http:// or https://"},
    {"tei:http://h?url=http://g", "tei: url: the URL already stands behind the colon"},
};

START_TEST(is_refused) {
    ck_assert(!kit_try_open(wrong[_i][0]));
    ck_assert_int_eq(kit_error.kind, SENC_BAD_INPUT);
    ck_assert_msg(strstr(kit_error.text, wrong[_i][1]) != NULL, "%s", kit_error.text);
    if (!strstr(wrong[_i][0], "batch=SECRET")) ck_assert_ptr_null(strstr(kit_error.text, "SECRET"));
}
END_TEST

/* ---- keys ---- */

static const char *const keys[][2] = {
    {"openai:m", "openai:m: no API key: expected it in the environment variable OPENAI_API_KEY"},
    {"azure:m", "azure:m: no API key: expected it in the environment variable AZURE_OPENAI_API_KEY"},
    {"cohere:m", "cohere:m: no API key: expected it in the environment variable COHERE_API_KEY or CO_API_KEY"},
    {"voyage:m", "no API key: expected it in the environment variable VOYAGE_API_KEY"},
    {"vertex:m", "CLOUDSDK_AUTH_ACCESS_TOKEN; export GOOGLE_ACCESS_TOKEN=$(gcloud auth print-access-token)"},
    {"hf:m", "no API key: expected it in the environment variable HF_TOKEN or HUGGING_FACE_HUB_TOKEN"},
    {"openai:m?key_env=NO_SUCH", "openai:m: key_env: the environment variable NO_SUCH is not set"},
};

START_TEST(key_is_missing) {
    setenv("OPENAI_API_KEY", "", 1); /* empty is unset */
    ck_assert(!kit_try_open(keys[_i][0]));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, keys[_i][1]);
}
END_TEST

/* No second header can be smuggled in, and the key is not shown. */
START_TEST(key_with_a_line_break) {
    static const char *const bad[] = {"SECRET\r\nX-Evil: 1", "SECRET\n", "SECRET key", "SECRET\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setenv("OPENAI_API_KEY", bad[i], 1);
        ck_assert(!kit_try_open("openai:m"));
        KIT_CHECK_ERROR(SENC_BAD_INPUT, "openai:m: OPENAI_API_KEY: expected a key of letters, digits and signs");
    }
}
END_TEST

START_TEST(address_is_missing) {
    setenv("AZURE_OPENAI_API_KEY", KIT_KEY, 1);
    ck_assert(!kit_try_open("azure:d"));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "azure:d: no address: expected the URL in the environment variable "
                                    "AZURE_OPENAI_ENDPOINT, or ?url=");
    setenv("AZURE_OPENAI_ENDPOINT", "my-resource", 1);
    ck_assert(!kit_try_open("azure:d"));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "azure:d: AZURE_OPENAI_ENDPOINT: expected a URL");
    setenv("GOOGLE_ACCESS_TOKEN", KIT_KEY, 1);
    ck_assert(!kit_try_open("vertex:m"));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "vertex:m: no project: expected its id in the environment variable");
    setenv("GOOGLE_CLOUD_PROJECT", "p", 1);
    setenv("GOOGLE_CLOUD_LOCATION", "evil.example/", 1);
    ck_assert(!kit_try_open("vertex:m"));
    KIT_CHECK_ERROR(SENC_BAD_INPUT, "GOOGLE_CLOUD_LOCATION: expected a region such as us-central1");
}
END_TEST

/* Every entry of the table is complete. */
START_TEST(table) {
    int n;
    const eval_provider *const *all = eval_provider_all(&n);
    ck_assert_int_eq(n, 8);
    for (int i = 0; i < n; i++) {
        const eval_provider *p = all[i];
        ck_assert_ptr_eq(eval_provider_find(p->name, strlen(p->name)), p);
        ck_assert(p->title && p->model_form && p->key_header && p->key_names[0]);
        ck_assert(p->put_url && p->put_body && p->read_answer);
        ck_assert(p->limits.n_texts > 0 && p->limits.n_tokens > 0);
        ck_assert(!p->identity_path == !p->read_identity);
        if (i > 0) ck_assert_int_lt(strcmp(all[i - 1]->name, p->name), 0);
    }
    ck_assert(eval_provider_list_price(eval_provider_find("openai", 6), "text-embedding-3-large") == 0.13);
    ck_assert(isnan(eval_provider_list_price(eval_provider_find("openai", 6), "new")));
    ck_assert(eval_provider_list_price(eval_provider_find("ollama", 6), "any") == 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("remote_spec");
    TCase *cases = tcase_create("remote_spec");
    tcase_add_checked_fixture(cases, kit_begin, kit_end);
    tcase_add_test(cases, what_is_a_spec);
    tcase_add_test(cases, parts);
    tcase_add_loop_test(cases, is_refused, 0, (int)(sizeof wrong / sizeof *wrong));
    tcase_add_loop_test(cases, key_is_missing, 0, (int)(sizeof keys / sizeof *keys));
    tcase_add_test(cases, key_with_a_line_break);
    tcase_add_test(cases, address_is_missing);
    tcase_add_test(cases, table);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
