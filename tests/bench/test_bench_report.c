/* Runs -> medians, shares, ratios -> the table, with made-up runs. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/buffer.h"
#include "bench/bench.h"

START_TEST(medians) {
    ck_assert_double_eq(bench_median((const double[]){3}, 1), 3);
    ck_assert_double_eq(bench_median((const double[]){5, 1, 3}, 3), 3);
    ck_assert_double_eq(bench_median((const double[]){8, 1, 4, 3}, 4), 3.5);
    ck_assert_double_eq(bench_median(NULL, 0), 0);
}
END_TEST

START_TEST(list_of_rows) {
    senc_error err = {0};
    ck_assert(bench_rows_check("search,train_long", &err) && bench_rows_check("", &err));
    ck_assert(!bench_rows_check("search,trian_long", &err));
    ck_assert_str_eq(err.text, "--rows: no row is called \"trian_long\"; did you mean train_long");
    ck_assert(bench_rows_is_listed("a,search", "search") && !bench_rows_is_listed("searches,a", "search"));
    int n = 0, growth = 0;
    for (; bench_row_get(n); n++) {
        growth += bench_row_is_growth(n);
        for (int other = 0; other < n; other++) ck_assert_str_ne(bench_row_get(n)->name, bench_row_get(other)->name);
    }
    ck_assert_int_gt(growth, 0);
    ck_assert_int_gt(n, growth);
}
END_TEST

/* ---- made-up rows ---- */

static char model[] = "models/m", python[] = "python", programs[] = "build", scripts[] = "peers", work[] = "/tmp";
static bench_settings settings = {
    .programs = programs, .scripts = scripts, .work = work, .model = model, .python = python, .threads = 2, .runs = 3};

static bench_entry *add(bench_row *row, bench_side side, const char *who, const char *precision, double units,
                        double gflop, const double seconds[3]) {
    bench_entry *e = bench_entry_add(row, side, who, precision);
    for (int i = 0; i < 3; i++) {
        e->runs[e->n_runs++] = (bench_run){
            .units = units, .seconds = seconds[i], .gflop = gflop, .wall_seconds = 30, .peak_bytes = INT64_C(2) << 30};
    }
    return e;
}

static data_json *report_of(const bench_row *row) {
    data_json *report = data_json_create_object();
    bench_report_row(row, data_json_put_object(report, "rows"));
    return report;
}

static const data_json *row_of(const data_json *report) {
    return data_json_first(data_json_find(report, "rows"));
}

static void check_table(const bench_row *row, const char *expected) {
    data_json *report = report_of(row);
    senc_buffer text = {0};
    bench_table_print_row(row_of(report), &text);
    ck_assert_str_eq(senc_buffer_text(&text), expected);
    for (const char *line = senc_buffer_text(&text); *line; line += strcspn(line, "\n") + 1)
        ck_assert_msg(strcspn(line, "\n") <= 80, "%.100s", line);
    senc_buffer_free(&text);
    data_json_free(report);
}

static bench_row *comparison(void) {
    static const bench_row_spec spec = {.name = "paint", .title = "paint gates", .unit = "gates"};
    static bench_row row;
    row = (bench_row){.spec = &spec, .settings = &settings, .n_limits = 3};
    const double limits[] = {210, 190, 200};
    for (int i = 0; i < 3; i++) row.limits[i] = (bench_limits){.fp32 = limits[i], .bf16 = 2 * limits[i], .copy = 20};
    add(&row, BENCH_SENC, "senc", "fp32", 100, 1500, (const double[]){12, 10, 9});
    add(&row, BENCH_SENC, "senc", "bf16", 100, 1500, (const double[]){5, 5, 5});
    bench_entry *absent = bench_entry_add(&row, BENCH_SENC, "senc", "int8");
    bench_entry_skip(absent, "--precision: int8 needs a CPU with VNNI, which this one has not, or so it says itself");
    bench_entry_skip(absent, "a second reason");
    add(&row, BENCH_PEER, "ST default", "fp32", 100, 1510, (const double[]){30, 40, 35});
    bench_entry *failed = add(&row, BENCH_PEER, "ORT", "fp32", 100, 0, (const double[]){1, 1, 1});
    snprintf(failed->error, sizeof failed->error, "ort_encode.py: it broke");
    return &row;
}

