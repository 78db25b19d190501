/* A rehearsal knows beforehand what the evaluation will say: the same keys, the same headline, as many texts. */
#include "eval/rehearsal.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "tests/eval/evaluator_fixture.h"

/* One file for all: every evaluator finds its columns. */
static const char rows[] =
    "{\"anchor\": \"a: 1 0 0\", \"positive\": \"b: 1 1 0\", \"negative\": \"c: 0 0 1\", \"sentence1\": \"d: 1 0 1\", "
    "\"sentence2\": \"e: 1 0 0\", \"score\": 0.9, \"label\": 1, \"text\": \"f: 1 0 0\"}\n"
    "{\"anchor\": \"g: 0 1 0\", \"positive\": \"h: 0 1 1\", \"negative\": \"i: 1 0 0\", \"sentence1\": \"j: 0 1 0\", "
    "\"sentence2\": \"k: 1 0 1\", \"score\": 0.2, \"label\": 0, \"text\": \"l: 0 1 0\"}\n"
    "{\"anchor\": \"m: 0 0 1\", \"positive\": \"n: 1 0 1\", \"negative\": \"o: 0 1 0\", \"sentence1\": \"p: 1 1 0\", "
    "\"sentence2\": \"q: 0 1 1\", \"score\": 0.5, \"label\": 1, \"text\": \"r: 1 0 1\"}\n"
    "{\"anchor\": \"s: 1 1 1\", \"positive\": \"t: 1 1 0\", \"negative\": \"u: 0 1 1\", \"sentence1\": \"v: 1 1 1\", "
    "\"sentence2\": \"w: 0 0 1\", \"score\": 0.1, \"label\": 0, \"text\": \"x: 0 1 1\"}\n";
static const char lists[] =
    "{\"query\": \"a: 1 0 0\", \"positive\": [\"b: 1 1 0\"], \"negative\": [\"c: 0 0 1\", \"d: 0 1 0\"]}\n"
    "{\"query\": \"e: 0 1 0\", \"positive\": [\"f: 0 1 1\"], \"negative\": [\"g: 1 0 0\", \"h: 1 0 1\"]}\n";

static const char *const types[] = {"bitext_mining",
                                    "classification",
                                    "clustering",
                                    "pair_classification",
                                    "paraphrase_mining",
                                    "reranking",
                                    "retrieval",
                                    "sts",
                                    "triplet"};
enum { N_TYPES = sizeof types / sizeof *types };

static bool has_key(const eval_result *r, const char *key) {
    return eval_result_find(r, key) != NULL;
}

START_TEST(knows_keys_and_texts) {
    const char *type = types[_i];
    senc_error err = {0};
    write_file("rows.jsonl", rows);
    write_file("lists.jsonl", lists);
    senc_value *table = job_table(type, strcmp(type, "reranking") == 0 ? "lists.jsonl" : "rows.jsonl");
    if (strcmp(type, "classification") == 0) put_path(table, "train", "rows.jsonl");
    if (strcmp(type, "retrieval") == 0) put_path(table, "save_run", "lists.trec");
    eval_job job;
    ck_assert_msg(eval_job_open(&job, table, "eval", &err), "%s", err.text);
    eval_rehearsal rehearsal;
    ck_assert_msg(eval_rehearse(&job, "cosine", &rehearsal, &err), "%s", err.text);
    const char *run = eval_job_text(&job, "save_run");
    ck_assert(!run || !senc_path_exists(run)); /* only the evaluation writes it */

    witness w = {0};
    const eval_embedder embedder = embedder_of(&w);
    eval_result result = {0};
    ck_assert_msg(eval_job_run(&job, &embedder, &result, &err), "%s", err.text);
    ck_assert_int_eq(rehearsal.n_texts, w.n_texts[0] + w.n_texts[1] + w.n_texts[2]);
    ck_assert_int_eq(rehearsal.n_sample, rehearsal.n_texts); /* so few are all kept */
    ck_assert_str_eq(rehearsal.result.primary, result.primary);
    ck_assert_int_eq(rehearsal.result.n_metrics, result.n_metrics);
    for (int64_t i = 0; i < result.n_metrics; i++)
        ck_assert_msg(has_key(&rehearsal.result, result.metrics[i].key), "%s", result.metrics[i].key);
    eval_result_free(&result);
    eval_rehearsal_free(&rehearsal);
    eval_job_close(&job);
    senc_value_free(table);
}
END_TEST

/* All evaluators are in the list above. */
START_TEST(none_is_missing) {
    int n;
    const eval_spec *const *all = eval_all(&n);
    ck_assert_int_eq(n, N_TYPES);
    for (int i = 0; i < n; i++) ck_assert_str_eq(all[i]->name, types[i]);
}
END_TEST

/* The sample stays small and even: every stride-th text, whatever their number. */
START_TEST(sample) {
    senc_buffer many = {0};
    for (int i = 0; i < 1500; i++)
        senc_buffer_printf(&many, "{\"sentence1\": \"text %d\", \"sentence2\": \"other %d\", \"score\": %d}\n", i, i,
                           i % 7);
    write_file("many.jsonl", many.data);
    senc_buffer_free(&many);
    senc_error err = {0};
    senc_value *table = job_table("sts", "many.jsonl");
    eval_job job;
    ck_assert_msg(eval_job_open(&job, table, "eval", &err), "%s", err.text);
    eval_rehearsal r;
    ck_assert_msg(eval_rehearse(&job, "cosine", &r, &err), "%s", err.text);
    ck_assert_int_eq(r.n_texts, 3000);
    ck_assert_int_ge(r.n_sample, EVAL_REHEARSAL_SAMPLE);
    ck_assert_int_le(r.n_sample, 2 * EVAL_REHEARSAL_SAMPLE);
    ck_assert_int_eq(r.n_sample, (r.n_texts + r.stride - 1) / r.stride);
    for (int64_t i = 0; i < r.n_sample; i++) ck_assert_int_eq(r.sample[i].n_bytes, (int64_t)strlen(r.sample[i].bytes));
    eval_rehearsal_free(&r);
    eval_job_close(&job);
    senc_value_free(table);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rehearsal");
    TCase *cases = tcase_create("rehearsal");
    tcase_add_checked_fixture(cases, make_folder, remove_folder);
    tcase_add_loop_test(cases, knows_keys_and_texts, 0, N_TYPES);
    tcase_add_test(cases, none_is_missing);
    tcase_add_test(cases, sample);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
