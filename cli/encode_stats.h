/* Speed of an encoding run, beside what the machine can do. */
#ifndef ENCODE_STATS_H
#define ENCODE_STATS_H

#include "autograd/kernels/kernels.h"
#include "eval/embed.h"

/* Prints texts, tokens and useful operations a second, and their share of the limit, which is measured here (some 0.05
 * s). int8, storage: how it was encoded. */
bool cli_encode_stats_print(const eval_encoder_stats *stats, bool int8, kern_storage storage, senc_error *err);

#endif
