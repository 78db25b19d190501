/* Learning-rate schedules: see schedule.h. */
#include "train/schedule.h"

#include <math.h>

int64_t train_warmup_steps(double warmup, int64_t n_steps) {
    if (warmup >= 1.0) return (int64_t)llround(warmup);
    const int64_t wanted = (int64_t)ceil(warmup * (double)n_steps);
    return wanted < n_steps ? wanted : n_steps - 1;
}

double train_schedule_factor(train_schedule schedule, int64_t k, int64_t warmup_steps, int64_t n_steps) {
    const double pi = 3.14159265358979323846;
    if (k < warmup_steps) return (double)k / (double)warmup_steps;
    if (schedule == TRAIN_SCHEDULE_CONSTANT) return 1.0;
    const int64_t span = n_steps - warmup_steps > 1 ? n_steps - warmup_steps : 1;
    const double left = (double)(n_steps - k) / (double)span;
    if (schedule == TRAIN_SCHEDULE_LINEAR) return left > 0 ? left : 0.0;
    return 0.5 * (1.0 + cos(pi * (1.0 - left)));
}
