/* The hardest positive and negative of every text in a batch of classes. */
#ifndef LOSS_HARDEST_H
#define LOSS_HARDEST_H

#include "losses/pair_measure.h"

/* x (N,D), labels (N). Writes to pairs (room for 2N) first the (anchor, farthest of its class) of each anchor that has
 * both a positive and a negative, then their (anchor, nearest of another class), and returns the number of anchors A <=
 * N. Ties go to the earlier row. No gradient flows through the choice. 0 when the tape failed. */
int64_t loss_hardest_pairs(ag_tape *t, const ag_node *x, const int64_t *labels, loss_measure_rule rule,
                           loss_pair *pairs);

#endif
