/* What the HTML and the Markdown report share: the same tables. Each fills a grid that the caller frees. */
#ifndef EVAL_REPORT_PAGE_PARTS_H
#define EVAL_REPORT_PAGE_PARTS_H

#include "autograd/base/terminal.h"
#include "eval/reports/page_writer.h"
#include "eval/reports/report_view.h"
#include "eval/reports/saved_report.h"

/* The headline metric of every result. */
void eval_page_fill_headlines(const eval_saved_report *r, senc_grid *grid);
/* "the first answer is right: 80.8 %; ...": of every result the headline metric and what is often quoted beside it.
 * before (n, in the same order; NULL: none) and arrow: "80.8 % -> 85.2 %". Nothing where no metric has words. */
void eval_page_plain_words(const eval_result *before, const eval_result *results, int64_t n, const char *arrow,
                           const char *separator, senc_buffer *out);
/* The same as a list; a list of lines of plain words, which is freed. */
void eval_page_write_lines(const eval_writer *w, senc_buffer *text);
void eval_page_write_plain_words(const eval_writer *w, const eval_result *before, const eval_result *results,
                                 int64_t n);
/* All metrics of a result with their intervals. */
void eval_page_fill_metrics(const eval_saved_report *r, const eval_result *result, senc_grid *grid);
void eval_page_fill_slices(const eval_report_view *view, const char *kind, senc_grid *grid);
/* Variants whose metric is this one, behind the system itself. */
void eval_page_fill_variants(const eval_saved_report *r, const eval_metric *metric, senc_grid *grid);
bool eval_page_has_variants(const eval_saved_report *r, const char *key);
bool eval_page_has_slices(const eval_report_view *view, const char *kind);

/* Facts of the system: label and value, as "parameters" and "22.7 million"; returns how many (at most MOST). */
enum { EVAL_PAGE_MOST_FACTS = 8 };
int eval_page_facts(const eval_saved_report *r, eval_page_fact facts[EVAL_PAGE_MOST_FACTS]);
/* The groups of terms (report_terms.h) that the report uses. */
unsigned eval_page_terms(const eval_saved_report *r);
/* Where the numbers come from: version, date, options, hashes. */
void eval_page_fill_sources(const eval_saved_report *r, senc_grid *grid);

/* What heads the slices of a kind: "By length". */
const char *eval_page_slice_title(const char *kind);
extern const char *const eval_page_slice_kinds[]; /* ended by NULL */

/* "0.3184"; "-" for what is not a number. */
const char *eval_page_number(double v, char *out, size_t out_bytes);
/* "0.2890 to 0.3460"; "" without an interval. */
const char *eval_page_interval(double low, double high, char *out, size_t out_bytes);
/* "0.042", "< 0.001" (with a space that does not break); "-" where there is no test. */
const char *eval_page_p(double p, char *out, size_t out_bytes);
/* "1.54 GB", "36 min". */
const char *eval_page_size(double bytes, char *out, size_t out_bytes);
const char *eval_page_duration(double seconds, char *out, size_t out_bytes);
/* The plural of the unit's name: "queries". */
const char *eval_page_units(const char *unit_name);
/* The metric's key without the name of its data. */
const char *eval_page_short_key(const eval_result *result, const char *key);

#endif
