/* How a comparison is printed for people: 80 columns, or Markdown. */
#ifndef EVAL_COMPARISON_PRINTER_H
#define EVAL_COMPARISON_PRINTER_H

#include "autograd/base/terminal.h"
#include "eval/statistics/comparison_report.h"

#define EVAL_PRINT_COLUMNS 80

typedef struct eval_printer {
    const eval_comparison *comparison;
    const char *base_words; /* how verdicts call the base */
    bool markdown;
    senc_buffer *out;
} eval_printer;

/* A paragraph, behind the indent; in Markdown an item of a list where the indent is not "". */
void eval_print_line(const eval_printer *p, const char *indent, const char *text);
void eval_print(const eval_printer *p, const char *indent, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* level: 2 to 4 */
void eval_print_heading(const eval_printer *p, int level, const char *text);
/* Frees the grid. */
void eval_print_grid(const eval_printer *p, senc_grid *grid);

/* "0.004", "<0.001", "-"; "p = 0.004", "p < 0.001" in a sentence; "5 queries", "1 query". They return out. */
const char *eval_print_p(double p, char *out, size_t out_bytes);
const char *eval_print_p_words(double p, char *out, size_t out_bytes);
const char *eval_print_units(int64_t n, const char *unit, char *out, size_t out_bytes);

/* comparison_data.c: data set i of a candidate: its tables, what could have been seen, the units that changed most. */
void eval_print_data(const eval_printer *p, const eval_candidate *candidate, int64_t i);
/* comparison_costs.c: the table of what systems cost, what APIs take, prompts, and whether the old index can stay. */
void eval_print_costs(const eval_printer *p, const eval_switching_cost *costs, int64_t n, int64_t n_documents);
/* comparison_standings.c: the tables of all systems. costs: NULL: not known. */
void eval_print_standings(const eval_printer *p, const eval_standings *s, const eval_switching_cost *costs);

#endif
