/* The details behind a retrieval's metrics, and its TREC files, with fixed vectors. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "small_beir.h"

/* q1 finds d2 0.96, d1 0.8, d4 0.1, d3 0; q2 finds d2 0.48, d3 0.48, d1 0, d4 0.1. */
static void write_vectors(void) {
    small_write("v.jsonl", "{\"text\": \"the cat sat\", \"embedding\": [1, 0, 0, 0]}\n"
                           "{\"text\": \"the dog sat on the cat\", \"embedding\": [0.6, 0.8, 0, 0]}\n"
                           "{\"text\": \"birds fly\", \"embedding\": [0, 0, 0.6, 0.8]}\n"
                           "{\"text\": \"a cat a dog a bird\", \"embedding\": [0.5, -0.5, 0.5, -0.5]}\n"
                           "{\"text\": \"cat\", \"embedding\": [0.8, 0.6, 0, 0]}\n"
                           "{\"text\": \"dog bird\", \"embedding\": [0, 0.6, 0.8, 0]}\n");
}

static senc_value *string_of(const char *text) {
    return senc_value_create_string(text, strlen(text), (senc_place){0});
}

static senc_value *table_of(void) {
    senc_value *table = senc_value_create(SENC_VALUE_TABLE, (senc_place){0});
    ck_assert(senc_value_put(table, "type", (senc_place){0}, string_of("retrieval")));
    ck_assert(senc_value_put(table, "path", (senc_place){0}, string_of(small_folder)));
    ck_assert(senc_value_put(table, "name", (senc_place){0}, string_of("small")));
    return table;
}

/* fail_at: the allocation that fails once the data is loaded; 0: none. */
static bool evaluate(const char *spec, senc_value *table, int64_t fail_at, eval_result *result, senc_error *err) {
    eval_system *s = NULL;
    eval_job job = {0};
    *result = (eval_result){0};
    ck_assert_msg(eval_job_open(&job, table, "eval", err), "%s", err->text);
    senc_alloc_fail_at(fail_at);
    bool ok = eval_system_open(small_text(spec), &small_options, &s, err);
    if (ok) {
        const eval_embedder embedder = eval_system_embedder(s);
        ok = eval_job_run(&job, &embedder, result, err);
    }
    senc_alloc_fail_at(0);
    eval_system_free(s);
    eval_job_close(&job);
    return ok;
}

static eval_result evaluated(const char *spec, senc_value *table) {
    eval_result r;
    senc_error err = {0};
    ck_assert_msg(evaluate(spec, table, 0, &r, &err), "%s", err.text);
    return r;
}

static void check_series(const eval_result *r) {
    ck_assert_int_eq(r->detail.n_series, r->n_metrics);
    for (int64_t m = 0; m < r->n_metrics; m++) {
        const eval_series *s = eval_detail_find(&r->detail, r->metrics[m].key);
        ck_assert_ptr_nonnull(s);
        ck_assert_int_eq(s->statistic, EVAL_MEAN);
        double mean = 0;
        for (int64_t i = 0; i < r->detail.n_units; i++) mean += s->values[i] / (double)r->detail.n_units;
        ck_assert_double_eq_tol(mean, r->metrics[m].value, 1e-15);
    }
}

START_TEST(units) {
    write_vectors();
    senc_value *table = table_of();
    eval_result r = evaluated("vectors:%s/v.jsonl", table);
    check_series(&r);
    const eval_detail *d = &r.detail;
    ck_assert_str_eq(d->unit_name, "query");
    ck_assert_int_eq(d->n_units, 2);
    ck_assert_str_eq(d->units[0].id, "q1");
    ck_assert_str_eq(d->units[0].text, "cat");
    ck_assert_str_eq(d->units[0].other, "the dog sat on the cat");
    ck_assert_int_eq(d->units[0].rank, 1);
    ck_assert_int_eq(d->units[1].n_words, 2);
    ck_assert_str_eq(d->units[1].other, "a cat a dog a bird");
    ck_assert_int_eq(d->units[1].rank, 3); /* 0.48, 0.48, then d4's (-0.3 + 0.4) */
    ck_assert_int_eq(d->units[1].n_found, 4);
    const eval_found *found = d->units[1].found;
    ck_assert_str_eq(found[0].id, "d2");
    ck_assert_str_eq(found[1].id, "d3");
    ck_assert_str_eq(found[1].text, "birds fly");
    ck_assert_double_eq_tol(found[2].score, 0.1, 1e-6);
    ck_assert_double_eq(found[2].grade, 1);
    ck_assert_double_eq(found[0].grade, 0);
    eval_result_free(&r);
    senc_value_free(table);
}
END_TEST

