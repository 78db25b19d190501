/* Tests of eval/reports/saved_report.h: what is written is read again; what is wrong is refused with its place. */
#include "eval/reports/saved_report.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "report_bench.h"

/* Text of a report in memory that the caller frees. */
static char *print_report(int64_t n, size_t *n_bytes) {
    eval_saved_report r;
    bench_fill_report(&r, n);
    senc_buffer out = {0};
    eval_saved_report_print(&r, &out);
    ck_assert(!out.failed);
    eval_saved_report_free(&r);
    *n_bytes = out.n_bytes;
    return senc_buffer_take(&out);
}

START_TEST(test_round_trip) {
    size_t n, n_again;
    char *text = print_report(40, &n);
    eval_saved_report r;
    senc_error err = {0};
    ck_assert_msg(eval_saved_report_parse(text, n, "r.json", &r, &err), "%s", err.text);
    senc_buffer again = {0};
    eval_saved_report_print(&r, &again);
    n_again = again.n_bytes;
    ck_assert_uint_eq(n, n_again);
    ck_assert(memcmp(text, again.data, n) == 0);
    senc_buffer_free(&again);

    ck_assert_str_eq(r.label, "models/<m>");
    ck_assert_int_eq(r.n_results, 2);
    const eval_detail *d = &r.results[0].detail;
    ck_assert_str_eq(r.results[0].type, "retrieval");
    ck_assert_str_eq(d->unit_name, "query");
    ck_assert_int_eq(d->n_units, 40);
    ck_assert_int_eq(d->n_series, 2);
    ck_assert_str_eq(d->units[39].id, "q40");
    ck_assert_str_eq(d->units[2].slice, "returns");
    ck_assert_int_eq(d->units[4].rank, 0);
    ck_assert_int_eq(d->units[5].rank, 6);
    ck_assert_int_eq(d->units[5].n_words, 6);
    ck_assert_int_eq(d->units[5].n_found, 3);
    ck_assert_ptr_null(d->units[5].found[2].text);
    ck_assert_double_eq(d->units[5].found[1].score, 0.9 - 0.1);
    ck_assert_int_eq(d->n_positives, 160);
    ck_assert_double_eq(d->positives[3], 0.6 + 0.3 * sin(3));
    ck_assert_int_eq(d->n_curves, 2);
    ck_assert_int_eq(d->curves[1].ks[3], 100);
    ck_assert_ptr_null(d->gold);
    const eval_detail *pairs = &r.results[1].detail;
    ck_assert_int_eq(pairs->units[3].rank, -1);
    ck_assert_double_eq(pairs->gold[5], 5);
    ck_assert_int_eq(pairs->series[0].statistic, EVAL_SPEARMAN);
    ck_assert(isnan(eval_result_find(&r.results[1], "pairs_pearson_cosine")->value));
    ck_assert_int_eq(r.facts.n_parameters, 22713216);
    ck_assert_int_eq(r.stats.n_truncated, 123);
    ck_assert_double_eq(r.stats.encode_ms, 2500);
    ck_assert_int_eq(r.n_variants, 3);
    ck_assert_double_eq(eval_saved_report_find_interval(&r, "faq_cosine_ndcg@10")->high, 0.4);
    ck_assert(isnan(eval_saved_report_find_interval(&r, "pairs_spearman_cosine")->low));
    eval_saved_report_free(&r);
    free(text);
}
END_TEST

/* What an API was sent and cost; a price that is not known is null. */
START_TEST(test_bill) {
    const eval_system_bill bill = {1, 30, 12, 3, 400, true, NAN, 2.5, NAN};
    eval_saved_report r, again;
    bench_fill_report(&r, 6);
    r.bill = bill;
    senc_buffer out = {0};
    eval_saved_report_print(&r, &out);
    senc_error err = {0};
    ck_assert_msg(eval_saved_report_parse(out.data, out.n_bytes, "r.json", &again, &err), "%s", err.text);
    ck_assert_int_eq(again.bill.n_apis, 1);
    ck_assert_int_eq(again.bill.n_sent, 30);
    ck_assert_int_eq(again.bill.n_cached, 12);
    ck_assert_int_eq(again.bill.n_requests, 3);
    ck_assert_int_eq(again.bill.n_tokens, 400);
    ck_assert(again.bill.tokens_estimated);
    ck_assert_double_eq(again.bill.tokens_per_text, 2.5);
    ck_assert(isnan(again.bill.dollars) && isnan(again.bill.dollars_per_text));
    eval_saved_report_free(&r);
    eval_saved_report_free(&again);
    senc_buffer_free(&out);
}
END_TEST

/* Cut anywhere: an error of one line that begins with the file's name. */
START_TEST(test_cut) {
    size_t n;
    char *text = print_report(6, &n);
    for (size_t cut = 0; cut + 2 < n; cut += 7) {
        eval_saved_report r;
        senc_error err = {0};
        ck_assert_msg(!eval_saved_report_parse(text, cut, "r.json", &r, &err), "cut at %zu", cut);
        ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
        ck_assert_msg(strncmp(err.text, "r.json:", 7) == 0, "%s", err.text);
        ck_assert_ptr_null(strchr(err.text, '\n'));
        ck_assert_ptr_null(r.results);
    }
    free(text);
}
END_TEST

/* Every value of the report replaced by one of a wrong type, one after the other: never a crash, and an error that
 * names the place unless the value may be null. */
