/* Losses. A loss sees embeddings, never a model: one node (C*B, D), column after column (all anchors, then all
 * positives, then the negatives), and the rows' targets. It returns a scalar node, the mean over rows unless its
 * formula says otherwise. One loss = one file and one line in losses.def; its option table is the parser, check and
 * documentation of its keys. */
#ifndef LOSS_H
#define LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/options.h"
#include "autograd/tape.h"

#define LOSS_MAX_TEXTS 4

typedef enum loss_target { LOSS_TARGET_NONE, LOSS_TARGET_SCORE, LOSS_TARGET_LABEL } loss_target;

/* What a data row must hold. */
typedef struct loss_roles {
    const char *texts[LOSS_MAX_TEXTS]; /* required text columns, in order: {"anchor", "positive"} */
    int n_texts;
    const char *optional_text; /* may follow, alone ("negative") or numbered ("negative_1".."negative_n"), or NULL */
    bool optional_is_required; /* triplet: at least one "negative" */
    loss_target target;
} loss_roles;

/* Candidate embedding row `candidate` (in [B, C*B)) must not count as a negative of row `row`: it is the same text as
 * the row's positive (or anchor), or a known positive of it elsewhere in the data; or no text at all, a negative that
 * its row does not have (masked for every row). Sorted by row, then candidate; never the row's own positive. */
typedef struct loss_masked {
    int64_t row, candidate;
} loss_masked;

typedef struct loss_batch {
    int64_t n_rows;        /* B */
    int64_t n_columns;     /* C */
    const double *scores;  /* (B) in 0..1, or NULL */
    const int64_t *labels; /* (B), or NULL */
    const loss_masked *masked;
    int64_t n_masked;
} loss_batch;

typedef struct loss_spec {
    const char *name;
    const char *aliases; /* "infonce" or "a|b" or NULL */
    const char *help;    /* one line */
    const senc_option *options;
    size_t options_bytes;
    /* Names the columns for these options; what a data set cannot feed is refused before the model loads. */
    void (*roles)(const void *options, loss_roles *roles);
    /* Conditions between options; NULL: none. */
    bool (*check)(const void *options, const char *scope, senc_error *err);
    /* embeddings (C*B, D) -> (1,1). batch and everything it points to must outlive the step. */
    ag_node *(*build)(ag_tape *t, ag_node *embeddings, const loss_batch *batch, const void *options);
    /* The temperature this loss divides similarities by, to be printed; 0: it has none. */
    double (*temperature)(const void *options);
    /* Rows that a batch of n_columns texts a row must have for anything to be learnt from it; NULL: one. */
    int64_t (*least_rows)(const void *options, int64_t n_columns);
    bool in_batch_negatives;    /* the other rows' texts are negatives, so batch->masked matters */
    const ag_example *examples; /* for the gradient check, ended by {0} */
} loss_spec;

/* By name or alias; NULL: unknown. */
const loss_spec *loss_find(const char *name);
/* All losses, in losses.def's order. */
const loss_spec *const *loss_all(int *n);

#endif
