/* What the words of a report mean: see report_terms.h. */
#include "eval/reports/report_terms.h"

#include <string.h>

#include "eval/metric_words.h"

enum { MOST_METRICS = 32 };

static const struct {
    unsigned group;
    const char *term, *meaning;
} terms[] = {
    {EVAL_TERMS_INTERVALS, "95 % interval",
     "Another sample of as many questions (pairs, ...) would give a value in this range 95 times of 100. By "
     "bootstrap: the value is computed anew on 10,000 random draws of the units."},
    {EVAL_TERMS_INTERVALS, "unit", "What is counted once: a question, a pair, a triplet or a text of the evaluation."},
    {EVAL_TERMS_TESTS, "better, worse",
     "The headline metric changed by more than chance does: p is below 0.05 after the correction."},
    {EVAL_TERMS_TESTS, "not distinguishable",
     "The change is within what chance does. It may still be real, but these units do not show it."},
    {EVAL_TERMS_TESTS, "p",
     "How often chance alone would give a change as large, if there were none. By random exchanges of both models' "
     "values on the same units; corrected for the number of tests (Holm)."},
    {EVAL_TERMS_TESTS, "seen from",
     "The smallest change that so many units show 4 times of 5 (80 % power). Smaller ones mostly go unseen."},
    {EVAL_TERMS_TRAINING, "loss",
     "What training makes smaller. Its course matters, not its value, which depends on the loss and the batch."},
    {EVAL_TERMS_TRAINING, "step, epoch", "A step is one change of the weights, an epoch one pass over all rows."},
    {EVAL_TERMS_TRAINING, "batch",
     "The rows of one step. With in-batch negatives the other rows' answers are the wrong answers of a question."},
    {EVAL_TERMS_TRAINING, "learning rate", "How far a step moves the weights: it rises at first, then falls."},
    {EVAL_TERMS_LENGTHS, "token", "A word or a piece of one: what the model reads, and what lengths are counted in."},
    {EVAL_TERMS_LENGTHS, "texts cut", "Texts longer than the limit. What stands behind it is not read."},
    {EVAL_TERMS_BM25, "BM25", "Search by words alone, without a model: what is to be had for nothing."},
    {EVAL_TERMS_PROMPTS, "prompt",
     "A fixed text before every text of a kind (\"query: \"). Trained with one, a model must be used with it."},
    {EVAL_TERMS_LEAKAGE, "leakage",
     "Questions of the evaluation that were trained on. Their result says nothing about new questions."},
    {EVAL_TERMS_VECTORS, "dimension", "How many numbers a vector has. An index grows with it."},
    {EVAL_TERMS_VECTORS, "shorter and coarser vectors",
     "The first numbers of every vector only, or each in fewer bits: a smaller index, for some loss of quality."},
};

/* Writes the metrics' terms that were not written before; `written` holds them. */
static void write_metrics(const eval_writer *w, const eval_result *r, const char *written[MOST_METRICS], int *n) {
    for (int64_t i = 0; i < r->n_metrics; i++) {
        eval_metric_words words;
        int k = 0;
        if (!eval_metric_find_words(r->type, r->name, r->metrics[i].key, &words)) continue;
        while (k < *n && strcmp(written[k], words.term) != 0) k++;
        if (k < *n || *n == MOST_METRICS) continue;
        written[(*n)++] = words.term;
        eval_write_term(w, words.term, words.meaning);
    }
}

void eval_write_terms(const eval_writer *w, const eval_result *results, int64_t n, unsigned groups) {
    const char *written[MOST_METRICS];
    int n_written = 0;
    eval_write_terms_open(w);
    for (int64_t i = 0; i < n; i++) write_metrics(w, &results[i], written, &n_written);
    for (size_t t = 0; t < sizeof terms / sizeof *terms; t++)
        if (terms[t].group & groups) eval_write_term(w, terms[t].term, terms[t].meaning);
    eval_write_terms_close(w);
}
