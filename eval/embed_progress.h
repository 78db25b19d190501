/* A line that shows how far an encoding has come: texts, rate, and with a known total what is left. */
#ifndef EVAL_EMBED_PROGRESS_H
#define EVAL_EMBED_PROGRESS_H

#include "eval/embed.h"

/* Must outlive the encoder's use of it. */
typedef struct eval_progress {
    const char *what; /* "nfcorpus", "the corpus"; NULL: nothing in front */
    int64_t n_all;    /* texts in all; -1: unknown */
    double shown_ms;  /* when the line was last drawn */
    /* What the encoder had done before this work began. */
    int64_t n_before;
    double ms_before;
} eval_progress;

/* Watches the encoder from here on; eval_encoder_watch(encoder, NULL, NULL) ends it. */
void eval_progress_watch(eval_progress *progress, eval_encoder *encoder);
/* The same as an eval_encoder_progress, whose context is an eval_progress. */
void eval_progress_show(void *context, const eval_encoder_stats *stats);

#endif
