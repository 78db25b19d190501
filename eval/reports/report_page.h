/* Reports for people, of one system: HTML (one file that needs nothing else) and Markdown; and the folder with all
 * three forms. */
#ifndef EVAL_REPORT_PAGE_H
#define EVAL_REPORT_PAGE_H

#include "eval/reports/saved_report.h"

/* Fills the report's intervals: 95 % bootstrap intervals of all metrics whose values per unit are known. Always the
 * same for the same results. */
bool eval_report_add_intervals(eval_saved_report *r, senc_error *err);

bool eval_report_html(const eval_saved_report *r, senc_buffer *out, senc_error *err);
bool eval_report_markdown(const eval_saved_report *r, senc_buffer *out, senc_error *err);

/* Creates the folder if need be and writes report.json, report.md and report.html into it. */
bool eval_report_write_folder(const eval_saved_report *r, const char *folder, senc_error *err);
/* Writes the HTML to a file. */
bool eval_report_write_html(const eval_saved_report *r, const char *path, senc_error *err);

#endif
