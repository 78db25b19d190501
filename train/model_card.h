/* README.md of a saved model: what it is, how long texts it reads and was trained with, which prompts stand in front of
 * what, and how to load it. Without dates and paths, so that the same run writes the same bytes. */
#ifndef TRAIN_MODEL_CARD_H
#define TRAIN_MODEL_CARD_H

#include "train/run_state.h"

/* The "license:" of the base's own card goes along. */
bool train_model_card_write(const train_state *s, const char *folder, senc_error *err);

#endif
