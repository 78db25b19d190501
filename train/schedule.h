/* Learning-rate schedules, with the step counting of the Hugging Face trainer: step k (from 0) of S, W of them warm-up.
 */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include <stdint.h>

typedef enum train_schedule { TRAIN_SCHEDULE_LINEAR, TRAIN_SCHEDULE_COSINE, TRAIN_SCHEDULE_CONSTANT } train_schedule;

/* `warmup` below 1 is a share of all steps, rounded up, that leaves at least one step behind it (a run of one step
 * would have rate 0 only); otherwise a number of steps. n_steps >= 1. */
int64_t train_warmup_steps(double warmup, int64_t n_steps);

/* The factor on the learning rate at step k: k/W during warm-up; then linear (S-k)/(S-W), cosine (1+cos(pi
 * (k-W)/(S-W)))/2, or 1. */
double train_schedule_factor(train_schedule schedule, int64_t k, int64_t warmup_steps, int64_t n_steps);

#endif
