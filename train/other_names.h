/* What keys and losses are called in other tools (sentence-transformers, transformers, FlagEmbedding, tevatron):
 * whoever writes such a name is answered with the one that it has here. */
#ifndef TRAIN_OTHER_NAMES_H
#define TRAIN_OTHER_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "autograd/base/value.h"

typedef struct train_other_name {
    const char *other; /* compared without case, '-' as '_' */
    const char *here;  /* the key with its section, as "train.learning_rate" */
    const char *note;  /* how its value differs; NULL: it does not */
} train_other_name;

typedef struct train_other_loss {
    const char *other; /* a class of sentence-transformers, compared without case */
    const char *here;  /* lines of [loss], as `type = "mnrl"`; NULL: senc has no such loss */
    const char *note;  /* NULL: nothing to add */
} train_other_loss;

/* All of them, for tests and documentation. */
const train_other_name *train_other_names(int64_t *n);
const train_other_loss *train_other_losses(int64_t *n);

/* NULL: nothing is known by that name. */
const train_other_name *train_other_name_find(const char *name);
const train_other_loss *train_other_loss_find(const char *name);

/* Fails with the place of the first key of a configuration that goes by another tool's name, at the top level or in any
 * section, as "faq.toml:9:1: train.lr: unknown key; here it is train.learning_rate". */
bool train_other_names_check(const senc_value *tree, senc_error *err);

#endif
