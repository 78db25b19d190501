/* The report of a run, shared by the files run_report*.c, run_page.c and run_facts.c only: what was measured is opened
 * once, then written as report.html, report.md, report.json and on the terminal. */
#ifndef TRAIN_RUN_REPORT_PARTS_H
#define TRAIN_RUN_REPORT_PARTS_H

#include "data/formats/json.h"
#include "eval/reports/page_writer.h"
#include "eval/statistics/comparison.h"
#include "train/run_log.h"
#include "train/run_state.h"

typedef struct train_report_view {
    const train_state *state;
    train_results before, after; /* with details; n 0: nothing was evaluated */
    eval_compared_run runs[2];
    eval_compared_model models[2];
    eval_comparison comparison; /* no candidates: there is nothing to pair */
    train_log log;
    char title[320];     /* "The fine-tuned model is better" */
    const char *subject; /* "The fine-tuned model" */
    const char *base;    /* "the untouched model": what it is compared with */
    const char *note;    /* what weakens the verdict; NULL: nothing */
} train_report_view;

/* ---- run_facts.c: what is said of a run, in lines ---- */

enum { TRAIN_MOST_FACTS = 16 };
/* What was trained: the same after a resume. */
int64_t train_facts_of_training(const train_state *s, eval_page_fact facts[TRAIN_MOST_FACTS]);
/* What this run took: time, memory, machine, date. */
int64_t train_facts_of_run(const train_state *s, eval_page_fact facts[TRAIN_MOST_FACTS]);
void train_facts_put_json(const train_state *s, data_json *object);
/* "all-MiniLM-L6-v2, fine-tuned on 4,096 rows of medquad.jsonl" */
void train_facts_subtitle(const train_state *s, senc_buffer *out);
/* A line for every kind of text: "find: " before queries and anchors. */
void train_facts_write_prompts(const train_state *s, const eval_writer *w);
/* How to use the best model (or the final one) from senc and from Python. */
void train_facts_write_loading(const train_state *s, const eval_writer *w);
/* Of the whole process, whatever it was doing. */
int64_t train_facts_peak_bytes(const train_state *s);

/* ---- run_page.c: report.html and report.md ---- */
bool train_page_write(const train_report_view *v, bool markdown, const char *path, senc_error *err);

/* ---- run_report_json.c ---- */
bool train_report_write_json(const train_report_view *v, const char *path, senc_error *err);

#endif
