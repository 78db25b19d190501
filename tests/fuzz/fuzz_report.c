/* Fuzz target: saved reports. Whatever the bytes are, they are refused with one line of text, or they become a report
 * whose written form is read as the same, and which can be compared with itself. */
#include "tests/fuzz/fuzz_folder.h"

#include "eval/reports/comparison_html.h"
#include "eval/reports/report_page.h"
#include "eval/reports/saved_report.h"
#include "eval/statistics/comparison_report.h"

static void check_written(const eval_saved_report *r) {
    senc_buffer once = {0}, twice = {0};
    eval_saved_report again;
    senc_error err = {0};
    eval_saved_report_print(r, &once);
    SENC_ASSERT(!once.failed, "%zu bytes", once.n_bytes);
    SENC_ASSERT(eval_saved_report_parse(once.data, once.n_bytes, "again", &again, &err), "%s\n%s", err.text, once.data);
    eval_saved_report_print(&again, &twice);
    SENC_ASSERT(once.n_bytes == twice.n_bytes && memcmp(once.data, twice.data, once.n_bytes) == 0, "%s\n%s", once.data,
                twice.data);
    eval_saved_report_free(&again);
    senc_buffer_free(&once);
    senc_buffer_free(&twice);
}

static void check_comparison(const eval_saved_report *r) {
    const eval_compared_run run = {
        .label = r->label, .results = r->results, .n_results = r->n_results, .leaks = r->leaks, .n_leaks = r->n_leaks};
    const eval_compared_model models[3] = {{"a", &run, 1}, {"b", &run, 1}, {"c", &run, 1}};
    const eval_comparison_options options = {
        .all_metrics = true, .pairs = true, .n_examples = 2, .n_resamples = 20, .seed = 1};
    eval_comparison c = {0};
    eval_standings standings = {0};
    senc_error err = {0};
    bool ok = eval_compare(models, 3, &options, &c, &err);
    fuzz_check_error(ok, &err);
    if (!ok) return;
    ok = eval_standings_open(&c, models, 3, NULL, &options, &standings, &err);
    fuzz_check_error(ok, &err);
    senc_buffer text = {0};
    const eval_comparison_costs costs = {.standings = ok ? &standings : NULL};
    eval_comparison_print(&c, &costs, false, &text);
    const eval_comparison_page page = {.standings = costs.standings};
    SENC_ASSERT(eval_comparison_html(&c, models, 3, &page, &text, &err) && !text.failed, "%s", err.text);
    senc_buffer_free(&text);
    eval_standings_free(&standings);
    eval_comparison_free(&c);
}

/* Pages for people: whatever the numbers are, they can be drawn. */
static void check_pages(const eval_saved_report *r) {
    senc_buffer out = {0};
    senc_error err = {0};
    SENC_ASSERT(eval_report_html(r, &out, &err) && eval_report_markdown(r, &out, &err) && !out.failed, "%s", err.text);
    for (const char *p = senc_buffer_text(&out); (p = strstr(p, "<script")) != NULL; p++)
        SENC_ASSERT(p[-1] == '\\', "%.40s", p); /* Markdown's way to say that it is none */
    senc_buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
    eval_saved_report r;
    senc_error err = {0};
    senc_log_set_level(SENC_LOG_QUIET);
    const bool ok = eval_saved_report_parse((const char *)data, n_bytes, "fuzz", &r, &err);
    fuzz_check_error(ok, &err);
    if (ok) check_written(&r);
    if (ok) check_pages(&r);
    if (ok) check_comparison(&r);
    eval_saved_report_free(&r);
    (void)fuzz_file;
    return 0;
}