/* Every relevant pair is scored, whatever its rank; the other pairs are a sample without relevant ones. */
START_TEST(scores_and_curves) {
    write_vectors();
    senc_value *table = table_of();
    eval_result r = evaluated("vectors:%s/v.jsonl", table);
    const eval_detail *d = &r.detail;
    ck_assert_int_eq(d->n_positives, 3);
    double sum = 0;
    for (int i = 0; i < 3; i++) sum += d->positives[i];
    ck_assert_double_eq_tol(sum, 0.96 + 0.1 + 0.1, 1e-6);
    ck_assert(d->n_negatives > 0 && d->n_negatives <= 8);
    for (int64_t i = 0; i < d->n_negatives; i++) ck_assert(d->negatives[i] < 0.81);
    ck_assert_int_eq(d->n_curves, 6);
    for (int64_t c = 0; c < d->n_curves; c++) {
        ck_assert_int_eq(d->curves[c].n, 3); /* 1, 2, 3: there are four documents */
        char key[64];
        snprintf(key, sizeof key, "small_cosine_%s@1", d->curves[c].name);
        const eval_metric *m = eval_result_find(&r, key);
        if (m) ck_assert_double_eq_tol(d->curves[c].values[0], m->value, 1e-15);
    }
    ck_assert_str_eq(d->curves[4].name, "mrr");
    ck_assert_double_eq_tol(d->curves[4].values[2], (1 + 1 / 3.) / 2, 1e-15);
    eval_result_free(&r);
    senc_value_free(table);
}
END_TEST

/* A ranker's scores and names; its rules stand in the result. */
START_TEST(ranker) {
    senc_value *table = table_of();
    eval_result r = evaluated("bm25?idf=lucene", table);
    check_series(&r);
    ck_assert_str_eq(r.primary, "small_bm25_ndcg@10");
    ck_assert_int_eq(r.detail.n_positives, 3);
    ck_assert_int_eq(r.detail.n_negatives, 2); /* q1: d1; q2: d2 */
    ck_assert_int_eq(r.detail.units[0].rank, 2);
    bool told = false;
    for (int64_t i = 0; i < r.n_rules; i++) told = told || strstr(r.rules[i], "idf of Lucene") != NULL;
    ck_assert(told);
    eval_result_free(&r);
    senc_value_free(table);
}
END_TEST

/* A run that is saved and read again measures the same; the judgements are those above 0. */
START_TEST(trec_files) {
    write_vectors();
    senc_value *table = table_of();
    ck_assert(senc_value_put(table, "save_run", (senc_place){0}, string_of(small_text("%s/x.run"))));
    ck_assert(senc_value_put(table, "save_qrels", (senc_place){0}, string_of(small_text("%s/x.qrels"))));
    eval_result r = evaluated("vectors:%s/v.jsonl", table);
    senc_error err = {0};
    char *run = senc_file_read(small_text("%s/x.run"), 0, NULL, &err);
    ck_assert_ptr_nonnull(run);
    ck_assert_ptr_nonnull(strstr(run, "q1 Q0 d2 1 0.959999979 cosine\nq1 Q0 d1 2 0.800000012 cosine\n"));
    char *qrels = senc_file_read(small_text("%s/x.qrels"), 0, NULL, &err);
    ck_assert_str_eq(qrels, "q1 0 d2 2\nq1 0 d4 1\nq2 0 d4 1\n");
    free(run);
    free(qrels);
    senc_value_free(table);
    table = table_of();
    eval_result again = evaluated("run:%s/x.run", table);
    ck_assert_int_eq(again.n_metrics, r.n_metrics);
    for (int64_t m = 0; m < r.n_metrics; m++) ck_assert_double_eq(again.metrics[m].value, r.metrics[m].value);
    eval_result_free(&again);
    eval_result_free(&r);
    senc_value_free(table);
}
END_TEST

START_TEST(needs_vectors) {
    small_write("pairs.csv", "a,b,1\nc,d,2\n");
    senc_value *table = senc_value_create(SENC_VALUE_TABLE, (senc_place){0});
    ck_assert(senc_value_put(table, "type", (senc_place){0}, string_of("sts")));
    ck_assert(senc_value_put(table, "path", (senc_place){0}, string_of(small_text("%s/pairs.csv"))));
    eval_job job;
    senc_error err = {0};
    eval_system *s;
    ck_assert_msg(eval_job_open(&job, table, "eval", &err), "%s", err.text);
    ck_assert(eval_system_open("words=bm25", &small_options, &s, &err));
    const eval_embedder embedder = eval_system_embedder(s);
    ck_assert(!eval_job_check(&job, &embedder, eval_system_label(s), &err));
    ck_assert_str_eq(err.text, "words: it ranks documents and has no vectors, which evaluation \"pairs\" (sts) needs; "
                               "--retrieval measures rankings");
    eval_system_free(s);
    eval_job_close(&job);
    senc_value_free(table);
}
END_TEST

START_TEST(failing_allocations) {
    write_vectors();
    senc_value *table = table_of();
    int64_t n = 1;
    for (bool ok = false; !ok; n++) {
        eval_result r;
        senc_error err = {0};
        ok = evaluate("vectors:%s/v.jsonl", table, n, &r, &err);
        ck_assert_msg(ok || strstr(err.text, "memory"), "allocation %lld: %s", (long long)n, err.text);
        eval_result_free(&r);
    }
    ck_assert_int_gt(n, 50);
    senc_value_free(table);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("retrieval_detail");
    TCase *c = tcase_create("retrieval_detail");
    tcase_add_checked_fixture(c, small_setup, small_teardown);
    tcase_add_test(c, units);
    tcase_add_test(c, scores_and_curves);
    tcase_add_test(c, ranker);
    tcase_add_test(c, trec_files);
    tcase_add_test(c, needs_vectors);
    tcase_add_test(c, failing_allocations);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