START_TEST(test_wrong_values) {
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"\"senc report\"", "\"junit\"", "r.json: \"format\": expected \"senc report\", got \"junit\""},
        {"\"version\": 1", "\"version\": 9", "r.json: \"version\": this senc reads reports up to version 1, got 9"},
        {"\"model\": \"models/<m>\"", "\"model\": 3", "r.json: \"model\": expected a string, got 3"},
        {"\"results\": [", "\"other\": [", "r.json: \"results\": expected an array, but it is missing"},
        {"\"words\": 3", "\"words\": \"x\"",
         "r.json: results[0]: detail: units[2]: \"words\": expected an integer >= 0, got \"x\""},
        {"\"id\": \"q2\"", "\"id\": null",
         "r.json: results[0]: detail: units[1]: \"id\": expected a string, but it is missing"},
        {"\"statistic\": \"mean\"", "\"statistic\": \"median\"",
         "r.json: results[0]: detail: series[0]: \"statistic\": expected \"mean\", \"spearman\", ..., got \"median\""},
        {"\"values\": [1.0, ", "\"values\": [",
         "r.json: results[0]: detail: series[0]: \"values\": expected 6 numbers, one a unit, got 5"},
        {"\"values\": [1.0, ", "\"values\": [true, ",
         "r.json: results[0]: detail: series[0]: \"values\": item 1: expected a number or null, got a boolean"},
        {"\"gold\": [0.0, ", "\"gold\": [", "r.json: results[1]: detail: \"gold\": expected 6 numbers, got 5"},
        {"\"gold\": [0.0, ", "\"ggld\": [0.0, ",
         "r.json: results[1]: detail: series[0]: \"spearman\" needs \"gold\" beside \"units\", but it is missing"},
        {"\"ks\": [1, 3", "\"ks\": [1, -3",
         "r.json: results[0]: detail: curves[0]: \"ks\": item 2: expected an integer >= 1, got an integer"},
        {"\"score\": 0.9", "\"score\": []",
         "r.json: results[0]: detail: units[0]: found[0]: \"score\": expected a number, got an array"},
        {"\"dimension\": 384", "\"dimension\": -1", "r.json: system: \"dimension\": expected an integer >= 0, got -1"},
        {"[0.2, 0.4]", "[0.2]", "r.json: intervals: \"faq_cosine_ndcg@10\": expected 2 numbers, got 1"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t n;
        char *text = print_report(6, &n);
        char *at = strstr(text, cases[c].from);
        ck_assert_msg(at != NULL, "%s", cases[c].from);
        senc_buffer changed = {0};
        senc_buffer_append(&changed, text, (size_t)(at - text));
        senc_buffer_append_text(&changed, cases[c].to);
        senc_buffer_append_text(&changed, at + strlen(cases[c].from));
        eval_saved_report r;
        senc_error err = {0};
        ck_assert_msg(!eval_saved_report_parse(changed.data, changed.n_bytes, "r.json", &r, &err), "%s", cases[c].to);
        ck_assert_str_eq(err.text, cases[c].message);
        senc_buffer_free(&changed);
        free(text);
    }
}
END_TEST

/* What `senc eval --json` writes is a report without details. */
START_TEST(test_plain_json) {
    static const char text[] = "{\"model\": \"m\", \"metrics\": {\"a_x\": 0.5}, \"rules\": {\"a\": [\"r1\", \"r2\"]}, "
                               "\"counts\": {\"a\": [\"rows: 3\"]}, \"results\": [{\"name\": \"a\", \"type\": \"sts\", "
                               "\"primary\": \"a_x\", \"greater_is_better\": false, \"metrics\": {\"a_x\": 0.5}}]}";
    eval_saved_report r;
    senc_error err = {0};
    ck_assert_msg(eval_saved_report_parse(text, strlen(text), "a.json", &r, &err), "%s", err.text);
    ck_assert_int_eq(r.results[0].n_rules, 2);
    ck_assert_str_eq(r.results[0].counts[0], "rows: 3");
    ck_assert(!r.results[0].greater_is_better);
    ck_assert_int_eq(r.results[0].detail.n_units, 0);
    eval_saved_report_free(&r);
    ck_assert(!eval_saved_report_parse("[1]", 3, "b.json", &r, &err));
    ck_assert_str_eq(err.text, "b.json: expected a report of senc eval (--report or --json), found other JSON");
}
END_TEST

START_TEST(test_files) {
    eval_saved_report r;
    senc_error err = {0};
    char folder[] = "/tmp/senc-saved-report-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    char *path = senc_path_join(folder, "report.json");
    ck_assert(!eval_saved_report_exists(folder));
    bench_fill_report(&r, 3);
    ck_assert(eval_saved_report_save(&r, path, &err));
    eval_saved_report_free(&r);
    ck_assert(eval_saved_report_exists(folder));
    ck_assert(eval_saved_report_exists(path));
    ck_assert_msg(eval_saved_report_load(folder, &r, &err), "%s", err.text);
    ck_assert_int_eq(r.results[0].detail.n_units, 3);
    eval_saved_report_free(&r);
    char *config = senc_path_join(folder, "config.toml"); /* then it is a run folder */
    ck_assert(senc_file_write(config, "", 0, &err));
    ck_assert(!eval_saved_report_exists(folder) && eval_saved_report_exists(path));
    free(config);
    ck_assert(senc_path_remove(folder, &err));
    ck_assert(!eval_saved_report_load(path, &r, &err));
    free(path);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("saved_report");
    TCase *tests = tcase_create("saved_report");
    tcase_add_test(tests, test_round_trip);
    tcase_add_test(tests, test_bill);
    tcase_add_test(tests, test_cut);
    tcase_add_test(tests, test_wrong_values);
    tcase_add_test(tests, test_plain_json);
    tcase_add_test(tests, test_files);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? 1 : 0;
}
