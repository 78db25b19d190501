/* The last section of a report: what its words and methods mean, one line each. */
#ifndef EVAL_REPORT_TERMS_H
#define EVAL_REPORT_TERMS_H

#include "eval/evaluator.h"
#include "eval/reports/page_writer.h"

/* Groups of terms, to be joined by |. */
enum {
    EVAL_TERMS_INTERVALS = 1, /* 95 % interval, unit */
    EVAL_TERMS_TESTS = 2,     /* p, verdicts, better/same/worse, seen from */
    EVAL_TERMS_TRAINING = 4,  /* loss, step, epoch, batch, learning rate */
    EVAL_TERMS_LENGTHS = 8,   /* token, texts cut */
    EVAL_TERMS_BM25 = 16,
    EVAL_TERMS_PROMPTS = 32,
    EVAL_TERMS_LEAKAGE = 64,
    EVAL_TERMS_VECTORS = 128, /* dimension, shorter and coarser vectors */
};

/* The metrics of the results, each term once, then the groups. */
void eval_write_terms(const eval_writer *w, const eval_result *results, int64_t n, unsigned groups);

#endif