START_TEST(comparison_as_json) {
    bench_row *row = comparison();
    data_json *report = report_of(row);
    const data_json *o = data_json_find(data_json_find(report, "rows"), "paint");
    ck_assert_int_eq(data_json_count(data_json_find(o, "limits")), 3);
    const data_json *entries = data_json_find(o, "entries");
    ck_assert_int_eq(data_json_count(entries), 5);
    const data_json *fp32 = data_json_at(entries, 0), *bf16 = data_json_at(entries, 1), *st = data_json_at(entries, 3);
    ck_assert_int_eq(data_json_count(data_json_find(fp32, "runs")), 3);
    ck_assert_double_eq_tol(data_json_number(data_json_find(fp32, "median")), 10, 1e-12);
    ck_assert_double_eq_tol(data_json_number(data_json_find(fp32, "spread")), (100. / 9 - 100. / 12) / 10, 1e-12);
    ck_assert_double_eq_tol(data_json_number(data_json_find(fp32, "gflops")), 150, 1e-12);
    ck_assert_double_eq_tol(data_json_number(data_json_find(fp32, "share_of_limit")), 0.75, 1e-12);
    ck_assert_double_eq_tol(data_json_number(data_json_find(bf16, "share_of_limit")), 0.75, 1e-12);
    const data_json *ratios = data_json_find(st, "senc_is_times");
    ck_assert_double_eq_tol(data_json_number(data_json_find(ratios, "fp32")), 3.5, 1e-12);
    ck_assert_double_eq_tol(data_json_number(data_json_find(ratios, "bf16")), 7, 1e-12);
    ck_assert_ptr_null(data_json_find(ratios, "int8"));
    ck_assert_str_eq(data_json_text(data_json_find(data_json_at(entries, 4), "error"), NULL),
                     "ort_encode.py: it broke");
    data_json_free(report);
    bench_row_free(row);
}
END_TEST

START_TEST(comparison_as_table) {
    bench_row *row = comparison();
    check_table(row, "paint gates\n"
                     "  3 runs; limit 200 GF/s fp32, 400 GF/s bf16\n"
                     "                           gates/s     GF/s  limit   memory x fp32 x bf16\n"
                     "  senc fp32                  10.00    150.0   75 %    2 GiB\n"
                     "  senc bf16                  20.00    300.0   75 %    2 GiB\n"
                     "  senc int8              not run: --precision: int8 needs a CPU with VNNI, which\n"
                     "                         this one has not, or so it says itself\n"
                     "  ST default fp32             2.86     43.1   22 %    2 GiB   3.50   7.00\n"
                     "  ORT fp32               failed: ort_encode.py: it broke\n");
    bench_row_free(row);
}
END_TEST

/* Without peers nothing is said of them. */
START_TEST(alone) {
    settings.python = NULL;
    bench_row *row = comparison();
    data_json *report = report_of(row);
    ck_assert_int_eq(data_json_count(data_json_find(row_of(report), "entries")), 3);
    data_json_free(report);
    bench_row_free(row);
    settings.python = python;
}
END_TEST

START_TEST(times_and_sizes) {
    static const bench_row_spec time = {.name = "t", .title = "start", .unit = "ms", .measure = BENCH_TIME};
    bench_row row = {.spec = &time, .settings = &settings};
    add(&row, BENCH_SENC, "senc", "", 1, 0, (const double[]){0.1, 0.2, 0.05});
    add(&row, BENCH_PEER, "ST", "", 1, 0, (const double[]){6, 6, 7});
    check_table(&row, "start\n  3 runs\n"
                      "                                ms     GF/s  limit   memory  x senc\n"
                      "  senc                       100.0                    2 GiB\n"
                      "  ST                          6000                    2 GiB   60.00\n");
    bench_row_free(&row);
    static const bench_row_spec size = {.name = "s", .title = "size", .unit = "MB", .measure = BENCH_SIZE};
    row = (bench_row){.spec = &size, .settings = &settings};
    add(&row, BENCH_SENC, "senc", "", 3, 0, (const double[]){0, 0, 0});
    add(&row, BENCH_PEER, "ST", "", 6300, 0, (const double[]){0, 0, 0});
    check_table(&row, "size\n  3 runs\n"
                      "                                MB smaller\n"
                      "  senc                        3.00\n"
                      "  ST                          6300    2100\n");
    bench_row_free(&row);
}
END_TEST

