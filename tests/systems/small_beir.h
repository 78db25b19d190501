/* A folder with a small BEIR data set, and the lists of a system on it as text. */
#ifndef SMALL_BEIR_H
#define SMALL_BEIR_H

#include "eval/system.h"

extern char small_folder[64];
extern bool small_merges; /* small_rank makes documents of one text one */
extern const eval_system_options small_options;

/* For a checked fixture. Documents d1..d4, queries q1..q3 (q3 has no relevant document):
 *   d1 "the cat sat"  d2 "the dog sat on the cat"  d3 "birds fly"  d4 "a cat a dog a bird"
 *   q1 "cat" (d2: 2, d4: 1)  q2 "dog bird" (d4: 1)  q3 "the" */
void small_setup(void);
void small_teardown(void);
/* Writes small_folder/name. */
void small_write(const char *name, const char *text);
/* "%s" stands for the folder; the text lives until the eighth next call. */
const char *small_text(const char *fmt);

/* "q1: d2 0.5000, d4 0.2500\nq2: ...", in `text`; or the error. */
const char *small_rank(const char *spec, int64_t depth, char *text, size_t n);
/* The error of opening a specification; "" when it opens. */
const char *small_open_error(const char *spec, char *text, size_t n);

#endif
