/* Tests of the pages: nothing of the data becomes markup, tags are balanced, nothing is loaded from anywhere, and what
 * must be shown is there. */
#include <check.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/formats/utf8.h"
#include "eval/reports/comparison_html.h"
#include "eval/reports/html_page.h"
#include "eval/reports/page_writer.h"
#include "eval/reports/report_page.h"
#include "eval/reports/report_view.h"
#include "eval/reports/svg_chart.h"
#include "page_check.h"
#include "report_bench.h"

START_TEST(test_text) {
    senc_buffer out = {0};
    eval_html_text(&out, "<a href=\"x\">'&\x01\n\xff\xc3");
    ck_assert_str_eq(senc_buffer_text(&out), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;  \xef\xbf\xbd\xef\xbf\xbd");
    senc_buffer_free(&out);
    char text[32];
    ck_assert_str_eq(eval_html_count(1234567, text, sizeof text), "1,234,567");
    ck_assert_str_eq(eval_html_count(-100, text, sizeof text), "-100");
}
END_TEST

/* The checker itself must be able to complain. */
START_TEST(test_checker) {
    char why[128];
    ck_assert(page_check("<!DOCTYPE html><p>a<br>b</p><svg><line/></svg>", why, sizeof why));
    ck_assert(!page_check("<p><b>a</p></b>", why, sizeof why));
    ck_assert(!page_check("<p>a", why, sizeof why));
    ck_assert(!page_check("a</p>", why, sizeof why));
    ck_assert(!page_check("<p>a < b</p>", why, sizeof why));
    ck_assert(!page_check("<script>1</script>", why, sizeof why));
    ck_assert(!page_check("<p onclick=\"x\">a</p>", why, sizeof why));
    ck_assert(!page_check("<p style=\"background:url(x)\">a</p>", why, sizeof why));
    ck_assert(!page_check("<a href=\"https://x\">a</a>", why, sizeof why));
}
END_TEST

START_TEST(test_report) {
    eval_saved_report r;
    senc_error err = {0};
    senc_buffer out = {0};
    char why[128];
    bench_fill_report(&r, 60);
    free(r.results[0].rules[0]);
    r.results[0].rules[0] = strdup(BENCH_NASTY);
    ck_assert_msg(eval_report_html(&r, &out, &err), "%s", err.text);
    const char *page = senc_buffer_text(&out);
    ck_assert_msg(page_check(page, why, sizeof why), "%s", why);
    ck_assert_uint_eq(data_utf8_check(page, out.n_bytes), out.n_bytes);
    static const char *const wanted[] = {
        "0.2000 to 0.4000",
        "Metrics over k",
        "Rank of the first relevant document",
        "Scores of matching and other",
        "By length",
        "By slice",
        "delivery",
        "Scores against the known ones",
        "dim=64",
        "quantize=int8",
        "The worst",
        "<li>faq: right answers found in the top 10: 75.0\u00a0%</li>",
        "<dt>nDCG@k</dt>",
        "<dt>95 % interval</dt>",
        "<thead>",
        "no relevant document found",
        "22.7 million",
        "3.1 %",
        "0123456789abcdef",
        "equal scores get their average",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        ck_assert_msg(strstr(page, wanted[i]) != NULL, "%s", wanted[i]);
    ck_assert_ptr_null(strstr(page, "nan"));
    senc_buffer_free(&out);
    eval_saved_report_free(&r);
}
END_TEST

/* Results without details, without metrics, of one unit: pages all the same. */
START_TEST(test_little) {
    for (int64_t n = 1; n <= 3; n++) {
        eval_saved_report r;
        senc_error err = {0};
        senc_buffer out = {0};
        char why[128];
        bench_fill_report(&r, n);
        if (n == 2) eval_detail_free(&r.results[0].detail);
        ck_assert_msg(eval_report_add_intervals(&r, &err) && eval_report_html(&r, &out, &err), "%s", err.text);
        ck_assert_msg(page_check(senc_buffer_text(&out), why, sizeof why), "%s", why);
        ck_assert_ptr_null(strstr(senc_buffer_text(&out), "=\"nan"));
        ck_assert_ptr_null(strstr(senc_buffer_text(&out), "inf\""));
        senc_buffer_free(&out);
        eval_saved_report_free(&r);
    }
    eval_saved_report empty = {0};
    senc_error err = {0};
    senc_buffer out = {0};
    char why[128];
    ck_assert(eval_report_html(&empty, &out, &err));
    ck_assert_msg(page_check(senc_buffer_text(&out), why, sizeof why), "%s", why);
    senc_buffer_free(&out);
}
END_TEST

START_TEST(test_markdown) {
    eval_saved_report r;
    senc_error err = {0};
    senc_buffer out = {0};
    bench_fill_report(&r, 60);
    ck_assert_msg(eval_report_markdown(&r, &out, &err), "%s", err.text);
    const char *text = senc_buffer_text(&out);
    static const char *const wanted[] = {
        "# Evaluation of models/\\<m\\>\n",
        "| faq | retrieval | cosine_ndcg@10 | ",
        "0.2000 to 0.4000",
        "| dim=64 | 256 | 0.3100 | ",
        "### By slice",
        "- texts cut: 3.1 % (123 were longer than 256 tokens)",
        "- ties: equal scores are ordered by corpus id",
        "\\<for\\>",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        ck_assert_msg(strstr(text, wanted[i]) != NULL, "%s\n%s", wanted[i], text);
    ck_assert_ptr_null(strstr(text, "<script>"));
    senc_buffer_free(&out);
    eval_saved_report_free(&r);
}
END_TEST

/* Which of three: the answer and the table of all stand first, with names that are not markup. */
START_TEST(test_systems) {
    enum { N = 3 };
    eval_saved_report reports[N];
    eval_compared_run runs[N];
    eval_compared_model models[N];
    const char *const labels[N] = {"today", "<i>small</i>", "worse & \"shorter\""};
    for (int i = 0; i < N; i++) {
        bench_fill_report(&reports[i], 80);
        reports[i].results[0].reading = (eval_reading){100, i == 1 ? 0 : 60, i == 1 ? 0 : 256};
        runs[i] =
            (eval_compared_run){.label = labels[i], .results = reports[i].results, .n_results = reports[i].n_results};
        models[i] = (eval_compared_model){labels[i], &runs[i], 1};
    }
    eval_detail *d = &reports[2].results[0].detail;
    for (int64_t u = 0; u < d->n_units; u += 2) d->series[0].values[u] *= 0.25;
    const eval_comparison_options options = {.pairs = true, .n_examples = 1, .n_resamples = 300};
    const eval_switching_cost costs[N] = {
        {.label = "today", .is_known = true, .dimension = 384, .bytes_per_vector = 1536, .n_parameters = 22600000},
        {.label = "s", .is_known = true, .word_bytes = 400, .documents_per_second = 900, .queries_per_second = 50},
        {.label = "w", .is_known = true, .bytes_per_vector = 64, .tokens_per_text = 25, .dollars_per_text = 1e-6}};
    eval_standings standings;
    eval_comparison c;
    senc_error err = {0};
    senc_buffer out = {0};
    char why[128];
    ck_assert_msg(eval_compare(models, N, &options, &c, &err), "%s", err.text);
    ck_assert_msg(eval_standings_open(&c, models, N, costs, &options, &standings, &err), "%s", err.text);
    const eval_comparison_page shown = {.costs = costs, .n_costs = N, .n_documents = 1000000, .standings = &standings};
    ck_assert_msg(eval_comparison_html(&c, models, N, &shown, &out, &err), "%s", err.text);
    const char *page = senc_buffer_text(&out);
    ck_assert_msg(page_check(page, why, sizeof why), "%s", why);
    static const char *const wanted[] = {
        "<h1>Which of 3 systems?</h1>",
        "Best: today (mean of 2 headline metrics ",
        "&lt;i&gt;small&lt;/i&gt; (",
        ") cannot be told from it and needs no vectors. Mind, on faq: today reads 256 tokens and cut 60.0 % of the "
        "texts; "
        "&lt;i&gt;small&lt;/i&gt; read everything.",
        "All systems on faq, by cosine_ndcg@10",
        "22.6 million",
        "50 queries/s",
        "API, 1,000,000 texts",
        "$1.00 (25 tokens a text)",
        "every pair of the 3 systems is tested",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        ck_assert_msg(strstr(page, wanted[i]) != NULL, "%s", wanted[i]);
    ck_assert(strstr(page, "Best: today") < strstr(page, "All systems on faq") &&
              strstr(page, "All systems on faq") < strstr(page, "is worse"));
    senc_buffer_free(&out);
    eval_standings_free(&standings);
    eval_comparison_free(&c);
    for (int i = 0; i < N; i++) eval_saved_report_free(&reports[i]);
}
END_TEST

/* Three reports against each other: the last is worse. */
START_TEST(test_comparison) {
    enum { N = 3 };
    eval_saved_report reports[N];
    eval_compared_run runs[N];
    eval_compared_model models[N];
    const char *const labels[N] = {"today", "<i>same</i>", "worse & \"shorter\""};
    for (int i = 0; i < N; i++) {
        bench_fill_report(&reports[i], 80);
        runs[i] =
            (eval_compared_run){.label = labels[i], .results = reports[i].results, .n_results = reports[i].n_results};
        models[i] = (eval_compared_model){labels[i], &runs[i], 1};
    }
    eval_detail *d = &reports[2].results[0].detail;
    for (int64_t u = 0; u < d->n_units; u += 2) d->series[0].values[u] *= 0.25;
    const eval_regression_limit limit = {"ndcg@10", 0.05};
    const eval_comparison_options options = {.limits = &limit, .n_limits = 1, .n_examples = 2, .n_resamples = 500};
    const eval_switching_cost costs[N] = {{.label = "today", .dimension = 384, .bytes_per_vector = 1536},
                                          {.label = "s", .query_prompt = "<q>: "},
                                          {.label = "w",
                                           .texts_per_second = 100,
                                           .tokens_per_text = 25,
                                           .dollars_per_text = 1e-6,
                                           .map_key = "k",
                                           .map_method = "m"}};
    const eval_comparison_page shown = {.costs = costs, .n_costs = N, .n_documents = 1000000};
    eval_comparison c;
    senc_error err = {0};
    senc_buffer out = {0};
    char why[128];
    ck_assert_msg(eval_compare(models, N, &options, &c, &err), "%s", err.text);
    ck_assert_msg(eval_comparison_html(&c, models, N, &shown, &out, &err), "%s", err.text);
    const char *page = senc_buffer_text(&out);
    ck_assert_msg(page_check(page, why, sizeof why), "%s", why);
    static const char *const wanted[] = {
        "&lt;i&gt;same&lt;/i&gt; is not distinguishable",
        "worse &amp; &quot;shorter&quot; is worse on faq; this is a regression",
        "a fall of 0.05 was allowed",
        "<b>Not distinguishable: &lt;i&gt;same&lt;/i&gt;. Worse: worse &amp; &quot;shorter&quot;. </b>",
        "Switching, for 1,000,000 documents: The prompt of queries changes.",
        "Switching, for 1,000,000 documents: Embedding all documents takes 2.8 h at the speed measured here. The "
        "API takes about $1.00 for them.",
        "How this was measured",
        "data-head=\"95 % interval\"",
        "faq: most hurt",
        "faq: ndcg at k",
        "1,000,000 documents",
        "1.54 GB",
        "&quot;&lt;q&gt;: &quot;",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        ck_assert_msg(strstr(page, wanted[i]) != NULL, "%s", wanted[i]);
    ck_assert_ptr_null(strstr(page, "=\"nan"));
    senc_buffer_free(&out);
    eval_comparison_free(&c);
    for (int i = 0; i < N; i++) eval_saved_report_free(&reports[i]);
}
END_TEST

/* The worst come first, and among equals what was not found. */
START_TEST(test_view) {
    eval_saved_report r;
    eval_report_view view;
    senc_error err = {0};
    bench_fill_report(&r, 60);
    ck_assert(eval_report_view_init(&view, &r.results[0], &err));
    ck_assert_int_eq(view.n_worst, EVAL_VIEW_WORST);
    const eval_detail *d = &r.results[0].detail;
    for (int64_t i = 0; i < view.n_worst; i++) ck_assert_int_eq(d->units[view.worst[i]].rank, 0);
    ck_assert_int_eq(view.worst[0], 4);
    int64_t n = 0, n_ranked = 0;
    double sum = 0;
    for (int64_t i = 0; i < view.n_slices; i++) {
        if (strcmp(view.slices[i].kind, "length") != 0) continue;
        n += view.slices[i].n_units;
        sum += view.slices[i].value * (double)view.slices[i].n_units;
    }
    for (int64_t i = 0; i < view.n_ranks; i++) n_ranked += view.ranks[i].n;
    ck_assert_int_eq(n, 60);
    ck_assert_int_eq(n_ranked, 60);
    ck_assert_double_eq_tol(sum / 60, r.results[0].metrics[0].value, 1e-12);
    ck_assert_str_eq(view.ranks[view.n_ranks - 1].label, "none");
    ck_assert_int_eq(view.ranks[view.n_ranks - 1].n, 12);
    eval_report_view_free(&view);
    eval_saved_report_free(&r);
}
END_TEST

START_TEST(test_script) {
    ck_assert_str_eq(eval_script_of("What is a café? 123"), "Latin");
    ck_assert_str_eq(eval_script_of("Что такое BM25"), "Cyrillic");
    ck_assert_str_eq(eval_script_of("東京"), "Han");
    ck_assert_str_eq(eval_script_of("123 !?\xff"), "none");
    ck_assert_str_eq(eval_script_of(""), "none");
}
END_TEST

/* Numbers that are not finite leave no mark; a range of nothing is a range all the same. */
START_TEST(test_charts) {
    const double x[] = {1, 10, 100}, y[] = {0.5, NAN, 0.5}, same[] = {3, 3, 3};
    const eval_chart_line line = {"a & b", x, y, 3, NULL};
    const eval_chart chart = {.title = "<t>", .x_label = "k", .y_label = "v", .x_is_log = true};
    const eval_chart_sample samples[] = {{"s", same, 3}, {"none", NULL, 0}};
    const eval_chart_row rows[] = {{"r", NAN, NAN, NAN, NULL, 0}, {"q", 0.1, 0.05, 0.2, "x", EVAL_CHART_BAD}};
    senc_buffer out = {0};
    char why[128];
    eval_chart_lines(&out, &chart, &line, 1);
    eval_chart_histogram(&out, &chart, samples, 2);
    eval_chart_bars(&out, &chart, NULL, 0);
    eval_chart_dots(&out, &chart, x, y, 3);
    eval_chart_forest(&out, &chart, 0, rows, 2);
    eval_chart_forest(&out, &chart, NAN, NULL, 0);
    ck_assert_msg(page_check(senc_buffer_text(&out), why, sizeof why), "%s", why);
    ck_assert_ptr_null(strstr(senc_buffer_text(&out), "nan"));
    ck_assert_ptr_null(strstr(senc_buffer_text(&out), "inf"));
    senc_buffer_free(&out);
}
END_TEST

/* The number of an attribute behind `at`. */
static double number_behind(const char *at, const char *attribute) {
    const char *found = strstr(at, attribute);
    ck_assert(found != NULL);
    return strtod(found + strlen(attribute), NULL);
}

/* Lines across the rows of a forest plot (grid and zero) cross no label, and letters have 11 pixels on a phone of 390:
 * there the picture of 360 is 340 wide. */
START_TEST(test_zero_lines) {
    const eval_chart chart = {.title = "t", .x_label = "x"};
    const eval_chart_row rows[] = {{"a name that needs a line of its own, it is so long", -0.1, -0.2, 0, "-0.1000", 4},
                                   {"short", 0.1, 0.05, 0.2, "+0.1000", EVAL_CHART_GOOD},
                                   {"last", 0, -0.05, 0.05, NULL, 4}};
    senc_buffer out = {0};
    eval_chart_forest(&out, &chart, 0, rows, 3);
    const char *page = senc_buffer_text(&out);
    int n_crossable = 0;
    for (const char *line = page; (line = strstr(line, "<line ")); line++) {
        const char *end = strchr(line, '>');
        if (!memmem(line, (size_t)(end - line), "\"grid\"", 6) && !memmem(line, (size_t)(end - line), "\"ref\"", 5))
            continue;
        const double top = number_behind(line, "y1=\""), bottom = number_behind(line, "y2=\"");
        n_crossable++;
        for (const char *text = page; (text = strstr(text, "<text ")); text++) {
            const double base = number_behind(text, " y=\"");
            ck_assert_msg(bottom <= base - 9 || top >= base + 2, "a line from %g to %g crosses %.80s", top, bottom,
                          text);
        }
    }
    ck_assert_int_ge(n_crossable, 9);
    ck_assert_msg(number_behind(page, "<text x=\"10.0\" y=\"") < number_behind(page, "<text x=\"350.0\" y=\""),
                  "a long label stands above its text");
    senc_buffer_clear(&out);
    eval_html_open(&out, "t");
    ck_assert_double_ge(number_behind(senc_buffer_text(&out), "svg text{fill:var(--soft);font-size:") * 340 / 360, 11);
    senc_buffer_free(&out);
}
END_TEST

/* Names that are too long lose their middle, so that two of them stay apart; the whole name is the title. */
START_TEST(test_long_names) {
    const char *const names[] = {"models/a-very-long-name-of-a-model-that-has-been-fine-tuned-in-many-ways-run-1",
                                 "models/a-very-long-name-of-a-model-that-has-been-fine-tuned-in-many-ways-run-2"};
    const eval_chart chart = {.title = "t"};
    const eval_chart_row rows[] = {{names[0], 0.1, 0, 0.2, "x", 0}, {names[1], 0.1, 0, 0.2, "x", 0}};
    senc_buffer out = {0};
    char wanted[160];
    eval_chart_forest(&out, &chart, NAN, rows, 2);
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_nonnull(strstr(senc_buffer_text(&out), i ? "many-ways-run-2<title>" : "many-ways-run-1<title>"));
        snprintf(wanted, sizeof wanted, "<title>%s</title></text>", names[i]);
        ck_assert_ptr_nonnull(strstr(senc_buffer_text(&out), wanted));
    }
    senc_buffer_free(&out);
}
END_TEST

/* One text, two forms; what is markup in either is not in the other. */
START_TEST(test_writer) {
    const eval_page_fact facts[] = {{"data", "1 <row>", "of *x*"}};
    const char *const lines[] = {"a_b", "c & d"};
    static const char *const wanted[2] = {
        "<section id=\"i\">\n<h2>T</h2>\n<p>75 % of &lt;b&gt;</p>\n<ul class=\"plain\">\n<li>a_b</li>\n<li>c &amp; "
        "d</li>\n</ul>\n<pre>x &lt; 1\n  y</pre>\n<dl class=\"tiles\">\n<div class=\"tile\"><dt>data</dt>\n<dd>1 "
        "&lt;row&gt;<small>of *x*</small>\n</dd></div>\n</dl>\n<dl class=\"terms\">\n<div><dt>p</dt>\n<dd>chance</dd>\n"
        "</div>\n</dl>\n</section>\n",
        "## T\n\n75 % of \\<b\\>\n\n- a\\_b\n- c & d\n\n```sh\nx < 1\n  y\n```\n\n- data: 1 \\<row\\> (of "
        "\\*x\\*)\n\n- **p**: chance\n\n"};
    for (int markdown = 0; markdown < 2; markdown++) {
        senc_buffer out = {0};
        const eval_writer w = {&out, markdown != 0};
        eval_write_section(&w, "i", "T");
        eval_write_paragraph(&w, "%d %% of %s", 75, "<b>");
        eval_write_list(&w, lines, 2);
        eval_write_code(&w, "sh", "x < 1\n  y");
        eval_write_facts(&w, facts, 1);
        eval_write_terms_open(&w);
        eval_write_term(&w, "p", "chance");
        eval_write_terms_close(&w);
        eval_write_section_end(&w);
        ck_assert_str_eq(senc_buffer_text(&out), wanted[markdown]);
        senc_buffer_free(&out);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("html");
    TCase *tests = tcase_create("html");
    tcase_add_test(tests, test_text);
    tcase_add_test(tests, test_checker);
    tcase_add_test(tests, test_report);
    tcase_add_test(tests, test_little);
    tcase_add_test(tests, test_markdown);
    tcase_add_test(tests, test_systems);
    tcase_add_test(tests, test_comparison);
    tcase_add_test(tests, test_view);
    tcase_add_test(tests, test_script);
    tcase_add_test(tests, test_charts);
    tcase_add_test(tests, test_zero_lines);
    tcase_add_test(tests, test_long_names);
    tcase_add_test(tests, test_writer);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? 1 : 0;
}