START_TEST(growth) {
    static const bench_row_spec cost = {.name = "c", .title = "more", .unit = "texts", .relation = BENCH_COST};
    bench_row row = {.spec = &cost, .settings = &settings};
    add(&row, BENCH_SENC, "few,", "fp32", 100, 1000, (const double[]){10, 10, 10});
    add(&row, BENCH_SENC, "many,", "fp32", 1000, 9600, (const double[]){120, 120, 120}); /* 80 GF/s, not 100 */
    bench_entry *own = add(&row, BENCH_PEER, "ST few", "fp32", 100, 1000, (const double[]){50, 50, 50});
    add(&row, BENCH_PEER, "ST many", "fp32", 100, 1000, (const double[]){60, 60, 60})->base = own->name;
    check_table(&row, "more\n  3 runs\n"
                      "                           texts/s     GF/s  limit   memory     cost\n"
                      "  few, fp32                  10.00    100.0           2 GiB     1.00\n"
                      "  many, fp32                  8.33     80.0           2 GiB     1.25\n"
                      "  ST few fp32                 2.00     20.0           2 GiB     5.00\n"
                      "  ST many fp32                1.67     16.7           2 GiB     1.20\n");
    bench_row_free(&row);
    static const bench_row_spec speedup = {.name = "u", .title = "threads", .unit = "texts", .relation = BENCH_SPEEDUP};
    row = (bench_row){.spec = &speedup, .settings = &settings};
    add(&row, BENCH_SENC, "1 thread,", "fp32", 100, 0, (const double[]){10, 10, 10});
    add(&row, BENCH_SENC, "2 threads,", "fp32", 100, 0, (const double[]){5, 5.1, 5.2});
    check_table(&row, "threads\n  3 runs\n"
                      "                           texts/s     GF/s  limit   memory speed-up\n"
                      "  1 thread, fp32             10.00                    2 GiB     1.00\n"
                      "  2 threads, fp32            19.61                    2 GiB     1.96\n");
    bench_row_free(&row);
}
END_TEST

/* A row that could not be built says why; a report is printed as a whole. */
START_TEST(whole_report) {
    static const bench_row_spec spec = {.name = "r", .title = "mend roofs", .unit = "roofs"};
    bench_row row = {.spec = &spec, .settings = &settings};
    snprintf(row.error, sizeof row.error, "SENC_DATA is not set: where the data sets are");
    data_json *report = data_json_create_object();
    bench_report_head(&settings, report);
    bench_report_row(&row, data_json_put_object(report, "rows"));
    senc_buffer text = {0};
    bench_table_print(report, &text);
    bench_row *paint = comparison();
    bench_report_row(paint, data_json_find_mutable(report, "rows"));
    bench_row_free(paint);
    bench_table_print(report, &text);
    const char *table = senc_buffer_text(&text);
    ck_assert_msg(strstr(table, "\npeak memory; ST default needs x times as much\n"
                                "                          senc fp32  senc bf16 ST default x fp32 x bf16\n"
                                "  paint                       2 GiB      2 GiB      2 GiB    1.0    1.0\n"),
                  "%s", table);
    ck_assert_msg(strstr(table, "2 threads, senc ") && strstr(table, "\nmend roofs\n  failed: SENC_DATA is not set"),
                  "%s", table);
    senc_buffer_free(&text);
    data_json_free(report);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench report");
    TCase *cases = tcase_create("bench report");
    tcase_add_test(cases, medians);
    tcase_add_test(cases, list_of_rows);
    tcase_add_test(cases, comparison_as_json);
    tcase_add_test(cases, comparison_as_table);
    tcase_add_test(cases, alone);
    tcase_add_test(cases, times_and_sizes);
    tcase_add_test(cases, growth);
    tcase_add_test(cases, whole_report);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
